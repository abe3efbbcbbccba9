#ifndef KEEPER_GITSTATE_H
#define KEEPER_GITSTATE_H

/*
 * What the project's own repository pointed at: HEAD, packed-refs and refs/ of <root>/.git,
 * read as text beneath the root, so that damage to its history can be undone as long as its
 * objects are there. Records "<name>\0<content>\0", sorted; a ".git" that is a file or a
 * link is one record. Nothing is parsed; what is too large or changes is left out.
 */

#include "base/buf.h"
#include "base/err.h"

enum {
	GITSTATE_MAX = 4 << 20,
	GITSTATE_FILE_MAX = 1 << 20,
	GITSTATE_DEPTH_MAX = 16,
	GITSTATE_NAMES_MAX = 10000, /* in one directory */
};

/* out's ceiling is GITSTATE_MAX. Fails only when memory or descriptors run out. */
int gitstate_read(int root, struct buf *out, struct err *e);

#endif
