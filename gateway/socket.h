#ifndef GATEWAY_SOCKET_H
#define GATEWAY_SOCKET_H

/*
 * A WebSocket of a run's agent, and the one to the provider behind it: the sockets of
 * ws_relay.h. It is part of an exchange (conn.h), which decides and records.
 *
 *   DIAL -> SHAKE -> OPEN -> CLOSE      the provider has agreed before the client is answered,
 *     \-------\--> NO                   so that a client can still be told to use POST
 *
 * No total time limit. A provider that is silent is asked for a sign of life now and then
 * (a ping), and is gone when it gives none.
 */

#include "gateway/http.h"
#include "gateway/ws_relay.h"

enum {
	GW_SOCKET_SHAKE_S =
		60, /* for the provider's answer to the handshake, connecting too */
	GW_SOCKET_PING_S = 60, /* of silence */
	GW_SOCKET_PINGS = 5,   /* without an answer, then it is gone */
	GW_SOCKET_CLOSE_S = 10 /* for the last bytes to the provider */
};

struct event_base;
struct gw_socket;

struct gw_socket_setup {
	struct event_base *base;
	struct gw_req *q;  /* its own from now on, until on_no */
	const char *url;   /* of the provider's WebSocket, as https:// or http:// */
	struct str fields; /* "Name: value\n" lines that go to the provider */
	const struct gw_rules *rules; /* borrowed as long as it lives; message is set */
	const struct gw_sink *sink;
	struct gw_relay_calls calls;
	/* It did not come about: why; the request is the owner's again. */
	void (*on_no)(void *to, struct gw_req *q, const char *why);
	/* It is over, the request is gone. */
	void (*on_end)(void *to);
	void *to;
};

/* NULL: the request is no sound handshake, or nothing can be dialled; it stays the caller's. */
struct gw_socket *gw_socket_start(const struct gw_socket_setup *s, struct err *e);
/* Ends it when no answer is under way; s may be gone behind this. */
void gw_socket_drain(struct gw_socket *s);
/* Breaks off. Accepts NULL; also for after on_no and on_end, and from within them. */
void gw_socket_free(struct gw_socket *s);

#endif
