#include "install/since.h"

#include <time.h>

#include "base/log.h"

enum {
	MS = 1000,
	MINUTE = 60,
	HOUR = 3600,
	DAY = 86400,
	WEEK = 7 * DAY,
	AMOUNT_MAX = 1000000,
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
	MONTHS = 12,
	FRACTION_MAX = 9
};

/* What is left to read; `good` stays false after the first thing that is wrong. */
struct scan {
	struct str rest;
	bool good;
};

static bool
take(struct scan *s, char c)
{
	if (s->rest.n == 0 || s->rest.p[0] != c)
		return false;
	s->rest = str_skip(s->rest, 1);
	return true;
}

static void
want(struct scan *s, char c)
{
	s->good = take(s, c) && s->good;
}

static bool
is_digit(struct str s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

/* Exactly n digits, with a value from lo to hi. */
static int
number(struct scan *s, int n, int lo, int hi)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(s->rest)) {
			s->good = false;
			return lo;
		}
		v = v * 10 + (s->rest.p[0] - '0');
		s->rest = str_skip(s->rest, 1);
	}
	s->good = s->good && v >= lo && v <= hi;
	return v;
}

static int
days_of(int year, int month)
{
	static const int days[MONTHS] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static void
date(struct scan *s, struct tm *t)
{
	int year, month, day;

	year = number(s, 4, YEAR_MIN, YEAR_MAX);
	want(s, '-');
	month = number(s, 2, 1, MONTHS);
	want(s, '-');
	day = number(s, 2, 1, 31);
	if (s->good && day > days_of(year, month))
		s->good = false;
	t->tm_year = year - 1900;
	t->tm_mon = month - 1;
	t->tm_mday = day;
}

/* Behind the seconds, as milliseconds; digits beyond them are cut. */
static int
fraction(struct scan *s)
{
	int ms = 0;
	int n = 0;

	if (!take(s, '.'))
		return 0;
	for (; is_digit(s->rest) && n < FRACTION_MAX; n++) {
		if (n < 3)
			ms = ms * 10 + (s->rest.p[0] - '0');
		s->rest = str_skip(s->rest, 1);
	}
	s->good = s->good && n > 0;
	for (; n < 3; n++)
		ms *= 10;
	return ms;
}

/* Z or +hh:mm, in seconds. */
static int
offset(struct scan *s)
{
	int sign, hours, minutes;

	if (take(s, 'Z') || take(s, 'z'))
		return 0;
	sign = take(s, '-') ? -1 : 1;
	if (sign == 1)
		want(s, '+');
	hours = number(s, 2, 0, 23);
	want(s, ':');
	minutes = number(s, 2, 0, 59);
	return sign * (hours * HOUR + minutes * MINUTE);
}

bool
since_stamp(struct str text, int64_t *at_ms)
{
	struct scan s = { text, true };
	struct tm t = { .tm_isdst = 0 };
	int ms, off;

	date(&s, &t);
	if (!take(&s, 'T') && !take(&s, 't'))
		want(&s, ' ');
	t.tm_hour = number(&s, 2, 0, 23);
	want(&s, ':');
	t.tm_min = number(&s, 2, 0, 59);
	want(&s, ':');
	t.tm_sec = number(&s, 2, 0, 60);
	ms = fraction(&s);
	off = offset(&s);
	if (!s.good || s.rest.n > 0)
		return false;
	*at_ms = ((int64_t)timegm(&t) - off) * MS + ms;
	return true;
}

/* A date, or with a time of day behind it; in the person's time zone. */
static bool
is_local(struct str text, int64_t *at_ms)
{
	struct scan s = { text, true };
	struct tm t = { .tm_isdst = -1 };

	date(&s, &t);
	if (s.good && take(&s, 'T')) {
		t.tm_hour = number(&s, 2, 0, 23);
		want(&s, ':');
		t.tm_min = number(&s, 2, 0, 59);
		t.tm_sec = take(&s, ':') ? number(&s, 2, 0, 60) : 0;
	}
	if (!s.good || s.rest.n > 0)
		return false;
	*at_ms = (int64_t)mktime(&t) * MS;
	return true;
}

static bool
is_ago(struct str text, int64_t *ms)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', MINUTE }, { 'h', HOUR }, { 'd', DAY },
		{ 'w', WEEK } };
	int64_t amount = 0;
	size_t n = 0;

	for (; is_digit(str_skip(text, n)); n++) {
		amount = amount * 10 + (text.p[n] - '0');
		if (amount > AMOUNT_MAX)
			return false;
	}
	if (n == 0 || n + 1 != text.n)
		return false;
	for (size_t i = 0; i < LEN(units); i++) {
		if (units[i].unit != text.p[n])
			continue;
		*ms = amount * units[i].seconds * MS;
		return true;
	}
	return false;
}

int
since_parse(struct str text, int64_t now_ms, int64_t *at_ms, struct err *e)
{
	char shown[LOG_QUOTED_MAX];
	int64_t ago;

	if (is_ago(text, &ago)) {
		*at_ms = now_ms - ago;
		return 0;
	}
	if (is_local(text, at_ms) || since_stamp(text, at_ms))
		return 0;
	return err_set(e, ERR_USAGE, "--since '%s' is no time: want " SINCE_WORDS,
		log_quoted(text, shown));
}

int64_t
since_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail with this clock */
	return (int64_t)t.tv_sec * MS + t.tv_nsec / 1000000;
}
