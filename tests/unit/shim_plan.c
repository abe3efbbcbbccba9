/* Whole plans against tests/unit/shim_plan/<name>.txt. */

#include "tests/unit/shim_plan.h"

#include "shim/carry.h"
#include "shim/codex_files.h"

static char *const codex_tui[] = { (char[]){ "codex" }, NULL };

static struct carry_item items[] = {
	{ .kind = CARRY_COMMAND,
		.name = (char[]){ "git/commit.md" },
		.dir = (char[]){ "/home/p/.claude/commands/git" },
		.text = (char[]){ "---\nallowed-tools: Bash\ndescription: d\n---\n"
				  "Say $1 @src/a @/etc/b\n" } },
	{ .kind = CARRY_SKILL,
		.project = true,
		.has_more = true,
		.name = (char[]){ "s/SKILL.md" },
		.dir = (char[]){ ".claude/skills/s" },
		.text =
			(char[]){
				"---\nname: s\nhooks:\n  Stop: []\n---\n"
				"Run ${CLAUDE_SKILL_DIR}/x @${CLAUDE_SKILL_DIR}/../y\n" } },
	{ .kind = CARRY_AGENT,
		.project = true,
		.name = (char[]){ "a.md" },
		.dir = (char[]){ ".claude/agents" },
		.text = (char[]){ "---\nname: a\ntools: Read\n---\nBe a.\n" } },
	{ .kind = CARRY_AGENT,
		.name = (char[]){ "b.md" },
		.dir = (char[]){ "/home/p/.claude/agents" },
		.text = (char[]){ "---\nname: a\n---\nBe b.\n" } },
	{ .kind = CARRY_AGENT,
		.name = (char[]){ "c.md" },
		.dir = (char[]){ "/home/p/.claude/agents" },
		.text = (char[]){ "---\nname: c\ntools: *x\n---\nBe c.\n" } },
	{ .kind = CARRY_KEYS,
		.name = (char[]){ "keybindings.json" },
		.dir = (char[]){ "/home/p/.claude" },
		.text = (char[]){ "{\"bindings\": []}" } },
};
static char *rules[] = { (char[]){ "/home/p/.claude/rules/a b.md" } };
static const struct carry carry = {
	.item = items, .n = LEN(items), .rules = { .v = rules, .n = LEN(rules) }
};

static struct plan_facts
claude_facts(void)
{
	struct plan_facts f = facts();

	f.own_dir = "/home/p/.claude";
	f.has_login = f.has_memory = true;
	f.root_memory = "Project.\n";
	f.has_file_history = f.has_plans = f.has_todos = true;
	f.carry = &carry;
	f.project_settings[0] = "{\"model\":\"sonnet\",\"effortLevel\":\"low\","
				"\"cleanupPeriodDays\":1,\"hooks\":{}}";
	f.project_settings[1] = "{\"effortLevel\":\"high\",\"statusLine\":{}}";
	f.settings =
		"{\"model\":\"opus\",\"hooks\":{\"Stop\":[]},\"env\":{\"A\":\"b\"},"
		"\"apiKeyHelper\":\"evil\",\"statusLine\":{\"command\":\"x\"},\"verbose\":true}";
	f.state =
		"{\"theme\":\"dark\",\"env\":{\"ANTHROPIC_BASE_URL\":\"http://x\"},"
		"\"mcpServers\":{\"evil\":{\"command\":\"x\"}},\"autoConnectIde\":true,"
		"\"claudeInChromeDefaultEnabled\":true,\"hasCompletedOnboarding\":true,"
		"\"oauthAccount\":{\"accountUuid\":\"u\"},\"bypassPermissionsModeAccepted\":true,"
		"\"projects\":{\"/home/p/a project\":{\"disabledMcpServers\":[\"pando_core\"]}}}";
	return f;
}

static void
claude_starts_with_everything_of_its_own_off(void)
{
	CLEANUP(plan_fini) struct plan p;
	const struct plan_facts f = claude_facts();

	plan_of(&p, &f, "", claude_argv, POL_CLAUDE);
	ok_golden(&p, "claude");
}

static void
claude_gets_what_the_policy_allows_and_no_gateway_when_off(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = facts();

	f.own_dir = "/home/p/.claude";
	f.port = 0;
	f.log = "/var/log/d.jsonl";
	plan_of(&p, &f,
		"[native_tools]\nallow = [\"Read\", \"Web*\", \"Newest\"]\n"
		"[proxy]\nclaude = \"off\"\n",
		claude_argv, POL_CLAUDE);
	ok_golden(&p, "claude-allowed");
}

