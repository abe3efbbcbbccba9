#include "gateway/alike.h"

#include "base/jstring.h"

/* The digits at p, without a leading zero; NULL: there is no such number. */
static const char *
pass_digits(const char *p, const char *end)
{
	const char *const start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == start || (*start == '0' && p > start + 1) ? NULL : p;
}

static const char *
pass_free(enum js_type type, const char *p, const char *end)
{
	if (type == JS_NUMBER)
		return pass_digits(p, end);
	return p < end && *p == '"' ? jstring_end(p + 1, end) : NULL;
}

static bool
is_free(struct js v)
{
	const char *const end = v.raw.p + v.raw.n;

	return v.type == JS_STRING ||
	       (v.type == JS_NUMBER && pass_digits(v.raw.p, end) == end);
}

/* Puts the value at its place in the order of the text. */
static void
add_free(struct gw_alike *a, struct str text, struct js v)
{
	const size_t at = (size_t)(v.raw.p - text.p);
	size_t i = a->nfree++;

	for (; i > 0 && a->free[i - 1].at > at; i--)
		a->free[i] = a->free[i - 1];
	a->free[i].at = at;
	a->free[i].end = at + v.raw.n;
	a->free[i].type = v.type;
}

void
gw_alike_keep(struct gw_alike *a, struct str text, const struct js *free, size_t n)
{
	gw_alike_forget(a);
	if (text.n > sizeof a->text || n > GW_FREE_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		if (free[i].type == JS_NONE)
			continue;
		if (!is_free(free[i]))
			return;
		add_free(a, text, free[i]);
	}
	memcpy(a->text, text.p, text.n);
	a->n = text.n;
}

void
gw_alike_forget(struct gw_alike *a)
{
	a->n = a->nfree = 0;
}

bool
gw_alike_is(const struct gw_alike *a, struct str text, struct js *value)
{
	const char *p = text.p;
	const char *const end = text.p + text.n;
	size_t at = 0;

	if (a->n == 0)
		return false;
	for (size_t i = 0; i < GW_FREE_MAX; i++) {
		const size_t fixed = i < a->nfree ? a->free[i].at - at : 0;
		const char *const start = p + fixed;

		value[i] = (struct js){ .type = JS_NONE };
		if (i >= a->nfree)
			continue;
		if ((size_t)(end - p) < fixed || memcmp(p, a->text + at, fixed) != 0)
			return false;
		p = pass_free(a->free[i].type, start, end);
		if (p == NULL)
			return false;
		value[i].type = a->free[i].type;
		value[i].raw = (struct str){ start, (size_t)(p - start) };
		at = a->free[i].end;
	}
	return (size_t)(end - p) == a->n - at && memcmp(p, a->text + at, a->n - at) == 0;
}
