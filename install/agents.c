#include "install/agents.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capture.h"
#include "base/path.h"

enum { SAID_MAX = 1 << 18, VERSION_MAX = 64, SOON_MS = 10000 };

static const char shim_name[] = "pando-shim";

bool
agent_is_shim(const char *file)
{
	char real[PATH_MAX];

	return realpath(file, real) != NULL && strcmp(path_base(real), shim_name) == 0;
}

char *
agent_version(const char *file)
{
	static const char letters[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-";
	char *argv[] = { mem_strdup(file), (char[]){ "--version" }, NULL };
	CLEANUP(mem_freep) char *own = argv[0];
	CLEANUP(buf_fini) struct buf said = BUF_INIT(SAID_MAX);
	const struct child_spec spec = { .path = file,
		.argv = argv,
		.env = environ,
		.fd = { -1, -1, -1 },
		.nfds = 3,
		.die_with_parent = true };
	struct err none = ERR_INIT; /* then it is not known */
	const char *z;

	if (capture(&spec, SOON_MS, &said, &none) != 0)
		return NULL;
	/* "2.1.330 (Claude Code)", "codex-cli 0.169.0" */
	for (z = buf_text(&said); *z != '\0'; z += strspn(z, " \t\r\n")) {
		const size_t n = strcspn(z, " \t\r\n");

		if (*z >= '0' && *z <= '9' && n <= VERSION_MAX && strspn(z, letters) == n)
			return mem_strdup_str((struct str){ z, n });
		z += n;
	}
	return NULL;
}

static bool
is_program(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0;
}

char *
agent_find(enum pol_agent a, const char *path, bool *shim_first)
{
	bool decided = false;

	*shim_first = false;
	for (const char *p = path; *p != '\0';) {
		const size_t n = strcspn(p, ":");
		CLEANUP(mem_freep) char *dir = mem_strdup_str((struct str){ p, n });
		CLEANUP(mem_freep) char *file = path_join(dir, pol_agent_name(a));
		const bool shim = agent_is_shim(file);

		p += p[n] == ':' ? n + 1 : n;
		if (!path_is_absolute(dir) || !is_program(file))
			continue;
		if (!decided)
			*shim_first = shim;
		decided = true;
		if (!shim)
			return mem_strdup(file);
	}
	return NULL;
}
