#ifndef TESTS_UNIT_GATEWAY_WORLD_H
#define TESTS_UNIT_GATEWAY_WORLD_H

/* A provider and a client of it in one loop: what tests of the gateway's client share. */

#include "gateway/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum {
	SHORT_MS = 300,
	LONG_MS = 10000,
	DRIP_MS = 10,
	GUARD_S = 20, /* a test that hangs ends so */
	BODY_MAX = 4 << 20,
	PIECE = 100 << 10,
	PIECES = 8,
	CHAIN = 500,
	SOME = 10, /* turns of the loop, in which what was sent arrives */
	FILL = 8,
	URL_MAX = 64,
	READ_MAX = 256 << 10
};

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define Y20 "yyyyyyyyyyyyyyyyyyyy"
#define LONG_HEAD "HTTP/1.1 200 OK\r\nX: " Y20 Y20 Y20 Y20 Y20
#define EMPTY HEAD "Content-Length: 0\r\n\r\n"

static char scratch[READ_MAX];

/* --- the provider ---------------------------------------------------------------------- */

struct world;

/* One connection of a client. */
struct peer {
	struct world *w;
	int fd;
	struct event *ev, *drip;
	size_t dripped;
};

struct world {
	struct event_base *base;
	struct event *listener, *guard;
	struct gw_upstream *up;
	int port;
	/* plays what the provider does when a request has begun to come */
	void (*play)(struct peer *p);
	const char *drip; /* sent a byte at a time */
	struct peer peers[CHAIN];
	size_t npeers, asks, ended; /* connections; reads; ends by the client */
};

static void
say(struct peer *p, struct str what)
{
	const int flags = fcntl(p->fd, F_GETFL);

	(void)fcntl(p->fd, F_SETFL, flags & ~O_NONBLOCK);
	while (what.n > 0) {
		const ssize_t n = send(p->fd, what.p, what.n, MSG_NOSIGNAL);

		if (n <= 0)
			break; /* the client is gone, as some are asked to */
		what = str_skip(what, (size_t)n);
	}
	(void)fcntl(p->fd, F_SETFL, flags);
}

static void
on_drip(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	const struct timeval wait = { 0, DRIP_MS * 1000 };

	(void)fd;
	(void)what;
	if (p->w->drip[p->dripped] == '\0')
		return;
	say(p, (struct str){ p->w->drip + p->dripped++, 1 });
	(void)event_add(p->drip, &wait);
}

static void
on_peer(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	const ssize_t n = recv(fd, scratch, sizeof scratch, 0);

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		p->w->ended++;
		(void)event_del(p->ev);
		return;
	}
	/* requests of these tests are as long as one read, but for the tests' own */
	p->w->asks++;
	p->w->play(p);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;
	struct peer *p = &w->peers[w->npeers++];

	(void)what;
	*p = (struct peer){ .w = w, .fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK) };
	p->ev = event_new(w->base, p->fd, EV_READ | EV_PERSIST, on_peer, p);
	p->drip = evtimer_new(w->base, on_drip, p);
	(void)event_add(p->ev, NULL);
}

static int
listen_here(int backlog, int *port)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, backlog) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;

	(void)fd;
	(void)what;
	ok(false, "the test ends in time");
	(void)event_base_loopbreak(w->base);
}

static const struct gw_up_limits quick = { .connect_ms = SHORT_MS,
	.head_ms = SHORT_MS,
	.idle_ms = SHORT_MS,
	.kept_ms = SHORT_MS };

static void
begin(struct world *w, const struct gw_up_limits *l, void (*play)(struct peer *p))
{
	const struct timeval limit = { GUARD_S, 0 };
	struct err e = ERR_INIT;

	memset(w, 0, sizeof *w);
	w->base = event_base_new();
	w->play = play;
	w->listener = event_new(w->base, listen_here(CHAIN, &w->port),
		EV_READ | EV_PERSIST, on_accept, w);
	w->guard = evtimer_new(w->base, on_guard, w);
	(void)event_add(w->listener, NULL);
	(void)event_add(w->guard, &limit);
	w->up = gw_upstream_limited(w->base, l, &e);
	if (w->up == NULL)
		abort();
}

static void
end(struct world *w)
{
	gw_upstream_free(w->up);
	for (size_t i = 0; i < w->npeers; i++) {
		event_free(w->peers[i].ev);
		event_free(w->peers[i].drip);
		(void)close(w->peers[i].fd);
	}
	(void)close(event_get_fd(w->listener));
	event_free(w->listener);
	event_free(w->guard);
	event_base_free(w->base);
}

