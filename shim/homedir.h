#ifndef SHIM_HOMEDIR_H
#define SHIM_HOMEDIR_H

/*
 * The folder that a supervised codex has as CODEX_HOME (codex_files.h), kept from session to
 * session and shared by those that run side by side.
 */

#include "policy/toml.h"
#include "shim/plan.h"

enum { HOMEDIR_RUNS_SIZE = 44 }; /* two numbers of 64 bits */

struct homedir {
	char *path; /* NULL: not open */
	int fd;
	char runs[HOMEDIR_RUNS_SIZE]; /* device:inode of the folder of runs */
	struct toml_node *kept;       /* what sessions have changed; NULL: nothing */
	char *kept_text;              /* the tree points into it */
};

#define HOMEDIR_INIT                                                                     \
	{                                                                                \
		.path = NULL, .fd = -1                                                   \
	}

/*
 * Makes it below the person's folder, takes out what would configure codex beside the profile
 * of a session, and reads what earlier sessions have changed; of those of this home without a
 * folder in runs nothing else stays. root: of the project, where it must not be; NULL: it may.
 */
int homedir_open(struct homedir *h, const char *own_dir, const char *root, int runs,
	const struct toml_node *config, struct err *e);
/* The plan's links as they must be, its files anew. */
int homedir_fill(const struct homedir *h, const struct plan *p, struct err *e);
/* Removes the plan's files again; for a launch that came to nothing. */
void homedir_drop(const struct homedir *h, const struct plan *p);
void homedir_fini(struct homedir *h); /* for CLEANUP: keeps the folder */

#endif
