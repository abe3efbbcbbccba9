#ifndef SHIM_CODEX_KEPT_H
#define SHIM_CODEX_KEPT_H

/*
 * What sessions have changed in their configuration (the model chosen by /model, a theme, a
 * dismissed notice), kept for the next session, since the person's own config.toml is not
 * written. codex writes it to the profile that the session was given. Pure.
 *
 * The file of kept values:
 *     [[set]]
 *     profile = "p"        of the session, "": none
 *     key = "tui.theme"    one of codex_own_keys
 *     value = ...          absent: the session removed the key
 *     base = ...           what the person's own file said then; absent: nothing
 * A value holds as long as the person's own file says the same: a later edit of theirs wins.
 *
 * Beside the profile of a session stands what it began with:
 *     profile = "p"
 *     [given]              "key" = ..., as the profile had it
 *     [base]               "key" = ..., as the person's own file had it
 */

#include "shim/plan.h"

struct codex_left {
	const struct toml_node *was, *now;
};

/* The value of a key for this session: kept, of the person's profile, or of their file. */
const struct toml_node *codex_value(const struct plan_facts *f, const char *key);
/* What this session begins with, in the form above. */
void codex_put_was(struct buf *b, const struct plan_facts *f);
/*
 * The kept values after these sessions, the last one wins, as a file. config: the person's,
 * for which outdated values are dropped. kept may be NULL.
 */
void codex_kept_after(struct buf *b, const struct toml_node *kept,
	const struct toml_node *config, const struct codex_left *left, size_t n);

#endif
