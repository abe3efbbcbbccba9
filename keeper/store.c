#include "keeper/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2/odb_backend.h>
#include <git2/sys/repository.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "keeper/hash.h"
#include "policy/record.h"

enum {
	LOCK_STEP_MS = 20,
	LOCK_STEP_NS = LOCK_STEP_MS * 1000000,
	ZLIB_FASTEST = 1, /* the agent waits for us */
	LOOSE_PRIORITY = 1,
	PACK_PRIORITY = 2,
	OWN_DIR = 0700,
	OWN_FILE = 0400,
};

#define CHAIN "refs/heads/main"

/* Some of libgit2's failures have a text of their own and some only errno. */
static void
forget_failures(void)
{
	git_error_clear();
	errno = 0;
}

int
store_fail(struct err *e, const char *fmt, ...)
{
	static const int full[] = { ENOSPC, EDQUOT, EROFS };
	const int no = errno;
	const git_error *why = git_error_last();
	const char *reason = why != NULL ? why->message : strerror(no);
	char what[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap); /* a cut message is still one */
	va_end(ap);
	for (size_t i = 0; i < LEN(full); i++)
		if (no == full[i] || strstr(reason, strerror(full[i])) != NULL)
			return err_set(e, ERR_SPACE, "%s: %s: make room there", what,
				strerror(full[i]));
	return err_set(e, ERR_SYS, "%s: %s", what, reason);
}

/* True when fd is the directory top or lies below it; by what the kernel says, not by name. */
static int
is_below(int fd, const struct stat *top, struct err *e)
{
	CLEANUP(fd_closep) int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct stat st;
	struct stat up;

	for (int depth = 0; depth < PATH_MAX; depth++) {
		int above;

		if (at < 0 || fstat(at, &st) < 0)
			return err_sys(e, "look at a directory above the project");
		if (st.st_dev == top->st_dev && st.st_ino == top->st_ino)
			return 1;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_closep(&at);
		at = above;
		if (at < 0 || fstat(at, &up) < 0)
			return err_sys(e, "look at a directory above the project");
		if (up.st_dev == st.st_dev && up.st_ino == st.st_ino)
			return 0;
	}
	return err_set(e, ERR_DATA, "the project lies too deep");
}

static int
check_apart(int root, const char *data, struct err *e)
{
	CLEANUP(fd_closep) int fd = path_open_dir(data, e);
	struct stat in_root;
	struct stat in_data;
	int a;
	int b;

	if (fd < 0)
		return -1;
	if (fstat(root, &in_root) < 0 || fstat(fd, &in_data) < 0)
		return err_sys(e, "look at %s", data);
	a = is_below(fd, &in_root, e);
	b = a < 0 ? -1 : is_below(root, &in_data, e);
	if (a < 0 || b < 0)
		return -1;
	if (a + b > 0)
		return err_set(e, ERR_REFUSED,
			"the project and %s, where its snapshots are kept, lie within one "
			"another: work in a directory of its own",
			data);
	return 0;
}

/* By the descriptor, so that every way of naming the root leads to one store. */
static int
name_store(struct store *s, int root, struct err *e)
{
	CLEANUP(mem_freep) char *data = place_data(e);
	CLEANUP(mem_freep) char *all = NULL;
	char sha[REC_SHA_HEX + 1];
	char self[sizeof "/proc/self/fd/2147483647"];
	char path[PATH_MAX];
	ssize_t n;

	if (data == NULL || check_apart(root, data, e) < 0)
		return -1;
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", root);
	n = readlink(self, path, sizeof path);
	if (n < 0 || n == (ssize_t)sizeof path)
		return err_sys(e, "find the project's path");
	rec_sha256((struct str){ path, (size_t)n }, sha);
	all = path_join(data, "snapshots");
	if (path_mkdirs(all, OWN_DIR, e) < 0)
		return -1;
	s->dir = mem_printf("%s/%s.git", all, sha);
	s->lock = mem_printf("%s/%s.lock", all, sha);
	s->cache = mem_printf("%s/pando-index", s->dir);
	return 0;
}

/* libgit2 must read no configuration but the store's own, and keep nothing in memory. */
static int
start_git(struct store *s, struct err *e)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA };

	if (git_libgit2_init() < 0)
		return store_fail(e, "start libgit2");
	s->started = true;
	for (size_t i = 0; i < LEN(levels); i++)
		if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "/nonexistent") <
			0)
			return store_fail(e, "configure libgit2");
	if (git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0) < 0)
		return store_fail(e, "configure libgit2");
	return 0;
}

static int
sync_dir(const char *dir, struct err *e)
{
	CLEANUP(fd_closep) int fd = path_open_dir(dir, e);

	if (fd < 0)
		return -1;
	return syncfs(fd) < 0 ? err_sys(e, "sync %s", dir) : 0;
}

