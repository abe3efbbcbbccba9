#include "base/utf8.h"

static bool
is_cont(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

static size_t
len2(const unsigned char *p, size_t n)
{
	return n >= 2 && p[0] >= 0xc2 && is_cont(p[1]) ? 2 : 0;
}

static size_t
len3(const unsigned char *p, size_t n)
{
	if (n < 3 || !is_cont(p[1]) || !is_cont(p[2]))
		return 0;
	if (p[0] == 0xe0 && p[1] < 0xa0)
		return 0;
	if (p[0] == 0xed && p[1] > 0x9f)
		return 0;
	return 3;
}

static size_t
len4(const unsigned char *p, size_t n)
{
	if (n < 4 || p[0] > 0xf4 || !is_cont(p[1]) || !is_cont(p[2]) || !is_cont(p[3]))
		return 0;
	if (p[0] == 0xf0 && p[1] < 0x90)
		return 0;
	if (p[0] == 0xf4 && p[1] > 0x8f)
		return 0;
	return 4;
}

size_t
utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xe0)
		return len2(p, s.n);
	if (p[0] < 0xf0)
		return len3(p, s.n);
	return len4(p, s.n);
}

bool
utf8_is_valid(struct str s)
{
	while (s.n > 0) {
		size_t k = utf8_len(s);

		if (k == 0)
			return false;
		s = str_skip(s, k);
	}
	return true;
}

bool
utf8_is_mark(struct str c)
{
	const unsigned char *p = (const unsigned char *)c.p;

	if (c.n == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) ||
		       (p[0] == 0xd8 && p[1] == 0x9c); /* ALM */
	if (c.n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f)) || /* LRM, RLM */
	       (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||   /* LS to RLO */
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);     /* LRI to PDI */
}

size_t
utf8_shown_len(struct str s)
{
	const size_t k = utf8_len(s);

	if (k == 0 || (unsigned char)s.p[0] < 0x20 || s.p[0] == 0x7f)
		return 0;
	return utf8_is_mark((struct str){ s.p, k }) ? 0 : k;
}

size_t
utf8_put(char out[UTF8_LONGEST], unsigned int cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			return 0;
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	if (cp > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}
