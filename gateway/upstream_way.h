#ifndef GATEWAY_UPSTREAM_WAY_H
#define GATEWAY_UPSTREAM_WAY_H

/*
 * The two ways to a provider, behind gateway/upstream.h: plain for http:// on this machine,
 * curl for https://. For gateway/upstream*.c only.
 */

#include "gateway/upstream.h"
#include "policy/upstream.h"

/* How a transfer begins, whichever way it goes. */
struct gw_up {
	const struct gw_up_way *way;
	struct gw_up_calls calls;
};

struct gw_up_way {
	void (*resume)(struct gw_up *t);
	void (*cancel)(struct gw_up *t);
	bool (*has_sent)(struct gw_up *t);
};

struct gw_plain *gw_plain_new(
	struct event_base *base, const struct gw_up_limits *l, struct err *e);
void gw_plain_free(struct gw_plain *p);
struct gw_up *gw_plain_start(struct gw_plain *p, const struct gw_up_request *r,
	const struct upstream_at *at, const struct gw_up_calls *calls, struct err *e);

struct gw_curl *gw_curl_new(
	struct event_base *base, const struct gw_up_limits *l, struct err *e);
void gw_curl_free(struct gw_curl *u);
struct gw_up *gw_curl_start(struct gw_curl *u, const struct gw_up_request *r,
	const struct gw_up_calls *calls, struct err *e);

#endif
