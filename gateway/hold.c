#include "gateway/hold.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/judge.h"

enum { MISSING_MAX = 512, MS_PER_S = 1000, US_PER_MS = 1000 };

/* What goes to no model needs no supervision. */
static enum pol_mode
mode_of(const struct gw_reg *r, const struct gw_route *route)
{
	if (r->is_debug || (route->kind != GW_TO_CALL && route->kind != GW_TO_COUNT))
		return POL_OFF;
	return pol_handshake_of(r->policy, r->agent);
}

/* 0 when it is only to be logged. */
static int
refuse(struct gw_reg *r, enum gw_api api, const char *why, struct err *e)
{
	const char *agent = pol_agent_name(r->agent);
	const bool audit = pol_handshake_of(r->policy, r->agent) == POL_AUDIT;
	struct err unlogged = ERR_INIT;

	if (gw_audit_handshake(r, api, why, &unlogged) < 0 && audit) {
		*e = unlogged;
		return -1;
	}
	if (audit)
		return 0;
	return err_set(e, ERR_REFUSED,
		"[pando-ai] refused the request, because %s is not supervised as it was "
		"started: %s (rule " POL_RULE_HANDSHAKE
		", built-in). End %s and start it "
		"again." GW_SEE_LOGS,
		agent, why, agent);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gw_hold *h = arg;

	(void)fd;
	(void)what;
	h->over = true;
	h->run->handshake.given_up = true;
	h->on_over(h->run);
}

/* Without a timer it is over at once. */
static bool
begins_to_wait(struct gw_hold *h, int ms)
{
	const struct timeval limit = { ms / MS_PER_S, (long)(ms % MS_PER_S) * US_PER_MS };

	h->timer = evtimer_new(h->run->all->base, on_timer, h);
	if (h->timer != NULL && event_add(h->timer, &limit) == 0)
		return true;
	log_error("run %s: no timer: a request does not wait", h->run->id);
	return false;
}

/* It goes on without a server that has ended; who has waited for that says so. */
static int
bridge(const struct gw_hold *h, enum gw_api api, const char *missing, struct err *e)
{
	return h->over ? gw_audit_gap(h->run, api, missing, e) : 0;
}

int
gw_hold_ask(
	struct gw_hold *h, const struct gw_route *route, struct str head, struct err *e)
{
	struct gw_reg *r = h->run;
	CLEANUP(buf_fini) struct buf missing = BUF_INIT(MISSING_MAX);
	const enum pol_mode mode = mode_of(r, route);
	bool gap;

	if (mode == POL_OFF || gw_handshake_is_complete(&r->handshake, r->agent, head))
		return 0;
	gap = gw_handshake_has_gap(&r->handshake, r->agent, head);
	/* a client asks again at once when it is refused (claude 2.1.329, three times) */
	if (mode == POL_ENFORCE && !h->over && !r->handshake.given_up &&
		(h->timer != NULL || begins_to_wait(h, gap ? GW_GAP_MS : GW_CHECKIN_MS)))
		return 1;
	gw_handshake_put_missing(&r->handshake, r->agent, head, &missing);
	if (gap && mode == POL_ENFORCE)
		return bridge(h, route->api, buf_text(&missing), e);
	return refuse(r, route->api, buf_text(&missing), e);
}

void
gw_hold_fini(struct gw_hold *h)
{
	if (h->timer != NULL)
		event_free(h->timer);
	h->timer = NULL;
}

struct gw_offers *
gw_hold_wants_offers(struct gw_hold *h, const struct gw_route *route, struct str head)
{
	h->wants_offers = route->kind == GW_TO_CALL &&
			  mode_of(h->run, route) != POL_OFF &&
			  gw_handshake_wants_offers(
				  &h->run->handshake, h->run->agent, head);
	h->offers = (struct gw_offers){ .resumed = gw_handshake_is_resumed(head) };
	return h->wants_offers ? &h->offers : NULL;
}

int
gw_hold_offers(struct gw_hold *h, enum gw_api api, struct err *e)
{
	struct gw_reg *r = h->run;
	struct err why = ERR_INIT;

	if (!h->wants_offers)
		return 0;
	if (gw_handshake_check_offers(
		    &r->handshake, r->agent, r->policy, &h->offers, &why) < 0)
		return refuse(r, api, why.text, e);
	if (r->handshake.offers_seen && r->all->on_offered != NULL)
		r->all->on_offered(r, r->all->to);
	return 0;
}
