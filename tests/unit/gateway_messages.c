#include "tests/unit/gateway_wire.h"

#define TOOL(name)                                                                       \
	"{\"name\":\"" name                                                              \
	"\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}}"
#define USER "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CALLED                                                                           \
	"[pando-ai] A call of Bash stood here; the policy does not allow it (rule native_tools.default)."
#define RESULT                                                                           \
	"[pando-ai] The result of a call that the policy does not allow stood here."
#define CHANGED                                                                          \
	"[pando-ai] A change of a tool stood here; the policy does not allow the tool."
#define BLOCKED_AS(tool, as, why, rule)                                                             \
	"[pando-ai] blocked " tool ": " why " (rule " rule                                          \
	", built-in). Run 'pando-ai logs' to see the decision, 'pando-ai policy explain claude " as \
	"' to see why."
#define BLOCKED_BY(tool, why, rule) BLOCKED_AS(tool, tool, why, rule)
#define BLOCKED(tool)                                                                          \
	BLOCKED_BY(tool,                                                                       \
		"the agent's own tools are off; use the pando_core and pando_workspace tools", \
		"native_tools.default")
#define BLOCKED_MCP(tool)                                                                \
	BLOCKED_AS(tool, "mcp__" tool,                                                   \
		"MCP servers other than pando_core and pando_workspace are off",         \
		"other_mcp.mode")

struct row {
	const char *name, *in, *want, *found;
};

