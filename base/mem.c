#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
die_without_memory(void)
{
	(void)fputs("pando-ai: out of memory\n", stderr); /* nothing left to tell it to */
	abort();
}

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		die_without_memory();
	return p;
}

void *
mem_grow(void *p, size_t n)
{
	void *q = realloc(p, n > 0 ? n : 1);

	if (q == NULL)
		die_without_memory();
	return q;
}

char *
mem_strdup(const char *z)
{
	return mem_strdup_str(str_of(z));
}

char *
mem_strdup_str(struct str s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

char *
mem_printf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		die_without_memory();
	return p;
}

void
mem_freep(void *pp)
{
	free(*(void **)pp);
}
