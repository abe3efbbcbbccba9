#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growing byte buffer with a ceiling.
 *
 * Every buffer is born with its largest size (BUF_INIT). What does not fit is not added and
 * `over` stays set, so a caller may write many pieces and ask once at the end. Several may have a
 * ceiling together (BUF_IN): what they have allocated is counted there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/quota.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;  /* max is not changed once something was put in .. */
	struct quota *quota; /* .. nor is this; borrowed; or NULL */
	bool over;
	bool starved; /* over, since the quota had too little */
};

#define BUF_IN(ceiling, shared)                                                          \
	{                                                                                \
		.p = NULL, .n = 0, .cap = 0, .max = (ceiling), .quota = (shared),        \
		.over = false, .starved = false                                          \
	}
#define BUF_INIT(ceiling) BUF_IN(ceiling, NULL)

void buf_fini(struct buf *b); /* for CLEANUP too; leaves an empty buffer */
void buf_reset(struct buf *b);
/* As buf_fini, for what held a key: its bytes do not stay in freed memory. */
void buf_wipe(struct buf *b);

/* Room for n more bytes at b->p + b->n, or NULL and `over`; the caller adds to b->n. */
char *buf_room(struct buf *b, size_t n);
/* Makes room first; what the four below do when there is none. */
void buf_put_more(struct buf *b, const void *p, size_t n);

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || b->over || n >= b->cap - b->n) {
		buf_put_more(b, p, n);
		return;
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void
buf_puts(struct buf *b, const char *z)
{
	buf_put(b, z, strlen(z));
}

static inline void
buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

static inline void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

/* In decimal. */
void buf_put_number(struct buf *b, uint64_t n);
enum { BUF_DIGITS = 20 };
/* The same without a buffer: its digits, which nothing ends, and how many there are. */
size_t buf_digits(uint64_t n, char out[BUF_DIGITS]);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Writes s as a JSON string with its quotes (RFC 8259, 7). A byte that is not UTF-8 becomes
 * U+FFFD, so that the result is valid whatever the input.
 */
void buf_put_json(struct buf *b, struct str s);

void buf_drop_front(struct buf *b, size_t n);
struct str buf_str(const struct buf *b);
/* NUL-terminated text of the buffer, owned by it. */
const char *buf_text(struct buf *b);
/* The text, owned by the caller; the buffer is empty afterwards. */
char *buf_take(struct buf *b);

#endif
