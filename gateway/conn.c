#include "gateway/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/account.h"
#include "gateway/audit.h"
#include "gateway/caller.h"
#include "gateway/coding.h"
#include "gateway/head.h"
#include "gateway/hold.h"
#include "gateway/serve.h"
#include "gateway/http.h"
#include "gateway/login.h"
#include "gateway/upstream.h"

enum { OUT_MAX = 2 * GW_BODY_MAX, URL_MAX = POL_URL_MAX + GW_FIELDS_MAX };

enum { STATUS_MOVED = 300, BAD_REQUEST = 400, STATUS_BAD_GATEWAY = 502 };

struct gw_conn {
	LIST_ENTRY(gw_conn) link;
	struct gw_reg *run;
	struct gw_upstream *upstream;
	struct gw_route route;
	enum pol_provider provider;
	enum gw_state state;
	enum gw_state
		then; /* where to go when the provider's transfer is gone; or GW_NEW */
	struct gw_req *q; /* NULL once answered, or the client has gone */
	struct gw_http_watch watch;
	size_t up_at; /* where route.up begins in the target, which may move */
	struct gw_hold hold;
	struct gw_up *up;
	struct gw_stream *stream;
	struct gw_decoder *decoder; /* of a compressed answer, or NULL */
	struct gw_rules rules;
	struct gw_sink sink;
	struct gw_account account; /* of a call of a model */
	const char *direction;
	size_t changes;
	struct str body;    /* of the request, as it goes on: of q, or */
	struct buf changed; /* what policy made of it */
	struct buf head;    /* of the answer, as it goes on */
	int status;
	struct buf answer; /* a JSON answer: as it came, then as it goes on */
	bool is_begun;     /* part of the answer's body has been sent */
	bool is_coded;     /* the body goes on with its Content-Encoding */
	bool paused;
	bool log_failed;
	bool must_log; /* something goes on that is not in the log yet */
	bool is_told;  /* the refusal is in the decision log already */
	int refusal;   /* its status */
	struct err e;  /* its text */
};

static const char *const state_name[GW_STATES] = { "NEW", "READ", "ASK", "HOLD", "WAIT",
	"STREAM", "WHOLE", "PASS", "REPLY", "REFUSE", "END", "CUT", "GONE" };

#define TO(s) (1u << (s))
static const unsigned int moves[GW_STATES] = {
	[GW_NEW] = TO(GW_READ),
	[GW_READ] = TO(GW_ASK) | TO(GW_GONE),
	[GW_ASK] = TO(GW_HOLD) | TO(GW_WAIT) | TO(GW_REFUSE),
	[GW_HOLD] = TO(GW_ASK) | TO(GW_GONE),
	[GW_WAIT] = TO(GW_STREAM) | TO(GW_WHOLE) | TO(GW_PASS) | TO(GW_REFUSE) |
		    TO(GW_GONE),
	[GW_STREAM] = TO(GW_END) | TO(GW_CUT) | TO(GW_GONE),
	[GW_WHOLE] = TO(GW_REPLY) | TO(GW_REFUSE) | TO(GW_GONE),
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
	if (c->q != NULL)
		gw_http_cut(c->q);
	gw_account_end(&c->account);
	gw_hold_fini(&c->hold);
	gw_stream_free(c->stream);
	gw_decoder_free(c->decoder);
	buf_fini(&c->changed);
	buf_fini(&c->head);
	buf_fini(&c->answer);
	LIST_REMOVE(c, link);
	c->run->nconns--;
	free(c);
}

/* The one door. After a move to GW_GONE the exchange is freed. */
static void
gw_go(struct gw_conn *c, enum gw_state to)
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

/* What is wrong with the exchange, for when it is refused. */
static enum gw_state
refuse(struct gw_conn *c, int status)
{
	c->refusal = status;
	return GW_REFUSE;
}

/* --- what policy found ------------------------------------------------------------ */

static void
on_found(void *to, const struct gw_finding *f)
{
	struct gw_conn *c = to;
	struct err e = ERR_INIT;

	gw_account_found(&c->account, f);
	if (strcmp(f->done, "stripped") == 0 || strcmp(f->done, "replaced") == 0)
		c->changes++;
	c->must_log = c->must_log || !gw_serve_is_withheld(f);
	if (c->log_failed ||
		gw_serve_found(c->run, c->route.api, c->direction, f, &e) == 0)
		return;
	c->log_failed = true;
	c->e = e;
}

