/*
 * What a request to a provider on this machine costs the gateway by each of its two clients:
 * CPU time of this process (getrusage), the provider being another one.
 *
 *   gateway_upstream [plain|curl] [REQUESTS] [BODY_BYTES] [AT_A_TIME] [URL]
 *
 * URL: of a provider that runs already, for TLS (its authority by SSL_CERT_FILE).
 */

#include <arpa/inet.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/h1.h"
#include "gateway/upstream_way.h"

enum { CONNS_MAX = 256, READ_MAX = 256 << 10, ANSWER = 2048, US_PER_S = 1000000 };

static char scratch[READ_MAX];

/* --- the provider: counts the bytes of a request, then answers ------------------------ */

struct peer {
	struct buf head;
	uint64_t left;
};

static void
answer(int fd)
{
	static char text[ANSWER + 256];
	const int n = snprintf(text, sizeof text,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\n\r\n%*s",
		ANSWER, ANSWER, "x");

	if (write(fd, text, (size_t)n) != n)
		log_error("bench: the answer does not fit");
}

static void
take(struct peer *p, int fd, struct str in)
{
	struct h1 h;

	if (p->left == 0) {
		buf_put_str(&p->head, in);
		h1_request_init(&h);
		if (h1_head(&h, buf_str(&p->head)) != H1_DONE)
			return;
		in.n = p->head.n - h.size;
		p->left = h.length;
		buf_reset(&p->head);
	}
	p->left -= in.n;
	if (p->left == 0)
		answer(fd);
}

static void
serve(int listener)
{
	static struct pollfd fds[CONNS_MAX + 1];
	static struct peer peers[CONNS_MAX + 1];
	nfds_t n = 1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	while (poll(fds, n, -1) > 0) {
		if (fds[0].revents != 0 && n <= CONNS_MAX) {
			peers[n] = (struct peer){ .head = BUF_INIT(READ_MAX) };
			fds[n++] = (struct pollfd){ .fd = accept(listener, NULL, NULL),
				.events = POLLIN };
		}
		for (nfds_t i = 1; i < n; i++) {
			ssize_t got;

			if (fds[i].revents == 0)
				continue;
			got = read(fds[i].fd, scratch, sizeof scratch);
			if (got <= 0)
				_exit(0);
			take(&peers[i], fds[i].fd, (struct str){ scratch, (size_t)got });
		}
	}
}

/* --- the client ----------------------------------------------------------------------- */

struct bench {
	struct event_base *base;
	struct gw_plain *plain;
	struct gw_curl *curl;
	struct upstream_at at;
	struct gw_up_request r;
	long left, failed;
};

static void start(struct bench *b);

static enum gw_up_took
on_head(void *to, int status, struct str lines)
{
	struct bench *b = to;

	(void)lines;
	b->failed += status != 200;
	return GW_UP_TOOK;
}

static enum gw_up_took
on_body(void *to, struct str bytes)
{
	(void)to;
	(void)bytes;
	return GW_UP_TOOK;
}

static void
on_done(void *to, const char *why)
{
	struct bench *b = to;

	if (why != NULL && b->failed++ == 0)
		log_error("bench: %s", why);
	if (b->left > 0)
		start(b);
	else
		(void)event_base_loopbreak(b->base);
}

static void
start(struct bench *b)
{
	const struct gw_up_calls calls = { on_head, on_body, on_done, b };
	struct err e = ERR_INIT;

	b->left--;
	if ((b->plain != NULL ? gw_plain_start(b->plain, &b->r, &b->at, &calls, &e)
			      : gw_curl_start(b->curl, &b->r, &calls, &e)) == NULL)
		exit(log_fail(&e));
}

static double
cpu_us(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US_PER_S +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int
listen_here(int *port)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	if (bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, CONNS_MAX) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

static void
measure(struct bench *b, const char *what, long requests, long at_a_time)
{
	double before;

	b->left = requests / 10 + at_a_time; /* to warm up */
	for (long i = 0; i < at_a_time; i++)
		start(b);
	(void)event_base_dispatch(b->base);
	before = cpu_us();
	b->left = requests;
	start(b);
	(void)event_base_dispatch(b->base);
	printf("%-6s %7zu bytes, %3ld at a time: %7.1f us of CPU a request, %ld failed\n",
		what, b->r.body.n, at_a_time, (cpu_us() - before) / (double)requests,
		b->failed);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "plain";
	const long requests = argc > 2 ? atol(argv[2]) : 5000;
	const size_t body = argc > 3 ? (size_t)atol(argv[3]) : 100 << 10;
	const long at_a_time = argc > 4 ? atol(argv[4]) : 1;
	struct bench b = { .base = event_base_new() };
	struct err e = ERR_INIT;
	char url[256];
	int port = 0;
	const int listener = listen_here(&port);

	(void)signal(SIGPIPE, SIG_IGN);
	if (listener < 0 || at_a_time < 1 || at_a_time > CONNS_MAX)
		return 1;
	if (argc <= 5 && fork() == 0)
		serve(listener);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/messages", port);
	if (argc > 5)
		(void)snprintf(url, sizeof url, "%s", argv[5]);
	b.r = (struct gw_up_request){ .url = url,
		.post = true,
		.head = STR("content-type: application/json\nx-api-key: k\n"
			    "user-agent: bench\naccept: */*\nanthropic-version: 1\n"),
		.body = { mem_alloc(body), body } };
	if (!upstream_split(str_of(url), &b.at))
		return 1;
	if (strcmp(what, "plain") == 0)
		b.plain = gw_plain_new(b.base, &gw_up_limits, &e);
	else
		b.curl = gw_curl_new(b.base, &gw_up_limits, &e);
	if (b.plain == NULL && b.curl == NULL)
		return log_fail(&e);
	measure(&b, what, requests, at_a_time);
	return b.failed != 0;
}
