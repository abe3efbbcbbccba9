#include "tests/unit/gateway_wire.h"

#define FN(name)                                                                         \
	"{\"type\":\"function\",\"name\":\"" name                                        \
	"\",\"parameters\":{\"type\":\"object\"}}"
#define SPACE(name, tools)                                                               \
	"{\"type\":\"namespace\",\"name\":\"" name                                       \
	"\",\"description\":\"d\",\"tools\":[" tools "]}"
#define USER                                                                             \
	"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}"
#define REASON                                                                           \
	"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"ENC\"}"
#define CALL(ns, name, id)                                                               \
	"{\"type\":\"function_call\",\"id\":\"fc_" id "\",\"call_id\":\"call_" id        \
	"\"" ns ",\"name\":\"" name "\",\"arguments\":\"{}\",\"status\":\"completed\"}"
#define OUTPUT(id)                                                                       \
	"{\"type\":\"function_call_output\",\"call_id\":\"call_" id "\",\"output\":\"o\"}"
#define CORE ",\"namespace\":\"mcp__pando_core\""
#define SAID(role, part, text)                                                           \
	"{\"type\":\"message\",\"role\":\"" role "\",\"content\":[{\"type\":\"" part     \
	"\",\"text\":\""                                                                 \
	"[pando-ai] " text "\"}]}"
#define CALLED(tool)                                                                     \
	SAID("assistant", "output_text",                                                 \
		"A call of " tool                                                        \
		" stood here; the policy does not allow it (rule native_tools.default).")
#define RESULT                                                                           \
	SAID("user", "input_text",                                                       \
		"The result of a call that the policy does not allow stood here.")
#define BLOCKED_AS(tool, as)                                                                                           \
	"[pando-ai] blocked " tool                                                                                     \
	": the agent's own tools are off; use the pando_core and pando_workspace tools (rule "                         \
	"native_tools.default, built-in). Run 'pando-ai logs' to see the decision, 'pando-ai policy explain codex " as \
	"' to see why."
#define BLOCKED(tool) BLOCKED_AS(tool, tool)

struct row {
	const char *name, *in, *want, *found;
};

