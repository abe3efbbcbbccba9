#ifndef MCP_TOOL_H
#define MCP_TOOL_H

/*
 * What a tool is, and the table of all of them (tools.c). A tool lives in one file,
 * tool_<name>.c, which has its description, its JSON schema and its function.
 *
 * The arguments that a tool sees have been checked against its schema (schema.h), so it
 * reads them without asking again. A tool that cannot do what was asked answers -1 and an
 * error that says how to ask right; the model gets that text.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json/json.h"
#include "mcp/root.h"
#include "policy/policy.h"

enum {
	TOOL_TEXT_MAX = 512 << 10, /* of one result, bytes */
	TOOL_CALL_ID_MAX = 256
};

enum tool_role { TOOL_CORE, TOOL_WORKSPACE, TOOL_ROLES };

/* While a command runs: what else the server must hear (server.c). */
struct tool_watch {
	int fd;                     /* wait for it too; negative: nothing to hear */
	bool (*on_ready)(void *to); /* true: end the command now */
	void *to;
};

struct tool_host {
	struct root root;
	int keeper;               /* descriptor of keeper/client.h, -1 in the core */
	struct pol_limits limits; /* of the policy; 0: none */
	struct tool_watch watch;
};

struct tool_result {
	struct buf text; /* what the model reads */
	json_t *data;    /* the same as an object, for programs */
	bool failed;     /* the text tells what went wrong, and what was done */
	bool cancelled;  /* the client wants no answer any more */
};

#define TOOL_RESULT_INIT                                                                 \
	{                                                                                \
		.text = BUF_INIT(TOOL_TEXT_MAX), .data = NULL, .failed = false,          \
		.cancelled = false                                                       \
	}

void tool_result_fini(struct tool_result *r); /* for CLEANUP */

struct tool {
	const char *name, *title, *description;
	const char *schema; /* JSON Schema of the arguments, an object */
	enum tool_role role;
	bool read_only;
	bool destructive; /* may remove or overwrite what was there */
	bool idempotent;
	bool mutates; /* a snapshot is taken before and after (mutate.h) */
	int (*run)(const struct tool_host *h, const json_t *args, struct tool_result *r,
		struct err *e);
};

extern const struct tool tool_read_file, tool_list_files, tool_search_text,
	tool_find_nodes, tool_replace, tool_insert, tool_shell_command,
	tool_snapshot_worktree, tool_restore_files;

/* All, in the order in which they are listed; ends with NULL. */
extern const struct tool *const tool_all[];

const char *tool_server_of(enum tool_role role); /* POL_SERVER_... */
const char *tool_role_name(enum tool_role role);

/* Checked arguments, or what holds when they are absent. */
const char *tool_text(const json_t *args, const char *key, const char *otherwise);
int64_t tool_number(const json_t *args, const char *key, int64_t otherwise);
bool tool_flag(const json_t *args, const char *key);

#endif
