#ifndef INSTALL_COMMAND_H
#define INSTALL_COMMAND_H

/*
 * The commands of pando-ai, in one table: what runs, and what the usage says. Each gets the
 * words behind `pando-ai` from its own last name on (argv[0] is "check" for `policy check`)
 * and answers -1 with an error, or the exit status.
 */

#include <stddef.h>

#include "base/err.h"

struct command {
	const char *name;  /* "install", "policy check" */
	const char *words; /* the options and words that it takes, for the usage */
	const char *does;
	int (*run)(int argc, char **argv, struct err *e);
};

const struct command *command_list(size_t *n);
/* The one with the longest name that the words begin with, NULL: none; *used words are it. */
const struct command *command_find(int argc, char *const *argv, int *used);

int command_install(int argc, char **argv, struct err *e);
int command_uninstall(int argc, char **argv, struct err *e);
int command_status(int argc, char **argv, struct err *e);
int command_gateway(int argc, char **argv, struct err *e);
int command_proxy_status(int argc, char **argv, struct err *e);
int command_proxy_stop(int argc, char **argv, struct err *e);
int command_top(int argc, char **argv, struct err *e);
int command_report(int argc, char **argv, struct err *e);
int command_logs_verify(int argc, char **argv, struct err *e);
int command_logs(int argc, char **argv, struct err *e);
int command_demo(int argc, char **argv, struct err *e);
int command_help(int argc, char **argv, struct err *e);
int command_policy_check(int argc, char **argv, struct err *e);
int command_policy_keys(int argc, char **argv, struct err *e);
int command_policy_explain(int argc, char **argv, struct err *e);
int command_policy_test(int argc, char **argv, struct err *e);
int command_policy_show(int argc, char **argv, struct err *e);
int command_policy_replay(int argc, char **argv, struct err *e);
int command_policy_learn(int argc, char **argv, struct err *e);

#endif
