#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

/*
 * The command line.
 *
 *   pando-sandbox --project-root P [--keep-fd N]... [--policy FILE] -- PROGRAM [ARG]...
 *   pando-sandbox --project-root P [--policy FILE] --check
 *
 * The other three are how this program starts itself:
 *   --project-root P [--policy FILE] --probe   a sandbox that ends at once (check.h)
 *   --inside [--keep-fd N]... [-- NAME [ARG]...]   the first program inside (inside.h)
 *   --tidy                                 removes placeholders afterwards (tidy.h)
 */

#include "base/err.h"

enum { OPT_KEEP_MAX = 8, OPT_FD_MAX = 1023 };

enum opt_mode { OPT_RUN, OPT_CHECK, OPT_PROBE, OPT_INSIDE, OPT_TIDY, OPT_MODES };

struct options {
	enum opt_mode mode;
	const char *root, *policy;
	int keep[OPT_KEEP_MAX];
	size_t nkeep;
	char *const *program; /* what follows "--", ended by NULL; may be empty */
};

/* Borrows from argv, which ends with NULL. */
int opt_parse(struct options *o, char *const *argv, struct err *e);

#endif