static const struct row requests[] = {
	{ "nothing to change",
		"{\"model\":\"m\",\"input\":[" USER
		",{\"role\":\"user\",\"content\":\"x\"}," REASON
		",{\"type\":\"compaction\"},{\"type\":\"compaction_trigger\"},"
		"{\"type\":\"configuration_update\"}," CALL(CORE, "echo", "1") "," OUTPUT(
			"1") "],\"tools\":[ " SPACE("mcp__pando_core",
			FN("echo")) "],\"tool_choice\":\"auto\",\"store\":false}",
		NULL, "" },
	{ "a text for input",
		"{\"input\":\"hi\",\"tools\":[],\"tool_choice\":\"required\"}", NULL,
		"" },
	{ "native tools go, by name or by type",
		"{\"tools\":[" FN("exec_command") ",{\"type\":\"web_search\"}," SPACE(
			"mcp__pando_core",
			FN("echo")) ",{\"type\":\"custom\",\"name\":\"apply_patch\"},"
				    "{\"type\":\"local_shell\"},{\"type\":\"tool_search\",\"name\":\"mcp__pando_core\"}]}",
		"{\"tools\":[" SPACE("mcp__pando_core", FN("echo")) "]}",
		"definition stripped /exec_command\ndefinition stripped /web_search\n"
		"definition stripped /apply_patch\ndefinition stripped /local_shell\n"
		"definition stripped /tool_search\n" },
	{ "a flat name is native, whatever it looks like",
		"{\"tools\":[" FN("mcp__pando_core__echo") "]}", "{\"tools\":[]}",
		"definition stripped /mcp__pando_core__echo\n" },
	{ "a namespace goes when nothing in it stays",
		"{\"tools\":[" SPACE("functions", FN("a") "," FN("b")) "," SPACE(
			"mcp__evil", FN("x")) "," SPACE("mcp__pando_core",
			FN("echo")) "," SPACE("empty", "") "]}",
		"{\"tools\":[" SPACE("mcp__pando_core", FN("echo")) "," SPACE(
			"empty", "") "]}",
		"definition stripped /a\ndefinition stripped /b\ndefinition stripped evil/x\n" },
	{ "a provider's tool does not hide in our namespace",
		"{\"tools\":[" SPACE(
			"mcp__pando_core", "{\"type\":\"web_search\"}," FN("echo")) "]}",
		"{\"tools\":[" SPACE("mcp__pando_core", FN("echo")) "]}",
		"definition stripped /web_search\n" },
	{ "additional_tools that lose all go as an item",
		"{\"input\":[{\"type\":\"additional_tools\",\"role\":\"developer\",\"tools\":[" SPACE(
			"functions", "{\"type\":\"custom\",\"name\":\"apply_patch\"}," FN(
					     "wait")) "]}," USER "]}",
		"{\"input\":[" USER "]}",
		"definition stripped /apply_patch\ndefinition stripped /wait\n" },
	{ "namespaces in one another: each counts",
		"{\"tools\":[" SPACE("mcp__pando_core",
			SPACE("mcp__pando_workspace", FN("replace")) "," SPACE(
				"functions",
				FN("run")) "," FN("echo")) "," SPACE("functions",
			SPACE("mcp__pando_core", FN("echo"))) "]}",
		"{\"tools\":[" SPACE("mcp__pando_core",
			SPACE("mcp__pando_workspace", FN("replace")) "," FN("echo")) "]}",
		"definition stripped /run\ndefinition stripped /echo\n" },
	{ "additional_tools that keep some",
		"{\"input\":[" USER ",{\"type\":\"additional_tools\",\"tools\":[" FN(
			"wait") "," SPACE("mcp__pando_core", FN("echo")) "]}]}",
		"{\"input\":[" USER ",{\"type\":\"additional_tools\",\"tools\":[" SPACE(
			"mcp__pando_core", FN("echo")) "]}]}",
		"definition stripped /wait\n" },
	{ "the output of a tool search",
		"{\"input\":[{\"type\":\"tool_search_output\",\"call_id\":\"c\",\"tools\":[" SPACE(
			"mcp__evil", FN("x")) "]}]}",
		"{\"input\":[{\"type\":\"tool_search_output\",\"call_id\":\"c\",\"tools\":[]}]}",
		"definition stripped evil/x\n" },
	{ "an MCP server at the provider, even under our name",
		"{\"tools\":[{\"type\":\"mcp\",\"server_label\":\"pando_core\",\"server_url\":\"https://x.invalid\"},"
		"{\"type\":\"mcp\",\"server_label\":\"evil\"}]}",
		"{\"tools\":[]}",
		"definition stripped pando_core/\ndefinition stripped evil/\n" },
	{ "a choice goes with its tool",
		"{\"tool_choice\":{\"type\":\"function\",\"name\":\"shell\"},\"tools\":[" SPACE(
			"mcp__pando_core", FN("echo")) "]}",
		"{\"tools\":[" SPACE("mcp__pando_core", FN("echo")) "]}",
		"choice stripped /shell\n" },
	{ "a choice of several",
		"{\"tools\":[],\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":["
		"{\"type\":\"web_search\"}]},\"x\":1}",
		"{\"tools\":[],\"x\":1}", "choice stripped /web_search\n" },
	{ "a choice of several loses those that are off",
		"{\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":["
		"{\"type\":\"function\",\"name\":\"shell\"},"
		"{\"type\":\"function\",\"namespace\":\"mcp__pando_core\",\"name\":\"echo\"},"
		"{\"type\":\"mcp\",\"server_label\":\"evil\",\"name\":\"x\"}]},\"tools\":[" SPACE(
			"mcp__pando_core", FN("echo")) "]}",
		"{\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":["
		"{\"type\":\"function\",\"namespace\":\"mcp__pando_core\",\"name\":\"echo\"}]},\"tools\":[" SPACE(
			"mcp__pando_core", FN("echo")) "]}",
		"choice stripped /shell\nchoice stripped evil/x\n" },
	{ "words that choose nothing stay",
		"{\"tool_choice\":\"none\",\"tools\":[],\"input\":\"x\"}", NULL, "" },
	{ "each hosted choice by its type",
		"{\"tools\":[" SPACE("mcp__pando_core",
			FN("echo")) "],\"tool_choice\":{\"type\":\"file_search\"}}",
		"{\"tools\":[" SPACE("mcp__pando_core", FN("echo")) "]}",
		"choice stripped /file_search\n" },
	{ "a demand goes with the last tool",
		"{\"tools\":[" FN("shell") "],\"tool_choice\":\"required\"}",
		"{\"tools\":[]}", "definition stripped /shell\n" },
	{ "off-policy pairs become messages",
		"{\"input\":[" USER "," REASON
		"," CALL("", "exec_command", "1") "," CALL(CORE, "echo", "2") "," OUTPUT("2") "," OUTPUT(
			"1") ",{\"type\":\"custom_tool_call\",\"call_id\":\"c3\","
			     "\"name\":\"apply_patch\",\"input\":\"p\"},{\"type\":\"custom_tool_call_output\",\"call_id\":\"c3\","
			     "\"output\":\"o\"},{\"type\":\"web_search_call\",\"id\":\"ws_1\",\"action\":{\"type\":\"search\"}}]}",
		"{\"input\":[" USER "," REASON
		"," CALLED("exec_command") "," CALL(CORE, "echo", "2") "," OUTPUT(
			"2") "," RESULT
			     "," CALLED("apply_patch") "," RESULT
						       "," CALLED("web_search") "]}",
		"history replaced /exec_command call_1 {}\nhistory replaced /apply_patch c3 \"p\"\n"
		"history replaced /web_search ws_1 {\"type\":\"search\"}\n" },
	{ "each kind of call of the provider, with its result",
		"{\"input\":[" USER
		",{\"type\":\"shell_call\",\"call_id\":\"s\",\"action\":{\"commands\":[\"ls\"]}},"
		"{\"type\":\"shell_call_output\",\"call_id\":\"s\",\"output\":[]},"
		"{\"type\":\"apply_patch_call\",\"call_id\":\"p\",\"operation\":{\"type\":\"delete_file\"}},"
		"{\"type\":\"apply_patch_call_output\",\"call_id\":\"p\",\"status\":\"completed\"},"
		"{\"type\":\"computer_call\",\"call_id\":\"m\",\"action\":{\"type\":\"click\"}},"
		"{\"type\":\"computer_call_output\",\"call_id\":\"m\",\"output\":{}},"
		"{\"type\":\"local_shell_call\",\"call_id\":\"l\",\"action\":{\"type\":\"exec\"}},"
		"{\"type\":\"local_shell_call_output\",\"id\":\"x\",\"call_id\":\"l\",\"output\":\"\"},"
		"{\"type\":\"tool_search_call\",\"call_id\":\"t\",\"arguments\":{}},"
		"{\"type\":\"tool_search_output\",\"call_id\":\"t\",\"tools\":[" FN(
			"shell") "]},"
				 "{\"type\":\"file_search_call\",\"id\":\"f\"},{\"type\":\"code_interpreter_call\",\"id\":\"i\",\"code\":\"x\"},"
				 "{\"type\":\"image_generation_call\",\"id\":\"g\"},"
				 "{\"type\":\"mcp_list_tools\",\"id\":\"ml\",\"server_label\":\"evil\",\"tools\":[{\"name\":\"x\"}]},"
				 "{\"type\":\"mcp_call\",\"id\":\"mc\",\"server_label\":\"evil\",\"name\":\"x\",\"arguments\":\"{}\",\"output\":\"o\"}]}",
		"{\"input\":[" USER
		"," CALLED("shell") "," RESULT "," CALLED("apply_patch") "," RESULT "," CALLED("computer") "," RESULT "," CALLED(
			"local_shell") "," RESULT
				       "," CALLED("tool_search") "," RESULT "," CALLED("file_search") "," CALLED(
					       "code_interpreter") "," CALLED("image_generation") "," SAID("assistant",
					       "output_text",
					       "A call of evil/ stood here; the policy does not allow it (rule other_mcp.mode).") "," SAID("assistant",
					       "output_text",
					       "A call of evil/x stood here; the policy does not allow it (rule other_mcp.mode).") "]}",
		"history replaced /shell s {\"commands\":[\"ls\"]}\nhistory replaced /apply_patch p\n"
		"history replaced /computer m {\"type\":\"click\"}\nhistory replaced /local_shell l {\"type\":\"exec\"}\n"
		"history replaced /tool_search t {}\nhistory replaced /file_search f\nhistory replaced /code_interpreter i\n"
		"history replaced /image_generation g\nhistory replaced evil/ ml\nhistory replaced evil/x mc {}\n" },
	{ "code mode's call in the transcript",
		"{\"input\":[" USER "," REASON
		",{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"namespace\":\"functions\","
		"\"name\":\"exec\",\"input\":\"js\"},{\"type\":\"custom_tool_call_output\",\"call_id\":\"c\",\"output\":\"o\"}]}",
		"{\"input\":[" USER "," REASON "," SAID("assistant", "output_text",
			"A call of exec stood here; the policy does not allow it (rule gateway.code_mode).") "," RESULT
													     "]}",
		"history replaced /exec c \"js\"\n" },
	{ "keys that carry no tool, known or new",
		"{\"model\":\"m\",\"stream\":true,\"store\":false,\"include\":[\"reasoning.encrypted_content\",\"web_search_call.results\"],"
		"\"parallel_tool_calls\":true,\"max_tool_calls\":3,\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
		"\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"t\",\"schema\":{\"properties\":{\"tools\":{\"type\":\"array\"}}}}},"
		"\"client_metadata\":{\"x-codex-tool\":\"1\"},\"metadata\":{\"call\":\"x\"},\"prompt_cache_key\":\"k\","
		"\"context_management\":[{\"type\":\"compaction\",\"compact_threshold\":1000}],\"service_tier\":\"auto\","
		"\"truncation\":\"auto\",\"background\":false,\"previous_response_id\":null,\"conversation\":null,\"prompt\":null,"
		"\"instructions\":\"be kind\",\"novelty\":{\"level\":3,\"names\":[\"a\"]},\"stream_options\":{\"include_obfuscation\":false},"
		"\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"x\"},{\"role\":\"system\",\"content\":\"y\"},"
		"{\"type\":\"compaction_summary\",\"encrypted_content\":\"E\"},{\"type\":\"context_compaction\",\"encrypted_content\":\"E\"},"
		"{\"type\":\"novel_note\",\"text\":\"t\"}," USER "]}",
		NULL, "" },
	{ "an approval of a server at the provider",
		"{\"input\":[{\"type\":\"mcp_approval_request\",\"id\":\"mcpr_1\",\"server_label\":\"evil\",\"name\":\"x\",\"arguments\":\"{}\"},"
		"{\"type\":\"mcp_approval_response\",\"approval_request_id\":\"mcpr_1\",\"approve\":true}]}",
		"{\"input\":[" SAID("assistant", "output_text",
			"A call of evil/x stood here; the policy does not allow it (rule other_mcp.mode).") "," RESULT
													    "]}",
		"history replaced evil/x mcpr_1 {}\n" },
};

static void
requests_lose_what_is_off_policy_and_nothing_else(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(requests); i++) {
		const struct row *r = &requests[i];

		wire_request(&w, GW_RESPONSES, str_of(r->in));
		ok_int(w.rc, 0, r->name);
		ok_str(w.e.text, "", r->name);
		ok_bytes(buf_str(&w.out), str_of(r->want != NULL ? r->want : r->in),
			r->name);
		ok_bytes(buf_str(&w.found), str_of(r->found), r->name);
		wire_check_prefixes(&w, GW_RESPONSES, str_of(r->in));
	}
	pol_free(p);
}

static void
audit_changes_nothing_and_a_fixed_body_is_not_edited(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(requests); i++) {
		const struct row *r = &requests[i];

		w.rules.audit = true;
		w.rules.body_fixed = false;
		wire_request(&w, GW_RESPONSES, str_of(r->in));
		ok_int(w.rc, 0, r->name);
		ok_bytes(buf_str(&w.out), str_of(r->in), r->name);
		ok_int(w.found.n > 0, r->want != NULL, "told when something is off");
		w.rules.audit = false;
		w.rules.body_fixed = true;
		wire_request(&w, GW_RESPONSES, str_of(r->in));
		ok_int(w.rc, r->want == NULL ? 0 : -1, r->name);
		ok_bytes(buf_str(&w.out), str_of(r->want == NULL ? r->in : ""), r->name);
	}
	pol_free(p);
}

#define DEEP                                                                             \
	SPACE("a",                                                                       \
		SPACE("a",                                                               \
			SPACE("a",                                                       \
				SPACE("a",                                               \
					SPACE("a",                                       \
						SPACE("a",                               \
							SPACE("a",                       \
								SPACE("a",               \
									SPACE("a",       \
										"")))))))))

static const struct {
	const char *in, *why;
} not_understood[] = {
	{ "{\"input\":{}}", "[pando-ai] refused the request: input is an object" },
	{ "{\"tools\":{}}",
		"[pando-ai] refused the request: a list of tools is not an array" },
	{ "{\"tools\":[" DEEP "]}",
		"[pando-ai] refused the request: more than 8 namespaces of tools, one inside another" },
	{ "{\"input\":7}",
		"[pando-ai] refused the request: input is neither a text nor a list" },
	{ "{\"input\":[{\"type\":\"additional_tools\",\"tools\":[" FN("x") "]}]}",
		"[pando-ai] refused the request: nothing of the input would be left: all of it offers "
		"tools that the policy does not allow" },
	{ "{\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}]}",
		"[pando-ai] refused item_reference: it stands for an item that is kept at the provider "
		"and cannot be seen here: send the item itself (rule firewall.unknown, built-in)" },
	{ "{\"previous_response_id\":\"resp_1\"}",
		"[pando-ai] refused previous_response_id: it stands for a conversation at the provider "
		"that did not pass here in this run, or not unchanged: send the whole input instead "
		"(rule firewall.unknown, built-in)" },
	{ "{\"conversation\":{\"id\":\"conv_1\"}}",
		"[pando-ai] refused a stored conversation: it is kept at the provider and cannot be seen "
		"here: send the whole input instead (rule firewall.unknown, built-in)" },
	{ "{\"background\":true}",
		"[pando-ai] refused a background request: its answer would be fetched where nobody looks "
		"at its calls: send it without background (rule firewall.unknown, built-in)" },
	{ "{\"type\":\"response.create\"}",
		"[pando-ai] refused response.create: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"web_search_options\":{}}",
		"[pando-ai] refused web_search_options: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"mcp_servers\":[]}",
		"[pando-ai] refused mcp_servers: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"extra\":{\"a\":[{\"name\":\"shell\",\"parameters\":{}}]}}",
		"[pando-ai] refused extra: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"extra\":{\"\\u0074ools\":1}}",
		"[pando-ai] refused extra: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"reasoning\":{\"tools\":[]}}",
		"[pando-ai] refused reasoning: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"tools\":[]}]}",
		"[pando-ai] refused message: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"input\":[{\"type\":\"bundle\",\"items\":[{\"type\":\"function_call\"}]}]}",
		"[pando-ai] refused bundle: it could carry a tool call and pando-ai does not know it (rule firewall.unknown, built-in)" },
	{ "{\"tool_choice\":{\"type\":\"allowed_tools\",\"tools\":{}}}",
		"[pando-ai] refused the request: tool_choice: allowed_tools without a list" },
	{ "{\"tools\":[{\"type\":\"mcp\",\"server_url\":\"https://x.invalid\"}]}",
		"[pando-ai] refused the request: an mcp tool without a server_label" },
	{ "{\"input\":[{\"type\":\"function_call\",\"name\":\"x\",\"arguments\":\"{}\"}]}",
		"[pando-ai] refused the request: a function_call item without a name" },
	{ "{\"tools\":[{\"type\":\"namespace\",\"name\":\"mcp__pando_core\"}]}",
		"[pando-ai] refused the request: a list of tools is not an array" },
	{ "{\"tools\":[{\"type\":\"function\"}]}",
		"[pando-ai] refused the request: a tool definition without a name" },
	{ "{\"tools\":[{\"type\":\"bundle\",\"tools\":[]}]}",
		"[pando-ai] refused bundle: it could carry a tool call and pando-ai does not know "
		"it (rule firewall.unknown, built-in)" },
	{ "{\"input\":[{\"type\":\"warp_call\"}]}",
		"[pando-ai] refused warp_call: it could carry a tool call and pando-ai does not "
		"know it (rule firewall.unknown, built-in)" },
	{ "{\"input\":[{\"name\":\"shell\",\"arguments\":\"{}\"}]}",
		"[pando-ai] refused something without a type: it could carry a tool call and pando-ai does not know it "
		"(rule firewall.unknown, built-in)" },
	{ "{\"prompt\":{\"id\":\"pmpt_1\"}}",
		"[pando-ai] refused a stored prompt: its tools and messages are kept at the provider and "
		"cannot be seen here: send them in the request (rule firewall.unknown, built-in)" },
	{ "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\"}]}",
		"[pando-ai] refused the request: a function_call item without a name" },
	{ "{\"input\":[{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"x\","
	  "\"arguments\":\"{}\",\"input\":\"rm\"}]}",
		"[pando-ai] refused the request: an item with two of arguments, input and action" },
	{ "{\"input\":[{\"type\":\"message\",\"type\":\"function_call\"}]}",
		"[pando-ai] refused the request: an item: a JSON object has two members named type" },
};

static void
what_is_not_understood_is_refused(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(not_understood); i++) {
		wire_request(&w, GW_RESPONSES, str_of(not_understood[i].in));
		ok_int(w.rc, -1, not_understood[i].in);
		ok_refusal(w.e.text, not_understood[i].why, not_understood[i].in);
	}
	pol_free(p);
}

