#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
words_fini(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	mem_freep((void *)&w->v);
	w->n = 0;
}

/* Takes z over. */
static void
take(struct words *w, char *z)
{
	if (w->n == WORDS_MAX)
		abort();
	/* a power of two each time it is full: one more for the NULL */
	if (w->n == 0 || ((w->n + 1) & w->n) == 0)
		w->v = mem_grow((void *)w->v, (w->n + 1) * 2 * sizeof *w->v);
	w->v[w->n++] = z;
	w->v[w->n] = NULL;
}

void
words_add(struct words *w, const char *z)
{
	take(w, mem_strdup(z));
}

void
words_addf(struct words *w, const char *fmt, ...)
{
	char *z = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&z, fmt, ap) < 0)
		abort();
	va_end(ap);
	take(w, z);
}

void
words_add_all(struct words *w, const struct words *more)
{
	for (size_t i = 0; i < more->n; i++)
		words_add(w, more->v[i]);
}
