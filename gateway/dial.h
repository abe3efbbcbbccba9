#ifndef GATEWAY_DIAL_H
#define GATEWAY_DIAL_H

/*
 * A connection of bytes to a provider, for what is not a request and its answer (WebSocket).
 *
 * libcurl connects, through the person's proxy and with TLS where the address says https
 * (CURLOPT_CONNECT_ONLY); from then on bytes go both ways on the gateway's event loop. Each
 * connection has a multi handle of its own: libcurl would close an idle one of another's that
 * has something to read.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum { GW_DIAL_UNSENT_MAX = 80 << 20 }; /* two requests and what is around them, bytes */

struct event_base;
struct gw_dial;

/* None is called within a function of this header; after on_end it is freed. */
struct gw_dial_calls {
	void (*on_open)(void *to);
	void (*on_bytes)(void *to, struct str bytes);
	/* All that was sent is on its way. */
	void (*on_drained)(void *to);
	/* why: NULL, the other side has ended it; else it never opened, or broke. */
	void (*on_end)(void *to, const char *why);
	void *to;
};

/*
 * url: http:// or https://, whose path counts for nothing. unsent: where what waits to be sent is
 * counted; borrowed; or NULL.
 */
struct gw_dial *gw_dial_start(struct event_base *base, const char *url,
	const struct gw_dial_calls *calls, struct quota *unsent, struct err *e);
/* Copied as far as it is not taken at once. */
void gw_dial_send(struct gw_dial *d, struct str bytes);
size_t gw_dial_backlog(const struct gw_dial *d);
/* True: no on_bytes until it is false again. */
void gw_dial_hold(struct gw_dial *d, bool hold);
/*
 * What is unsent is lost, and not counted any more. Accepts NULL; may be called from a callback,
 * not from on_end.
 */
void gw_dial_close(struct gw_dial *d);

#endif
