#include "gateway/socket.h"

#include <assert.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/dial.h"
#include "gateway/h1.h"
#include "gateway/head.h"
#include "gateway/ws_shake.h"
#include "policy/upstream.h"

enum { AGREED_MAX = 256 }; /* bytes */

enum { SWITCHING = 101, OUT_MAX = GW_HELD_MAX + 2 * GW_EVENT_MAX + GW_BODY_MAX };

enum state { DIAL, SHAKE, OPEN, CLOSE, NO, STATES };

struct gw_socket {
	enum state state;
	struct gw_socket_setup o;
	struct gw_http_watch watch;
	struct gw_req *q; /* NULL: it has gone, or is the owner's again */
	struct gw_dial *dial;
	struct quota unsent; /* to the provider, as gateway/http.h says of it */
	struct gw_relay *relay;
	struct event *timer;
	bool draining;
	int silent;        /* ticks of the timer without a byte from the provider */
	struct buf ask;    /* the handshake with the provider */
	struct buf answer; /* and what came, until its head is whole */
	struct h1 head;
	char key[GW_WS_KEY_TEXT];
	struct gw_ws_deflate client;
	struct buf agreed; /* our answer about compression to the client */
	char accept[GW_WS_ACCEPT_TEXT];
};

static const char *const state_name[STATES] = { "DIAL", "SHAKE", "OPEN", "CLOSE", "NO" };

#define TO(s) (1u << (s))
static const unsigned int moves[STATES] = {
	[DIAL] = TO(SHAKE) | TO(NO),
	[SHAKE] = TO(OPEN) | TO(NO),
	[OPEN] = TO(CLOSE),
};

static void
go(struct gw_socket *s, enum state to)
{
	assert((moves[s->state] & TO(to)) != 0);
	log_debug("websocket: %s -> %s", state_name[s->state], state_name[to]);
	s->state = to;
}

/* The masks of what goes to the provider (RFC 6455, 10.3). */
static void
draw(unsigned char *to, size_t n)
{
	if (RAND_bytes(to, (int)n) != 1)
		memset(to, 0, n); /* a mask guards no secret: all goes through TLS */
}

static void
wait_for(struct gw_socket *s, int seconds)
{
	const struct timeval tv = { seconds, 0 };

	(void)event_add(s->timer, &tv); /* without it, it waits longer */
}

void
gw_socket_free(struct gw_socket *s)
{
	if (s == NULL)
		return;
	if (s->q != NULL)
		gw_http_cut(s->q);
	gw_dial_close(s->dial);
	gw_relay_free(s->relay);
	if (s->timer != NULL)
		event_free(s->timer);
	buf_wipe(&s->ask);
	buf_fini(&s->answer);
	buf_fini(&s->agreed);
	free(s);
}

/* s is gone behind this. */
static void
refuse(struct gw_socket *s, const char *why)
{
	struct gw_req *q = s->q;

	go(s, NO);
	s->q = NULL;
	s->o.on_no(s->o.to, q, why);
}

/* --- once it is open -------------------------------------------------------------- */

/* The provider has yet to get our last bytes; then s is gone. */
static void
settle(struct gw_socket *s)
{
	if (s->q != NULL)
		gw_http_end(s->q);
	s->q = NULL;
	if (s->state != CLOSE)
		go(s, CLOSE);
	if (s->dial != NULL && gw_dial_backlog(s->dial) > 0)
		wait_for(s, GW_SOCKET_CLOSE_S);
	else
		s->o.on_end(s->o.to);
}

/* What the relay made goes on its way; s may be gone behind this. */
static void
send_on(struct gw_socket *s, struct gw_relay_out *out, bool closed)
{
	if (out->down->over || out->up->over) {
		/* part of a frame is no message: both ends see a broken connection */
		gw_http_cut(s->q);
		s->q = NULL;
		gw_dial_close(s->dial);
		s->dial = NULL;
		settle(s);
		return;
	}
	if (out->down->n > 0)
		gw_http_send(s->q, buf_str(out->down));
	if (out->up->n > 0 && s->dial != NULL)
		gw_dial_send(s->dial, buf_str(out->up));
	if (closed)
		settle(s);
	else if (gw_http_backlog(s->q) > GW_BACKLOG_MAX)
		gw_dial_hold(s->dial, true);
}

static void
relay(struct gw_socket *s, bool from_client, struct str bytes)
{
	CLEANUP(buf_fini) struct buf up = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf down = BUF_INIT(OUT_MAX);
	struct gw_relay_out out = { &up, &down };
	const bool closed = from_client ? gw_relay_client(s->relay, bytes, &out)
					: gw_relay_provider(s->relay, bytes, &out);

	send_on(s, &out, closed);
}

