#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

/*
 * Requests to the provider, by two ways:
 *
 *   http://   on this machine only: an own HTTP/1.1 client on the gateway's event loop
 *             (upstream_plain.c). Nothing of a body is copied, no transfer has a buffer.
 *   https://  libcurl's multi interface on the same loop (upstream_curl.c): HTTP/2, TLS, and
 *             proxies and authorities as the person's environment says:
 *               https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
 *               CURL_CA_BUNDLE, SSL_CERT_FILE   a file of authorities, in place of the system's
 *               SSL_CERT_DIR                    a folder of them, likewise
 *               NODE_EXTRA_CA_CERTS             a file of more of them, as claude reads it
 *             A provider on this machine is reached without a proxy.
 *
 * Redirects are not followed. There is no total time limit, but those of gw_up_limits. A
 * request is tried again only when no byte of it was sent: on a kept connection that has
 * ended, and at the next address of a name.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	GW_CONNECT_S = 20,
	GW_HEAD_S = 60,  /* from the first byte of an answer's head to its last one */
	GW_IDLE_S = 600, /* no byte from the provider for so long: it is gone */
	GW_KEPT_S = 60,  /* an idle connection is kept open */
	GW_KEPT_MAX = 32 /* of libcurl's */
};

struct event_base;
struct gw_upstream; /* all transfers, and the connections they share */
struct gw_up;       /* one transfer */

enum gw_up_took { GW_UP_TOOK, GW_UP_PAUSE, GW_UP_STOP };

/*
 * head and body are called while the client works: they must not cancel the transfer but
 * answer GW_UP_STOP. done is the last call, the transfer is then gone: why is NULL when all
 * came, else the reason in words (also after a GW_UP_STOP), borrowed for the call. None of
 * them is called within gw_up_start.
 */
struct gw_up_calls {
	/* "Name: value" lines that end in LF or CR LF, as gateway/head.h reads them. */
	enum gw_up_took (*head)(void *to, int status, struct str lines);
	/* After GW_UP_PAUSE the same bytes come again. */
	enum gw_up_took (*body)(void *to, struct str bytes);
	void (*done)(void *to, const char *why);
	void *to;
};

struct gw_up_request {
	const char *url;
	bool post;
	struct str head; /* such lines, sound; copied */
	struct str body; /* borrowed until done, or gw_up_has_sent */
};

/* Milliseconds; see the constants above. head_ms and kept_ms are of http:// only. */
struct gw_up_limits {
	int connect_ms, head_ms, idle_ms, kept_ms;
};
extern const struct gw_up_limits gw_up_limits;

struct gw_upstream *gw_upstream_new(struct event_base *base, struct err *e);
struct gw_upstream *gw_upstream_limited(
	struct event_base *base, const struct gw_up_limits *l, struct err *e);
void gw_upstream_free(struct gw_upstream *u); /* after its transfers */

struct gw_up *gw_up_start(struct gw_upstream *u, const struct gw_up_request *r,
	const struct gw_up_calls *calls, struct err *e);
void gw_up_resume(struct gw_up *t); /* body, and done, may be called within */
void gw_up_cancel(struct gw_up *t); /* done is not called */
/* The whole request is with the provider: its body is not needed any more. */
bool gw_up_has_sent(struct gw_up *t);

#endif
