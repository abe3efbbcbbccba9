#ifndef KEEPER_TAKE_H
#define KEEPER_TAKE_H

/* A snapshot of the worktree, and the worktree compared with one: walk and store together. */

#include "base/buf.h"
#include "base/err.h"
#include "keeper/snapshot.h"
#include "keeper/store.h"
#include "keeper/tree.h"

/*
 * Takes the store's lock. t is empty and gets the list, for what was skipped. After a
 * failure the chain is what it was.
 */
int take_snapshot(struct store *s, int root, const struct snap_note *note, struct tree *t,
	struct snap_taken *taken, struct err *e);

/* What must happen to make the worktree equal the snapshot (keeper/diff.h). */
int take_diff(struct store *s, int root, const char *hex, struct buf *out, struct err *e);

#endif
