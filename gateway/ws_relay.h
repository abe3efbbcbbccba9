#ifndef GATEWAY_WS_RELAY_H
#define GATEWAY_WS_RELAY_H

/*
 * The Responses API over a WebSocket, under policy: what comes from an end goes through the
 * same enforcement as over HTTP and then to the other end. Pure: bytes of both ends in, bytes
 * for both ends out; who has the sockets is ws_conn.c.
 *
 *   client:   {"type":"response.create",...}  -> gw_request         -> provider
 *   provider: an event's JSON                 -> gw_stream_message  -> client
 *
 * (API guide "WebSocket mode"; codex 0.169.0.) One answer at a time: a request before the last
 * one is answered is refused, as a provider would have it wait. A request that is refused gets
 * an error event and the connection goes on; an answer that is refused ends it. Pings are
 * answered here, compression and fragments are each end's own matter.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway/enforce.h"
#include "gateway/ws.h"

/* What its owner does. */
struct gw_relay_calls {
	/*
	 * As gw_request, with all that is asked and recorded before a request goes on: 0: it
	 * goes on as it is. 1: instead of it, what is in out. -1: it does not.
	 */
	int (*request)(void *to, struct str text, struct buf *out, struct err *e);
	/* A message of an answer was decided; -1: that could not be recorded. */
	int (*told)(void *to, struct err *e);
	/* An answer has ended; well: as the provider ends one. */
	void (*answered)(void *to, bool well);
	void *to;
};

struct gw_relay_options {
	const struct gw_rules *rules; /* all three borrowed */
	const struct gw_sink *sink;
	const struct gw_relay_calls *calls;
	struct gw_ws_deflate client, provider; /* as agreed with each */
	void (*draw)(unsigned char *to, size_t n);
};

struct gw_relay;

struct gw_relay *gw_relay_new(const struct gw_relay_options *o);
void gw_relay_free(struct gw_relay *r);

/*
 * Bytes for the ends, added to. Ceilings: an answer's held messages come at once (down), a
 * request is bounded by GW_BODY_MAX (up).
 */
struct gw_relay_out {
	struct buf *up, *down;
};

/* Each end's bytes. True: both are closed when out is sent; nothing more is taken. */
bool gw_relay_client(struct gw_relay *r, struct str bytes, struct gw_relay_out *out);
bool gw_relay_provider(struct gw_relay *r, struct str bytes, struct gw_relay_out *out);
/* The provider has gone without a word; why, in words. */
void gw_relay_lost(struct gw_relay *r, const char *why, struct gw_relay_out *out);
/* It ends with the answer under way, or now: the client then connects to the new gateway. */
bool gw_relay_drain(struct gw_relay *r, struct gw_relay_out *out);
/* Nothing has come from the provider for a while. */
void gw_relay_ping(struct gw_relay *r, struct gw_relay_out *out);

#endif
