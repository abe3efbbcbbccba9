#include "gateway/usage.h"
#include "gateway/repeat.h"
#include "tests/unit/gateway_wire.h"

#include <stdlib.h>

static struct policy *policy;

/* --- what the provider counted ----------------------------------------------------------- */

/* in out cache_read cache_write cache_write_1h reasoning; -1: not known */
static const char *
counts(const struct gw_meter *m, char out[WIRE_MAX])
{
	const struct gw_used *const u = &m->used;

	(void)snprintf(out, WIRE_MAX,
		STR_FMT ">" STR_FMT " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
			" %" PRId64 " %" PRId64 "%s",
		STR_ARG(gw_str(&u->wanted)), STR_ARG(gw_str(&u->served)), u->n[GW_IN],
		u->n[GW_OUT], u->n[GW_CACHE_READ], u->n[GW_CACHE_WRITE],
		u->n[GW_CACHE_WRITE_1H], u->n[GW_REASONING], u->wrong ? " wrong" : "");
	return out;
}

#define DELTA_OF(usage)                                                                  \
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}," usage "}"
#define MESSAGE_OF(usage)                                                                         \
	"{\"type\":\"message\",\"model\":\"served-1\",\"content\":[],\"stop_reason\":null," usage \
	"}"
#define RESPONSE_OF(usage) "{\"id\":\"r\",\"model\":\"served-2\",\"output\":[]," usage "}"

static const struct {
	const char *name;
	enum gw_api api;
	const char *body, *want;
} answers[] = {
	{ "all of a message", GW_MESSAGES,
		MESSAGE_OF(
			"\"usage\":{\"input_tokens\":3,\"output_tokens\":5,"
			"\"cache_read_input_tokens\":7,\"cache_creation_input_tokens\":11,"
			"\"cache_creation\":{\"ephemeral_5m_input_tokens\":1,"
			"\"ephemeral_1h_input_tokens\":10},\"service_tier\":\"x\"}"),
		">served-1 3 5 7 11 10 -1" },
	{ "what is absent or null is not known", GW_MESSAGES,
		MESSAGE_OF("\"usage\":{\"input_tokens\":0,\"output_tokens\":null}"),
		">served-1 0 -1 -1 -1 -1 -1" },
	{ "no usage", GW_MESSAGES, MESSAGE_OF("\"x\":1"), ">served-1 -1 -1 -1 -1 -1 -1" },
	{ "the parts of the cache alone", GW_MESSAGES,
		MESSAGE_OF(
			"\"usage\":{\"cache_creation\":{\"ephemeral_5m_input_tokens\":4,"
			"\"ephemeral_1h_input_tokens\":6}}"),
		">served-1 -1 -1 -1 10 6 -1" },
	{ "less than nothing", GW_MESSAGES,
		MESSAGE_OF("\"usage\":{\"input_tokens\":-3,\"output_tokens\":5}"),
		">served-1 -1 5 -1 -1 -1 -1 wrong" },
	{ "a fraction", GW_MESSAGES, MESSAGE_OF("\"usage\":{\"input_tokens\":3.0}"),
		">served-1 -1 -1 -1 -1 -1 -1 wrong" },
	{ "an exponent", GW_MESSAGES, MESSAGE_OF("\"usage\":{\"input_tokens\":3e2}"),
		">served-1 -1 -1 -1 -1 -1 -1 wrong" },
	{ "the ceiling", GW_MESSAGES,
		MESSAGE_OF("\"usage\":{\"input_tokens\":1000000000,\"output_tokens\":"
			   "1000000001}"),
		">served-1 1000000000 -1 -1 -1 -1 -1 wrong" },
	{ "more digits than a number has", GW_MESSAGES,
		MESSAGE_OF("\"usage\":{\"input_tokens\":99999999999999999999999}"),
		">served-1 -1 -1 -1 -1 -1 -1 wrong" },
	{ "a text", GW_MESSAGES, MESSAGE_OF("\"usage\":{\"input_tokens\":\"3\"}"),
		">served-1 -1 -1 -1 -1 -1 -1 wrong" },
	{ "usage that is a list", GW_MESSAGES, MESSAGE_OF("\"usage\":[1]"),
		">served-1 -1 -1 -1 -1 -1 -1 wrong" },
	{ "all of a response, with what is cached in the input", GW_RESPONSES,
		RESPONSE_OF("\"usage\":{\"input_tokens\":100,\"input_tokens_details\":"
			    "{\"cached_tokens\":60},\"output_tokens\":9,"
			    "\"output_tokens_details\":{\"reasoning_tokens\":4},"
			    "\"total_tokens\":109}"),
		">served-2 40 9 60 -1 -1 4" },
	{ "a response without details", GW_RESPONSES,
		RESPONSE_OF("\"usage\":{\"input_tokens\":100,\"output_tokens\":9}"),
		">served-2 100 9 -1 -1 -1 -1" },
	{ "more cached than there was", GW_RESPONSES,
		RESPONSE_OF("\"usage\":{\"input_tokens\":10,\"input_tokens_details\":"
			    "{\"cached_tokens\":60}}"),
		">served-2 10 -1 -1 -1 -1 -1 wrong" },
	{ "usage of a response that has none yet", GW_RESPONSES,
		RESPONSE_OF("\"usage\":null"), ">served-2 -1 -1 -1 -1 -1 -1" },
};

