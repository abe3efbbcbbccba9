#include "tests/unit/gateway_wire.h"

/*
 * Rules on arguments and on who calls, in both dialects: one call is stopped and its
 * neighbour passes, in whole answers, in streams at every split, and in the transcript.
 */

static const char policy_text[] =
	"[native_tools]\n"
	"allow = [\"Bash\", \"exec_command\", \"shell\", \"local_shell\", \"apply_patch\","
	" \"web_search\", \"Agent\"]\n"
	"[[rule]]\n"
	"id = \"no-push\"\n"
	"tool = \"pando_workspace/shell-command\"\n"
	"args.command = { prefix = [\"git\", \"push\"] }\n"
	"decision = \"deny\"\n"
	"message = \"Ask the person to push.\"\n"
	"[[rule]]\n"
	"id = \"no-push-natively\"\n"
	"tool = \"claude/Bash\"\n"
	"args.command = { prefix = [\"git\", \"push\"] }\n"
	"decision = \"deny\"\n"
	"message = \"Ask the person to push.\"\n"
	"[[rule]]\n"
	"id = \"no-push-local\"\n"
	"tool = \"codex/local_shell\"\n"
	"args.command = { prefix = [\"git\", \"push\"] }\n"
	"decision = \"deny\"\n"
	"message = \"Ask the person to push.\"\n"
	"[[rule]]\n"
	"id = \"no-secrets\"\n"
	"tool = \"codex/apply_patch\"\n"
	"args.input = { glob = \"*secret*\" }\n"
	"decision = \"deny\"\n"
	"message = \"Not that file.\"\n"
	"[[rule]]\n"
	"id = \"ask-first\"\n"
	"tool = \"pando_workspace/restore-files\"\n"
	"decision = \"ask\"\n"
	"[[rule]]\n"
	"id = \"not-below\"\n"
	"subagent = \"*\"\n"
	"tool = \"pando_workspace/replace\"\n"
	"decision = \"deny\"\n"
	"message = \"Only the main agent edits.\"\n";

#define WHO "claude"
#define SEE(tool)                                                                        \
	" Run 'pando-ai logs' to see the decision, 'pando-ai policy explain " WHO        \
	" " tool "' to see why."
#define BLOCKED(tool, why, rule, at)                                                     \
	"[pando-ai] blocked " tool ": " why " (rule " rule ", " at ")." SEE(tool)
#define NO_PUSH                                                                          \
	BLOCKED("pando_workspace/shell-command", "Ask the person to push.", "no-push",   \
		"test.toml:4")
#define UNSURE                                                                             \
	"[pando-ai] blocked pando_workspace/shell-command: Ask the person to push. (rule " \
	"no-push, test.toml:4). pando-ai could not exclude that this call is what the "    \
	"rule names: a plainer one may pass." SEE("pando_workspace/shell-command")
#define STRICT(tool)                                                                     \
	BLOCKED(tool, "its arguments cannot be read: give them as one JSON object",      \
		"gateway.strict", "built-in")

struct row {
	const char *name, *in, *want, *found; /* want NULL: as it came in */
};

/* --- Messages ----------------------------------------------------------------------- */

#define SHELL "mcp__pando_workspace__shell-command"
#define USE(id, tool, input)                                                             \
	"{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" tool                      \
	"\",\"input\":" input "}"
#define SAY(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define ANSWER(blocks, reason) "{\"content\":[" blocks "],\"stop_reason\":\"" reason "\"}"
#define PUSH "{\"command\":\"git push origin\"}"
#define PULL "{\"command\":\"git pull\"}"

