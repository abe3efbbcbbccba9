#ifndef BASE_JSTRING_H
#define BASE_JSTRING_H

/*
 * The inside of a JSON string (RFC 8259, 7): its escapes, no control character, UTF-8 as RFC
 * 3629 has it. Looks at 64 bytes at a time, whose kinds are bits of a word, with the vectors
 * that every x86-64 has.
 */

/*
 * p: behind the opening quote. Answers the byte behind the closing one; NULL: the string is not
 * valid, or does not end before end.
 */
const char *jstring_end(const char *p, const char *end);
/* The same without vectors, for other machines, and for the tests of this one. */
const char *jstring_end_plain(const char *p, const char *end);

/* The value of the four digits at p (RFC 8259, 7: \uXXXX), or -1. */
int jstring_hex4(const char *p, const char *end);

#endif
