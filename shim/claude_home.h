#ifndef SHIM_CLAUDE_HOME_H
#define SHIM_CLAUDE_HOME_H

/*
 * The private configuration folder of a claude launch, for claude_files.c only. Pure.
 *
 *   claude/                CLAUDE_CONFIG_DIR:
 *     settings.json        the person's looks and model, nothing that runs
 *     .claude.json         the same of ~/.claude.json
 *     CLAUDE.md            imports the person's and the project's
 *     projects             -> the person's, so that sessions can be resumed
 *     .credentials.json    -> the person's, when there is one
 */

#include "shim/plan.h"

void claude_add_home(struct plan *p, const struct plan_facts *f);

#endif
