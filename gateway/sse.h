#ifndef GATEWAY_SSE_H
#define GATEWAY_SSE_H

/*
 * Event stream framing (WHATWG HTML, "Server-sent events"), incremental.
 *
 *   sse_feed(bytes) -> sse_next() -> 1: one whole event, 0: feed more
 *
 * A line ends with LF, CR or CRLF; an empty line ends an event. A CR at the very end of what
 * came so far waits for the next byte (or sse_finish), so that any split of the bytes gives
 * the same events. The raw bytes of all events, one after another, are the stream; what
 * follows the last empty line is not an event and is never handed out.
 *
 * Not taken: a field that the standard does not name, thus no byte order mark before a field
 * either (readers differ); an event above the ceiling.
 */

#include "base/buf.h"
#include "base/err.h"

struct sse_event {
	struct str raw;  /* with the empty line that ends it */
	struct str name; /* of the last "event" field; empty: none */
	struct str data; /* "data" fields joined by LF */
	bool has_data;
	bool in_raw; /* data is a range of raw */
};

struct sse {
	struct str in;   /* of the last feed, not handed out yet; borrowed */
	struct buf part; /* the event that began in an earlier feed */
	struct buf joined;
	size_t max;
	size_t line;        /* of part: where its last line begins */
	struct str unknown; /* a field of the event that is read, or empty */
	bool after_cr;      /* part ends with a CR, perhaps half of a CRLF */
	bool is_empty;      /* the line before that CR */
	bool is_whole;      /* part was handed out */
	bool finished;
};

/* memory: where its bytes are counted; or NULL. */
void sse_init(struct sse *s, size_t event_max, struct quota *memory);
void sse_fini(struct sse *s);

/* After sse_next has answered 0; borrowed until it does so again. */
void sse_feed(struct sse *s, struct str bytes);
/* No more bytes will come. */
void sse_finish(struct sse *s);
/* 1: ev holds until the next feed or next. 0: not yet. -1: ERR_DATA. */
int sse_next(struct sse *s, struct sse_event *ev, struct err *e);

/* Writes an event whose data may have line ends. name may be empty. */
void sse_put(struct buf *out, struct str name, struct str data);

#endif
