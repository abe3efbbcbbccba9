#include "gateway/ws_relay.h"

#include <stdlib.h>

#include "base/jscan.h"

enum { ERROR_MAX = 2 * ERR_TEXT_MAX * 6 };

struct gw_relay {
	struct gw_relay_options o;
	struct gw_ws *client, *provider;
	struct gw_stream *stream; /* of the answer under way, or the last one */
	bool answering;
	bool draining;
	bool closed;
};

struct gw_relay *
gw_relay_new(const struct gw_relay_options *o)
{
	struct gw_relay *r = mem_alloc(sizeof *r);
	struct gw_ws_options ws = { .draw = o->draw, .memory = o->rules->memory };

	r->o = *o;
	ws.role = GW_WS_SERVER;
	ws.deflate = o->client;
	ws.message_max = GW_BODY_MAX;
	ws.plain = true; /* on this machine, packing costs more than it saves */
	r->client = gw_ws_new(&ws);
	ws.role = GW_WS_CLIENT;
	ws.deflate = o->provider;
	ws.message_max = GW_EVENT_MAX;
	ws.plain = false;
	r->provider = gw_ws_new(&ws);
	r->stream = gw_stream_new_messages(o->rules, o->sink);
	return r;
}

void
gw_relay_free(struct gw_relay *r)
{
	if (r == NULL)
		return;
	gw_ws_free(r->client);
	gw_ws_free(r->provider);
	gw_stream_free(r->stream);
	free(r);
}

static void
over(struct gw_relay *r, bool well)
{
	if (!r->answering)
		return;
	r->answering = false;
	r->o.calls->answered(r->o.calls->to, well);
}

/* Says it to both ends; the client is told more, since it is a person's. */
static void
close_both(struct gw_relay *r, int code, const char *why, struct gw_relay_out *out)
{
	if (r->closed)
		return;
	r->closed = true;
	over(r, false);
	gw_ws_put_close(r->client, code, str_of(why), out->down);
	gw_ws_put_close(r->provider, GW_WS_NORMAL, STR(""), out->up);
}

/*
 * codex shows the message of the one and ends; the other makes it ask again with its whole
 * input, which is what an answer needs behind it that policy has changed.
 */
static const char final[] = "invalid_prompt", not_found[] = "previous_response_not_found";

/* As a provider says that it does not take a request ("WebSocket mode", errors). */
static void
put_refusal(
	struct gw_relay *r, const char *code, const char *text, struct gw_relay_out *out)
{
	CLEANUP(buf_fini) struct buf event = BUF_INIT(ERROR_MAX);

	buf_printf(&event,
		"{\"type\":\"error\",\"status\":400,\"error\":{\"type\":"
		"\"invalid_request_error\",\"code\":\"%s\",\"message\":",
		code);
	buf_put_json(&event, str_of(text));
	buf_puts(&event, "}}");
	gw_ws_put(r->client, GW_WS_TEXT, buf_str(&event), out->down);
}

/* --- the client's ------------------------------------------------------------------ */

/* Of a request that is refused. */
static bool
stands_on_unseen(const struct gw_relay *r, struct str text)
{
	struct js_field previous = JS_FIELD("previous_response_id");
	const struct js *id = &previous.m.val;
	struct err e = ERR_INIT;
	struct js root;

	return js_check(text, &root, &e) == 0 && root.type == JS_OBJECT &&
	       js_fields(root, &previous, 1, &e) == 0 && id->type == JS_STRING &&
	       !gw_seen_has(r->o.rules->seen, js_inside(*id));
}

static void
take_request(struct gw_relay *r, struct str text, struct gw_relay_out *out)
{
	CLEANUP(buf_fini) struct buf instead = BUF_INIT(GW_BODY_MAX);
	const struct gw_relay_calls *c = r->o.calls;
	struct err e = ERR_INIT;
	int got;

	if (r->answering)
		got = err_set(&e, ERR_REFUSED,
			"[pando-ai] refused the request: the last one on this connection is "
			"still being answered: ask one after the other");
	else
		got = c->request(c->to, text, &instead, &e);
	if (got < 0) {
		put_refusal(
			r, stands_on_unseen(r, text) ? not_found : final, e.text, out);
		return;
	}
	gw_stream_free(r->stream);
	r->stream = gw_stream_new_messages(r->o.rules, r->o.sink);
	r->answering = true;
	gw_ws_put(r->provider, GW_WS_TEXT, got > 0 ? buf_str(&instead) : text, out->up);
}

/* --- the provider's ---------------------------------------------------------------- */

