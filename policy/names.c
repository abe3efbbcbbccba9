#include "policy/policy.h"

#include "policy/ruleset.h"

const char *
pol_agent_name(enum pol_agent a)
{
	static const char *const names[POL_AGENTS] = { "claude", "codex" };

	return names[a];
}

const char *
pol_mode_name(enum pol_mode m)
{
	static const char *const names[POL_MODES] = { "enforce", "audit", "off" };

	return names[m];
}

const char *
pol_verdict_name(enum pol_verdict v)
{
	static const char *const names[POL_VERDICTS] = { "allow", "audit", "ask",
		"deny" };

	return names[v];
}

bool
pol_agent_from(struct str name, enum pol_agent *a)
{
	for (int i = 0; i < POL_AGENTS; i++) {
		if (!str_is(name, pol_agent_name((enum pol_agent)i)))
			continue;
		*a = (enum pol_agent)i;
		return true;
	}
	return false;
}

const char *const *
pol_pando_tools(size_t *n)
{
	static const char *const tools[] = { "read-file", "list-files", "search-text",
		"find-nodes", "replace", "insert", "shell-command", "snapshot-worktree",
		"restore-files" };

	*n = LEN(tools);
	return tools;
}

const char *
pol_file(const struct policy *p)
{
	return p->file;
}

const char *
pol_digest(const struct policy *p)
{
	return p->digest;
}

bool
pol_native_default_allows(const struct policy *p)
{
	return p->native_default_allow;
}

size_t
pol_native_allowed(const struct policy *p, const char *const **names)
{
	*names = p->native_allow.names;
	return p->native_allow.n;
}

size_t
pol_native_denied(const struct policy *p, const char *const **names)
{
	*names = p->native_deny.names;
	return p->native_deny.n;
}

enum pol_mode
pol_mode_of(const struct policy *p, enum pol_agent a)
{
	return p->mode[a];
}

const char *
pol_upstream(const struct policy *p, enum pol_agent a)
{
	return p->upstream[a];
}

enum pol_react
pol_on_definition(const struct policy *p)
{
	return p->definition;
}

enum pol_react
pol_on_history(const struct policy *p)
{
	return p->history;
}

enum pol_react
pol_on_call(const struct policy *p)
{
	return p->call;
}

enum pol_react
pol_on_unknown(const struct policy *p)
{
	return p->unknown;
}