static const struct row whole_messages[] = {
	{ "one of two by its arguments",
		ANSWER(USE("t1", SHELL, PUSH) "," USE("t2", SHELL, PULL), "tool_use"),
		ANSWER(SAY(NO_PUSH) "," USE("t2", SHELL, PULL), "tool_use"),
		"call replaced pando_workspace/shell-command t1 " PUSH "\n"
		"call passed pando_workspace/shell-command t2 " PULL "\n" },
	{ "the only one", ANSWER(USE("t1", SHELL, PUSH), "tool_use"),
		ANSWER(SAY(NO_PUSH), "end_turn"),
		"call replaced pando_workspace/shell-command t1 " PUSH "\n" },
	{ "a native tool that is allowed but for that",
		ANSWER(USE("t1", "Bash", PULL) "," USE("t2", "Bash", PUSH), "tool_use"),
		ANSWER(USE("t1", "Bash", PULL) "," SAY(
			       BLOCKED("Bash", "Ask the person to push.",
				       "no-push-natively", "test.toml:10")),
			"tool_use"),
		"call passed /Bash t1 " PULL "\ncall replaced /Bash t2 " PUSH "\n" },
	{ "arguments that are no object never pass",
		ANSWER(USE("t1", "Bash", "\"git push\"") "," USE("t2", SHELL, "[]"),
			"tool_use"),
		ANSWER(SAY(STRICT("Bash")) "," SAY(
			       STRICT("pando_workspace/shell-command")),
			"end_turn"),
		"call replaced /Bash t1 \"git push\"\n"
		"call replaced pando_workspace/shell-command t2 []\n" },
	{ "a question is our server's to ask",
		ANSWER(USE("t1", "mcp__pando_workspace__restore-files", "{}"),
			"tool_use"),
		NULL, "call asked pando_workspace/restore-files t1 {}\n" },
	{ "and nobody else's",
		ANSWER("{\"type\":\"mcp_tool_use\",\"id\":\"m\",\"name\":\"restore-files\","
		       "\"server_name\":\"pando_workspace\",\"input\":{}}",
			"end_turn"),
		ANSWER(SAY(BLOCKED("pando_workspace/restore-files",
			       "a server at the provider has the name of a server of pando-ai",
			       "pando", "built-in")),
			"end_turn"),
		"call replaced pando_workspace/restore-files m {}\n" },
};

#define GONE                                                                             \
	"[pando-ai] A call of pando_workspace/shell-command stood here; the policy does not allow it (rule no-push)."
#define RESULT(id)                                                                       \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"x\"}"
#define RESULT_GONE                                                                      \
	SAY("[pando-ai] The result of a call that the policy does not allow stood here.")
#define TURNS(calls, results)                                                            \
	"{\"messages\":[{\"role\":\"assistant\",\"content\":[" calls                     \
	"]},{\"role\":\"user\",\"content\":[" results "]}]}"
#define DEF(name) "{\"name\":\"" name "\",\"input_schema\":{}}"

static const struct row message_requests[] = {
	{ "a tool is offered when some arguments would pass",
		"{\"tools\":[" DEF(SHELL) "," DEF("Bash") "," DEF(
			"mcp__pando_workspace__restore-files") "],\"tool_choice\":"
							       "{\"type\":\"tool\",\"name\":\"" SHELL
							       "\"},\"messages\":[]}",
		NULL, "" },
	{ "the stopped one of two goes from the transcript with its result",
		TURNS(USE("t1", SHELL, PUSH) "," USE("t2", SHELL, PULL),
			RESULT("t1") "," RESULT("t2")),
		TURNS(SAY(GONE) "," USE("t2", SHELL, PULL), RESULT("t2") "," RESULT_GONE),
		"history replaced pando_workspace/shell-command t1 " PUSH "\n" },
	{ "a question that was asked stays",
		TURNS(USE("t1", "mcp__pando_workspace__restore-files", "{}"),
			RESULT("t1")),
		NULL, "" },
};

#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define CALL_AT(i, tool)                                                                 \
	EV("content_block_start",                                                        \
		",\"index\":" i ",\"content_block\":" USE("t" i, tool, "{}"))
#define PIECE(i, json)                                                                   \
	EV("content_block_delta",                                                        \
		",\"index\":" i                                                          \
		",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" json     \
		"\"}")
