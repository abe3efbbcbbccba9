#ifndef MCP_MUTATE_H
#define MCP_MUTATE_H

/*
 * What stands around every call that may change files: a snapshot before, without which the
 * call is refused, one after, and a report of what changed and how to undo it.
 */

#include "keeper/client.h"
#include "mcp/tool.h"

enum { MUTATE_SHOWN_MAX = 50 }; /* changed files that a result names */

struct mutation {
	char before[KEEPER_ID_HEX + 1];
	const char *what; /* the tool's name, borrowed */
	const char *path; /* argument of that name, or NULL; borrowed */
	const char *call; /* borrowed */
};

int mutate_begin(const struct tool_host *h, const struct tool *t, const json_t *args,
	const char *call, struct mutation *m, struct err *e);
/* The call has been made: what fails here is told in the result. */
void mutate_end(
	const struct tool_host *h, const struct mutation *m, struct tool_result *r);

/*
 * The path of an entry of keeper_diff or keeper_list, yours: text in "path", or bytes in
 * "path_hex" when they are not UTF-8. NULL when it has neither.
 */
char *mutate_path_of(const json_t *entry);

#endif
