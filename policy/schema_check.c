#include "policy/reader.h"

#include <strings.h>

#include "base/log.h"
#include "policy/argument.h"
#include "policy/glob.h"

enum { NAMES_MAX = 64 };

/* Names that begin like this are Pando's: no other server may be taken for one. */
static const char own_prefix[] = "pando_";

/* Names of MCP tools as clients write them; they are taken apart before a rule sees them. */
static const char joined[] = "mcp__";

struct names {
	const char *v[NAMES_MAX];
	size_t n;
};

static void
add(struct names *to, const char *name)
{
	if (to->n < NAMES_MAX)
		to->v[to->n++] = name;
}

/* "did you mean ...?", or all that there are. */
static const char *
choice(struct buf *out, const char *name, const struct names *of)
{
	const char *near = pol_nearest(name, of->v, of->n);

	if (near != NULL) {
		buf_printf(out, "did you mean \"%s\"?", near);
		return buf_text(out);
	}
	for (size_t i = 0; i < of->n; i++)
		buf_printf(out, "%s%s", i == 0 ? "there are " : ", ", of->v[i]);
	return buf_text(out);
}

static bool
is_own(const char *server)
{
	return strncmp(server, own_prefix, sizeof own_prefix - 1) == 0;
}

static bool
is_pattern(const char *name)
{
	return strpbrk(name, "*?") != NULL;
}

static const struct toml_node *
at(const struct toml_node *rule, const char *key)
{
	const struct toml_node *n = toml_get(rule, key);

	return n != NULL ? n : rule;
}

static bool
meets(const char *pattern, const char *name)
{
	return glob_match(str_of(pattern), str_of(name));
}

static bool
meets_tool(const struct pol_rule *rule, const struct pol_tool *t)
{
	return meets(rule->server, t->server) && meets(rule->tool, t->name);
}

/* A name that is nearly one of those that we know, "Claude" or "pando-core". */
static int
check_server(struct reader *r, const struct toml_node *n)
{
	static const struct names own = { { POL_SERVER_CORE, POL_SERVER_WORKSPACE }, 2 };
	CLEANUP(buf_fini) struct buf text = BUF_INIT(ERR_TEXT_MAX);
	const char *server = r->rule->server;

	for (int a = 0; a < POL_AGENTS; a++) {
		const char *agent = pol_agent_name((enum pol_agent)a);

		if (strcmp(server, agent) != 0 && strcasecmp(server, agent) == 0)
			return WRONG(r, n,
				"no agent is called \"%s\"; did you mean \"%s\"?", server,
				agent);
	}
	if (meets(server, own.v[0]) || meets(server, own.v[1]) ||
		(!is_own(server) && pol_nearest(server, own.v, own.n) == NULL))
		return 0;
	return WRONG(r, n, "no server of pando-ai is called \"%s\"; %s", server,
		choice(&text, server, &own));
}

static int
no_such_tool(struct reader *r, const struct toml_node *n)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(ERR_TEXT_MAX);
	const struct pol_rule *rule = r->rule;
	struct names names = { .n = 0 };
	size_t count;
	const struct pol_tool *tools = pol_pando_tools(&count);

	if (is_pattern(rule->tool))
		return WRONG(r, n,
			"no tool of %s is called like \"%s\", so the rule can "
			"never match; write a name that there is",
			rule->server, rule->tool);
	for (size_t i = 0; i < count; i++) {
		if (meets(rule->server, tools[i].server))
			add(&names, tools[i].name);
		else if (strcmp(tools[i].name, rule->tool) == 0)
			return WRONG(r, n,
				"%s has no tool \"%s\"; %s has it: write "
				"\"%s/%s\"",
				rule->server, rule->tool, tools[i].server,
				tools[i].server, rule->tool);
	}
	return WRONG(r, n, "%s has no tool \"%s\"; %s", rule->server, rule->tool,
		choice(&text, rule->tool, &names));
}