/* --- the client ------------------------------------------------------------------------ */

enum pauses { PAUSE_NEVER, PAUSE_EACH, PAUSE_TWICE, PAUSE_ONCE };
enum stops { STOP_NOWHERE, STOP_AT_HEAD, STOP_AT_BODY, STOP_WHEN_RESUMED };

struct client {
	struct world *w;
	struct gw_up *t;
	struct event *later;
	enum pauses pauses;
	enum stops stops;
	int wait_ms, paused, status, dones, heads;
	struct buf body, offered; /* offered: what was not taken, to come again */
	char why[256];
	bool well;
	long chain;
};

static void ask(struct client *c, const char *host, struct str body);

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->t != NULL)
		gw_up_resume(c->t);
}

static enum gw_up_took
on_head(void *to, int status, struct str lines)
{
	struct client *c = to;

	(void)lines;
	c->heads++;
	c->status = status;
	return c->stops == STOP_AT_HEAD ? GW_UP_STOP : GW_UP_TOOK;
}

static enum gw_up_took
hold(struct client *c, struct str bytes)
{
	const struct timeval wait = { 0, c->wait_ms * 1000 };

	c->paused++;
	buf_reset(&c->offered);
	buf_put_str(&c->offered, bytes);
	(void)event_add(c->later, &wait);
	return GW_UP_PAUSE;
}

static enum gw_up_took
on_body(void *to, struct str bytes)
{
	struct client *c = to;
	const bool again = c->offered.n > 0;

	ok(bytes.n > 0, "there is something in a piece");
	if (c->stops == STOP_AT_BODY || (again && c->stops == STOP_WHEN_RESUMED))
		return GW_UP_STOP;
	if (again)
		ok_bytes(bytes, buf_str(&c->offered), "the same bytes come again");
	if ((c->pauses == PAUSE_EACH && !again) ||
		(c->pauses == PAUSE_TWICE && c->paused % 3 != 2) ||
		(c->pauses == PAUSE_ONCE && c->paused == 0))
		return hold(c, bytes);
	if (c->pauses == PAUSE_TWICE)
		c->paused++;
	buf_reset(&c->offered);
	buf_put_str(&c->body, bytes);
	return GW_UP_TOOK;
}

static void
on_done(void *to, const char *why)
{
	struct client *c = to;

	c->t = NULL;
	c->dones++;
	c->well = why == NULL;
	(void)snprintf(c->why, sizeof c->why, "%s", why == NULL ? "" : why);
	if (c->chain-- > 0)
		ask(c, "127.0.0.1", STR("{}"));
	else
		(void)event_base_loopbreak(c->w->base);
}

static void
ask(struct client *c, const char *host, struct str body)
{
	const struct gw_up_calls calls = { on_head, on_body, on_done, c };
	struct gw_up_request r = {
		.post = true, .head = STR("x-api-key: k\nX-B:  c \n"), .body = body
	};
	struct err e = ERR_INIT;
	char url[URL_MAX];
	const int before = c->dones;

	(void)snprintf(url, sizeof url, "http://%s:%d/v1", host, c->w->port);
	r.url = url;
	c->t = gw_up_start(c->w->up, &r, &calls, &e);
	ok(c->t != NULL, e.text);
	ok_int(c->dones, before, "nothing is called within the start");
}

static void
client_begin(struct client *c, struct world *w)
{
	*c = (struct client){ .w = w,
		.body = BUF_INIT(BODY_MAX),
		.offered = BUF_INIT(BODY_MAX),
		.later = NULL };
	c->later = evtimer_new(w->base, on_later, c);
}

static void
client_end(struct client *c)
{
	event_free(c->later);
	buf_fini(&c->body);
	buf_fini(&c->offered);
}

/* Runs the loop until the client is done; or for so many ms. */
static void
run(struct world *w)
{
	(void)event_base_dispatch(w->base);
}

/* Runs it until the count is there, or the guard comes. */
static void
run_until(struct world *w, const size_t *count, size_t want)
{
	while (*count < want && evtimer_pending(w->guard, NULL))
		(void)event_base_loop(w->base, EVLOOP_ONCE);
}

static void
run_for(struct world *w, int ms)
{
	const struct timeval t = { ms / 1000, (ms % 1000) * 1000 };

	(void)event_base_loopexit(w->base, &t);
	(void)event_base_dispatch(w->base);
}

#endif
