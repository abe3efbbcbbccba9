#ifndef KEEPER_DIFF_H
#define KEEPER_DIFF_H

/*
 * What must happen to make one list equal another; pure.
 *
 * A JSON array of {path,status,kind,mode} in an order in which it can be carried out:
 *   "mode" of directories that must become accessible to their owner, from above
 *   "delete" of files and links and "rmdir", from below
 *   "mkdir", "write" (the content comes by "read") and "mode" of files, from above
 *   "mode" of directories whose owner may not read, write or search them, from below;
 *      a directory that "mkdir" made belongs here too, so make it with mode | 0700
 * mode is the wanted one, of what is to be deleted the present one, without the setuid and
 * setgid bits of files: a snapshot gives none. Directories' paths have no '/' at the end. Instead of "path" stands "path_hex" when the path is not UTF-8.
 *
 * A path that the wanted list skipped is not touched: nobody knows what was there.
 */

#include "base/buf.h"
#include "base/err.h"
#include "keeper/tree.h"

int diff_put(
	struct buf *out, const struct tree *now, const struct tree *want, struct err *e);

#endif
