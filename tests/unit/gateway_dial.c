/* Connections of bytes over real sockets: a server of the test's own on the same loop. */

#include "gateway/dial.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { URL_MAX = 64, BIG = 10 << 20, DEADLINE_S = 30 };

struct test {
	struct event_base *base;
	struct evconnlistener *listener;
	struct bufferevent *peer;
	bool echo, slow, close_on_bytes;
	struct gw_dial *dial;
	char url[URL_MAX];
	size_t got;
	uint32_t sum; /* of the bytes that came back */
	int opened, drained, ended;
	bool well;
	bool close_within;
	struct quota unsent;
	size_t held; /* of it, at once behind the close */
};

static uint32_t
sum_more(uint32_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + (unsigned char)p[i];
	return sum;
}

static void
on_peer_bytes(struct bufferevent *b, void *to)
{
	struct test *t = to;
	struct evbuffer *in = bufferevent_get_input(b);

	if (t->close_on_bytes) {
		bufferevent_free(b);
		t->peer = NULL;
		return;
	}
	if (t->echo)
		(void)bufferevent_write_buffer(b, in);
}

static void
on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int n, void *to)
{
	struct test *t = to;

	(void)l;
	(void)a;
	(void)n;
	t->peer = bufferevent_socket_new(t->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(t->peer, on_peer_bytes, NULL, NULL, t);
	if (!t->slow)
		(void)bufferevent_enable(t->peer, EV_READ | EV_WRITE);
}

static void
on_open(void *to)
{
	struct test *t = to;

	t->opened++;
	if (t->close_within) {
		gw_dial_close(t->dial);
		t->held = t->unsent.held;
		t->dial = NULL;
		(void)event_base_loopbreak(t->base);
	}
}

static void
on_bytes(void *to, struct str bytes)
{
	struct test *t = to;

	t->sum = sum_more(t->sum, bytes.p, bytes.n);
	t->got += bytes.n;
}

static void
on_drained(void *to)
{
	struct test *t = to;

	t->drained++;
}

static void
on_end(void *to, const char *why)
{
	struct test *t = to;

	t->ended++;
	t->well = why == NULL;
	t->dial = NULL;
}

static void
test_init(struct test *t)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;

	*t = (struct test){ .base = event_base_new(), .unsent = { .owes = true } };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t->listener = evconnlistener_new_bind(t->base, on_accept, t,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, (struct sockaddr *)&a,
		sizeof a);
	ok(t->listener != NULL, "a listener");
	ok_int(getsockname(evconnlistener_get_fd(t->listener), (struct sockaddr *)&a, &n),
		0, "its port");
	(void)snprintf(t->url, sizeof t->url, "http://127.0.0.1:%d/v1/responses",
		ntohs(a.sin_port));
}

static void
test_fini(struct test *t)
{
	gw_dial_close(t->dial);
	if (t->peer != NULL)
		bufferevent_free(t->peer);
	if (t->listener != NULL)
		evconnlistener_free(t->listener);
	event_base_free(t->base);
}

static void
dial(struct test *t)
{
	const struct gw_dial_calls calls = { on_open, on_bytes, on_drained, on_end, t };
	struct err e = ERR_INIT;

	t->dial = gw_dial_start(t->base, t->url, &calls, &t->unsent, &e);
	ok(t->dial != NULL, e.text);
}

/* Turns of the loop until it is so, within a limit. */
#define RUN_UNTIL(t, so)                                                                 \
	do {                                                                             \
		const struct timeval limit = { DEADLINE_S, 0 };                          \
		struct timeval begin, now;                                               \
                                                                                         \
		(void)evutil_gettimeofday(&begin, NULL);                                 \
		now = begin;                                                             \
		while (!(so) && now.tv_sec - begin.tv_sec < limit.tv_sec) {              \
			const struct timeval turn = { 0, 20000 };                        \
                                                                                         \
			(void)event_base_loopexit((t)->base, &turn);                     \
			(void)event_base_loop((t)->base, EVLOOP_ONCE);                   \
			(void)evutil_gettimeofday(&now, NULL);                           \
		}                                                                        \
		ok(so, "in time");                                                       \
	} while (0)

