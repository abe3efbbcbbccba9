#include "gateway/upstream.h"

#include <stdlib.h>

#include "gateway/upstream_way.h"

enum { MS_PER_S = 1000 };

const struct gw_up_limits gw_up_limits = { .connect_ms = GW_CONNECT_S * MS_PER_S,
	.head_ms = GW_HEAD_S * MS_PER_S,
	.idle_ms = GW_IDLE_S * MS_PER_S,
	.kept_ms = GW_KEPT_S * MS_PER_S };

struct gw_upstream {
	struct gw_plain *plain;
	struct gw_curl *curl;
};

struct gw_upstream *
gw_upstream_new(struct event_base *base, struct err *e)
{
	return gw_upstream_limited(base, &gw_up_limits, e);
}

struct gw_upstream *
gw_upstream_limited(struct event_base *base, const struct gw_up_limits *l, struct err *e)
{
	struct gw_upstream *u = mem_alloc(sizeof *u);

	u->plain = gw_plain_new(base, l, e);
	if (u->plain != NULL)
		u->curl = gw_curl_new(base, l, e);
	if (u->curl != NULL)
		return u;
	gw_upstream_free(u);
	return NULL;
}

void
gw_upstream_free(struct gw_upstream *u)
{
	if (u == NULL)
		return;
	gw_plain_free(u->plain);
	gw_curl_free(u->curl);
	free(u);
}

struct gw_up *
gw_up_start(struct gw_upstream *u, const struct gw_up_request *r,
	const struct gw_up_calls *calls, struct err *e)
{
	struct upstream_at at;

	if (!upstream_split(str_of(r->url), &at)) {
		(void)err_set(e, ERR_DATA, "the provider's address is not a URL");
		return NULL;
	}
	return at.tls ? gw_curl_start(u->curl, r, calls, e)
		      : gw_plain_start(u->plain, r, &at, calls, e);
}

void
gw_up_resume(struct gw_up *t)
{
	t->way->resume(t);
}

bool
gw_up_has_sent(struct gw_up *t)
{
	return t->way->has_sent(t);
}

void
gw_up_cancel(struct gw_up *t)
{
	t->way->cancel(t);
}
