/*
 * A load generator for model gateways on 127.0.0.1; the provider behind them is the mock. One
 * thread. Prints one JSON object; times are in microseconds.
 *
 *	load -P port -u path [-A responses] [-b body bytes] [-c connections]
 *	     [-d seconds] [-w warm-up seconds] | [-n requests]   closed loop, or
 *	     [-r requests/s]                                     on a schedule, for -d seconds
 *	     [-s texts -C calls -i interval us] [-R bytes] [-t] [-v] [-a]
 *	     [-k bytes] [-S seed] [-x 'name: value']...
 *
 * -s  streams, not JSON answers: so many deltas of a text, then (-C) of a call, of so many bytes
 * -t  their delay, by the time each carries
 * -v  the provider tells the hash of the body that it got: is it that of what was sent?
 * -a  sums the hashes of all answers with their ids: equal for two runs of one seed whose answers
 *     are the same bytes
 * -k  a slow reader: at most so many bytes of each connection in 10 ms
 *
 * With -r latency counts from when the request was due.
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

#include "base/hash.h"
#include "tests/bench/wire/answer.h"
#include "tests/bench/wire/body.h"
#include "tests/bench/wire/figures.h"

enum {
	BODIES = 4, /* that take turns */
	HEADERS = 8,
	HEAD_BYTES = 2048,
	ECHO_BYTES = 256, /* of an answer, where its id is */
	ERROR_BYTES = 200,
	READ_BYTES = 256 << 10,
	SLOW_BUFFER = 32 << 10,
	SLOW_TICK_NS = 10000000,
	PIECES = 128,
	READY = 256,
	CONNECTIONS_MAX = 4000,
	ERRORS_MAX = 2000,
	SECONDS_MAX = 120,
	DRAIN_SECONDS = 30, /* for what is under way at the end */
	FILES = 8192
};

#define SECOND UINT64_C(1000000000)

enum state { IDLE, CONNECTING, SENDING, READING };

struct conn {
	int fd;
	enum state state;
	uint32_t events;
	uint64_t start;
	char id[WIRE_ID + 1];
	const struct body *body;
	char head[HEAD_BYTES];
	size_t nhead, sent;
	struct answer answer;
	struct stamp stamp;
	uint64_t newest, hash;
	char echo[ECHO_BYTES];
	size_t necho;
};

static struct {
	int port;
	const char *path, *headers[HEADERS];
	size_t nheaders, body, slow;
	bool sums;
	enum wire_api api;
	unsigned connections;
	double seconds, warm_up, rate;
	uint64_t requests, seed;
	struct ask ask;
} opt = { .path = "/v1/messages",
	.body = 100 << 10,
	.connections = 1,
	.seconds = 1,
	.warm_up = 0.2,
	.seed = 1,
	.ask = { .mode = 'j', .calls = 1, .bytes = 1024 } };

static struct body *bodies[BODIES];
static struct conn *conns;
static int epoll_fd;
static uint64_t began, measured, stopping, issued, in_flight;
static struct {
	uint64_t done, counted, bytes, answers, verified, opened, last;
	uint64_t connect, status, closed, timeout, protocol, verify;
	struct figures latency, text, held;
	char text_of_error[ERROR_BYTES + 1];
} got;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
watch(struct conn *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	c->events = events;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
		die("load: epoll");
}

static void
hang_up(struct conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

static void
dial(struct conn *c)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)opt.port) };
	struct epoll_event e = { .events = EPOLLOUT, .data.ptr = c };
	const int one = 1;
	const int room = SLOW_BUFFER;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("load: socket");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (opt.slow > 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	got.opened++;
	c->state = CONNECTING;
	c->events = EPOLLOUT;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
		die("load: epoll");
	/* a refusal shows in the loop, as SO_ERROR */
	(void)connect(c->fd, (const struct sockaddr *)&a, sizeof a);
}

static void
make_head(struct conn *c)
{
	static const char *const keys[] = {
		[API_MESSAGES] = "x-api-key: sk-bench\r\nanthropic-version: 2023-06-01",
		[API_RESPONSES] = "authorization: Bearer sk-bench",
	};
	struct buf b = BUF_INIT(HEAD_BYTES);

	buf_printf(&b,
		"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: bench\r\n"
		"accept: %s\r\ncontent-type: application/json\r\n%s\r\n",
		opt.path, opt.port,
		opt.ask.mode == 's' ? "text/event-stream" : "application/json",
		keys[opt.api]);
	for (size_t i = 0; i < opt.nheaders; i++)
		buf_printf(&b, "%s\r\n", opt.headers[i]);
	buf_printf(&b, "content-length: %zu\r\n\r\n", c->body->text.n);
	if (b.over) {
		fprintf(stderr, "load: the head is longer than %d bytes\n", HEAD_BYTES);
		exit(2);
	}
	memcpy(c->head, b.p, b.n);
	c->nhead = b.n;
	buf_fini(&b);
}

