#ifndef SANDBOX_GUARD_H
#define SANDBOX_GUARD_H

/*
 * Names in the project that decide what runs outside of the sandbox: git's hooks and
 * configuration, settings of agents and editors, start files of shells. Inside they cannot be
 * changed, renamed or made.
 *
 * What exists is bound over itself, read-only, by descriptor. Each descriptor was opened
 * beneath the root without following a link; a link in the place of such a name is refused.
 * What does not exist and would be dangerous gets a placeholder on the disk, since only
 * something that is there can be mounted over: an empty directory (git and most programs do
 * not see one), in .git an empty file or, for `commondir`, one that says "here". Placeholders
 * carry the sticky bit, which nobody gives to such files, so that tidy.h can remove them
 * without remembering which there were: at the end of the last sandbox of this root.
 *
 * All sandboxes of a root guard all names but those that their policy opens, so none can race
 * the start of another. What keeps the policy, and what keeps git where it is, is never opened.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

enum { GUARD_MAX = 128 };

struct guard {
	const char *name; /* below the root */
	int fd;           /* O_PATH */
	bool shut;        /* read-only; else only held in its place (.git) */
};

struct guards {
	struct guard at[GUARD_MAX];
	size_t n;
};

enum guard_absent { GUARD_LEAVE, GUARD_DIR, GUARD_FILE, GUARD_ABSENTS };

/* One row of the table, for tidy.h. */
struct guard_rule {
	const char *name;
	enum guard_absent absent;
	const char *content; /* of a GUARD_FILE */
};

/* Parents before what they hold; answers how many. */
size_t guard_rules(const struct guard_rule **rules);
/* Made by guards_open() and not by a person. */
bool guard_is_placeholder(const struct guard_rule *r, const struct stat *st);

/* Names that a policy opens ([sandbox] writable), borrowed: some of pol_openable(). */
struct guard_opened {
	const char *const *names;
	size_t n;
};

/* To be called with the lock of the state held, and with somebody to tidy up. */
int guards_open(struct guards *g, int root, const struct guard_opened *o, struct err *e);
/* One more, read-only; it must exist. The name is borrowed. */
int guards_add(struct guards *g, int root, const char *name, struct err *e);
void guards_close(struct guards *g);

#endif
