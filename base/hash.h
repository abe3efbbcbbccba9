#ifndef BASE_HASH_H
#define BASE_HASH_H

/*
 * FNV-1a of 64 bits (Fowler, Noll, Vo): for tables and quick comparisons of texts that nobody
 * gains from making equal. What must not be forged takes SHA-256.
 */

#include <stdint.h>

#include "base/str.h"

#define HASH_FIRST UINT64_C(0xcbf29ce484222325)

static inline uint64_t
hash_byte(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(0x100000001b3);
}

/* Goes on from h; the first time HASH_FIRST. */
static inline uint64_t
hash_more(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = hash_byte(h, (unsigned char)s.p[i]);
	return h;
}

#endif
