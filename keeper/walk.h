#ifndef KEEPER_WALK_H
#define KEEPER_WALK_H

/*
 * Walks the worktree beneath the root's descriptor and makes its list (keeper/tree.h).
 *
 * A hostile process may change everything while we look: each name is opened alone, beneath
 * its directory's descriptor, without following a link, without blocking, and what was opened
 * is looked at again. A link is recorded, never followed. What cannot be kept - FIFOs,
 * sockets, devices, files that are too large or not readable - is not opened for reading any
 * further but named as skipped. A name that vanishes meanwhile is simply not there.
 *
 * Not part of a snapshot: the root's own .git (keeper/gitstate.h records its references) and
 * .pando-sandbox. A nested .git is left out too, and named as skipped.
 */

#include "base/err.h"
#include "keeper/cache.h"
#include "keeper/tree.h"

enum {
	WALK_FILE_MAX = KEEPER_FILE_MAX, /* a larger file is skipped */
	WALK_TRIES = 3, /* for a file that gets shorter while it is read */
};
#define WALK_READ_MAX (INT64_C(8) << 30) /* bytes read in one walk */

/* Where the bytes go: into the store, or only through the hash. */
struct walk_sink {
	/* Reads size bytes from fd; 1 when there were fewer. */
	int (*file)(void *to, int fd, int64_t size, unsigned char oid[TREE_OID],
		struct err *e);
	int (*link)(
		void *to, struct str target, unsigned char oid[TREE_OID], struct err *e);
	void *to;
};

struct walk {
	int root; /* borrowed */
	struct cache *cache;
	const struct walk_sink *sink;
	size_t nread; /* files and links that the cache did not know */
	int64_t bytes;
	size_t held; /* names in memory on the way down */
};

int walk_run(struct walk *w, struct tree *out, struct err *e);

/*
 * Opens one name (no '/') beneath dir; a link is an error (ELOOP), and so is a file that a
 * lease would make us wait for (EAGAIN). Answers -1 with errno.
 */
int walk_open(int dir, const char *name, int flags);

#endif
