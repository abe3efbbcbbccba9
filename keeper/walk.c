#include "keeper/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"

#define NS UINT64_C(1000000000)

enum { ITEMS_FIRST = 32 };

struct item {
	size_t at, len; /* in names; a directory's ends in '/' */
	mode_t mode;
	struct tree_stat stat;
};

/* The names of one directory. */
struct items {
	struct buf names;
	struct item *i;
	size_t n, cap;
};

static void
items_fini(struct items *it)
{
	buf_fini(&it->names);
	free(it->i);
	it->i = NULL;
	it->n = it->cap = 0;
}

int
walk_open(int dir, const char *name, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
	while (fd < 0 && errno == EINTR);
	return (int)fd;
}

/* Unsigned: anyone may set an mtime that is far beyond what fits; only equality counts. */
static int64_t
ns_of(struct timespec t)
{
	return (int64_t)((uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec);
}

static struct tree_stat
stat_of(const struct stat *st)
{
	return (struct tree_stat){
		.size = st->st_size,
		.mtime_ns = ns_of(st->st_mtim),
		.ctime_ns = ns_of(st->st_ctim),
		.dev = st->st_dev,
		.ino = st->st_ino,
	};
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d); /* only read from */
}

static bool
is_left_out(const char *name, bool top)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	return top && (strcmp(name, ".git") == 0 || strcmp(name, ".pando-sandbox") == 0);
}

/* 1 when the directory does not let us look at what is in it. */
static int
items_add(struct walk *w, struct items *it, int dir, const char *name, struct err *e)
{
	struct stat st;
	struct item *new;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : 1;
	if (w->held >= TREE_ENTRIES_MAX)
		return err_set(e, ERR_DATA,
			"the project has more than %d files, the most that a snapshot holds",
			(int)TREE_ENTRIES_MAX);
	if (it->n == it->cap) {
		it->cap = it->cap == 0 ? ITEMS_FIRST : it->cap * 2;
		it->i = mem_grow(it->i, it->cap * sizeof it->i[0]);
	}
	w->held++;
	new = &it->i[it->n++];
	*new = (struct item){
		.at = it->names.n, .mode = st.st_mode, .stat = stat_of(&st)
	};
	buf_puts(&it->names, name);
	if (S_ISDIR(st.st_mode))
		buf_putc(&it->names, '/');
	new->len = it->names.n - new->at;
	buf_putc(&it->names, '\0');
	return it->names.over ? err_set(e, ERR_DATA, "a directory's names are too long")
			      : 0;
}

static struct str
item_name(const struct items *it, const struct item *i)
{
	return (struct str){ it->names.p + i->at, i->len };
}

static int
cmp_items(const void *a, const void *b, void *items)
{
	return tree_cmp(item_name(items, a), item_name(items, b));
}

/* 1 as items_add. */
static int
items_read(struct walk *w, struct items *it, int fd, bool top, struct err *e)
{
	CLEANUP(fd_closep) int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	CLEANUP(closedirp) DIR *d = again < 0 ? NULL : fdopendir(again);

	if (d == NULL)
		return err_sys(e, "read a directory");
	(void)fd_take(&again); /* now it is d's */
	rewinddir(d); /* the root's descriptor has been read by the walk before */
	for (;;) {
		const struct dirent *ent;
		int got = 0;

		errno = 0;
		ent = readdir(d);
		if (ent == NULL && errno != 0)
			return 1;
		if (ent == NULL)
			break;
		if (!is_left_out(ent->d_name, top))
			got = items_add(w, it, fd, ent->d_name, e);
		if (got != 0)
			return got;
	}
	if (it->n > 1)
		qsort_r(it->i, it->n, sizeof it->i[0], cmp_items, it);
	return 0;
}

/* What is being looked at, and where it is. */
struct at {
	struct walk *w;
	struct tree *out;
	struct buf path; /* from the root; a directory's ends in '/' */
	int dir;
	int depth;
	const char *name; /* the last of path, NUL-terminated, without '/' */
};