#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define CREATED                                                                          \
	EV("response.created",                                                           \
		",\"sequence_number\":0,\"response\":{\"id\":\"r1\",\"status\":\"in_progress\",\"output\":[]}")
#define COMPLETED(output)                                                                                          \
	EV("response.completed",                                                                                   \
		",\"sequence_number\":99,\"response\":{\"id\":\"r1\",\"status\":\"completed\",\"output\":[" output \
		"],\"usage\":{\"total_tokens\":2}}")
#define SEQ(n) ",\"sequence_number\":" n
#define ADDED(i, seq, item)                                                              \
	EV("response.output_item.added",                                                 \
		SEQ(seq) ",\"output_index\":" i ",\"item\":" item)
#define DONE(i, seq, item)                                                               \
	EV("response.output_item.done", SEQ(seq) ",\"output_index\":" i ",\"item\":" item)
#define ARGS(i, id, seq)                                                                 \
	EV("response.function_call_arguments.delta",                                     \
		SEQ(seq) ",\"output_index\":" i ",\"item_id\":\"fc_" id                  \
			 "\",\"delta\":\"{}\"")
#define MSG                                                                              \
	"{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"hello\"}]}"
#define TEXT                                                                             \
	EV("response.output_text.delta",                                                 \
		SEQ("3") ",\"output_index\":0,\"item_id\":\"msg_1\",\"delta\":\"hello\"")
