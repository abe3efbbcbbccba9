#include "base/jcs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jscan.h"

/* A member's decoded name, as a range of the object's names. */
struct member {
	size_t at, n;
	const char *names; /* set when all of them stand */
	struct js val;
};

struct members {
	struct member *m;
	size_t n, cap;
	struct buf names;
};

static int put_value(struct js v, struct buf *out, struct err *e);

/* --- numbers ----------------------------------------------------------------------- */

#define WHOLE_MAX 0x1p53 /* below it each whole number is a double */

enum { DIGITS_MAX = 17, EXPONENT_MAX = 21, EXPONENT_MIN = -6, DECIMAL = 10 };

/* d.ddd...e+xx as its digits and the place of the point. */
struct decimal {
	char digit[DIGITS_MAX + 1];
	int n;     /* of digits */
	int point; /* the value is 0.ddd * 10^point */
};

static void
read_decimal(const char *scientific, struct decimal *d)
{
	const char *exponent = strchr(scientific, 'e') + 1;

	d->n = 0;
	for (const char *p = scientific; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9' && d->n < DIGITS_MAX)
			d->digit[d->n++] = *p;
	d->digit[d->n] = '\0';
	d->point = (int)strtol(exponent, NULL, DECIMAL) + 1;
}

static void
drop_zeros(struct decimal *d)
{
	while (d->n > 1 && d->digit[d->n - 1] == '0')
		d->n--;
	d->digit[d->n] = '\0';
}

/* The digits' last place counted up by one. */
static void
next_up(struct decimal *d)
{
	int i = d->n - 1;

	while (i >= 0 && d->digit[i] == '9')
		d->digit[i--] = '0';
	if (i >= 0) {
		d->digit[i]++;
		return;
	}
	d->digit[0] = '1'; /* 999 has become 000: it is 100 with the point moved */
	d->point++;
}

static bool
means(const struct decimal *d, double x)
{
	char text[JCS_NUMBER_MAX];

	(void)snprintf(text, sizeof text, "0.%se%d", d->digit, d->point);
	return strtod(text, NULL) == x;
}

/*
 * The fewest digits that mean x, and of those the nearest to it (ECMA-262, 6.1.6.1.20). printf
 * rounds to the nearest of each length, which is the one, but for powers of two: below those
 * the doubles are denser, so that the next one above may mean x when the nearest does not.
 */
static struct decimal
shortest(double x)
{
	struct decimal d = { .n = 0 };

	for (int precision = 0; precision < DIGITS_MAX; precision++) {
		char text[JCS_NUMBER_MAX];

		(void)snprintf(text, sizeof text, "%.*e", precision, x);
		read_decimal(text, &d);
		if (means(&d, x) || precision == DIGITS_MAX - 1)
			break;
		next_up(&d);
		if (means(&d, x))
			break;
	}
	drop_zeros(&d);
	return d;
}

static void
write_decimal(const struct decimal *d, bool negative, char out[JCS_NUMBER_MAX])
{
	const char *sign = negative ? "-" : "";
	const int zeros = d->point - d->n;

	if (d->point > EXPONENT_MAX || d->point <= EXPONENT_MIN)
		(void)snprintf(out, JCS_NUMBER_MAX, "%s%c%s%se%+d", sign, d->digit[0],
			d->n > 1 ? "." : "", d->digit + 1, d->point - 1);
	else if (d->point <= 0)
		(void)snprintf(out, JCS_NUMBER_MAX, "%s0.%.*s%s", sign, -d->point,
			"000000", d->digit);
	else if (zeros >= 0)
		(void)snprintf(out, JCS_NUMBER_MAX, "%s%s%.*s", sign, d->digit, zeros,
			"00000000000000000000");
	else
		(void)snprintf(out, JCS_NUMBER_MAX, "%s%.*s.%s", sign, d->point, d->digit,
			d->digit + d->point);
}

void
jcs_number(double x, char out[JCS_NUMBER_MAX])
{
	struct decimal d;

	if (fabs(x) < WHOLE_MAX && x == (double)(int64_t)x) { /* minus zero, too */
		(void)snprintf(out, JCS_NUMBER_MAX, "%" PRId64, (int64_t)x);
		return;
	}
	d = shortest(fabs(x));
	write_decimal(&d, x < 0, out);
}

static int
put_number(struct str raw, struct buf *out, struct err *e)
{
	char text[JCS_NUMBER_TEXT_MAX + 1];
	char number[JCS_NUMBER_MAX];
	double x;

	if (raw.n > JCS_NUMBER_TEXT_MAX)
		return err_set(e, ERR_DATA, "a number has more than %d characters",
			JCS_NUMBER_TEXT_MAX);
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	x = strtod(text, NULL);
	if (!isfinite(x))
		return err_set(e, ERR_DATA, "the number %.40s is too large", text);
	jcs_number(x, number);
	buf_puts(out, number);
	return 0;
}

/* --- strings ----------------------------------------------------------------------- */

static void
put_char(struct buf *out, char c)
{
	static const char brief[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i < sizeof brief - 1; i += 2) {
		if (brief[i] != c)
			continue;
		buf_putc(out, '\\');
		buf_putc(out, brief[i + 1]);
		return;
	}
	if ((unsigned char)c < ' ')
		buf_printf(out, "\\u%04x", (unsigned char)c);
	else
		buf_putc(out, c);
}

static void
put_text(struct str s, struct buf *out)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++)
		put_char(out, s.p[i]);
	buf_putc(out, '"');
}

