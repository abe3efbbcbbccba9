#ifndef KEEPER_SNAPSHOT_H
#define KEEPER_SNAPSHOT_H

/*
 * A snapshot in the store is a commit whose tree has
 *
 *   files/    the worktree as git trees, empty directories included
 *   git       HEAD and references of the project's own repository (keeper/gitstate.h)
 *   meta      permission bits that git's modes do not tell (keeper/tree.h)
 *   skipped   what could not be kept, and why
 *
 * and whose message is "<why>\n\ncall: <id>\nfiles: <count>\nskipped: <count>\n". The parent
 * is the snapshot before it.
 */

#include "base/buf.h"
#include "base/err.h"
#include "keeper/store.h"
#include "keeper/tree.h"

enum { SNAP_TEXT_MAX = 96 << 20, SNAP_LIST_MAX = 10000 };

/* Why it was taken; one line of text without control bytes each. */
struct snap_note {
	const char *why, *call;
};

struct snap_taken {
	git_oid id;
	bool is_new; /* false: nothing differs from the newest snapshot, which this is */
};

/* Writes it all; the list gets the ids of its directories. The caller holds the lock. */
int snap_write(struct store *s, struct tree *t, struct str gitstate,
	const struct snap_note *note, struct snap_taken *taken, struct err *e);

/* The whole list, with modes and skipped paths; hex is checked. */
int snap_load(struct store *s, const char *hex, struct tree *out, struct err *e);

/* One file or link of it. */
struct snap_file {
	enum tree_kind kind;
	mode_t mode;
	unsigned char oid[TREE_OID];
};
int snap_find(struct store *s, const char *hex, struct str path, struct snap_file *out,
	struct err *e);

/* A JSON array, newest first, of at most max. */
int snap_list(struct store *s, int max, struct buf *out, struct err *e);

#endif
