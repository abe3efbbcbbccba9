#include "base/place.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

char *
place_home(struct err *e)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home != NULL && path_is_absolute(home))
		return mem_strdup(home);
	pw = getpwuid(getuid());
	if (pw != NULL && path_is_absolute(pw->pw_dir))
		return mem_strdup(pw->pw_dir);
	(void)err_set(e, ERR_SYS, "cannot tell your home directory: set HOME to it");
	return NULL;
}

char *
place_in_home(const char *rel, struct err *e)
{
	CLEANUP(mem_freep) char *home = place_home(e);

	return home == NULL ? NULL : path_join(home, rel);
}

/* A directory that holds tokens or decisions must be nobody else's. */
static char *
private_dir(const char *rel, struct err *e)
{
	CLEANUP(mem_freep) char *path = place_in_home(rel, e);
	struct stat st;
	char *got;

	if (path == NULL || path_mkdirs(path, S_IRWXU, e) < 0)
		return NULL;
	if (lstat(path, &st) < 0) {
		(void)err_sys(e, "look at %s", path);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		(void)err_set(e, ERR_REFUSED,
			"%s: must be a directory of yours with mode 0700: move it away or "
			"run 'chmod 700 %s'",
			path, path);
		return NULL;
	}
	got = path;
	path = NULL;
	return got;
}

char *
place_bin(struct err *e)
{
	return place_in_home(".pando/bin", e);
}

char *
place_policy(struct err *e)
{
	return place_in_home(".pando/policy.toml", e);
}

char *
place_run(struct err *e)
{
	return private_dir(".pando/run", e);
}

char *
place_data(struct err *e)
{
	return private_dir(".pando-data", e);
}

char *
place_decision_log(struct err *e)
{
	const char *given = getenv("PANDO_GATEWAY_LOG_FILE");
	CLEANUP(mem_freep) char *data = NULL;

	if (given != NULL && path_is_absolute(given))
		return mem_strdup(given);
	data = place_data(e);
	return data == NULL ? NULL : path_join(data, "gateway-debug.jsonl");
}

/* .../bin/pando-ai and .../libexec/pando-ai/pando-x both answer "...". */
static char *
prefix(struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	CLEANUP(mem_freep) char *dir = NULL;
	CLEANUP(mem_freep) char *up = NULL;

	if (n < 0) {
		(void)err_sys(e, "find this program's own path");
		return NULL;
	}
	self[n] = '\0';
	dir = path_dir(self);
	up = path_dir(dir);
	return strcmp(path_base(dir), "bin") == 0 ? mem_strdup(up) : path_dir(up);
}

static char *
below_prefix(const char *rel, const char *name, struct err *e)
{
	CLEANUP(mem_freep) char *top = prefix(e);
	CLEANUP(mem_freep) char *path = NULL;
	char *got;

	if (top == NULL)
		return NULL;
	path = mem_printf("%s/%s/%s", top, rel, name);
	if (access(path, R_OK) < 0) {
		(void)err_sys(
			e, "%s: part of pando-ai is missing: install it again", path);
		return NULL;
	}
	got = path;
	path = NULL;
	return got;
}

char *
place_program(const char *name, struct err *e)
{
	return below_prefix("libexec/pando-ai", name, e);
}

char *
place_share(const char *name, struct err *e)
{
	return below_prefix("share/pando-ai", name, e);
}

char *
place_bundled_agents(void)
{
	struct err none = ERR_INIT; /* an installed pando-ai has none: that is no error */

	return below_prefix("agents/node_modules", ".bin", &none);
}
