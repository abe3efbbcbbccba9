#ifndef INSTALL_COMMAND_H
#define INSTALL_COMMAND_H

/* The commands of pando-ai. Each gets its own words (argv[0] is its name) and answers -1 with an
 * error, or the exit status. */

#include "base/err.h"

int command_install(int argc, char **argv, struct err *e);
int command_uninstall(int argc, char **argv, struct err *e);
int command_status(int argc, char **argv, struct err *e);
int command_proxy(int argc, char **argv, struct err *e);
int command_policy(int argc, char **argv, struct err *e);
int command_logs(int argc, char **argv, struct err *e);
int command_demo(int argc, char **argv, struct err *e);

#endif
