#include "shim/hook.h"

#include "shim/ready.h"
#include "tests/unit/test.h"

#define COMMON "\"session_id\":\"s-1\",\"cwd\":\"/p\",\"hook_event_name\":"
#define TOOL(event, name)                                                                \
	"{" COMMON "\"" event "\",\"tool_name\":\"" name                                 \
	"\",\"tool_input\":{\"text\":\"h\\u00e9\"},\"tool_use_id\":\"toolu_1\"}"
#define PRE(name) TOOL("PreToolUse", name)

static const char own_tool[] = PRE("mcp__pando_core__read-file");
static const char native[] = PRE("Bash");

/* What pando-hook would print, "refused: <error>" for HOOK_BLOCK. */
static char *
answer_to(const char *event, struct str json, const struct policy *p, char **event_name)
{
	CLEANUP(hook_call_fini) struct hook_call c = HOOK_CALL_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(HOOK_ANSWER_MAX);
	struct err e = ERR_INIT;
	struct rec r;

	if (hook_read(&c, event, json, &e) < 0)
		return mem_printf("refused: %s", e.text);
	hook_decide(&c, p);
	r = hook_rec(&c);
	if (event_name != NULL)
		*event_name = mem_printf("%s %s %.*s/%.*s %s", r.event,
			r.verdict == NULL ? "-" : r.verdict, STR_ARG(r.server),
			STR_ARG(r.tool), r.mode);
	if (c.event == HOOK_CONFIG_CHANGE)
		return mem_strdup("refused: settings");
	if (hook_put_answer(&c, &out, &e) < 0)
		return mem_printf("refused: %s", e.text);
	return mem_strdup(buf_text(&out));
}

