#ifndef SHIM_AGENT_H
#define SHIM_AGENT_H

/*
 * What the real agent's own file says about itself: version, subcommands, features, model
 * catalog. What it must be started for is kept in ~/.pando-data/agents, under a name made of
 * the file's path, device, inode, size and times: never of a version that it claims.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

enum { AGENT_OUTPUT_MAX = 16 << 20, AGENT_VERSION_MAX = 64 };

struct agent {
	enum pol_agent kind;
	char *file;    /* as on PATH */
	char *real;    /* links resolved */
	char *key;     /* names its file */
	char *cache;   /* the folder */
	char *version; /* "unknown" when it does not say */
};

/* Takes file over, also on failure. */
int agent_open(struct agent *a, enum pol_agent kind, char *file, struct err *e);
void agent_fini(struct agent *a); /* for CLEANUP too */

/* What `<agent> <words>` prints, kept as <what>. words is NULL-terminated. */
int agent_output(const struct agent *a, const char *what, const char *const *words,
	struct buf *out, struct err *e);
/* 1: its --help lists the subcommand, 0: it does not. */
int agent_lists(const struct agent *a, const char *command, struct err *e);
/* Of an inert launch: refused unless it is listed; NULL is always known. */
int agent_knows(const struct agent *a, const char *command, struct err *e);
/* Of a prompt: refused when it is a subcommand of this version; NULL is none. */
int agent_takes_for_prompt(const struct agent *a, const char *word, struct err *e);
/* codex: path of the edited model catalog. Yours, NULL on error. */
char *agent_catalog(const struct agent *a, bool with_patch, struct err *e);

#endif