#define PAST                                                                             \
	EV("response.output_text.delta",                                                 \
		SEQ("3") ",\"output_index\":2,\"item_id\":\"msg_2\",\"delta\":\"x\"")
#define SHELL_OUTPUT "{\"type\":\"shell_call_output\",\"call_id\":\"c\",\"output\":[]}"
#define WHOLE_CALL(ns, name, i, id)                                                      \
	ADDED(i, "4", CALL(ns, name, id))                                                \
	ARGS(i, id, "5") DONE(i, "6", CALL(ns, name, id))
#define PART(text) "{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[]}"
#define STAND_IN(id, status, content)                                                    \
	"{\"id\":\"msg_pando_" id "\",\"type\":\"message\",\"status\":\"" status         \
	"\",\"role\":\"assistant\",\"content\":[" content "]}"
#define OUR(i, seq) ",\"output_index\":" i ",\"sequence_number\":" seq
#define AT(id) ",\"item_id\":\"msg_pando_" id "\",\"content_index\":0"
#define STAND_BEGIN(i, seq, id)                                                          \
	EV("response.output_item.added",                                                 \
		OUR(i, seq) ",\"item\":" STAND_IN(id, "in_progress", ""))
#define STAND_END(i, seq, id, text)                                                      \
	EV("response.output_item.done",                                                  \
		OUR(i, seq) ",\"item\":" STAND_IN(id, "completed", PART(text)))
