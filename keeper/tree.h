#ifndef KEEPER_TREE_H
#define KEEPER_TREE_H

/*
 * A project's content as a flat list: every file, link and directory below the root with its
 * permission bits and the git blob id of its bytes. A walk makes one from the disk, the store
 * makes one from a snapshot, and a comparison of two is one merge.
 *
 * A directory's path ends in '/'. Entries stand in the order of their bytes, which is git's
 * own order of tree entries, and so each directory stands right before what is in it.
 * Paths are bytes: anything but NUL, and '/' only between names.
 *
 * What a list cannot hold (a FIFO, a too large file) is named in `skipped`, with the reason,
 * so that nobody takes its absence for a deletion. The list owns all its memory; everything
 * has a ceiling, since a hostile process makes these files.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "keeper/client.h"

enum {
	TREE_ENTRIES_MAX = 500000,
	TREE_NAMES_MAX = 64 << 20,
	TREE_SKIPPED_MAX = 4096,
	TREE_DEPTH_MAX = 128, /* directories within one another */
	TREE_OID = 20,
	TREE_MODE_BITS = 07777,
};

enum tree_kind { TREE_FILE, TREE_LINK, TREE_DIR, TREE_KINDS };
const char *tree_kind_name(enum tree_kind k); /* "file" "link" "dir" */

/* What tells that a file is still the same without reading it (keeper/cache.h). */
struct tree_stat {
	int64_t size, mtime_ns, ctime_ns;
	uint64_t dev, ino;
};

struct tree_entry {
	size_t at, len; /* of the path in names */
	enum tree_kind kind;
	mode_t mode; /* permission bits only */
	unsigned char
		oid[TREE_OID]; /* blob of a file, or of a link's target; tree of a dir */
	struct tree_stat stat; /* zero when it comes from a snapshot */
};

struct tree_skip {
	size_t at, len;
	size_t why_at, why_len; /* in names too */
};

struct tree {
	struct tree_entry *e;
	size_t n, cap;
	struct tree_skip *skip;
	size_t nskip, skip_cap;
	struct buf names;
};

#define TREE_INIT                                                                        \
	{                                                                                \
		.names = BUF_INIT(TREE_NAMES_MAX)                                        \
	}

void tree_fini(struct tree *t); /* for CLEANUP too */

/* Appends; the caller keeps the order. The entry has zero id and stat to fill in. */
struct tree_entry *tree_add(
	struct tree *t, struct str path, enum tree_kind kind, mode_t mode, struct err *e);
/* path without a '/' at its end, whatever it is. */
int tree_add_skip(struct tree *t, struct str path, const char *why, struct err *e);

struct str tree_path(const struct tree *t, const struct tree_entry *e);
struct str tree_skip_path(const struct tree *t, const struct tree_skip *s);
struct str tree_skip_why(const struct tree *t, const struct tree_skip *s);
int tree_cmp(struct str a, struct str b); /* the order of the list */

/* After the last tree_add_skip: makes tree_is_skipped() work. */
void tree_sort_skips(struct tree *t);
/* True when path, or a directory above it, was skipped. */
bool tree_is_skipped(const struct tree *t, struct str path);

/*
 * A git tree tells only whether a file is executable. The permission bits that git's mode
 * does not imply (0644 or 0755 of a file, 0755 of a directory, 0777 of a link) are kept in a
 * text of records "<octal mode> <path>\0" in the list's order; reading it back needs the
 * same list. Skipped paths likewise: "<why>: <path>\0".
 */
mode_t tree_implied_mode(enum tree_kind kind, bool executable);
/* What going back to it sets: a setuid or setgid bit is the person's to give, not ours. */
mode_t tree_restored_mode(enum tree_kind kind, mode_t mode);
void tree_put_modes(const struct tree *t, struct buf *out);
int tree_take_modes(struct tree *t, struct str text, struct err *e);
/* The mode that the text has for one path; *mode stays when it has none. */
int tree_find_mode(struct str text, struct str path, mode_t *mode, struct err *e);
void tree_put_skips(const struct tree *t, struct buf *out);
int tree_take_skips(struct tree *t, struct str text, struct err *e);

/* Puts "path":<text>, or "path_hex":<hexadecimal> when the path is not UTF-8. */
void tree_put_json_path(struct buf *out, struct str path);

#endif
