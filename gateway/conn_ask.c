#include "base/clock.h"
#include "gateway/audit.h"
#include "gateway/caller.h"
#include "gateway/conn_state.h"
#include "gateway/head.h"
#include "gateway/login.h"

int
gw_conn_decide(struct gw_conn *c, struct str head, struct str text, struct buf *out,
	struct err *e)
{
	int got;

	c->limit = (struct pol_decision){ .rule = NULL };
	c->rules.offers = gw_hold_wants_offers(&c->hold, &c->route, head);
	got = gw_request(c->route.api, &c->rules, text, out, &c->sink, e);
	if (got > 0 && out->over)
		got = gw_conn_too_long(out, "what became of the request", e);
	if (got < 0 || gw_hold_offers(&c->hold, c->route.api, e) < 0)
		return -1;
	/* here, since it looks into the text */
	return gw_account_enter(&c->account, text.n, &c->limit, e) < 0 ? -1 : got;
}

int
gw_conn_record(struct gw_conn *c, int got, int64_t begin_us, struct err *e)
{
	const struct gw_audit_request said = { .api = c->route.api,
		.refusal = got < 0 ? e->text : NULL,
		.why = c->limit.rule != NULL ? &c->limit : NULL,
		.changes = c->changes,
		.elapsed_us = clock_mono_us() - begin_us };
	struct err unlogged = ERR_INIT;

	gw_conn_begin_found(c);
	c->must_log = c->must_log || got >= 0;
	if (!c->log_failed && gw_audit_request(c->run, &said, &unlogged) < 0) {
		c->log_failed = true;
		c->e = got < 0 ? c->e : unlogged;
	}
	if (got < 0 && !c->log_failed)
		c->log_failed = gw_audit_flush(c->run, &unlogged) < 0;
	c->is_told = !c->log_failed;
	return got;
}

/* What is compressed is read, and goes on as it came unless policy changes it. */
static int
check_text(struct gw_conn *c, struct str head, struct str body, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_BODY_MAX);
	struct gw_codings codings;

	if (gw_codings_read(&codings, head, e) < 0)
		return err_wrap(e, "pando-ai: the request");
	if (!c->route.post)
		return 0;
	if (codings.n > 0 && gw_decode(&codings, true, body, &text, e) < 0)
		return err_wrap(e, "pando-ai: the body of the request");
	c->is_coded = codings.n > 0;
	return gw_conn_decide(
		c, head, codings.n > 0 ? buf_str(&text) : body, &c->changed, e);
}

static int
check_body(struct gw_conn *c, struct str head, struct err *e)
{
	const int64_t begin = clock_mono_us();
	const struct str body = gw_http_body(c->q);
	int got;

	if (body.n > GW_BODY_MAX)
		got = err_set(e, ERR_REFUSED,
			"pando-ai: the request has %zu bytes, the gateway takes at most %d",
			body.n, GW_BODY_MAX);
	else
		got = check_text(c, head, body, e);
	got = gw_conn_record(c, got, begin, e);
	c->body = body;
	if (got > 0) {
		c->body = buf_str(&c->changed);
		c->is_coded = false;
	}
	return got;
}

void
gw_conn_put_fields(const struct gw_conn *c, struct str head, struct buf *out)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HEAD_MAX);
	const struct str nominated = gw_head_list(head, "connection", &room);
	struct str rest = head, name, value;

	while (gw_head_next(&rest, &name, &value))
		if (gw_head_goes_up(name, nominated) ||
			(c->is_coded && gw_head_lists(name, STR("content-encoding"))))
			gw_head_put(out, name, value);
}

void
gw_conn_put_url(struct gw_conn *c, struct buf *url)
{
	c->route.up.p = gw_http_target(c->q).p + c->up_at;
	gw_login_url(gw_reg_upstream(c->run, c->provider), c->provider, &c->route, url);
}

static int
send_up(struct gw_conn *c, struct str head, struct err *e)
{
	CLEANUP(buf_wipe) struct buf fields = BUF_INIT(GW_HEAD_MAX);
	CLEANUP(buf_fini) struct buf url = BUF_INIT(GW_CONN_URL_MAX);
	const struct gw_up_calls calls = gw_conn_calls(c);
	struct gw_up_request r = { .post = c->route.post, .body = c->body };

	gw_conn_put_fields(c, head, &fields);
	gw_conn_put_url(c, &url);
	if (fields.over || url.over)
		return err_set(e, ERR_DATA, "pando-ai: the headers are too long");
	r.url = buf_text(&url);
	r.head = buf_str(&fields);
	c->up = gw_up_start(c->upstream, &r, &calls, e);
	return c->up == NULL ? err_wrap(e, "pando-ai: the provider cannot be asked") : 0;
}

void
gw_conn_forget_sent(struct gw_conn *c)
{
	if (!gw_up_has_sent(c->up))
		return;
	gw_http_drop(c->q);
	buf_fini(&c->changed);
	c->body = STR("");
}

enum gw_state
gw_conn_ask(struct gw_conn *c)
{
	const struct str head = gw_http_lines(c->q);
	int held;

	if (gw_login_of(&c->route, head, &c->provider, &c->e) < 0)
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	c->rules.body_fixed = c->rules.agent == POL_CLAUDE && gw_head_is_login(head);
	c->rules.caller = gw_caller_of(c->rules.agent, c->run->agent_version, head);
	c->direction = "request";
	held = gw_hold_ask(&c->hold, &c->route, head, &c->e);
	if (held > 0)
		return GW_HOLD;
	c->is_told = held < 0;
	if (held == 0 && c->route.socket)
		return gw_conn_socket(c, head);
	if (held < 0 || check_body(c, head, &c->e) < 0)
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	return gw_conn_tell(c, GW_SEND);
}

enum gw_state
gw_conn_send(struct gw_conn *c)
{
	if (send_up(c, gw_http_lines(c->q), &c->e) < 0)
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	if (c->body.p == c->changed.p)
		gw_http_drop(c->q);
	gw_conn_forget_sent(c);
	c->account.how = GW_BROKEN; /* until it ends otherwise */
	c->direction = "response";
	return GW_WAIT;
}
