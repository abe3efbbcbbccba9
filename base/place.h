#ifndef BASE_PLACE_H
#define BASE_PLACE_H

/*
 * Where things are. All answers are absolute paths that are yours.
 *
 *   ~/.pando/bin           the shims, first on PATH
 *   ~/.pando/policy.toml   the person's policy
 *   ~/.pando/run           0700: the gateway's socket and lock, one folder for each run
 *   ~/.pando-data          0700: the decision log, snapshots
 */

#include "base/err.h"

char *place_home(struct err *e); /* $HOME, else the password file's */
char *place_in_home(const char *rel, struct err *e);

char *place_bin(struct err *e);
char *place_policy(struct err *e);
char *place_run(struct err *e);  /* made when absent, checked: ours, 0700 */
char *place_data(struct err *e); /* the same */
/* $PANDO_GATEWAY_LOG_FILE when it is an absolute path, else ~/.pando-data/gateway-debug.jsonl */
char *place_decision_log(struct err *e);

/* A program of ours ("pando-gateway") in libexec, found from where this program runs. */
char *place_program(const char *name, struct err *e);
/* The folder where set-up put claude and codex of its own, NULL and no error: none. */
char *place_bundled_agents(void);
/* A data file of ours ("provider.py") in share/pando-ai, found the same way. */
char *place_share(const char *name, struct err *e);

#endif
