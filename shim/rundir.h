#ifndef SHIM_RUNDIR_H
#define SHIM_RUNDIR_H

/*
 * ~/.pando/run/<run>, the folder of one launch: 0700, its files 0600, nothing followed.
 *
 * It holds a file `pid` ("<pid> <start time>", the latter field 22 of /proc/<pid>/stat), so
 * that what a killed launch leaves behind can be swept. The process stays the same through
 * exec, so the folder is the agent's; the gateway removes it when the process has ended.
 */

#include <sys/types.h>

#include "base/err.h"
#include "shim/plan.h"

struct rundir {
	char *path; /* NULL: not made */
	int parent; /* ~/.pando/run */
	const char *run;
};

#define RUNDIR_INIT                                                                      \
	{                                                                                \
		.path = NULL, .parent = -1                                               \
	}

/* Field 22 of /proc/<pid>/stat as text, yours; NULL when there is no such process. */
char *rundir_start_time(pid_t pid, struct err *e);

int rundir_make(struct rundir *d, const char *run, struct err *e);
int rundir_fill(const struct rundir *d, const struct plan *p, struct err *e);
/* Removes it with all that is in it; for a launch that came to nothing. */
void rundir_drop(struct rundir *d);
void rundir_fini(struct rundir *d); /* for CLEANUP: keeps the folder */

#endif