/* with numbers 1 to 6 */
#define STAND_INS(i, id, text)                                                           \
	STAND_BEGIN(i, "1", id)                                                          \
	EV("response.content_part.added", OUR(i, "2") AT(id) ",\"part\":" PART(""))      \
	EV("response.output_text.delta", OUR(i, "3") AT(id) ",\"delta\":\"" text "\"")   \
	EV("response.output_text.done", OUR(i, "4") AT(id) ",\"text\":\"" text "\"")     \
	EV("response.content_part.done", OUR(i, "5") AT(id) ",\"part\":" PART(text))     \
	STAND_END(i, "6", id, text)
#define RESULT_TEXT                                                                      \
	"[pando-ai] The result of a call that the policy does not allow stood here."
#define BLOCKED_ITEM(id, tool) STAND_IN(id, "completed", PART(BLOCKED(tool)))

#define EMOJI(args)                                                                      \
	"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"echo\"" CORE           \
	",\"arguments\":\"" args "\"}"

static const struct row streams[] = {
	{ "text and reasoning",
		CREATED ADDED("0", "1", REASON) DONE("0", "2", REASON) ADDED(
			"1", "2", MSG) TEXT DONE("1", "4", MSG) COMPLETED(REASON "," MSG),
		NULL, "" },
	{ "an allowed call",
		CREATED WHOLE_CALL(CORE, "echo", "0", "1")
			COMPLETED(CALL(CORE, "echo", "1")),
		NULL, "call passed pando_core/echo call_1 {}\n" },
	{ "a blocked call",
		CREATED WHOLE_CALL("", "exec_command", "0", "1")
			COMPLETED(CALL("", "exec_command", "1")),
		CREATED STAND_INS("0", "fc_1", BLOCKED("exec_command"))
			COMPLETED(BLOCKED_ITEM("fc_1", "exec_command")),
		"call replaced /exec_command call_1 {}\n" },
	{ "a flat MCP name is native",
		CREATED DONE("0", "1", CALL("", "mcp__pando_core__echo", "1")),
		CREATED STAND_END("0", "1", "fc_1",
			BLOCKED_AS(
				"mcp__pando_core__echo", "codex/mcp__pando_core__echo")),
		"call replaced /mcp__pando_core__echo call_1 {}\n" },
	{ "two at once, one allowed",
		CREATED ADDED("0", "1", CALL("", "shell", "1")) ADDED(
			"1", "2", CALL(CORE, "echo", "2")) ARGS("0", "1", "3")
			PAST ARGS("1", "2", "4") DONE("0", "5", CALL("", "shell", "1"))
				DONE("1", "6", CALL(CORE, "echo", "2")) COMPLETED(""),
		CREATED PAST STAND_BEGIN("0", "4", "fc_1")
			STAND_END("0", "5", "fc_1", BLOCKED("shell")) ADDED(
				"1", "2", CALL(CORE, "echo", "2")) ARGS("1", "2", "4")
				DONE("1", "6", CALL(CORE, "echo", "2")) COMPLETED(""),
		"call replaced /shell call_1 {}\ncall passed pando_core/echo call_2 {}\n" },
	{ "custom, local shell and search",
		CREATED DONE("0", "1",
			"{\"type\":\"custom_tool_call\",\"id\":\"ctc_1\",\"call_id\":\"c1\",\"name\":\"apply_patch\",\"input\":\"js\"}")
			DONE("1", "2",
				"{\"type\":\"local_shell_call\",\"call_id\":\"c2\",\"action\":{\"type\":\"exec\"}}")
				COMPLETED(""),
		CREATED STAND_END("0", "1", "ctc_1", BLOCKED("apply_patch"))
			STAND_END("1", "2", "c2", BLOCKED("local_shell")) COMPLETED(""),
		"call replaced /apply_patch c1 \"js\"\ncall replaced /local_shell c2 {\"type\":\"exec\"}\n" },
	{ "a call that stands only in the last event",
		CREATED COMPLETED(MSG "," CALL("", "shell", "7")),
		CREATED COMPLETED(MSG "," BLOCKED_ITEM("fc_7", "shell")),
		"call replaced /shell call_7 {}\n" },
	{ "a call without an end is not sent",
		CREATED ADDED("0", "1", CALL(CORE, "echo", "1")) COMPLETED(""),
		CREATED COMPLETED(""), "" },
	{ "what the provider ran goes with its call",
		CREATED DONE("0", "1",
			"{\"type\":\"shell_call\",\"call_id\":\"c\"}") ADDED("1", "2",
			SHELL_OUTPUT) DONE("1", "3", SHELL_OUTPUT) COMPLETED(SHELL_OUTPUT
			",{\"type\":\"shell_call\",\"call_id\":\"c\"}," SHELL_OUTPUT
			"," MSG),
		CREATED STAND_END("0", "1", "c", BLOCKED("shell")) STAND_BEGIN(
			"1", "2", "out_c") STAND_END("1", "3", "out_c", RESULT_TEXT)
			COMPLETED(STAND_IN("out_c", "completed",
				PART(RESULT_TEXT)) "," BLOCKED_ITEM("c",
				"shell") "," STAND_IN("out_c", "completed",
				PART(RESULT_TEXT)) "," MSG),
		"call replaced /shell c\n" },
	{ "half a character in a piece",
		ADDED("0", "1", EMOJI("")) EV("response.function_call_arguments.delta",
			",\"output_index\":0,\"delta\":\"{\\\"a\\\":\\\"\\ud83d\"")
			EV("response.function_call_arguments.delta",
				",\"output_index\":0,\"delta\":\"\\ude00\\\"}\"")
				DONE("0", "3",
					EMOJI("{\\\"a\\\":\\\"\xf0\x9f\x98\x80\\\"}")),
		NULL, "call passed pando_core/echo c {\"a\":\"\xf0\x9f\x98\x80\"}\n" },
	{ "an unknown event passes",
		CREATED EV("response.rate_limits.updated", ",\"x\":1") COMPLETED(""),
		NULL, "" },
};

