#include "base/clock.h"
#include "gateway/conn_state.h"
#include "gateway/head.h"

/*
 * An exchange that has become a WebSocket: each request on it is decided and recorded as if it
 * had come by itself, with an account of its own.
 */

enum { OK = 200 };

static int
on_request(void *to, struct str text, struct buf *out, struct err *e)
{
	struct gw_conn *c = to;
	const int64_t begin = clock_mono_us();
	int got;

	c->direction = "request";
	c->changes = 0;
	/* what failed before has been told, and concerns that request or answer only */
	c->log_failed = c->has_found = c->must_log = false;
	c->e = (struct err)ERR_INIT;
	gw_account_begin(&c->account, c->run, c->route.api, &c->rules);
	got = gw_conn_decide(c, buf_str(&c->turn), text, out, e);
	got = gw_conn_record(c, got, begin, e);
	if (got >= 0 && gw_conn_check_log(c, e) < 0)
		got = -1;
	c->direction = "response";
	if (got < 0)
		gw_account_end(&c->account);
	else
		c->account.how = GW_BROKEN; /* until it ends otherwise */
	return got;
}

static int
on_told(void *to, struct err *e)
{
	struct gw_conn *c = to;

	if (c->account.head_us == 0)
		gw_account_head(&c->account, OK);
	return gw_conn_check_log(c, e);
}

static void
on_answered(void *to, bool well)
{
	struct gw_conn *c = to;

	c->account.how = well ? GW_ENDED : GW_FAILED;
	gw_account_end(&c->account);
}

/* The client may still use POST, as codex then does. */
static void
on_no(void *to, struct gw_req *q, const char *why)
{
	struct gw_conn *c = to;

	c->q = q;
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: no WebSocket to the provider at %s (%s): use POST and server-sent "
		"events",
		gw_reg_upstream(c->run, c->provider), why);
	gw_conn_go(c, gw_conn_refuse(c, GW_STATUS_UPGRADE));
}

static void
on_end(void *to)
{
	gw_conn_go(to, GW_GONE);
}

enum gw_state
gw_conn_socket(struct gw_conn *c, struct str head)
{
	static const char turn[] = "x-codex-turn-metadata";
	CLEANUP(buf_wipe) struct buf fields = BUF_INIT(GW_HEAD_MAX);
	CLEANUP(buf_fini) struct buf url = BUF_INIT(GW_CONN_URL_MAX);
	struct gw_socket_setup s = { .base = c->run->all->base,
		.q = c->q,
		.rules = &c->rules,
		.sink = &c->sink,
		.calls = { on_request, on_told, on_answered, c },
		.on_no = on_no,
		.on_end = on_end,
		.to = c };

	/* RFC 9110, 9.3.1: a GET has none, and its rest would be read as frames */
	if (gw_http_body(c->q).n > 0) {
		(void)err_set(&c->e, ERR_REFUSED,
			"pando-ai: a request for a WebSocket has no body");
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	}
	if (gw_head_count(head, turn) == 1)
		gw_head_put(&c->turn, str_of(turn), gw_head_get(head, turn));
	gw_conn_put_fields(c, head, &fields);
	gw_conn_put_url(c, &url);
	s.url = buf_text(&url);
	s.fields = buf_str(&fields);
	c->rules.message = true;
	if (fields.over || url.over)
		(void)err_set(&c->e, ERR_DATA, "the headers are too long");
	else
		c->socket = gw_socket_start(&s, &c->e);
	if (c->socket == NULL) {
		(void)err_wrap(&c->e, "pando-ai: no WebSocket"); /* answers -1 */
		return gw_conn_refuse(c, GW_STATUS_UPGRADE);
	}
	c->q = NULL;
	return GW_SOCKET;
}
