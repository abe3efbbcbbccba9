#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { BUF_FIRST = 256 };

void
buf_fini(struct buf *b)
{
	free(b->p);
	quota_give(b->quota, b->cap);
	b->p = NULL;
	b->n = b->cap = 0;
	b->over = b->starved = false;
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->over = b->starved = false;
}

/* What is allocated is never more than one byte above max, for the NUL of buf_text. */
static size_t
first_cap(const struct buf *b)
{
	return b->max < BUF_FIRST ? b->max + 1 : BUF_FIRST;
}

static bool
reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap > 0 ? b->cap : first_cap(b);

	if (b->over || n > b->max - b->n) {
		b->over = true;
		return false;
	}
	if (b->n + n < b->cap)
		return true;
	while (cap <= b->n + n)
		cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
	if (!quota_take(b->quota, cap - b->cap)) {
		b->over = b->starved = true;
		return false;
	}
	b->p = mem_grow(b->p, cap);
	b->cap = cap;
	return true;
}

char *
buf_room(struct buf *b, size_t n)
{
	return reserve(b, n) ? b->p + b->n : NULL;
}

void
buf_put_more(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

size_t
buf_digits(uint64_t n, char out[BUF_DIGITS])
{
	char back[BUF_DIGITS];
	size_t k = 0;

	do {
		back[BUF_DIGITS - ++k] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(out, back + BUF_DIGITS - k, k);
	return k;
}

void
buf_put_number(struct buf *b, uint64_t n)
{
	char digits[BUF_DIGITS] = { 0 };
	const size_t k = buf_digits(n, digits);

	buf_put(b, digits, k);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	CLEANUP(mem_freep) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	buf_put(b, text, (size_t)n);
}

static void
put_json_char(struct buf *b, struct str s, size_t k)
{
	static const char brief[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const unsigned char c = (unsigned char)s.p[0];

	for (size_t i = 0; k == 1 && i < sizeof brief - 1; i += 2) {
		if (brief[i] != (char)c)
			continue;
		buf_putc(b, '\\');
		buf_putc(b, brief[i + 1]);
		return;
	}
	if (c < 0x20 || c == 0x7f)
		buf_printf(b, "\\u%04x", c);
	else
		buf_put(b, s.p, k);
}

/* How many bytes at the start stand for themselves. */
static size_t
plain_bytes(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= ' ' && s.p[n] < 0x7f && s.p[n] != '"' &&
		s.p[n] != '\\')
		n++;
	return n;
}

void
buf_put_json(struct buf *b, struct str s)
{
	buf_putc(b, '"');
	while (s.n > 0) {
		size_t k = plain_bytes(s);

		buf_put(b, s.p, k);
		s = str_skip(s, k);
		if (s.n == 0)
			break;
		k = utf8_len(s);
		if (k == 0)
			buf_puts(b, "\\ufffd");
		else
			put_json_char(b, s, k);
		s = str_skip(s, k > 0 ? k : 1);
	}
	buf_putc(b, '"');
}

void
buf_drop_front(struct buf *b, size_t n)
{
	b->n -= n;
	if (b->n > 0)
		memmove(b->p, b->p + n, b->n);
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

const char *
buf_text(struct buf *b)
{
	if (b->p == NULL) {
		b->cap = first_cap(b);
		b->p = mem_alloc(b->cap);
		quota_owe(b->quota, b->cap); /* a caller counts on its text */
	}
	b->p[b->n] = '\0'; /* reserve() always leaves a byte for it */
	return b->p;
}

char *
buf_take(struct buf *b)
{
	char *p;

	(void)buf_text(b); /* for its NUL */
	p = b->p;
	quota_give(b->quota, b->cap);
	b->p = NULL;
	b->n = b->cap = 0;
	return p;
}
