#include "gateway/witness.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST = 16, US_PER_S = 1000000 };

static void
witness_fini(struct gw_witness *w)
{
	free(w->id);
	free(w->server);
	free(w->tool);
}

void
gw_witnesses_fini(struct gw_witnesses *all)
{
	for (size_t i = 0; i < all->n; i++)
		witness_fini(&all->w[i]);
	free(all->w);
	*all = (struct gw_witnesses){ .w = NULL };
}

static bool
is_open(const struct gw_witness *w, int64_t now_us)
{
	return !w->used && now_us < w->until_us;
}

static void
drop_closed(struct gw_witnesses *all, int64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (is_open(&all->w[i], now_us))
			all->w[kept++] = all->w[i];
		else
			witness_fini(&all->w[i]);
	}
	all->n = kept;
}

static bool
is_of(const struct gw_witness *w, uint64_t hash, struct str id)
{
	return w->hash == hash && str_is(id, w->id);
}

static bool
is_the_same(const struct gw_witness *w, const struct gw_call *c)
{
	return str_is(c->server, w->server) && str_is(c->tool, w->tool) &&
	       (strcmp(c->args_sha256, w->args_sha256) == 0 ||
		       strcmp(c->args_sha256, w->mended) == 0);
}

static void
make_room(struct gw_witnesses *all)
{
	if (all->n < all->cap)
		return;
	all->cap = all->cap == 0 ? FIRST : 2 * all->cap;
	all->w = mem_grow(all->w, all->cap * sizeof *all->w);
}

int
gw_witness_add(
	struct gw_witnesses *all, const struct gw_call *c, int64_t now_us, struct err *e)
{
	const uint64_t hash = hash_more(HASH_FIRST, c->id);
	struct gw_witness *w;

	if (c->id.n == 0)
		return 0; /* no server can ask for it */
	if (all->n == GW_WITNESS_MAX)
		drop_closed(all, now_us);
	if (all->n == GW_WITNESS_MAX)
		return err_set(e, ERR_REFUSED,
			"pando-ai: %d calls of this session were let through and not made: "
			"start it again",
			GW_WITNESS_MAX);
	/* the same one told of twice is one call */
	for (size_t i = 0; i < all->n; i++)
		if (is_of(&all->w[i], hash, c->id) && is_open(&all->w[i], now_us) &&
			is_the_same(&all->w[i], c))
			return 0;
	make_room(all);
	w = &all->w[all->n++];
	*w = (struct gw_witness){ .hash = hash,
		.id = mem_strdup_str(c->id),
		.server = mem_strdup_str(c->server),
		.tool = mem_strdup_str(c->tool),
		.until_us = now_us + (int64_t)GW_WITNESS_LIFE_S * US_PER_S };
	memcpy(w->args_sha256, c->args_sha256, sizeof w->args_sha256);
	if (c->mended != NULL)
		memcpy(w->mended, c->mended, sizeof w->mended);
	return 0;
}

int
gw_witness_take(
	struct gw_witnesses *all, const struct gw_call *c, int64_t now_us, struct err *e)
{
	const uint64_t hash = hash_more(HASH_FIRST, c->id);
	const char *why =
		"the gateway let no such call of the model through, or was started again "
		"since: make the call again";

	for (size_t i = 0; i < all->n; i++) {
		struct gw_witness *w = &all->w[i];

		if (!is_of(w, hash, c->id))
			continue;
		if (is_open(w, now_us) && is_the_same(w, c)) {
			w->used = true;
			return 0;
		}
		if (w->used)
			why = "the model's call was made already, and is good for once: make "
			      "a new call";
		else if (!is_the_same(w, c))
			why = "the model made this call with other arguments or of another "
			      "tool";
		else
			why = "the model made this call too long ago: make the call again";
	}
	return err_set(e, ERR_REFUSED, "%s", why);
}