static void
lose(struct gw_socket *s, const char *why)
{
	CLEANUP(buf_fini) struct buf up = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf down = BUF_INIT(OUT_MAX);
	struct gw_relay_out out = { &up, &down };

	gw_relay_lost(s->relay, why, &out);
	send_on(s, &out, true);
}

static void
on_client_bytes(void *to, struct str bytes)
{
	struct gw_socket *s = to;

	if (s->state == OPEN)
		relay(s, true, bytes);
}

static void
on_client_drained(void *to)
{
	struct gw_socket *s = to;

	if (s->state == OPEN && gw_http_backlog(s->q) <= GW_BACKLOG_MAX)
		gw_dial_hold(s->dial, false);
}

static void
on_client_gone(void *to)
{
	struct gw_socket *s = to;

	s->q = NULL;
	s->o.on_end(s->o.to);
}

/* --- the handshake with the provider ------------------------------------------------ */

static bool
is_of_handshake(struct str name)
{
	static const char *const names[] = { "sec-websocket-key", "sec-websocket-accept",
		"sec-websocket-version", "sec-websocket-extensions",
		"sec-websocket-protocol" };

	for (size_t i = 0; i < LEN(names); i++)
		if (gw_head_lists(name, str_of(names[i])))
			return true;
	return false;
}

static int
put_ask(struct gw_socket *s, const struct gw_socket_setup *o, struct err *e)
{
	unsigned char nonce[GW_WS_NONCE];
	struct str rest = o->fields, name, value;
	struct upstream_at at;

	if (RAND_bytes(nonce, sizeof nonce) != 1)
		return err_set(e, ERR_SYS, "there is no randomness for a key");
	gw_ws_key(nonce, s->key);
	if (!upstream_split(str_of(o->url), &at))
		return err_set(e, ERR_DATA, "the provider's address is none");
	buf_printf(&s->ask, "GET " STR_FMT " HTTP/1.1\r\nHost: " STR_FMT "\r\n",
		STR_ARG(at.path), STR_ARG(at.authority));
	buf_printf(&s->ask,
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
		s->key);
	if (s->client.on)
		buf_puts(&s->ask, "Sec-WebSocket-Extensions: " GW_WS_OFFER "\r\n");
	while (gw_head_next(&rest, &name, &value))
		if (!is_of_handshake(name))
			buf_printf(&s->ask, STR_FMT ": " STR_FMT "\r\n", STR_ARG(name),
				STR_ARG(value));
	buf_puts(&s->ask, "\r\n");
	return s->ask.over ? err_set(e, ERR_DATA, "the headers are too long") : 0;
}

/* What the client may know of the provider's answer, and ours. */
static void
put_fields_down(const struct gw_socket *s, struct str head, struct buf *out)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HEAD_MAX);
	const struct str nominated = gw_head_list(head, "connection", &room);
	struct str name, value;

	gw_head_put(out, STR("Upgrade"), STR("websocket"));
	gw_head_put(out, STR("Sec-WebSocket-Accept"), str_of(s->accept));
	if (s->client.on)
		gw_head_put(out, STR("Sec-WebSocket-Extensions"), buf_str(&s->agreed));
	while (gw_head_next(&head, &name, &value))
		if (gw_head_goes_down(name, nominated) && !is_of_handshake(name))
			gw_head_put(out, name, value);
}

static void
open_both(struct gw_socket *s, const struct gw_ws_deflate *provider)
{
	CLEANUP(buf_fini) struct buf fields = BUF_INIT(GW_HEAD_MAX);
	const struct gw_relay_options o = { .rules = s->o.rules,
		.sink = s->o.sink,
		.calls = &s->o.calls,
		.client = s->client,
		.provider = *provider,
		.draw = draw };

	go(s, OPEN);
	s->relay = gw_relay_new(&o);
	put_fields_down(s, s->head.lines, &fields);
	gw_http_switch(s->q, buf_str(&fields));
	wait_for(s, GW_SOCKET_PING_S);
}

void
gw_socket_drain(struct gw_socket *s)
{
	CLEANUP(buf_fini) struct buf up = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf down = BUF_INIT(OUT_MAX);
	struct gw_relay_out out = { &up, &down };

	s->draining = true;
	if (s->state == OPEN)
		send_on(s, &out, gw_relay_drain(s->relay, &out));
}

