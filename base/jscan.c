#include "base/jscan.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/jmembers.h"
#include "base/jstring.h"
#include "base/log.h"
#include "base/utf8.h"

enum { SPANS_FIRST = 256, NO_SPAN = UINT32_MAX };

/* The part of the text that is not read yet. why: set once, by the first failure. */
struct cur {
	const char *p, *end;
	const char *why;
	const char *text;
	struct js_index *ix;   /* NULL: none is made */
	struct js_members *to; /* of the outermost object; NULL: nobody reads them */
	struct err *e;         /* what js_members_add says */
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

static inline void
skip_space(struct cur *c)
{
	while (c->p < c->end && *c->p <= ' ' && is_space(*c->p))
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

static bool
pass_escape(struct cur *c)
{
	if (c->p >= c->end)
		return fail(c, "a string that does not end");
	if (*c->p == 'u' && jstring_hex4(c->p + 1, c->end) >= 0) {
		c->p += 5;
		return true;
	}
	if (*c->p == '\0' || strchr("\"\\/bfnrt", *c->p) == NULL)
		return fail(c, "a wrong escape in a string");
	c->p++;
	return true;
}

/* What is wrong with a string, and where; byte by byte, since it is asked once. */
static bool
find_fault(struct cur *c)
{
	for (;;) {
		unsigned char b;
		size_t k;

		if (c->p >= c->end)
			return fail(c, "a string that does not end");
		b = (unsigned char)*c->p;
		if (b < 0x20)
			return fail(c, "a control character in a string");
		k = utf8_len((struct str){ c->p, (size_t)(c->end - c->p) });
		if (k == 0)
			return fail(c, "bytes that are not UTF-8");
		c->p += k;
		if (b == '"')
			return fail(c, "a string that ends here");
		if (b == '\\' && !pass_escape(c))
			return false;
	}
}

/* After the opening quote. */
static bool
check_string(struct cur *c)
{
	const char *const behind = jstring_end(c->p, c->end);

	if (behind == NULL)
		return find_fault(c);
	c->p = behind;
	return true;
}

/* Before what it holds is read, so that the spans stand in the order of the text. */
static uint32_t
open_span(struct cur *c, const char *start)
{
	struct js_index *const ix = c->ix;

	if (ix == NULL || ix->n >= JS_SPANS_MAX)
		return NO_SPAN;
	if (ix->n == ix->cap) {
		ix->cap = ix->cap == 0 ? SPANS_FIRST : ix->cap * 2;
		ix->v = mem_grow(ix->v, ix->cap * sizeof *ix->v);
	}
	ix->v[ix->n].start = (uint32_t)(start - c->text);
	return ix->n++;
}

/* What is short is passed over by reading it; all that it holds was short as well. */
static void
close_span(struct cur *c, const char *start, uint32_t at)
{
	const size_t n = (size_t)(c->p - start);

	if (at == NO_SPAN)
		return;
	if (n < JS_SPAN_MIN) {
		c->ix->n = at;
		return;
	}
	c->ix->v[at].n = (uint32_t)n;
	c->ix->v[at].skip = c->ix->n - at;
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
check_key(struct cur *c, struct str *key)
{
	skip_space(c);
	if (!take(c, '"'))
		return fail(c, "a member without a name");
	key->p = c->p;
	if (!check_string(c))
		return false;
	key->n = (size_t)(c->p - 1 - key->p);
	skip_space(c);
	return take(c, ':') || fail(c, "a member without a colon");
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

/* One member, of which only the values are looked into by check_value. */
static bool
read_member(struct cur *c, struct js_item *item)
{
	struct js *const val = &item->val;

	item->prev_end = item->end;
	if (!check_key(c, &item->key))
		return false;
	skip_space(c);
	val->raw.p = c->p;
	if (!check_value(c, 1))
		return false;
	val->raw.n = (size_t)(c->p - val->raw.p);
	val->type = type_at(*val->raw.p);
	item->start = item->key.p - 1;
	item->end = c->p;
	return js_members_add(c->to, item, c->e) == 0;
}

/* The outermost object, whose members are read, after its opening brace. */
static bool
read_object(struct cur *c)
{
	struct js_item item = { .next = NULL };

	skip_space(c);
	if (take(c, '}'))
		return true;
	for (;;) {
		if (!read_member(c, &item))
			return false;
		skip_space(c);
		if (take(c, '}'))
			return true;
		if (!take(c, ','))
			return fail(c, "a list without comma or end");
		skip_space(c);
		if (c->to->last != NULL)
			c->to->last->next = c->p;
	}
}

/* After the opening bracket. */
static bool
check_container(struct cur *c, char close, int depth)
{
	struct str key;

	if (depth >= JS_DEPTH_MAX)
		return fail(c, "values nested too deep");
	skip_space(c);
	if (take(c, close))
		return true;
	for (;;) {
		if (close == '}' && !check_key(c, &key))
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
check_indexed(struct cur *c, int depth)
{
	const char *const start = c->p++;
	uint32_t span;

	if (*start == '"') {
		if (!check_string(c))
			return false;
		if (c->p - start >= JS_SPAN_MIN)
			close_span(c, start, open_span(c, start));
		return true;
	}
	span = open_span(c, start);
	if (!check_container(c, *start == '{' ? '}' : ']', depth))
		return false;
	close_span(c, start, span);
	return true;
}

static bool
check_value(struct cur *c, int depth)
{
	skip_space(c);
	if (c->p >= c->end)
		return fail(c, "the end where a value should be");
	switch (*c->p) {
	case '{':
	case '[':
	case '"':
		return check_indexed(c, depth);
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

static int
check_text(struct cur *c, struct js *root)
{
	const char *start;

	*root = (struct js){ .type = JS_NONE };
	if (c->p == c->end)
		return err_set(c->e, ERR_DATA, "not JSON (RFC 8259): nothing is there");
	skip_space(c);
	start = c->p;
	if (c->to != NULL && take(c, '{') ? read_object(c) : check_value(c, 0)) {
		const size_t n = (size_t)(c->p - start);

		skip_space(c);
		if (c->p == c->end) {
			root->type = type_at(*start);
			root->raw = (struct str){ start, n };
			return 0;
		}
		(void)fail(c, "something behind the value");
	}
	if (c->why == NULL)
		return -1; /* js_members_add has said it */
	return err_set(c->e, ERR_DATA, "not JSON (RFC 8259): byte %zu: %s",
		(size_t)(c->p - c->text), c->why);
}

static struct cur
cur_at(struct str text, struct err *e)
{
	return (struct cur){
		.p = text.p, .end = text.p + text.n, .text = text.p, .e = e
	};
}

int
js_check(struct str text, struct js *root, struct err *e)
{
	struct cur c = cur_at(text, e);

	return check_text(&c, root);
}

int
js_check_index(struct str text, struct js_index *ix, struct js *root, struct err *e)
{
	struct cur c = cur_at(text, e);

	if (text.n < UINT32_MAX)
		c.ix = ix;
	if (check_text(&c, root) < 0)
		return -1;
	if (ix->n > 0 && root->type != JS_STRING)
		root->span = ix->v;
	return 0;
}

int
js_check_fields(
	struct str text, struct js_field *f, size_t n, struct js *root, struct err *e)
{
	struct cur c = cur_at(text, e);
	struct js_members m;

	js_members_init(&m, f, n);
	c.to = &m;
	if (check_text(&c, root) < 0)
		return -1;
	if (root->type != JS_OBJECT)
		return err_set(e, ERR_DATA, "a JSON object is missing where one must be");
	return 0;
}

void
js_index_fini(struct js_index *ix)
{
	free(ix->v);
	*ix = (struct js_index){ NULL, 0, 0 };
}

/* From here on: walking what js_check accepted, so that nothing can run over the end. */

static const char *
pass_space(const char *p)
{
	while (*p <= ' ' && is_space(*p))
		p++;
	return p;
}

static const char *
pass_container(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		const char c = *p++;

		if (c == '"')
			p = jstring_end(p, end);
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
pass_value(struct js_iter *it, const char *p, struct js *v)
{
	const struct js_span *const span = it->span;
	const char *const start = p;

	v->type = type_at(*p);
	if (span < it->span_end && (size_t)(p - it->start) == span->start - it->first) {
		it->span = span + span->skip;
		p += span->n;
		if (v->type != JS_STRING)
			v->span = span;
	} else if (v->type == JS_STRING) {
		p = jstring_end(p + 1, it->end);
	} else if (v->type == JS_ARRAY || v->type == JS_OBJECT) {
		p = pass_container(p, it->end);
	} else {
		p = pass_scalar(p);
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
	it->start = container.raw.p;
	if (container.span != NULL) {
		it->first = container.span->start;
		it->span = container.span + 1;
		it->span_end = container.span + container.span->skip;
	}
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

		p = jstring_end(key, it->end);
		item->key = (struct str){ key, (size_t)(p - 1 - key) };
		p = pass_space(pass_space(p) + 1); /* the colon */
	}
	item->end = pass_value(it, p, &item->val);
	it->prev_end = item->end;
	p = pass_space(item->end);
	it->next = *p == ',' ? pass_space(p + 1) : NULL;
	item->next = it->next;
	return true;
}

int
js_fields(struct js object, struct js_field *f, size_t n, struct err *e)
{
	struct js_members m;
	struct js_iter it;
	struct js_item item;

	if (object.type != JS_OBJECT)
		return err_set(e, ERR_DATA, "a JSON object is missing where one must be");
	js_members_init(&m, f, n);
	js_open(&it, object);
	while (js_next(&it, &item)) {
		if (js_members_add(&m, &item, e) < 0)
			return -1;
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
	return (unsigned int)jstring_hex4(p + 2, end);
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
