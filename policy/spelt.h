#ifndef POLICY_SPELT_H
#define POLICY_SPELT_H

/*
 * A character that a model has spelt out, as an escape in a text that is no escape there any more:
 * claude 2.1.329 makes the character of it before it makes the call, unless it is a control
 * character. Whoever looks at arguments as the model wrote them must know.
 */

#include "base/jstring.h"
#include "base/str.h"

/*
 * How many backslashes stand before text.p[u], when that begins such a "uXXXX"; else 0. In a
 * decoded text an odd number makes it one; in JSON, which has two for each, twice an odd number.
 */
static inline size_t
spelt_slashes(struct str text, size_t u)
{
	enum { DIGITS = 4, LAST_CONTROL = 0x1f, DELETE = 0x7f, LAST_OF_C1 = 0x9f };
	size_t begin = u;
	int unit;

	if (text.n - u <= DIGITS || text.p[u] != 'u')
		return 0;
	unit = jstring_hex4(text.p + u + 1, text.p + text.n);
	if (unit <= LAST_CONTROL || (unit >= DELETE && unit <= LAST_OF_C1))
		return 0;
	while (begin > 0 && text.p[begin - 1] == '\\')
		begin--;
	return u - begin;
}

#endif
