#include "policy/policy.h"

#include <stdio.h>

#include "base/log.h"
#include "policy/glob.h"
#include "policy/ruleset.h"

static const char joined[] = "mcp__";
static const char joint[] = "__";

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
		"[pando-ai] blocked %s%s%s: %s (rule %s, %s).%s Run 'pando-ai logs' to see the "
		"decision, 'pando-ai policy explain' to see why.",
		log_quoted(u->server, server),
		u->server.n > 0 && u->tool.n > 0 ? "/" : "", log_quoted(u->tool, tool),
		d->message, d->rule, where,
		d->unsure ? " pando-ai could not exclude that this call is what the rule "
			    "names: a plainer one may pass."
			  : "");
	return out;
}