static const struct row requests[] = {
	{ "nothing to change",
		" {\"model\":\"m\", \"tools\" : [ " TOOL("mcp__pando_core__read-file") " , " TOOL(
			"mcp__pando_workspace__replace") "],\n" USER
							 ",\"metadata\":{\"user_id\":\"\\ud83d\"},\"tool_choice\":{\"type\":\"auto\"}} ",
		NULL, "" },
	{ "no tools at all", "{\"tools\":[]," USER "}", NULL, "" },
	{ "count_tokens",
		"{\"model\":\"m\"," USER ",\"mcp_servers\":[],\"container\":null}", NULL,
		"" },
	{ "harmless tools of the client's protocol",
		"{\"tools\":[" TOOL("StructuredOutput") "," TOOL(
			"DeferredToolPlaceholder") "],"
						   "\"tool_choice\":{\"type\":\"tool\",\"name\":\"StructuredOutput\"}," USER
						   "}",
		NULL, "" },
	{ "native tools go",
		"{\"tools\":[" TOOL("Bash") "," TOOL(
			"mcp__pando_core__read-file") "," TOOL("Edit") "]," USER "}",
		"{\"tools\":[" TOOL("mcp__pando_core__read-file") "]," USER "}",
		"definition stripped /Bash\ndefinition stripped /Edit\n" },
	{ "all go, and the choice with them",
		"{\"tools\":[" TOOL("Bash") "],\"tool_choice\":{\"type\":\"any\"}," USER
					    "}",
		"{\"tools\":[]," USER "}", "definition stripped /Bash\n" },
	{ "an escaped name is the same name",
		"{\"tools\":[{\"name\":\"B\\u0061sh\"}]," USER "}",
		"{\"tools\":[]," USER "}", "definition stripped /Bash\n" },
	{ "the type makes it a tool of the provider",
		"{\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":8},"
		"{\"type\":\"code_execution_20250522\",\"name\":\"mcp__pando_core__read-file\"},"
		"{\"type\":\"custom\",\"name\":\"mcp__pando_core__list-files\"}],"
		"\"tool_choice\":{\"type\":\"tool\",\"name\":\"web_search\"}," USER "}",
		"{\"tools\":[{\"type\":\"custom\",\"name\":\"mcp__pando_core__list-files\"}]," USER
		"}",
		"definition stripped /web_search\ndefinition stripped /code_execution\n"
		"choice stripped /web_search\n" },
	{ "a harmless name does not help another type",
		"{\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"StructuredOutput\"}]," USER
		"}",
		"{\"tools\":[]," USER "}", "definition stripped /bash\n" },
	{ "other MCP tools go",
		"{\"tools\":[" TOOL("mcp__github__create_issue") "," TOOL(
			"mcp__pando_core_evil__x") "]," USER "}",
		"{\"tools\":[]," USER "}",
		"definition stripped github__create_issue/\n"
		"definition stripped pando_core_evil__x/\n" },
	{ "connectors and containers go as members",
		"{\"mcp_servers\":[{\"name\":\"evil\",\"url\":\"https://x.invalid\",\"type\":\"url\"}],"
		"\"tools\":[{\"type\":\"mcp_toolset\",\"mcp_server_name\":\"evil\"}],"
		"\"container\":{\"skills\":[]}," USER "}",
		"{\"tools\":[]," USER "}",
		"definition stripped evil/\ndefinition stripped evil/\ndefinition stripped /container\n" },
	{ "a connector does not become ours by its name",
		"{" USER
		",\"mcp_servers\":[{\"name\":\"pando_core\",\"url\":\"https://x.invalid\"}]}",
		"{" USER "}", "definition stripped pando_core/\n" },
	{ "calls that are allowed stay with their results",
		"{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"assistant\","
		"\"content\":[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"c2ln\"},"
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"mcp__pando_core__read-file\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
		"\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]}]}",
		NULL, "" },
	{ "an off-policy pair becomes two texts, the result behind the other results",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":["
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{\"command\":\"id\"},"
		"\"cache_control\":{\"type\":\"ephemeral\"}},"
		"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"mcp__pando_core__read-file\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"root\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}, {\"type\":\"tool_result\",\"tool_use_id\":\"t2\","
		"\"content\":\"x\"}]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":["
		"{\"type\":\"text\",\"text\":\"" CALLED
		"\",\"cache_control\":{\"type\":\"ephemeral\"}},"
		"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"mcp__pando_core__read-file\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t2\","
		"\"content\":\"x\"},{\"type\":\"text\",\"text\":\"" RESULT
		"\",\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
		"history replaced /Bash t1 {\"command\":\"id\"}\n" },
	{ "a message of nothing but such results is not empty",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":["
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\"}]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" CALLED
		"\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" RESULT
		"\"}]}]}",
		"history replaced /Bash t1 {}\n" },
	{ "a search of the provider and its result",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":["
		"{\"type\":\"server_tool_use\",\"id\":\"s1\",\"name\":\"Bash\",\"input\":{}},"
		"{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s1\",\"content\":[]}]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" CALLED
		"\"},{\"type\":\"text\",\"text\":\"" RESULT "\"}]}]}",
		"history replaced /Bash s1 {}\n" },
	{ "definitions that come in mid-conversation",
		"{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},"
		"{\"type\":\"tool_addition\",\"tool\":{\"type\":\"tool_definition\",\"definition\":" TOOL(
			"Bash") "}},{\"type\":\"tool_removal\",\"tool\":{\"type\":\"tool_reference\",\"name\":\"Edit\"}},"
				"{\"type\":\"tool_addition\",\"tool\":{\"type\":\"tool_reference\",\"name\":\"mcp__pando_core__x\"}}]}]}",
		"{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},"
		"{\"type\":\"text\",\"text\":\"" CHANGED
		"\"},{\"type\":\"text\",\"text\":\"" CHANGED "\"},"
		"{\"type\":\"tool_addition\",\"tool\":{\"type\":\"tool_reference\",\"name\":\"mcp__pando_core__x\"}}]}]}",
		"definition stripped /Bash\ndefinition stripped /Edit\n" },
};

static void
requests_lose_what_is_off_policy_and_nothing_else(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(requests); i++) {
		const struct row *r = &requests[i];

		wire_request(&w, GW_MESSAGES, str_of(r->in));
		ok_int(w.rc, 0, r->name);
		ok_str(w.e.text, "", r->name);
		ok_bytes(buf_str(&w.out), str_of(r->want != NULL ? r->want : r->in),
			r->name);
		ok_bytes(buf_str(&w.found), str_of(r->found), r->name);
		wire_check_prefixes(&w, GW_MESSAGES, str_of(i == 0 ? "" : r->in));
	}
	pol_free(p);
}

static void
audit_changes_nothing(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	w.rules.audit = true;
	for (size_t i = 0; i < LEN(requests); i++) {
		wire_request(&w, GW_MESSAGES, str_of(requests[i].in));
		ok_int(w.rc, 0, requests[i].name);
		ok_bytes(buf_str(&w.out), str_of(requests[i].in), requests[i].name);
		ok_int(w.found.n > 0, requests[i].want != NULL,
			"told when something is off");
		ok(w.found.n == 0 || strstr(buf_text(&w.found), " audited ") != NULL,
			"as audited");
	}
	pol_free(p);
}

