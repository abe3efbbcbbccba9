#ifndef GATEWAY_ACCOUNT_H
#define GATEWAY_ACCOUNT_H

/*
 * The account of one exchange: it enters the run's budget when its request may be sent on,
 * and when it is over it is told in the decision log (gateway_usage) and in the run's sums.
 * On a WebSocket each request is one, begun anew and ended with its answer.
 * Requests that call no model have none: theirs stays empty, and all of this does nothing.
 */

#include "gateway/budget.h"
#include "gateway/runs.h"

struct gw_account {
	struct gw_reg *run; /* NULL: empty */
	enum gw_api api;
	struct gw_meter meter;
	struct gw_ticket ticket;
	bool audit;
	int64_t begin_us, head_us; /* head_us 0: there was no answer */
	int status;
	int64_t calls, denials;
	bool refused; /* by us; else a client that left before it was asked is nothing */
	enum gw_ending
		how; /* GW_FAILED until it was sent; whoever sends and ends it says so */
};

/* Sets rules->meter; both stay where they are until the end. */
void gw_account_begin(struct gw_account *a, struct gw_reg *run, enum gw_api api,
	struct gw_rules *rules);
/*
 * Behind gw_request(), while its text is there, before the request is sent; bytes: of the
 * plain text. -1: a budget is reached, e is for the client, *why for the log.
 */
int gw_account_enter(
	struct gw_account *a, size_t bytes, struct pol_decision *why, struct err *e);
/* A finding of the request or the answer. */
void gw_account_found(struct gw_account *a, const struct gw_finding *f);
/* The head of the provider's answer is there. */
void gw_account_head(struct gw_account *a, int status);
/* Once; it is empty then. */
void gw_account_end(struct gw_account *a);

#endif