/* s may be gone behind this. */
static void
take_answer(struct gw_socket *s, struct str bytes)
{
	struct gw_ws_deflate provider;
	struct err e = ERR_INIT;
	enum h1_got got;

	buf_put_str(&s->answer, bytes);
	got = h1_head(&s->head, buf_str(&s->answer));
	if (got == H1_MORE && !s->answer.over)
		return;
	if (got != H1_DONE)
		(void)err_set(&e, ERR_GATEWAY, "its answer is not HTTP: %s",
			got == H1_BAD ? s->head.why : "its head is too long");
	else if (s->head.status != SWITCHING)
		(void)err_set(
			&e, ERR_GATEWAY, "it answered with status %d", s->head.status);
	else if (gw_ws_answered(s->head.lines, s->key, &provider, &e) == 0) {
		struct str more = str_skip(buf_str(&s->answer), s->head.size);

		open_both(s, &provider);
		if (s->draining)
			gw_socket_drain(s);
		else if (more.n > 0)
			relay(s, false, more);
		return;
	}
	refuse(s, e.text);
}

static void
on_open(void *to)
{
	struct gw_socket *s = to;

	go(s, SHAKE);
	gw_dial_send(s->dial, buf_str(&s->ask));
	buf_wipe(&s->ask);
}

static void
on_bytes(void *to, struct str bytes)
{
	struct gw_socket *s = to;

	s->silent = 0;
	if (s->state == SHAKE)
		take_answer(s, bytes);
	else if (s->state == OPEN)
		relay(s, false, bytes);
}

static void
on_sent(void *to)
{
	struct gw_socket *s = to;

	if (s->state == CLOSE)
		s->o.on_end(s->o.to);
}

static void
on_dial_end(void *to, const char *why)
{
	struct gw_socket *s = to;

	s->dial = NULL;
	if (s->state == DIAL || s->state == SHAKE)
		refuse(s, why != NULL ? why : "it ended the connection");
	else if (s->state == OPEN)
		lose(s, "the provider's connection ended");
	else
		s->o.on_end(s->o.to);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gw_socket *s = arg;

	(void)fd;
	(void)what;
	if (s->state == DIAL || s->state == SHAKE) {
		refuse(s, "it did not answer in time");
		return;
	}
	if (s->state != OPEN) {
		s->o.on_end(s->o.to);
		return;
	}
	if (gw_http_backlog(s->q) > GW_BACKLOG_MAX)
		s->silent = 0; /* nobody listens to it now */
	if (s->silent++ >= GW_SOCKET_PINGS) {
		lose(s, "the provider is silent");
		return;
	}
	wait_for(s, GW_SOCKET_PING_S);
	if (s->silent > 1) {
		CLEANUP(buf_fini) struct buf up = BUF_INIT(GW_WS_HEAD_MAX);
		CLEANUP(buf_fini) struct buf down = BUF_INIT(0);
		struct gw_relay_out out = { &up, &down };

		gw_relay_ping(s->relay, &out);
		send_on(s, &out, false);
	}
}

static void
choose(struct gw_socket *s, struct str fields)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HEAD_MAX);

	gw_ws_choose(gw_head_list(fields, "sec-websocket-extensions", &room), &s->client,
		&s->agreed);
}

struct gw_socket *
gw_socket_start(const struct gw_socket_setup *o, struct err *e)
{
	struct gw_socket *s = mem_alloc(sizeof *s);
	const struct gw_dial_calls calls = { on_open, on_bytes, on_sent, on_dial_end, s };
	const struct str asked = gw_http_lines(o->q);
	struct str key;

	s->o = *o;
	s->watch = (struct gw_http_watch){ .on_gone = on_client_gone,
		.on_drained = on_client_drained,
		.on_bytes = on_client_bytes,
		.to = s };
	s->unsent = (struct quota){ .of = o->rules->memory, .owes = true };
	s->ask = (struct buf)BUF_INIT(GW_HEAD_MAX);
	s->answer = (struct buf)BUF_INIT(H1_HEAD_MAX + (64 << 10));
	s->agreed = (struct buf)BUF_INIT(AGREED_MAX);
	h1_answer_init(&s->head, false);
	s->timer = event_new(o->base, -1, 0, on_timer, s);
	if (s->timer != NULL && gw_ws_asked(asked, &key, e) == 0) {
		gw_ws_accept(key, s->accept);
		choose(s, asked);
		if (put_ask(s, o, e) == 0)
			s->dial = gw_dial_start(o->base, o->url, &calls, &s->unsent, e);
	}
	if (s->dial == NULL) {
		gw_socket_free(s);
		return NULL;
	}
	s->q = o->q;
	gw_http_watch(s->q, &s->watch);
	wait_for(s, GW_SOCKET_SHAKE_S);
	return s;
}
