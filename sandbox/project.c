#include "sandbox/project.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"

enum { HOMES_MAX = 2 };

static const char *const system_dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32",
	"/lib64", "/libx32", "/etc", "/dev", "/proc", "/sys", "/run", "/boot", "/nix" };
static const char *const all_homes[] = { "/home", "/root", "/var", "/tmp", "/opt",
	"/srv" };
static const char *const own_dirs[] = { ".pando", ".pando-data", ".pando-ai" };

static bool
is_canonical(const char *path)
{
	const char *part = path;

	if (path[0] != '/')
		return false;
	while (*part == '/') {
		const size_t n = strcspn(++part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') ||
			(n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += n;
	}
	return true;
}

static const char *
home_fault(const char *path, const char *home)
{
	if (path_is_within(home, path))
		return "is a home directory, or holds one: name a folder in it";
	for (size_t i = 0; i < LEN(own_dirs); i++) {
		CLEANUP(mem_freep) char *own = path_join(home, own_dirs[i]);

		if (path_is_within(path, own))
			return "lies in a folder of pando-ai itself";
	}
	return NULL;
}

const char *
project_path_fault(const char *path, const char *const *homes)
{
	const char *fault = NULL;

	if (strcmp(path, "/") == 0)
		return "is the whole file system: name a project in it";
	if (!is_canonical(path))
		return "is not a canonical absolute path: give the one that 'realpath' prints";
	for (size_t i = 0; i < LEN(system_dirs); i++)
		if (path_is_within(path, system_dirs[i]))
			return "lies in a system folder";
	for (size_t i = 0; i < LEN(all_homes); i++)
		if (strcmp(path, all_homes[i]) == 0)
			return "holds what is not one project's: name a folder in it";
	for (size_t i = 0; fault == NULL && homes[i] != NULL; i++)
		fault = home_fault(path, homes[i]);
	return fault;
}

static int
check_path(const char *path, struct err *e)
{
	CLEANUP(mem_freep) char *named = place_home(e);
	CLEANUP(mem_freep) char *real = NULL;
	CLEANUP(mem_freep) char *listed = NULL;
	const char *homes[HOMES_MAX + 1] = { NULL };
	const struct passwd *pw = getpwuid(geteuid());
	const char *fault;
	size_t n = 0;

	if (named == NULL)
		return -1;
	real = realpath(named, NULL);
	listed = pw == NULL ? NULL : realpath(pw->pw_dir, NULL);
	/* A home that does not exist holds nothing. "/" is that of many a service user. */
	if (real != NULL && strcmp(real, "/") != 0)
		homes[n++] = real;
	if (listed != NULL && strcmp(listed, "/") != 0)
		homes[n++] = listed;
	fault = project_path_fault(path, homes);
	return fault == NULL ? 0
			     : err_set(e, ERR_REFUSED, "project root %s %s", path, fault);
}

static int
check_owner(const struct project *p, struct err *e)
{
	struct stat st;

	if (fstat(p->fd, &st) < 0)
		return err_sys(e, "look at the project root %s", p->path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED,
			"project root %s belongs to user %u and you are %u: only your own "
			"folder can be one",
			p->path, st.st_uid, geteuid());
	if ((st.st_mode & S_IWOTH) != 0)
		return err_set(e, ERR_REFUSED,
			"project root %s can be written by everyone: run 'chmod o-w' on it",
			p->path);
	return 0;
}

int
project_open(struct project *p, const char *path, struct err *e)
{
	CLEANUP(fd_closep) int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*p = (struct project){ .path = path, .fd = -1 };
	if (check_path(path, e) < 0)
		return -1;
	if (top < 0)
		return err_sys(e, "open /");
	p->fd = path_open_beneath(top, path + 1, O_PATH | O_DIRECTORY, 0, e);
	if (p->fd < 0 && errno == ELOOP)
		return err_set(e, ERR_REFUSED,
			"project root %s: a part of it is a symbolic link: give the path that "
			"'realpath' prints",
			path);
	if (p->fd < 0)
		return err_set(e, ERR_USAGE, "project root %s cannot be opened: %s", path,
			strerror(errno));
	return check_owner(p, e);
}

void
project_close(struct project *p)
{
	fd_closep(&p->fd);
}
