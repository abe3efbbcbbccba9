#include "base/place_root.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/place.h"
#include "base/str.h"

/* Fields of a line of the password file (passwd(5)); of a longer file the beginning counts. */
enum { PASSWD_MAX = 4 << 20, FIELDS_BEFORE_HOME = 5 };

void
place_root_fini(struct place_root *r)
{
	mem_freep((void *)&r->path);
	mem_freep((void *)&r->cwd);
	mem_freep((void *)&r->git_root);
	*r = (struct place_root){ .path = NULL };
}

static bool
is_slash(const char *path)
{
	return strcmp(path, "/") == 0;
}

static size_t
colon_in(struct str line)
{
	const char *at = line.n == 0 ? NULL : memchr(line.p, ':', line.n);

	return at == NULL ? line.n : (size_t)(at - line.p);
}

/*
 * The password file itself and not the name service, which may ask the network. Who is not
 * in it owns their home, and another owner's folder is refused anyway.
 */
static bool
is_in_passwd(const char *path)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PASSWD_MAX);
	CLEANUP(fd_closep) int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct err none = ERR_INIT; /* what could be read counts */
	struct str rest;

	/* fgetpwent(3) asks the kernel for each line where it is */
	if (fd >= 0)
		(void)fd_read_all(fd, &text, &none);
	rest = buf_str(&text);
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);
		struct str line = { rest.p,
			end == NULL ? rest.n : (size_t)(end - rest.p) };

		rest = str_skip(rest, end == NULL ? rest.n : line.n + 1);
		for (int i = 0; i < FIELDS_BEFORE_HOME && line.n > 0; i++)
			line = str_skip(line,
				colon_in(line) < line.n ? colon_in(line) + 1 : line.n);
		if (colon_in(line) > 0 &&
			str_is((struct str){ line.p, colon_in(line) }, path))
			return true;
	}
	return false;
}

static bool
is_home(const char *path)
{
	const char *home = getenv("HOME");
	struct stat a, b;

	if (home != NULL && stat(home, &a) == 0 && stat(path, &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return true;
	return is_in_passwd(path);
}

static bool
has(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = path_join(dir, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool
has_mark(const char *dir)
{
	static const char *const marks[] = { ".git", ".hg", ".svn", ".jj", ".pando",
		"package.json", "pyproject.toml", "setup.py", "Cargo.toml", "go.mod",
		"Makefile", "CMakeLists.txt", "meson.build", "pom.xml", "build.gradle",
		"build.gradle.kts", "Gemfile", "composer.json", "mix.exs", "deno.json",
		"tsconfig.json", "flake.nix", "WORKSPACE", "MODULE.bazel" };

	for (size_t i = 0; i < LEN(marks); i++)
		if (has(dir, marks[i]))
			return true;
	return false;
}

/* Ours, and not a place like /tmp, where anybody could put a mark. */
static bool
is_own(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid == geteuid() &&
	       (st.st_mode & S_ISVTX) == 0;
}

/* From cwd upward while it is ours; marks of others do not count. */
static void
walk(struct place_root *r)
{
	CLEANUP(mem_freep) char *at = mem_strdup(r->cwd);

	while (!is_slash(at) && is_own(at) && !is_home(at)) {
		char *up;

		if (r->path == NULL && has_mark(at))
			r->path = mem_strdup(at);
		if (has(at, ".git")) {
			r->git_root = mem_strdup(at);
			return;
		}
		up = path_dir(at);
		mem_freep((void *)&at);
		at = up;
	}
}

static char *
canonical(const char *path, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(path, real) == NULL) {
		(void)err_sys(e, "look at %s", path);
		return NULL;
	}
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		(void)err_set(e, ERR_REFUSED, "%s is no directory", real);
		return NULL;
	}
	return mem_strdup(real);
}

/*
 * The servers that only read work outside the sandbox: with such a root they would show the
 * model other runs' tokens, and the person's policy and log.
 */
static int
check_own_folders(const char *path, struct err *e)
{
	static const char *const own[] = { ".pando", ".pando-data" };
	CLEANUP(mem_freep) char *home = place_home(e);
	char real[PATH_MAX];

	if (home == NULL)
		return -1;
	if (realpath(home, real) != NULL && path_is_within(real, path))
		return err_set(e, ERR_REFUSED,
			"the project root would be %s, which holds your home directory: change "
			"into your project first",
			path);
	for (size_t i = 0; i < LEN(own); i++) {
		CLEANUP(mem_freep) char *at = path_join(home, own[i]);

		if (realpath(at, real) != NULL && path_is_within(path, real))
			return err_set(e, ERR_REFUSED,
				"the project root would be %s, where pando-ai keeps what "
				"supervises the agents: change into your project first",
				path);
	}
	return 0;
}

static int
check(const char *path, bool named, struct err *e)
{
	struct stat st;

	if (is_slash(path))
		return err_set(e, ERR_REFUSED,
			"the project root would be /, that is the whole machine: change into "
			"your project first");
	if (is_home(path))
		return err_set(e, ERR_REFUSED,
			"the project root would be the home directory %s, with all that is in "
			"it: change into your project first",
			path);
	if (check_own_folders(path, e) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!named && st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED,
			"the project root would be %s, which belongs to user %u and not to you: "
			"change into your project, or name it on purpose with "
			"PANDO_PROJECT_ROOT=%s",
			path, (unsigned int)st.st_uid, path);
	if (!named && (st.st_mode & S_ISVTX) != 0)
		return err_set(e, ERR_REFUSED,
			"the project root would be %s, where everybody may write: change into "
			"your project, or name it on purpose with PANDO_PROJECT_ROOT=%s",
			path, path);
	return 0;
}

int
place_root_find(struct place_root *r, const char *dir, const char *named, struct err *e)
{
	*r = (struct place_root){ .path = NULL };
	if (named != NULL && !path_is_absolute(named))
		return err_set(e, ERR_REFUSED,
			"PANDO_PROJECT_ROOT is \"%s\": it must be an absolute path",
			named);
	r->cwd = canonical(dir == NULL ? "." : dir, e);
	if (r->cwd == NULL && dir == NULL)
		return err_wrap(e, "the working directory");
	if (r->cwd == NULL)
		return -1;
	walk(r);
	if (named != NULL) {
		mem_freep((void *)&r->path);
		r->path = canonical(named, e);
		if (r->path == NULL)
			return err_wrap(e, "PANDO_PROJECT_ROOT");
	}
	if (r->path == NULL)
		r->path = mem_strdup(r->cwd);
	return check(r->path, named != NULL, e);
}