static void
a_fixed_body_passes_whole_or_not_at_all(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	w.rules.body_fixed = true;
	for (size_t i = 0; i < LEN(requests); i++) {
		const struct row *r = &requests[i];

		wire_request(&w, GW_MESSAGES, str_of(r->in));
		ok_int(w.rc, r->want == NULL ? 0 : -1, r->name);
		ok_bytes(buf_str(&w.out), str_of(r->want == NULL ? r->in : ""), r->name);
		ok(r->want == NULL || strstr(w.e.text, "subscription login") != NULL,
			w.e.text);
	}
	pol_free(p);
}

#define OPENED "{\"type\":\"tool_result\",\"content\":["
#define CLOSED "]}"
#define NINE(what) what what what what what what what what what

static void
what_is_not_understood_is_refused(void)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
		{ "", "[pando-ai] refused the request: not JSON (RFC 8259): nothing is there" },
		{ "[]", "[pando-ai] refused the request: a JSON object is missing where one must be" },
		{ "{\"tools\":[],\"tools\":[]}",
			"[pando-ai] refused the request: a JSON object has two members named tools" },
		{ "{\"t\\u006fols\":[]}",
			"[pando-ai] refused the request: a JSON member's name is written with escapes: "
			"t\\x5cu006fols" },
		{ "{\"tools\":[{\"name\":\"a\",\"name\":\"b\"}]}",
			"[pando-ai] refused the request: a tool definition: a JSON object has two members "
			"named name" },
		{ "{\"tools\":{}}",
			"[pando-ai] refused the request: tools is not an array" },
		{ "{\"tools\":[{\"description\":\"x\"}]}",
			"[pando-ai] refused the request: a tool definition without a name" },
		{ "{\"tools\":[{\"name\":\"\\ud83d\"}]}",
			"[pando-ai] refused the request: a tool definition: the name of a tool, server, "
			"type or call: a JSON string has half a surrogate pair or U+0000" },
		{ "{\"new\":1,\"max_tokens\":1,\"new\":2}",
			"[pando-ai] refused the request: a JSON object has two members named new" },
		{ "{\"Tools\":[]}",
			"[pando-ai] refused the request: a JSON member's name differs from \"tools\" only in "
			"its case" },
		{ "{\"messages\":[{\"content\":[{\"type\":\"text\",\"t\\u0065xt\":\"x\"}]}]}",
			"[pando-ai] refused the request: a content block: a JSON member's name is written with "
			"escapes: t\\x5cu0065xt" },
		{ "{\"new\":{\"a\":[{\"na\\u006de\":1}]}}",
			"[pando-ai] refused a request with the member new: it could carry a tool call and "
			"pando-ai does not know it (rule firewall.unknown, built-in)" },
		{ "{\"new\":{\"a\":[{\"name\":\"Bash\",\"arguments\":\"\"}]}}",
			"[pando-ai] refused a request with the member new: it could carry a tool call and "
			"pando-ai does not know it (rule firewall.unknown, built-in)" },
		{ "{\"new\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}",
			"[pando-ai] refused a request with the member new: it could carry a tool call and "
			"pando-ai does not know it (rule firewall.unknown, built-in)" },
		{ "{\"messages\":[{\"content\":[" NINE(OPENED) NINE(CLOSED) "]}]}",
			"[pando-ai] refused the request: content nested more than 8 deep" },
		{ "{\"messages\":{}}",
			"[pando-ai] refused the request: messages is not an array" },
		{ "{\"messages\":[{\"content\":[1]}]}",
			"[pando-ai] refused the request: a content block: a JSON object is missing where "
			"one must be" },
		{ "{\"messages\":[{\"content\":[{\"type\":\"quantum_tool_use\"}]}]}",
			"[pando-ai] refused quantum_tool_use: it could carry a tool call and pando-ai does "
			"not know it (rule firewall.unknown, built-in)" },
		{ "{\"messages\":[{\"content\":[{\"type\":\"x\",\"name\":\"n\",\"input\":{}}]}]}",
			"[pando-ai] refused x: it could carry a tool call and pando-ai does not know it "
			"(rule firewall.unknown, built-in)" },
		{ "{\"messages\":[{\"content\":[],\"tools\":[1]}]}",
			"[pando-ai] refused a message with the member tools: it could carry a tool call and "
			"pando-ai does not know it (rule firewall.unknown, built-in)" },
	};
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(rows); i++) {
		wire_request(&w, GW_MESSAGES, str_of(rows[i].in));
		ok_int(w.rc, -1, rows[i].in);
		ok_refusal(w.e.text, rows[i].why, rows[i].in);
		ok(strstr(buf_text(&w.found), " refused ") != NULL, "it is told");
	}
	pol_free(p);
}

