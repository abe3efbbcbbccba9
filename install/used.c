#include "install/used.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/jscan.h"
#include "base/mem.h"
#include "install/since.h"

enum {
	ROWS_FIRST = 16,
	TEXT_MAX = 4096,
	DIGITS_MAX = 18,
	TEN = 10,
	MS = 1000,
	STATUS_ERROR = 400,
	DAY_MAX = 32
};

static const char *const names[USED_NUMBERS] = { "requests", "refusals", "errors",
	"tokens_in", "tokens_out", "cache_read", "cache_write", "reasoning",
	"cost_microusd", "calls", "denials", "answers", "first_us", "elapsed_us" };

const char *
used_name(enum used_number n)
{
	return names[n];
}

/* --- one line ------------------------------------------------------------------------ */

enum { TS, EVENT, RUN, AGENT, ROOT, VERDICT, MODEL, ASKED, STATUS, TEXTS };

/* Of one line: its texts, escapes as they stand, and what it adds. */
struct line {
	struct str text[TEXTS];
	int64_t at_ms;
	int64_t add[USED_NUMBERS];
};

static int64_t
number_of(struct js v)
{
	int64_t n = 0;

	if (v.type != JS_NUMBER || v.raw.n > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < v.raw.n; i++) {
		if (v.raw.p[i] < '0' || v.raw.p[i] > '9')
			return 0;
		n = n * TEN + (v.raw.p[i] - '0');
	}
	return n;
}

static void
read_numbers(struct js root, struct line *l)
{
	struct js_field f[USED_NUMBERS];
	struct err unread = ERR_INIT; /* then they are 0 */

	for (int i = 0; i < USED_NUMBERS; i++)
		f[i] = (struct js_field)JS_FIELD(names[i]);
	if (js_fields(root, f, USED_NUMBERS, &unread) < 0)
		return;
	for (int i = USED_IN; i < USED_NUMBERS; i++)
		l->add[i] = number_of(f[i].m.val);
	l->add[USED_REQUESTS] = 1;
	l->add[USED_ANSWERS] = f[USED_FIRST_US].m.val.type == JS_NUMBER;
}

/* False: nothing of it is counted. */
static bool
read_line(struct str raw, struct line *l)
{
	struct js_field f[TEXTS] = {
		[TS] = JS_FIELD("ts"),
		[EVENT] = JS_FIELD("event"),
		[RUN] = JS_FIELD("run"),
		[AGENT] = JS_FIELD("agent"),
		[ROOT] = JS_FIELD("root"),
		[VERDICT] = JS_FIELD("verdict"),
		[MODEL] = JS_FIELD("model"),
		[ASKED] = JS_FIELD("model_asked"),
		[STATUS] = JS_FIELD("status"),
	};
	struct err unread = ERR_INIT;
	struct js root;
	int64_t status;

	/* most lines are about something else: that is seen without reading them */
	if (memmem(raw.p, raw.n, "\"gateway_usage\"", 15) == NULL &&
		memmem(raw.p, raw.n, "\"gateway_request\"", 17) == NULL)
		return false;
	if (js_check(raw, &root, &unread) < 0 || root.type != JS_OBJECT ||
		js_fields(root, f, TEXTS, &unread) < 0)
		return false;
	for (int i = 0; i < TEXTS; i++)
		l->text[i] = js_inside(f[i].m.val);
	if (!since_stamp(l->text[TS], &l->at_ms))
		return false;
	if (str_is(l->text[EVENT], "gateway_usage")) {
		read_numbers(root, l);
		status = number_of(f[STATUS].m.val);
		l->add[USED_ERRORS] = status == 0 || status >= STATUS_ERROR;
		return true;
	}
	l->add[USED_REFUSALS] = str_is(l->text[EVENT], "gateway_request") &&
				str_is(l->text[VERDICT], "deny");
	return l->add[USED_REFUSALS] > 0;
}

/* --- rows ------------------------------------------------------------------------------ */

static void
row_fini(struct used_row *r)
{
	free(r->key);
	free(r->agent);
	free(r->root);
}

static void
table_fini(struct used_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		row_fini(&t->row[i]);
	free(t->row);
}

void
used_fini(struct used *u)
{
	table_fini(&u->runs);
	table_fini(&u->models);
	table_fini(&u->days);
	*u = (struct used){ .runs = { .row = NULL } };
}

static char *
decoded(struct str inside)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(TEXT_MAX);
	struct err unread = ERR_INIT; /* too long: as it stands */

	return js_decode(inside, &b, &unread) < 0 ? mem_strdup_str(inside) : buf_take(&b);
}

