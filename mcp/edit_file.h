#ifndef MCP_EDIT_FILE_H
#define MCP_EDIT_FILE_H

/* What replace and insert share: a text file, read, checked against a hash, put back. */

#include "mcp/tool.h"

struct edit_file {
	char *rel;
	struct buf content;
	struct stat st;
	char hash[ROOT_HASH_HEX + 1];
};

#define EDIT_FILE_INIT                                                                   \
	{                                                                                \
		.content = BUF_INIT(ROOT_FILE_MAX)                                       \
	}

/* Takes "path" and "expected_hash"; a hash that is not the file's is refused. */
int edit_file_load(const struct tool_host *h, const json_t *args, struct edit_file *f,
	struct err *e);
/* Puts the new text in place with the file's mode and tells the new hash in r. */
int edit_file_store(const struct tool_host *h, const struct edit_file *f, struct str text,
	struct tool_result *r, struct err *e);
void edit_file_fini(struct edit_file *f); /* for CLEANUP */

#endif
