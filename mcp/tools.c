#include "mcp/tool.h"

#include "policy/policy.h"

const struct tool *const tool_all[] = {
	&tool_read_file,
	&tool_list_files,
	&tool_search_text,
	&tool_find_nodes,
	&tool_replace,
	&tool_insert,
	&tool_shell_command,
	&tool_snapshot_worktree,
	&tool_restore_files,
	NULL,
};

const char *
tool_server_of(enum tool_role role)
{
	switch (role) {
	case TOOL_CORE:
		return POL_SERVER_CORE;
	case TOOL_WORKSPACE:
	case TOOL_ROLES:
		break;
	}
	return POL_SERVER_WORKSPACE;
}

const char *
tool_role_name(enum tool_role role)
{
	switch (role) {
	case TOOL_CORE:
		return "core";
	case TOOL_WORKSPACE:
		return "workspace";
	case TOOL_ROLES:
		break;
	}
	return "combined";
}

void
tool_result_fini(struct tool_result *r)
{
	buf_fini(&r->text);
	json_freep(&r->data);
}

const char *
tool_text(const json_t *args, const char *key, const char *otherwise)
{
	const char *z = json_text_of(args, key);

	return z == NULL ? otherwise : z;
}

int64_t
tool_number(const json_t *args, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(args, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool
tool_flag(const json_t *args, const char *key)
{
	return json_is_true(json_object_get(args, key));
}
