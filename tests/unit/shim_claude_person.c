/* What comes along of a person's environment and settings, and what ends the launch instead. */

#include "shim/claude_person.h"

#include "tests/unit/test.h"

static char *env_none[] = { NULL };
static char *env_proxy[] = { (char[]){ "HTTPS_PROXY=http://p:1" }, NULL };
static char *env_switch[] = { (char[]){ "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD=1" },
	NULL };
static char *env_switch_off[] = { (char[]){ "CLAUDE_CODE_USE_BEDROCK=0" }, NULL };

static void
the_env_of_settings_is_a_list_of_names(void)
{
	static const struct {
		const char *settings, *with, *without;
	} rows[] = {
		{ NULL, "{}", "{}" },
		{ "{", "{}", "{}" },
		{ "{\"env\":[1]}", "{}", "{}" },
		{ "{\"env\":{\"ANTHROPIC_MODEL\":\"m\",\"X\":\"1\",\"PATH\":\"/x\"}}",
			"{\"ANTHROPIC_MODEL\":\"m\"}", "{\"ANTHROPIC_MODEL\":\"m\"}" },
		{ "{\"env\":{\"MAX_THINKING_TOKENS\":17,\"TZ\":true,\"LANG\":{\"a\":1}}}",
			"{\"MAX_THINKING_TOKENS\":\"17\"}",
			"{\"MAX_THINKING_TOKENS\":\"17\"}" },
		{ "{\"env\":{\"ANTHROPIC_BASE_URL\":\"u\",\"HTTP_PROXY\":\"p\"}}", "{}",
			"{\"ANTHROPIC_BASE_URL\":\"u\",\"HTTP_PROXY\":\"p\"}" },
		{ "{\"env\":{\"ANTHROPIC_API_KEY\":\"k\",\"CLAUDE_CODE_SIMPLE\":\"1\"}}",
			"{\"ANTHROPIC_API_KEY\":\"k\"}",
			"{\"ANTHROPIC_API_KEY\":\"k\"}" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		for (int port = 0; port < 2; port++) {
			const struct plan_facts f = { .settings = rows[i].settings,
				.port = port };
			CLEANUP(json_freep) json_t *env = json_object();
			CLEANUP(mem_freep) char *text = NULL;

			claude_carry_env(env, &f);
			text = json_dumps(env, JSON_COMPACT);
			ok_str(text, port != 0 ? rows[i].with : rows[i].without,
				rows[i].settings == NULL ? "none" : rows[i].settings);
		}
	}
}

static void
a_helper_of_the_project_is_refused(void)
{
	static const struct {
		const char *command;
		bool passes;
	} rows[] = {
		{ "echo key", true },
		{ "/usr/bin/pass show key", true },
		{ "~/bin/key", true },
		{ "$HOME/bin/key", true },
		{ "pass show a/b", true },
		{ "./key", false },
		{ "bin/key --x", false },
		{ "/p/root/key", false },
		{ "sh -c '/p/root/bin/key'", false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *all = mem_printf("{\"apiKeyHelper\":\"%s\"}", rows[i].command);
		const struct plan_facts f = {
			.settings = all, .root = "/p/root", .own_dir = "/h/.claude"
		};
		CLEANUP(json_freep) json_t *settings = json_object();
		struct err e = ERR_INIT;

		ok_int(claude_carry_helper(settings, &f, &e), rows[i].passes ? 0 : -1,
			rows[i].command);
		ok(e.code == (rows[i].passes ? ERR_NONE : ERR_REFUSED), e.text);
		ok((json_text_of(settings, "apiKeyHelper") != NULL) == rows[i].passes,
			rows[i].command);
	}
}

static void
what_moves_the_traffic_is_named(void)
{
	static const struct {
		char *const *env;
		const char *settings, *mode, *why; /* why NULL: it passes */
	} rows[] = {
		{ env_none, NULL, "enforce", NULL },
		{ env_switch_off, NULL, "enforce", NULL },
		{ env_switch, NULL, "enforce", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD" },
		{ env_switch, NULL, "off", NULL },
		{ env_none, "{\"env\":{\"CLAUDE_CODE_USE_VERTEX\":\"1\"}}", "enforce",
			"CLAUDE_CODE_USE_VERTEX in the env" },
		{ env_none, "{\"env\":{\"CLAUDE_CODE_USE_VERTEX\":1}}", "audit",
			"CLAUDE_CODE_USE_VERTEX in the env" },
		{ env_none, "{\"env\":{\"CLAUDE_CODE_USE_VERTEX\":\"0\"}}", "enforce",
			NULL },
		{ env_none, "{\"env\":{\"CLAUDE_CODE_USE_VERTEX\":\"1\"}}", "off", NULL },
		{ env_none, "{\"env\":{\"HTTPS_PROXY\":\"http://p:1\"}}", "enforce",
			"HTTPS_PROXY stands in the env" },
		{ env_proxy, "{\"env\":{\"HTTPS_PROXY\":\"http://p:1\"}}", "enforce",
			NULL },
		{ env_proxy, "{\"env\":{\"HTTPS_PROXY\":\"http://q:1\"}}", "enforce",
			"HTTPS_PROXY stands in the env" },
		{ env_none, "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://x\"}}", "enforce",
			"anthropic_upstream" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *text = mem_printf("[proxy]\nclaude = \"%s\"\n", rows[i].mode);
		struct err e = ERR_INIT;
		CLEANUP(pol_freep) struct policy *pol = pol_parse(str_of(text), "p", &e);
		const int got = plan_claude_upstream(
			rows[i].env, rows[i].settings, pol, &e);

		ok_int(got, rows[i].why == NULL ? 0 : -1, e.text);
		ok(rows[i].why == NULL || strstr(e.text, rows[i].why) != NULL, e.text);
	}
}

static void
managed_settings_that_beat_the_launch(void)
{
	static const struct {
		const char *text, *fault; /* NULL: it passes */
	} rows[] = {
		{ "{}", NULL },
		{ "{\"cleanupPeriodDays\":1,\"env\":{\"OTEL_X\":\"1\"}}", NULL },
		{ "{\"disableAllHooks\":false}", NULL },
		{ "{\"disableAllHooks\":true}", "disableAllHooks" },
		{ "{\"allowManagedPermissionRulesOnly\":true}",
			"allowManagedPermissionRulesOnly" },
		{ "{\"managedMcpServers\":{}}", "managedMcpServers" },
		{ "{\"env\":{\"CLAUDE_CODE_USE_MANTLE\":\"1\"}}",
			"CLAUDE_CODE_USE_MANTLE" },
		{ "{\"env\":{\"https_proxy\":\"x\"}}", "https_proxy" },
		{ "{\"env\":{\"CLAUDE_CODE_SIMPLE\":\"\"}}", "CLAUDE_CODE_SIMPLE" },
		{ "[]", "cannot be understood" },
		{ "{", "cannot be understood" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;

		ok_int(plan_claude_managed("/etc/x", str_of(rows[i].text), &e),
			rows[i].fault == NULL ? 0 : -1, rows[i].text);
		ok(rows[i].fault == NULL || strstr(e.text, rows[i].fault) != NULL,
			e.text);
	}
}

static void
settings_in_the_project_start_nothing(void)
{
	static const struct {
		const char *settings;
		bool passes;
	} rows[] = {
		{ "{\"apiKeyHelper\":\"/opt/key\"}", false },
		{ "{\"env\":{\"EDITOR\":\"/p/evil\"}}", false },
		{ "{\"model\":\"opus\"}", true },
		{ "{", true },
		{ NULL, true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct plan_facts f = { .root = "/p",
			.own_dir = "/p/own",
			.settings = rows[i].settings,
			.settings_in_project = true };
		CLEANUP(json_freep) json_t *settings = json_object();
		struct err e = ERR_INIT;

		ok_int(claude_carry_helper(settings, &f, &e), rows[i].passes ? 0 : -1,
			rows[i].settings == NULL ? "none" : rows[i].settings);
	}
}

int
main(void)
{
	the_env_of_settings_is_a_list_of_names();
	a_helper_of_the_project_is_refused();
	settings_in_the_project_start_nothing();
	what_moves_the_traffic_is_named();
	managed_settings_that_beat_the_launch();
	return test_done();
}