/* -1 when a decision could not be recorded; the error says so, whatever it said before. */
static int
check_log(struct gw_conn *c, struct err *e)
{
	struct err unlogged = ERR_INIT;

	if (!c->log_failed && gw_audit_flush(c->run, &unlogged) < 0 && c->must_log) {
		c->log_failed = true;
		c->e = unlogged;
	}
	c->must_log = false;
	if (!c->log_failed)
		return 0;
	*e = c->e;
	return err_wrap(e, "pando-ai: stopped, since its decision could not be recorded");
}

/* --- the request ------------------------------------------------------------------ */

/* What is compressed is read, and goes on as it came unless policy changes it. */
static int
check_text(struct gw_conn *c, struct str head, struct str body, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_BODY_MAX);
	struct gw_codings codings;
	int got;

	if (gw_codings_read(&codings, head, e) < 0)
		return err_wrap(e, "pando-ai: the request");
	if (!c->route.post)
		return 0;
	if (codings.n > 0 && gw_decode(&codings, true, body, &text, e) < 0)
		return err_wrap(e, "pando-ai: the body of the request");
	c->is_coded = codings.n > 0;
	c->rules.offers = gw_hold_wants_offers(&c->hold, &c->route, head);
	got = gw_request(c->route.api, &c->rules, codings.n > 0 ? buf_str(&text) : body,
		&c->changed, &c->sink, e);
	return got < 0 || gw_hold_offers(&c->hold, c->route.api, e) < 0 ? -1 : got;
}

static int
check_body(struct gw_conn *c, struct str head, struct err *e)
{
	const int64_t begin = clock_mono_us();
	struct gw_audit_request said = { .api = c->route.api };
	struct err unlogged = ERR_INIT;
	const struct str body = gw_http_body(c->q);
	struct pol_decision why;
	int got = 0;

	if (body.n > GW_BODY_MAX)
		got = err_set(e, ERR_REFUSED,
			"pando-ai: the request has %zu bytes, the gateway takes at most %d",
			body.n, GW_BODY_MAX);
	else
		got = check_text(c, head, body, e);
	if (got > 0 && c->changed.over)
		got = err_set(e, ERR_REFUSED, "pando-ai: the request became too long");
	if (got >= 0 && gw_account_enter(&c->account, body.n, &why, e) < 0) {
		got = -1;
		said.why = &why;
	}
	c->body = body;
	if (got > 0) {
		c->body = buf_str(&c->changed);
		c->is_coded = false;
	}
	said.refusal = got < 0 ? e->text : NULL;
	said.changes = c->changes;
	said.elapsed_us = clock_mono_us() - begin;
	if (!c->log_failed && gw_audit_request(c->run, &said, &unlogged) < 0) {
		c->log_failed = true;
		c->e = got < 0 ? c->e : unlogged;
	}
	c->is_told = !c->log_failed;
	return got < 0 ? -1 : check_log(c, e);
}

static void
fields_up(const struct gw_conn *c, struct str head, struct buf *out)
{
	const struct str nominated = gw_head_get(head, "connection");
	struct str rest = head, name, value;

	while (gw_head_next(&rest, &name, &value))
		if (gw_head_goes_up(name, nominated) ||
			(c->is_coded && gw_head_lists(name, STR("content-encoding"))))
			gw_head_put(out, name, value);
}

static enum gw_up_took on_head(void *to, int status, struct str lines);
static enum gw_up_took on_body(void *to, struct str bytes);
static void on_done(void *to, const char *why);