static int
put_string(struct js v, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(JCS_TEXT_MAX);

	if (js_decode(js_inside(v), &text, e) < 0)
		return -1;
	put_text(buf_str(&text), out);
	return 0;
}

/* --- objects ----------------------------------------------------------------------- */

/*
 * UTF-8 orders as the code points do, UTF-16 almost: only what takes a surrogate pair there
 * (first byte from 0xf0) comes before U+E000 .. U+FFFF (0xee, 0xef).
 */
static int
rank(unsigned char c)
{
	enum { TOP = 0xee, PAIRS = 0xf0, DOWN = 2, UP = 5 };

	if (c >= PAIRS)
		return c - DOWN;
	return c >= TOP ? c + UP : c;
}

static int
compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	const unsigned char *p = (const unsigned char *)x->names + x->at;
	const unsigned char *q = (const unsigned char *)y->names + y->at;
	size_t i = 0;

	while (i < x->n && i < y->n && p[i] == q[i])
		i++;
	if (i < x->n && i < y->n)
		return rank(p[i]) - rank(q[i]);
	return (x->n > y->n) - (x->n < y->n);
}

static int
add(struct members *all, const struct js_item *item, struct err *e)
{
	const size_t at = all->names.n;

	if (all->n == JCS_MEMBERS_MAX)
		return err_set(e, ERR_DATA, "an object has more than %d members",
			JCS_MEMBERS_MAX);
	if (js_decode(item->key, &all->names, e) < 0)
		return -1;
	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 8 : 2 * all->cap;
		all->m = mem_grow(all->m, all->cap * sizeof *all->m);
	}
	all->m[all->n++] = (struct member){
		.at = at, .n = all->names.n - at, .val = item->val
	};
	return 0;
}

static void
members_fini(struct members *all)
{
	mem_freep((void *)&all->m);
	buf_fini(&all->names);
}

static int
put_object(struct js v, struct buf *out, struct err *e)
{
	CLEANUP(members_fini) struct members all = { .names = BUF_INIT(JCS_TEXT_MAX) };
	struct js_iter it;
	struct js_item item;

	js_open(&it, v);
	while (js_next(&it, &item))
		if (add(&all, &item, e) < 0)
			return -1;
	for (size_t i = 0; i < all.n; i++)
		all.m[i].names = buf_text(&all.names);
	if (all.n > 1)
		qsort(all.m, all.n, sizeof *all.m, compare);
	buf_putc(out, '{');
	for (size_t i = 0; i < all.n; i++) {
		const struct member *m = &all.m[i];

		if (i > 0 && compare(m - 1, m) == 0)
			return err_set(e, ERR_DATA, "an object has a member twice");
		if (i > 0)
			buf_putc(out, ',');
		put_text((struct str){ m->names + m->at, m->n }, out);
		buf_putc(out, ':');
		if (put_value(m->val, out, e) < 0)
			return -1;
	}
	buf_putc(out, '}');
	return 0;
}

static int
put_array(struct js v, struct buf *out, struct err *e)
{
	struct js_iter it;
	struct js_item item;
	bool any = false;

	js_open(&it, v);
	buf_putc(out, '[');
	while (js_next(&it, &item)) {
		if (any)
			buf_putc(out, ',');
		any = true;
		if (put_value(item.val, out, e) < 0)
			return -1;
	}
	buf_putc(out, ']');
	return 0;
}

/* Nested as deep as js_check allows, which is JS_DEPTH_MAX. */
static int
put_value(struct js v, struct buf *out, struct err *e)
{
	switch (v.type) {
	case JS_OBJECT:
		return put_object(v, out, e);
	case JS_ARRAY:
		return put_array(v, out, e);
	case JS_STRING:
		return put_string(v, out, e);
	case JS_NUMBER:
		return put_number(v.raw, out, e);
	case JS_NULL:
	case JS_BOOL:
		buf_put_str(out, v.raw);
		return 0;
	case JS_NONE:
	case JS_TYPES:
		break;
	}
	return err_set(e, ERR_DATA, "no JSON value");
}

int
jcs_put(struct str text, struct buf *out, struct err *e)
{
	struct js root;

	if (text.n > JCS_TEXT_MAX)
		return err_set(e, ERR_DATA, "more than %d bytes of JSON", JCS_TEXT_MAX);
	if (js_check(text, &root, e) < 0 || put_value(root, out, e) < 0)
		return -1;
	return out->over
		       ? err_set(e, ERR_DATA,
				 "its canonical form is longer than %zu bytes", out->max)
		       : 0;
}
