#include "shim/claude_files.h"

#include <stdlib.h>

#include "base/json/json.h"

enum {
	HOOK_SECONDS = 20,
	KEY_TAIL = 20 /* as much of a key as claude remembers it by */
};

static void
set(json_t *object, const char *key, json_t *value)
{
	if (value == NULL || json_object_set_new(object, key, value) < 0)
		abort(); /* out of memory, or text that is not UTF-8: see is_text */
}

static json_t *
text(const char *z)
{
	return json_string(z);
}

static char *
text_of(const json_t *j)
{
	char *z = json_dumps(j, JSON_COMPACT);

	if (z == NULL)
		abort();
	return z;
}

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

	(void)json_array_append_new(args, text(event));
	set(hook, "type", text("command"));
	set(hook, "command", text(f->hook));
	/* with args it is started directly, past any shell, prefix or PATH */
	set(hook, "args", args);
	set(hook, "timeout", json_integer(HOOK_SECONDS));
	set(hook, "onFailure", text("block"));
	(void)json_array_append_new(list, hook);
	if (has_matcher)
		set(entry, "matcher", text("*"));
	set(entry, "hooks", list);
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
		set(all, rows[i].event, list);
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
		"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
		"CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_USE_ANTHROPIC_AWS",
		"CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_USE_GATEWAY",
		"ANTHROPIC_CUSTOM_HEADERS" };
	static const char *const pins[][2] = { { "CLAUDE_CODE_DISABLE_AGENT_VIEW", "1" },
		{ "CLAUDE_CODE_AUTO_CONNECT_IDE", "false" },
		{ "CLAUDE_CODE_ENABLE_CFC", "false" },
		{ "ENABLE_CLAUDEAI_MCP_SERVERS", "false" },
		{ "ENABLE_TOOL_SEARCH", "false" },
		{ "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1" } };
	json_t *env = json_object();

	for (size_t i = 0; i < LEN(pins); i++)
		set(env, pins[i][0], text(pins[i][1]));
	for (size_t i = 0; i < LEN(empty); i++)
		set(env, empty[i], text(""));
	if (f->port != 0) {
		CLEANUP(mem_freep) char *url = plan_base_url(f, "");

		for (size_t i = 0; i < LEN(empty_with_gateway); i++)
			set(env, empty_with_gateway[i], text(""));
		set(env, "ANTHROPIC_BASE_URL", text(url));
	}
	return env;
}

static char *
settings(const struct plan_facts *f, const struct policy *pol)
{
	CLEANUP(json_freep) json_t *all = json_object();

	set(all, "disableAllHooks", json_false());
	set(all, "disableAgentView", json_true());
	set(all, "disableSkillShellExecution", json_true());
	set(all, "env", pinned_env(f));
	set(all, "hooks", hooks(f));
	/* "@file" in a prompt is read natively, past every hook */
	if (!plan_has_native(pol, POL_CLAUDE, "Read"))
		set(all, "permissions",
			json_pack("{s:[s,s]}", "deny", "Read(./**)", "Read(//**)"));
	return text_of(all);
}

/* --- mcp.json ------------------------------------------------------------------------ */

static json_t *
server(const struct plan_facts *f, const char *role)
{
	const char *pairs[PLAN_SERVER_ENV_MAX];
	const size_t n = plan_server_env(f, POL_CLAUDE, role, pairs);
	json_t *one = json_object();
	json_t *env = json_object();

	for (size_t i = 0; i + 1 < n; i += 2)
		set(env, pairs[i], text(pairs[i + 1]));
	set(one, "type", text("stdio"));
	set(one, "command", text(f->mcp));
	set(one, "args", json_pack("[s,s]", "--project-root", f->root));
	set(one, "env", env);
	/* without it a slow server is silently absent from the first request */
	set(one, "alwaysLoad", json_true());
	return one;
}

static char *
servers(const struct plan_facts *f)
{
	CLEANUP(json_freep) json_t *all = json_object();
	json_t *both = json_object();

	set(both, POL_SERVER_CORE, server(f, "core"));
	set(both, POL_SERVER_WORKSPACE, server(f, "workspace"));
	set(all, "mcpServers", both);
	return text_of(all);
}

/* --- the private configuration folder ------------------------------------------------ */

/* Members of the list that are no containers; what cannot be parsed gives none. */
static json_t *
harmless(const char *from, const char *const *keys, size_t n)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(from), &none);
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(all, keys[i]);

		if (v != NULL && !json_is_object(v) && !json_is_array(v))
			set(out, keys[i], json_incref(v));
	}
	return out;
}

static char *
own_settings(const struct plan_facts *f)
{
	static const char *const keys[] = { "model", "effortLevel", "language",
		"editorMode", "verbose", "alwaysThinkingEnabled", "autoCompactEnabled",
		"prefersReducedMotion", "spinnerTipsEnabled", "cleanupPeriodDays" };
	CLEANUP(json_freep) json_t *all = harmless(f->settings, keys, LEN(keys));

	return text_of(all);
}

/*
 * The dialog asks whether the project's settings, hooks and servers may run. They are not
 * loaded here, so there is nothing to ask.
 */
static void
trust(json_t *projects, const char *dir)
{
	if (dir == NULL)
		return;
	set(projects, dir,
		json_pack("{s:b,s:b}", "hasTrustDialogAccepted", 1,
			"hasCompletedProjectOnboarding", 1));
}

/*
 * With a key and no other login claude asks on its first start whether to use the key. That
 * answer would be lost with the run's folder and be asked for each time, though there is only
 * one. Where there is a login the question is real: the key costs money that it does not.
 */