/* Made beside its place and renamed: there is a whole store or none. */
static int
make_repo(const struct store *s, struct err *e)
{
	CLEANUP(mem_freep) char *dir = path_dir(s->dir);
	CLEANUP(mem_freep) char *new = mem_printf("%s.new", s->dir);
	CLEANUP(fd_closep) int fd = path_open_dir(dir, e);
	git_repository_init_options o;
	git_repository *repo = NULL;

	if (fd < 0 || path_remove_tree(fd, path_base(new), e) < 0)
		return -1;
	if (git_repository_init_options_init(&o, GIT_REPOSITORY_INIT_OPTIONS_VERSION) < 0)
		return store_fail(e, "make the snapshot store %s", s->dir);
	o.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
	o.mode = OWN_DIR;
	o.initial_head = "main";
	o.description = "Snapshots that pando-keeper took of one project\n";
	if (git_repository_init_ext(&repo, new, &o) < 0)
		return store_fail(e, "make the snapshot store %s", s->dir);
	git_repository_free(repo);
	if (sync_dir(new, e) < 0)
		return -1;
	if (rename(new, s->dir) < 0)
		return err_sys(e, "make the snapshot store %s", s->dir);
	return 0;
}

static int
open_repo(struct store *s, struct err *e)
{
	CLEANUP(mem_freep) char *objects = path_join(s->dir, "objects");
	git_odb_backend *loose = NULL;
	git_odb_backend *pack = NULL;

	if (git_repository_open_bare(&s->repo, s->dir) < 0 || git_odb_new(&s->odb) < 0)
		return store_fail(e, "open the snapshot store %s", s->dir);
	/* a backend that was added belongs to the database */
	if (git_odb_backend_loose(&loose, objects, ZLIB_FASTEST, 0, OWN_DIR, OWN_FILE) <
			0 ||
		git_odb_add_backend(s->odb, loose, LOOSE_PRIORITY) < 0 ||
		git_odb_backend_pack(&pack, objects) < 0 ||
		git_odb_add_backend(s->odb, pack, PACK_PRIORITY) < 0 ||
		git_repository_set_odb(s->repo, s->odb) < 0)
		return store_fail(e, "open the snapshot store %s", s->dir);
	return 0;
}

int
store_open(struct store *s, int root, struct err *e)
{
	CLEANUP(fd_closep) int lock = -1;
	struct stat st;

	*s = (struct store){ 0 };
	if (start_git(s, e) < 0 || name_store(s, root, e) < 0)
		return -1;
	lock = store_lock(s, e);
	if (lock < 0)
		return -1;
	if (lstat(s->dir, &st) < 0) {
		if (errno != ENOENT)
			return err_sys(e, "look at %s", s->dir);
		if (make_repo(s, e) < 0)
			return -1;
	}
	return open_repo(s, e);
}

void
store_close(struct store *s)
{
	git_odb_free(s->odb);
	git_repository_free(s->repo);
	free(s->dir);
	free(s->lock);
	free(s->cache);
	if (s->started)
		(void)git_libgit2_shutdown(); /* a count; it tells no failure */
	*s = (struct store){ 0 };
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d); /* only read from */
}

static bool
is_leftover(const char *name)
{
	static const struct str tmp = { "tmp_object", sizeof "tmp_object" - 1 };
	const struct str n = str_of(name);

	return str_starts(n, tmp) || (n.n > 4 && strcmp(name + n.n - 4, ".tmp") == 0);
}

/* What a killed keeper was writing. We hold the lock, so nobody is writing it now. */
static void
sweep(const char *dir)
{
	CLEANUP(closedirp) DIR *d = opendir(dir);
	const struct dirent *ent;

	while (d != NULL && (ent = readdir(d)) != NULL)
		if (is_leftover(ent->d_name))
			(void)unlinkat(dirfd(d), ent->d_name, 0); /* the next one may */
}

int
store_lock(const struct store *s, struct err *e)
{
	CLEANUP(mem_freep) char *objects = path_join(s->dir, "objects");
	CLEANUP(mem_freep) char *ref = path_join(s->dir, CHAIN ".lock");
	CLEANUP(fd_closep)
	int fd = open(
		s->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	static const struct timespec step = { .tv_nsec = LOCK_STEP_NS };

	if (fd < 0)
		return err_sys(e, "open %s", s->lock);
	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock %s", s->lock);
		if (ms >= STORE_LOCK_MS)
			return err_set(e, ERR_SYS,
				"another pando-keeper of this project has been busy for %d "
				"seconds: try again when it is done",
				STORE_LOCK_MS / 1000);
		(void)nanosleep(&step, NULL); /* a shorter nap does no harm */
	}
	sweep(s->dir);
	sweep(objects);
	(void)unlink(ref); /* absent as a rule */
	return fd_take(&fd);
}

static int
put(struct store *s, struct str bytes, git_object_t type, unsigned char oid[TREE_OID],
	struct err *e)
{
	git_oid id;

