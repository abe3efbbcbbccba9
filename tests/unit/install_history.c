#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/path.h"
#include "install/history.h"
#include "install/since.h"
#include "policy/record.h"

static const struct history_filter all = { .since_ms = INT64_MIN };

/* A line with what is usual, unless `more` says it; JSON takes a member once only. */
static char *
line_of(const char *event, const char *id, const char *verdict, const char *more)
{
	return mem_printf(
		"{\"ts\":\"2026-11-21T10:00:00.000Z\",\"event\":\"%s\",\"run\":\"r\","
		"\"agent\":\"claude\",\"tool\":\"Bash\",\"call_id\":\"%s\","
		"\"verdict\":\"%s\",\"rule\":\"%s-rule\"%s}",
		event, id, verdict, verdict, more);
}

static void
add(struct history *h, const char *event, const char *id, const char *verdict,
	const char *more)
{
	CLEANUP(mem_freep) char *line = line_of(event, id, verdict, more);
	struct err e = ERR_INIT;

	ok_int(history_add(h, str_of(line), &all, &e), 0, e.text);
}

static void
only_calls_are_taken(void)
{
	static const struct {
		const char *event;
		size_t calls;
	} rows[] = {
		{ "gateway_call_allowed", 1 },
		{ "gateway_call_replaced", 1 },
		{ "gateway_call_noted", 1 },
		{ "gateway_definition_stripped", 0 },
		{ "gateway_history_stripped", 0 },
		{ "gateway_request", 0 },
		{ "hook_allowed", 1 },
		{ "hook_denied", 1 },
		{ "hook_result", 0 },
		{ "mcp_call_allowed", 1 },
		{ "mcp_call_failed", 0 },
		{ "mcp_started", 0 },
		{ "shim_launch", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(history_fini) struct history h = { .call = NULL };

		add(&h, rows[i].event, "1", "deny", "");
		ok_int(h.n, rows[i].calls, rows[i].event);
		ok_int(h.unread, 0, rows[i].event);
	}
}

static void
lines_of_another_kind_are_passed_over(void)
{
	static const struct {
		const char *line;
		size_t unread;
	} rows[] = {
		{ "", 1 },
		{ "not JSON", 1 },
		{ "[]", 1 },
		{ "{}", 1 },
		{ "{\"event\":1}", 1 },
		{ "{\"event\":\"hook_denied\"}", 0 },
		{ "{\"event\":\"hook_denied\",\"event\":\"hook_denied\"}", 1 },
		{ "{\"ts\":\"x\",\"event\":\"hook_denied\",\"agent\":\"claude\",\"tool\":\"T\","
		  "\"verdict\":\"deny\"}",
			0 },
		{ "{\"ts\":\"2026-11-21T10:00:00Z\",\"event\":\"hook_denied\",\"agent\":\"x\","
		  "\"tool\":\"T\",\"verdict\":\"deny\"}",
			0 },
		{ "{\"ts\":\"2026-11-21T10:00:00Z\",\"event\":\"hook_denied\","
		  "\"agent\":\"claude\",\"tool\":\"T\",\"verdict\":\"no\"}",
			0 },
		{ "{\"ts\":\"2026-11-21T10:00:00Z\",\"event\":\"hook_denied\","
		  "\"agent\":\"claude\",\"tool\":1,\"verdict\":\"deny\"}",
			0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(history_fini) struct history h = { .call = NULL };
		struct err e = ERR_INIT;

		ok_int(history_add(&h, str_of(rows[i].line), &all, &e), 0, e.text);
		ok_int(h.n, 0, rows[i].line);
		ok_int(h.unread, rows[i].unread, rows[i].line);
	}
}

static void
one_call_of_many_layers_has_the_strictest_verdict(void)
{
	static const struct {
		const char *verdict[3];
		const char *want, *rule;
	} rows[] = {
		{ { "allow", "allow", "allow" }, "allow", "allow-rule" },
		{ { "allow", "deny", "allow" }, "deny", "deny-rule" },
		{ { "ask", "audit", "allow" }, "ask", "ask-rule" },
		{ { "allow", "ask", "deny" }, "deny", "deny-rule" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(history_fini) struct history h = { .call = NULL };

		add(&h, "gateway_call_x", "1", rows[i].verdict[0], "");
		add(&h, "hook_x", "1", rows[i].verdict[1],
			",\"args\":{\"b\":1,\"a\":\"x\"},\"args_sha256\":\"s\"");
		add(&h, "mcp_call_x", "1", rows[i].verdict[2], "");
		ok_int(h.n, 1, "one call");
		ok_str(pol_verdict_name(h.call[0].verdict), rows[i].want,
			"the strictest");
		ok_str(h.call[0].rule, rows[i].rule, "with its rule");
		ok_str(h.call[0].args, "{\"a\":\"x\",\"b\":1}", "and the arguments");
		ok_str(h.call[0].args_sha256, "s", "and their hash");
	}
}

static void
other_calls_stay_apart(void)
{
	CLEANUP(history_fini) struct history h = { .call = NULL };
	char id[16];

	add(&h, "hook_x", "", "deny", "");
	add(&h, "hook_x", "", "deny", "");
	ok_int(h.n, 2, "without an id");
	add(&h, "hook_x", "1", "deny", "");
	add(&h, "hook_x", "1", "deny", ",\"server\":\"s\"");
	add(&h, "hook_x", "2", "deny", "");
	ok_int(h.n, 5, "another server, another id");
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(id, sizeof id, "c%d", i % 2500);
		add(&h, "hook_x", id, "deny", "");
	}
	ok_int(h.n, 2505, "many");
}

static void
the_filter_is_by_run_and_time(void)
{
	static const struct {
		const char *run, *since;
		size_t calls;
	} rows[] = {
		{ NULL, NULL, 1 },
		{ "r", NULL, 1 },
		{ "x", NULL, 0 },
		{ "", NULL, 0 },
		{ NULL, "2026-11-21T10:00:00Z", 1 },
		{ NULL, "2026-11-21T10:00:01Z", 0 },
		{ "r", "2026-11-20T00:00:00Z", 1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(history_fini) struct history h = { .call = NULL };
		CLEANUP(mem_freep) char *line = line_of("hook_x", "1", "deny", "");
		struct history_filter f = { .run = rows[i].run, .since_ms = INT64_MIN };
		struct err e = ERR_INIT;

		ok(rows[i].since == NULL ||
				since_stamp(str_of(rows[i].since), &f.since_ms),
			"a time");
		ok_int(history_add(&h, str_of(line), &f, &e), 0, e.text);
		ok_int(h.n, rows[i].calls, rows[i].since == NULL ? "all" : rows[i].since);
	}
}

static void
arguments_are_known_by_their_hash(void)
{
	char dir[] = "/tmp/pando-history-XXXXXX";
	CLEANUP(history_fini) struct history h = { .call = NULL };
	CLEANUP(buf_fini) struct buf log = BUF_INIT(65536);
	CLEANUP(mem_freep) char *path = NULL;
	char none[REC_SHA_HEX + 1];
	CLEANUP(mem_freep) char *empty = NULL;
	struct err e = ERR_INIT;

	if (mkdtemp(dir) == NULL)
		abort();
	path = path_join(dir, "log");
	rec_sha256(STR("{}"), none);
	empty = mem_printf(",\"args_sha256\":\"%s\"", none);
	{
		CLEANUP(mem_freep)
		char *a = line_of("hook_x", "1", "deny", ",\"args_sha256\":\"s\"");
		CLEANUP(mem_freep)
		char *b = line_of("hook_x", "2", "deny",
			",\"args_sha256\":\"s\",\"args\":{\"a\":1}");
		CLEANUP(mem_freep)
		char *c = line_of("hook_x", "3", "deny", ",\"args_sha256\":\"t\"");
		CLEANUP(mem_freep) char *d = line_of("hook_x", "4", "deny", empty);

		buf_printf(&log, "%s\n%s\n%s\n%s\n", a, b, c, d);
	}
	ok_int(path_write(path, buf_str(&log), 0600, &e), 0, e.text);
	ok_int(history_load(&h, path, &all, &e), 0, e.text);
	ok_int(h.n, 4, "calls");
	if (h.n == 4) {
		ok_str(h.call[0].args, "{\"a\":1}", "of another line with the hash");
		ok_str(h.call[1].args, "{\"a\":1}", "of its own");
		ok(h.call[2].args == NULL, "nobody kept them");
		ok_str(h.call[3].args, "{}", "the hash of no arguments");
	}
	ok_int(path_remove_tree(AT_FDCWD, dir, &e), 0, e.text);
}

int
main(void)
{
	only_calls_are_taken();
	lines_of_another_kind_are_passed_over();
	one_call_of_many_layers_has_the_strictest_verdict();
	other_calls_stay_apart();
	the_filter_is_by_run_and_time();
	arguments_are_known_by_their_hash();
	return test_done();
}
