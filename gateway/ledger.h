#ifndef GATEWAY_LEDGER_H
#define GATEWAY_LEDGER_H

/*
 * The sums of a run in a file of its folder, so that the next gateway goes on with them when
 * this one is killed (gateway/budget.h has the line). It is written over in place, by one
 * write that a kill does not tear; not synced, for it need not outlive the machine.
 */

#include "gateway/rundir.h"
#include "gateway/runs.h"

#define GW_LEDGER_NAME "ledger"

/* In the folder of the run, which is there. What stands in it is taken over. */
int gw_ledger_open(const struct gw_rundir *d, struct gw_reg *r, struct err *e);
/*
 * The sums have changed: they are saved where there is a ledger, and told to on_sums. Complains
 * when that cannot be for the first time.
 */
void gw_ledger_save(struct gw_reg *r);
/* It is another gateway's from here on, which has taken what is under way for used (heir.h). */
void gw_ledger_yield(struct gw_reg *r);

#endif
