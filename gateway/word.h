#ifndef GATEWAY_WORD_H
#define GATEWAY_WORD_H

/* Words of HTTP's fields (RFC 9110, 5.6): cut off and compared where they stand. Pure. */

#include <stdbool.h>
#include <strings.h>

#include "base/str.h"

/* Without regard to case. */
static inline bool
gw_word_is(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* Optional white space (5.6.3). */
static inline bool
gw_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline struct str
gw_trim(struct str s)
{
	while (s.n > 0 && gw_is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && gw_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Up to the first stop; s goes on behind it, and is empty when there is none. */
static inline struct str
gw_cut(struct str *s, char stop)
{
	const char *at = s->n > 0 ? memchr(s->p, stop, s->n) : NULL;
	const size_t n = at != NULL ? (size_t)(at - s->p) : s->n;
	const struct str part = { s->p, n };

	*s = str_skip(*s, at != NULL ? n + 1 : n);
	return part;
}

#endif
