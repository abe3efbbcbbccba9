#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/json/json.h"
#include "policy/record.h"

#define STAMP "2026-11-21T13:53:56.123Z"

static const struct rec_who who = { "run1", "claude", "2.1", "/p" };

static struct str
line_of(struct buf *b, const struct rec_who *w, const struct rec *r, bool arguments)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(REC_LINE_MAX);
	const struct rec_link link = { .seq = 7, .prev = REC_NO_PREV };

	buf_reset(b);
	rec_put_body(&body, w, r, arguments);
	rec_format(b, &link, STAMP, buf_str(&body));
	ok(!b->over && !body.over, "fits into a line");
	return buf_str(b);
}

static struct rec
call_of(struct str args)
{
	struct rec r = REC_INIT;

	r.event = "gateway_call_replaced";
	r.layer = "gateway";
	r.tool = STR("Bash");
	r.args = args;
	r.verdict = "deny";
	return r;
}

static void
a_line_is_one_json_object_with_every_field(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
	struct rec r = call_of(STR("{\"a\":1}"));

	r.direction = "response";
	r.api = "messages";
	r.server = STR("s");
	r.tool = STR("Ba\"sh\n\xff");
	r.call_id = STR("toolu_1");
	r.caller = "subagent";
	r.subagent = STR("Explore");
	r.rule = "native_tools.default";
	r.file = "/p.toml";
	r.line = 3;
	r.mode = "enforce";
	r.elapsed_us = 12;
	r.note = STR("n");
	ok_bytes(line_of(&b, &who, &r, false),
		STR("{\"v\":1,\"seq\":7,\"prev\":\"" REC_NO_PREV "\",\"ts\":\"" STAMP
		    "\",\"event\":\"gateway_call_replaced\",\"run\":\"run1\",\"agent\":\"claude\","
		    "\"agent_version\":\"2.1\",\"root\":\"/p\",\"layer\":\"gateway\","
		    "\"direction\":\"response\",\"api\":\"messages\",\"server\":\"s\","
		    "\"tool\":\"Ba\\\"sh\\n\\ufffd\",\"call_id\":\"toolu_1\",\"caller\":\"subagent\","
		    "\"subagent\":\"Explore\",\"args_sha256\":"
		    "\"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862\","
		    "\"verdict\":\"deny\",\"rule\":\"native_tools.default\",\"at\":\"/p.toml:3\","
		    "\"mode\":\"enforce\",\"elapsed_us\":12,\"note\":\"n\"}\n"),
		"the line");
}

static void
empty_fields_are_left_out(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
	const struct rec_who nobody = { NULL, NULL, NULL, NULL };
	struct rec r = REC_INIT;

	r.event = "shim_log_lost";
	r.layer = "shim";
	r.lost = 12;
	r.since = STAMP;
	ok_bytes(line_of(&b, &nobody, &r, true),
		STR("{\"v\":1,\"seq\":7,\"prev\":\"" REC_NO_PREV "\",\"ts\":\"" STAMP
		    "\",\"event\":\"shim_log_lost\",\"layer\":\"shim\",\"lost\":12,"
		    "\"since\":\"" STAMP "\"}\n"),
		"the line");
}

static void
arguments_are_kept_when_that_is_wanted(void)
{
	static char large[REC_ARGS_MAX + 2];
	static const struct {
		const char *args;
		bool keep, verdict;
		const char *kept, *cut;
	} rows[] = {
		{ "{\"a\":[1,\"x\"]}", true, true, "\"args\":{\"a\":[1,\"x\"]}", NULL },
		{ "\"free text\"", true, true, "\"args\":\"free text\"", NULL },
		{ "{\"a\":1}", false, true, NULL, NULL },
		{ "{\"a\":1}", true, false, NULL, NULL },
		{ "{\"a\":", true, true, NULL, "\"args_cut\":true" },
		{ "{\"a\":\n1}", true, true, NULL, "\"args_cut\":true" },
		{ "[1]", true, true, NULL, "\"args_cut\":true" },
		{ "12", true, true, NULL, "\"args_cut\":true" },
		{ large, true, true, NULL, "\"args_cut\":true" },
	};

	memset(large, 'x', sizeof large - 1);
	large[0] = large[sizeof large - 2] = '"';
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
		struct rec r = call_of(str_of(rows[i].args));
		const char *text;

		r.verdict = rows[i].verdict ? "deny" : NULL;
		(void)line_of(&b, &who, &r, rows[i].keep);
		text = buf_text(&b);
		ok(strstr(text, "\"args_sha256\":\"") != NULL, rows[i].args);
		ok((strstr(text, "\"args\":") != NULL) == (rows[i].kept != NULL) &&
				(rows[i].kept == NULL ||
					strstr(text, rows[i].kept) != NULL),
			"kept, or said to be cut");
		ok((strstr(text, "\"args_cut\":true") != NULL) == (rows[i].cut != NULL),
			"kept, or said to be cut");
	}
}