#define STOP(i) EV("content_block_stop", ",\"index\":" i)
#define TEXT_AT(i, t)                                                                    \
	EV("content_block_start",                                                        \
		",\"index\":" i ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}")  \
	EV("content_block_delta",                                                        \
		",\"index\":" i ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" t      \
		"\"}")                                                                   \
	STOP(i)
#define END(reason) EV("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\"}")
#define PUSH_AT(i)                                                                       \
	CALL_AT(i, SHELL)                                                                \
	PIECE(i, "")                                                                     \
	PIECE(i, "{\\\"command\\\":\\\"git ") PIECE(i, "p\\\\u0075sh origin\\\"}") STOP(i)
#define PULL_AT(i)                                                                       \
	CALL_AT(i, SHELL)                                                                \
	PIECE(i, "{\\\"command\\\":") PIECE(i, "\\\"git pull\\\"}") STOP(i)

static const struct row message_streams[] = {
	{ "one of two by its arguments, spelt with an escape",
		PUSH_AT("0") PULL_AT("1") END("tool_use"),
		TEXT_AT("0", NO_PUSH) PULL_AT("1") END("tool_use"),
		"call replaced pando_workspace/shell-command t0 "
		"{\"command\":\"git p\\u0075sh origin\"}\n"
		"call passed pando_workspace/shell-command t1 " PULL "\n" },
	{ "the other order", PULL_AT("0") PUSH_AT("1") END("tool_use"),
		PULL_AT("0") TEXT_AT("1", NO_PUSH) END("tool_use"),
		"call passed pando_workspace/shell-command t0 " PULL "\n"
		"call replaced pando_workspace/shell-command t1 "
		"{\"command\":\"git p\\u0075sh origin\"}\n" },
	{ "arguments that are cut off, which a client could mend",
		CALL_AT("0", SHELL) PIECE("0", "{\\\"command\\\":\\\"git pull\\\"")
			STOP("0") END("max_tokens"),
		TEXT_AT("0", STRICT("pando_workspace/shell-command")) END("max_tokens"),
		"call replaced pando_workspace/shell-command t0 {\"command\":\"git pull\"\n" },
	{ "a second value behind the arguments",
		CALL_AT("0", "Bash") PIECE("0", "{} {\\\"command\\\":\\\"git push\\\"}")
			STOP("0") END("tool_use"),
		TEXT_AT("0", STRICT("Bash")) END("end_turn"),
		"call replaced /Bash t0 {} {\"command\":\"git push\"}\n" },
	{ "a key twice: which one counts?",
		CALL_AT("0", SHELL) PIECE("0", "{\\\"command\\\":\\\"git pull\\\",")
			PIECE("0", "\\\"command\\\":\\\"git push\\\"}") STOP("0")
				END("tool_use"),
		TEXT_AT("0", UNSURE) END("end_turn"),
		"call replaced pando_workspace/shell-command t0 "
		"{\"command\":\"git pull\",\"command\":\"git push\"}\n" },
};

/* --- Responses ---------------------------------------------------------------------- */

#define WORK ",\"namespace\":\"mcp__pando_workspace\""
#define FN(ns, name, id, args)                                                           \
	"{\"type\":\"function_call\",\"id\":\"fc_" id "\",\"call_id\":\"c" id "\"" ns    \
	",\"name\":\"" name "\",\"arguments\":\"" args "\"}"
#define CUSTOM(id, input)                                                                \
	"{\"type\":\"custom_tool_call\",\"id\":\"fc_" id "\",\"call_id\":\"c" id         \
	"\",\"name\":\"apply_patch\",\"input\":\"" input "\"}"
#define LOCAL(id, words)                                                                 \
	"{\"type\":\"local_shell_call\",\"id\":\"fc_" id "\",\"call_id\":\"c" id         \
	"\",\"action\":{\"type\":\"exec\",\"command\":" words "}}"