static void
each_answer_is_counted(void)
{
	static char have[WIRE_MAX];

	for (size_t i = 0; i < LEN(answers); i++) {
		struct gw_meter m = { .repeat = NULL };
		struct wire w;

		gw_used_init(&m.used);
		wire_init(&w, policy,
			answers[i].api == GW_MESSAGES ? POL_CLAUDE : POL_CODEX);
		w.rules.meter = &m;
		wire_answer(&w, answers[i].api, str_of(answers[i].body));
		ok_int(w.rc, 0, answers[i].name);
		ok_str(counts(&m, have), answers[i].want, answers[i].name);
		wire_fini(&w);
	}
}

static const struct {
	const char *name;
	enum gw_api api;
	const char *in, *want;
} streams[] = {
	{ "a stream of messages: counts only grow", GW_MESSAGES,
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
		"{\"model\":\"served-1\",\"content\":[],\"usage\":{\"input_tokens\":25,"
		"\"output_tokens\":1,\"cache_read_input_tokens\":8}}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\","
		"\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"usage\"},"
		"\"usage\":{\"output_tokens\":9999}}\n\n"
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
		"\"index\":0}\n\n"
		"event: message_delta\ndata: " DELTA_OF(
			"\"usage\":{\"input_tokens\":0,\"output_tokens\":15}") "\n\n"
									       "event: message_delta\ndata: " DELTA_OF(
										       "\"usage\":{\"output_tokens\":40}") "\n\n"
															   "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
		">served-1 25 40 8 -1 -1 -1" },
	{ "a stream of responses", GW_RESPONSES,
		"event: response.created\ndata: {\"type\":\"response.created\",\"response\":"
		"{\"id\":\"r\",\"model\":\"served-2\",\"output\":[],\"usage\":null}}\n\n"
		"event: response.completed\ndata: {\"type\":\"response.completed\","
		"\"response\":" RESPONSE_OF(
			"\"usage\":{\"input_tokens\":7,\"input_tokens_details\":"
			"{\"cached_tokens\":0},\"output_tokens\":2}") "}\n\n",
		">served-2 7 2 0 -1 -1 -1" },
	{ "a response that failed has its numbers, too", GW_RESPONSES,
		"event: response.failed\ndata: {\"type\":\"response.failed\","
		"\"response\":" RESPONSE_OF(
			"\"usage\":{\"input_tokens\":7,\"output_tokens\":2}") "}\n\n",
		">served-2 7 2 -1 -1 -1 -1" },
};

