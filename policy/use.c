#include "policy/policy.h"

#include <stdio.h>

#include "base/log.h"
#include "policy/glob.h"
#include "policy/ruleset.h"

static const char joined[] = "mcp__";
static const char joint[] = "__";

enum { COMMAND_NAME_MAX = 64, COMMAND_TOOL_MAX = 2 * COMMAND_NAME_MAX + 16 };

bool
pol_name_meets(const char *pattern, struct str name, enum pol_agent a)
{
	if (a == POL_CODEX)
		return glob_match_respelt(str_of(pattern), name);
	return glob_match_hyphens(str_of(pattern), name);
}

/* True when rest is "<server>__<tool>"; the tool may be empty. */
static bool
take_server(struct str rest, struct str server, struct pol_use *u)
{
	const size_t head = server.n + sizeof joint - 1;

	if (rest.n < head ||
		!glob_match_hyphens(server, (struct str){ rest.p, server.n }) ||
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
	size_t known = 0;

	if (!str_starts(name, STR(joined)))
		return u;
	rest = str_skip(name, sizeof joined - 1);
	if (take_server(rest, STR(POL_SERVER_CORE), &u) ||
		take_server(rest, STR(POL_SERVER_WORKSPACE), &u))
		return u;
	for (size_t i = 0; i < p->nservers; i++)
		known += take_server(rest, str_of(p->servers[i]), &u);
	u.joined = known != 1;
	if (u.joined) {
		u.server = rest;
		u.tool = STR("");
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
	const struct pol_tool *tools = pol_pando_tools(&n);

	for (size_t i = 0; i < n; i++)
		if (glob_match_respelt(str_of(tools[i].name), name))
			return str_of(tools[i].name);
	return name;
}

struct pol_use
pol_use_of_pair(enum pol_agent a, struct str space, struct str name)
{
	struct pol_use u = { .agent = a, .tool = name };

	if (space.n > sizeof joined - 1 && str_starts(space, STR(joined)))
		u.server = str_skip(space, sizeof joined - 1);
	if (pol_is_pando(u.server))
		u.tool = own_spelling(name);
	return u;
}

/* It may be pasted into a shell, and is one word there. */
static bool
is_plain(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
			return false;
	}
	return name.n > 0 && name.n <= COMMAND_NAME_MAX && name.p[0] != '-';
}

/* The tool as `policy explain` takes it; a word to fill in where a shell might misread it. */
static void
write_tool(const struct pol_use *u, char out[COMMAND_TOOL_MAX])
{
	const struct str tool = is_plain(u->tool) ? u->tool : STR("TOOL");
	const struct str server = is_plain(u->server) ? u->server : STR("SERVER");
	const struct str agent = str_of(pol_agent_name(u->agent));

	if (u->joined)
		(void)snprintf(
			out, COMMAND_TOOL_MAX, "%s" STR_FMT, joined, STR_ARG(server));
	else if (u->server.n == 0 && str_starts(tool, STR(joined)))
		(void)snprintf(out, COMMAND_TOOL_MAX, STR_FMT "/" STR_FMT, STR_ARG(agent),
			STR_ARG(tool));
	else if (u->server.n == 0)
		(void)snprintf(out, COMMAND_TOOL_MAX, STR_FMT, STR_ARG(tool));
	else if (str_eq(server, agent))
		(void)snprintf(out, COMMAND_TOOL_MAX, "%s" STR_FMT "%s" STR_FMT, joined,
			STR_ARG(server), joint, STR_ARG(tool));
	else
		(void)snprintf(out, COMMAND_TOOL_MAX, STR_FMT "/" STR_FMT,
			STR_ARG(server), STR_ARG(tool));
}

const char *
pol_refusal(
	const struct pol_use *u, const struct pol_decision *d, char out[POL_REFUSAL_MAX])
{
	char server[LOG_QUOTED_MAX];
	char tool[LOG_QUOTED_MAX];
	char where[LOG_QUOTED_MAX] = "built-in";
	char command[COMMAND_TOOL_MAX];

	if (d->line > 0)
		(void)snprintf(where, sizeof where, "%s:%d", d->file, d->line);
	if (str_starts(str_of(d->rule), STR("limits."))) { /* not about this tool */
		(void)snprintf(out, POL_REFUSAL_MAX,
			"[pando-ai] blocked %s%s%s: %s (rule %s, %s). Run 'pando-ai policy "
			"show' to see where the setting comes from.",
			log_quoted(u->server, server),
			u->server.n > 0 && u->tool.n > 0 ? "/" : "",
			log_quoted(u->tool, tool), d->message, d->rule, where);
		return out;
	}
	write_tool(u, command);
	(void)snprintf(out, POL_REFUSAL_MAX,
		"[pando-ai] blocked %s%s%s: %s (rule %s, %s).%s Run 'pando-ai logs' to see the "
		"decision, 'pando-ai policy explain%s %s %s' to see why.",
		log_quoted(u->server, server),
		u->server.n > 0 && u->tool.n > 0 ? "/" : "", log_quoted(u->tool, tool),
		d->message, d->rule, where,
		d->unsure ? " pando-ai could not exclude that this call is what the rule "
			    "names: a plainer one may pass."
			  : "",
		u->caller == POL_CALLER_SUBAGENT ? " --subagent \"\"" : "",
		pol_agent_name(u->agent), command);
	return out;
}
