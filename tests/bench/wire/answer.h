#ifndef TESTS_BENCH_WIRE_ANSWER_H
#define TESTS_BENCH_WIRE_ANSWER_H

/*
 * Reads one HTTP/1.1 answer (RFC 9112) with a content-length or in chunks, in whatever pieces it
 * comes, and the times in its text (wire.h).
 */

#include "tests/bench/wire/wire.h"

enum answer_state {
	ANSWER_HEAD,
	ANSWER_LENGTH,
	ANSWER_SIZE, /* of a chunk */
	ANSWER_CHUNK,
	ANSWER_CHUNK_END,
	ANSWER_TRAILER,
	ANSWER_DONE,
	ANSWER_BAD
};

enum { ANSWER_LINE = 256 }; /* more of a line of the head does not matter */

struct answer {
	enum answer_state state;
	int status;
	bool chunked, closes, has_length;
	uint64_t left, length; /* length: of the body so far */
	char line[ANSWER_LINE];
	size_t nline;
};

/* Takes from *in; true with a piece of the body, false when *in is used up or the answer ended. */
bool answer_next(struct answer *a, struct str *in, struct str *piece);

struct stamp {
	size_t at; /* characters that matched */
	char kind;
	uint64_t time;
};

/* Takes from *in; the kind of a time that ended here, or 0 when *in is used up. */
char stamp_next(struct stamp *s, struct str *in, uint64_t *time);

#endif
