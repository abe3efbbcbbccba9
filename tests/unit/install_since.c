#include "tests/unit/test.h"

#include <stdlib.h>
#include <time.h>

#include "install/since.h"

static const int64_t now = 1795268096123; /* 2026-11-21T13:34:56.123Z */

static void
a_person_may_write_a_time_in_these_ways(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{ "0s", 1795268096123 },
		{ "30s", 1795268066123 },
		{ "15m", 1795267196123 },
		{ "1h", 1795264496123 },
		{ "2d", 1795095296123 },
		{ "1w", 1794663296123 },
		{ "2026-11-21", 1795219200000 },
		{ "2024-02-29", 1709164800000 },
		{ "1970-01-01", 0 },
		{ "2026-11-21T13:34:56Z", 1795268096000 },
		{ "2026-11-21T13:34:56.123Z", 1795268096123 },
		{ "2026-11-21t13:34:56.1z", 1795268096100 },
		{ "2026-11-21 13:34:56.123456789Z", 1795268096123 },
		{ "2026-11-21T14:34:56+01:00", 1795268096000 },
		{ "2026-11-21T08:04:56-05:30", 1795268096000 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		int64_t at = -1;

		ok_int(since_parse(str_of(rows[i].text), now, &at, &e), 0, rows[i].text);
		ok_int(at, rows[i].want, rows[i].text);
	}
}

static void
what_is_no_time_is_a_usage_error(void)
{
	static const char *const rows[] = { "", "1", "h", "1y", "1H", "-1h", "+1h", "1h ",
		" 1h", "1h30m", "1.5h", "1000001s", "99999999999999999999d", "yesterday",
		"2026-11-21T13",
		"2026-11-21T13:", "2026-11-21T13:34:", "2026-11-21 13:34",
		"2026-11-21T13:34Z", "2026-13-01", "2026-00-01", "2026-02-29",
		"2026-11-31", "2026-11-00", "1969-12-31", "26-11-21", "2026-11-21Z",
		"2026-11-21T24:00:00Z", "2026-11-21T13:60:56Z", "2026-11-21T13:34:61Z",
		"2026-11-21T13:34:56.Z", "2026-11-21T13:34:56.1234567890Z",
		"2026-11-21T13:34:56+1:00", "2026-11-21T13:34:56+24:00",
		"2026-11-21T13:34:56ZZ", "2026/11/21" };

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		int64_t at = -1;

		ok_int(since_parse(str_of(rows[i]), now, &at, &e), -1, rows[i]);
		ok_int(e.code, ERR_USAGE, rows[i]);
		ok(strstr(e.text, "want 30s") != NULL, rows[i]);
	}
}

static void
every_part_of_a_stamp_alone_is_none(void)
{
	static const char stamp[] = "2026-11-21T13:34:56.123Z";
	int64_t at = -1;

	for (size_t n = 0; n + 1 < sizeof stamp - 1; n++)
		ok(!since_stamp((struct str){ stamp, n }, &at), stamp);
	ok(since_stamp(STR(stamp), &at), stamp);
	ok_int(at, 1795268096123, stamp);
}

static void
a_date_is_the_persons_own_day(void)
{
	struct err e = ERR_INIT;
	int64_t at = -1;

	ok_int(setenv("TZ", "EAST-2", 1), 0, "setenv"); /* two hours east */
	tzset();
	ok_int(since_parse(STR("2026-11-21"), now, &at, &e), 0, "a date in the east");
	ok_int(at, 1795219200000 - 7200000, "begins two hours earlier");
	ok_int(since_parse(STR("2026-11-21T10:30"), now, &at, &e), 0,
		"with a time of day");
	ok_int(at, 1795219200000 - 7200000 + 37800000, "is the person's own");
	ok_int(since_parse(STR("2026-11-21T10:30:05"), now, &at, &e), 0, "and seconds");
	ok_int(at, 1795219200000 - 7200000 + 37805000, "are counted");
	ok_int(since_parse(STR("2026-11-21T00:00:00Z"), now, &at, &e), 0, "with a zone");
	ok_int(at, 1795219200000, "is what it says");
}

int
main(void)
{
	ok_int(setenv("TZ", "UTC0", 1), 0, "setenv");
	tzset();
	a_person_may_write_a_time_in_these_ways();
	what_is_no_time_is_a_usage_error();
	every_part_of_a_stamp_alone_is_none();
	a_date_is_the_persons_own_day();
	return test_done();
}