static void
bytes_go_both_ways(void)
{
	CLEANUP(test_fini) struct test t;
	CLEANUP(buf_fini) struct buf big = BUF_INIT(BIG);
	uint32_t seed = 7;

	test_init(&t);
	t.echo = true;
	while (big.n < BIG)
		buf_putc(&big, (char)((seed = seed * 69069 + 1) >> 24));
	dial(&t);
	gw_dial_send(t.dial, STR("")); /* nothing is nothing */
	gw_dial_send(t.dial, buf_str(&big));
	ok_int(gw_dial_backlog(t.dial), BIG, "all waits until it is open");
	RUN_UNTIL(&t, t.got == BIG && t.drained > 0);
	ok_int(t.opened, 1, "opened once");
	ok_int(t.sum, sum_more(0, big.p, big.n), "the same bytes in their order");
	ok_int(gw_dial_backlog(t.dial), 0, "nothing waits");
	ok_int(t.unsent.held, 0, "nothing is counted");
	ok_int(t.ended, 0, "it lives");
	bufferevent_free(t.peer);
	t.peer = NULL;
	RUN_UNTIL(&t, t.ended == 1);
	ok(t.well, "the other side has ended it");
}

static void
what_nobody_takes_waits(void)
{
	CLEANUP(test_fini) struct test t;
	CLEANUP(buf_fini) struct buf big = BUF_INIT(BIG);

	test_init(&t);
	t.slow = t.echo = true;
	while (big.n < BIG)
		buf_putc(&big, 'x');
	dial(&t);
	RUN_UNTIL(&t, t.opened == 1 && t.peer != NULL);
	gw_dial_send(t.dial, buf_str(&big));
	ok(gw_dial_backlog(t.dial) > 0, "the kernel takes a part");
	ok_int(t.drained, 0, "and that is told");
	gw_dial_hold(t.dial, true);
	(void)bufferevent_enable(t.peer, EV_READ | EV_WRITE);
	RUN_UNTIL(&t, t.drained > 0);
	ok_int(t.got, 0, "what is held does not come");
	gw_dial_hold(t.dial, false);
	RUN_UNTIL(&t, t.got == BIG);
}

static void
it_may_be_closed_at_any_time(void)
{
	CLEANUP(test_fini) struct test t;
	CLEANUP(test_fini) struct test within;

	test_init(&t);
	dial(&t);
	gw_dial_close(t.dial); /* while it connects */
	t.dial = NULL;
	(void)event_base_loop(t.base, EVLOOP_NONBLOCK);
	ok_int(t.opened + t.ended, 0, "nothing is told");
	test_init(&within);
	within.close_within = true;
	dial(&within);
	gw_dial_send(within.dial, STR("hello"));
	ok(within.unsent.held > 0, "what waits is counted");
	RUN_UNTIL(&within, within.opened == 1);
	ok_int(within.held, 0, "its owner may go at once, with what it counted in");
	(void)event_base_loop(within.base, EVLOOP_NONBLOCK);
	ok_int(within.ended, 0, "nothing is told behind it");
}

static void
who_is_not_there_is_told(void)
{
	CLEANUP(test_fini) struct test t;
	CLEANUP(test_fini) struct test breaks;

	test_init(&t);
	evconnlistener_free(t.listener);
	t.listener = NULL;
	dial(&t);
	RUN_UNTIL(&t, t.ended == 1);
	ok(!t.well && t.opened == 0, "it never opened");
	test_init(&breaks);
	breaks.close_on_bytes = true;
	dial(&breaks);
	gw_dial_send(breaks.dial, STR("hello"));
	RUN_UNTIL(&breaks, breaks.ended == 1);
	ok_int(breaks.opened, 1, "it had opened");
}

int
main(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	bytes_go_both_ways();
	what_nobody_takes_waits();
	it_may_be_closed_at_any_time();
	who_is_not_there_is_told();
	curl_global_cleanup();
	return test_done();
}