	forget_failures();
	if (git_odb_write(&id, s->odb, bytes.n > 0 ? bytes.p : "", bytes.n, type) < 0)
		return store_fail(e, "write to the snapshot store %s", s->dir);
	s->wrote = true;
	memcpy(oid, id.id, TREE_OID);
	return 0;
}

int
store_put_blob(void *to, struct str bytes, unsigned char oid[TREE_OID], struct err *e)
{
	return put(to, bytes, GIT_OBJECT_BLOB, oid, e);
}

int
store_put_tree(
	struct store *s, struct str raw, unsigned char oid[TREE_OID], struct err *e)
{
	return put(s, raw, GIT_OBJECT_TREE, oid, e);
}

static void
stream_free(git_odb_stream **s)
{
	git_odb_stream_free(*s); /* also drops what was not finished */
}

static int
stream_in(struct store *s, int fd, int64_t size, git_oid *id, struct err *e)
{
	CLEANUP(stream_free) git_odb_stream *to = NULL;
	char step[HASH_STEP];

	forget_failures();
	if (git_odb_open_wstream(&to, s->odb, (uint64_t)size, GIT_OBJECT_BLOB) < 0)
		return store_fail(e, "write to the snapshot store %s", s->dir);
	while (size > 0) {
		const size_t want = size < HASH_STEP ? (size_t)size : HASH_STEP;
		const ssize_t k = read(fd, step, want);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "read");
		if (k == 0)
			return 1;
		if (git_odb_stream_write(to, step, (size_t)k) < 0)
			return store_fail(e, "write to the snapshot store %s", s->dir);
		size -= k;
	}
	if (git_odb_stream_finalize_write(id, to) < 0)
		return store_fail(e, "write to the snapshot store %s", s->dir);
	s->wrote = true;
	return 0;
}

int
store_put_file(void *to, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e)
{
	struct store *s = to;
	git_oid id;
	int got = hash_file(NULL, fd, size, oid, e);

	if (got != 0)
		return got;
	memcpy(id.id, oid, TREE_OID);
	if (git_odb_exists_ext(s->odb, &id, GIT_ODB_LOOKUP_NO_REFRESH) == 1)
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind");
	/* the id of what was written counts: the bytes may have changed since the hash */
	got = stream_in(s, fd, size, &id, e);
	memcpy(oid, id.id, TREE_OID);
	return got;
}

static void
object_free(git_odb_object **o)
{
	git_odb_object_free(*o);
}

/* NULL on error; never larger than max. */
static git_odb_object *
get(struct store *s, const unsigned char oid[TREE_OID], size_t max, struct err *e)
{
	git_odb_object *o = NULL;
	git_object_t type;
	git_oid id;
	size_t n;

	forget_failures();
	memcpy(id.id, oid, TREE_OID);
	if (git_odb_read_header(&n, &type, s->odb, &id) < 0) {
		(void)store_fail(e, "read from the snapshot store %s", s->dir);
		return NULL;
	}
	if (type != GIT_OBJECT_BLOB || n > max) {
		(void)err_set(e, ERR_DATA, "the snapshot store %s is damaged", s->dir);
		return NULL;
	}
	if (git_odb_read(&o, s->odb, &id) < 0)
		(void)store_fail(e, "read from the snapshot store %s", s->dir);
	return o;
}

static struct str
bytes_of(git_odb_object *o)
{
	return (struct str){ git_odb_object_data(o), git_odb_object_size(o) };
}

int
store_get_blob(struct store *s, const unsigned char oid[TREE_OID], struct buf *out,
	struct err *e)
{
	CLEANUP(object_free) git_odb_object *o = get(s, oid, out->max - out->n, e);

	if (o == NULL)
		return -1;
	buf_put_str(out, bytes_of(o));
	return 0;
}

int
store_copy_blob(struct store *s, const unsigned char oid[TREE_OID], int fd, struct err *e)
{
	CLEANUP(object_free) git_odb_object *o = get(s, oid, WALK_FILE_MAX, e);

	if (o == NULL)
		return -1;
	return fd_write_all(fd, bytes_of(o), e);
}

int
store_head(struct store *s, git_oid *id, struct err *e)
{
	int got;

	forget_failures();
	got = git_reference_name_to_id(id, s->repo, CHAIN);
	if (got == GIT_ENOTFOUND)
		return 1;
	return got < 0 ? store_fail(e, "read the newest snapshot of %s", s->dir) : 0;
}

int
store_advance(struct store *s, const git_oid *id, struct err *e)
{
	git_reference *ref = NULL;
	int got;

	if (s->wrote && sync_dir(s->dir, e) < 0)
		return -1;
	s->wrote = false;
	forget_failures();
	/* only here: for each object it would cost a sync of its own */
	(void)git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	got = git_reference_create(&ref, s->repo, CHAIN, id, 1, NULL);
	(void)git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	git_reference_free(ref);
	return got < 0 ? store_fail(e, "record the snapshot in %s", s->dir) : 0;
}
