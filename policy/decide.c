#include "policy/policy.h"

#include <stdio.h>

#include "base/log.h"
#include "policy/glob.h"
#include "policy/ruleset.h"

static const char joined[] = "mcp__";
static const char joint[] = "__";

static struct pol_decision
answer(enum pol_verdict v, const char *rule, const struct policy *p, int line,
	const char *why)
{
	return (struct pol_decision){
		.verdict = v,
		.rule = rule,
		.file = line > 0 ? p->file : "built-in",
		.line = line,
		.message = why,
	};
}

static const struct pol_item *
find_tool(const struct pol_list *l, struct str tool)
{
	for (size_t i = 0; i < l->n; i++)
		if (glob_match(str_of(l->item[i].name), tool))
			return &l->item[i];
	return NULL;
}

static struct pol_decision
decide_native(const struct policy *p, const struct pol_use *u)
{
	const struct pol_item *hit = find_tool(&p->native_deny, u->tool);

	if (hit != NULL)
		return answer(
			POL_DENY, hit->rule, p, hit->line, "the policy denies this tool");
	hit = find_tool(&p->native_allow, u->tool);
	if (hit != NULL)
		return answer(POL_ALLOW, hit->rule, p, hit->line,
			"the policy allows this tool");
	if (p->native_default_allow)
		return answer(POL_ALLOW, "native_tools.default", p,
			p->native_default_line,
			"the policy allows the agent's own tools");
	return answer(POL_DENY, "native_tools.default", p, p->native_default_line,
		"the agent's own tools are off; use the pando_core and pando_workspace tools");
}

/* Names of MCP servers and tools; codex respells them before they reach the wire. */
static bool
match_name(const char *pattern, struct str name, enum pol_agent a)
{
	if (a == POL_CODEX)
		return glob_match_respelt(str_of(pattern), name);
	return glob_match(str_of(pattern), name);
}

/* A tool that could not be told from its server's name is met by a list of denials. */
static bool
item_has_tool(
	const struct policy *p, const struct pol_item *item, const struct pol_use *u)
{
	if (item->tools == NULL || (u->tool.n == 0 && p->other_mode == POL_DENY_LIST))
		return true;
	for (size_t i = 0; item->tools[i] != NULL; i++)
		if (match_name(item->tools[i], u->tool, u->agent))
			return true;
	return false;
}

static const struct pol_item *
find_server(const struct policy *p, const struct pol_use *u)
{
	for (size_t i = 0; i < p->other_servers.n; i++) {
		const struct pol_item *item = &p->other_servers.item[i];

		if (match_name(item->name, u->server, u->agent) &&
			item_has_tool(p, item, u))
			return item;
	}
	return NULL;
}

static struct pol_decision
decide_other(const struct policy *p, const struct pol_use *u)
{
	const struct pol_item *hit = find_server(p, u);
	const int line = p->other_mode_line;

	switch (p->other_mode) {
	case POL_ALLOW_LIST:
		if (hit != NULL)
			return answer(POL_ALLOW, hit->rule, p, hit->line,
				"the policy lists this MCP server");
		return answer(POL_DENY, "other_mcp.mode", p, line,
			"this MCP server or tool is not on the policy's list");
	case POL_DENY_LIST:
		if (hit != NULL)
			return answer(POL_DENY, hit->rule, p, hit->line,
				"the policy denies this MCP server or tool");
		return answer(POL_ALLOW, "other_mcp.mode", p, line,
			"the policy allows MCP servers that it does not list");
	case POL_DENY_ALL:
	case POL_OTHER_MODES:
		break;
	}
	return answer(POL_DENY, "other_mcp.mode", p, line,
		"MCP servers other than pando_core and pando_workspace are off");
}

static bool
is_pando(struct str server)
{
	return str_is(server, POL_SERVER_CORE) || str_is(server, POL_SERVER_WORKSPACE);
}

struct pol_decision
pol_decide(const struct policy *p, const struct pol_use *u)
{
	if (u->server.n == 0)
		return decide_native(p, u);
	if (is_pando(u->server) && u->tool.n == 0)
		return answer(POL_DENY, "pando", p, 0, "the name has no tool in it");
	if (is_pando(u->server))
		return answer(POL_ALLOW, "pando", p, 0, "a tool of pando-ai");
	return decide_other(p, u);
}

/* True when rest is "<server>__<tool>"; the tool may be empty. */
static bool
take_server(struct str rest, struct str server, struct pol_use *u)
{
	const size_t head = server.n + sizeof joint - 1;

	if (rest.n < head || !str_starts(rest, server) ||
		memcmp(rest.p + server.n, joint, sizeof joint - 1) != 0)
		return false;
	u->server = (struct str){ rest.p, server.n };
	u->tool = str_skip(rest, head);
	return true;
}

struct pol_use
pol_use_of_joined(const struct policy *p, enum pol_agent a, struct str name)
{
	struct pol_use u = { .agent = a, .tool = name };
	struct str rest;
	size_t longest = 0;

	if (!str_starts(name, STR(joined)))
		return u;
	rest = str_skip(name, sizeof joined - 1);
	if (take_server(rest, STR(POL_SERVER_CORE), &u) ||
		take_server(rest, STR(POL_SERVER_WORKSPACE), &u))
		return u;
	u.server = rest;
	u.tool = STR("");
	for (size_t i = 0; i < p->other_servers.n; i++) {
		const struct str known = str_of(p->other_servers.item[i].name);

		if (known.n > longest && take_server(rest, known, &u))
			longest = known.n;
	}
	/* A server name must not be empty, or the use would pass for a native one. */
	if (u.server.n == 0)
		u.server = name;
	return u;
}

/* The name that our servers list, whatever a client made of its hyphens. */
static struct str
own_spelling(struct str name)
{
	size_t n;
	const char *const *tools = pol_pando_tools(&n);

	for (size_t i = 0; i < n; i++)
		if (glob_match_respelt(str_of(tools[i]), name))
			return str_of(tools[i]);
	return name;
}

struct pol_use
pol_use_of_pair(enum pol_agent a, struct str space, struct str name)
{
	struct pol_use u = { .agent = a, .tool = name };

	if (space.n > sizeof joined - 1 && str_starts(space, STR(joined)))
		u.server = str_skip(space, sizeof joined - 1);
	if (is_pando(u.server))
		u.tool = own_spelling(name);
	return u;
}

const char *
pol_refusal(
	const struct pol_use *u, const struct pol_decision *d, char out[POL_REFUSAL_MAX])
{
	char server[LOG_QUOTED_MAX];
	char tool[LOG_QUOTED_MAX];
	char where[LOG_QUOTED_MAX] = "built-in";

	if (d->line > 0)
		(void)snprintf(where, sizeof where, "%s:%d", d->file, d->line);
	(void)snprintf(out, POL_REFUSAL_MAX,
		"[pando-ai] blocked %s%s%s: %s (rule %s, %s). Run 'pando-ai logs' to see the "
		"decision.",
		log_quoted(u->server, server), u->server.n > 0 ? "/" : "",
		log_quoted(u->tool, tool), d->message, d->rule, where);
	return out;
}