static void
each_stream_is_counted(void)
{
	static char have[WIRE_MAX];

	for (size_t i = 0; i < LEN(streams); i++) {
		const struct str in = str_of(streams[i].in);

		for (size_t piece = 1; piece <= in.n; piece += 7) {
			struct gw_meter m = { .repeat = NULL };
			struct wire w;

			gw_used_init(&m.used);
			wire_init(&w, policy,
				streams[i].api == GW_MESSAGES ? POL_CLAUDE : POL_CODEX);
			w.rules.meter = &m;
			wire_stream(&w, streams[i].api, in, piece, piece);
			ok_int(w.rc, 0, streams[i].name);
			ok_bytes(buf_str(&w.out), in, streams[i].name);
			ok_str(counts(&m, have), streams[i].want, streams[i].name);
			wire_fini(&w);
		}
	}
}

static void
the_model_of_a_request_is_noted(void)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "{\"model\":\"claude-x\",\"messages\":[]}", "claude-x" },
		{ "{\"messages\":[],\"model\":\"cl\\u0061ude\"}", "claude" },
		{ "{\"messages\":[]}", "" },
		{ "{\"model\":7,\"messages\":[]}", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct gw_meter m = { .repeat = NULL };
		struct wire w;

		gw_used_init(&m.used);
		wire_init(&w, policy, POL_CLAUDE);
		w.rules.meter = &m;
		wire_request(&w, GW_MESSAGES, str_of(rows[i].body));
		ok_int(w.rc, 0, rows[i].body);
		ok_bytes(gw_str(&m.used.wanted), str_of(rows[i].want), rows[i].body);
		wire_fini(&w);
	}
}

/* --- the same call again and again --------------------------------------------------------- */

#define SAY(who, text) "{\"role\":\"" who "\",\"content\":\"" text "\"},"
#define MUSE(id, args)                                                                   \
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"now\"},"     \
	"{\"type\":\"tool_use\",\"id\":\"" id                                            \
	"\",\"name\":\"mcp__pando_core__read-file\",\"input\":{\"path\":\"" args         \
	"\"}}]},"
#define MGOT(id, text, more)                                                              \
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id \
	"\",\"content\":\"" text "\"" more                                                \
	"},{\"type\":\"text\",\"text\":\"<system-reminder>x\"}]},"
#define MBODY(messages) "{\"messages\":[" messages SAY_END "]}"
#define SAY_END "{\"role\":\"assistant\",\"content\":\"\"}"
#define RUSE(id, args)                                                                   \
	"{\"type\":\"message\",\"role\":\"assistant\",\"content\":[]},"                  \
	"{\"type\":\"function_call\",\"call_id\":\"" id                                  \
	"\",\"name\":\"read_file\",\"namespace\":\"mcp__pando_core\","                   \
	"\"arguments\":\"{\\\"path\\\":\\\"" args "\\\"}\"},"
#define RGOT(id, output)                                                                 \
	"{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":" output   \
	"},"
#define TIMED(seconds, text)                                                             \
	"[{\"type\":\"input_text\",\"text\":\"Wall time: " seconds                       \
	" seconds\\nOutput:\"},{\"type\":\"input_text\",\"text\":\"" text "\"}]"
#define RBODY(items) "{\"input\":[" items "{\"type\":\"reasoning\"}]}"

