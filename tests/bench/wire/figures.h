#ifndef TESTS_BENCH_WIRE_FIGURES_H
#define TESTS_BENCH_WIRE_FIGURES_H

/* Times, and their quantiles. */

#include <stddef.h>
#include <stdint.h>

struct figures {
	uint32_t *v; /* in units of 10 ns; longer ones count as the longest */
	size_t n, cap;
};

void figures_add(struct figures *f, uint64_t ns);
/* Prints "name":{"n":..,"p50":..,"p99":..,"max":..}, in microseconds; sorts them. */
void figures_print(const char *name, struct figures *f);
void figures_fini(struct figures *f);

#endif