#define E_PUSH "{\\\"command\\\":\\\"git push origin\\\"}"
#undef WHO
#define WHO "codex"
#define E_PULL "{\\\"command\\\":\\\"git pull\\\"}"
#define INSTEAD(id, text)                                                                \
	"{\"id\":\"msg_pando_fc_" id "\",\"type\":\"message\",\"status\":\"completed\"," \
	"\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"" text \
	"\",\"annotations\":[]}]}"
#define OUT(items) "{\"output\":[" items "]}"
#define NO_PATCH BLOCKED("apply_patch", "Not that file.", "no-secrets", "test.toml:22")
#define NO_LOCAL                                                                         \
	BLOCKED("local_shell", "Ask the person to push.", "no-push-local", "test.toml:16")

static const struct row whole_responses[] = {
	{ "one of two by its arguments",
		OUT(FN(WORK, "shell_command", "1", E_PUSH) "," FN(
			WORK, "shell_command", "2", E_PULL)),
		OUT(INSTEAD("1", NO_PUSH) "," FN(WORK, "shell_command", "2", E_PULL)),
		"call replaced pando_workspace/shell-command c1 " PUSH "\n"
		"call passed pando_workspace/shell-command c2 " PULL "\n" },
	{ "a free text is the argument input",
		OUT(CUSTOM("1", "*** Update File: a") "," CUSTOM(
			"2", "*** Update File: s\\u0065cret")),
		OUT(CUSTOM("1", "*** Update File: a") "," INSTEAD("2", NO_PATCH)),
		"call passed /apply_patch c1 \"*** Update File: a\"\n"
		"call replaced /apply_patch c2 \"*** Update File: s\\u0065cret\"\n" },
	{ "a local shell's action", OUT(LOCAL("1", "[\"git\",\"push\"]")),
		OUT(INSTEAD("1", NO_LOCAL)), NULL },
	{ "arguments that are no object never pass",
		OUT(FN("", "exec_command", "1", "\\\"git push\\\"") "," FN(
			"", "exec_command", "2", "{") "," FN("", "exec_command", "3",
			"{}{}") "," FN("", "exec_command", "4", " ")),
		OUT(INSTEAD("1", STRICT("exec_command")) "," INSTEAD(
			"2", STRICT("exec_command")) "," INSTEAD("3",
			STRICT("exec_command")) "," FN("", "exec_command", "4", " ")),
		"call replaced /exec_command c1 \"git push\"\n"
		"call replaced /exec_command c2 {\ncall replaced /exec_command c3 {}{}\n"
		"call passed /exec_command c4 {}\n" },
	{ "a question is our server's to ask", OUT(FN(WORK, "restore_files", "1", "{}")),
		NULL, "call asked pando_workspace/restore-files c1 {}\n" },
};

#define ADDED(i, item)                                                                   \
	EV("response.output_item.added", ",\"output_index\":" i ",\"item\":" item)
#define DONE(i, item)                                                                    \
	EV("response.output_item.done", ",\"output_index\":" i ",\"item\":" item)
#define DELTA(i, id, args)                                                               \
	EV("response.function_call_arguments.delta",                                     \
		",\"output_index\":" i ",\"item_id\":\"fc_" id "\",\"delta\":\"" args    \
		"\"")
#define FN_AT(i, id, args)                                                               \
	ADDED(i, FN(WORK, "shell_command", id, ""))                                      \
	DELTA(i, id, args) DONE(i, FN(WORK, "shell_command", id, args))
#define COMPLETED(items)                                                                 \
	EV("response.completed", ",\"response\":{\"id\":\"r\",\"output\":[" items "]}")
#define OUR(i) ",\"output_index\":" i
#define IN(id) ",\"item_id\":\"msg_pando_fc_" id "\",\"content_index\":0"
#define PART(t) "{\"type\":\"output_text\",\"text\":\"" t "\",\"annotations\":[]}"
#define EMPTY(id)                                                                        \
	"{\"id\":\"msg_pando_fc_" id                                                     \
	"\",\"type\":\"message\",\"status\":\"in_progress\","                            \
	"\"role\":\"assistant\",\"content\":[]}"
