#include "install/agents.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static const char shim_name[] = "pando-shim";

bool
agent_is_shim(const char *file)
{
	char real[PATH_MAX];

	return realpath(file, real) != NULL && strcmp(path_base(real), shim_name) == 0;
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
