#include <ctype.h>

#include "policy/ruleset.h"

/* Stands for the bytes that a pattern leaves open: no list names it. */
#define ANY_BYTE '\x01'

static bool
is_open(char c)
{
	return c == '*' || c == '?';
}

/* A name that the pattern meets and that few others do, as this agent would spell it. */
static struct str
name_for(const char *pattern, enum pol_agent a, char out[POL_NAME_MAX])
{
	const size_t n = strnlen(pattern, POL_NAME_MAX);

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)pattern[i];

		if (is_open(pattern[i]))
			out[i] = ANY_BYTE;
		else
			out[i] = isalnum(c) || (c == '-' && a == POL_CLAUDE) ? pattern[i]
									     : '_';
	}
	return (struct str){ out, n };
}

static bool
is_offered(const struct policy *p, enum pol_agent a, struct str server, const char *tool)
{
	char name[POL_NAME_MAX];
	const struct pol_use u = { .agent = a,
		.server = server,
		.tool = name_for(tool, a, name),
		.asking = POL_OFFER };

	return pol_decide(p, &u).verdict <= POL_AUDITED;
}

static bool
item_is_offered(const struct policy *p, enum pol_agent a, struct str server,
	const struct pol_item *item)
{
	for (size_t i = 0; item->tools != NULL && item->tools[i] != NULL; i++)
		if (is_offered(p, a, server, item->tools[i]))
			return true;
	return false;
}

/* Of a rule that could speak of the server at all. */
static bool
rule_is_of(const struct pol_rule *r, enum pol_agent a, struct str server)
{
	enum pol_agent own;

	return (r->agents >> a & 1u) != 0 && !pol_agent_from(str_of(r->server), &own) &&
	       pol_name_meets(r->server, server, a);
}

bool
pol_admits_server(const struct policy *p, enum pol_agent a, struct str server)
{
	if (is_offered(p, a, server, "*"))
		return true;
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const struct pol_file *f = p->file[l];

		for (size_t i = 0; f != NULL && i < f->other_servers.n; i++)
			if (item_is_offered(p, a, server, &f->other_servers.item[i]))
				return true;
		for (size_t i = 0; f != NULL && i < f->nrules; i++)
			if (rule_is_of(&f->rule[i], a, server) &&
				is_offered(p, a, server, f->rule[i].tool))
				return true;
	}
	return false;
}

/* Of the built-in defaults none is admitted, so a file has to speak for it. */
bool
pol_may_admit_servers(const struct policy *p, enum pol_agent a)
{
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const struct pol_file *f = p->file[l];
		enum pol_agent own;

		if (f == NULL)
			continue;
		if (f->at[POL_SET_OTHER_MODE].line > 0 && f->v.other_mode != POL_DENY_ALL)
			return true;
		for (size_t i = 0; i < f->nrules; i++)
			if ((f->rule[i].agents >> a & 1u) != 0 &&
				f->rule[i].verdict < POL_ASK &&
				!pol_is_pando(str_of(f->rule[i].server)) &&
				!pol_agent_from(str_of(f->rule[i].server), &own))
				return true;
	}
	return false;
}

/* The file's word on each tool that is told is final, since the strictest file wins. */
static void
denied_by(const struct pol_file *f, enum pol_agent a, struct str server,
	void (*each)(void *to, const char *tools), void *to)
{
	for (size_t i = 0; i < f->nrules; i++) {
		const struct pol_rule *r = &f->rule[i];

		if (!rule_is_of(r, a, server))
			continue;
		if (r->verdict < POL_ASK)
			return; /* some of what stands below may be let through here */
		if (r->nargs == 0 && r->subagent == NULL)
			each(to, r->tool);
	}
	if (f->at[POL_SET_OTHER_MODE].line == 0 || f->v.other_mode != POL_DENY_LIST)
		return;
	for (size_t i = 0; i < f->other_servers.n; i++) {
		const struct pol_item *item = &f->other_servers.item[i];

		if (!pol_name_meets(item->name, server, a))
			continue;
		for (size_t k = 0; item->tools != NULL && item->tools[k] != NULL; k++)
			each(to, item->tools[k]);
	}
}

void
pol_denied_tools(const struct policy *p, enum pol_agent a, struct str server,
	void (*each)(void *to, const char *tools), void *to)
{
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		if (p->file[l] != NULL)
			denied_by(p->file[l], a, server, each, to);
}

/* --- names ------------------------------------------------------------------------------- */

/* Letters' case and hyphens left aside. */
static bool
begins_as(struct str name, const char *word, bool whole)
{
	const size_t n = strlen(word);

	if (name.n < n || (whole && name.n != n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const int c = tolower((unsigned char)name.p[i]);

		if ((c == '-' ? '_' : c) != word[i])
			return false;
	}
	return true;
}

static bool
is_taken(struct str name)
{
	static const struct {
		const char *word;
		bool whole;
	} rows[] = { { POL_SERVER_CORE, true }, { POL_SERVER_WORKSPACE, true },
		{ "ide", true }, { "claude_in_chrome", true }, { "computer_use", true },
		{ "plugin_", false }, { "claude_ai_", false }, { "codex_tui", true },
		{ "codex_apps", true } };

	for (size_t i = 0; i < LEN(rows); i++)
		if (begins_as(name, rows[i].word, rows[i].whole))
			return true;
	return false;
}

const char *
pol_server_name_fault(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		const unsigned char c = (unsigned char)name.p[i];

		if (!isalnum(c) && c != '_' && c != '-')
			return "its name has other characters than letters, digits, _ and -";
		if (c == '_' && i + 1 < name.n && name.p[i + 1] == '_')
			return "its name has __ in it, which divides servers from tools";
	}
	if (name.n == 0 || name.n > POL_SERVER_NAME_MAX)
		return "its name is empty, or too long";
	if (name.p[0] == '_' || name.p[name.n - 1] == '_')
		return "its name begins or ends with _, which divides servers from tools";
	return is_taken(name) ? "its name is that of another server" : NULL;
}

static bool
may_connect(const struct policy *p, enum pol_agent a, struct str server)
{
	return pol_server_name_fault(server) == NULL && pol_admits_server(p, a, server);
}

bool
pol_expects_server(const struct policy *p, const struct pol_use *u)
{
	const struct str s = u->server;

	if (!u->joined)
		return may_connect(p, u->agent, s);
	for (size_t i = 1; i + 1 < s.n; i++)
		if (s.p[i] == '_' && s.p[i + 1] == '_')
			return may_connect(p, u->agent, (struct str){ s.p, i });
	return false;
}