static void
claude_keeps_its_default_tools_but_the_denied(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = facts();
	bool found_default = false;
	bool found_denied = false;

	f.own_dir = "/home/p/.claude";
	plan_of(&p, &f, "[native_tools]\ndefault = \"allow\"\ndeny = [\"Bash\"]\n",
		claude_argv, POL_CLAUDE);
	for (size_t i = 0; i < p.argv.n; i++) {
		found_default = found_default ||
				strcmp(p.argv.v[i], "--tools=default") == 0;
		found_denied = found_denied ||
			       (strncmp(p.argv.v[i], "--disallowedTools=", 18) == 0 &&
				       strstr(p.argv.v[i], ",Bash") != NULL);
	}
	ok(found_default && found_denied, "--tools=default, and Bash denied by name");
}

/* Then its own tools are as it would have them, and only the servers are ours. */
static void
an_audited_claude_has_its_own_tools(void)
{
	static const char policy[] = "[native_tools]\ndeny = [\"Bash\", \"Read\"]\n"
				     "[proxy]\nclaude = \"audit\"\n";
	char *const chosen[] = { (char[]){ "claude" }, (char[]){ "--tools" },
		(char[]){ "Bash" }, NULL };
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(plan_fini) struct plan own;
	struct plan_facts f = facts();
	size_t lists = 0;

	f.own_dir = "/home/p/.claude";
	plan_of(&p, &f, policy, claude_argv, POL_CLAUDE);
	ok_golden(&p, "claude-audited");
	plan_of(&own, &f, policy, chosen, POL_CLAUDE);
	for (size_t i = 0; i < own.argv.n; i++) {
		if (strncmp(own.argv.v[i], "--tools=", 8) != 0)
			continue;
		lists++;
		ok_str(own.argv.v[i], "--tools=Bash", "the person's list");
	}
	ok_int(lists, 1, "is the only one");
}

static void
a_key_is_approved_only_where_there_is_no_other_login(void)
{
	static const char approved[] = "\"approved\":[\"56789abcdefghijklmno\"]";
	static const struct {
		const char *variable, *state;
		bool has_login, want;
	} rows[] = {
		{ "A=b", NULL, false, true },
		{ "A=b", "{\"theme\":\"dark\"}", false, true },
		{ "A=b", NULL, true, false },
		{ "CLAUDE_CODE_OAUTH_TOKEN=t", NULL, false, false },
		{ "A=b", "{\"oauthAccount\":{}}", false, false },
		{ "A=b", "{\"customApiKeyResponses\":{\"rejected\":[\"x\"]}}", false,
			false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(plan_fini) struct plan p;
		CLEANUP(mem_freep) char *variable = mem_strdup(rows[i].variable);
		char key[] = "ANTHROPIC_API_KEY=sk-ant-0123456789abcdefghijklmno";
		char *const env[] = { key, variable, NULL };
		struct plan_facts f = facts();
		const char *state;

		f.own_dir = "/home/p/.claude";
		f.env = env;
		f.state = rows[i].state;
		f.has_login = rows[i].has_login;
		plan_of(&p, &f, "", claude_argv, POL_CLAUDE);
		state = file_of(&p, "claude/.claude.json");
		ok_int(strstr(state, approved) != NULL, rows[i].want, state);
	}
}

static void
codex_starts_with_everything_of_its_own_off(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = codex_facts();
	struct toml_node *config = config_of(
		"model = \"gpt\"\nmodel_reasoning_effort = \"low\"\nnotify = [\"evil\"]\n"
		"sandbox_mode = \"danger-full-access\"\nmodel_context_window = 1000\n"
		"[tui]\ntheme = \"d\\\"ark\"\nnotifications = [\"a\", \"b\"]\n"
		"[mcp_servers.evil]\ncommand = \"x\"\n[features]\nshell_tool = true\n");

	f.config = config;
	plan_of(&p, &f, "", codex_argv, POL_CODEX);
	ok_golden(&p, "codex");
	toml_free(config);
}

static void
codex_terminal_has_no_server_of_its_own(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = codex_facts();

	f.has_login = true;
	f.git_root = NULL;
	f.log = "/var/log/d.jsonl";
	plan_of(&p, &f, "", codex_tui, POL_CODEX);
	ok_golden(&p, "codex-terminal");
}

static void
codex_without_a_known_shell_switch_is_refused(void)
{
	static const char *const rows[] = { "", "shell_tools stable true\n",
		"x shell_tool\n" };
	struct plan_facts f = codex_facts();

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(plan_fini) struct plan p = { .nfiles = 0 };
		CLEANUP(args_fini) struct args a = { .inert = false };
		struct err e = ERR_INIT;
		CLEANUP(pol_freep) struct policy *pol = pol_default();

		f.features = rows[i];
		ok_int(args_of_codex(&a, codex_argv, &e), 0, e.text);
		ok_int(plan_codex(&p, &f, pol, &a, &e), -1, rows[i]);
		ok_int(e.code, ERR_REFUSED, e.text);
	}
}

