#ifndef BASE_WORDS_H
#define BASE_WORDS_H

/* A growing list of texts, kept NULL-terminated so that it can be an argv or an environment. */

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

/* More than Linux takes: 6 MiB of pointers and texts (execve(2)). What comes after aborts. */
enum { WORDS_MAX = 1 << 20 };

struct words {
	char **v; /* NULL while empty */
	size_t n;
};

#define WORDS_INIT                                                                       \
	{                                                                                \
		.v = NULL, .n = 0                                                        \
	}

void words_fini(struct words *w); /* for CLEANUP too */
void words_add(struct words *w, const char *z);
void words_addf(struct words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void words_add_all(struct words *w, const struct words *more);

#endif
