#ifndef SANDBOX_TIDY_H
#define SANDBOX_TIDY_H

/*
 * Removes the placeholders of guard.h when the last sandbox of a root has ended.
 *
 * pando-sandbox becomes bwrap, so it cannot do that itself. Before it makes the first
 * placeholder it starts this program once more (--tidy), with the end of a pipe whose other end it
 * hands to bwrap: bwrap's first process inside keeps it open (--sync-fd), and the kernel ends that
 * process only after all others inside. So end of file there means: nothing is left inside,
 * or there never was anything. Whatever a power cut leaves behind is removed by the next.
 */

#include "base/err.h"
#include "sandbox/project.h"
#include "sandbox/state.h"

/* Starts it; *sync is the end to hand on, close-on-exec. The lock stays held by it. */
int tidy_start(const struct project *p, const struct state *s, int *sync, struct err *e);
/* What it does, on the descriptors that tidy_start() gave it. */
int tidy_run(struct err *e);

/* Removes all placeholders below the root; the lock must be held alone. */
int tidy_root(int root, struct err *e);

#endif
