#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { UTF8_LONGEST = 4 };

/* Length of the sequence at the start of s, or 0 when it is not valid (or cut off). */
size_t utf8_len(struct str s);
bool utf8_is_valid(struct str s);
/* The same, 0 also for what a terminal should not get: control characters and utf8_is_mark(). */
size_t utf8_shown_len(struct str s);
/*
 * Of one valid character: true when it speaks to the terminal or turns the text around it: C1
 * controls, marks of direction, line and paragraph separators.
 */
bool utf8_is_mark(struct str c);
/* Writes the code point; answers how many bytes, 0 for a surrogate or a too large value. */
size_t utf8_put(char out[UTF8_LONGEST], unsigned int cp);

#endif