/* The client would run what the first 200 characters name. */
static void
a_name_that_claude_would_cut_is_refused(void)
{
	static const struct {
		int length, want;
	} rows[] = { { 200, 0 }, { 201, -1 } };
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf in = BUF_INIT(1024);

		buf_printf(&in,
			"{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{},"
			"\"name\":\"mcp__pando_core__%0*d\"}]}",
			rows[i].length - (int)strlen("mcp__pando_core__"), 0);
		wire_answer(&w, GW_MESSAGES, buf_str(&in));
		ok_int(w.rc, rows[i].want, w.e.text);
	}
	pol_free(p);
}

static void
policy_can_refuse_and_can_allow(void)
{
	static const struct {
		const char *policy, *in;
		int rc;
		const char *found;
	} rows[] = {
		{ "[firewall]\ndefinition = \"refuse\"\n",
			"{\"tools\":[{\"name\":\"Bash\"}]}", -1,
			"definition refused /Bash\n" },
		{ "[firewall]\nhistory = \"refuse\"\n",
			"{\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\"}]}]}",
			-1, "history refused /Bash t\n" },
		{ "[firewall]\nunknown = \"audit\"\n",
			"{\"messages\":[{\"content\":[{\"type\":\"a_tool_use\"}]}]}", 0,
			"unknown audited /a_tool_use\n" },
		{ "[native_tools]\nallow = [\"web_search\"]\n",
			"{\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
			"\"tool_choice\":{\"type\":\"tool\",\"name\":\"web_search\"}}",
			0, "" },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"git_hub\"]\n",
			"{\"tools\":[{\"name\":\"mcp__git_hub__x\"}],\"mcp_servers\":[{\"name\":\"git_hub\"}]}",
			0, "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy *p = wire_policy(rows[i].policy);
		CLEANUP(wire_fini) struct wire w;

		wire_init(&w, p, POL_CLAUDE);
		wire_request(&w, GW_MESSAGES, str_of(rows[i].in));
		ok_int(w.rc, rows[i].rc, rows[i].policy);
		ok_bytes(buf_str(&w.out), str_of(rows[i].rc == 0 ? rows[i].in : ""),
			rows[i].in);
		ok_bytes(buf_str(&w.found), str_of(rows[i].found), rows[i].in);
		pol_free(p);
	}
}

static const struct row answers[] = {
	{ "a plain answer",
		"{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],\"stop_reason\":\"end_turn\"}",
		NULL, "" },
	{ "count_tokens", "{\"input_tokens\":12}", NULL, "" },
	{ "an allowed call",
		"{\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"mcp__pando_core__x\",\"input\":{\"a\":1}}],"
		"\"stop_reason\":\"tool_use\"}",
		NULL, "call passed pando_core/x t1 {\"a\":1}\n" },
	{ "a blocked call ends the turn",
		"{\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{}}],"
		"\"stop_reason\":\"tool_use\"}",
		"{\"content\":[{\"type\":\"text\",\"text\":\"" BLOCKED(
			"Bash") "\"}],\"stop_reason\":\"end_turn\"}",
		"call replaced /Bash t1 {}\n" },
	{ "one of two",
		"{\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"mcp__evil__x\",\"input\":{}},"
		"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"mcp__pando_core__x\",\"input\":{}}],\"stop_reason\":\"tool_use\"}",
		"{\"content\":[{\"type\":\"text\",\"text\":\"" BLOCKED_MCP(
			"evil__x") "\"},"
				   "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"mcp__pando_core__x\",\"input\":{}}],\"stop_reason\":\"tool_use\"}",
		"call replaced evil__x/ t1 {}\ncall passed pando_core/x t2 {}\n" },
	{ "a search of the provider goes with its result",
		"{\"content\":[{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},"
		"{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[]},{\"type\":\"text\",\"text\":\"x\"}],"
		"\"stop_reason\":\"end_turn\"}",
		"{\"content\":[{\"type\":\"text\",\"text\":\"" BLOCKED(
			"web_search") "\"},{\"type\":\"text\",\"text\":\"" RESULT
				      "\"},{\"type\":\"text\",\"text\":\"x\"}],"
				      "\"stop_reason\":\"end_turn\"}",
		"call replaced /web_search s {}\n" },
};

