#ifndef GATEWAY_CURL_LOOP_H
#define GATEWAY_CURL_LOOP_H

/*
 * A multi handle of libcurl on the gateway's event loop, and how libcurl is to reach a
 * provider: see gateway/upstream.h for proxies and authorities.
 */

#include <curl/curl.h>
#include <stdbool.h>

#include "base/err.h"

struct event;
struct event_base;

struct gw_curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	/* A transfer has ended, libcurl is not at work. False: the loop itself is gone. */
	bool (*on_finished)(CURL *easy, CURLcode code);
};

/* On -1 it is to be ended too. It must not move. */
int gw_curl_loop_init(struct gw_curl_loop *u, struct event_base *base,
	bool (*on_finished)(CURL *easy, CURLcode code), struct err *e);
void gw_curl_loop_fini(struct gw_curl_loop *u); /* after its transfers */

/* Proxy and authorities of the way to that address, as the person's environment says. */
void gw_curl_set_way(CURL *c, const char *url);

#endif
