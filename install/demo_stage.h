#ifndef INSTALL_DEMO_STAGE_H
#define INSTALL_DEMO_STAGE_H

/*
 * The demo's own little world: a scratch folder with a home, a project and a place outside
 * it, and the stand-in provider. Nothing of the person's is read or changed. stage_close
 * ends all that was started and removes the folder.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "policy/policy.h"

enum { STAGE_RUN_S = 120, STAGE_OUT_MAX = 1 << 20 };

struct stage {
	char *dir;
	char *home, *project;
	char *outside;   /* beside the project: nothing supervised may touch it */
	char *requests;  /* what the provider received, JSON lines */
	char *decisions; /* the decision log of the scratch home */
	char *path;      /* PATH behind the shims */
	pid_t provider;
	int provider_stdin; /* the provider ends with it */
	int port;
};

#define STAGE_INIT                                                                       \
	{                                                                                \
		.provider = -1, .provider_stdin = -1                                     \
	}

int stage_open(struct stage *s, struct err *e);
void stage_close(struct stage *s);

/* One launch of an agent and what it printed. Yours, with stage_run_fini. */
struct stage_run {
	int status; /* exit status; -1: stopped after STAGE_RUN_S */
	char *out;
};
void stage_run_fini(struct stage_run *r);

/* Types `<agent> ... <prompt>` in the project, through the shim or past it. */
int stage_launch(struct stage *s, enum pol_agent a, bool supervised, const char *prompt,
	struct stage_run *r, struct err *e);

bool stage_has_agent(const struct stage *s, enum pol_agent a);
/* Set by SIGINT and SIGTERM: finish up. */
bool stage_interrupted(void);

#endif
