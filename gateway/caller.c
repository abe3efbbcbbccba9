#include "gateway/caller.h"

#include <stdio.h>

#include "gateway/head.h"

static bool
has_any(struct str head, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gw_head_count(head, names[i]) > 0)
			return true;
	return false;
}

/* Of two with the same name it is not known which one counts. */
static bool
has_one(struct str head, const char *name)
{
	return gw_head_count(head, name) == 1 && gw_head_get(head, name).n > 0;
}

/* From 2.1.139 on. */
static bool
claude_tells(const char *version)
{
	enum { MAJOR = 2, MINOR = 1, PATCH = 139 };
	unsigned int v[3];

	if (sscanf(version, "%4u.%4u.%4u", &v[0], &v[1], &v[2]) != (int)LEN(v))
		return false;
	if (v[0] != MAJOR)
		return v[0] > MAJOR;
	return v[1] > MINOR || (v[1] == MINOR && v[2] >= PATCH);
}

static enum pol_caller
of_claude(const char *version, struct str head)
{
	static const char *const marks[] = { "x-claude-code-agent-id",
		"x-claude-code-parent-agent-id", "x-claude-code-agent-type" };

	if (has_any(head, marks, LEN(marks)))
		return POL_CALLER_SUBAGENT;
	if (claude_tells(version) && has_one(head, "x-claude-code-session-id"))
		return POL_CALLER_MAIN;
	return POL_CALLER_UNKNOWN;
}

static enum pol_caller
of_codex(struct str head)
{
	static const char *const marks[] = { "x-openai-subagent",
		"x-codex-parent-thread-id" };

	if (has_any(head, marks, LEN(marks)))
		return POL_CALLER_SUBAGENT;
	if (has_one(head, "session-id") && has_one(head, "thread-id") &&
		str_eq(gw_head_get(head, "session-id"), gw_head_get(head, "thread-id")))
		return POL_CALLER_MAIN;
	return POL_CALLER_UNKNOWN;
}

enum pol_caller
gw_caller_of(enum pol_agent a, const char *version, struct str head)
{
	switch (a) {
	case POL_CLAUDE:
		return of_claude(version, head);
	case POL_CODEX:
		return of_codex(head);
	case POL_AGENTS:
		break;
	}
	return POL_CALLER_UNKNOWN;
}