static int
send_up(struct gw_conn *c, struct str head, struct err *e)
{
	CLEANUP(buf_wipe) struct buf fields = BUF_INIT(GW_HEAD_MAX);
	CLEANUP(buf_fini) struct buf url = BUF_INIT(URL_MAX);
	const struct gw_up_calls calls = { on_head, on_body, on_done, c };
	struct gw_up_request r = { .post = c->route.post, .body = c->body };

	fields_up(c, head, &fields);
	c->route.up.p = gw_http_target(c->q).p + c->up_at;
	gw_login_url(gw_reg_upstream(c->run, c->provider), c->provider, &c->route, &url);
	if (fields.over || url.over)
		return err_set(e, ERR_DATA, "pando-ai: the headers are too long");
	r.url = buf_text(&url);
	r.head = buf_str(&fields);
	c->up = gw_up_start(c->upstream, &r, &calls, e);
	return c->up == NULL ? err_wrap(e, "pando-ai: the provider cannot be asked") : 0;
}

static enum gw_state
enter_ask(struct gw_conn *c)
{
	const struct str head = gw_http_lines(c->q);
	int held;

	if (gw_login_of(&c->route, head, &c->provider, &c->e) < 0)
		return refuse(c, BAD_REQUEST);
	c->rules.body_fixed = c->rules.agent == POL_CLAUDE && gw_head_is_login(head);
	c->rules.caller = gw_caller_of(c->rules.agent, c->run->agent_version, head);
	c->direction = "request";
	held = gw_hold_ask(&c->hold, &c->route, head, &c->e);
	if (held > 0)
		return GW_HOLD;
	c->is_told = held < 0;
	if (held < 0 || check_body(c, head, &c->e) < 0 || send_up(c, head, &c->e) < 0)
		return refuse(c, BAD_REQUEST);
	if (c->body.p == c->changed.p)
		gw_http_drop(c->q);
	c->account.how = GW_BROKEN; /* until it ends otherwise */
	c->direction = "response";
	return GW_WAIT;
}

/* --- the answer ------------------------------------------------------------------- */

/* curl is at work: where to go is noted, on_done goes there. */
static enum gw_up_took
stop(struct gw_conn *c, enum gw_state then)
{
	c->then = then;
	return GW_UP_STOP;
}

/* An answer that could carry a call is inspected or refused, never passed unread. */
static enum gw_state
kind_of_answer(struct gw_conn *c, struct str head)
{
	const struct str type = gw_head_get(head, "content-type");
	char quoted[LOG_QUOTED_MAX];

	if (c->status >= BAD_REQUEST ||
		(c->route.kind == GW_TO_MODELS && c->status < STATUS_MOVED))
		return GW_PASS;
	if (c->status >= STATUS_MOVED) {
		(void)err_set(&c->e, ERR_GATEWAY,
			"pando-ai: the provider redirects (status %d), which is not followed: "
			"set its real address in [proxy] of %s",
			c->status,
			gw_settings_file(c->run->policy, "~/.pando/policy.toml"));
		return refuse(c, BAD_REQUEST);
	}
	if (gw_head_count(head, "content-type") == 1) {
		if (c->route.kind == GW_TO_CALL &&
			gw_head_is_media(type, "text/event-stream"))
			return GW_STREAM;
		if (gw_head_is_media(type, "application/json"))
			return c->route.kind == GW_TO_CALL ||
					       c->route.kind == GW_TO_ACCOUNT
				       ? GW_WHOLE
				       : GW_PASS;
	}
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: the provider answered with content of type \"%s\", which cannot be "
		"checked",
		log_quoted(type, quoted));
	return refuse(c, BAD_REQUEST);
}

/* It was asked for as it is, but some compress nevertheless: it goes on as it is. */
static int
begin_decoder(struct gw_conn *c, struct str head, uint64_t max)
{
	struct gw_codings codings;

	if (gw_codings_read(&codings, head, &c->e) < 0)
		return err_wrap(&c->e, "pando-ai: the provider's answer");
	if (codings.n > 0)
		c->decoder = gw_decoder_new(&codings, max, false);
	return 0;
}

static enum gw_up_took
on_head(void *to, int status, struct str lines)
{
	struct gw_conn *c = to;
	enum gw_state next;

	c->status = status;
	gw_account_head(&c->account, status);
	if (gw_up_has_sent(c->up)) {
		/* a stream may last for an hour; what was asked is not kept for that */
		gw_http_drop(c->q);
		buf_fini(&c->changed);
	}
	next = kind_of_answer(c, lines);
	if (status < BAD_REQUEST && next != GW_REFUSE &&
		begin_decoder(c, lines, next == GW_WHOLE ? GW_BODY_MAX : UINT64_MAX) < 0)
		next = refuse(c, BAD_REQUEST);
	if (next == GW_REFUSE)
		return stop(c, GW_REFUSE);
	gw_head_put_down(lines, c->decoder != NULL, &c->head);
	gw_go(c, next);
	return GW_UP_TOOK;
}

