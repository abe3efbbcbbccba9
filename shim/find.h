#ifndef SHIM_FIND_H
#define SHIM_FIND_H

/* The real agent: the next program of its name on PATH that is not this shim. */

#include "base/err.h"

/*
 * Files are compared by device and inode with the running program, so that no spelling of a
 * path fools it; another installation's pando-shim is passed over as well. Relative entries
 * of PATH are not searched: they would depend on where one stands. ERR_NOAGENT says whether
 * only shims were found. Yours; as it stands on PATH, links not resolved.
 */
char *find_agent(const char *path, const char *name, struct err *e);

/*
 * PATH without the folders where a session's own commands could have put a "git" or a "node",
 * which the agent, outside the sandbox, starts by name: what is relative, what is below root,
 * and what does not exist yet. root NULL: only what is relative or absent. Yours.
 */
char *find_path_outside(const char *path, const char *root);

#endif
