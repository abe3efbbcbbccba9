#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

/*
 * Requests to the provider: libcurl's multi interface on the gateway's event loop.
 *
 * TLS is verified, redirects are not followed, proxies come from the environment (never for
 * a loopback provider). There is no total timeout: a connect timeout and one between bytes.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	GW_CONNECT_S = 20,
	GW_IDLE_S = 600, /* no byte from the provider for so long: it is gone */
	GW_KEPT_MAX = 32 /* idle connections kept open */
};

struct event_base;
struct gw_upstream; /* all transfers, and the connections they share */
struct gw_up;       /* one transfer */

enum gw_up_took { GW_UP_TOOK, GW_UP_PAUSE, GW_UP_STOP };

/*
 * head and body are called while curl works: they must not cancel the transfer but answer
 * GW_UP_STOP. done is the last call, the transfer is then gone: why is NULL when all came,
 * else the reason in words (also after a GW_UP_STOP).
 */
struct gw_up_calls {
	enum gw_up_took (*head)(void *to, int status, struct str lines);
	/* After GW_UP_PAUSE the same bytes come again. */
	enum gw_up_took (*body)(void *to, struct str bytes);
	void (*done)(void *to, const char *why);
	void *to;
};

struct gw_up_request {
	const char *url;
	bool post;
	struct str head; /* "Name: value\n" lines; copied */
	struct str body; /* borrowed until done */
};

struct gw_upstream *gw_upstream_new(struct event_base *base, struct err *e);
void gw_upstream_free(struct gw_upstream *u); /* after its transfers */

struct gw_up *gw_up_start(struct gw_upstream *u, const struct gw_up_request *r,
	const struct gw_up_calls *calls, struct err *e);
void gw_up_resume(struct gw_up *t); /* body, and done, may be called within */
void gw_up_cancel(struct gw_up *t); /* done is not called */

#endif
