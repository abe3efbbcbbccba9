#ifndef KEEPER_STORE_H
#define KEEPER_STORE_H

/*
 * Where snapshots are kept: one bare git repository of our own for each project,
 * ~/.pando-data/snapshots/<SHA-256 of the root's path>.git, never the person's repository.
 * Its only branch, refs/heads/main, is the chain; plain git can read it.
 *
 * Bytes go in as they are: no filters, no attributes, no configuration of the person's.
 * An object is never changed or removed here. What a killed keeper left half-written is
 * swept away by the next one that takes the lock. The branch moves only after everything
 * that it leads to has been synced.
 */

#include <git2.h>

#include "base/err.h"
#include "keeper/tree.h"
#include "keeper/walk.h"

enum { STORE_LOCK_MS = 60000 };

struct store {
	git_repository *repo;
	git_odb *odb;
	char *dir, *lock, *cache; /* paths */
	bool started;             /* libgit2 */
	bool wrote;               /* an object since the last sync */
};

/*
 * Opens the project's store, makes it when absent. Refuses a root that holds the data
 * directory, or lies in it: then the sandbox could reach the snapshots.
 */
int store_open(struct store *s, int root, struct err *e);
void store_close(struct store *s); /* for CLEANUP too; takes a zero store */

/* Waits for other keepers of this project; closing the answer lets go. */
int store_lock(const struct store *s, struct err *e);

/* The bytes of fd; 1 when there were fewer than size. to is the store. */
int store_put_file(
	void *to, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e);
int store_put_blob(
	void *to, struct str bytes, unsigned char oid[TREE_OID], struct err *e);
/* Raw tree object: git_treebuilder would refuse names that a project may well have. */
int store_put_tree(
	struct store *s, struct str raw, unsigned char oid[TREE_OID], struct err *e);

/* The blob, appended, or an error when it does not fit. */
int store_get_blob(struct store *s, const unsigned char oid[TREE_OID], struct buf *out,
	struct err *e);
/* The blob, written to fd. */
int store_copy_blob(
	struct store *s, const unsigned char oid[TREE_OID], int fd, struct err *e);

/* The newest snapshot; 1 when there is none. */
int store_head(struct store *s, git_oid *id, struct err *e);
/* Syncs all objects, then moves the branch. */
int store_advance(struct store *s, const git_oid *id, struct err *e);

/* "<what>: <libgit2's reason>"; a full disk becomes ERR_SPACE. Answers -1. */
int store_fail(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
