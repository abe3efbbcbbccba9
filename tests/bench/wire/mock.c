/*
 * A provider for measurements, on loopback: answers POST .../messages and .../responses with
 * what the request's mark asks for (wire.h), and GET /stats with what it has done. Prints
 * "port N" and serves until it is ended. One thread, HTTP/1.1, bodies with a content-length.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "tests/bench/wire/events.h"
#include "tests/bench/wire/timers.h"

enum {
	HEAD_BYTES = 16384,
	OUT_MAX = 128 << 20,
	OUT_HIGH = 64 << 10, /* a stream without intervals is made in such pieces */
	OUT_KEEP = 256 << 10,
	READ_BYTES = 256 << 10,
	FILES = 8192,
	READY = 256
};

enum state { AT_HEAD, AT_BODY, ANSWERING };

struct conn {
	struct timer timer; /* first: a timer is its connection */
	int fd;
	enum state state;
	bool dead, writes, streams, is_get, is_asked;
	char head[HEAD_BYTES + 1], tail[ASK_TEXT];
	size_t nhead, ntail;
	uint64_t left, length, hash;
	enum wire_api api;
	struct ask ask;
	struct events events;
	struct buf out;
	size_t sent;
};

static int epoll_fd;
static struct timers timers;
static struct {
	uint64_t accepts, requests, events, refused;
} stats;

static void
watch(struct conn *c, bool writes)
{
	struct epoll_event e = { .events = writes ? EPOLLIN | EPOLLOUT : EPOLLIN,
		.data.ptr = c };

	if (c->writes == writes)
		return;
	c->writes = writes;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
		c->dead = true;
}

static void
conn_free(struct conn *c)
{
	timers_drop(&timers, &c->timer);
	events_fini(&c->events);
	buf_fini(&c->out);
	(void)close(c->fd);
	free(c);
}

/* False when the socket is full or gone. */
static bool
flush(struct conn *c)
{
	while (c->sent < c->out.n) {
		const ssize_t n = send(
			c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch(c, true);
			return false;
		}
		if (n < 0) {
			c->dead = true;
			return false;
		}
		c->sent += (size_t)n;
	}
	watch(c, false);
	c->sent = 0;
	if (c->out.cap > OUT_KEEP)
		buf_fini(&c->out);
	else
		buf_reset(&c->out);
	return true;
}

/* One group of events as a chunk (RFC 9112, 7.1); false after the last chunk. */
static bool
add_chunk(struct conn *c)
{
	static const char size[] = "00000000\r\n";
	const size_t from = c->out.n;
	const uint64_t before = c->events.written;
	char hex[sizeof size];

	buf_puts(&c->out, size);
	if (!events_next(&c->events, &c->out)) {
		c->out.n = from;
		buf_puts(&c->out, "0\r\n\r\n");
		return false;
	}
	(void)snprintf(hex, sizeof hex, "%08zx", c->out.n - from - (sizeof size - 1));
	memcpy(c->out.p + from, hex, 8);
	buf_puts(&c->out, "\r\n");
	stats.events += c->events.written - before;
	return true;
}

static void
answered(struct conn *c)
{
	c->streams = false;
	c->state = AT_HEAD;
	c->nhead = 0;
	events_fini(&c->events);
}

/* Goes on with the answer as far as clock and socket allow. */
static void
pump(struct conn *c)
{
	const uint64_t interval = (uint64_t)c->ask.interval_us * 1000;

	while (flush(c)) {
		const uint64_t now = wire_now();

		if (!c->streams) {
			answered(c);
			return;
		}
		if (interval > 0 && now < c->timer.due) {
			timers_add(&timers, &c->timer, c->timer.due);
			return;
		}
		if (interval > 0) {
			c->streams = add_chunk(c);
			c->timer.due = c->timer.due + interval > now
					       ? c->timer.due + interval
					       : now;
			continue;
		}
		while (c->streams && c->out.n < OUT_HIGH)
			c->streams = add_chunk(c);
	}
}

static void
answer_text(struct conn *c, const char *status, struct str body)
{
	buf_printf(&c->out,
		"HTTP/1.1 %s\r\ncontent-type: application/json\r\n"
		"content-length: %zu\r\n\r\n",
		status, body.n);
	buf_put_str(&c->out, body);
	pump(c);
}

static void
answer_stats(struct conn *c)
{
	char z[256];

	(void)snprintf(z, sizeof z,
		"{\"accepts\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"events\":%" PRIu64
		",\"refused\":%" PRIu64 "}",
		stats.accepts, stats.requests, stats.events, stats.refused);
	answer_text(c, "200 OK", str_of(z));
}

static void
refuse(struct conn *c, const char *why)
{
	char z[256];

	stats.refused++;
	(void)snprintf(z, sizeof z,
		"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
		"\"message\":\"the mock: %s\"}}",
		why);
	answer_text(c, "400 Bad Request", str_of(z));
}

