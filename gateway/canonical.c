#include "gateway/canonical.h"

#include <stdlib.h>

#include "base/jscan.h"

enum { DEEPEST = 16, MEMBERS_MAX = 64, DIGITS_MAX = 18 };

static bool put_value(struct js v, int depth, struct buf *out);

/* The escapes that jansson writes, too; not "/", nor four digits. */
static bool
is_plain(struct str inside)
{
	struct str rest = inside;
	const char *slash;

	while (rest.n > 0 && (slash = memchr(rest.p, '\\', rest.n)) != NULL) {
		if (slash[1] == 'u' || slash[1] == '/')
			return false;
		rest = str_skip(rest, (size_t)(slash - rest.p) + 2);
	}
	return true;
}

static bool
is_integer(struct str s)
{
	const size_t sign = s.n > 0 && s.p[0] == '-';

	if (s.n - sign > DIGITS_MAX || (sign > 0 && s.p[1] == '0'))
		return false;
	for (size_t i = sign; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static int
by_name(const void *a, const void *b)
{
	const struct str x = ((const struct js_item *)a)->key;
	const struct str y = ((const struct js_item *)b)->key;
	const int got = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return got != 0 ? got : (x.n > y.n) - (x.n < y.n);
}

static bool
put_object(struct js v, int depth, struct buf *out)
{
	struct js_item all[MEMBERS_MAX];
	struct js_iter it;
	size_t n = 0;

	js_open(&it, v);
	while (n < MEMBERS_MAX && js_next(&it, &all[n])) {
		if (memchr(all[n].key.p, '\\', all[n].key.n) != NULL)
			return false;
		n++;
	}
	if (n == MEMBERS_MAX)
		return false;
	qsort(all, n, sizeof *all, by_name);
	buf_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(all[i - 1].key, all[i].key))
			return false;
		buf_puts(out, i > 0 ? ",\"" : "\"");
		buf_put_str(out, all[i].key);
		buf_puts(out, "\":");
		if (!put_value(all[i].val, depth, out))
			return false;
	}
	buf_putc(out, '}');
	return true;
}

static bool
put_array(struct js v, int depth, struct buf *out)
{
	struct js_iter it;
	struct js_item m;
	bool more = false;

	js_open(&it, v);
	buf_putc(out, '[');
	while (js_next(&it, &m)) {
		if (more)
			buf_putc(out, ',');
		more = true;
		if (!put_value(m.val, depth, out))
			return false;
	}
	buf_putc(out, ']');
	return true;
}

static bool
put_value(struct js v, int depth, struct buf *out)
{
	switch (v.type) {
	case JS_OBJECT:
		return depth < DEEPEST && put_object(v, depth + 1, out);
	case JS_ARRAY:
		return depth < DEEPEST && put_array(v, depth + 1, out);
	case JS_STRING:
		if (!is_plain(js_inside(v)))
			return false;
		break;
	case JS_NUMBER:
		if (!is_integer(v.raw))
			return false;
		break;
	case JS_NULL:
	case JS_BOOL:
		break;
	case JS_NONE:
	case JS_TYPES:
		return false;
	}
	buf_put_str(out, v.raw);
	return true;
}

bool
gw_canonical_put(struct str text, struct buf *out)
{
	struct err unread = ERR_INIT; /* json_put says so, too */
	struct js root;

	return js_check(text, &root, &unread) == 0 && put_value(root, 0, out) &&
	       !out->over;
}
