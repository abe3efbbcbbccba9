#ifndef GATEWAY_HEIR_H
#define GATEWAY_HEIR_H

/*
 * What a gateway that drains goes on telling the one that has its place (handover.h): the
 * calls that it has let through, since our servers ask the new one whether a model made them,
 * and what its exchanges have used, since the new one holds the run against its budget.
 *
 *   {"run":ID,"id":CALL,"server":S,"tool":T,"args_sha256":H,"mended":H}     one packet each
 *   {"run":ID,"sums":LINE}               all of them, as the ledger has them (budget.h)
 *
 * The new one reads them before anything else that is ready, so that a call that its client
 * makes at once is known.
 */

#include "gateway/runs.h"

struct event;
struct event_base;

/* Told without waiting; a call that cannot be told is refused there, and made again. */
void gw_heir_tell(int channel, const struct gw_reg *r, const struct gw_call *c);
/* All that are open in the run. */
void gw_heir_tell_all(int channel, const struct gw_reg *r);

/* The same; what was not told goes with the next ones. */
void gw_heir_tell_sums(int channel, const struct gw_reg *r);

struct gw_heir {
	int channel; /* -1: nobody tells */
	struct gw_runs *runs;
	struct event *told;
};

/* The channel is ours from here on. */
int gw_heir_open(struct gw_heir *h, struct event_base *base, int channel, struct err *e);
void gw_heir_close(struct gw_heir *h);

#endif