/* What is left to send, from c->sent on. */
static size_t
pieces_left(const struct conn *c, struct iovec *v)
{
	const size_t all = 2 * c->body->nslot + 2;
	size_t skip = c->sent;
	size_t n = 0;

	for (size_t i = 0; i < all && n < PIECES; i++) {
		struct str s = i == 0 ? (struct str){ c->head, c->nhead }
				      : body_piece(c->body, i - 1, c->id);

		if (skip >= s.n) {
			skip -= s.n;
			continue;
		}
		s = str_skip(s, skip);
		skip = 0;
		v[n].iov_base = (void *)(uintptr_t)s.p; /* sendmsg does not write there */
		v[n++].iov_len = s.n;
	}
	return n;
}

static void finish(struct conn *c, uint64_t *error);

static void
send_more(struct conn *c)
{
	struct iovec v[PIECES];
	struct msghdr m = { .msg_iov = v };

	c->state = SENDING;
	while ((m.msg_iovlen = pieces_left(c, v)) > 0) {
		const ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			finish(c, &got.closed);
			return;
		}
		c->sent += (size_t)n;
	}
	c->state = READING;
	watch(c, opt.slow > 0 ? 0 : EPOLLIN);
}

static void
start(struct conn *c, uint64_t due)
{
	wire_hex(c->id, opt.seed << 32 | issued);
	c->body = bodies[issued % BODIES];
	issued++;
	in_flight++;
	c->start = due;
	c->sent = c->necho = 0;
	c->newest = 0;
	c->hash = hash_more(HASH_FIRST, (struct str){ c->id, WIRE_ID });
	c->answer = (struct answer){ 0 };
	c->stamp = (struct stamp){ 0 };
	make_head(c);
	if (c->fd < 0)
		dial(c);
	else
		send_more(c);
}

static bool
may_start(uint64_t now)
{
	return opt.requests > 0 ? issued < opt.requests : now < stopping;
}

static uint64_t
errors(void)
{
	return got.connect + got.status + got.closed + got.timeout + got.protocol +
	       got.verify;
}

static void
verify(const struct conn *c)
{
	char want[3 * WIRE_ID];

	wire_echo(want, strtoull(c->id, NULL, 16), body_hash(c->body, c->id),
		c->body->text.n);
	if (memmem(c->echo, c->necho, want, strlen(want)) != NULL)
		got.verified++;
	else
		got.verify++;
}

/* The request is over; error is the counter of what went wrong, NULL for a good answer. */
static void
finish(struct conn *c, uint64_t *error)
{
	const uint64_t now = wire_now();
	const bool timed = opt.requests == 0 && opt.ask.mode == 'j';

	in_flight--;
	c->state = IDLE;
	if (error == NULL) {
		got.done++;
		got.last = now;
		got.answers += c->hash;
		if (!timed || (now >= measured && now <= stopping)) {
			got.counted++;
			figures_add(&got.latency, now - c->start);
		}
		if (opt.ask.echo)
			verify(c);
	} else {
		(*error)++;
	}
	if (error != NULL || c->answer.closes)
		hang_up(c);
	if (errors() > ERRORS_MAX)
		stopping = 0;
	else if (opt.rate == 0 && may_start(now))
		start(c, now);
	else if (opt.rate == 0)
		hang_up(c);
	else if (c->fd >= 0)
		watch(c, EPOLLIN);
}

static void
take_text(struct conn *c, struct str s, uint64_t now)
{
	const size_t room = ECHO_BYTES - c->necho;
	uint64_t time;
	char kind;

	memcpy(c->echo + c->necho, s.p, s.n < room ? s.n : room);
	c->necho += s.n < room ? s.n : room;
	if (opt.sums)
		c->hash = hash_more(c->hash, s);
	while (opt.ask.stamp && (kind = stamp_next(&c->stamp, &s, &time)) != 0) {
		/* the last events of Responses repeat what the deltas said */
		if (time <= c->newest || time > now)
			continue;
		c->newest = time;
		figures_add(kind == 'T' ? &got.text : &got.held, now - time);
	}
}

