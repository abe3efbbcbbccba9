#ifndef INSTALL_AGENTS_H
#define INSTALL_AGENTS_H

/* Which agents there are on PATH, behind our own shims. */

#include <stdbool.h>

#include "base/err.h"
#include "policy/policy.h"

/*
 * The first program of the agent's name on path that is not pando-shim, yours; NULL when
 * there is none. *first is true when no other program of that name comes before our shim,
 * that is, when typing the name starts the shim.
 */
char *agent_find(enum pol_agent a, const char *path, bool *shim_first);
/* What `<file> --version` says, yours; NULL when it says none. */
char *agent_version(const char *file);
/* True when the file is, or leads to, a program called pando-shim. */
bool agent_is_shim(const char *file);

#endif