/* As a keeper gets them whose peer sent the hash only. */
static void
arguments_that_are_only_a_hash_are_told(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
	struct rec r = call_of(STR(""));

	r.args_sha256 = REC_NO_PREV;
	(void)line_of(&b, &who, &r, true);
	ok(strstr(buf_text(&b), "\"args_cut\":true") != NULL, buf_text(&b));
}

/* Whatever comes, the line fits and is JSON: else a hostile name would leave no line. */
static void
no_field_makes_a_line_too_long(void)
{
	enum { HUGE_N = 100000 };
	static const char *const units[] = { "x", "\"", "\x01", "\xff", "\xe2\x82\xac" };
	char *args = mem_alloc(REC_ARGS_MAX + 1);

	memset(args, '1', REC_ARGS_MAX);
	args[0] = args[REC_ARGS_MAX - 1] = '"';
	for (size_t i = 0; i < LEN(units); i++) {
		CLEANUP(buf_fini) struct buf big = BUF_INIT(HUGE_N + 8);
		CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
		CLEANUP(json_freep) json_t *j = NULL;
		struct err e = ERR_INIT;
		struct rec r = call_of(str_of(args));
		struct rec_usage used;
		struct str z;

		while (big.n < HUGE_N)
			buf_puts(&big, units[i]);
		z = buf_str(&big);
		used = (struct rec_usage){ z, z, INT64_MAX, INT64_MAX, INT64_MAX,
			INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
			INT32_MAX, INT64_MAX };
		r = (struct rec){ buf_text(&big), z.p, z.p, z.p, z, z, z, z.p, z, r.args,
			z.p, z.p, z.p, z.p, 2147483647, z.p, &used, INT64_MAX, z,
			INT64_MAX, z.p };
		(void)line_of(&b, &(struct rec_who){ z.p, z.p, z.p, z.p }, &r, true);
		j = json_parse((struct str){ b.p, b.n - 1 }, &e);
		ok(j != NULL, e.text);
		ok(memchr(b.p, '\n', b.n) == b.p + b.n - 1, "one line");
		ok(strstr(json_text_of(j, "at"), ":2147483647") != NULL ||
				units[i][0] != 'x',
			"the place keeps its line");
	}
	free(args);
}

static void
what_is_not_known_of_an_exchange_is_left_out(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
	struct rec_usage u = { .model = STR("m-1"),
		.model_asked = STR("m"),
		.tokens_in = 0,
		.tokens_out = 7,
		.cache_read = -1,
		.cache_write = -1,
		.reasoning = 3,
		.counted = -1,
		.cost_microusd = 12,
		.calls = 2,
		.denials = 0,
		.status = 200,
		.first_us = 5 };
	struct rec r = REC_INIT;

	r.event = "gateway_usage";
	r.layer = "gateway";
	r.usage = &u;
	r.elapsed_us = 9;
	(void)line_of(&b, &who, &r, true);
	ok(strstr(buf_text(&b),
		   "\"layer\":\"gateway\",\"model\":\"m-1\",\"model_asked\":\"m\","
		   "\"tokens_in\":0,\"tokens_out\":7,\"reasoning\":3,"
		   "\"cost_microusd\":12,\"calls\":2,\"denials\":0,\"status\":200,"
		   "\"first_us\":5,\"elapsed_us\":9}\n") != NULL,
		buf_text(&b));
}

int
main(void)
{
	a_line_is_one_json_object_with_every_field();
	empty_fields_are_left_out();
	arguments_are_kept_when_that_is_wanted();
	arguments_that_are_only_a_hash_are_told();
	no_field_makes_a_line_too_long();
	what_is_not_known_of_an_exchange_is_left_out();
	return test_done();
}
