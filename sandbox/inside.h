#ifndef SANDBOX_INSIDE_H
#define SANDBOX_INSIDE_H

/*
 * The first program that bwrap starts inside: sets the limits, closes what is not to be kept and
 * becomes /run/pando/program. With no program named it ends: that is how a sandbox is tried.
 */

#include "base/err.h"
#include "sandbox/options.h"

/* Returns only without a program, or with an error. */
int inside_run(const struct options *o, struct err *e);

#endif