static void
send_down(struct gw_conn *c, struct str bytes)
{
	c->is_begun = c->is_begun || bytes.n > 0;
	gw_http_send(c->q, bytes);
}

/* In place of what was decided but could not be recorded. */
static void
send_error(struct gw_conn *c, const char *text)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(4 * ERR_TEXT_MAX + 1024);

	gw_refusal_event(c->route.api, text, &out);
	send_down(c, buf_str(&out));
}

static enum gw_up_took
filter(struct gw_conn *c, struct str bytes)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	struct err e = ERR_INIT;
	const int got = gw_stream_feed(c->stream, bytes, &out, &e);

	if (check_log(c, &e) < 0) {
		send_error(c, e.text);
		return stop(c, GW_END);
	}
	if (out.over)
		return stop(c, GW_CUT);
	send_down(c, buf_str(&out));
	return got < 0 ? stop(c, GW_END) : GW_UP_TOOK;
}

static enum gw_up_took
take(struct gw_conn *c, struct str bytes)
{
	if (c->state == GW_STREAM)
		return filter(c, bytes);
	if (c->state == GW_PASS) {
		send_down(c, bytes);
		return GW_UP_TOOK;
	}
	buf_put_str(&c->answer, bytes);
	if (!c->answer.over)
		return GW_UP_TOOK;
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: the answer is longer than the %zu bytes that the gateway takes",
		c->answer.max);
	return stop(c, refuse(c, BAD_REQUEST));
}

static enum gw_up_took
spoilt(struct gw_conn *c)
{
	(void)err_wrap(&c->e, "pando-ai: the provider's answer"); /* answers -1 */
	if (c->state == GW_WHOLE)
		return stop(c, refuse(c, BAD_REQUEST));
	if (c->state == GW_PASS)
		return stop(c, GW_CUT);
	send_error(c, c->e.text);
	return stop(c, GW_END);
}

/* Piece by piece, so that what little became of much is never there at a time. */
static enum gw_up_took
take_coded(struct gw_conn *c, struct str bytes)
{
	CLEANUP(buf_fini) struct buf piece = BUF_INIT(GW_DECODED_PIECE);
	enum gw_up_took took = GW_UP_TOOK;
	int got = 1;

	while (got > 0 && took == GW_UP_TOOK) {
		buf_reset(&piece);
		got = gw_decoder_feed(c->decoder, &bytes, &piece, &c->e);
		if (got >= 0 && piece.n > 0)
			took = take(c, buf_str(&piece));
	}
	return got < 0 ? spoilt(c) : took;
}

static enum gw_up_took
on_body(void *to, struct str bytes)
{
	struct gw_conn *c = to;

	if (c->then != GW_NEW)
		return GW_UP_STOP;
	if (c->state != GW_WHOLE && gw_http_backlog(c->q) > GW_BACKLOG_MAX) {
		c->paused = true;
		return GW_UP_PAUSE;
	}
	c->account.ticket.answered += bytes.n;
	return c->decoder != NULL ? take_coded(c, bytes) : take(c, bytes);
}

static void
on_drained(void *to)
{
	struct gw_conn *c = to;

	if (c->state == GW_CUT) {
		gw_go(c, GW_GONE);
		return;
	}
	if (!c->paused || c->up == NULL)
		return;
	c->paused = false;
	gw_up_resume(c->up); /* c may be gone behind this */
}

static enum gw_state
unreachable(struct gw_conn *c, const char *why)
{
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: no answer from the provider at %s: %s. Check the network and "
		"[proxy] in %s, then try again",
		gw_reg_upstream(c->run, c->provider), why,
		gw_settings_file(c->run->policy, "~/.pando/policy.toml"));
	return refuse(c, STATUS_BAD_GATEWAY);
}

