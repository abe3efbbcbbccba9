#ifndef SHIM_CODEX_FILES_H
#define SHIM_CODEX_FILES_H

/* The generated files of a codex launch; for codex*.c, agent.c, person.c, homedir.c. Pure. */

#include "shim/plan.h"

#define CODEX_PROVIDER "pando"
#define CODEX_HOME_NAME "pando-ai" /* below the person's own folder */
#define CODEX_OURS "pando-"        /* what our files in it begin with */

/*
 *   ~/.codex/pando-ai/       CODEX_HOME, 0700, the same for all sessions of the person: codex
 *                            notes the path of each session, which must be good for ever, and
 *                            keeps state here that costs seconds to make anew
 *     pando-<run>.config.toml  the profile of this session: the provider, whose URL holds the
 *                            run's token, and keys of the person's; codex writes changes here
 *     pando-<run>.runs         -> the folder of runs that knows whether it goes on (homedir.c)
 *     pando-<run>.was, pando-kept.toml  see codex_kept.h
 *     sessions auth.json ... -> ../, the person's
 * There is no config.toml.
 */
int codex_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	bool tui, struct err *e);
/* The id of the provider; borrowed from the facts. */
const char *codex_provider(const struct plan_facts *f, bool tui);

/*
 * What is linked to the person's own. always: also when it is not there yet, since codex makes
 * it; dir: then as a folder, through a link to which it cannot. The list ends with NULL.
 */
struct codex_link {
	const char *name;
	bool always, dir;
};

extern const struct codex_link codex_links[];

/* model_provider and its definition: where the model is asked, with which key. */
void codex_put_provider(
	struct buf *b, const struct plan_facts *f, const struct policy *pol, bool tui);

/*
 * `codex debug models --bundled` made harmless: tool_mode "direct" is the only way out of
 * code mode, and a null apply_patch_tool_type the only one to be without apply_patch.
 * Yours, NULL on error.
 */
char *codex_catalog(struct str bundled, bool with_patch, struct err *e);

#endif
