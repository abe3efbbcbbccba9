#include "shim/claude_files.h"

#include "shim/claude_home.h"
#include "shim/claude_json.h"
#include "shim/claude_person.h"
#include "shim/hook.h"

/* JSON has no other text than UTF-8, so a path that is none cannot be said. */
static int
check_text(const char *z, struct err *e)
{
	json_t *j = z == NULL ? NULL : json_string(z);

	if (z != NULL && j == NULL)
		return err_set(e, ERR_REFUSED, "claude: the name %s is not UTF-8", z);
	json_decref(j);
	return 0;
}

/* --- settings.json ----------------------------------------------------------------- */

static json_t *
hook_entry(const struct plan_facts *f, const char *event, bool has_matcher)
{
	json_t *entry = json_object();
	json_t *list = json_array();
	json_t *hook = json_object();
	json_t *args = json_array();

	(void)json_array_append_new(args, jtext(event));
	jset(hook, "type", jtext("command"));
	jset(hook, "command", jtext(f->hook));
	/* with args it is started directly, past any shell, prefix or PATH */
	jset(hook, "args", args);
	jset(hook, "timeout", json_integer(HOOK_TIMEOUT_S));
	jset(hook, "onFailure", jtext("block"));
	(void)json_array_append_new(list, hook);
	if (has_matcher)
		jset(entry, "matcher", jtext("*"));
	jset(entry, "hooks", list);
	return entry;
}

static json_t *
hooks(const struct plan_facts *f)
{
	static const struct {
		const char *event;
		bool has_matcher;
	} rows[] = {
		{ "SessionStart", false },
		{ "UserPromptSubmit", false },
		{ "PreToolUse", true },
		{ "PostToolUse", true },
		{ "ConfigChange", false },
		{ "SessionEnd", false },
	};
	json_t *all = json_object();

	for (size_t i = 0; i < LEN(rows); i++) {
		json_t *list = json_array();

		(void)json_array_append_new(
			list, hook_entry(f, rows[i].event, rows[i].has_matcher));
		jset(all, rows[i].event, list);
	}
	return all;
}

/* A variable that a settings file sets is harmless when this one sets it to nothing. */
static json_t *
pinned_env(const struct plan_facts *f)
{
	static const char *const empty[] = { "CLAUDE_CODE_SIMPLE",
		"CLAUDE_CODE_SAFE_MODE", "CLAUDE_CODE_SHELL_PREFIX", "CLAUDE_CODE_SHELL",
		"CLAUDE_CODE_EXTRA_BODY", "CLAUDE_CODE_ENABLE_TELEMETRY",
		"CLAUDE_CODE_DISABLE_ATTACHMENTS", "PYTHONPATH", "LD_PRELOAD",
		"BASH_ENV" };
	static const char *const empty_with_gateway[] = { "HTTP_PROXY", "HTTPS_PROXY",
		"http_proxy", "https_proxy", "ALL_PROXY", "all_proxy",
		"ANTHROPIC_CUSTOM_HEADERS" };
	static const char *const pins[][2] = { { "CLAUDE_CODE_DISABLE_AGENT_VIEW", "1" },
		{ "CLAUDE_CODE_AUTO_CONNECT_IDE", "false" },
		{ "CLAUDE_CODE_ENABLE_CFC", "false" },
		{ "ENABLE_CLAUDEAI_MCP_SERVERS", "false" },
		{ "CLAUDE_CODE_PLUGIN_CACHE_DIR", "/dev/null" },
		{ "ENABLE_TOOL_SEARCH", "false" },
		{ "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1" } };
	json_t *env = json_object();

	claude_carry_env(env, f);
	for (size_t i = 0; i < LEN(pins); i++)
		jset(env, pins[i][0], jtext(pins[i][1]));
	for (size_t i = 0; i < LEN(empty); i++)
		jset(env, empty[i], jtext(""));
	if (f->port != 0) {
		CLEANUP(mem_freep) char *url = plan_base_url(f, "");

		for (size_t i = 0; i < LEN(empty_with_gateway); i++)
			jset(env, empty_with_gateway[i], jtext(""));
		for (const char *const *name = claude_switches; *name != NULL; name++)
			jset(env, *name, jtext(""));
		jset(env, "ANTHROPIC_BASE_URL", jtext(url));
	}
	return env;
}

static char *
settings(const struct plan_facts *f, const struct policy *pol, struct err *e)
{
	CLEANUP(json_freep)
	json_t *all = f->given == NULL ? json_object() : json_parse(str_of(f->given), e);

	if (all == NULL || claude_carry_helper(all, f, e) < 0)
		return NULL;
	jset(all, "disableAllHooks", json_false());
	jset(all, "disableAgentView", json_true());
	jset(all, "disableRemoteControl", json_true());
	jset(all, "disableClaudeAiConnectors", json_true());
	jset(all, "disableSkillShellExecution", json_true());
	jset(all, "env", pinned_env(f));
	jset(all, "hooks", hooks(f));
	/* "@file" in a prompt is read natively, past every hook */
	if (!plan_has_native(pol, POL_CLAUDE, "Read"))
		jset(all, "permissions",
			json_pack("{s:[s,s]}", "deny", "Read(./**)", "Read(//**)"));
	return jdump(all);
}

/* --- mcp.json ------------------------------------------------------------------------ */

static json_t *
server(const struct plan_facts *f, const char *role)
{
	static const char *const unseen[] = { "CLAUDE_CODE_MESSAGING_SOCKET",
		"CLAUDE_CODE_MESSAGING_TOKEN", "ANTHROPIC_API_KEY",
		"ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL" };
	const char *pairs[PLAN_SERVER_ENV_MAX];
	const size_t n = plan_server_env(f, POL_CLAUDE, role, pairs);
	json_t *one = json_object();
	json_t *env = json_object();

	/* claude gives its servers its own environment, and a channel to itself */
	for (size_t i = 0; i < LEN(unseen); i++)
		jset(env, unseen[i], jtext(""));
	for (size_t i = 0; i + 1 < n; i += 2)
		jset(env, pairs[i], jtext(pairs[i + 1]));
	jset(one, "type", jtext("stdio"));
	jset(one, "command", jtext(f->mcp));
	jset(one, "args", json_pack("[s,s]", "--project-root", f->root));
	jset(one, "env", env);
	/* without it a slow server is silently absent from the first request */
	jset(one, "alwaysLoad", json_true());
	return one;
}

static char *
servers(const struct plan_facts *f, json_t *others)
{
	CLEANUP(json_freep) json_t *all = json_object();
	json_t *both = json_copy(others);

	jset(both, POL_SERVER_CORE, server(f, "core"));
	jset(both, POL_SERVER_WORKSPACE, server(f, "workspace"));
	jset(all, "mcpServers", both);
	return jdump(all);
}

/* --- all of them --------------------------------------------------------------------- */

int
claude_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	json_t *others, struct err *e)
{
	const char *const names[] = { f->root, f->cwd, f->git_root, f->home, f->hook,
		f->mcp, f->log, f->policy, f->version };
	char *all;

	for (size_t i = 0; i < LEN(names); i++)
		if (check_text(names[i], e) < 0)
			return -1;
	all = settings(f, pol, e);
	if (all == NULL)
		return -1;
	plan_add_file(p, "settings.json", all);
	plan_add_file(p, "mcp.json", servers(f, others));
	claude_add_home(p, f);
	return 0;
}
