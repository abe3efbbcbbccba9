#ifndef MCP_ROOT_H
#define MCP_ROOT_H

/*
 * The project's files, by paths relative to its root.
 *
 * What lies in the project may be hostile: every file is opened beneath the root's
 * descriptor without following a link, must be a regular file, and is read up to a ceiling.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	ROOT_PATH_MAX = 4096,
	ROOT_FILE_MAX = 16 << 20, /* of a file that a tool reads, bytes */
	ROOT_DEPTH_MAX = 64,
	ROOT_ENTRIES_MAX = 1 << 20,        /* visited in one walk */
	ROOT_NAME_MAX = 5 * ROOT_PATH_MAX, /* of root_put_name: \xff for each byte */
	ROOT_HASH_HEX = 16                 /* of the content hash that edits name */
};

struct root {
	int fd;           /* the root */
	const char *path; /* its absolute canonical path, borrowed */
};

/*
 * The path relative to the root, yours: no "..", no double slash, "." for the root itself.
 * An absolute path must lie within the root.
 */
char *root_rel(const struct root *r, const char *given, struct err *e);

/* The file for reading; a regular file. st may be NULL. */
int root_open(const struct root *r, const char *rel, struct stat *st, struct err *e);
/* The whole file, at most b->max bytes; st may be NULL. */
int root_read(const struct root *r, const char *rel, struct buf *b, struct stat *st,
	struct err *e);
/* The descriptor of the directory that holds rel; *name is borrowed from rel. */
int root_open_parent(
	const struct root *r, const char *rel, const char **name, struct err *e);
/* Makes the missing directories above rel. */
int root_make_parents(const struct root *r, const char *rel, struct err *e);
/*
 * Puts a file in place: written beside and renamed, so that a reader sees the old or the new
 * one. Its mode will be mode without setuid and setgid. With fresh it must not exist yet.
 */
int root_write(const struct root *r, const char *rel, struct str content, mode_t mode,
	bool fresh, struct err *e);

/*
 * A name for the text of a result, which is read by lines: quoted and escaped when it holds
 * a control character or is not UTF-8, so that no file can pass for a line of ours, and cut
 * when it is longer than a path may be.
 */
void root_put_name(struct buf *out, struct str name);

/* First ROOT_HASH_HEX digits of the SHA-256. */
void root_hash(struct str content, char out[ROOT_HASH_HEX + 1]);
/* Not text: holds a NUL or is not UTF-8. */
bool root_is_text(struct str content);

/* One entry of a walk; its text lives during the call. */
struct root_entry {
	const char *rel;
	bool is_file,
		is_link; /* neither: a directory is never shown, so a special file */
};

/*
 * Visits what is below rel (a directory, or one file) in the order of names. `.git` and
 * `.pando-sandbox` are left out, links are shown and not followed. A visitor that answers
 * false ends the walk. Directories that cannot be read are counted, not fatal.
 */
struct root_walk {
	bool (*visit)(void *to, const struct root_entry *ent);
	void *to;
	int64_t until_us; /* clock_mono_us() at which to end it; late is set then */
	size_t seen, unreadable;
	bool late;
	bool cut; /* ROOT_ENTRIES_MAX or ROOT_DEPTH_MAX was reached */
};

int root_walk(const struct root *r, const char *rel, struct root_walk *w, struct err *e);

#endif
