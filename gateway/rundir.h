#ifndef GATEWAY_RUNDIR_H
#define GATEWAY_RUNDIR_H

/*
 * ~/.pando/run as the gateway sees it: its lock, its socket's path, the runs' folders.
 *
 * The lock is an flock, so it ends with its process. It and the socket are removed at the
 * end, both while the lock is held; a taker makes sure that what it locked is still there
 * under the name.
 *
 * A run's folder holds a file `pid` ("<pid> <start time>", the latter field 22 of
 * /proc/<pid>/stat) that names its process. What no living process owns is swept.
 */

#include <stdbool.h>

#include "base/err.h"

enum { GW_SWEEP_AGE_S = 60 };

struct gw_rundir {
	char *path;
	char *socket;
	char *http_socket; /* of agents that can use one */
	int fd;            /* of the directory */
	int lock;          /* -1: not ours */
	bool keeps_socket; /* somebody else listens on it: systemd */
};

/* Opens the place. */
int gw_rundir_open(struct gw_rundir *d, struct err *e);
/* 1: ours now, 0: another gateway has it. */
int gw_rundir_lock(struct gw_rundir *d, struct err *e);
/* The lock as another gateway held it, which hands it over (handover.h); consumed. */
int gw_rundir_adopt(struct gw_rundir *d, int lock, struct err *e);
/* The lock belongs to another process from now on. */
void gw_rundir_yield(struct gw_rundir *d);
/* Removes socket and lock when they are ours. */
void gw_rundir_close(struct gw_rundir *d);

int gw_rundir_remove(struct gw_rundir *d, const char *run, struct err *e);
/* Removes the folders of runs that have ended; complains about what it cannot remove. */
void gw_rundir_sweep(struct gw_rundir *d);

#endif
