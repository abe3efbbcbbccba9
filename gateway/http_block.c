#include <stdlib.h>

#include "gateway/http_link.h"

enum {
	READ_LEAST = 16 << 10, /* less room than this, and the block grows */
	SMALL = 16 << 10       /* a request that moves to a place of its own size */
};

void
gw_link_release_block(struct gw_req *q)
{
	struct gw_http *all = q->all;

	if (q->block == NULL)
		return;
	/* the head, with the person's key in it, was at its start */
	if (q->head_copy == NULL && q->n > 0)
		explicit_bzero(q->block, q->head.size > 0 ? q->head.size : q->n);
	quota_give(q->share, q->cap);
	q->share = all->memory;
	if (q->cap == GW_BLOCK && all->nkept < GW_BLOCKS_KEPT)
		all->kept[all->nkept++] = q->block;
	else
		free(q->block);
	q->block = NULL;
	q->cap = q->n = q->begin = q->body = 0;
}

void
gw_link_release(struct gw_req *q)
{
	gw_link_release_block(q);
	if (q->head_copy != NULL) {
		explicit_bzero(q->head_copy, q->head.size);
		free(q->head_copy);
	}
	q->head_copy = NULL;
}

void
gw_link_take_block(struct gw_req *q)
{
	struct gw_http *all = q->all;

	q->block = all->nkept > 0 ? all->kept[--all->nkept] : mem_grow(NULL, GW_BLOCK);
	q->cap = GW_BLOCK;
	q->n = q->begin = q->body = 0;
	quota_owe(q->share, q->cap);
}

void
gw_http_charge(struct gw_req *q, struct quota *share)
{
	quota_give(q->share, q->cap);
	q->share = share;
	quota_owe(share, q->cap);
}

static void
rebase(struct h1 *h, const char *from, const char *to)
{
	struct str *const all[] = { &h->method, &h->target, &h->host, &h->lines };

	for (size_t i = 0; i < LEN(all); i++)
		all[i]->p = to + (all[i]->p - from);
}

/* The head moves to a place of its own, so that what grows, or is copied, has no key in it. */
static void
part_head(struct gw_req *q)
{
	const size_t size = q->head.size;

	if (q->head_copy != NULL)
		return;
	q->head_copy = mem_grow(NULL, size);
	memcpy(q->head_copy, q->block, size);
	rebase(&q->head, q->block, q->head_copy);
	explicit_bzero(q->block, size);
	memmove(q->block, q->block + size, q->n - size);
	q->begin -= size;
	q->n -= size;
}

void
gw_link_resize(struct gw_req *q, size_t cap)
{
	quota_owe(q->share, cap - q->cap);
	q->block = mem_grow(q->block, cap);
	q->cap = cap;
}

bool
gw_link_grow(struct gw_req *q)
{
	size_t cap = 2 * q->cap;

	if (q->cap - q->n >= READ_LEAST)
		return true;
	if (q->head.framing == H1_LENGTH) {
		if (q->begin + q->head.length <= q->cap)
			return true; /* the rest fits */
		part_head(q);
		if (cap > q->head.length)
			cap = (size_t)q->head.length;
	} else {
		part_head(q);
	}
	if (cap <= q->cap)
		return true;
	if (!quota_has(q->share, cap - q->cap))
		return false;
	gw_link_resize(q, cap);
	return true;
}

/* What waits for its answer for long does not keep a whole block for a few bytes. */
void
gw_link_shrink(struct gw_req *q)
{
	const size_t begin = q->begin, body = q->body, n = begin + body;
	struct quota *const share = q->share;
	char *small;

	if (n > SMALL || q->cap <= SMALL)
		return;
	small = mem_grow(NULL, n > 0 ? n : 1);
	memcpy(small, q->block, n);
	if (q->head_copy == NULL)
		rebase(&q->head, q->block, small);
	gw_link_release_block(q);
	q->block = small;
	q->cap = q->n = n;
	q->begin = begin;
	q->body = body;
	q->share = share;
	quota_owe(share, n);
}
