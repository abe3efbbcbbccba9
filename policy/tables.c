#include "policy/tables.h"

#include "policy/glob.h"

struct pol_decision
pol_at_place(const struct pol_file *f, int line, enum pol_verdict v, const char *rule,
	const char *why)
{
	return (struct pol_decision){
		.verdict = v,
		.layer = line > 0 ? f->layer : POL_BUILT_IN,
		.rule = rule,
		.file = line > 0 ? f->path : "built-in",
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

static bool
ask_native(const struct pol_file *f, const struct pol_use *u, struct pol_decision *d)
{
	const struct pol_item *hit = find_tool(&f->native_deny, u->tool);
	const int line = f->at[POL_SET_NATIVE_DEFAULT].line;

	if (hit != NULL) {
		*d = pol_at_place(
			f, hit->line, POL_DENY, hit->rule, "the policy denies this tool");
		return true;
	}
	hit = find_tool(&f->native_allow, u->tool);
	if (hit != NULL) {
		*d = pol_at_place(f, hit->line, POL_ALLOW, hit->rule,
			"the policy allows this tool");
		return true;
	}
	if (line > 0 && f->v.native_default_allow)
		*d = pol_at_place(f, line, POL_ALLOW, "native_tools.default",
			"the policy allows the agent's own tools");
	else if (line > 0)
		*d = pol_at_place(f, line, POL_DENY, "native_tools.default",
			"the agent's own tools are off; use the pando_core and "
			"pando_workspace tools");
	return line > 0;
}

/* A tool that could not be told from its server's name is met by a list of denials. */
static bool
item_has_tool(
	const struct pol_file *f, const struct pol_item *item, const struct pol_use *u)
{
	if (item->tools == NULL || (u->tool.n == 0 && f->v.other_mode == POL_DENY_LIST))
		return true;
	for (size_t i = 0; item->tools[i] != NULL; i++)
		if (pol_name_meets(item->tools[i], u->tool, u->agent))
			return true;
	return false;
}

static const struct pol_item *
find_server(const struct pol_file *f, const struct pol_use *u)
{
	for (size_t i = 0; i < f->other_servers.n; i++) {
		const struct pol_item *item = &f->other_servers.item[i];

		if (pol_name_meets(item->name, u->server, u->agent) &&
			item_has_tool(f, item, u))
			return item;
	}
	return NULL;
}

static bool
ask_other(const struct pol_file *f, const struct pol_use *u, struct pol_decision *d)
{
	static const char mode[] = "other_mcp.mode";
	const struct pol_item *hit = find_server(f, u);
	const int line = f->at[POL_SET_OTHER_MODE].line;

	if (line == 0)
		return false;
	switch (f->v.other_mode) {
	case POL_ALLOW_LIST:
		*d = hit != NULL ? pol_at_place(f, hit->line, POL_ALLOW, hit->rule,
					   "the policy lists this MCP server")
				 : pol_at_place(f, line, POL_DENY, mode,
					   "this MCP server or tool is not on the "
					   "policy's list");
		return true;
	case POL_DENY_LIST:
		*d = hit != NULL ? pol_at_place(f, hit->line, POL_DENY, hit->rule,
					   "the policy denies this MCP server or tool")
				 : pol_at_place(f, line, POL_ALLOW, mode,
					   "the policy allows MCP servers that it does "
					   "not list");
		return true;
	case POL_DENY_ALL:
	case POL_OTHER_MODES:
		break;
	}
	*d = pol_at_place(f, line, POL_DENY, mode,
		"MCP servers other than pando_core and pando_workspace are off");
	return true;
}

struct pol_decision
pol_built_in(const struct pol_use *u)
{
	if (u->server.n == 0)
		return pol_at_place(NULL, 0, POL_DENY, "native_tools.default",
			"the agent's own tools are off; use the pando_core and "
			"pando_workspace tools");
	if (pol_is_pando(u->server))
		return pol_at_place(NULL, 0, POL_ALLOW, "pando", "a tool of pando-ai");
	return pol_at_place(NULL, 0, POL_DENY, "other_mcp.mode",
		"MCP servers other than pando_core and pando_workspace are off");
}

bool
pol_ask_tables(const struct pol_file *f, const struct pol_use *u, struct pol_decision *d)
{
	if (u->server.n == 0)
		return ask_native(f, u, d);
	return !pol_is_pando(u->server) && ask_other(f, u, d);
}
