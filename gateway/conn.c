#include "gateway/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/conn_state.h"
#include "gateway/head.h"

static const char *const state_name[GW_STATES] = { "NEW", "READ", "ASK", "HOLD", "TELL",
	"SEND", "SOCKET", "WAIT", "STREAM", "WHOLE", "PASS", "REPLY", "REFUSE", "END",
	"CUT", "GONE" };

#define TO(s) (1u << (s))
static const unsigned int moves[GW_STATES] = {
	[GW_NEW] = TO(GW_READ),
	[GW_READ] = TO(GW_ASK) | TO(GW_GONE),
	[GW_ASK] = TO(GW_HOLD) | TO(GW_SOCKET) | TO(GW_TELL) | TO(GW_REFUSE),
	[GW_TELL] = TO(GW_SEND) | TO(GW_REPLY) | TO(GW_END) | TO(GW_CUT) | TO(GW_REFUSE) |
		    TO(GW_GONE),
	[GW_SEND] = TO(GW_WAIT) | TO(GW_REFUSE),
	[GW_SOCKET] = TO(GW_REFUSE) | TO(GW_GONE),
	[GW_HOLD] = TO(GW_ASK) | TO(GW_GONE),
	[GW_WAIT] = TO(GW_STREAM) | TO(GW_WHOLE) | TO(GW_PASS) | TO(GW_REFUSE) |
		    TO(GW_GONE),
	[GW_STREAM] = TO(GW_TELL) | TO(GW_END) | TO(GW_CUT) | TO(GW_GONE),
	[GW_WHOLE] = TO(GW_TELL) | TO(GW_REPLY) | TO(GW_REFUSE) | TO(GW_GONE),
	[GW_PASS] = TO(GW_END) | TO(GW_CUT) | TO(GW_GONE),
	[GW_REPLY] = TO(GW_GONE),
	[GW_REFUSE] = TO(GW_GONE),
	[GW_END] = TO(GW_GONE),
	[GW_CUT] = TO(GW_GONE),
};

static enum gw_state enter(struct gw_conn *c);

static void
conn_free(struct gw_conn *c)
{
	if (c->up != NULL)
		gw_up_cancel(c->up);
	gw_conn_untell(c);
	if (c->q != NULL)
		gw_http_cut(c->q);
	gw_socket_free(c->socket);
	gw_account_end(&c->account);
	gw_hold_fini(&c->hold);
	gw_stream_free(c->stream);
	gw_decoder_free(c->decoder);
	buf_fini(&c->changed);
	buf_fini(&c->head);
	buf_fini(&c->answer);
	buf_fini(&c->turn);
	buf_fini(&c->waiting);
	LIST_REMOVE(c, link);
	c->run->nconns--;
	c->run->nsockets -= c->route.socket;
	free(c);
}

void
gw_conn_go(struct gw_conn *c, enum gw_state to)
{
	while (to != c->state) {
		assert((moves[c->state] & TO(to)) != 0);
		log_debug("run %s: exchange: %s -> %s", c->run->id, state_name[c->state],
			state_name[to]);
		c->state = to;
		if (to == GW_GONE) {
			conn_free(c);
			return;
		}
		to = enter(c);
	}
}

enum gw_state
gw_conn_refuse(struct gw_conn *c, int status)
{
	c->refusal = status;
	return GW_REFUSE;
}

int
gw_conn_too_long(const struct buf *b, const char *what, struct err *e)
{
	if (!b->starved)
		return err_set(e, ERR_REFUSED,
			"pando-ai: %s is longer than the %zu bytes that the gateway takes",
			what, b->max);
	(void)quota_refuse(b->quota, e); /* answers -1, as we do */
	return err_wrap(e, "pando-ai: %s", what);
}

/* --- what the states do ------------------------------------------------------------ */

static enum gw_state
enter_refuse(struct gw_conn *c)
{
	const struct rec_who who = gw_reg_who(c->run);
	struct err e = ERR_INIT;
	/* a network that is down may come back; all else stays as it is */
	const struct gw_http_refusal r = { .api = c->route.api,
		.status = c->refusal,
		.text = c->e.text,
		.final = c->refusal != GW_STATUS_BAD_GATEWAY };

	if (!c->is_told || c->direction == NULL || strcmp(c->direction, "response") == 0)
		/* nothing goes on, so there is nothing to hold back if this fails */
		(void)gw_audit_refused(&c->run->log, &who, c->route.api, c->e.text, &e);
	c->account.refused = true;
	gw_http_refuse(c->q, &r);
	c->q = NULL;
	return GW_GONE;
}

