#ifndef INSTALL_LOGS_H
#define INSTALL_LOGS_H

/* pando-ai logs: what logs.c and logs_follow.c share. */

#include "base/err.h"
#include "install/logs_line.h"
#include "policy/files.h"

struct logs {
	const char *path;
	struct log_want want;
	struct log_view view;
	bool json, terminal; /* standard output is one */
};

/* Shows the line if it is wanted. */
void logs_show(const struct logs *l, struct str line);
/* -1: nobody reads what we print. */
int logs_flush(struct err *e);
/*
 * Goes on with what is written behind `from` of the open file, which it consumes; -1: there is
 * no file yet. Does not come back but with an error.
 */
int logs_follow(struct logs *l, int fd, uint64_t from, struct err *e);

#endif
