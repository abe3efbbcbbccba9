#include "install/logs_line.h"

#include <stdio.h>
#include <time.h>

#include "base/jscan.h"
#include "base/log.h"
#include "base/utf8.h"
#include "install/since.h"
#include "install/term.h"

enum {
	MS = 1000,
	CELL_MAX = 8192,
	TEXT_MAX = 2048,
	STAMP_MAX = 32,
	TIME_WIDE = 8,
	DATE_WIDE = 19,
	AGENT_WIDE = 6,
	EVENT_WIDE = 26,
	VERDICT_WIDE = 5,
	TOOL_WIDE = 32,
	NARROW = 110, /* below it events and tools get less room */
	EVENT_NARROW = 22,
	TOOL_NARROW = 18,
	WHY_LEAST = 20,
	GAPS = 5
};

#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define LOUD "\x1b[1;31m"
#define PLAIN "\x1b[0m"

/* --- reading ---------------------------------------------------------------------- */

static bool
read_fields(struct str raw, struct str out[LOG_FIELDS])
{
	static const struct js_field names[LOG_FIELDS] = {
		[LOG_TS] = JS_FIELD("ts"),
		[LOG_EVENT] = JS_FIELD("event"),
		[LOG_RUN] = JS_FIELD("run"),
		[LOG_AGENT] = JS_FIELD("agent"),
		[LOG_LAYER] = JS_FIELD("layer"),
		[LOG_SERVER] = JS_FIELD("server"),
		[LOG_TOOL] = JS_FIELD("tool"),
		[LOG_VERDICT] = JS_FIELD("verdict"),
		[LOG_RULE] = JS_FIELD("rule"),
		[LOG_AT] = JS_FIELD("at"),
		[LOG_NOTE] = JS_FIELD("note"),
		[LOG_SINCE] = JS_FIELD("since"),
		[LOG_LOST] = JS_FIELD("lost"),
		[LOG_MODEL] = JS_FIELD("model"),
		[LOG_TOKENS_IN] = JS_FIELD("tokens_in"),
		[LOG_TOKENS_OUT] = JS_FIELD("tokens_out"),
	};
	struct js_field f[LOG_FIELDS];
	struct err no = ERR_INIT; /* then it is shown as it is */
	struct js root;

	memcpy(f, names, sizeof f);
	if (js_check(raw, &root, &no) < 0 || root.type != JS_OBJECT ||
		js_fields(root, f, LOG_FIELDS, &no) < 0)
		return false;
	for (size_t i = 0; i < LOG_FIELDS; i++)
		out[i] = f[i].m.val.type == JS_NUMBER ? f[i].m.val.raw
						      : js_inside(f[i].m.val);
	return true;
}

struct log_line
log_line_of(struct str raw)
{
	struct log_line l = { .raw = raw };

	l.good = read_fields(raw, l.field) && since_stamp(l.field[LOG_TS], &l.at_ms);
	return l;
}

static bool
is_one(struct str have, const char *want)
{
	return want == NULL || str_is(have, want);
}

bool
log_line_is(const struct log_line *l, const struct log_want *w)
{
	if (!l->good)
		return w->run == NULL && w->verdict == NULL && w->agent == NULL &&
		       w->layer == NULL && w->since_ms == INT64_MIN;
	return (w->run == NULL || str_starts(l->field[LOG_RUN], str_of(w->run))) &&
	       is_one(l->field[LOG_VERDICT], w->verdict) &&
	       is_one(l->field[LOG_AGENT], w->agent) &&
	       is_one(l->field[LOG_LAYER], w->layer) && l->at_ms >= w->since_ms;
}

/* --- times ------------------------------------------------------------------------ */

static struct tm
local(int64_t ms)
{
	const time_t s = (time_t)(ms / MS);
	struct tm t = { .tm_year = 0 };

	(void)localtime_r(&s, &t); /* out of range: the zeros are as good as anything */
	return t;
}

static bool
is_same_day(int64_t a_ms, int64_t b_ms)
{
	const struct tm a = local(a_ms);
	const struct tm b = local(b_ms);

	return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}

