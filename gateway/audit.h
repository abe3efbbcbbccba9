#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

/*
 * The gateway's lines in the decision log. Each answers -1 when the line could not be
 * written; the caller then does not carry out what it was about to do.
 *
 * Lines of findings and of requests are kept until gw_audit_flush, or the end of the loop's turn
 * (gw_reg_flush_next), writes them together: whatever was found goes on behind that only. A line of use, behind which nothing goes on,
 * is written with the next one, or GW_FLUSH_MS later.
 */

#include "base/err.h"
#include "gateway/enforce.h"
#include "gateway/runs.h"

/* gateway_run_registered, gateway_run_ended. */
int gw_audit_run(struct gw_reg *r, const char *event, struct err *e);

/*
 * gateway_request: what was decided about a whole request. refusal is NULL when it passed;
 * changes is how many parts of it were taken out.
 */
struct gw_audit_request {
	enum gw_api api;
	const char *refusal;
	size_t changes;
	int64_t elapsed_us;
	const struct pol_decision *why; /* the rule that refused it; NULL: none did */
};
int gw_audit_request(struct gw_reg *r, const struct gw_audit_request *q, struct err *e);

/* gateway_usage: what an exchange used, when it is over. */
int gw_audit_usage(struct gw_reg *r, enum gw_api api, const struct rec_usage *u,
	int64_t elapsed_us, struct err *e);
/* gateway_budget_audited: a budget is reached, in audit mode. */
int gw_audit_budget(struct gw_reg *r, enum gw_api api, const struct pol_decision *d,
	const char *text, struct err *e);

/* gateway_definition_stripped, gateway_call_allowed, gateway_call_replaced, ... */
int gw_audit_finding(struct gw_reg *r, enum gw_api api, const char *direction,
	const struct gw_finding *f, struct err *e);
int gw_audit_flush(struct gw_reg *r, struct err *e);

/* gateway_checkin: a part of the run's supervision is there. */
int gw_audit_checkin(struct gw_reg *r, const char *line, struct err *e);
/* gateway_handshake_refused, or _audited: a request whose supervision is not there. */
int gw_audit_handshake(struct gw_reg *r, enum gw_api api, const char *why, struct err *e);
/* gateway_handshake_gap: one that goes on without a server that has ended. */
int gw_audit_gap(struct gw_reg *r, enum gw_api api, const char *why, struct err *e);
/* gateway_witness_refused: a server of ours was asked for a call that no model made so. */
int gw_audit_witness(
	struct gw_reg *r, const struct gw_call *c, const char *why, struct err *e);

/* A run of a former gateway that could not be taken over. */
int gw_audit_lost(
	struct rec_log *log, const struct rec_who *who, const char *why, struct err *e);
/* gateway_refused: what was not let in, or an answer that was not handed on. */
int gw_audit_refused(struct rec_log *log, const struct rec_who *who, enum gw_api api,
	const char *why, struct err *e);

#endif