static void
codex_gets_what_the_policy_allows_and_no_gateway_when_off(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = codex_facts();
	struct toml_node *config = config_of(
		"model_provider = \"x\"\n[model_providers.x]\nname = \"X\"\nbase_url = \"u\"\n"
		"query_params = { a = 1, b = [true, 1.5] }\n");

	f.config = config;
	f.port = 0;
	plan_of(&p, &f,
		"[native_tools]\nallow = [\"exec_command\", \"web_search\"]\n"
		"[proxy]\ncodex = \"off\"\n",
		codex_argv, POL_CODEX);
	ok_golden(&p, "codex-allowed");
	toml_free(config);
}

static void
an_audited_codex_has_its_own_tools(void)
{
	CLEANUP(plan_fini) struct plan p;
	struct plan_facts f = codex_facts();

	plan_of(&p, &f,
		"[native_tools]\ndeny = [\"exec_command\"]\n[proxy]\ncodex = \"audit\"\n",
		codex_argv, POL_CODEX);
	ok_golden(&p, "codex-audited");
}

/* What the plan switches when the policy lists just this tool; tool NULL: none. */
static void
put_switches(struct buf *b, const char *tool)
{
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(mem_freep)
	char *text = tool == NULL
			     ? mem_strdup("")
			     : mem_printf("[native_tools]\nallow = [\"%s\"]\n", tool);
	struct plan_facts f = codex_facts();

	f.features = "shell_tool x\nunified_exec x\nshell_snapshot x\ngoals x\n"
		     "multi_agent x\nmulti_agent_v2 x\nview_image x\n";
	plan_of(&p, &f, text, codex_argv, POL_CODEX);
	for (size_t i = 0; i < p.argv.n; i++)
		buf_printf(b, "%s\n", p.argv.v[i]);
}

/* The gateway takes an offer for switched on by the same groups. */
static void
codex_tools_of_a_group_follow_the_one_that_is_asked_for(void)
{
	CLEANUP(buf_fini) struct buf none = BUF_INIT(PLAN_TEXT_MAX);
	size_t n;
	const struct pol_group *group = pol_codex_groups(&n);

	put_switches(&none, NULL);
	ok(n > 0, "there are groups");
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_fini) struct buf on = BUF_INIT(PLAN_TEXT_MAX);

		put_switches(&on, group[i].leader);
		ok(on.n < none.n, group[i].leader); /* less is switched off */
		ok_bytes(pol_codex_leader(str_of(group[i].leader)),
			str_of(group[i].leader), "a leader asks for itself");
		for (const char *const *led = group[i].led; *led != NULL; led++) {
			CLEANUP(buf_fini) struct buf as = BUF_INIT(PLAN_TEXT_MAX);

			put_switches(&as, *led);
			ok_bytes(buf_str(&as), buf_str(&none),
				*led); /* asked for nothing */
			ok_bytes(pol_codex_leader(str_of(*led)), str_of(group[i].leader),
				*led);
		}
	}
	ok_bytes(pol_codex_leader(STR("view_image")), STR("view_image"),
		"one in no group");
}

static void
codex_speaks_over_a_websocket_where_the_policy_says_so(void)
{
	for (int on = 0; on < 2; on++) {
		CLEANUP(plan_fini) struct plan p;
		CLEANUP(buf_fini) struct buf text = BUF_INIT(PLAN_TEXT_MAX);
		struct plan_facts f = codex_facts();

		plan_of(&p, &f, on != 0 ? "[proxy]\nwebsocket = true\n" : "", codex_argv,
			POL_CODEX);
		put_plan(&text, &p);
		ok(strstr(buf_text(&text), on != 0 ? "\nsupports_websockets = true\n"
						   : "\nsupports_websockets = false\n") !=
				NULL,
			"as the policy says");
	}
}