#define INSTEAD_AT(i, id, t)                                                             \
	EV("response.output_item.added", OUR(i) ",\"item\":" EMPTY(id))                  \
	EV("response.content_part.added", OUR(i) IN(id) ",\"part\":" PART(""))           \
	EV("response.output_text.delta", OUR(i) IN(id) ",\"delta\":\"" t "\"")           \
	EV("response.output_text.done", OUR(i) IN(id) ",\"text\":\"" t "\"")             \
	EV("response.content_part.done", OUR(i) IN(id) ",\"part\":" PART(t))             \
	EV("response.output_item.done", OUR(i) ",\"item\":" INSTEAD(id, t))

static const struct row response_streams[] = {
	{ "one of two by its arguments, which the first event does not have",
		FN_AT("0", "1", E_PUSH) FN_AT("1", "2", E_PULL)
			COMPLETED(FN(WORK, "shell_command", "1", E_PUSH) "," FN(
				WORK, "shell_command", "2", E_PULL)),
		INSTEAD_AT("0", "1", NO_PUSH) FN_AT("1", "2", E_PULL) COMPLETED(
			INSTEAD("1", NO_PUSH) "," FN(WORK, "shell_command", "2", E_PULL)),
		"call replaced pando_workspace/shell-command c1 " PUSH "\n"
		"call passed pando_workspace/shell-command c2 " PULL "\n" },
	{ "the last event alone says otherwise",
		FN_AT("0", "1", E_PULL) COMPLETED(FN(WORK, "shell_command", "1", E_PUSH)),
		FN_AT("0", "1", E_PULL) COMPLETED(INSTEAD("1", NO_PUSH)),
		"call passed pando_workspace/shell-command c1 " PULL "\n" },
	{ "a free text",
		ADDED("0", CUSTOM("1", "")) DONE("0", CUSTOM("1", "secret")) ADDED("1",
			CUSTOM("2", "")) DONE("1", CUSTOM("2", "open")) COMPLETED(""),
		INSTEAD_AT("0", "1", NO_PATCH) ADDED("1", CUSTOM("2", ""))
			DONE("1", CUSTOM("2", "open")) COMPLETED(""),
		"call replaced /apply_patch c1 \"secret\"\ncall passed /apply_patch c2 \"open\"\n" },
};

#define PAIR(call, id)                                                                   \
	call ",{\"type\":\"function_call_output\",\"call_id\":\"c" id                    \
	     "\",\"output\":\"o\"}"
#define NOTE(role, part, text)                                                           \
	"{\"type\":\"message\",\"role\":\"" role "\",\"content\":[{\"type\":\"" part     \
	"\",\"text\":\"" text "\"}]}"

static const struct row response_requests[] = {
	{ "a tool is offered when some arguments would pass",
		"{\"tools\":[{\"type\":\"namespace\",\"name\":\"mcp__pando_workspace\",\"tools\":["
		"{\"type\":\"function\",\"name\":\"shell_command\"},{\"type\":\"function\","
		"\"name\":\"restore_files\"}]},{\"type\":\"custom\",\"name\":\"apply_patch\"},"
		"{\"type\":\"local_shell\"}]}",
		NULL, "" },
	{ "the stopped one of two goes from the transcript with its result",
		"{\"input\":[" PAIR(FN(WORK, "shell_command", "1", E_PUSH), "1") "," PAIR(
			FN(WORK, "shell_command", "2", E_PULL), "2") "]}",
		"{\"input\":[" NOTE("assistant", "output_text", GONE) "," NOTE("user",
			"input_text",
			"[pando-ai] The result of a call that the policy does not allow stood "
			"here.") "," PAIR(FN(WORK, "shell_command", "2", E_PULL),
			"2") "]}",
		"history replaced pando_workspace/shell-command c1 " PUSH "\n" },
};

/* --- the tables, played ---------------------------------------------------------------- */

enum play { REQUEST, WHOLE, STREAM };

