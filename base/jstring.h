#ifndef BASE_JSTRING_H
#define BASE_JSTRING_H

/*
 * The inside of a JSON string (RFC 8259, 7): its escapes, no control character, UTF-8 as RFC
 * 3629 has it. Looks at 64 bytes at a time, whose kinds are bits of a word.
 */

#include <stdbool.h>

/*
 * p: behind the opening quote. Answers the byte behind the closing one; NULL: the string is not
 * valid, or does not end before end.
 */
const char *jstring_end(const char *p, const char *end);

/* How the bits are found: jstring_end takes the last one that the machine can. */
enum jstring_way {
	JSTRING_PLAIN, /* in words */
	JSTRING_SSE2,  /* in the vectors of every x86-64 */
	JSTRING_AVX2, /* in those of most: a third less time for code and non-ASCII text */
	JSTRING_AVX512, /* in those of the newest, without a branch for what a block holds */
	JSTRING_WAYS
};

bool jstring_can(enum jstring_way way);
/* jstring_end in one way, which the machine must be able to; for tests. */
const char *jstring_end_by(enum jstring_way way, const char *p, const char *end);

/* The value of the four digits at p (RFC 8259, 7: \uXXXX), or -1. */
int jstring_hex4(const char *p, const char *end);

#endif
