#include "shim/plan.h"

#include "base/utf8.h"
#include "shim/codex_files.h"
#include "shim/others.h"

static const char agent[] = "codex";

/*
 * Features that bring a tool, a server, a hook or a connection. --disable beats every other
 * way to set one. The second name is the tool for which policy may ask the feature back.
 */
static const struct {
	const char *feature, *tool;
} off[] = {
	{ "shell_tool", "exec_command" },
	{ "unified_exec", "exec_command" },
	{ "shell_snapshot", "exec_command" },
	{ "shell_snapshot_v2", "exec_command" },
	{ "goals", "create_goal" },
	{ "view_image", "view_image" },
	{ "multi_agent", "spawn_agent" },
	{ "multi_agent_v2", "spawn_agent" },
	{ "sleep_tool", NULL },
	{ "apps", NULL },
	{ "plugins", NULL },
	{ "remote_plugin", NULL },
	{ "recommended_plugins", NULL },
	{ "image_generation", NULL },
	{ "tool_suggest", NULL },
	{ "skill_search", NULL },
	{ "skill_mcp_dependency_install", NULL },
	{ "browser_use", NULL },
	{ "browser_use_external", NULL },
	{ "browser_use_full_cdp_access", NULL },
	{ "computer_use", NULL },
	{ "in_app_browser", NULL },
	{ "hooks", NULL },
	{ "request_permissions_tool", NULL },
	{ "send_message_to_user_async", NULL },
	{ "token_budget", NULL },
	{ "deferred_executor", NULL },
	{ "multi_env_copy_file", NULL },
	{ "current_time_reminder", NULL },
	{ "memories", NULL },
	{ "non_prefixed_mcp_tool_names", NULL },
	{ "code_mode", NULL },
	{ "code_mode_only", NULL },
	{ "standalone_web_search", NULL },
	{ "artifact", NULL },
	{ "chronicle", NULL },
	{ "unbounded_connection_retries", NULL },
};

static const struct {
	const char *setting, *tool;
} settings[] = {
	{ "agents.enabled=false", "spawn_agent" },
	{ "tools.experimental_request_user_input={enabled=false}", "request_user_input" },
	{ "tools.update_plan={enabled=false}", "update_plan" },
	{ "web_search=\"disabled\"", "web_search" },
	{ "analytics.enabled=false", NULL },
	{ "otel.metrics_exporter=\"none\"", NULL },
	{ "otel.exporter=\"none\"", NULL },
	{ "otel.trace_exporter=\"none\"", NULL },
	{ "check_for_update_on_startup=false", NULL },
	{ "feedback.enabled=false", NULL },
	{ "notify=[]", NULL },
};

static bool
is_back(const struct policy *pol, const char *tool)
{
	return tool != NULL && plan_has_native(pol, POL_CODEX, tool);
}

/* A name that this version does not know would end the launch. */
static bool
has_feature(const char *features, const char *name)
{
	const size_t n = strlen(name);

	for (const char *line = features; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		if (strncmp(line, name, n) == 0 && (line[n] == ' ' || line[n] == '\t'))
			return true;
		line = end == NULL ? NULL : end + 1;
	}
	return false;
}

static void
set(struct plan *p, const char *setting)
{
	words_add(&p->argv, "-c");
	words_add(&p->argv, setting);
}

static void
set_buf(struct plan *p, struct buf *b)
{
	set(p, buf_text(b));
	buf_reset(b);
}

static void
add_off(struct plan *p, const struct plan_facts *f, const struct policy *pol)
{
	for (size_t i = 0; i < LEN(off); i++) {
		if (is_back(pol, off[i].tool) ||
			!has_feature(f->features, off[i].feature))
			continue;
		words_add(&p->argv, "--disable");
		words_add(&p->argv, off[i].feature);
	}
	for (size_t i = 0; i < LEN(settings); i++)
		if (!is_back(pol, settings[i].tool))
			set(p, settings[i].setting);
	/* codex's own sandbox is for its own tools: with one of them on it is codex's again */
	if (is_back(pol, "exec_command") || is_back(pol, "apply_patch"))
		return;
	set(p, "sandbox_mode=\"read-only\"");
	set(p, "default_permissions=\":read-only\"");
	/* as "never", but that a server of ours can ask the person (mcp/ask.h) */
	set(p, "approval_policy={granular={sandbox_approval=false,rules=false,"
	       "skill_approval=false,request_permissions=false,mcp_elicitations=true}}");
}