static void
check(struct wire *w, enum gw_api api, enum play how, const struct row *r)
{
	const struct str want = str_of(r->want != NULL ? r->want : r->in);

	if (how == STREAM) {
		wire_check_stream(
			w, api, r->name, str_of(r->in), 0, want, str_of(r->found));
		return;
	}
	if (how == REQUEST)
		wire_request(w, api, str_of(r->in));
	else
		wire_answer(w, api, str_of(r->in));
	ok_str(w->e.text, "", r->name);
	ok_bytes(buf_str(&w->out), want, r->name);
	if (r->found != NULL)
		ok_bytes(buf_str(&w->found), str_of(r->found), r->name);
}

static const struct {
	enum pol_agent agent;
	enum gw_api api;
	enum play how;
	const struct row *row;
	size_t n;
} tables[] = {
	{ POL_CLAUDE, GW_MESSAGES, REQUEST, message_requests, LEN(message_requests) },
	{ POL_CLAUDE, GW_MESSAGES, WHOLE, whole_messages, LEN(whole_messages) },
	{ POL_CLAUDE, GW_MESSAGES, STREAM, message_streams, LEN(message_streams) },
	{ POL_CODEX, GW_RESPONSES, REQUEST, response_requests, LEN(response_requests) },
	{ POL_CODEX, GW_RESPONSES, WHOLE, whole_responses, LEN(whole_responses) },
	{ POL_CODEX, GW_RESPONSES, STREAM, response_streams, LEN(response_streams) },
};

static void
a_rule_on_an_argument_stops_one_call_and_not_its_neighbour(void)
{
	CLEANUP(pol_freep) struct policy *p = wire_policy(policy_text);

	for (size_t t = 0; t < LEN(tables); t++) {
		CLEANUP(wire_fini) struct wire w;

		wire_init(&w, p, tables[t].agent);
		w.rules.caller = POL_CALLER_MAIN;
		for (size_t i = 0; i < tables[t].n; i++)
			check(&w, tables[t].api, tables[t].how, &tables[t].row[i]);
	}
}

static void
on_verdict(void *to, const struct gw_finding *f)
{
	buf_printf(to, "%s %s " STR_FMT "/" STR_FMT " " STR_FMT " %s %s:%d\n", f->what,
		pol_verdict_name(f->decision.verdict), STR_ARG(f->use.server),
		STR_ARG(f->use.tool), STR_ARG(f->call_id), f->decision.rule,
		f->decision.file, f->decision.line);
}

static void
verdicts_of(const struct gw_rules *rules, size_t t, const struct row *r, struct buf *said)
{
	const struct gw_sink sink = { on_verdict, said };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(WIRE_MAX);
	struct gw_stream *s;
	struct err e = ERR_INIT;

	switch (tables[t].how) {
	case REQUEST:
		ok(gw_request(tables[t].api, rules, str_of(r->in), &out, &sink, &e) >= 0,
			r->name);
		return;
	case WHOLE:
		ok(gw_answer(tables[t].api, rules, str_of(r->in), &out, &sink, &e) >= 0,
			r->name);
		return;
	case STREAM:
		break;
	}
	s = gw_stream_new(tables[t].api, rules, &sink);
	ok_int(gw_stream_feed(s, str_of(r->in), &out, &e), 0, r->name);
	ok_int(gw_stream_end(s, &out, &e), 0, r->name);
	gw_stream_free(s);
}

static void
audit_says_what_enforce_would_have_done(void)
{
	CLEANUP(pol_freep) struct policy *p = wire_policy(policy_text);

	for (size_t t = 0; t < LEN(tables); t++) {
		struct gw_rules rules = {
			.policy = p, .agent = tables[t].agent, .caller = POL_CALLER_MAIN
		};

		for (size_t i = 0; i < tables[t].n; i++) {
			CLEANUP(buf_fini) struct buf enforced = BUF_INIT(WIRE_MAX);
			CLEANUP(buf_fini) struct buf audited = BUF_INIT(WIRE_MAX);

			rules.audit = false;
			verdicts_of(&rules, t, &tables[t].row[i], &enforced);
			rules.audit = true;
			verdicts_of(&rules, t, &tables[t].row[i], &audited);
			ok_bytes(buf_str(&audited), buf_str(&enforced),
				tables[t].row[i].name);
		}
	}
}

