#ifndef TESTS_BENCH_WIRE_WIRE_H
#define TESTS_BENCH_WIRE_WIRE_H

/*
 * What the load generator and the mock provider share.
 *
 * Gateways drop and rewrite headers, so what a request asks of the mock travels in its body, as
 * a mark (in the metadata):
 *
 *	bench1.<id, 16 hex>.<j|s>.<texts, 7>.<calls, 7>.<interval us, 7>.<bytes, 8>.<stamp t|-><echo h|->
 *
 * Both read CLOCK_MONOTONIC, so a time written by one into a delta is a delay for the other:
 * "@T=<ns, 19 digits>;" in a text, "@Z=...;" in the last arguments of a call, which are sent
 * together with the event that ends the call.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/str.h"

enum wire_api { API_MESSAGES, API_RESPONSES };

enum {
	WIRE_ID = 16, /* hex digits of an id */
	ASK_TEXT = 7 + WIRE_ID + 1 + 1 + 1 + 7 + 1 + 7 + 1 + 7 + 1 + 8 + 1 + 2,
	STAMP_TEXT = 3 + 19 + 1
};

struct ask {
	uint64_t id;
	char mode;      /* 'j': a JSON answer, 's': a stream of events */
	unsigned texts; /* deltas of the text of the stream, and of the call after it */
	unsigned calls;
	unsigned interval_us; /* between deltas; 0: as fast as they go */
	unsigned bytes;       /* of text: of the answer, or of each delta */
	bool stamp;           /* the deltas carry the time */
	bool echo; /* the answer's id tells length and hash of the request's body */
};

/* out has room for ASK_TEXT and a NUL. */
void ask_print(char *out, const struct ask *a);
/* Finds the first mark in the text; false without a well-formed one. */
bool ask_find(struct str text, struct ask *a);

void wire_hex(char out[WIRE_ID + 1], uint64_t v);
/* The id of an answer whose request asked for an echo; out has room for 3 * WIRE_ID. */
void wire_echo(char *out, uint64_t id, uint64_t hash, uint64_t length);

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
wire_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t
wire_now(void)
{
	struct timespec t;

	(void)clock_gettime(
		CLOCK_MONOTONIC, &t); /* fails only for a clock that is not there */
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

#endif