static void
whole_answers_have_blocked_calls_replaced(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(answers); i++) {
		const struct row *r = &answers[i];

		wire_answer(&w, GW_MESSAGES, str_of(r->in));
		ok_int(w.rc, 0, r->name);
		ok_bytes(buf_str(&w.out), str_of(r->want != NULL ? r->want : r->in),
			r->name);
		ok_bytes(buf_str(&w.found), str_of(r->found), r->name);
	}
	wire_answer(&w, GW_MESSAGES, STR("<html>"));
	ok_int(w.rc, -1, "not JSON");
	pol_free(p);
}

#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define START                                                                            \
	EV("message_start",                                                              \
		",\"message\":{\"id\":\"msg_1\",\"role\":\"assistant\",\"content\":[],\"usage\":{}}")
#define PING EV("ping", "")
#define TEXT_AT(i, t)                                                                    \
	EV("content_block_start",                                                        \
		",\"index\":" i ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}")  \
	EV("content_block_delta",                                                        \
		",\"index\":" i ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" t      \
		"\"}")                                                                   \
	EV("content_block_stop", ",\"index\":" i)
#define CALL_START(i, type, id, name)                                                    \
	EV("content_block_start",                                                        \
		",\"index\":" i ",\"content_block\":{\"type\":\"" type "\",\"id\":\"" id \
		"\",\"name\":\"" name "\",\"input\":{}}")
#define ARGS(i, json)                                                                    \
	EV("content_block_delta",                                                        \
		",\"index\":" i                                                          \
		",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" json     \
		"\"}")
#define STOP(i) EV("content_block_stop", ",\"index\":" i)
#define END(reason)                                                                      \
	EV("message_delta",                                                              \
		",\"delta\":{\"stop_reason\":\"" reason                                  \
		"\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}")            \
	EV("message_stop", "")
#define BASH_CALL(i)                                                                     \
	CALL_START(i, "tool_use", "t" i, "Bash")                                         \
	ARGS(i, "") ARGS(i, "{\\\"command\\\":") ARGS(i, "\\\"id\\\"}") STOP(i)
#define CORE_CALL(i)                                                                     \
	CALL_START(i, "tool_use", "t" i, "mcp__pando_core__x")                           \
	ARGS(i, "{\\\"a\\\":\\\"\\ud83d") ARGS(i, "\\ude00\\\"}") STOP(i)
#define CORE_FOUND(i) "call passed pando_core/x t" i " {\"a\":\"\xf0\x9f\x98\x80\"}\n"
#define BASH_FOUND(done, i) "call " done " /Bash t" i " {\"command\":\"id\"}\n"

