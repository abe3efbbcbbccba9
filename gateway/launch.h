#ifndef GATEWAY_LAUNCH_H
#define GATEWAY_LAUNCH_H

/* Finds or starts the person's gateway; only for the client's files. */

#include "base/err.h"

enum { GW_LOG_MAX = 1 << 20 };

/* The file for its standard error, emptied when larger than that. */
int gw_launch_log(struct err *e);

enum gw_launched { GW_LAUNCH_READY, GW_LAUNCH_BUSY, GW_LAUNCHES };

/* 1: a gateway listens, *fd is connected. 0: none does. */
int gw_reach(int *fd, struct err *e);

/*
 * Waits until the gateway says that it listens, or that another one has the place. It is
 * detached: nobody's child, in a session of its own, with an environment from a list.
 */
int gw_launch(int wait_ms, struct err *e);
/* The same in two steps: *ready, which is the caller's, can be read when it has said so. */
int gw_launch_begin(int *ready, struct err *e);
int gw_launch_end(int ready, int wait_ms, struct err *e);

#endif
