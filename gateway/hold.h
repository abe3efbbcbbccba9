#ifndef GATEWAY_HOLD_H
#define GATEWAY_HOLD_H

/*
 * A model request waits until the supervision of its run has checked in (handshake.h), for
 * GW_CHECKIN_MS at most. Where the mode is audit nobody waits: what is missing is logged.
 */

#include "gateway/route.h"
#include "gateway/runs.h"

struct event;

struct gw_hold {
	/* One that waits in this run has waited long enough: ask again. */
	void (*on_over)(struct gw_reg *run);
	struct gw_reg *run;
	struct event *timer; /* NULL: has not waited */
	bool over;
	bool wants_offers;
	struct gw_offers offers;
};

/*
 * 0: it may go on. 1: it waits: ask again when something has checked in, and on_over. -1: it is
 * refused, as e says; the log has been told.
 */
int gw_hold_ask(
	struct gw_hold *h, const struct gw_route *route, struct str head, struct err *e);
void gw_hold_fini(struct gw_hold *h);

/* Where to note what the request offers to the model; NULL: nobody asks. */
struct gw_offers *gw_hold_wants_offers(
	struct gw_hold *h, const struct gw_route *route, struct str head);
/* Behind that, when it is noted. -1: it is refused, likewise. */
int gw_hold_offers(struct gw_hold *h, enum gw_api api, struct err *e);

#endif