static const struct row streams[] = {
	{ "text", START PING TEXT_AT("0", "hello") END("end_turn"), NULL, "" },
	{ "an allowed call", START TEXT_AT("0", "x") CORE_CALL("1") END("tool_use"), NULL,
		CORE_FOUND("1") },
	{ "a blocked call", START BASH_CALL("0") END("tool_use"),
		START TEXT_AT("0", BLOCKED("Bash")) END("end_turn"),
		BASH_FOUND("replaced", "0") },
	{ "one of two", START BASH_CALL("0") CORE_CALL("1") END("tool_use"),
		START TEXT_AT("0", BLOCKED("Bash")) CORE_CALL("1") END("tool_use"),
		BASH_FOUND("replaced", "0") CORE_FOUND("1") },
	{ "a ping inside a call passes at once",
		START CALL_START("0", "tool_use", "t0", "mcp__pando_core__x") PING
		": c\n\n" ARGS("0", "{}") STOP("0") END("tool_use"),
		START PING ": c\n\n" CALL_START("0", "tool_use", "t0",
			"mcp__pando_core__x") ARGS("0", "{}") STOP("0") END("tool_use"),
		"call passed pando_core/x t0 {}\n" },
	{ "arguments in the start, which claude does not read",
		START EV("content_block_start",
			",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t0\",\"name\":\"mcp__pando_core__x\",\"input\":{\"a\":1}}")
			STOP("0") END("tool_use"),
		START TEXT_AT("0",
			BLOCKED_BY("pando_core/x",
				"its arguments cannot be read: give them as one JSON object",
				"gateway.strict")) END("end_turn"),
		"call replaced pando_core/x t0 {\"a\":1}\n" },
	{ "a search of the provider goes with its result",
		START CALL_START("0", "server_tool_use", "s", "web_search") STOP("0") EV(
			"content_block_start",
			",\"index\":1,\"content_block\":{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[]}")
			STOP("1") TEXT_AT("2", "x") END("end_turn"),
		START TEXT_AT("0", BLOCKED("web_search")) TEXT_AT("1", RESULT)
			TEXT_AT("2", "x") END("end_turn"),
		"call replaced /web_search s {}\n" },
	{ "a server at the provider does not become ours by its name",
		START EV("content_block_start",
			",\"index\":0,\"content_block\":{\"type\":\"mcp_tool_use\",\"id\":\"m\",\"name\":\"x\",\"server_name\":\"pando_core\",\"input\":{}}")
			STOP("0") END("end_turn"),
		START TEXT_AT("0",
			BLOCKED_BY("pando_core/x",
				"a server at the provider has the name of a server of pando-ai",
				"pando")) END("end_turn"),
		"call replaced pando_core/x m {}\n" },
	{ "an error event passes",
		START EV("error",
			",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}"),
		NULL, "" },
	{ "lines end with CRLF, data in two lines",
		"event: content_block_start\r\ndata: {\"type\":\"content_block_start\",\"index\":0,\r\ndata: \"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\"}}\r\n\r\n"
		"event: content_block_stop\r\ndata: {\"type\":\"content_block_stop\",\"index\":0}\r\n\r\n"
		"event: message_delta\r\ndata: {\"type\":\"message_delta\",\r\ndata: \"delta\":{\"stop_reason\":\"tool_use\"}}\r\n\r\ndata: [DONE]\r\n\r\n",
		TEXT_AT("0",
			BLOCKED("Bash")) "event: message_delta\ndata: {\"type\":\"message_delta\",\ndata: \"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: [DONE]\r\n\r\n",
		"call replaced /Bash t null\n" },
	{ "what is not ended is not sent",
		START TEXT_AT("0", "x") "event: ping\ndata: {}\n",
		START TEXT_AT("0", "x"), "" },
};

static void
streams_have_blocked_calls_replaced_in_any_split(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(streams); i++) {
		const struct row *r = &streams[i];

		wire_check_stream(&w, GW_MESSAGES, r->name, str_of(r->in), 0,
			str_of(r->want != NULL ? r->want : r->in), str_of(r->found));
	}
	pol_free(p);
}

static void
a_stream_in_audit_flows_unchanged(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;
	const char *const in = START BASH_CALL("0") END("tool_use");

	wire_init(&w, p, POL_CLAUDE);
	w.rules.audit = true;
	wire_check_stream(&w, GW_MESSAGES, "audit", str_of(in), 0, str_of(in),
		STR(BASH_FOUND("audited", "0")));
	pol_free(p);
}

#define FAILED(text)                                                                                                \
	"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"" text \
	"\"}}\n\n"
#define WRONG(why) FAILED("[pando-ai] refused the answer: " why SEE_STRICT)