static void
add_server(struct plan *p, const struct plan_facts *f, const char *name, const char *role)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	const char *pairs[PLAN_SERVER_ENV_MAX];
	const size_t n = plan_server_env(f, POL_CODEX, role, pairs);

	buf_printf(&b, "mcp_servers.%s={command=", name);
	buf_put_json(&b, str_of(f->mcp));
	buf_puts(&b, ",args=[\"--project-root\",");
	buf_put_json(&b, str_of(f->root));
	buf_puts(&b, "],env={");
	for (size_t i = 0; i + 1 < n; i += 2) {
		buf_printf(&b, "%s%s=", i == 0 ? "" : ",", pairs[i]);
		buf_put_json(&b, str_of(pairs[i + 1]));
	}
	buf_puts(&b, "},cwd=");
	buf_put_json(&b, str_of(f->root));
	/* each key is said, since tables of all layers are merged */
	buf_puts(&b,
		",enabled=true,required=true,default_tools_approval_mode=\"approve\","
		"disabled_tools=[]}");
	set_buf(p, &b);
}

/*
 * A folder's .codex/config.toml is read only when the folder is trusted, about which the terminal
 * would ask. Told that it is not trusted codex leaves AGENTS.md out too, which comes with the
 * instructions: codex itself would follow a link there to any file of the person's.
 */
static void
add_projects(struct plan *p, const struct plan_facts *f)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	const char *const dirs[] = { f->root, f->cwd, f->git_root };

	buf_puts(&b, "projects={");
	for (size_t i = 0; i < LEN(dirs); i++) {
		bool again = dirs[i] == NULL;

		for (size_t k = 0; k < i; k++)
			again = again || str_is(str_of(dirs[k]), dirs[i]);
		if (again)
			continue;
		if (i > 0)
			buf_putc(&b, ',');
		buf_put_json(&b, str_of(dirs[i]));
		buf_puts(&b, "={trust_level=\"untrusted\"}");
	}
	buf_putc(&b, '}');
	set_buf(p, &b);
}

static void
add_argv(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	words_add(&p->argv, agent);
	words_addf(&p->argv, "--profile=" CODEX_OURS "%s", f->run);
	words_add_all(&p->argv, &a->flags);
	/* ours are last at the deepest level, where the last -c wins */
	add_off(p, f, pol);
	buf_puts(&b, "model_catalog_json=");
	buf_put_json(&b, str_of(f->catalog));
	set_buf(p, &b);
	if (f->port != 0) {
		buf_puts(&b, "model_provider=");
		buf_put_json(&b, str_of(codex_provider(f, a->tui)));
		set_buf(p, &b);
	}
	add_projects(p, f);
	add_server(p, f, POL_SERVER_CORE, "core");
	add_server(p, f, POL_SERVER_WORKSPACE, "workspace");
	if (a->tui) {
		/* the terminal interface brings a server of its own */
		set(p, "mcp_servers.codex_tui={command=\"/bin/false\",enabled=false}");
		/*
		 * A session from elsewhere goes on here, where our servers work. In its own
		 * folder codex would ask about trust, and on a yes start what that folder has.
		 */
		set(p, "tui.resume_cwd=\"current\"");
		words_add(&p->argv, "--no-daemon");
	}
	if (a->operands.n > 0)
		words_add(&p->argv, "--");
	words_add_all(&p->argv, &a->operands);
}

/* --- requirements: what no later argument, file or request of the session can change ------- */

static void
put_identity(struct buf *b, const struct plan_facts *f, const char *name)
{
	buf_printf(b, "[mcp_servers.%s.identity]\ncommand = ", name);
	buf_put_json(b, str_of(f->mcp));
	buf_putc(b, '\n');
}

