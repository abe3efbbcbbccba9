#include "base/jscan.h"

#include <endian.h>
#include <stdint.h>
#include <strings.h>

#include "base/log.h"
#include "base/utf8.h"

/* The part of the text that is not read yet. why: set once, by the first failure. */
struct cur {
	const char *p, *end;
	const char *why;
};

static bool check_value(struct cur *c, int depth);

static bool
fail(struct cur *c, const char *why)
{
	if (c->why == NULL)
		c->why = why;
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_space(struct cur *c)
{
	while (c->p < c->end && is_space(*c->p))
		c->p++;
}

static bool
take(struct cur *c, char want)
{
	if (c->p >= c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits at p, or -1. */
static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static bool
check_escape(struct cur *c)
{
	if (c->p >= c->end)
		return fail(c, "a string that does not end");
	switch (*c->p) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		c->p++;
		return true;
	case 'u':
		if (hex4(c->p + 1, c->end) >= 0) {
			c->p += 5;
			return true;
		}
		break;
	default:
		break;
	}
	return fail(c, "a wrong escape in a string");
}

/*
 * How many of the eight bytes at p come before the first that needs a look: a quote, a
 * backslash, a control character or one above ASCII.
 */
static unsigned int
plain_bytes(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones << 7;
	uint64_t x;
	uint64_t quote;
	uint64_t slash;
	uint64_t found;

	memcpy(&x, p, sizeof x);
	x = le64toh(x);
	quote = x ^ ones * '"';
	slash = x ^ ones * '\\';
	/*
	 * A subtraction borrows, so sets the high bit, where a byte is below the subtrahend.
	 * The borrow can make the bytes above it look found, never those below it.
	 */
	found = (x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & high;
	return found == 0 ? 8 : (unsigned int)__builtin_ctzll(found) / 8;
}

/* After the opening quote. */
static bool
check_string(struct cur *c)
{
	for (;;) {
		unsigned char b;
		size_t k;

		for (k = 8; k == 8 && c->end - c->p >= 8; c->p += k)
			k = plain_bytes(c->p);
		if (c->p >= c->end)
			return fail(c, "a string that does not end");
		b = (unsigned char)*c->p;
		if (b < 0x20)
			return fail(c, "a control character in a string");
		k = b < 0x80 ? 1
			     : utf8_len((struct str){ c->p, (size_t)(c->end - c->p) });
		if (k == 0)
			return fail(c, "bytes that are not UTF-8");
		c->p += k;
		if (b == '"')
			return true;
		if (b == '\\' && !check_escape(c))
			return false;
	}
}

static bool
check_digits(struct cur *c)
{
	if (c->p >= c->end || !is_digit(*c->p))
		return fail(c, "a wrong number");
	while (c->p < c->end && is_digit(*c->p))
		c->p++;
	return true;
}

static bool
check_number(struct cur *c)
{
	(void)take(c, '-'); /* it is optional */
	if (!take(c, '0') && !check_digits(c))
		return false;
	if (take(c, '.') && !check_digits(c))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		(void)take(c, '-'); /* as above */
	return check_digits(c);
}

static bool
check_word(struct cur *c, struct str word)
{
	if ((size_t)(c->end - c->p) < word.n || memcmp(c->p, word.p, word.n) != 0)
		return fail(c, "a value that is none of JSON's");
	c->p += word.n;
	return true;
}

static bool
check_key(struct cur *c)
{
	skip_space(c);
	if (!take(c, '"'))
		return fail(c, "a member without a name");
	if (!check_string(c))
		return false;
	skip_space(c);
	return take(c, ':') || fail(c, "a member without a colon");
}

/* After the opening bracket. */
static bool
check_container(struct cur *c, char close, int depth)
{
	if (depth >= JS_DEPTH_MAX)
		return fail(c, "values nested too deep");
	skip_space(c);
	if (take(c, close))
		return true;
	for (;;) {
		if (close == '}' && !check_key(c))
			return false;
		if (!check_value(c, depth + 1))
			return false;
		skip_space(c);
		if (take(c, close))
			return true;
		if (!take(c, ','))
			return fail(c, "a list without comma or end");
	}
}

static bool
check_value(struct cur *c, int depth)
{
	skip_space(c);
	if (c->p >= c->end)
		return fail(c, "the end where a value should be");
	switch (*c->p) {
	case '{':
		c->p++;
		return check_container(c, '}', depth);
	case '[':
		c->p++;
		return check_container(c, ']', depth);
	case '"':
		c->p++;
		return check_string(c);
	case 't':
		return check_word(c, STR("true"));
	case 'f':
		return check_word(c, STR("false"));
	case 'n':
		return check_word(c, STR("null"));
	default:
		return check_number(c);
	}
}

static enum js_type
type_at(char first)
{
	switch (first) {
	case '{':
		return JS_OBJECT;
	case '[':
		return JS_ARRAY;
	case '"':
		return JS_STRING;
	case 't':
	case 'f':
		return JS_BOOL;
	case 'n':
		return JS_NULL;
	default:
		return JS_NUMBER;
	}
}

int
js_check(struct str text, struct js *root, struct err *e)
{
	struct cur c = { .p = text.p, .end = text.p + text.n };
	const char *start;

	root->type = JS_NONE;
	if (text.n == 0)
		return err_set(e, ERR_DATA, "not JSON (RFC 8259): nothing is there");
	skip_space(&c);
	start = c.p;
	if (check_value(&c, 0)) {
		root->type = type_at(*start);
		root->raw = (struct str){ start, (size_t)(c.p - start) };
		skip_space(&c);
		if (c.p == c.end)
			return 0;
		(void)fail(&c, "something behind the value");
	}
	root->type = JS_NONE;
	return err_set(e, ERR_DATA, "not JSON (RFC 8259): byte %zu: %s",
		(size_t)(c.p - text.p), c.why);
}

/* From here on: walking what js_check accepted, so that nothing can run over the end. */

static const char *
pass_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

/* After the opening quote; answers the byte behind the closing one. */
static const char *
pass_string(const char *p, const char *end)
{
	const char *const start = p;

	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *q = quote;

		while (q > start && q[-1] == '\\')
			q--;
		p = quote + 1;
		if ((quote - q) % 2 == 0)
			return p;
	}
}

static const char *
pass_container(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		const char c = *p++;

		if (c == '"')
			p = pass_string(p, end);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	} while (depth > 0);
	return p;
}

static const char *
pass_scalar(const char *p)
{
	while (!is_space(*p) && *p != ',' && *p != ']' && *p != '}')
		p++;
	return p;
}

static const char *
pass_value(const char *p, const char *end, struct js *v)
{
	const char *const start = p;

	v->type = type_at(*p);
	switch (v->type) {
	case JS_STRING:
		p = pass_string(p + 1, end);
		break;
	case JS_ARRAY:
	case JS_OBJECT:
		p = pass_container(p, end);
		break;
	case JS_NULL:
	case JS_BOOL:
	case JS_NUMBER:
		p = pass_scalar(p);
		break;
	case JS_NONE:
	case JS_TYPES:
		break;
	}
	v->raw = (struct str){ start, (size_t)(p - start) };
	return p;
}

void
js_open(struct js_iter *it, struct js container)
{
	const char *p;

	*it = (struct js_iter){ .members = container.type == JS_OBJECT };
	if (container.type != JS_OBJECT && container.type != JS_ARRAY)
		return;
	it->end = container.raw.p + container.raw.n;
	p = pass_space(container.raw.p + 1);
	if (p + 1 < it->end)
		it->next = p;
}

bool
js_next(struct js_iter *it, struct js_item *item)
{
	const char *p = it->next;

	if (p == NULL)
		return false;
	*item = (struct js_item){ .start = p, .prev_end = it->prev_end };
	if (it->members) {
		const char *const key = p + 1;

		p = pass_string(key, it->end);
		item->key = (struct str){ key, (size_t)(p - 1 - key) };
		p = pass_space(pass_space(p) + 1); /* the colon */
	}
	item->end = pass_value(p, it->end, &item->val);
	it->prev_end = item->end;
	p = pass_space(item->end);
	it->next = *p == ',' ? pass_space(p + 1) : NULL;
	item->next = it->next;
	return true;
}

static int
add_key(struct str *seen, size_t n, struct str key, struct err *e)
{
	char name[LOG_QUOTED_MAX];

	if (n >= JS_MEMBERS_MAX)
		return err_set(e, ERR_DATA, "a JSON object has more than %d members",
			(int)JS_MEMBERS_MAX);
	if (key.n > 0 && memchr(key.p, '\\', key.n) != NULL)
		return err_set(e, ERR_DATA,
			"a JSON member's name is written with escapes: %s",
			log_quoted(key, name));
	for (size_t i = 0; i < n; i++) {
		if (str_eq(seen[i], key))
			return err_set(e, ERR_DATA,
				"a JSON object has two members named %s",
				log_quoted(key, name));
	}
	seen[n] = key;
	return 0;
}

/* Readers that do not heed case would take it for the field, though we do not. */
static bool
is_other_case(struct str key, const char *name)
{
	return key.n > 0 && key.n == strlen(name) &&
	       strncasecmp(key.p, name, key.n) == 0 && !str_is(key, name);
}

int
js_fields(struct js object, struct js_field *f, size_t n, struct err *e)
{
	struct str seen[JS_MEMBERS_MAX];
	size_t members = 0;
	struct js_iter it;
	struct js_item item;

	if (object.type != JS_OBJECT)
		return err_set(e, ERR_DATA, "a JSON object is missing where one must be");
	js_open(&it, object);
	while (js_next(&it, &item)) {
		if (add_key(seen, members, item.key, e) < 0)
			return -1;
		members++;
		for (size_t i = 0; i < n; i++) {
			if (is_other_case(item.key, f[i].name))
				return err_set(e, ERR_DATA,
					"a JSON member's name differs from \"%s\" only in "
					"its case",
					f[i].name);
			if (str_is(item.key, f[i].name))
				f[i].m = item;
		}
	}
	return 0;
}

struct str
js_inside(struct js v)
{
	if (v.type != JS_STRING)
		return STR("");
	return (struct str){ v.raw.p + 1, v.raw.n - 2 };
}

/* The four digits behind "\u"; 0 when p does not start so. */
static unsigned int
unit_at(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return 0;
	return (unsigned int)hex4(p + 2, end);
}

/* "\uXXXX", or two of them that are one character. Answers the bytes read, 0: refused. */
static size_t
decode_unit(const char *p, const char *end, struct buf *out)
{
	char utf8[UTF8_LONGEST];
	unsigned int cp = unit_at(p, end);
	size_t read = 6;
	size_t k;

	if (cp >= 0xd800 && cp <= 0xdbff) {
		const unsigned int low = unit_at(p + 6, end);

		if (low < 0xdc00 || low > 0xdfff)
			return 0;
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		read = 12;
	}
	k = utf8_put(utf8, cp); /* 0 for a low surrogate on its own */
	if (cp == 0 || k == 0)
		return 0;
	buf_put(out, utf8, k);
	return read;
}

static char
brief_escape(char c)
{
	static const char pairs[] = "b\bf\fn\nr\rt\t";

	for (size_t i = 0; i < sizeof pairs - 1; i += 2) {
		if (pairs[i] == c)
			return pairs[i + 1];
	}
	return c;
}

int
js_decode(struct str inside, struct buf *out, struct err *e)
{
	const char *p = inside.p;
	const char *const end = inside.n > 0 ? p + inside.n : p;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		const char *const stop = slash != NULL ? slash : end;
		size_t k = 2;

		buf_put(out, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			break;
		if (p[1] == 'u')
			k = decode_unit(p, end, out);
		else
			buf_putc(out, brief_escape(p[1]));
		if (k == 0)
			return err_set(e, ERR_DATA,
				"a JSON string has half a surrogate pair or U+0000");
		p += k;
	}
	if (out->over)
		return err_set(
			e, ERR_DATA, "a JSON string is longer than %zu bytes", out->max);
	return 0;
}

int
js_text(struct js v, char *scratch, size_t max, struct str *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(max);
	const struct str in = js_inside(v);

	*out = STR("");
	if (v.type != JS_STRING)
		return err_set(e, ERR_DATA, "a JSON string is missing where one must be");
	if (memchr(in.p, '\\', in.n) == NULL) {
		if (in.n > max)
			return err_set(
				e, ERR_DATA, "a name is longer than %zu bytes", max);
		*out = in;
		return 0;
	}
	if (js_decode(in, &b, e) < 0)
		return -1;
	memcpy(scratch, b.p, b.n);
	*out = (struct str){ scratch, b.n };
	return 0;
}