bool
log_line_is_today(const struct log_line *l, int64_t now_ms)
{
	return !l->good || is_same_day(l->at_ms, now_ms);
}

void
log_time_put(struct buf *out, int64_t at_ms, int64_t now_ms)
{
	const struct tm t = local(at_ms);
	char text[STAMP_MAX];

	(void)strftime(text, sizeof text,
		is_same_day(at_ms, now_ms) ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &t);
	buf_puts(out, text);
}

/* --- cells ------------------------------------------------------------------------ */

/* Columns that a character takes; of those in two columns the common ones. */
static int
wide(const char *p, size_t k)
{
	static const struct {
		unsigned int from, to;
	} twos[] = { { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } };
	unsigned int cp = (unsigned char)p[0] & (k > 1 ? 0xffU >> (k + 1) : 0x7fU);

	for (size_t i = 1; i < k; i++)
		cp = cp << 6 | ((unsigned char)p[i] & 0x3fU);
	for (size_t i = 0; i < LEN(twos); i++)
		if (cp >= twos[i].from && cp <= twos[i].to)
			return 2;
	return 1;
}

/* At most `most` columns of valid UTF-8; 0: all of it. Answers how many columns it took. */
static int
put_columns(struct buf *out, struct str s, int most)
{
	size_t n = 0;
	size_t fits = 0; /* bytes that leave a column for the dots */
	int have = 0;

	while (n < s.n) {
		const size_t k = utf8_len(str_skip(s, n));
		const int w = wide(s.p + n, k > 0 ? k : 1);

		if (most > 0 && have + w > most) {
			buf_put(out, s.p, fits);
			buf_puts(out, "\xe2\x80\xa6");
			return most;
		}
		have += w;
		n += k > 0 ? k : 1;
		if (have < most)
			fits = n;
	}
	buf_put_str(out, s);
	return have;
}

static void
put_spaces(struct buf *out, int n)
{
	for (int i = 0; i < n; i++)
		buf_putc(out, ' ');
}

/* A column of the row: cut when the row is to fit a terminal, else only filled. */
static void
put_cell(struct buf *out, struct str text, int width, const struct log_view *v)
{
	const int have = put_columns(out, text, v->columns > 0 ? width : 0);

	put_spaces(out, width - have + 1);
}

static struct str
first_of(struct str s)
{
	return (struct str){ s.p, s.n < TEXT_MAX ? s.n : TEXT_MAX };
}

/* The text of a field, harmless. */
static void
put_field(struct buf *out, const struct log_line *l, enum log_field f)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct err no = ERR_INIT;

	if (js_decode(l->field[f], &text, &no) < 0) /* too long: then as it stands */
		term_put(out, first_of(l->field[f]));
	else
		term_put(out, buf_str(&text));
}

static void
put_field_cell(struct buf *out, const struct log_line *l, enum log_field f, int width,
	const struct log_view *v)
{
	CLEANUP(buf_fini) struct buf cell = BUF_INIT(CELL_MAX);

	put_field(&cell, l, f);
	put_cell(out, buf_str(&cell), width, v);
}

/* --- the row ---------------------------------------------------------------------- */

static const char *
colour_of(const struct log_line *l, const struct log_view *v)
{
	const struct str verdict = l->field[LOG_VERDICT];

	if (!v->colour)
		return "";
	if (l->field[LOG_LOST].n > 0)
		return LOUD;
	if (verdict.n == 0)
		return "";
	return str_is(verdict, "deny") ? RED : str_is(verdict, "allow") ? GREEN : YELLOW;
}

static void
put_verdict(struct buf *out, const struct log_line *l, const struct log_view *v)
{
	const char *colour = colour_of(l, v);

	buf_puts(out, colour);
	put_field_cell(out, l, LOG_VERDICT, VERDICT_WIDE, v);
	buf_puts(out, colour[0] != '\0' ? PLAIN : "");
}

