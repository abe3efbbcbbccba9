#ifndef BASE_PLACE_ROOT_H
#define BASE_PLACE_ROOT_H

/*
 * The project root: the nearest folder from the working directory upward that has a mark of
 * a project (.git, package.json ...), else the working directory. Never "/", a home directory
 * or what holds one, pando-ai's own folders; never one that somebody else owns or, like /tmp,
 * everybody writes to, unless PANDO_PROJECT_ROOT names it.
 */

#include "base/err.h"

struct place_root {
	char *path;     /* canonical */
	char *cwd;      /* where the agent works; canonical */
	char *git_root; /* the nearest with .git, NULL: none */
};

void place_root_fini(struct place_root *r);
/* dir: where to begin, NULL the working directory. named: PANDO_PROJECT_ROOT, NULL unset. */
int place_root_find(
	struct place_root *r, const char *dir, const char *named, struct err *e);

#endif