static enum gw_state
enter_reply(struct gw_conn *c)
{
	gw_http_reply(c->q, c->status, buf_str(&c->head), buf_str(&c->answer));
	c->q = NULL;
	return GW_GONE;
}

static enum gw_state
enter(struct gw_conn *c)
{
	switch (c->state) {
	case GW_ASK:
		return gw_conn_ask(c);
	case GW_SEND:
		return gw_conn_send(c);
	case GW_STREAM:
		c->stream = gw_stream_new(c->route.api, &c->rules, &c->sink);
		gw_http_start(c->q, c->status, buf_str(&c->head));
		return GW_STREAM;
	case GW_PASS:
		gw_http_start(c->q, c->status, buf_str(&c->head));
		return GW_PASS;
	case GW_REPLY:
		return enter_reply(c);
	case GW_REFUSE:
		return enter_refuse(c);
	case GW_END:
		gw_http_end(c->q);
		c->q = NULL;
		return GW_GONE;
	case GW_CUT:
		/* what it was promised still reaches the client: on_drained goes on */
		return c->is_begun && gw_http_backlog(c->q) > 0 ? GW_CUT : GW_GONE;
	case GW_NEW:
	case GW_READ:
	case GW_HOLD:
	case GW_TELL:
	case GW_SOCKET:
	case GW_WAIT:
	case GW_WHOLE:
	case GW_GONE:
	case GW_STATES:
		break;
	}
	return c->state;
}

void
gw_conn_checked_in(struct gw_reg *run)
{
	for (struct gw_conn *c = LIST_FIRST(&run->conns), *next; c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == GW_HOLD)
			gw_conn_go(c, GW_ASK);
	}
}

bool
gw_conn_is_waiting(const struct gw_reg *run)
{
	const struct gw_conn *c;

	LIST_FOREACH(c, &run->conns, link)
	if (c->state == GW_HOLD)
		return true;
	return false;
}

void
gw_conn_drain(struct gw_reg *run)
{
	for (struct gw_conn *c = LIST_FIRST(&run->conns), *next; c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == GW_SOCKET)
			gw_socket_drain(c->socket);
	}
}

static void
on_drained(void *to)
{
	struct gw_conn *c = to;

	if (c->state == GW_CUT)
		gw_conn_go(c, GW_GONE);
	else
		gw_conn_drained(c);
}

static void
on_client_gone(void *to)
{
	struct gw_conn *c = to;

	c->q = NULL;
	gw_conn_go(c, GW_GONE);
}

static void
on_whole(void *to)
{
	gw_conn_go(to, GW_ASK);
}

void
gw_conn_start(struct gw_reg *run, struct gw_upstream *up, const struct gw_route *route,
	struct gw_req *q)
{
	struct gw_conn *c = mem_alloc(sizeof *c);

	c->run = run;
	c->upstream = up;
	c->route = *route;
	c->q = q;
	c->up_at = (size_t)(route->up.p - gw_http_target(q).p);
	c->watch = (struct gw_http_watch){ .on_whole = on_whole,
		.on_gone = on_client_gone,
		.on_drained = on_drained,
		.to = c };
	c->rules = (struct gw_rules){ .policy = run->policy,
		.agent = run->agent,
		.audit = pol_mode_of(run->policy, run->agent) == POL_AUDIT,
		.seen = &run->seen,
		.memory = &run->memory };
	c->sink = (struct gw_sink){ gw_conn_found, c };
	c->hold = (struct gw_hold){ .on_over = gw_conn_checked_in, .run = run };
	c->body = STR("");
	if (route->kind == GW_TO_CALL && !route->socket)
		gw_account_begin(&c->account, run, route->api, &c->rules);
	c->changed = (struct buf)BUF_IN(GW_CHANGED_MAX, &run->memory);
	c->head = (struct buf)BUF_INIT(GW_HEAD_MAX);
	c->turn = (struct buf)BUF_INIT(GW_HEAD_MAX);
	c->answer = (struct buf)BUF_IN(
		route->kind == GW_TO_ACCOUNT ? GW_ACCOUNT_MAX : GW_BODY_MAX,
		&run->memory);
	LIST_INSERT_HEAD(&run->conns, c, link);
	run->nconns++;
	run->nsockets += route->socket;
	gw_conn_go(c, GW_READ);
	gw_http_charge(q, &run->memory);
	gw_http_watch(q, &c->watch); /* c may be gone behind this */
}

void
gw_conn_abort(struct gw_conn *c)
{
	gw_conn_go(c, GW_GONE);
}