static void
put_tool(struct buf *out, const struct log_line *l, int width, const struct log_view *v)
{
	CLEANUP(buf_fini) struct buf cell = BUF_INIT(CELL_MAX);

	put_field(&cell, l, LOG_SERVER);
	if (cell.n > 0 && l->field[LOG_TOOL].n > 0)
		buf_putc(&cell, '/');
	put_field(&cell, l, LOG_TOOL);
	put_cell(out, buf_str(&cell), width, v);
}

static void
put_lost(struct buf *out, const struct log_line *l, const struct log_view *v)
{
	int64_t since;

	put_field(out, l, LOG_LOST);
	buf_puts(out, " lines lost");
	if (!since_stamp(l->field[LOG_SINCE], &since))
		return;
	buf_puts(out, " since ");
	log_time_put(out, since, v->now_ms);
}

/* What an exchange used. */
static void
put_used(struct buf *out, const struct log_line *l)
{
	put_field(out, l, LOG_MODEL);
	if (l->field[LOG_TOKENS_IN].n == 0 || l->field[LOG_TOKENS_OUT].n == 0)
		return;
	buf_puts(out, "  ");
	put_field(out, l, LOG_TOKENS_IN);
	buf_puts(out, " in, ");
	put_field(out, l, LOG_TOKENS_OUT);
	buf_puts(out, " out");
}

/* The reason: rule, place, note. */
static void
put_why(struct buf *out, const struct log_line *l, const struct log_view *v)
{
	if (l->field[LOG_LOST].n > 0) {
		put_lost(out, l, v);
		return;
	}
	put_used(out, l);
	put_field(out, l, LOG_RULE);
	if (l->field[LOG_RULE].n > 0 && l->field[LOG_AT].n > 0)
		buf_puts(out, "  ");
	put_field(out, l, LOG_AT);
	if (l->field[LOG_NOTE].n > 0 && l->field[LOG_RULE].n + l->field[LOG_AT].n > 0)
		buf_puts(out, ": ");
	put_field(out, l, LOG_NOTE);
}

static void
put_time(struct buf *out, const struct log_line *l, const struct log_view *v)
{
	CLEANUP(buf_fini) struct buf cell = BUF_INIT(CELL_MAX);
	const int width = v->days ? DATE_WIDE : TIME_WIDE;

	if (l->good)
		log_time_put(&cell, l->at_ms, v->now_ms);
	else
		buf_puts(&cell, "--:--:--");
	put_spaces(out, width - (int)cell.n); /* times stand one below the other */
	buf_put_str(out, buf_str(&cell));
	buf_putc(out, ' ');
}

void
log_line_put(struct buf *out, const struct log_line *l, const struct log_view *v)
{
	CLEANUP(buf_fini) struct buf why = BUF_INIT(CELL_MAX);
	const bool narrow = v->columns > 0 && v->columns < NARROW;
	const int event = narrow ? EVENT_NARROW : EVENT_WIDE;
	const int tool = narrow ? TOOL_NARROW : TOOL_WIDE;
	int left = v->columns - (v->days ? DATE_WIDE : TIME_WIDE) - AGENT_WIDE - event -
		   VERDICT_WIDE - tool - GAPS;

	put_time(out, l, v);
	if (!l->good) {
		term_put(&why, first_of(l->raw));
		left = v->columns - (v->days ? DATE_WIDE : TIME_WIDE) - 1;
	} else {
		put_field_cell(out, l, LOG_AGENT, AGENT_WIDE, v);
		put_field_cell(out, l, LOG_EVENT, event, v);
		put_verdict(out, l, v);
		if (l->field[LOG_SERVER].n + l->field[LOG_TOOL].n > 0)
			put_tool(out, l, tool, v);
		else
			left += tool + 1;
		put_why(&why, l, v);
	}
	if (left < WHY_LEAST)
		left = WHY_LEAST; /* then the terminal folds the row */
	(void)put_columns(out, buf_str(&why), v->columns > 0 ? left : 0);
	while (out->n > 0 && out->p[out->n - 1] == ' ')
		out->n--;
	buf_putc(out, '\n');
}