static void
each_event_has_its_answer(void)
{
#define DENIED                                                                           \
	"{\"hookSpecificOutput\":{\"hookEventName\":\"PreToolUse\",\"permissionDecision\":\"deny\""
	static const struct {
		const char *event, *json, *policy, *starts, *logged;
	} rows[] = {
		{ "PreToolUse", own_tool, "", "{}\n",
			"hook_allowed allow pando_core/read-file enforce" },
		{ "PreToolUse", native, "", DENIED, "hook_denied deny /Bash enforce" },
		{ "PreToolUse", PRE("mcp__evil__touch"), "", DENIED,
			"hook_denied deny evil__touch/ enforce" },
		{ "PreToolUse", PRE("mcp__pando_core_evil__x"), "", DENIED,
			"hook_denied deny pando_core_evil__x/ enforce" },
		{ "PreToolUse", native, "[native_tools]\nallow = [\"Bash\"]\n", "{}\n",
			"hook_allowed allow /Bash enforce" },
		{ "PreToolUse", native, "[proxy]\nclaude = \"audit\"\n", "{}\n",
			"hook_audited deny /Bash audit" },
		{ "PreToolUse", native, "[proxy]\nclaude = \"off\"\n", DENIED,
			"hook_denied deny /Bash off" },
		{ "PostToolUse", TOOL("PostToolUse", "Bash"), "", "{}\n",
			"hook_result deny /Bash enforce" },
		{ "SessionStart", "{" COMMON "\"SessionStart\",\"source\":\"startup\"}",
			"", "{}\n", "hook_session_start - / enforce" },
		{ "UserPromptSubmit", "{" COMMON "\"UserPromptSubmit\",\"prompt\":\"x\"}",
			"", "{}\n", "hook_prompt - / enforce" },
		{ "SessionEnd", "{" COMMON "\"SessionEnd\"}", "", "{}\n",
			"hook_session_end - / enforce" },
		{ "ConfigChange", "{" COMMON "\"ConfigChange\"}", "", "refused: settings",
			"hook_config_refused deny / enforce" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		CLEANUP(pol_freep)
		struct policy *p = pol_parse(str_of(rows[i].policy), "p", &e);
		CLEANUP(mem_freep) char *logged = NULL;
		CLEANUP(mem_freep)
		char *have = answer_to(rows[i].event, str_of(rows[i].json), p, &logged);

		ok(str_starts(str_of(have), str_of(rows[i].starts)), have);
		ok_str(logged, rows[i].logged, rows[i].json);
	}
}

static const char rules[] =
	"[native_tools]\nallow = [\"Bash\"]\n"
	"[[rule]]\nid = \"no-push\"\ntool = \"claude/Bash\"\n"
	"args.command = { prefix = [\"git\", \"push\"] }\ndecision = \"deny\"\n"
	"[[rule]]\nid = \"ask\"\ntool = \"pando_workspace/restore-files\"\n"
	"decision = \"ask\"\n"
	"[[rule]]\nid = \"below\"\ntool = \"pando_workspace/replace\"\n"
	"subagent = \"Explore\"\ndecision = \"deny\"\n";

#define CALL(name, input, more)                                                          \
	"{" COMMON "\"PreToolUse\",\"tool_name\":\"" name "\",\"tool_input\":" input     \
	",\"tool_use_id\":\"toolu_1\"" more "}"
#define BASH(command) CALL("Bash", "{\"command\":\"" command "\"}", "")
#define REPLACE(more) CALL("mcp__pando_workspace__replace", "{}", more)
#define RESTORE CALL("mcp__pando_workspace__restore-files", "{}", "")

static void
a_rule_holds_for_its_arguments_and_its_subagent(void)
{
	static const struct {
		const char *json, *mode, *logged;
		bool goes_on;
	} rows[] = {
		{ BASH("git push origin"), "", "hook_denied deny /Bash enforce", false },
		{ BASH("git pull"), "", "hook_allowed allow /Bash enforce", true },
		{ BASH("git push origin"), "[proxy]\nclaude = \"audit\"\n",
			"hook_audited deny /Bash audit", true },
		{ RESTORE, "", "hook_asked ask pando_workspace/restore-files enforce",
			true },
		{ RESTORE, "[proxy]\nclaude = \"audit\"\n",
			"hook_audited ask pando_workspace/restore-files audit", true },
		{ REPLACE(""), "", "hook_allowed allow pando_workspace/replace enforce",
			true },
		{ REPLACE(",\"agent_type\":\"Explore\""), "",
			"hook_allowed allow pando_workspace/replace enforce", true },
		{ REPLACE(",\"agent_id\":\"a1\",\"agent_type\":\"Explore\""), "",
			"hook_denied deny pando_workspace/replace enforce", false },
		{ REPLACE(",\"agent_id\":\"a1\",\"agent_type\":\"Plan\""), "",
			"hook_allowed allow pando_workspace/replace enforce", true },
		{ REPLACE(",\"agent_id\":\"a1\""), "",
			"hook_denied deny pando_workspace/replace enforce", false },
		{ REPLACE(",\"agent_id\":\"\",\"agent_type\":\"Explore\""), "",
			"hook_denied deny pando_workspace/replace enforce", false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *text = mem_printf("%s%s", rows[i].mode, rules);
		struct err e = ERR_INIT;
		CLEANUP(pol_freep) struct policy *p = pol_parse(str_of(text), "p", &e);
		CLEANUP(mem_freep) char *logged = NULL;
		CLEANUP(mem_freep)
		char *have = answer_to("PreToolUse", str_of(rows[i].json), p, &logged);

		ok_str(logged, rows[i].logged, rows[i].json);
		ok_int(str_is(str_of(have), "{}\n"), rows[i].goes_on, rows[i].json);
	}
}

static void
a_denial_names_tool_and_rule_twice(void)
{
	CLEANUP(pol_freep) struct policy *p = pol_default();
	CLEANUP(mem_freep) char *have = answer_to("PreToolUse", STR(native), p, NULL);
	struct err e = ERR_INIT;
	CLEANUP(json_freep) json_t *j = json_parse(str_of(have), &e);
	const char *reason = json_text_of(
		json_object_of(j, "hookSpecificOutput"), "permissionDecisionReason");
	const char *shown = json_text_of(j, "systemMessage");

	ok(reason != NULL && strstr(reason, "Bash") != NULL &&
			strstr(reason, "native_tools.default") != NULL,
		"the model reads tool and rule");
	ok_str(shown, reason, "the person reads the same");
}

static void
what_is_not_understood_is_refused(void)
{
	static const struct {
		const char *event, *json;
	} rows[] = {
		{ "PreToolUse", "" },
		{ "PreToolUse", "null" },
		{ "PreToolUse", "[]" },
		{ "PreToolUse", "{}" },
		{ "PostToolUse", PRE("Bash") },
		{ "NoSuchEvent", PRE("Bash") },
		{ "", PRE("Bash") },
		{ "PreToolUse", PRE("Bash") " x" },
		{ "PreToolUse",
			"{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\","
			"\"tool_input\":{},\"tool_use_id\":\"t\"}" },
		{ "PreToolUse",
			"{" COMMON
			"\"PreToolUse\",\"tool_input\":{},\"tool_use_id\":\"t\"}" },
		{ "PreToolUse",
			"{" COMMON "\"PreToolUse\",\"tool_name\":7,\"tool_input\":{},"
			"\"tool_use_id\":\"t\"}" },
		{ "PreToolUse",
			"{" COMMON "\"PreToolUse\",\"tool_name\":\"x\",\"tool_input\":[],"
			"\"tool_use_id\":\"t\"}" },
		{ "PreToolUse", "{" COMMON
				"\"PreToolUse\",\"tool_name\":\"x\",\"tool_input\":{}}" },
		{ "PreToolUse", CALL("Bash", "{}", ",\"agent_id\":7") },
		{ "PreToolUse", CALL("Bash", "{}", ",\"agent_id\":null") },
		{ "PreToolUse",
			CALL("Bash", "{}", ",\"agent_id\":\"a\",\"agent_type\":[]") },
		/* which of the two would another parser take? */
		{ "PreToolUse",
			"{" COMMON "\"PreToolUse\",\"tool_name\":\"mcp__pando_core__x\","
			"\"tool_name\":\"Bash\",\"tool_input\":{},\"tool_use_id\":\"t\"}" },
	};
	CLEANUP(pol_freep) struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *have = answer_to(rows[i].event, str_of(rows[i].json), p, NULL);

		ok(str_starts(str_of(have), STR("refused: ")), rows[i].json);
	}
}

static void
every_cut_of_a_good_input_is_refused(void)
{
	static const char *const whole[] = { own_tool, native };
	CLEANUP(pol_freep) struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(whole); i++)
		for (size_t n = 0; n < strlen(whole[i]); n++) {
			CLEANUP(mem_freep)
			char *have = answer_to(
				"PreToolUse", (struct str){ whole[i], n }, p, NULL);

			ok(str_starts(str_of(have), STR("refused: ")), have);
		}
}

