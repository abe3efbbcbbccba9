#ifndef SHIM_CLAUDE_FILES_H
#define SHIM_CLAUDE_FILES_H

/* The generated files of a claude launch; for claude.c only. Pure. */

#include "shim/plan.h"

/*
 *   settings.json          hooks, pinned variables, limits; given as --settings
 *   mcp.json               our two servers
 *   claude/                CLAUDE_CONFIG_DIR: see claude_home.h
 */
int claude_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	struct err *e);

#endif
