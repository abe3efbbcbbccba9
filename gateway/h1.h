#ifndef GATEWAY_H1_H
#define GATEWAY_H1_H

/*
 * HTTP/1.1 messages (RFC 9112), read strictly: the head of a request or of an answer, how its
 * body is framed, and a chunked body. Pure: bytes in, ranges of them out; nothing is copied
 * and nothing allocated. Both sides of the gateway use it.
 *
 * Two readers that disagree about where a message ends are an attack, so nothing is repaired:
 * a lone CR or LF, NUL, folded lines, white space before a colon or before the first field,
 * Content-Length that is not one plain number, a transfer coding that is not "chunked" alone,
 * and both of them together are refused, in requests and in answers (RFC 9112, 2.2, 5.1, 5.2,
 * 6.1, 6.3, 7.1).
 *
 * The same bytes in any pieces give the same answer, and bytes behind it do not change it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
	H1_LINE_MAX = 16 << 10,  /* request or status line, bytes without CRLF */
	H1_FIELD_MAX = 32 << 10, /* one field line; claude's attestations are long */
	H1_FIELDS_MAX = 256,     /* fields of one head */
	H1_HEAD_MAX = 64 << 10,  /* a whole head, with all line ends */
	H1_METHOD_MAX = 16,
	H1_CHUNK_LINE_MAX = 256,    /* size and extensions, bytes without CRLF */
	H1_TRAILERS_MAX = 16 << 10, /* all trailer lines, with their line ends */
	H1_SIZE_DIGITS = 15         /* of a Content-Length or of a chunk's size */
};

enum h1_got {
	H1_MORE, /* all is well so far */
	H1_DONE, /* the whole thing is there */
	H1_DATA, /* chunks only: a piece of the body */
	H1_BAD,  /* refused: why says what is wrong; nothing more may be read */
	H1_GOTS
};

enum h1_framing {
	H1_NO_BODY,
	H1_LENGTH, /* `length` bytes; 0 is possible */
	H1_CHUNKED,
	H1_UNTIL_CLOSE, /* answers only */
	H1_FRAMINGS
};

/*
 * One head. After H1_DONE all that is not `private` is set, and its ranges point into the
 * bytes of the last h1_head.
 *
 * lines: the fields as they came, "Name: value" CR LF each, without the empty line. They are
 * sound (gw_head_is_sound), and gateway/head.h reads them as they are.
 */
struct h1 {
	struct str method, target; /* of a request: origin-form (RFC 9112, 3.2.1) */
	struct str host;           /* of a request: its only Host, which may be empty */
	struct str lines;
	uint64_t length;
	enum h1_framing framing;
	int status;      /* of an answer; 1xx ones are heads of their own */
	uint32_t size;   /* bytes of the head; the body begins there */
	bool keep_alive; /* the connection can serve another message after this one */
	bool expects;    /* a request: "Expect: 100-continue" (RFC 9110, 10.1.1) */

	/* After H1_BAD: for the log and the client, and the status of an answer to it. */
	const char *why;
	int refusal;

	struct {
		uint32_t line; /* where the line begins that is not whole yet */
		uint32_t seen; /* no LF between line and here */
		uint32_t first, begin, end; /* start line; fields */
		uint32_t host, nhost;       /* offset and length of its value */
		uint16_t method, target;    /* lengths */
		uint16_t fields;
		uint8_t hosts;
		bool answer, bodiless, old;
		bool has_start, has_empty, has_length, is_chunked;
		bool says_close;
	} private;
};

void h1_request_init(struct h1 *h);
/* to_head: it answers a HEAD request, so no body follows whatever the fields say. */
void h1_answer_init(struct h1 *h, bool to_head);

/*
 * all: every byte of the message so far, from its first one on; the place may change between
 * calls, and bytes may follow. Looks at each byte once. Before a request, one empty line is
 * skipped (RFC 9112, 2.2). Requests of HTTP/1.0 get 505; answers of it are taken.
 */
enum h1_got h1_head(struct h1 *h, struct str all);

/*
 * A chunked body (RFC 9112, 7.1). Zeroed is ready. Call it until it does not answer H1_DATA:
 * H1_MORE has used up *in, H1_DONE leaves what belongs to the next message in it. Trailers
 * are checked and dropped, extensions ignored.
 */
struct h1_chunks {
	uint64_t left; /* of this chunk */
	uint32_t line, trailers;
	uint8_t state, digits;
	const char *why; /* after H1_BAD */
};
enum h1_got h1_chunk(struct h1_chunks *c, struct str *in, struct str *data);

/* A token (RFC 9110, 5.6.2), and a value without control bytes (5.5; obs-text is taken). */
bool h1_is_token(struct str s);
bool h1_is_value(struct str s);

#endif
