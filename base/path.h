#ifndef BASE_PATH_H
#define BASE_PATH_H

/*
 * Paths and files. What lies below a directory that others can write is opened beneath its
 * descriptor (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), never by a joined string.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

char *path_join(const char *dir, const char *name);
/* The directory part, yours; "/" for "/x", "." when there is none. */
char *path_dir(const char *path);
const char *path_base(const char *path); /* borrowed from path */
bool path_is_absolute(const char *path);
/* True when path is dir or lies below it; both canonical and absolute. */
bool path_is_within(const char *path, const char *dir);

/* Opens rel beneath dirfd, following no link on the way. Close-on-exec. */
int path_open_beneath(int dirfd, const char *rel, int flags, mode_t mode, struct err *e);
int path_open_dir(const char *path, struct err *e); /* O_PATH-free, readable directory */

struct stat;
/*
 * Whether it is root's. Where nobody but this user is mapped, as in a supervised session of
 * codex, root's files show the owner of all who are not mapped (user_namespaces(7)), and that
 * counts: who makes such a namespace could as well map root to themselves.
 */
bool path_is_roots(const struct stat *st);

/* Makes each missing directory of an absolute path with the mode. */
int path_mkdirs(const char *path, mode_t mode, struct err *e);
/* Whole file of at most b->max bytes; not a link, a regular file. */
int path_read(const char *path, struct buf *b, struct err *e);
/* Writes beside it, syncs, renames: readers see the old file or the new one. */
int path_write(const char *path, struct str s, mode_t mode, struct err *e);
/*
 * Removes name below dirfd with all that is in it, directories too that their modes close to
 * us; links are removed, not followed.
 */
int path_remove_tree(int dirfd, const char *name, struct err *e);

#endif
