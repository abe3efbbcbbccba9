#ifndef SANDBOX_BWRAP_H
#define SANDBOX_BWRAP_H

/* The rim: opens all that the plan names, writes the log line and becomes bwrap. */

#include "base/err.h"
#include "sandbox/options.h"

/* Returns only with an error. A probe writes no log line. */
int bwrap_run(const struct options *o, struct err *e);

#endif
