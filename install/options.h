#ifndef INSTALL_OPTIONS_H
#define INSTALL_OPTIONS_H

/*
 * Options of a command, by a table: "--name value", "--name=value", "--flag"; they may stand
 * between the other words, and "--" ends them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct option_is {
	const char *name;   /* "--json" */
	bool *flag;         /* it takes no value, or ... */
	const char **value; /* ... one */
};

struct options {
	const char *command; /* as commands.c names it: its usage goes with each error */
	const struct option_is *option;
	size_t n;
	int least, most; /* other words */
};

/* How many other words there are; argv[0] on are them. */
int options_read(const struct options *o, int argc, char **argv, struct err *e);
/* ERR_USAGE: what is wrong, and the command's usage. */
int options_wrong(const char *command, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