static void
a_rule_for_subagents_holds_for_them_and_for_who_is_not_known(void)
{
#define EDIT ANSWER(USE("t1", "mcp__pando_workspace__replace", "{}"), "tool_use")
	static const struct {
		enum pol_caller caller;
		const char *found;
	} rows[] = {
		{ POL_CALLER_MAIN, "call passed pando_workspace/replace t1 {}\n" },
		{ POL_CALLER_SUBAGENT, "call replaced pando_workspace/replace t1 {}\n" },
		{ POL_CALLER_UNKNOWN, "call replaced pando_workspace/replace t1 {}\n" },
	};
	CLEANUP(pol_freep) struct policy *p = wire_policy(policy_text);
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t i = 0; i < LEN(rows); i++) {
		w.rules.caller = rows[i].caller;
		wire_answer(&w, GW_MESSAGES, STR(EDIT));
		ok_bytes(buf_str(&w.found), str_of(rows[i].found), "who calls");
	}
}

/* Under a subscription login a body passes as it is: calls are stopped, offers of ours stay. */
static void
an_offer_of_ours_stays_in_a_fixed_body(void)
{
	static const struct {
		const char *in, *found;
		int rc;
	} rows[] = {
		{ "{\"tools\":[" DEF(
			  "mcp__pando_workspace__replace") "],\"tool_choice\":{"
							   "\"type\":\"tool\",\"name\":\"mcp__pando_workspace__replace\"},"
							   "\"messages\":[]}",
			"definition kept pando_workspace/replace\n"
			"choice kept pando_workspace/replace\n",
			0 },
		{ "{\"tools\":[" DEF("Edit") "],\"messages\":[]}",
			"definition refused /Edit\n", -1 },
		{ "{\"mcp_servers\":[{\"name\":\"pando_core\"}],\"messages\":[]}",
			"definition refused pando_core/\n", -1 },
		{ TURNS(USE("t1", SHELL, PUSH), RESULT("t1")),
			"history refused pando_workspace/shell-command t1 " PUSH "\n",
			-1 },
	};
	CLEANUP(pol_freep) struct policy *p = wire_policy(policy_text);
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CLAUDE);
	w.rules.caller = POL_CALLER_SUBAGENT;
	w.rules.body_fixed = true;
	for (size_t i = 0; i < LEN(rows); i++) {
		wire_request(&w, GW_MESSAGES, str_of(rows[i].in));
		ok_int(w.rc, rows[i].rc, rows[i].in);
		ok_bytes(buf_str(&w.found), str_of(rows[i].found), rows[i].in);
		if (rows[i].rc == 0)
			ok_bytes(buf_str(&w.out), str_of(rows[i].in), "unchanged");
	}
}

/* A name that is refused whatever follows must not become another at the end of the call. */
static void
a_call_keeps_the_name_it_began_with(void)
{
	CLEANUP(pol_freep) struct policy *p = wire_policy(policy_text);
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	wire_stream(&w, GW_RESPONSES,
		STR(ADDED("0", FN("", "write_stdin", "1", ""))
				DONE("0", FN(WORK, "shell_command", "1", E_PULL))),
		WIRE_MAX, WIRE_MAX);
	ok_int(w.rc, -1, "it is refused");
	ok(strstr(w.e.text, "under another name") != NULL, w.e.text);
}

int
main(void)
{
	a_rule_on_an_argument_stops_one_call_and_not_its_neighbour();
	audit_says_what_enforce_would_have_done();
	a_rule_for_subagents_holds_for_them_and_for_who_is_not_known();
	an_offer_of_ours_stays_in_a_fixed_body();
	a_call_keeps_the_name_it_began_with();
	return test_done();
}
