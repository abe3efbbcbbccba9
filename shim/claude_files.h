#ifndef SHIM_CLAUDE_FILES_H
#define SHIM_CLAUDE_FILES_H

/* The generated files of a claude launch; for claude.c only. Pure. */

#include "base/json/json.h"
#include "shim/plan.h"

/*
 *   settings.json          hooks, pinned variables, limits; given as --settings
 *   mcp.json               our two servers, and the person's that the policy admits
 *   claude/                CLAUDE_CONFIG_DIR: see claude_home.h
 */
int claude_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	json_t *others, struct err *e);

#endif