static const struct {
	const char *name;
	enum gw_api api;
	const char *body;
	size_t want;
} repeats[] = {
	{ "no call", GW_MESSAGES, MBODY(SAY("user", "hi")), 0 },
	{ "a call that is not answered yet", GW_MESSAGES, MBODY(MUSE("1", "a")), 0 },
	{ "one", GW_MESSAGES, MBODY(SAY("user", "hi") MUSE("1", "a") MGOT("1", "x", "")),
		1 },
	{ "three alike, with a mark of the cache at one", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "a") MGOT("2", "x", "")
				MUSE("3", "a") MGOT("3", "x",
					",\"cache_control\":{\"type\":\"ephemeral\"}")),
		3 },
	{ "another result", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "a")
				MGOT("2", "y", "")),
		1 },
	{ "other arguments", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "b")
				MGOT("2", "x", "")),
		1 },
	{ "another call between", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "b") MGOT("2", "x", "")
				MUSE("3", "a") MGOT("3", "x", "")),
		1 },
	{ "the person spoke last", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "a") MGOT("2", "x", "")
				SAY("user", "go on")),
		0 },
	{ "the person spoke behind a result", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MUSE("2", "a") MGOT(
			"2", "x", "},{\"type\":\"text\",\"text\":\"go on\"")),
		0 },
	{ "and then it goes on", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") SAY("user", "go on")
				MUSE("2", "a") MGOT("2", "x", "")),
		1 },
	{ "a result of no call", GW_MESSAGES,
		MBODY(MUSE("1", "a") MGOT("1", "x", "") MGOT("9", "x", "")), 0 },
	{ "codex: three alike, each with its own time", GW_RESPONSES,
		RBODY(RUSE("1", "a") RGOT("1", TIMED("0.01", "x")) RUSE("2", "a")
				RGOT("2", TIMED("0.1234", "x")) RUSE("3", "a")
					RGOT("3", TIMED("7", "x"))),
		3 },
	{ "codex: another result", GW_RESPONSES,
		RBODY(RUSE("1", "a") RGOT("1", TIMED("0.01", "x")) RUSE("2", "a")
				RGOT("2", TIMED("0.01", "y"))),
		1 },
	{ "codex: texts", GW_RESPONSES,
		RBODY(RUSE("1", "a") RGOT("1", "\"x\"") RUSE("2", "a")
				RGOT("2", "\"x\"")),
		2 },
	{ "codex: the person spoke", GW_RESPONSES,
		RBODY(RUSE("1", "a") RGOT("1",
			"\"x\"") "{\"type\":\"message\",\"role\":\"user\",\"content\":[]}," RUSE("2",
			"a") RGOT("2", "\"x\"")),
		1 },
};

static void
calls_in_a_row_are_counted(void)
{
	for (size_t i = 0; i < LEN(repeats); i++) {
		struct gw_repeat *r = mem_alloc(sizeof *r);
		struct gw_meter m = { .repeat = r };
		struct wire w;

		gw_used_init(&m.used);
		wire_init(&w, policy,
			repeats[i].api == GW_MESSAGES ? POL_CLAUDE : POL_CODEX);
		w.rules.meter = &m;
		wire_request(&w, repeats[i].api, str_of(repeats[i].body));
		ok_str(w.e.text, "", repeats[i].name);
		ok_int(gw_repeat_times(r), repeats[i].want, repeats[i].name);
		wire_fini(&w);
		free(r);
	}
}

/* More calls than are remembered are no repetition, and no overrun. */
static void
many_open_calls_are_forgotten(void)
{
	enum { CALLS = 3 * GW_REPEAT_OPEN };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(WIRE_MAX);
	struct gw_repeat *r = mem_alloc(sizeof *r);
	struct gw_meter m = { .repeat = r };
	struct wire w;

	buf_puts(&b, "{\"input\":[");
	for (int i = 0; i < CALLS; i++)
		buf_printf(&b, RUSE("c%d", "a"), i);
	for (int i = 0; i < CALLS; i++)
		buf_printf(&b, RGOT("c%d", "\"x\""), i);
	buf_puts(&b, "{\"type\":\"reasoning\"}]}");
	wire_init(&w, policy, POL_CODEX);
	w.rules.meter = &m;
	wire_request(&w, GW_RESPONSES, buf_str(&b));
	ok_str(w.e.text, "", "many calls");
	ok_int(gw_repeat_times(r), GW_REPEAT_OPEN, "those that were remembered");
	wire_fini(&w);
	free(r);
}

/* --- a limit on calls ---------------------------------------------------------------------- */