static void
a_stream_that_must_stop_ends_with_an_error(void)
{
	static const struct row rows[] = {
		{ "cut inside a call",
			START CALL_START("0", "tool_use", "t", "mcp__pando_core__x"),
			START WRONG("the provider's stream ended inside a call"),
			"answer refused /\n" },
		{ "not JSON", START "data: nope\n\n" PING,
			START WRONG(
				"an event: not JSON (RFC 8259): byte 0: a value that is none of JSON's"),
			"answer refused /\n" },
		{ "name and type differ",
			"event: ping\ndata: {\"type\":\"content_block_start\"}\n\n",
			WRONG("an event's name and its type differ"),
			"answer refused /\n" },
		{ "arguments that a client passes over",
			CALL_START("0", "tool_use", "t", "mcp__pando_core__x") ARGS("0",
				"{") "data: {\"type\":\"content_block_delta\",\"index\":0,"
				     "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
			WRONG("an event without a name"), "answer refused /\n" },
		{ "text that a client passes over",
			EV("content_block_start",
				",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}") "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
												    "{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n",
			EV("content_block_start",
				",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
				WRONG("an event without a name"),
			"answer refused /\n" },
		{ "the end comes inside a call",
			CALL_START("0", "tool_use", "t", "Bash") END("tool_use"),
			WRONG("the message ends inside a block"), "answer refused /\n" },
		{ "a block inside a call",
			CALL_START("0", "tool_use", "t", "mcp__pando_core__x")
				TEXT_AT("1", "x"),
			WRONG("a block begins inside another"), "answer refused /\n" },
		{ "another block's arguments",
			CALL_START("0", "tool_use", "t", "mcp__pando_core__x")
				ARGS("1", "{}"),
			WRONG("a delta of another block"), "answer refused /\n" },
		{ "arguments after the end", CORE_CALL("0") ARGS("0", "{}"),
			CORE_CALL("0") WRONG("arguments without a call"),
			CORE_FOUND("0") "answer refused /\n" },
		{ "content in the start",
			EV("message_start",
				",\"message\":{\"content\":[{\"type\":\"tool_use\"}]}"),
			WRONG("a message starts with content"), "answer refused /\n" },
		{ "an unknown kind of call",
			CALL_START("0", "warp_tool_use", "t", "Bash"),
			FAILED("[pando-ai] refused warp_tool_use: it could carry a tool call and pando-ai "
			       "does not know it (rule firewall.unknown, built-in)" SEE_UNKNOWN),
			"unknown refused /warp_tool_use\n" },
	};
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(rows); i++)
		wire_check_stream(&w, GW_MESSAGES, rows[i].name, str_of(rows[i].in), -1,
			str_of(rows[i].want), str_of(rows[i].found));
	pol_free(p);
}

static void
policy_can_end_the_stream_at_a_call(void)
{
	struct policy *p = wire_policy("[firewall]\ncall = \"refuse\"\n");
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	wire_stream(&w, GW_MESSAGES, STR(START BASH_CALL("0") END("tool_use")), 7, 7);
	ok_int(w.rc, -1, "it ends");
	ok(strstr(buf_text(&w.out), "tool_use") == NULL, "the call is not in it");
	ok(strstr(buf_text(&w.out), "event: error\n") != NULL, "an error is");
	pol_free(p);
}

/* The provider goes on and on; what is kept back of it has an end. */
static void
a_call_is_not_held_without_end(void)
{
	static const char piece[] = ARGS("0", "0123456789abcdef0123456789abcdef");
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;
	const struct gw_sink sink = { wire_found, &w.found };
	struct gw_stream *s;
	size_t held = 0;

	wire_init(&w, p, POL_CLAUDE);
	s = gw_stream_new(GW_MESSAGES, &w.rules, &sink);
	ok_int(gw_stream_feed(s, STR(START CALL_START("0", "tool_use", "t", "Bash")),
		       &w.out, &w.e),
		0, "it begins");
	while (held <= GW_HELD_MAX && gw_stream_feed(s, STR(piece), &w.out, &w.e) == 0)
		held += sizeof piece - 1;
	ok(held > GW_HELD_MAX / 2 && held <= GW_HELD_MAX, "up to the ceiling");
	ok(strstr(w.e.text, "a call is longer than 16777216 bytes") != NULL, w.e.text);
	ok(memmem(w.out.p, w.out.n, "Bash", 4) == NULL, "nothing of it went out");
	ok(strstr(buf_text(&w.out), "event: error\n") != NULL, "but the error");
	gw_stream_free(s);
	pol_free(p);
}

static void
a_refusal_has_the_dialects_shape(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1024);

	ok_str(gw_refusal_body(GW_MESSAGES, "no \"x\"", &b), "application/json", "type");
	ok_bytes(buf_str(&b),
		STR("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no "
		    "\\\"x\\\"\"}}"),
		"body");
}

int
main(void)
{
	requests_lose_what_is_off_policy_and_nothing_else();
	audit_changes_nothing();
	a_fixed_body_passes_whole_or_not_at_all();
	what_is_not_understood_is_refused();
	a_name_that_claude_would_cut_is_refused();
	policy_can_refuse_and_can_allow();
	whole_answers_have_blocked_calls_replaced();
	streams_have_blocked_calls_replaced_in_any_split();
	a_stream_in_audit_flows_unchanged();
	a_stream_that_must_stop_ends_with_an_error();
	policy_can_end_the_stream_at_a_call();
	a_call_is_not_held_without_end();
	a_refusal_has_the_dialects_shape();
	return test_done();
}
