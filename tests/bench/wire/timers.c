#include "tests/bench/wire/timers.h"

#include "base/mem.h"

static void
place(struct timers *h, size_t at, struct timer *t)
{
	h->v[at].timer = t;
	t->at = at;
}

static void
settle(struct timers *h, size_t at, struct timer *t)
{
	size_t child;

	for (; at > 1 && h->v[at / 2].timer->due > t->due; at /= 2)
		place(h, at, h->v[at / 2].timer);
	while ((child = at * 2) <= h->n) {
		if (child < h->n && h->v[child + 1].timer->due < h->v[child].timer->due)
			child++;
		if (h->v[child].timer->due >= t->due)
			break;
		place(h, at, h->v[child].timer);
		at = child;
	}
	place(h, at, t);
}

void
timers_add(struct timers *h, struct timer *t, uint64_t due)
{
	timers_drop(h, t);
	if (h->n + 2 > h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
		h->v = mem_grow(h->v, h->cap * sizeof *h->v);
	}
	t->due = due;
	h->n++;
	settle(h, h->n, t);
}

void
timers_drop(struct timers *h, struct timer *t)
{
	struct timer *last;

	if (t->at == 0)
		return;
	last = h->v[h->n--].timer;
	if (last != t)
		settle(h, t->at, last);
	t->at = 0;
}

struct timer *
timers_first(const struct timers *h)
{
	return h->n > 0 ? h->v[1].timer : NULL;
}
