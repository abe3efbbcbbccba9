#include "shim/find.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

static const char shim_name[] = "pando-shim";

static bool
is_program(const char *file, struct stat *st)
{
	return stat(file, st) == 0 && S_ISREG(st->st_mode) && access(file, X_OK) == 0;
}

static bool
is_shim(const char *file, const struct stat *st, const struct stat *self)
{
	char real[PATH_MAX];

	if (st->st_dev == self->st_dev && st->st_ino == self->st_ino)
		return true;
	return realpath(file, real) != NULL && strcmp(path_base(real), shim_name) == 0;
}

static int
complain(const char *name, bool saw_shim, struct err *e)
{
	const char *package = strcmp(name, "claude") == 0 ? "@anthropic-ai/claude-code"
							  : "@openai/codex";

	if (saw_shim)
		return err_set(e, ERR_NOAGENT,
			"only pando-ai's own %s is on PATH, no real one behind it: run 'npm "
			"install -g %s', or put its folder on PATH",
			name, package);
	return err_set(e, ERR_NOAGENT,
		"no %s on PATH: run 'npm install -g %s', or put its folder on PATH", name,
		package);
}

char *
find_path_outside(const char *path, const char *root)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(strlen(path) + 1);

	for (const char *p = path; *p != '\0';) {
		const size_t n = strcspn(p, ":");
		CLEANUP(mem_freep) char *dir = mem_strdup_str((struct str){ p, n });
		char real[PATH_MAX];

		p += p[n] == ':' ? n + 1 : n;
		if (!path_is_absolute(dir) || realpath(dir, real) == NULL)
			continue;
		/* as it is spelt too: a link in the project can be turned elsewhere */
		if (root != NULL &&
			(path_is_within(real, root) || path_is_within(dir, root)))
			continue;
		if (out.n > 0)
			buf_putc(&out, ':');
		buf_puts(&out, dir);
	}
	return mem_strdup(buf_text(&out));
}

char *
find_agent(const char *path, const char *name, struct err *e)
{
	bool saw_shim = false;
	struct stat self;

	if (stat("/proc/self/exe", &self) < 0) {
		(void)err_sys(e, "look at this program's own file");
		return NULL;
	}
	for (const char *p = path; *p != '\0';) {
		const size_t n = strcspn(p, ":");
		CLEANUP(mem_freep) char *dir = mem_strdup_str((struct str){ p, n });
		CLEANUP(mem_freep) char *file = path_join(dir, name);
		struct stat st;

		p += p[n] == ':' ? n + 1 : n;
		if (!path_is_absolute(dir) || !is_program(file, &st))
			continue;
		if (!is_shim(file, &st, &self))
			return mem_strdup(file);
		saw_shim = true;
	}
	(void)complain(name, saw_shim, e);
	return NULL;
}