static void
streams_have_blocked_calls_replaced_in_any_split(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(streams); i++) {
		const struct row *r = &streams[i];

		wire_check_stream(&w, GW_RESPONSES, r->name, str_of(r->in), 0,
			str_of(r->want != NULL ? r->want : r->in), str_of(r->found));
	}
	pol_free(p);
}

#define FAILED(text)                                                                                          \
	"event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_pando\","    \
	"\"object\":\"response\",\"status\":\"failed\",\"output\":[],\"error\":{\"code\":\"invalid_prompt\"," \
	"\"message\":\"" text "\"}}}\n\n"
#define WRONG(why) FAILED("[pando-ai] refused the answer: " why SEE_STRICT)

static void
a_stream_that_must_stop_ends_with_an_error(void)
{
	static const struct row rows[] = {
		{ "cut inside a call", CREATED ADDED("0", "1", CALL(CORE, "echo", "1")),
			CREATED WRONG("the provider's stream ended inside a call"),
			"answer refused /\n" },
		{ "another name at the end",
			ADDED("0", "1", CALL("", "shell", "1"))
				DONE("0", "2", CALL(CORE, "echo", "1")),
			WRONG("a call ends under another name than it began"),
			"answer refused /\n" },
		{ "another kind at the end",
			ADDED("0", "1", CALL(CORE, "echo", "1")) DONE("0", "2", MSG),
			WRONG("a call ends as something else"), "answer refused /\n" },
		{ "a call as JSON in a string, which codex's reader puts in place of the item",
			DONE("0", "1",
				"{\"$serde_json::private::RawValue\":\"{\\\"type\\\":\\\"function_call\\\","
				"\\\"call_id\\\":\\\"c\\\",\\\"name\\\":\\\"exec_command\\\"}\"}"),
			WRONG("an item: a JSON member's name says that its object stands for "
			      "another value: $serde_json::private::RawValue"),
			"answer refused /\n" },
		{ "a call begins twice",
			ADDED("0", "1", CALL(CORE, "echo", "1"))
				ADDED("0", "1", CALL(CORE, "echo", "2")),
			WRONG("a call begins twice"), "answer refused /\n" },
		{ "a call without a place",
			EV("response.output_item.done",
				",\"item\":" CALL(CORE, "echo", "1")),
			WRONG("a call without an output_index"), "answer refused /\n" },
		{ "an unknown kind of call", ADDED("0", "1", "{\"type\":\"warp_call\"}"),
			FAILED("[pando-ai] refused warp_call: it could carry a tool call and pando-ai does "
			       "not know it (rule firewall.unknown, built-in)" SEE_UNKNOWN),
			"unknown refused /warp_call\n" },
		{ "pieces of a call that did not begin", ARGS("0", "1", "1"),
			FAILED("[pando-ai] refused response.function_call_arguments.delta: it could carry a "
			       "tool call and pando-ai does not know it (rule firewall.unknown, built-in)" SEE_UNKNOWN),
			"unknown refused /response.function_call_arguments.delta\n" },
		{ "name and type differ",
			"event: response.created\ndata: {\"type\":\"x\"}\n\n",
			WRONG("an event's name and its type differ"),
			"answer refused /\n" },
	};
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(rows); i++)
		wire_check_stream(&w, GW_RESPONSES, rows[i].name, str_of(rows[i].in), -1,
			str_of(rows[i].want), str_of(rows[i].found));
	pol_free(p);
}