static void
answer_first_start(json_t *all, const struct plan_facts *f)
{
	const char *key = plan_env_of(f->env, "ANTHROPIC_API_KEY");
	const size_t n = key == NULL ? 0 : strlen(key);
	json_t *tail;

	if (n == 0 || f->has_login || json_object_get(all, "oauthAccount") != NULL ||
		json_object_get(all, "customApiKeyResponses") != NULL ||
		plan_env_of(f->env, "CLAUDE_CODE_OAUTH_TOKEN") != NULL)
		return;
	tail = text(key + (n > KEY_TAIL ? n - KEY_TAIL : 0));
	if (tail == NULL)
		return; /* a key that is not UTF-8: claude will say what it thinks of it */
	set(all, "customApiKeyResponses",
		json_pack("{s:[o],s:[]}", "approved", tail, "rejected"));
	set(all, "hasCompletedOnboarding", json_true());
}

static char *
own_state(const struct plan_facts *f)
{
	static const char *const keys[] = { "numStartups", "installMethod", "autoUpdates",
		"theme", "userID", "firstStartTime", "hasCompletedOnboarding",
		"lastOnboardingVersion", "lastReleaseNotesSeen", "editorMode", "verbose",
		"autoCompactEnabled", "preferredNotifChannel", "subscriptionNoticeCount",
		"hasAvailableSubscription", "shiftEnterKeyBindingInstalled",
		"optionAsMetaKeyInstalled", "hasUsedBackslashReturn" };
	static const char *const whole[] = { "oauthAccount", "customApiKeyResponses",
		"tipsHistory" };
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *theirs = json_parse(str_of(f->state), &none);
	CLEANUP(json_freep) json_t *all = harmless(f->state, keys, LEN(keys));
	json_t *projects = json_object();

	for (size_t i = 0; i < LEN(whole); i++) {
		json_t *v = json_object_get(theirs, whole[i]);

		if (json_is_object(v))
			set(all, whole[i], json_incref(v));
	}
	answer_first_start(all, f);
	trust(projects, f->root);
	trust(projects, f->cwd);
	trust(projects, f->git_root);
	set(all, "projects", projects);
	return text_of(all);
}

/* "@path" ends at a space that has no backslash. */
static void
put_import(struct buf *b, const char *dir, const char *name)
{
	buf_putc(b, '@');
	for (; *dir != '\0'; dir++) {
		if (*dir == ' ')
			buf_putc(b, '\\');
		buf_putc(b, *dir);
	}
	buf_printf(b, "/%s\n", name);
}

static void
add_memory(struct plan *p, const struct plan_facts *f)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	if (f->has_memory)
		put_import(&b, f->own_dir, "CLAUDE.md");
	if (f->root_memory != NULL)
		buf_puts(&b, f->root_memory);
	if (b.n > 0)
		plan_add_file(p, "claude/CLAUDE.md", buf_take(&b));
}

int
claude_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	struct err *e)
{
	const char *const names[] = { f->root, f->cwd, f->git_root, f->home, f->hook,
		f->mcp, f->log, f->policy, f->version };

	for (size_t i = 0; i < LEN(names); i++)
		if (check_text(names[i], e) < 0)
			return -1;
	plan_add_file(p, "settings.json", settings(f, pol));
	plan_add_file(p, "mcp.json", servers(f));
	plan_add_file(p, "claude/settings.json", own_settings(f));
	plan_add_file(p, "claude/.claude.json", own_state(f));
	add_memory(p, f);
	plan_add_link(p, "claude/projects", f->own_dir, "projects");
	if (f->has_login)
		plan_add_link(
			p, "claude/.credentials.json", f->own_dir, ".credentials.json");
	return 0;
}

char *
claude_base_url_of(const char *from)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(from), &none);
	const char *url = json_text_of(json_object_get(all, "env"), "ANTHROPIC_BASE_URL");

	return url == NULL ? NULL : mem_strdup(url);
}

/* --- managed settings ------------------------------------------------------------------ */

static const char *
managed_fault(const json_t *all)
{
	static const char *const switches[] = { "allowManagedHooksOnly",
		"disableAllHooks", "disableSideloadFlags", "allowManagedMcpServersOnly" };
	static const char *const lists[] = { "allowedMcpServers", "deniedMcpServers" };
	static const char *const moves[] = { "ANTHROPIC_BASE_URL",
		"ANTHROPIC_UNIX_SOCKET", "CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE",
		"CLAUDE_CODE_SHELL_PREFIX", "CLAUDE_CODE_EXTRA_BODY",
		"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
		"CLAUDE_CODE_USE_FOUNDRY", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
		"https_proxy" };
	const json_t *env = json_object_of(all, "env");

	for (size_t i = 0; i < LEN(switches); i++)
		if (json_is_true(json_object_get(all, switches[i])))
			return switches[i];
	for (size_t i = 0; i < LEN(lists); i++)
		if (json_object_get(all, lists[i]) != NULL)
			return lists[i];
	for (size_t i = 0; i < LEN(moves); i++)
		if (json_object_get(env, moves[i]) != NULL)
			return moves[i];
	return NULL;
}

int
plan_claude_managed(const char *path, struct str from, struct err *e)
{
	CLEANUP(json_freep) json_t *all = json_parse(from, e);
	const char *fault;

	if (all == NULL || !json_is_object(all))
		return err_set(e, ERR_REFUSED,
			"claude: %s cannot be understood, so nobody can tell whether it switches "
			"pando-ai's hooks and servers off: mend it",
			path);
	fault = managed_fault(all);
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_REFUSED,
		"claude: %s in %s would leave the session without pando-ai's hooks, servers or "
		"gateway: ask who manages that file to admit pando-ai",
		fault, path);
}