/* Lines of one run stand close together, so the latest rows are looked at first. */
static struct used_row *
row_of(struct used_table *t, struct str key, struct err *e)
{
	CLEANUP(mem_freep) char *name = decoded(key);
	struct used_row *r;

	for (size_t i = t->n; i > 0; i--)
		if (strcmp(t->row[i - 1].key, name) == 0)
			return &t->row[i - 1];
	if (t->n == USED_ROWS_MAX) {
		(void)err_set(e, ERR_DATA,
			"the log has more than %d runs, models or days: choose some with "
			"--since",
			USED_ROWS_MAX);
		return NULL;
	}
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? ROWS_FIRST : 2 * t->cap;
		t->row = mem_grow(t->row, t->cap * sizeof *t->row);
	}
	r = &t->row[t->n++];
	*r = (struct used_row){ .key = name };
	name = NULL;
	return r;
}

static void
add_to(struct used_row *r, const struct line *l)
{
	if (r->first_ms == 0 || l->at_ms < r->first_ms)
		r->first_ms = l->at_ms;
	if (l->at_ms > r->last_ms)
		r->last_ms = l->at_ms;
	for (int i = 0; i < USED_NUMBERS; i++)
		if (__builtin_add_overflow(r->sum[i], l->add[i], &r->sum[i]))
			r->sum[i] = INT64_MAX;
}

static int
add_named(struct used_table *t, struct str key, const struct line *l, struct err *e)
{
	struct used_row *r = row_of(t, key, e);

	if (r == NULL)
		return -1;
	add_to(r, l);
	return 0;
}

static int
add_run(struct used *u, const struct line *l, struct err *e)
{
	struct used_row *r = row_of(&u->runs, l->text[RUN], e);

	if (r == NULL)
		return -1;
	if (r->agent == NULL) {
		r->agent = decoded(l->text[AGENT]);
		r->root = decoded(l->text[ROOT]);
	}
	add_to(r, l);
	return 0;
}

static int
add_day(struct used *u, const struct line *l, struct err *e)
{
	const time_t s = (time_t)(l->at_ms / MS);
	struct tm t = { .tm_year = 0 };
	char day[DAY_MAX];
	size_t n;

	(void)localtime_r(&s, &t); /* out of range: the zeros are as good as anything */
	n = strftime(day, sizeof day, "%Y-%m-%d", &t);
	return add_named(&u->days, (struct str){ day, n }, l, e);
}

int
used_add(struct used *u, struct str raw, const struct used_filter *f, struct err *e)
{
	struct line l = { .at_ms = 0 };
	struct str model;

	if (!read_line(raw, &l) || l.at_ms < f->since_ms ||
		(f->run != NULL && !str_starts(l.text[RUN], str_of(f->run))))
		return 0;
	model = l.text[MODEL].n > 0 ? l.text[MODEL] : l.text[ASKED];
	add_to(&u->all, &l);
	if (add_run(u, &l, e) < 0 || add_day(u, &l, e) < 0)
		return -1;
	/* of a refused request the model is not logged */
	return l.add[USED_REFUSALS] > 0 ? 0 : add_named(&u->models, model, &l, e);
}

/* --- numbers for a person ---------------------------------------------------------------- */

void
used_put_count(struct buf *out, int64_t n)
{
	static const char units[] = "kMGT";
	enum { THOUSAND = 1000, HUNDRED = 100 };
	double d = (double)n;
	size_t unit = 0;

	if (n < THOUSAND) {
		buf_printf(out, "%" PRId64, n);
		return;
	}
	for (d /= THOUSAND; d >= THOUSAND && unit + 2 < sizeof units; unit++)
		d /= THOUSAND;
	buf_printf(out,
		d < TEN       ? "%.2f%c"
		: d < HUNDRED ? "%.1f%c"
			      : "%.0f%c",
		d, units[unit]);
}

void
used_put_usd(struct buf *out, int64_t microusd)
{
	enum { MILLION = 1000000, CENT = 10000 };

	if (microusd <= 0)
		buf_putc(out, '-');
	else if (microusd < CENT)
		buf_printf(out, "$0.%04" PRId64, microusd / (CENT / (TEN * TEN)));
	else
		buf_printf(out, "$%" PRId64 ".%02" PRId64, microusd / MILLION,
			microusd % MILLION / CENT);
}

void
used_put_age(struct buf *out, int64_t s)
{
	enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

	if (s < MINUTE)
		buf_printf(out, "%" PRId64 "s", s < 0 ? 0 : s);
	else if (s < HOUR)
		buf_printf(out, "%" PRId64 "m", s / MINUTE);
	else if (s < DAY)
		buf_printf(
			out, "%" PRId64 "h%02" PRId64 "m", s / HOUR, s % HOUR / MINUTE);
	else
		buf_printf(out, "%" PRId64 "d%02" PRId64 "h", s / DAY, s % DAY / HOUR);
}
