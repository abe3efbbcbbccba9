#include "shim/plan.h"

#include "shim/claude_files.h"
#include "shim/claude_person.h"
#include "shim/others.h"

static const char agent[] = "claude";

/*
 * claude's own tools as far as any version was seen to have them. --tools is the list that
 * counts; this one says what policy patterns like "Web*" stand for and is denied by name as
 * well, since a denial beats every other switch. Former names (Task, KillShell) are not in it:
 * claude takes a denial of them for one of Agent and TaskStop.
 */
static const char *const natives[] = { "Agent", "AskUserQuestion", "Bash", "BashOutput",
	"CronCreate", "CronDelete", "CronList", "DesignSync", "Edit", "EnterPlanMode",
	"EnterWorktree", "ExitPlanMode", "ExitWorktree", "Glob", "Grep", "LSP",
	"ListAgents", "ListMcpResourcesTool", "Monitor", "NotebookEdit", "PowerShell",
	"Read", "ReadMcpResourceTool", "ReportFindings", "ScheduleWakeup", "SendMessage",
	"SendUserMessage", "Skill", "TaskCreate", "TaskGet", "TaskList", "TaskOutput",
	"TaskStop", "TaskUpdate", "TodoWrite", "WebFetch", "WebSearch", "Workflow",
	"Write" };

/* Servers that claude brings by itself, in spite of --strict-mcp-config. */
#define OTHER_SERVERS "mcp__ide,mcp__claude-in-chrome,mcp__plugin_*,mcp__claude_ai_*"

static bool
is_name(const char *z)
{
	return z[strcspn(z, "*?,() ")] == '\0';
}

static bool
is_known_native(const char *z)
{
	for (size_t i = 0; i < LEN(natives); i++)
		if (strcmp(z, natives[i]) == 0)
			return true;
	return false;
}

static void
put_item(struct buf *b, bool *any, const char *z)
{
	if (*any)
		buf_putc(b, ',');
	buf_puts(b, z);
	*any = true;
}

/* The person's own --tools, which only an audited claude may have, is then the list. */
static void
add_all_tools(struct plan *p, const struct args *a)
{
	if (!a->has_tools)
		words_add(&p->argv, "--tools=default");
	words_add(&p->argv, "--disallowedTools=" OTHER_SERVERS);
}

static void
add_tools(struct plan *p, const struct policy *pol, json_t *others)
{
	CLEANUP(buf_fini) struct buf on = BUF_INIT(PLAN_FILE_MAX);
	CLEANUP(buf_fini) struct buf off = BUF_INIT(PLAN_FILE_MAX);
	const char *const *names;
	bool any_on = false;
	bool any_off = true;
	size_t n;

	buf_puts(&off, OTHER_SERVERS);
	for (size_t i = 0; i < LEN(natives); i++) {
		const bool has = plan_has_native(pol, POL_CLAUDE, natives[i]);

		put_item(has ? &on : &off, has ? &any_on : &any_off, natives[i]);
	}
	n = pol_native_names(pol, &names);
	for (size_t i = 0; i < n; i++) {
		const bool has = plan_has_native(pol, POL_CLAUDE, names[i]);

		if (is_name(names[i]) && !is_known_native(names[i]))
			put_item(has ? &on : &off, has ? &any_on : &any_off, names[i]);
	}
	words_addf(&p->argv, "--tools=%s",
		pol_native_default_allows(pol, POL_CLAUDE) ? "default"
		: any_on                                   ? buf_text(&on)
							   : "");
	claude_others_denied(&off, others, pol);
	words_addf(&p->argv, "--disallowedTools=%s", buf_text(&off));
}

/* Without it print mode refuses each of their calls: policy decides them, hook and wire. */
static void
add_allowed(struct plan *p, json_t *others)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	claude_others_allowed(&b, others);
	words_addf(&p->argv,
		"--allowedTools=mcp__" POL_SERVER_CORE "__*,mcp__" POL_SERVER_WORKSPACE
		"__*%s",
		buf_text(&b));
}

/* Ours come first and with "=": what is appended can be eaten by what stands before it. */
static void
add_argv(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a, json_t *others)
{
	words_add(&p->argv, agent);
	words_addf(&p->argv, "--settings=%s/settings.json", f->dir);
	words_add(&p->argv, "--setting-sources=user");
	words_add(&p->argv, "--strict-mcp-config");
	words_addf(&p->argv, "--mcp-config=%s/mcp.json", f->dir);
	if (pol_mode_of(pol, POL_CLAUDE) == POL_AUDIT)
		add_all_tools(p, a);
	else
		add_tools(p, pol, others);
	add_allowed(p, others);
	words_add(&p->argv, "--no-chrome");
	if (!a->has_mode)
		words_add(&p->argv, "--permission-mode=default");
	words_add_all(&p->argv, &a->flags);
	if (a->operands.n > 0)
		words_add(&p->argv, "--");
	words_add_all(&p->argv, &a->operands);
}

static void
add_env(struct plan *p, const struct plan_facts *f)
{
	static const char *const pins[] = { "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"CLAUDE_CODE_DISABLE_AGENT_VIEW=1", "CLAUDE_CODE_AUTO_CONNECT_IDE=false",
		"CLAUDE_CODE_ENABLE_CFC=false", "ENABLE_CLAUDEAI_MCP_SERVERS=false",
		/* where /plugin would install: no plugin is for a supervised session */
		"CLAUDE_CODE_PLUGIN_CACHE_DIR=/dev/null", "ENABLE_TOOL_SEARCH=false",
		"CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK=1",
		/* the first request waits for our servers */
		"MCP_CONNECTION_NONBLOCKING=0", "MCP_CONNECT_TIMEOUT_MS=20000" };

	plan_add_env(p, f, POL_CLAUDE, claude_scrub(f->port != 0));
	for (size_t i = 0; i < LEN(pins); i++)
		words_add(&p->env, pins[i]);
	words_addf(&p->env, "CLAUDE_CONFIG_DIR=%s/claude", f->dir);
	/* a refreshed login must reach the person's own file, or it is lost with the run */
	words_addf(&p->env, "CLAUDE_SECURESTORAGE_CONFIG_DIR=%s", f->own_dir);
	if (f->port != 0) {
		CLEANUP(mem_freep) char *url = plan_base_url(f, "");

		words_addf(&p->env, "ANTHROPIC_BASE_URL=%s", url);
	}
}

int
plan_claude(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a, struct err *e)
{
	const char *const paths[] = { f->root, f->mcp, f->home, f->log, f->policy };
	CLEANUP(json_freep) json_t *others = NULL;

	for (size_t i = 0; i < LEN(paths); i++)
		if (paths[i] != NULL && strstr(paths[i], "${") != NULL)
			return err_set(e, ERR_REFUSED,
				"claude: it would expand the ${ in %s: rename that",
				paths[i]);
	others = claude_others(&p->notes, f, pol);
	add_argv(p, f, pol, a, others);
	add_env(p, f);
	return claude_add_files(p, f, pol, others, e);
}