static void
a_stream_in_audit_flows_unchanged(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	w.rules.audit = true;
	for (size_t i = 0; i < LEN(streams); i++) {
		wire_stream(&w, GW_RESPONSES, str_of(streams[i].in), 5, 11);
		ok_int(w.rc, 0, streams[i].name);
		ok_bytes(buf_str(&w.out), str_of(streams[i].in), streams[i].name);
		ok(strstr(buf_text(&w.found), "replaced") == NULL, "nothing is replaced");
	}
	pol_free(p);
}

static void
policy_can_end_the_stream_at_a_call(void)
{
	struct policy *p = wire_policy("[firewall]\ncall = \"refuse\"\n");
	CLEANUP(wire_fini) struct wire w;
	const char *const in = CREATED WHOLE_CALL("", "shell", "0", "1");

	wire_init(&w, p, POL_CODEX);
	wire_check_stream(&w, GW_RESPONSES, "refuse", str_of(in), -1,
		STR(CREATED FAILED(BLOCKED("shell"))),
		STR("call refused /shell call_1 {}\n"));
	pol_free(p);
}

static void
whole_answers_have_blocked_calls_replaced(void)
{
	static const struct row rows[] = {
		{ "a plain answer", "{\"id\":\"r\",\"output\":[" REASON "," MSG "]}",
			NULL, "" },
		{ "no output", "{\"id\":\"r\"}", NULL, "" },
		{ "one of two",
			"{\"output\":[" CALL("", "shell", "1") "," CALL(
				CORE, "echo", "2") "],\"status\":\"completed\"}",
			"{\"output\":[" BLOCKED_ITEM("fc_1", "shell") "," CALL(
				CORE, "echo", "2") "],\"status\":\"completed\"}",
			"call replaced /shell call_1 {}\ncall passed pando_core/echo call_2 {}\n" },
	};
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < LEN(rows); i++) {
		wire_answer(&w, GW_RESPONSES, str_of(rows[i].in));
		ok_int(w.rc, 0, rows[i].name);
		ok_bytes(buf_str(&w.out),
			str_of(rows[i].want != NULL ? rows[i].want : rows[i].in),
			rows[i].name);
		ok_bytes(buf_str(&w.found), str_of(rows[i].found), rows[i].name);
	}
	pol_free(p);
}

static void
a_refusal_is_plain_text(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1024);

	ok_str(gw_refusal_body(GW_RESPONSES, "no \"x\"", &b), "text/plain; charset=utf-8",
		"type");
	ok_bytes(buf_str(&b), STR("no \"x\""), "body");
	ok_str(gw_api_name(GW_RESPONSES), "responses", "name");
}

int
main(void)
{
	requests_lose_what_is_off_policy_and_nothing_else();
	audit_changes_nothing_and_a_fixed_body_is_not_edited();
	what_is_not_understood_is_refused();
	streams_have_blocked_calls_replaced_in_any_split();
	a_stream_that_must_stop_ends_with_an_error();
	a_stream_in_audit_flows_unchanged();
	policy_can_end_the_stream_at_a_call();
	whole_answers_have_blocked_calls_replaced();
	a_refusal_is_plain_text();
	return test_done();
}
