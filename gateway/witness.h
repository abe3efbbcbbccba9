#ifndef GATEWAY_WITNESS_H
#define GATEWAY_WITNESS_H

/*
 * The calls that the gateway let through in a run and that our servers have not yet made: a
 * call that no model made has no witness, and one is good for one call. Pure.
 *
 * A witness is kept for GW_WITNESS_LIFE_S, used or not, so that it can be told what is wrong
 * with a call. When there are too many, used and expired ones go; when all are open the next
 * call cannot be let through.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "policy/chain.h"

enum {
	GW_WITNESS_MAX = 4096, /* of one run */
	GW_WITNESS_LIFE_S = 4 *
			    3600, /* a call may wait behind others, and for a person */
};

struct gw_call {
	struct str id, server, tool;
	const char *args_sha256; /* call_hash() */
	const char
		*mended; /* call_hash_mended(), or NULL: as good; of one that is added */
};

struct gw_witness {
	uint64_t hash; /* of the id */
	char *id, *server, *tool;
	char args_sha256[REC_SHA_HEX + 1], mended[REC_SHA_HEX + 1];
	int64_t until_us;
	bool used;
};

/* Zeroed: none. */
struct gw_witnesses {
	struct gw_witness *w; /* the oldest first */
	size_t n, cap;
};

void gw_witnesses_fini(struct gw_witnesses *all);
/* -1: too many are open. now_us: of a clock that only goes forward. */
int gw_witness_add(
	struct gw_witnesses *all, const struct gw_call *c, int64_t now_us, struct err *e);
/* -1: there is none for this call; e says what is wrong with it. */
int gw_witness_take(
	struct gw_witnesses *all, const struct gw_call *c, int64_t now_us, struct err *e);

#endif
