#ifndef GATEWAY_LAUNCH_H
#define GATEWAY_LAUNCH_H

/* Starts the person's gateway; only for client.c. */

#include "base/err.h"

enum gw_launched { GW_LAUNCH_READY, GW_LAUNCH_BUSY, GW_LAUNCHES };

/*
 * Waits until the gateway says that it listens, or that another one has the place. It is
 * detached: nobody's child, in a session of its own, with an environment from a list.
 */
int gw_launch(int wait_ms, struct err *e);

#endif
