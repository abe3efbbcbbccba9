#ifndef TESTS_BENCH_WIRE_BODY_H
#define TESTS_BENCH_WIRE_BODY_H

/*
 * The body of a request as an agent sends it, of an exact size: instructions, twenty tools, a
 * history of calls and results with prose and code. The same for the same arguments, but for
 * the id of the request, which has a place in each call, so that no two requests are equal.
 */

#include <stddef.h>

#include "base/buf.h"
#include "tests/bench/wire/wire.h"

enum { BODY_MIN = 8 << 10, BODY_MAX = 64 << 20, BODY_SLOTS = 8192 };

struct body {
	struct buf text;
	size_t slot
		[BODY_SLOTS]; /* where an id of WIRE_ID characters belongs, ascending */
	size_t nslot;
	uint64_t random;
};

/* NULL for a size that is not between BODY_MIN and BODY_MAX. */
struct body *body_new(enum wire_api api, size_t size, uint64_t seed, const struct ask *a);
void body_free(struct body *b);

/* The body's hash (base/hash.h) with this id in its places. */
uint64_t body_hash(const struct body *b, const char *id);
/* Piece i of the body, alternately text and an id; empty after the last. */
struct str body_piece(const struct body *b, size_t i, const char *id);

#endif
