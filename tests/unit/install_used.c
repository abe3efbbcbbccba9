#include "install/used.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <time.h>

#define USAGE(ts, run, model, rest)                                                      \
	"{\"v\":1,\"ts\":\"" ts "\",\"event\":\"gateway_usage\",\"run\":\"" run          \
	"\",\"agent\":\"claude\",\"root\":\"/w/p\",\"layer\":\"gateway\"," model         \
	"\"calls\":2,\"denials\":1," rest "}"
#define MODEL(name) "\"model\":\"" name "\","
#define DENIED(ts, run, verdict)                                                         \
	"{\"v\":1,\"ts\":\"" ts "\",\"event\":\"gateway_request\",\"run\":\"" run        \
	"\",\"agent\":\"codex\",\"layer\":\"gateway\",\"verdict\":\"" verdict "\"}"

static const char *const lines[] = {
	USAGE("2026-11-20T23:59:59.000Z", "a1", MODEL("m-1") "\"model_asked\":\"m\",",
		"\"status\":200,\"tokens_in\":10,\"tokens_out\":5,\"cache_read\":3,"
		"\"cost_microusd\":7,\"first_us\":100,\"elapsed_us\":900"),
	USAGE("2026-11-21T00:00:00.000Z", "a1", MODEL("m\\u002d1"),
		"\"status\":200,\"tokens_in\":1000,\"first_us\":300,\"elapsed_us\":300"),
	USAGE("2026-11-21T10:00:00.000Z", "b2", "\"model_asked\":\"m-2\",",
		"\"status\":500,\"elapsed_us\":4"),
	USAGE("2026-11-21T10:00:01.000Z", "b2", "\"model_asked\":\"m-2\",",
		"\"tokens_in\":-4,\"tokens_out\":1e3,\"elapsed_us\":\"x\""),
	DENIED("2026-11-21T10:00:02.000Z", "c3", "deny"),
	DENIED("2026-11-21T10:00:02.000Z", "c3", "allow"),
	"{\"event\":\"gateway_usage\",\"run\":\"z\"}",
	"{\"v\":1,\"ts\":\"2026-11-21T10:00:01.000Z\",\"event\":\"mcp_call\",\"note\":"
	"\"\\\"gateway_usage\\\"\",\"run\":\"z\"}",
	"no JSON \"gateway_usage\"",
	"",
};

/* requests refusals errors in out cache cost calls denials answers first busy */
static void
put_row(struct buf *b, const char *what, const struct used_row *r)
{
	buf_printf(b, "%s %s %s:", what, r->key == NULL ? "-" : r->key,
		r->agent == NULL ? "-" : r->agent);
	for (int i = 0; i < USED_NUMBERS; i++)
		buf_printf(b, " %" PRId64, r->sum[i]);
	buf_putc(b, '\n');
}

static void
put_table(struct buf *b, const char *what, const struct used_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		put_row(b, what, &t->row[i]);
}

static void
check(const char *run, int64_t since_ms, const char *want, const char *name)
{
	CLEANUP(used_fini) struct used u = { .runs = { .row = NULL } };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 16);
	const struct used_filter f = { run, since_ms };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(lines); i++)
		ok_int(used_add(&u, str_of(lines[i]), &f, &e), 0, name);
	put_table(&b, "day", &u.days);
	put_table(&b, "model", &u.models);
	put_table(&b, "run", &u.runs);
	put_row(&b, "all", &u.all);
	ok_str(buf_text(&b), want, name);
}

static void
lines_are_added_up(void)
{
	check(NULL, INT64_MIN,
		"day 2026-11-20 -: 1 0 0 10 5 3 0 0 7 2 1 1 100 900\n"
		"day 2026-11-21 -: 3 1 2 1000 0 0 0 0 0 6 3 1 300 304\n"
		"model m-1 -: 2 0 0 1010 5 3 0 0 7 4 2 2 400 1200\n"
		"model m-2 -: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n"
		"run a1 claude: 2 0 0 1010 5 3 0 0 7 4 2 2 400 1200\n"
		"run b2 claude: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n"
		"run c3 codex: 0 1 0 0 0 0 0 0 0 0 0 0 0 0\n"
		"all - -: 4 1 2 1010 5 3 0 0 7 8 4 2 400 1204\n",
		"all");
	check("b", INT64_MIN,
		"day 2026-11-21 -: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n"
		"model m-2 -: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n"
		"run b2 claude: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n"
		"all - -: 2 0 2 0 0 0 0 0 0 4 2 0 0 4\n",
		"one run, by the beginning of its id");
	check(NULL, 1795255202000,
		"day 2026-11-21 -: 0 1 0 0 0 0 0 0 0 0 0 0 0 0\n"
		"run c3 codex: 0 1 0 0 0 0 0 0 0 0 0 0 0 0\n"
		"all - -: 0 1 0 0 0 0 0 0 0 0 0 0 0 0\n",
		"since a time");
}

static void
sums_stay_at_their_ceiling(void)
{
	CLEANUP(used_fini) struct used u = { .runs = { .row = NULL } };
	const struct used_filter f = { NULL, INT64_MIN };
	struct err e = ERR_INIT;

	for (int i = 0; i < 12; i++)
		ok_int(used_add(&u,
			       STR(USAGE("2026-11-20T23:59:59.000Z", "a1", MODEL("m"),
				       "\"tokens_in\":999999999999999999")),
			       &f, &e),
			0, "a line");
	ok(u.all.sum[USED_IN] == INT64_MAX, "not beyond it");
}

static void
numbers_are_written_for_a_person(void)
{
	static const struct {
		int64_t n;
		const char *count, *usd, *age;
	} rows[] = {
		{ 0, "0", "-", "0s" },
		{ 59, "59", "$0.0000", "59s" },
		{ 999, "999", "$0.0009", "16m" },
		{ 9999, "10.00k", "$0.0099", "2h46m" },
		{ 10000, "10.0k", "$0.01", "2h46m" },
		{ 123456, "123k", "$0.12", "1d10h" },
		{ 1234567890, "1.23G", "$1234.56", "14288d23h" },
		{ INT64_MAX, "9223372T", "$9223372036854.77", "106751991167300d15h" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf a = BUF_INIT(64);
		CLEANUP(buf_fini) struct buf b = BUF_INIT(64);
		CLEANUP(buf_fini) struct buf c = BUF_INIT(64);

		used_put_count(&a, rows[i].n);
		used_put_usd(&b, rows[i].n);
		used_put_age(&c, rows[i].n);
		ok_str(buf_text(&a), rows[i].count, "count");
		ok_str(buf_text(&b), rows[i].usd, "usd");
		ok_str(buf_text(&c), rows[i].age, "age");
	}
}

int
main(void)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	lines_are_added_up();
	sums_stay_at_their_ceiling();
	numbers_are_written_for_a_person();
	return test_done();
}
