#ifndef BASE_STR_H
#define BASE_STR_H

/* A view of bytes that somebody else owns. It is not NUL-terminated and may hold any byte. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

#define LEN(a) (sizeof(a) / sizeof(a)[0])

static inline struct str
str_of(const char *z)
{
	return (struct str){ z, z == NULL ? 0 : strlen(z) };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_is(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

static inline bool
str_is_any(struct str a, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(a, list[i]))
			return true;
	return false;
}

static inline bool
str_ends(struct str a, struct str tail)
{
	return a.n >= tail.n &&
	       (tail.n == 0 || memcmp(a.p + a.n - tail.n, tail.p, tail.n) == 0);
}

static inline bool
str_starts(struct str a, struct str prefix)
{
	return a.n >= prefix.n && memcmp(a.p, prefix.p, prefix.n) == 0;
}

static inline struct str
str_skip(struct str a, size_t n)
{
	return (struct str){ a.p + n, a.n - n };
}

#endif