static int
skip(struct at *at, const char *why, struct err *e)
{
	struct str path = buf_str(&at->path);

	if (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	return tree_add_skip(at->out, path, why, e);
}

/* The open failed: what that means for the snapshot. */
static int
not_opened(struct at *at, struct err *e)
{
	switch (errno) {
	case ENOENT:
		return 0;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return err_sys(e, "open %s", at->name);
	case EACCES:
	case EPERM:
		return skip(at, "not readable", e);
	case EAGAIN:
		return skip(at, "held by a lease", e);
	default:
		return skip(at, "changed or failed while it was read", e);
	}
}

static int
add_known(struct at *at, enum tree_kind kind, const struct item *i,
	const unsigned char oid[TREE_OID], struct err *e)
{
	struct tree_entry *it = tree_add(at->out, buf_str(&at->path), kind, i->mode, e);

	if (it == NULL)
		return -1;
	it->stat = i->stat;
	memcpy(it->oid, oid, TREE_OID);
	return 0;
}

/* As sink->file, after another look at what was opened, which becomes the item's. */
static int
read_once(struct at *at, int fd, struct item *i, unsigned char oid[TREE_OID],
	const char **why, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", at->name);
	i->mode = st.st_mode;
	i->stat = stat_of(&st);
	if (!S_ISREG(st.st_mode)) {
		*why = "changed or failed while it was read";
		return 0;
	}
	if (st.st_size > WALK_FILE_MAX) {
		*why = "larger than 256 MiB";
		return 0;
	}
	at->w->bytes += st.st_size;
	if (at->w->bytes > WALK_READ_MAX)
		return err_set(e, ERR_DATA,
			"more than %lld bytes are new, the most that one snapshot takes in",
			(long long)WALK_READ_MAX);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind %s", at->name);
	*why = NULL;
	return at->w->sink->file(at->w->sink->to, fd, st.st_size, oid, e);
}

static int
visit_file(struct at *at, struct item *i, struct err *e)
{
	unsigned char oid[TREE_OID];
	CLEANUP(fd_closep) int fd = -1;
	const char *why = NULL;
	int got = 1;

	if (cache_find(at->w->cache, buf_str(&at->path), TREE_FILE, &i->stat, oid))
		return add_known(at, TREE_FILE, i, oid, e);
	if (i->stat.size > WALK_FILE_MAX)
		return skip(at, "larger than 256 MiB", e);
	/* O_NONBLOCK: neither a FIFO put in its place nor a lease may hold us up */
	fd = walk_open(at->dir, at->name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return not_opened(at, e);
	at->w->nread++;
	for (int t = 0; t < WALK_TRIES && got == 1; t++)
		got = read_once(at, fd, i, oid, &why, e);
	if (got < 0)
		return err_wrap(e, "%s", buf_text(&at->path));
	if (got == 1)
		why = "keeps changing while it is read";
	return why != NULL ? skip(at, why, e) : add_known(at, TREE_FILE, i, oid, e);
}

static int
visit_link(struct at *at, struct item *i, struct err *e)
{
	unsigned char oid[TREE_OID];
	char target[PATH_MAX];
	ssize_t n;

	i->mode = tree_implied_mode(TREE_LINK, false); /* a link has no own */
	if (cache_find(at->w->cache, buf_str(&at->path), TREE_LINK, &i->stat, oid))
		return add_known(at, TREE_LINK, i, oid, e);
	n = readlinkat(at->dir, at->name, target, sizeof target);
	if (n < 0)
		return not_opened(at, e);
	if (n == (ssize_t)sizeof target)
		return skip(at, "its target is too long", e);
	at->w->nread++;
	if (at->w->sink->link(
		    at->w->sink->to, (struct str){ target, (size_t)n }, oid, e) < 0)
		return err_wrap(e, "%s", buf_text(&at->path));
	return add_known(at, TREE_LINK, i, oid, e);
}

static int visit_all(struct at *at, int fd, struct err *e);

static int
visit_dir(struct at *at, const struct item *i, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = walk_open(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	const int no = errno;
	struct stat st = { .st_mode = i->mode };

	if (fd >= 0 && fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", at->name);
	if (fd < 0 && no != EACCES && no != EPERM) {
		errno = no;
		return not_opened(at, e);
	}
	/* itself is kept even when what is in it cannot be */
	if (tree_add(at->out, buf_str(&at->path), TREE_DIR, st.st_mode, e) == NULL)
		return -1;
	if (fd < 0)
		return skip(at, "not readable", e);
	if (at->depth >= TREE_DEPTH_MAX)
		return skip(at, "nested too deep", e);
	return visit_all(at, fd, e);
}

static int
visit(struct at *at, struct item *i, struct err *e)
{
	if (strcmp(at->name, ".git") == 0 || strcmp(at->name, ".git/") == 0)
		return skip(at, "a nested repository's own data", e);
	switch (i->mode & S_IFMT) {
	case S_IFREG:
		return visit_file(at, i, e);
	case S_IFLNK:
		return visit_link(at, i, e);
	case S_IFDIR:
		return visit_dir(at, i, e);
	case S_IFIFO:
		return skip(at, "a FIFO", e);
	case S_IFSOCK:
		return skip(at, "a socket", e);
	default:
		return skip(at, "a device", e);
	}
}

/* One name of the directory whose path, len bytes of at->path, is there already. */
static int
visit_name(struct at *at, struct items *it, struct item *i, size_t len, struct err *e)
{
	int got;

	buf_put_str(&at->path, item_name(it, i));
	if (at->path.over) {
		at->path.over = false;
		return skip(at, "holds a path that is too long", e) < 0 ? -1 : 1;
	}
	if (S_ISDIR(i->mode))
		it->names.p[i->at + i->len - 1] = '\0'; /* to open it */
	at->name = it->names.p + i->at;
	got = visit(at, i, e);
	at->path.n = len;
	return got;
}

/* Everything in the directory fd, whose path stands in at->path. */
static int
visit_all(struct at *at, int fd, struct err *e)
{
	CLEANUP(items_fini) struct items it = { .names = BUF_INIT(TREE_NAMES_MAX) };
	const int above = at->dir;
	const size_t len = at->path.n;
	int got = items_read(at->w, &it, fd, len == 0, e);

	if (got > 0 && len == 0)
		return err_set(e, ERR_SYS, "the project's directory cannot be read");
	if (got != 0)
		return got < 0 ? -1 : skip(at, "not readable", e);
	at->dir = fd;
	at->depth++;
	for (size_t k = 0; k < it.n && got == 0; k++)
		got = visit_name(at, &it, &it.i[k], len, e);
	at->w->held -= it.n;
	at->dir = above;
	at->depth--;
	return got < 0 ? -1 : 0;
}

int
walk_run(struct walk *w, struct tree *out, struct err *e)
{
	struct at at = {
		.w = w, .out = out, .path = BUF_INIT(KEEPER_PATH_MAX), .dir = w->root
	};
	int got;

	w->nread = 0;
	w->bytes = 0;
	w->held = 0;
	w->cache->next = 0;
	got = visit_all(&at, w->root, e);
	buf_fini(&at.path);
	tree_sort_skips(out);
	return got;
}
