#ifndef SHIM_CODEX_FILES_H
#define SHIM_CODEX_FILES_H

/* The generated files of a codex launch; for codex*.c and agent.c only. Pure. */

#include "shim/plan.h"

#define CODEX_PROVIDER "pando"

/*
 * Keys of the configuration that choose a model or a look. All else could bring tools,
 * servers, hooks, a provider, a sandbox or trust. NULL-terminated.
 */
extern const char *const codex_own_keys[];

/*
 *   codex/              CODEX_HOME:
 *     config.toml       the provider, whose URL holds the run's token; the keys above
 *     sessions          -> the person's, so that sessions can be resumed
 *     auth.json         -> the person's, also for a login made in the session
 *     AGENTS.md prompts -> the person's
 */
int codex_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	struct err *e);

/*
 * `codex debug models --bundled` made harmless: tool_mode "direct" is the only way out of
 * code mode, and a null apply_patch_tool_type the only one to be without apply_patch.
 * Yours, NULL on error.
 */
char *codex_catalog(struct str bundled, bool with_patch, struct err *e);

#endif
