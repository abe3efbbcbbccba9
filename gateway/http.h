#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

/*
 * The client's side of an exchange: one evhttp request, from its headers to the last chunk
 * of its answer.
 *
 * evhttp hands a request over when it is complete. Until gw_http_end, gw_http_refuse or
 * gw_http_cut it is ours; after one of these, and after on_gone, it must not be touched.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "gateway/enforce.h"
#include "gateway/route.h"

enum {
	GW_FIELDS_MAX = 128 << 10,          /* request line and headers, bytes */
	GW_HTTP_BODY_MAX = 2 * GW_BODY_MAX, /* more is not even read (413) */
	GW_AHEAD_MAX = 64 << 10,            /* read ahead of an unanswered request */
	GW_UNREAD_MAX = GW_HTTP_BODY_MAX +
			GW_FIELDS_MAX, /* at any time: a whole request */
	GW_BACKLOG_MAX = 256 << 10,    /* unsent bytes before the provider is paused */
	GW_KEEP_S = 300                /* idle connection, or half a request */
};

struct evhttp_request;

enum gw_method gw_http_method(struct evhttp_request *q);
struct str gw_http_target(struct evhttp_request *q);
/* All fields as lines; -1 when one is not sound or there are too many. */
int gw_http_fields(struct evhttp_request *q, struct buf *lines, struct err *e);
/* The whole body in one piece, borrowed until gw_http_drop_body. */
struct str gw_http_body(struct evhttp_request *q);
void gw_http_drop_body(struct evhttp_request *q);

/* Tells when the client goes away before the answer has ended; the request is then freed. */
struct gw_http_watch {
	void (*on_gone)(void *to);
	void (*on_drained)(void *to); /* all that gw_http_send was given is on its way */
	void *to;
};
void gw_http_watch(
	struct evhttp_request *q, const struct gw_http_watch *w); /* borrowed */

/* Status line and fields of an answer whose body follows in pieces. */
void gw_http_start(struct evhttp_request *q, int status, struct str lines);
void gw_http_send(
	struct evhttp_request *q, struct str bytes, const struct gw_http_watch *w);
size_t gw_http_backlog(struct evhttp_request *q);
void gw_http_end(struct evhttp_request *q);
/* Breaks the connection, so that the client does not take what it got for the whole. */
void gw_http_cut(struct evhttp_request *q);

/* A whole answer of our own in the dialect's shape; final: tells the client not to retry. */
struct gw_http_refusal {
	enum gw_api api;
	int status;
	const char *text;
	bool final;
};
void gw_http_refuse(struct evhttp_request *q, const struct gw_http_refusal *r);
/* 200 without a body. */
void gw_http_empty(struct evhttp_request *q);

#endif
