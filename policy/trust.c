#include "policy/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"

enum { FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

static bool
others_may_write(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static int
check_kind(const struct stat *st, const char *path, enum trust_part part, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_POLICY,
			"%s is a symbolic link: put the %s itself there", path,
			part == TRUST_FOLDER ? "folder" : "file");
	if (part == TRUST_FOLDER && !S_ISDIR(st->st_mode))
		return err_set(e, ERR_POLICY, "%s is not a folder: move it away", path);
	if (part == TRUST_FILE && !S_ISREG(st->st_mode))
		return err_set(
			e, ERR_POLICY, "%s is not a regular file: move it away", path);
	return 0;
}

int
trust_managed(
	const struct stat *st, const char *path, enum trust_part part, struct err *e)
{
	if (check_kind(st, path, part, e) < 0)
		return -1;
	if (!path_is_roots(st))
		return err_set(e, ERR_POLICY,
			"%s belongs to user %u, so it cannot be trusted: run 'chown root %s' "
			"as root",
			path, (unsigned int)st->st_uid, path);
	if (others_may_write(st))
		return err_set(e, ERR_POLICY,
			"%s can be written by others than root, so it cannot be trusted: run "
			"'chmod go-w %s' as root",
			path, path);
	return 0;
}

int
trust_user(const struct stat *st, const char *path, uid_t person, struct err *e)
{
	if (check_kind(st, path, TRUST_FILE, e) < 0)
		return -1;
	if (st->st_uid != person)
		return err_set(e, ERR_POLICY,
			"%s belongs to user %u and not to you: put a file of your own there",
			path, (unsigned int)st->st_uid);
	if (others_may_write(st))
		return err_set(e, ERR_POLICY,
			"%s can be written by others than you: run 'chmod go-w %s'", path,
			path);
	return 0;
}

/*
 * 1: *fd is the part and *st what it is; 0: there is none. The last part is opened for
 * reading; of a link, which that refuses, only the kind is told.
 */
static int
open_part(int dir, const char *name, bool last, int *fd, struct stat *st)
{
	*fd = openat(dir, name, last ? FILE_FLAGS : O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return fstat(*fd, st) < 0 ? -1 : 1;
	if (errno == ELOOP)
		return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : 1;
	return errno == ENOENT ? 0 : -1;
}

/* Whether a part that stands in the way is one to stop at: nothing can lie behind it. */
static bool
is_end(const struct stat *st, bool last)
{
	return last ? !S_ISREG(st->st_mode) : !S_ISDIR(st->st_mode);
}

static int
look_wrong(const char *path, struct err *e)
{
	(void)err_sys(e, "look at %s", path);
	e->code = ERR_POLICY;
	return -1;
}

/*
 * A folder that is not to be trusted matters only when the file is there, so the first such
 * error waits for the end of the walk.
 */
int
trust_read_managed(const char *path, struct buf *text, struct err *e)
{
	CLEANUP(fd_closep) int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(mem_freep) char *part = mem_strdup(path);
	struct err fault = ERR_INIT;
	struct stat st;
	char *name = part + 1;

	if (at < 0 || fstat(at, &st) < 0)
		return look_wrong("/", e);
	(void)trust_managed(&st, "/", TRUST_FOLDER, &fault);
	for (bool last = false; !last;) {
		char *slash = strchr(name, '/');
		int next = -1;
		int there;

		last = slash == NULL;
		if (!last)
			*slash = '\0';
		there = open_part(at, name, last, &next, &st);
		fd_closep(&at);
		at = next;
		if (there <= 0)
			return there == 0 ? 0 : look_wrong(part, e);
		if (fault.code == ERR_NONE)
			(void)trust_managed(
				&st, part, last ? TRUST_FILE : TRUST_FOLDER, &fault);
		if (is_end(&st, last))
			break;
		if (!last) {
			*slash = '/';
			name = slash + 1;
		}
	}
	if (fault.code != ERR_NONE) {
		*e = fault;
		return -1;
	}
	return fd_read_all(at, text, e) < 0 ? err_wrap(e, "%s", path) : 1;
}

int
trust_read_user(const char *path, uid_t person, struct buf *text, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;
	const int there = open_part(AT_FDCWD, path, true, &fd, &st);

	if (there <= 0)
		return there == 0 ? 0 : look_wrong(path, e);
	if (trust_user(&st, path, person, e) < 0)
		return -1;
	return fd_read_all(fd, text, e) < 0 ? err_wrap(e, "%s", path) : 1;
}
