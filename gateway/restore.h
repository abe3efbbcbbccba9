#ifndef GATEWAY_RESTORE_H
#define GATEWAY_RESTORE_H

/*
 * A gateway that was killed takes nothing along: each registered run has a record in its
 * folder (gateway/record.h), and the next gateway takes over the runs whose process is
 * still the same. It must get the same port, too, or they cannot reach it.
 *
 * A run that cannot be taken over, since its policy was changed or its port is taken, is
 * lost: its record goes, so that it does not come back by chance, and the log says why.
 */

#include "gateway/rundir.h"
#include "gateway/runs.h"

/* Leaves the record of a run, in its folder, which is made when it is not there yet. */
int gw_restore_leave(
	const struct gw_rundir *d, const struct gw_reg *r, int port, struct err *e);

/* A line of what has checked in (gateway/handshake.h), for the gateway after this one. */
int gw_restore_note(const struct gw_rundir *d, const struct gw_reg *r, const char *line,
	struct err *e);

/*
 * Takes over what it can; answers the port that these runs know, 0 when there is none. all: or
 * nothing; -1 when a run cannot be taken over, for another gateway still has it.
 */
int gw_restore_all(struct gw_rundir *d, struct gw_runs *runs, bool all, struct err *e);
/* Settles them now that the port is known: each is told of in the log, or lost. */
void gw_restore_settle(struct gw_rundir *d, struct gw_runs *runs, bool has_port);

#endif