static void
keep_error(const struct conn *c)
{
	for (size_t i = 0; i < c->necho && i < ERROR_BYTES && got.status == 0; i++) {
		const char x = c->echo[i];

		got.text_of_error[i] = x;
		if (x < ' ' || x > '~' || x == '"' || x == '\\')
			got.text_of_error[i] = '\'';
	}
}

static void
read_more(struct conn *c)
{
	static char in[READ_BYTES];
	const size_t max = opt.slow > 0 && opt.slow < sizeof in ? opt.slow : sizeof in;
	const ssize_t n = recv(c->fd, in, max, 0);
	const uint64_t now = wire_now();
	struct str s = { in, n > 0 ? (size_t)n : 0 };
	struct str piece;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 && c->state == IDLE) {
		hang_up(c);
		return;
	}
	if (n <= 0) {
		finish(c, &got.closed);
		return;
	}
	got.bytes += s.n;
	while (answer_next(&c->answer, &s, &piece))
		take_text(c, piece, now);
	if (c->answer.state == ANSWER_DONE && c->answer.status != 200) {
		keep_error(c);
		finish(c, &got.status);
	} else if (c->answer.state == ANSWER_BAD || s.n > 0 ||
		   (c->answer.state == ANSWER_DONE && c->state == SENDING)) {
		finish(c, &got.protocol);
	} else if (c->answer.state == ANSWER_DONE) {
		finish(c, NULL);
	}
}

static void
connected(struct conn *c)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0)
		finish(c, &got.connect);
	else
		send_more(c);
}