/* They know no openai_base_url (0.169.0), so of the built-in provider only its name holds. */
static void
put_required_provider(
	struct buf *b, const struct plan_facts *f, const struct policy *pol, bool tui)
{
	if (f->port == 0)
		return;
	if (strcmp(codex_provider(f, tui), "openai") == 0)
		buf_puts(b, "model_provider = \"openai\"\n");
	else
		codex_put_provider(b, f, pol, tui);
}

/* What is not said here is free: codex's sandbox where policy gives it a shell of its own. */
static int
add_requirements(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	bool tui, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	buf_puts(&b, "allow_managed_hooks_only = true\n");
	if (!is_back(pol, "exec_command") && !is_back(pol, "apply_patch"))
		buf_puts(&b, "allowed_sandbox_modes = [\"read-only\"]\n");
	if (!is_back(pol, "web_search"))
		buf_puts(&b, "allowed_web_search_modes = []\n");
	buf_puts(&b, "model_catalog_json = ");
	buf_put_json(&b, str_of(f->catalog));
	buf_putc(&b, '\n');
	put_required_provider(&b, f, pol, tui);
	buf_puts(&b, "\n[features]\n");
	for (size_t i = 0; i < LEN(off); i++)
		if (!is_back(pol, off[i].tool) &&
			has_feature(f->features, off[i].feature))
			buf_printf(&b, "%s = false\n", off[i].feature);
	put_identity(&b, f, POL_SERVER_CORE);
	put_identity(&b, f, POL_SERVER_WORKSPACE);
	codex_others_identity(&b, f, pol);
	if (b.over)
		return err_set(e, ERR_DATA, "codex: its requirements are too large");
	p->requirements = mem_strdup(buf_text(&b));
	return 0;
}

static const char *const dropped[] = { "CODEX_*", "OPENAI_*", "" };
static const char *const kept[] = { "CODEX_API_KEY", "OPENAI_API_KEY", "" };
/* Without a gateway the traffic goes where the person sends it. */
static const char *const kept_direct[] = { "CODEX_API_KEY", "OPENAI_*", "" };

/* The list of features is where its shell is switched off; without that name it would stay. */
static int
check_features(const char *features, const struct policy *pol, struct err *e)
{
	if (is_back(pol, "exec_command") || has_feature(features, "shell_tool"))
		return 0;
	return err_set(e, ERR_REFUSED,
		"codex: its list of features has no shell_tool, so its own shell could not be "
		"switched off: this version is not supported");
}

int
plan_codex(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a, struct err *e)
{
	const char *const names[] = { f->root, f->cwd, f->git_root, f->home, f->mcp,
		f->log, f->policy, f->catalog };
	const struct plan_scrub scrub = { dropped, f->port == 0 ? kept_direct : kept };

	for (size_t i = 0; i < LEN(names); i++)
		if (names[i] != NULL && !utf8_is_valid(str_of(names[i])))
			return err_set(e, ERR_REFUSED, "codex: the name %s is not UTF-8",
				names[i]);
	if (check_features(f->features, pol, e) < 0)
		return -1;
	add_argv(p, f, pol, a);
	plan_add_env(p, f, POL_CODEX, &scrub);
	words_addf(&p->env, "CODEX_HOME=%s/" CODEX_HOME_NAME, f->own_dir);
	words_addf(&p->env, "CODEX_SQLITE_HOME=%s", f->sqlite_dir);
	/* the built-in provider asks for a WebSocket first and complains when it gets none */
	if (!a->tui && !pol_websocket(pol) && plan_env_of(f->env, "RUST_LOG") == NULL)
		words_add(&p->env, "RUST_LOG=error,codex_api::endpoint::"
				   "responses_websocket=off");
	if (pol_codex_requirements(pol) != POL_WANT_NOT &&
		add_requirements(p, f, pol, a->tui, e) < 0)
		return -1;
	return codex_add_files(p, f, pol, a->tui, e);
}
