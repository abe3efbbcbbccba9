#ifndef KEEPER_CACHE_H
#define KEEPER_CACHE_H

/*
 * The stat cache: what each file looked like when it was last read, and the blob that its
 * bytes became, so that an unchanged project costs one walk and no reading.
 *
 * A file counts as unchanged when size, both times, device and inode are the same and its
 * ctime (which a process cannot set) lies clearly before the walk that read it: a change
 * within the clock's granularity of that walk would not show. A process that keeps a shared
 * writable mapping can change bytes without a new ctime until the kernel writes the page
 * back; such a late change is found by the snapshot after the write-back, not before.
 *
 * The file is written beside the snapshots, where the sandbox cannot reach. It is only a
 * cache: what is damaged is dropped and everything is read again.
 *
 *   "pando-index 1\n"  u64 walk's start, ns  u64 count
 *   count times: u32 path length  u8 kind  u64 size mtime ctime dev ino  id[20]  path
 *   (numbers little-endian, the list's order)
 */

#include "base/buf.h"
#include "base/err.h"
#include "keeper/tree.h"

enum { CACHE_FILE_MAX = 128 << 20 };
#define CACHE_RACY_NS INT64_C(2000000000) /* the coarsest file times in use */

struct cache {
	struct tree known;
	int64_t taken_ns; /* start of the walk, by the clock of file times */
	size_t next;
};

#define CACHE_INIT                                                                       \
	{                                                                                \
		.known = TREE_INIT                                                       \
	}

void cache_fini(struct cache *c); /* for CLEANUP too */
int64_t cache_now_ns(void);       /* the clock that file times are taken from */

/* Pure. A failure leaves an empty cache. */
int cache_parse(struct cache *c, struct str text, struct err *e);
void cache_put(struct buf *out, const struct tree *t, int64_t taken_ns);

/* An absent or damaged file is an empty cache. */
void cache_load(struct cache *c, const char *path);
int cache_save(const char *path, const struct tree *t, int64_t taken_ns, struct err *e);

/*
 * True when the file is known and unchanged; fills in its id. Paths must be asked for in the
 * list's order: the cache is read along with the walk.
 */
bool cache_find(struct cache *c, struct str path, enum tree_kind kind,
	const struct tree_stat *st, unsigned char oid[TREE_OID]);

#endif
