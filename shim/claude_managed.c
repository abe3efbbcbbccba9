/*
 * Managed settings of a machine, /etc/claude-code: they beat every flag of a launch, so that
 * what there switches a part of ours off ends the launch instead.
 */

#include "shim/claude_json.h"
#include "shim/claude_person.h"

static const char *
fault_in(const json_t *all)
{
	static const char *const switches[] = { "allowManagedHooksOnly",
		"disableAllHooks", "disableSideloadFlags", "allowManagedMcpServersOnly",
		"allowManagedPermissionRulesOnly" };
	static const char *const lists[] = { "allowedMcpServers", "deniedMcpServers",
		"managedMcpServers" };
	static const char *const moves[] = { "ANTHROPIC_BASE_URL", "CLAUDE_CODE_SIMPLE",
		"CLAUDE_CODE_SAFE_MODE", "CLAUDE_CODE_SHELL_PREFIX",
		"CLAUDE_CODE_EXTRA_BODY", "CLAUDE_CODE_PLUGIN_DIRS" };
	const json_t *env = json_object_of(all, "env");

	for (size_t i = 0; i < LEN(switches); i++)
		if (json_is_true(json_object_get(all, switches[i])))
			return switches[i];
	for (size_t i = 0; i < LEN(lists); i++)
		if (json_object_get(all, lists[i]) != NULL)
			return lists[i];
	for (size_t i = 0; i < LEN(moves); i++)
		if (json_object_get(env, moves[i]) != NULL)
			return moves[i];
	return claude_mover_in(env, true);
}

int
plan_claude_managed(const char *path, struct str from, struct err *e)
{
	CLEANUP(json_freep) json_t *all = json_parse(from, e);
	const char *fault;

	if (all == NULL || !json_is_object(all))
		return err_set(e, ERR_REFUSED,
			"claude: %s cannot be understood, so nobody can tell whether it switches "
			"pando-ai's hooks and servers off: mend it",
			path);
	fault = fault_in(all);
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_REFUSED,
		"claude: %s in %s would leave the session without pando-ai's hooks, servers or "
		"gateway: ask who manages that file to admit pando-ai",
		fault, path);
}
