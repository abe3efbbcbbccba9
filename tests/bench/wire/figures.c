#include "tests/bench/wire/figures.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { UNIT_NS = 10 };

void
figures_add(struct figures *f, uint64_t ns)
{
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 4096 : f->cap * 2;
		f->v = mem_grow(f->v, f->cap * sizeof *f->v);
	}
	f->v[f->n++] = ns / UNIT_NS > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / UNIT_NS);
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
quantile(const struct figures *f, double q)
{
	return f->n == 0 ? 0 : f->v[(size_t)((double)(f->n - 1) * q)] * (UNIT_NS / 1e3);
}

void
figures_print(const char *name, struct figures *f)
{
	if (f->n > 0)
		qsort(f->v, f->n, sizeof *f->v, by_value);
	printf("\"%s\":{\"n\":%zu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name, f->n,
		quantile(f, 0.5), quantile(f, 0.99), quantile(f, 1));
}

void
figures_fini(struct figures *f)
{
	free(f->v);
	*f = (struct figures){ 0 };
}