static bool
one_more(void *to, struct pol_decision *why)
{
	int *left = to;

	if ((*left)-- > 0)
		return true;
	*why = (struct pol_decision){ .verdict = POL_DENY,
		.rule = "limits.calls_per_minute",
		.file = "p.toml",
		.line = 3,
		.message = "enough" };
	return false;
}

#define MCALL(id)                                                                        \
	"{\"type\":\"tool_use\",\"id\":\"" id                                            \
	"\",\"name\":\"mcp__pando_core__read-file\",\"input\":{}}"
#define MNOT                                                                             \
	"{\"type\":\"text\",\"text\":\"[pando-ai] blocked pando_core/read-file: enough " \
	"(rule limits.calls_per_minute, p.toml:3). Run 'pando-ai policy show' to see "   \
	"where the setting comes from.\"}"
#define RCALL(id)                                                                        \
	"{\"type\":\"function_call\",\"id\":\"fc_" id "\",\"call_id\":\"" id             \
	"\",\"name\":\"read_file\",\"namespace\":\"mcp__pando_core\",\"arguments\":\"{}\"}"

static void
a_call_too_many_is_replaced(void)
{
	int left = 1;
	struct gw_meter m = { .may_call = one_more, .to = &left };
	struct wire w;

	gw_used_init(&m.used);
	wire_init(&w, policy, POL_CLAUDE);
	w.rules.meter = &m;
	wire_answer(&w, GW_MESSAGES,
		STR("{\"content\":[" MCALL("1") "," MCALL(
			"2") "],\"stop_reason\":\"tool_use\"}"));
	ok_bytes(buf_str(&w.out),
		STR("{\"content\":[" MCALL("1") "," MNOT
						"],\"stop_reason\":\"tool_use\"}"),
		"the second call");
	ok_bytes(buf_str(&w.found),
		STR("call passed pando_core/read-file 1 {}\n"
		    "call replaced pando_core/read-file 2 {}\n"),
		"both are told");
	wire_fini(&w);
}

/* The last event repeats the call, which stays what it has become. */
static void
a_replaced_call_stays_replaced(void)
{
	int left = 0;
	struct gw_meter m = { .may_call = one_more, .to = &left };
	const struct str in = STR(
		"data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" RCALL(
			"1") "}\n\n"
			     "data: {\"type\":\"response.completed\",\"response\":{\"output\":[" RCALL(
				     "1") "]}}\n\n");
	struct wire w;

	gw_used_init(&m.used);
	wire_init(&w, policy, POL_CODEX);
	w.rules.meter = &m;
	wire_stream(&w, GW_RESPONSES, in, in.n, in.n);
	ok_int(w.rc, 0, "the stream");
	ok(memmem(w.out.p, w.out.n, "function_call", 13) == NULL, "no call is left");
	ok(memmem(w.out.p, w.out.n, "enough (rule limits.calls_per_minute", 36) != NULL,
		"the reason is there");
	ok_bytes(buf_str(&w.found), STR("call replaced pando_core/read-file 1 {}\n"),
		"told once");
	ok_int(left, -1, "asked once");
	wire_fini(&w);
}

static void
in_audit_mode_no_limit_holds(void)
{
	int left = 0;
	struct gw_meter m = { .may_call = one_more, .to = &left };
	struct wire w;

	gw_used_init(&m.used);
	wire_init(&w, policy, POL_CLAUDE);
	w.rules.meter = &m;
	w.rules.audit = true;
	wire_answer(&w, GW_MESSAGES, STR("{\"content\":[" MCALL("1") "]}"));
	ok_bytes(buf_str(&w.out), STR("{\"content\":[" MCALL("1") "]}"), "audit");
	wire_fini(&w);
}

int
main(void)
{
	policy = pol_default();
	each_answer_is_counted();
	each_stream_is_counted();
	the_model_of_a_request_is_noted();
	calls_in_a_row_are_counted();
	many_open_calls_are_forgotten();
	a_call_too_many_is_replaced();
	a_replaced_call_stays_replaced();
	in_audit_mode_no_limit_holds();
	pol_free(policy);
	return test_done();
}
