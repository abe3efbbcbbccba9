#ifndef SANDBOX_CHECK_H
#define SANDBOX_CHECK_H

/*
 * Tries to make a sandbox for a root, with the same plan as a real one, and leaves no trace.
 * When it cannot be made the error says the cause and the remedy.
 */

#include "base/err.h"

/* policy may be NULL. */
int check_run(const char *root, const char *policy, struct err *e);

#endif
