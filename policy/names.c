#include "policy/policy.h"

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

const char *
pol_layer_name(enum pol_layer l)
{
	static const char *const names[POL_LAYERS] = { "built-in", "managed", "user",
		"project" };

	return names[l];
}

const char *
pol_caller_name(enum pol_caller c)
{
	switch (c) {
	case POL_CALLER_MAIN:
		return "main";
	case POL_CALLER_SUBAGENT:
		return "subagent";
	case POL_CALLER_UNKNOWN:
	case POL_CALLER_ELSEWHERE:
		break;
	}
	return NULL;
}

bool
pol_verdict_from(struct str name, enum pol_verdict *v)
{
	for (int i = 0; i < POL_VERDICTS; i++) {
		if (!str_is(name, pol_verdict_name((enum pol_verdict)i)))
			continue;
		*v = (enum pol_verdict)i;
		return true;
	}
	return false;
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

const struct pol_tool *
pol_pando_tools(size_t *n)
{
	static const struct pol_tool tools[] = {
		{ POL_SERVER_CORE, "read-file", { "path", "offset", "limit" } },
		{ POL_SERVER_CORE, "list-files", { "path", "glob", "offset", "limit" } },
		{ POL_SERVER_CORE, "search-text",
			{ "query", "case_insensitive", "path", "glob", "context",
				"offset", "limit" } },
		{ POL_SERVER_CORE, "find-nodes",
			{ "name", "kind", "path", "language", "offset", "limit" } },
		{ POL_SERVER_WORKSPACE, "replace",
			{ "path", "old_text", "new_text", "all", "expected_hash" } },
		{ POL_SERVER_WORKSPACE, "insert",
			{ "path", "text", "line", "at_end", "create", "expected_hash" } },
		{ POL_SERVER_WORKSPACE, "shell-command",
			{ "command", "cwd", "timeout_ms" } },
		{ POL_SERVER_WORKSPACE, "snapshot-worktree", { "why", "list" } },
		{ POL_SERVER_WORKSPACE, "restore-files", { "snapshot", "paths" } },
	};

	*n = LEN(tools);
	return tools;
}

const struct pol_group *
pol_codex_groups(size_t *n)
{
	static const struct pol_group groups[] = {
		{ "exec_command", { "write_stdin" } },
		{ "create_goal", { "get_goal", "update_goal" } },
		{ "spawn_agent", { "send_message", "send_input", "followup_task",
					 "wait_agent", "interrupt_agent", "list_agents",
					 "close_agent", "resume_agent" } },
	};

	*n = LEN(groups);
	return groups;
}

struct str
pol_codex_leader(struct str tool)
{
	size_t n;
	const struct pol_group *group = pol_codex_groups(&n);

	for (size_t i = 0; i < n; i++)
		for (const char *const *led = group[i].led; *led != NULL; led++)
			if (str_is(tool, *led))
				return str_of(group[i].leader);
	return tool;
}

bool
pol_is_pando(struct str server)
{
	return str_is(server, POL_SERVER_CORE) || str_is(server, POL_SERVER_WORKSPACE);
}

const char *const *
pol_openable(size_t *n)
{
	static const char *const names[] = { ".git/config", ".git/hooks",
		".git/config.worktree", ".git/modules", ".git/worktrees", ".claude",
		".codex", ".agents", ".cursor", ".mcp.json", ".vscode", ".idea",
		".devcontainer", ".husky", ".bashrc", ".bash_profile", ".bash_login",
		".profile", ".zshrc", ".zshenv", ".zprofile", ".gitconfig", ".gitmodules",
		".envrc", ".npmrc", ".yarnrc.yml", ".ripgreprc" };

	*n = LEN(names);
	return names;
}
