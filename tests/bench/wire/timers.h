#ifndef TESTS_BENCH_WIRE_TIMERS_H
#define TESTS_BENCH_WIRE_TIMERS_H

/* Due times in a binary heap; each waiting thing is in it at most once. */

#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t due;
	size_t at; /* place in the heap, from 1; 0 when it does not wait */
};

struct timers {
	struct timer_slot {
		struct timer *timer;
	} * v; /* v[0] is not used */
	size_t n, cap;
};

void timers_add(struct timers *h, struct timer *t, uint64_t due);
void timers_drop(struct timers *h, struct timer *t); /* one that does not wait too */
struct timer *timers_first(const struct timers *h);  /* NULL without one */

#endif