static int
check_arg(struct reader *r, const char *key, int line, int column)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(ERR_TEXT_MAX);
	const struct pol_rule *rule = r->rule;
	struct names names = { .n = 0 };
	char shown[LOG_QUOTED_MAX];
	size_t count;
	const struct pol_tool *tools = pol_pando_tools(&count);

	for (size_t i = 0; i < count; i++) {
		if (!meets_tool(rule, &tools[i]))
			continue;
		for (size_t a = 0; tools[i].args[a] != NULL; a++) {
			if (strcmp(tools[i].args[a], key) == 0)
				return 0;
			add(&names, tools[i].args[a]);
		}
	}
	return pol_wrong(r->f, line, column, r->e, "%s/%s has no argument \"%s\"; %s",
		rule->server, rule->tool, log_quoted(str_of(key), shown),
		choice(&text, key, &names));
}

static int
check_examples(struct reader *r, const struct toml_node *list)
{
	const struct toml_node *x = list == NULL ? NULL : list->child;

	for (; x != NULL; x = x->next)
		for (const struct toml_node *c = x->child; c != NULL; c = c->next)
			if (check_arg(r, c->key, c->line, c->column) < 0)
				return -1;
	return 0;
}

/* Rules for Pando's own tools: what they name has to be there. */
static int
check_own(struct reader *r, const struct toml_node *n)
{
	const struct pol_rule *rule = r->rule;
	size_t count;
	size_t i = 0;
	const struct pol_tool *tools = pol_pando_tools(&count);

	while (i < count && !meets_tool(rule, &tools[i]))
		i++;
	if (i == count)
		return no_such_tool(r, at(n, "tool"));
	for (i = 0; i < rule->nargs; i++)
		if (check_arg(r, rule->arg[i].key, rule->arg[i].line,
			    rule->arg[i].column) < 0)
			return -1;
	if (check_examples(r, toml_get(n, "match")) < 0)
		return -1;
	return check_examples(r, toml_get(n, "not_match"));
}

static int
check_agents(struct reader *r, const struct toml_node *n)
{
	struct pol_rule *rule = r->rule;
	enum pol_agent owner;

	if (!pol_agent_from(str_of(rule->server), &owner))
		return 0;
	if ((rule->agents & 1u << owner) == 0)
		return WRONG(r, at(n, "agent"),
			"%s/%s is a tool of %s alone, so the rule can never match; write "
			"agent = \"%s\", or remove it",
			rule->server, rule->tool, rule->server, rule->server);
	if (strncmp(rule->tool, joined, sizeof joined - 1) == 0)
		return WRONG(r, at(n, "tool"),
			"\"%s\" is what %s calls a tool of an MCP server, so the rule can "
			"never match; write \"server/tool\"",
			rule->tool, rule->server);
	rule->agents = 1u << owner;
	return 0;
}

/* "git *" as a pattern takes "git x; rm -rf y" too. */
static int
check_shell(struct reader *r)
{
	const struct pol_rule *rule = r->rule;

	if (rule->verdict > POL_AUDITED)
		return 0;
	for (size_t i = 0; i < rule->nargs; i++) {
		const struct pol_matcher *m = &rule->arg[i];

		if (m->kind != POL_GLOB || !is_pattern(m->text) ||
			!arg_is_shell(rule->server, rule->tool, m->key))
			continue;
		return pol_wrong(r->f, m->line, m->column, r->e,
			"a glob that lets a shell command through would let "
			"\"git x; rm -rf y\" through for \"git *\"; write { prefix = "
			"[\"git\"] }");
	}
	return 0;
}

int
pol_check_rule(struct reader *r, const struct toml_node *n)
{
	const struct pol_rule *rule = r->rule;

	if (check_server(r, at(n, "tool")) < 0 || check_agents(r, n) < 0)
		return -1;
	if (is_own(rule->server) && check_own(r, n) < 0)
		return -1;
	if (rule->verdict == POL_ASK && !is_own(rule->server))
		return WRONG(r, at(n, "decision"),
			"nobody can be asked for %s/%s: only tools of " POL_SERVER_CORE
			" and " POL_SERVER_WORKSPACE
			" can ask the person; write decision = "
			"\"deny\"",
			rule->server, rule->tool);
	return check_shell(r);
}