static void
model_traffic_goes_where_the_policy_says(void)
{
	static const struct {
		const char *variable, *settings, *policy;
		int want;
	} rows[] = {
		{ "A=b", NULL, "", 0 },
		{ "ANTHROPIC_BASE_URL=", NULL, "", 0 },
		{ "ANTHROPIC_BASE_URL=https://api.anthropic.com", NULL, "", 0 },
		{ "ANTHROPIC_BASE_URL=https://api.anthropic.com/", NULL, "", 0 },
		{ "ANTHROPIC_BASE_URL=https://evil.example", NULL, "", -1 },
		{ "ANTHROPIC_BASE_URL=https://u:secret@evil.example", NULL, "", -1 },
		{ "ANTHROPIC_BASE_URL=https://gw.example", NULL,
			"[proxy]\nanthropic_upstream = \"https://gw.example\"\n", 0 },
		{ "ANTHROPIC_BASE_URL=https://evil.example", NULL,
			"[proxy]\nclaude = \"off\"\n", 0 },
		{ "A=b", "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://evil.example\"}}",
			"", -1 },
		{ "A=b", "not JSON", "", 0 },
		{ "CLAUDE_CODE_USE_BEDROCK=1", NULL, "", -1 },
		{ "CLAUDE_CODE_USE_BEDROCK=0", NULL, "", 0 },
		{ "ANTHROPIC_UNIX_SOCKET=/x", NULL, "", -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *variable = mem_strdup(rows[i].variable);
		char *const env[] = { variable, NULL };
		struct err e = ERR_INIT;
		CLEANUP(pol_freep)
		struct policy *pol = pol_parse(str_of(rows[i].policy), "p", &e);

		ok_int(plan_claude_upstream(env, rows[i].settings, pol, &e), rows[i].want,
			rows[i].variable);
		ok_int(e.code, rows[i].want < 0 ? ERR_REFUSED : ERR_NONE, "code");
		ok(strstr(e.text, "secret") == NULL, "no password in the message");
	}
}

static void
codex_traffic_goes_where_the_policy_says(void)
{
#define TO(id, url)                                                                      \
	"model_provider = \"" id "\"\n[model_providers.x]\nbase_url = \"" url "\"\n"
	static const struct {
		const char *config;
		int want;
	} rows[] = {
		{ "", 0 },
		{ "model_provider = \"openai\"\n", 0 },
		{ TO("x", "https://api.openai.com/v1"), 0 },
		{ TO("x", "https://evil.example/v1"), -1 },
		{ TO("y", "https://api.openai.com/v1"), -1 },
		{ "model_provider = \"ollama\"\n", -1 },
		{ "openai_base_url = \"https://evil.example\"\n", -1 },
		{ "openai_base_url = \"https://api.openai.com/v1/\"\n", 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct toml_node *config = config_of(rows[i].config);
		CLEANUP(pol_freep) struct policy *pol = pol_default();
		struct err e = ERR_INIT;

		ok_int(plan_codex_upstream(config, pol, &e), rows[i].want,
			rows[i].config);
		toml_free(config);
	}
}

static void
managed_settings_that_switch_us_off_are_refused(void)
{
	static const struct {
		const char *text, *names;
	} rows[] = {
		{ "{}", NULL },
		{ "{\"allowManagedHooksOnly\":false,\"model\":\"x\"}", NULL },
		{ "{\"env\":{\"FOO\":\"1\"}}", NULL },
		{ "{\"allowManagedHooksOnly\":true}", "allowManagedHooksOnly" },
		{ "{\"disableAllHooks\":true}", "disableAllHooks" },
		{ "{\"disableSideloadFlags\":true}", "disableSideloadFlags" },
		{ "{\"allowManagedMcpServersOnly\":true}", "allowManagedMcpServersOnly" },
		{ "{\"allowedMcpServers\":[]}", "allowedMcpServers" },
		{ "{\"deniedMcpServers\":[]}", "deniedMcpServers" },
		{ "{\"env\":{\"ANTHROPIC_BASE_URL\":\"x\"}}", "ANTHROPIC_BASE_URL" },
		{ "[]", "cannot be understood" },
		{ "{\"disableAllHooks\":true", "cannot be understood" },
		{ "", "cannot be understood" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		const int got = plan_claude_managed("/m.json", str_of(rows[i].text), &e);

		ok_int(got, rows[i].names == NULL ? 0 : -1, rows[i].text);
		ok(rows[i].names == NULL || strstr(e.text, rows[i].names) != NULL,
			e.text);
	}
}

static void
managed_files_of_codex_that_move_it_are_refused(void)
{
	static const struct {
		const char *text;
		bool above;
		int want;
	} rows[] = {
		{ "", true, 0 },
		{ "allowed_sandbox_modes = [\"read-only\"]\n", true, 0 },
		{ "model_provider = \"x\"\n", true, -1 },
		{ "[mcp_servers]\n", true, -1 },
		{ "[features]\nshell_tool = true\n", true, -1 },
		{ "[hooks]\nmanaged_dir = \"x\"\n", true, -1 },
		/* the command line says these again, and wins */
		{ "model_provider = \"x\"\n[features]\nshell_tool = true\n", false, 0 },
		{ "[mcp_servers.evil]\ncommand = \"x\"\n", false, -1 },
		{ "[model_providers.other]\nname = \"x\"\n", false, 0 },
		{ "[model_providers.pando.http_headers]\nx = \"y\"\n", false, -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct toml_node *config = config_of(rows[i].text);
		struct err e = ERR_INIT;

		ok_int(plan_codex_managed("/m.toml", config, rows[i].above, &e),
			rows[i].want, rows[i].text);
		ok_int(e.code, rows[i].want < 0 ? ERR_REFUSED : ERR_NONE, e.text);
		toml_free(config);
	}
}

static void
every_model_of_the_catalog_loses_its_code_mode(void)
{
	static const char bundled[] =
		"{\"models\":[{\"slug\":\"a\",\"tool_mode\":\"code_mode_only\","
		"\"apply_patch_tool_type\":\"freeform\",\"supports_search_tool\":true},"
		"{\"slug\":\"b\"}]}";
	static const char *const want[] = {
		"{\"models\":[{\"slug\":\"a\",\"tool_mode\":\"direct\",\"apply_patch_tool_type\":null,"
		"\"supports_search_tool\":false,\"experimental_supported_tools\":[]},"
		"{\"slug\":\"b\",\"tool_mode\":\"direct\",\"supports_search_tool\":false,"
		"\"experimental_supported_tools\":[],\"apply_patch_tool_type\":null}]}",
		"{\"models\":[{\"slug\":\"a\",\"tool_mode\":\"direct\","
		"\"apply_patch_tool_type\":\"freeform\",\"supports_search_tool\":false,"
		"\"experimental_supported_tools\":[]},{\"slug\":\"b\",\"tool_mode\":\"direct\","
		"\"supports_search_tool\":false,\"experimental_supported_tools\":[]}]}"
	};
	struct err e = ERR_INIT;

	for (size_t patch = 0; patch < LEN(want); patch++) {
		CLEANUP(mem_freep)
		char *have = codex_catalog(STR(bundled), patch == 1, &e);

		ok_str(have, want[patch], "catalog");
	}
	for (size_t n = 0; n < sizeof bundled - 1; n++) {
		CLEANUP(mem_freep)
		char *cut = codex_catalog((struct str){ bundled, n }, false, &e);

		ok(cut == NULL && e.code == ERR_REFUSED, "a cut catalog is refused");
	}
	ok(codex_catalog(STR("{\"models\":[]}"), false, &e) == NULL, "no models");
	ok(codex_catalog(STR("{\"models\":[1]}"), false, &e) == NULL, "no object");
}

static void
names_that_the_agent_would_misread_are_refused(void)
{
	CLEANUP(plan_fini) struct plan p = { .nfiles = 0 };
	CLEANUP(pol_freep) struct policy *pol = pol_default();
	CLEANUP(args_fini) struct args a = { .inert = false };
	struct plan_facts f = claude_facts();
	struct err e = ERR_INIT;

	f.root = "/home/p/${HOME}";
	ok_int(plan_claude(&p, &f, pol, &a, &e), -1, "a variable in the root's name");
	ok_int(e.code, ERR_REFUSED, e.text);
	f = codex_facts();
	f.root = "/home/p/\xff";
	ok_int(plan_codex(&p, &f, pol, &a, &e), -1, "a root that is not UTF-8");
}

int
main(void)
{
	claude_starts_with_everything_of_its_own_off();
	claude_gets_what_the_policy_allows_and_no_gateway_when_off();
	claude_keeps_its_default_tools_but_the_denied();
	an_audited_claude_has_its_own_tools();
	an_audited_codex_has_its_own_tools();
	codex_tools_of_a_group_follow_the_one_that_is_asked_for();
	codex_speaks_over_a_websocket_where_the_policy_says_so();
	a_key_is_approved_only_where_there_is_no_other_login();
	codex_starts_with_everything_of_its_own_off();
	codex_terminal_has_no_server_of_its_own();
	codex_gets_what_the_policy_allows_and_no_gateway_when_off();
	codex_without_a_known_shell_switch_is_refused();
	model_traffic_goes_where_the_policy_says();
	codex_traffic_goes_where_the_policy_says();
	managed_settings_that_switch_us_off_are_refused();
	managed_files_of_codex_that_move_it_are_refused();
	every_model_of_the_catalog_loses_its_code_mode();
	names_that_the_agent_would_misread_are_refused();
	return test_done();
}