static enum gw_state
end_of_stream(struct gw_conn *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	struct err e = ERR_INIT;
	/* -1 has put its error event into out, which is then a good end */
	const int got = gw_stream_end(c->stream, &out, &e);

	if (check_log(c, &e) < 0) {
		send_error(c, e.text);
		return GW_END;
	}
	if (out.over)
		return GW_CUT;
	send_down(c, buf_str(&out));
	return got < 0 && out.n == 0 ? GW_CUT : GW_END;
}

static enum gw_state
check_answer(struct gw_conn *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
	struct err e = ERR_INIT;
	int got = gw_answer(
		c->route.api, &c->rules, buf_str(&c->answer), &out, &c->sink, &e);

	if (got > 0 && out.over)
		got = err_set(&e, ERR_REFUSED, "pando-ai: the answer became too long");
	if (check_log(c, &e) < 0 || got < 0) {
		c->e = e;
		return refuse(c, BAD_REQUEST);
	}
	if (got > 0) {
		buf_fini(&c->answer);
		c->answer = out;
		out = (struct buf)BUF_INIT(0);
	}
	return GW_REPLY;
}

static enum gw_state
after(struct gw_conn *c, const char *why)
{
	if (c->state == GW_WAIT)
		c->account.how = GW_FAILED;
	else if (why == NULL)
		c->account.how = GW_ENDED;
	switch (c->state) {
	case GW_WAIT:
		return unreachable(c, why != NULL ? why : "it sent nothing");
	case GW_STREAM:
		return why != NULL ? GW_CUT : end_of_stream(c);
	case GW_WHOLE:
		if (why != NULL)
			return unreachable(c, why);
		return c->route.kind == GW_TO_ACCOUNT ? GW_REPLY : check_answer(c);
	case GW_PASS:
		return why != NULL ? GW_CUT : GW_END;
	case GW_NEW:
	case GW_READ:
	case GW_ASK:
	case GW_HOLD:
	case GW_REPLY:
	case GW_REFUSE:
	case GW_END:
	case GW_CUT:
	case GW_GONE:
	case GW_STATES:
		break;
	}
	return c->state; /* no transfer is under way in these */
}

static void
on_done(void *to, const char *why)
{
	struct gw_conn *c = to;
	struct err e = ERR_INIT;

	c->up = NULL;
	if (why == NULL && c->decoder != NULL && gw_decoder_end(c->decoder, &e) < 0)
		why = e.text;
	if (why != NULL)
		log_debug("run %s: the provider's transfer ended: %s", c->run->id, why);
	gw_go(c, c->then != GW_NEW ? c->then : after(c, why));
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
		.final = c->refusal != STATUS_BAD_GATEWAY };

	if (!c->is_told || c->direction == NULL || strcmp(c->direction, "response") == 0)
		/* nothing goes on, so there is nothing to hold back if this fails */
		(void)gw_audit_refused(&c->run->log, &who, c->route.api, c->e.text, &e);
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
		return enter_ask(c);
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
			gw_go(c, GW_ASK);
	}
}

static void
on_client_gone(void *to)
{
	struct gw_conn *c = to;

	c->q = NULL;
	gw_go(c, GW_GONE);
}

static void
on_whole(void *to)
{
	gw_go(to, GW_ASK);
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
		.seen = &run->seen };
	c->sink = (struct gw_sink){ on_found, c };
	c->hold = (struct gw_hold){ .on_over = gw_conn_checked_in, .run = run };
	c->body = STR("");
	if (route->kind == GW_TO_CALL)
		gw_account_begin(&c->account, run, route->api, &c->rules);
	c->changed = (struct buf)BUF_INIT(OUT_MAX);
	c->head = (struct buf)BUF_INIT(GW_HEAD_MAX);
	c->answer = (struct buf)BUF_INIT(
		route->kind == GW_TO_ACCOUNT ? GW_ACCOUNT_MAX : GW_BODY_MAX);
	LIST_INSERT_HEAD(&run->conns, c, link);
	run->nconns++;
	gw_go(c, GW_READ);
	gw_http_watch(q, &c->watch); /* c may be gone behind this */
}

void
gw_conn_abort(struct gw_conn *c)
{
	gw_go(c, GW_GONE);
}