static void
end_drained(struct gw_relay *r, struct gw_relay_out *out)
{
	if (r->draining && !r->answering)
		close_both(r, GW_WS_GOING_AWAY, "pando-ai: another gateway goes on", out);
}

bool
gw_relay_drain(struct gw_relay *r, struct gw_relay_out *out)
{
	r->draining = true;
	end_drained(r, out);
	return r->closed;
}

static void
put_messages(struct gw_relay *r, const struct buf *checked, struct gw_relay_out *out)
{
	struct str rest = buf_str(checked), one;

	while (gw_message_next(&rest, &one))
		gw_ws_put(r->client, GW_WS_TEXT, one, out->down);
}

static void
take_event(struct gw_relay *r, struct str text, struct gw_relay_out *out)
{
	CLEANUP(buf_fini) struct buf checked = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	const struct gw_relay_calls *c = r->o.calls;
	struct err e = ERR_INIT;
	const int got = gw_stream_message(r->stream, text, &checked, &e);

	if (c->told(c->to, &e) < 0) {
		put_refusal(r, final, e.text, out);
		close_both(r, GW_WS_UNEXPECTED, "pando-ai: a decision was not recorded",
			out);
		return;
	}
	put_messages(r, &checked, out);
	if (got < 0)
		close_both(r, GW_WS_POLICY, "pando-ai: the answer was refused", out);
	else if (r->answering && gw_stream_is_over(r->stream))
		over(r, true);
	end_drained(r, out);
}

static void
take_close(struct gw_relay *r, const struct gw_ws_message *m, struct gw_relay_out *out)
{
	char reason[GW_WS_CONTROL_MAX];

	gw_relay_lost(r, NULL, out);
	if (r->closed)
		return;
	memcpy(reason, m->data.p, m->data.n);
	reason[m->data.n] = '\0';
	close_both(r, m->code, reason, out);
}

/* --- both --------------------------------------------------------------------------- */

static void
take(struct gw_relay *r, bool from_client, const struct gw_ws_message *m,
	struct gw_relay_out *out)
{
	switch (m->kind) {
	case GW_WS_TEXT:
		if (from_client)
			take_request(r, m->data, out);
		else
			take_event(r, m->data, out);
		break;
	case GW_WS_BINARY:
		close_both(r, GW_WS_NO_BINARY,
			from_client
				? "pando-ai: only text messages are taken"
				: "pando-ai: the provider sent a binary message, which "
				  "cannot be checked",
			out);
		break;
	case GW_WS_PING:
		gw_ws_put(from_client ? r->client : r->provider, GW_WS_PONG, m->data,
			from_client ? out->down : out->up);
		break;
	case GW_WS_CLOSE:
		if (from_client)
			close_both(r, m->code, "", out);
		else
			take_close(r, m, out);
		break;
	case GW_WS_PONG:
	case GW_WS_KINDS:
		break;
	}
}

static bool
take_all(struct gw_relay *r, bool from_client, struct str bytes, struct gw_relay_out *out)
{
	struct gw_ws_message m;
	struct err e = ERR_INIT;
	int got = 1;

	while (got > 0 && !r->closed) {
		got = gw_ws_next(from_client ? r->client : r->provider, &bytes, &m, &e);
		if (got > 0)
			take(r, from_client, &m, out);
	}
	if (got < 0 && from_client)
		close_both(r, m.code, e.text, out);
	else if (got < 0)
		gw_relay_lost(r, e.text, out);
	return r->closed;
}

bool
gw_relay_client(struct gw_relay *r, struct str bytes, struct gw_relay_out *out)
{
	return take_all(r, true, bytes, out);
}

bool
gw_relay_provider(struct gw_relay *r, struct str bytes, struct gw_relay_out *out)
{
	return take_all(r, false, bytes, out);
}

/* What is held and undecided stays here; the client is told that it is missing. */
void
gw_relay_lost(struct gw_relay *r, const char *why, struct gw_relay_out *out)
{
	CLEANUP(buf_fini) struct buf last = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	const struct gw_relay_calls *c = r->o.calls;
	struct err e = ERR_INIT;

	if (r->closed)
		return;
	if (r->answering && gw_stream_end(r->stream, &last, &e) < 0 &&
		c->told(c->to, &e) == 0)
		put_messages(r, &last, out);
	if (why != NULL)
		close_both(r, GW_WS_UNEXPECTED, why, out);
}

void
gw_relay_ping(struct gw_relay *r, struct gw_relay_out *out)
{
	if (!r->closed)
		gw_ws_put(r->provider, GW_WS_PING, STR(""), out->up);
}
