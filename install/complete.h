#ifndef INSTALL_COMPLETE_H
#define INSTALL_COMPLETE_H

/*
 * What could stand next on pando-ai's command line, for the shells' completion. Read off the
 * usage of the commands, so that there is nothing else to keep up to date. Pure.
 */

#include <stdbool.h>

#include "base/words.h"

struct completion {
	struct words word; /* "check\tcheck the policy ...": a word, a tab, what it is */
	bool files, folders, runs; /* or one of these, which the caller knows */
};

void completion_fini(struct completion *c); /* for CLEANUP */
/* The words behind "pando-ai"; the last is the one that is being typed. */
void complete(struct completion *c, int argc, char *const *argv);

#endif
