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

enum { SSE_PIECE_MAX = 65536 }; /* of one feed, bytes */

struct sse_event {
	struct str raw;  /* with the empty line that ends it */
	struct str name; /* of the last "event" field; empty: none */
	struct str data; /* "data" fields joined by LF */
	bool has_data;
	bool in_raw; /* data is a range of raw */
};

struct sse {
	struct buf in, joined;
	size_t max;
	size_t start, line, pos; /* of the event, of its last line, not looked at yet */
	bool finished;
};

void sse_init(struct sse *s, size_t event_max);
void sse_fini(struct sse *s);

/* At most SSE_PIECE_MAX bytes, after sse_next has answered 0. */
void sse_feed(struct sse *s, struct str bytes);
/* No more bytes will come. */
void sse_finish(struct sse *s);
/* 1: ev holds until the next feed or next. 0: not yet. -1: ERR_DATA. */
int sse_next(struct sse *s, struct sse_event *ev, struct err *e);

/* Writes an event whose data may have line ends. name may be empty. */
void sse_put(struct buf *out, struct str name, struct str data);

#endif
