#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"

enum { TREE_DEPTH_MAX = 128, OPEN_TRIES = 256 };

char *
path_join(const char *dir, const char *name)
{
	const size_t n = strlen(dir);

	return mem_printf("%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
}

char *
path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	if (slash == path)
		return mem_strdup("/");
	return mem_strdup_str((struct str){ path, (size_t)(slash - path) });
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

bool
path_is_absolute(const char *path)
{
	return path[0] == '/';
}

bool
path_is_within(const char *path, const char *dir)
{
	const size_t n = strlen(dir);

	if (n == 1 && dir[0] == '/')
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

int
path_open_beneath(int dirfd, const char *rel, int flags, mode_t mode, struct err *e)
{
	const struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* EAGAIN: a rename was in the way, or a lease, which may last: so not for ever */
	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		fd = syscall(SYS_openat2, dirfd, rel, &how, sizeof how);
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	return fd < 0 ? err_sys(e, "open %s", rel) : (int)fd;
}

int
path_open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open directory %s", path) : fd;
}

int
path_mkdirs(const char *path, mode_t mode, struct err *e)
{
	CLEANUP(mem_freep) char *part = mem_strdup(path);
	struct stat st;

	/* mostly it is there, and each mkdir would wait for whoever writes in the one above */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	for (char *slash = strchr(part + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s", part);
		*slash = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s", part);
	return 0;
}

int
path_read(const char *path, struct buf *b, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	CLEANUP(fd_closep)
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_DATA,
			"%s: a symbolic link: put the file itself there", path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", path);
	if (fd_read_all(fd, b, e) < 0)
		return err_wrap(e, "%s", path);
	return 0;
}

int
path_write(const char *path, struct str s, mode_t mode, struct err *e)
{
	CLEANUP(mem_freep) char *tmp = mem_printf("%s.%d.tmp", path, (int)getpid());
	CLEANUP(fd_closep)
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return err_sys(e, "create %s", tmp);
	if (fd_write_all(fd, s, e) < 0) {
		(void)unlink(tmp); /* the write error is the one to tell */
		return err_wrap(e, "%s", path);
	}
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0) {
		(void)err_sys(e, "write %s", path);
		(void)unlink(tmp);
		return -1;
	}
	return 0;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static int remove_below(int dirfd, const char *name, int depth, struct err *e);

static int
remove_entries(int fd, int depth, struct err *e)
{
	CLEANUP(closedirp) DIR *d = fdopendir(fd);

	if (d == NULL) {
		(void)close(fd);
		return err_sys(e, "read a directory");
	}
	for (;;) {
		struct dirent *ent;

		errno = 0;
		ent = readdir(d);
		if (ent == NULL)
			return errno != 0 ? err_sys(e, "read a directory") : 0;
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (remove_below(fd, ent->d_name, depth + 1, e) < 0)
			return -1;
	}
}

/* A directory that its owner, who we are, had closed is opened first. */
static int
open_to_empty(int dirfd, const char *name)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES &&
		fchmodat(dirfd, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dirfd, name, flags);
	if (fd >= 0)
		(void)fchmod(fd, S_IRWXU); /* another's: then what is in it tells */
	return fd;
}

static int
remove_below(int dirfd, const char *name, int depth, struct err *e)
{
	int fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "remove %s", name);
	if (depth >= TREE_DEPTH_MAX)
		return err_set(e, ERR_DATA, "remove %s: nested too deep", name);
	fd = open_to_empty(dirfd, name);
	if (fd < 0) /* another may be removing it too */
		return errno == ENOENT ? 0 : err_sys(e, "remove %s", name);
	if (remove_entries(fd, depth, e) < 0)
		return -1;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", name);
	return 0;
}

int
path_remove_tree(int dirfd, const char *name, struct err *e)
{
	return remove_below(dirfd, name, 0, e);
}

bool
path_is_roots(const struct stat *st)
{
	enum { OVERFLOW_UID = 65534 }; /* the default of /proc/sys/kernel/overflowuid */
	unsigned long inside = 0, outside = 0, n = 0;
	FILE *map;
	bool alone;

	if (st->st_uid == 0)
		return true;
	if (st->st_uid != OVERFLOW_UID ||
		(map = fopen("/proc/self/uid_map", "re")) == NULL)
		return false;
	alone = fscanf(map, "%lu %lu %lu", &inside, &outside, &n) == 3 && n == 1 &&
		inside != 0 && inside == geteuid() && inside != OVERFLOW_UID;
	(void)fclose(map);
	return alone;
}
