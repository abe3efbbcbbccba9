#ifndef TESTS_BENCH_WIRE_EVENTS_H
#define TESTS_BENCH_WIRE_EVENTS_H

/*
 * What the mock answers, in the shapes of both APIs (Anthropic Messages: "Streaming Messages";
 * OpenAI Responses: "Streaming events"): a text, then one call of `bash`. The text depends on
 * the request's id alone, so that two answers to the same id are the same bytes.
 */

#include "base/buf.h"
#include "tests/bench/wire/wire.h"

enum {
	EVENT_BYTES_MAX = 4096, /* of text in one delta */
	EVENTS_TEXT_MAX =
		16 << 20, /* of all deltas; Responses repeats them in its last events */
	ANSWER_BYTES_MAX = 8 << 20,
	EVENTS_MAX = 1000000, /* deltas of a text, or of a call */
	NAME_MAX_BYTES = 3 * WIRE_ID
};

struct events {
	struct ask ask;
	enum wire_api api;
	char name[NAME_MAX_BYTES]; /* of the answer: its id or, if asked for, an echo */
	char id[WIRE_ID + 1];
	unsigned at, sequence;
	struct buf text, arguments; /* so far; Responses only */
	uint64_t written;           /* events */
};

/* False for an ask beyond the limits. Give it to events_fini whatever it says. */
bool events_init(
	struct events *s, enum wire_api api, const struct ask *a, const char *name);
void events_fini(struct events *s);

/* Appends the events that are sent together next; false, and nothing, after the last. */
bool events_next(struct events *s, struct buf *out);

/* Appends the JSON answer. */
void events_whole(const struct events *s, struct buf *out);

#endif