static void
on_ready(struct conn *c, uint32_t events)
{
	if (c->fd < 0)
		return;
	if (c->state == CONNECTING) {
		connected(c);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_more(c);
	if (c->fd >= 0 && c->state == SENDING && (events & EPOLLOUT))
		send_more(c);
}

/* Requests of a schedule that are due, as far as connections are free; answers when to look again. */
static uint64_t
start_due(uint64_t now)
{
	for (unsigned i = 0; i < opt.connections; i++) {
		const uint64_t due = began + (uint64_t)((double)issued * 1e9 / opt.rate);

		if (due >= stopping)
			return now + SECOND;
		if (due > now)
			return due;
		if (conns[i].state == IDLE)
			start(&conns[i], due);
	}
	return now + SECOND;
}

static uint64_t
read_slowly(uint64_t now)
{
	static uint64_t next;

	if (now < next)
		return next;
	next = now + SLOW_TICK_NS;
	for (unsigned i = 0; i < opt.connections; i++)
		if (conns[i].state == READING)
			read_more(&conns[i]);
	return next;
}

static bool
is_over(uint64_t now)
{
	if (in_flight == 0 &&
		(opt.requests > 0 ? issued >= opt.requests : now >= stopping))
		return true;
	if (stopping > 0 && now < stopping + DRAIN_SECONDS * SECOND)
		return false;
	got.timeout += in_flight;
	return true;
}

static void
run(void)
{
	struct epoll_event ready[READY];

	began = wire_now();
	measured = began + (uint64_t)(opt.warm_up * 1e9);
	stopping = measured + (uint64_t)(opt.seconds * 1e9);
	for (unsigned i = 0; i < opt.connections; i++) {
		conns[i].fd = -1;
		if (opt.rate == 0 && may_start(began))
			start(&conns[i], wire_now());
	}
	for (;;) {
		uint64_t now = wire_now();
		uint64_t next = now + SECOND / 10;
		struct timespec wait = { 0 };
		int n;

		if (is_over(now))
			return;
		if (opt.rate > 0)
			next = start_due(now);
		if (opt.slow > 0)
			next = read_slowly(now);
		next = next > now + SECOND / 10 ? now + SECOND / 10 : next;
		now = wire_now();
		wait.tv_nsec = next > now ? (long)(next - now) : 0;
		n = epoll_pwait2(epoll_fd, ready, READY, &wait, NULL);
		for (int i = 0; i < n; i++)
			on_ready(ready[i].data.ptr, ready[i].events);
	}
}

static double
cpu_seconds(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
report(void)
{
	const bool timed = opt.requests == 0 && opt.ask.mode == 'j';
	const double elapsed = (double)(got.last > began ? got.last - began : 1) / 1e9;

	printf("{\"done\":%" PRIu64 ",\"rps\":%.1f,\"elapsed\":%.4f,", got.done,
		(double)got.counted / (timed ? opt.seconds : elapsed), elapsed);
	figures_print("latency", &got.latency);
	printf(",");
	figures_print("text", &got.text);
	printf(",");
	figures_print("held", &got.held);
	printf(",\"bytes\":%" PRIu64 ",\"answers\":\"%016" PRIx64
	       "\",\"verified\":%" PRIu64 ",\"opened\":%" PRIu64 ",\"cpu\":%.3f,",
		got.bytes, got.answers, got.verified, got.opened, cpu_seconds());
	printf("\"errors\":{\"connect\":%" PRIu64 ",\"status\":%" PRIu64
	       ",\"closed\":%" PRIu64 ",\"timeout\":%" PRIu64 ",\"protocol\":%" PRIu64
	       ",\"verify\":%" PRIu64 "},\"error\":\"%s\"}\n",
		got.connect, got.status, got.closed, got.timeout, got.protocol,
		got.verify, got.text_of_error);
}

static bool
set_option(int option, char *value)
{
	switch (option) {
	case 'P':
		opt.port = atoi(value);
		return opt.port > 0 && opt.port < 65536;
	case 'u':
		opt.path = value;
		return true;
	case 'A':
		opt.api = strcmp(value, "responses") == 0 ? API_RESPONSES : API_MESSAGES;
		return true;
	case 'b':
		opt.body = strtoull(value, NULL, 10);
		return opt.body >= BODY_MIN && opt.body <= BODY_MAX;
	case 'c':
		opt.connections = (unsigned)strtoul(value, NULL, 10);
		return opt.connections > 0 && opt.connections <= CONNECTIONS_MAX;
	case 'd':
		opt.seconds = atof(value);
		return opt.seconds > 0 && opt.seconds <= SECONDS_MAX;
	case 'w':
		opt.warm_up = atof(value);
		return opt.warm_up >= 0 && opt.warm_up <= SECONDS_MAX;
	case 'n':
		opt.requests = strtoull(value, NULL, 10);
		return opt.requests > 0;
	case 'r':
		opt.rate = atof(value);
		return opt.rate > 0;
	case 'x':
		opt.headers[opt.nheaders++] = value;
		return opt.nheaders < HEADERS;
	case 'k':
		opt.slow = strtoull(value, NULL, 10);
		return opt.slow > 0;
	case 'S':
		opt.seed = strtoull(value, NULL, 10);
		return true;
	default:
		return false;
	}
}

static bool
set_ask(int option, const char *value)
{
	switch (option) {
	case 's':
		opt.ask.mode = 's';
		opt.ask.texts = (unsigned)strtoul(value, NULL, 10);
		return opt.ask.texts > 0;
	case 'C':
		opt.ask.calls = (unsigned)strtoul(value, NULL, 10);
		return opt.ask.calls > 0;
	case 'i':
		opt.ask.interval_us = (unsigned)strtoul(value, NULL, 10);
		return true;
	case 'R':
		opt.ask.bytes = (unsigned)strtoul(value, NULL, 10);
		return true;
	case 't':
		opt.ask.stamp = true;
		return true;
	case 'v':
		opt.ask.echo = true;
		return true;
	case 'a':
		opt.sums = true;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { FILES, FILES };
	int option;

	while ((option = getopt(argc, argv, "P:u:A:b:c:d:w:n:r:x:k:S:s:C:i:R:tva")) != -1)
		if (!set_option(option, optarg) && !set_ask(option, optarg)) {
			fprintf(stderr, "load: -%c does not go so\n", option);
			return 2;
		}
	if (opt.port == 0 || optind != argc) {
		fprintf(stderr, "load: want -P port, and options only\n");
		return 2;
	}
	(void)setrlimit(RLIMIT_NOFILE, &files); /* what is there must do */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	for (unsigned i = 0; i < BODIES; i++) {
		bodies[i] = body_new(opt.api, opt.body, opt.seed * BODIES + i, &opt.ask);
		if (bodies[i] == NULL) {
			fprintf(stderr, "load: no body of %zu bytes\n", opt.body);
			return 2;
		}
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	conns = mem_alloc(opt.connections * sizeof *conns);
	run();
	report();
	for (unsigned i = 0; i < BODIES; i++)
		body_free(bodies[i]);
	figures_fini(&got.latency);
	figures_fini(&got.text);
	figures_fini(&got.held);
	free(conns);
	return 0;
}