#define LINE(event, run, server)                                                         \
	"{\"ts\":\"t\",\"event\":\"" event "\",\"run\":\"" run                           \
	"\",\"layer\":\"mcp\",\"server\":\"" server "\"}\n"

static void
the_prompt_waits_for_both_servers_of_its_run(void)
{
	static const struct {
		const char *log;
		bool want;
	} rows[] = {
		{ "", false },
		{ LINE("mcp_started", "r1", "pando_core"), false },
		{ LINE("mcp_started", "r1", "pando_core")
				LINE("mcp_started", "r1", "pando_workspace"),
			true },
		{ LINE("mcp_started", "r1", "pando_core")
				LINE("sandbox_unavailable", "r1", "pando_workspace"),
			true },
		{ LINE("mcp_started", "r1", "pando_core")
				LINE("mcp_started", "r2", "pando_workspace"),
			false },
		{ LINE("mcp_started", "r1", "pando_core")
				LINE("mcp_call_allowed", "r1", "pando_workspace"),
			false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(ready_in_log(str_of(rows[i].log), "r1"), rows[i].want,
			rows[i].log);
	for (size_t n = 0; n < strlen(rows[2].log); n++)
		ok(!ready_in_log((struct str){ rows[2].log, n }, "r1"),
			"a line that is not whole");
}

static void
the_gateways_notes_tell_of_both_servers(void)
{
	static const struct {
		const char *notes;
		bool want;
	} rows[] = {
		{ "", false },
		{ "up core\n", false },
		{ "listed core\nlisted workspace\n", true },
		{ "session s\nup core\nlisted workspace\nlisted core\n", true },
		{ "listed core\nlisted workspace", false }, /* not whole yet */
		{ "up core\nup workspace\nlisted core\n", false },
		{ "session listed core\nlisted workspace\n", false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(ready_in_checkins(str_of(rows[i].notes)), rows[i].want,
			rows[i].notes);
}

static void
the_grace_grows_with_how_busy_the_machine_is(void)
{
	static const struct {
		int64_t up_ms, since_ms;
		int want;
	} rows[] = {
		{ 0, 0, 300 },
		{ 600, 0, 300 },
		{ 600, 100, 200 },
		{ 600, 300, 0 },
		{ 600, 999999, 0 },
		{ 6000, 0, 2000 },
		{ 6000, 500, 1500 },
		{ 60000, 0, 3000 },
		{ 600, -5, 300 },
		{ -600, 5, 300 },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(ready_grace_ms(rows[i].up_ms, rows[i].since_ms), rows[i].want,
			"grace");
}

int
main(void)
{
	each_event_has_its_answer();
	a_rule_holds_for_its_arguments_and_its_subagent();
	a_denial_names_tool_and_rule_twice();
	what_is_not_understood_is_refused();
	every_cut_of_a_good_input_is_refused();
	the_prompt_waits_for_both_servers_of_its_run();
	the_gateways_notes_tell_of_both_servers();
	the_grace_grows_with_how_busy_the_machine_is();
	return test_done();
}