static void
answer(struct conn *c)
{
	struct buf body = BUF_INIT(ANSWER_BYTES_MAX + HEAD_BYTES);
	char name[NAME_MAX_BYTES];

	c->state = ANSWERING;
	if (c->is_get) {
		answer_stats(c);
		return;
	}
	stats.requests++;
	wire_hex(name, c->ask.id);
	if (c->ask.echo)
		wire_echo(name, c->ask.id, c->hash, c->length);
	if (!c->is_asked || !events_init(&c->events, c->api, &c->ask, name)) {
		refuse(c, "no mark in the body, or one beyond the limits");
		return;
	}
	if (c->ask.mode == 'j') {
		events_whole(&c->events, &body);
		answer_text(c, "200 OK", buf_str(&body));
		buf_fini(&body);
		return;
	}
	buf_puts(&c->out,
		"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
		"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
	c->streams = true;
	/* streams that begin together do not send together */
	c->timer.due = wire_now() +
		       (c->ask.interval_us == 0
				       ? 0
				       : c->ask.id * UINT64_C(0x9e3779b97f4a7c15) %
						 c->ask.interval_us * 1000);
	pump(c);
}

/* The mark may be anywhere, cut anywhere: some gateways write the body anew. */
static void
look_for_mark(struct conn *c, struct str in)
{
	char seam[2 * ASK_TEXT];
	const size_t n = in.n < ASK_TEXT ? in.n : ASK_TEXT;
	const size_t all = c->ntail + n;
	const size_t keep = all < ASK_TEXT ? all : ASK_TEXT;

	memcpy(seam, c->tail, c->ntail);
	memcpy(seam + c->ntail, in.p, n);
	c->is_asked = ask_find((struct str){ seam, all }, &c->ask) ||
		      ask_find(in, &c->ask);
	if (in.n > ASK_TEXT)
		memcpy(c->tail, in.p + in.n - keep, keep);
	else
		memcpy(c->tail, seam + all - keep, keep);
	c->ntail = keep;
}

static void
take_body(struct conn *c, struct str in)
{
	c->left -= in.n;
	c->length += in.n;
	if (!c->is_asked)
		look_for_mark(c, in);
	if (!c->is_asked || c->ask.echo)
		c->hash = hash_more(c->hash, in);
	if (c->left == 0)
		answer(c);
}

/* The head is whole. */
static void
take_head(struct conn *c)
{
	const char *length = strcasestr(c->head, "\r\ncontent-length:");
	const char *end = strstr(c->head, "\r\n");
	const char *api = strstr(c->head, "/responses");

	c->is_get = strncmp(c->head, "GET ", 4) == 0;
	c->api = api != NULL && api < end ? API_RESPONSES : API_MESSAGES;
	c->is_asked = false;
	c->ntail = 0;
	c->length = 0;
	c->hash = HASH_FIRST;
	c->left = length == NULL ? 0 : strtoull(length + 17, NULL, 10);
	c->state = AT_BODY;
	if (c->left == 0)
		answer(c);
}

static void
take(struct conn *c, struct str in)
{
	while (in.n > 0 && !c->dead) {
		size_t n = in.n;

		if (c->state == ANSWERING) {
			stats.refused++; /* nothing may come before the answer is out */
			c->dead = true;
		} else if (c->state == AT_BODY) {
			n = in.n < c->left ? in.n : (size_t)c->left;
			take_body(c, (struct str){ in.p, n });
		} else {
			const size_t had = c->nhead;
			const char *end;

			n = in.n < HEAD_BYTES - had ? in.n : HEAD_BYTES - had;
			memcpy(c->head + had, in.p, n);
			c->nhead += n;
			c->head[c->nhead] = '\0';
			end = strstr(c->head + (had > 3 ? had - 3 : 0), "\r\n\r\n");
			if (end != NULL) {
				n = (size_t)(end + 4 - c->head) - had;
				c->head[had + n] = '\0';
				take_head(c);
			} else if (c->nhead == HEAD_BYTES) {
				c->dead = true;
			}
		}
		in = str_skip(in, n);
	}
}

static void
on_readable(struct conn *c)
{
	static char in[READ_BYTES];
	const ssize_t n = recv(c->fd, in, sizeof in, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->dead = true;
	else if (n > 0)
		take(c, (struct str){ in, (size_t)n });
}

static void
on_connection(int listener)
{
	for (;;) {
		const int one = 1;
		const int fd = accept4(
			listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event e = { .events = EPOLLIN };
		struct conn *c;

		if (fd < 0)
			return;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c = mem_alloc(sizeof *c);
		c->fd = fd;
		c->out = (struct buf)BUF_INIT(OUT_MAX);
		e.data.ptr = c;
		stats.accepts++;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
			conn_free(c);
	}
}

static int
start_listening(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	const struct rlimit files = { FILES, FILES };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event e = { .events = EPOLLIN };

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	(void)setrlimit(RLIMIT_NOFILE, &files); /* what is there must do */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	if (fd < 0 || epoll_fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 ||
		listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
		perror("mock: listen");
		exit(1);
	}
	printf("port %d\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	return fd;
}

/* Those whose time has come; answers how long to wait for the next, NULL for ever. */
static const struct timespec *
run_timers(void)
{
	static struct timespec wait;
	struct timer *t;

	while ((t = timers_first(&timers)) != NULL) {
		const uint64_t now = wire_now();
		struct conn *c = (struct conn *)t;

		if (t->due > now) {
			wait.tv_sec = (time_t)((t->due - now) / 1000000000);
			wait.tv_nsec = (long)((t->due - now) % 1000000000);
			return &wait;
		}
		timers_drop(&timers, t);
		pump(c);
		if (c->dead)
			conn_free(c);
	}
	return NULL;
}

int
main(void)
{
	const int listener = start_listening();

	for (;;) {
		struct epoll_event ready[READY];
		const int n = epoll_pwait2(epoll_fd, ready, READY, run_timers(), NULL);

		for (int i = 0; i < n; i++) {
			struct conn *c = ready[i].data.ptr;

			if (c == NULL) {
				on_connection(listener);
				continue;
			}
			if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				on_readable(c);
			if (!c->dead && c->writes && (ready[i].events & EPOLLOUT))
				pump(c);
			if (c->dead)
				conn_free(c);
		}
	}
}
