/* Time limits of the clients' connections, with limits of milliseconds; and Host's spellings. */

#include "gateway/http.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/front.h"
#include "tests/unit/test.h"

enum {
	SHORT = 30,
	LONG = 60000,
	TICK = 5,
	GIVE_UP_US = 10000000,
	GOT_MAX = 1 << 16,
	MUCH = 8 << 20,
	NAP_US = 1000,
	WAIT_US = 60000 /* half of limits.body there */
};

/* A server with one connection, what its handler saw, and what the other end got. */
struct scene {
	struct quota memory;
	struct gw_http http;
	struct gw_http_limits limits;
	struct gw_http_watch watch;
	struct gw_req *q;
	int fd; /* the other end */
	int heads, wholes, gones, bads;
	bool hold; /* requests are watched, not answered */
	const char *why;
	char got[GOT_MAX];
	size_t n;
	bool ended;
};

static void
on_whole(void *to)
{
	struct scene *s = to;

	s->wholes++;
	if (!s->hold)
		gw_http_empty(s->q);
}

static void
on_gone(void *to)
{
	struct scene *s = to;

	s->gones++;
	s->q = NULL;
}

static void
on_drained(void *to)
{
	(void)to;
}

static void
on_head(struct gw_req *q, void *to)
{
	struct scene *s = to;

	s->heads++;
	s->q = q;
	gw_http_watch(q, &s->watch);
}

static void
on_bad(const char *why, void *to)
{
	struct scene *s = to;

	s->bads++;
	s->why = why;
}

static void
begin(struct scene *s, const struct gw_http_limits *limits)
{
	struct err e = ERR_INIT;
	int ends[2];

	*s = (struct scene){ .memory = { .max = GW_MEMORY_MAX }, .limits = *limits };
	s->limits.tick = TICK;
	s->watch = (struct gw_http_watch){ .on_whole = on_whole,
		.on_gone = on_gone,
		.on_drained = on_drained,
		.to = s };
	s->http = (struct gw_http){ .base = event_base_new(),
		.memory = &s->memory,
		.limits = &s->limits,
		.on_head = on_head,
		.on_bad = on_bad,
		.to = s };
	ok_int(gw_http_open(&s->http, &e), 0, e.text);
	ok_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0, "a pair");
	s->fd = ends[0];
	gw_http_take(&s->http, ends[1]);
}

static void
end(struct scene *s)
{
	gw_http_close(&s->http);
	event_base_free(s->http.base);
	if (s->fd >= 0)
		(void)close(s->fd);
}

static void
say(struct scene *s, const char *text)
{
	const ssize_t n = (ssize_t)strlen(text);

	ok_int(write(s->fd, text, (size_t)n), n, "written");
}

static void
turn(struct scene *s)
{
	ssize_t k = -1;

	(void)event_base_loop(s->http.base, EVLOOP_NONBLOCK);
	if (s->fd >= 0 && s->n < GOT_MAX - 1)
		k = read(s->fd, s->got + s->n, GOT_MAX - 1 - s->n);
	s->n += k > 0 ? (size_t)k : 0;
	s->ended = s->ended || k == 0;
	(void)usleep(NAP_US);
}

/* Until *what is not 0 or there is no hope. */
static bool
until(struct scene *s, const int *what)
{
	const int64_t begin_us = clock_mono_us();

	while (*what == 0 && clock_mono_us() - begin_us < GIVE_UP_US)
		turn(s);
	return *what != 0;
}

static bool
until_end(struct scene *s)
{
	const int64_t begin_us = clock_mono_us();

	while (!s->ended && clock_mono_us() - begin_us < GIVE_UP_US)
		turn(s);
	return s->ended;
}

static const struct gw_http_limits patient = { LONG, LONG, LONG, LONG, LONG, LONG, TICK };

static void
who_says_nothing_is_let_go(void)
{
	struct gw_http_limits limits = patient;
	struct scene s;

	limits.first = SHORT;
	begin(&s, &limits);
	ok(until_end(&s) && s.n == 0, "a new connection without a word is closed");
	end(&s);
	limits = patient;
	limits.keep = SHORT;
	begin(&s, &limits);
	say(&s, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(until_end(&s), "so is one that had an answer");
	ok(strncmp(s.got, "HTTP/1.1 200 ", 13) == 0, s.got);
	ok_int(s.http.n, 0, "nothing of it is left");
	end(&s);
}

static void
a_slow_head_is_told_so(void)
{
	struct gw_http_limits limits = patient;
	struct scene s;

	limits.head = SHORT;
	begin(&s, &limits);
	say(&s, "GET / HTTP/1.1\r\nHost: ");
	ok(until_end(&s), "the end comes");
	ok(strncmp(s.got, "HTTP/1.1 408 ", 13) == 0, s.got);
	ok_int(s.heads, 0, "nobody was asked");
	ok_int(s.bads, 1, "it is for the log");
	end(&s);
}

static void
a_slow_body_is_told_so_and_its_owner_too(void)
{
	struct gw_http_limits limits = patient;
	struct scene s;

	limits.body = SHORT;
	begin(&s, &limits);
	say(&s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
	ok(until_end(&s), "the end comes");
	ok(strncmp(s.got, "HTTP/1.1 408 ", 13) == 0, s.got);
	ok_int(s.gones, 1, "who watched it knows");
	ok_int(s.wholes, 0, "it was not taken for whole");
	end(&s);
}

static void
a_body_that_comes_on_has_time(void)
{
	static char piece[GW_BODY_STEP + 1];
	enum { PIECES = 6, SIZE = PIECES * GW_BODY_STEP };
	struct gw_http_limits limits = patient;
	CLEANUP(mem_freep)
	char *head = mem_printf(
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", (int)SIZE);
	struct scene s;
	int never = 0;

	memset(piece, 'x', GW_BODY_STEP);
	limits.body = 4 * SHORT;
	begin(&s, &limits);
	say(&s, head);
	for (int i = 0; i < PIECES; i++) {
		const int64_t from = clock_mono_us();

		say(&s, piece);
		/* together longer than the limit */
		while (i + 1 < PIECES && clock_mono_us() - from < WAIT_US)
			turn(&s);
	}
	ok(until(&s, &s.wholes), "it is whole at last");
	ok_int(s.gones + s.bads + never, 0, "and was never told to be slow");
	end(&s);
}

/* As if others' requests were there already. */
static void
all_requests_together_have_a_ceiling(void)
{
	static char half[GW_BLOCK];
	struct scene s;

	memset(half, 'x', sizeof half - 1);
	for (int others = 0; others < 2; others++) {
		begin(&s, &patient);
		s.hold = true;
		s.memory.held = others != 0 ? GW_MEMORY_MAX - GW_BLOCK : 0;
		say(&s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
		ok(until(&s, &s.heads), "a short one always has room");
		say(&s, half);
		if (others == 0) {
			for (int i = 0; i < 10; i++)
				turn(&s);
			ok_int(s.bads + (int)s.n, 0, "alone, a long one has, too");
		} else {
			ok(until_end(&s), "beside many others it has none");
			ok(strncmp(s.got, "HTTP/1.1 503 ", 13) == 0, s.got);
			ok_int(s.gones, 1, "who watched it knows");
			ok_int((int64_t)s.memory.held, GW_MEMORY_MAX - GW_BLOCK,
				"and its own is given back");
		}
		end(&s);
	}
}

static void
who_does_not_read_is_cut_off(void)
{
	struct gw_http_limits limits = patient;
	CLEANUP(mem_freep) char *much = mem_alloc(MUCH);
	struct scene s;

	limits.write = SHORT;
	begin(&s, &limits);
	s.hold = true;
	say(&s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	ok(until(&s, &s.wholes), "the request is there");
	ok_bytes(gw_http_body(s.q), STR("hi"), "and its body");
	gw_http_drop(s.q);
	gw_http_start(s.q, 200, STR("A: b\n"));
	s.n = GOT_MAX; /* from here on nothing is read */
	gw_http_send(s.q, (struct str){ much, MUCH });
	ok(gw_http_backlog(s.q) > GW_BACKLOG_MAX, "much waits");
	ok(until(&s, &s.gones), "who watches is told");
	ok_int(s.http.n, 0, "nothing of it is left");
	end(&s);
}

static void
who_talks_on_behind_a_refusal_is_cut_off(void)
{
	struct gw_http_limits limits = patient;
	struct scene s;
	int gone = 0;
	const int64_t begin_us = clock_mono_us();

	limits.drain = SHORT;
	begin(&s, &limits);
	say(&s, "GARBAGE\r\n");
	ok(until_end(&s), "the answer and its end");
	ok(strncmp(s.got, "HTTP/1.1 400 ", 13) == 0, s.got);
	while (gone == 0 && clock_mono_us() - begin_us < GIVE_UP_US) {
		gone = write(s.fd, "x", 1) < 0;
		turn(&s);
	}
	ok(gone != 0, "it is read away for a while, and then no more");
	end(&s);
}

static void
who_leaves_while_it_waits_is_noticed(void)
{
	struct scene s;

	begin(&s, &patient);
	s.hold = true;
	say(&s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(until(&s, &s.wholes), "the request is there");
	(void)close(s.fd);
	s.fd = -1;
	ok(until(&s, &s.gones), "who watches is told");
	end(&s);
	begin(&s, &patient);
	s.hold = true;
	say(&s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(until(&s, &s.wholes), "the request is there");
	for (size_t i = 0; i < GW_AHEAD_MAX / 1024; i++) {
		char kb[1025];

		memset(kb, 'x', sizeof kb - 1);
		kb[sizeof kb - 1] = '\0';
		say(&s, kb);
		turn(&s);
	}
	(void)close(s.fd);
	s.fd = -1;
	ok(until(&s, &s.gones), "also when it has said more than is read ahead");
	end(&s);
}

static void
bytes_of_another_protocol_go_both_ways(void)
{
	struct scene s;

	begin(&s, &patient);
	s.hold = true;
	say(&s, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
	ok(until(&s, &s.wholes), "the request is there");
	gw_http_switch(s.q, STR("Upgrade: x\n"));
	gw_http_send(s.q, STR("raw"));
	gw_http_end(s.q);
	ok(until_end(&s), "the end comes");
	s.got[s.n] = '\0';
	ok_str(s.got,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
		"raw",
		"101, and what was sent as it is");
	end(&s);
}

static void
hosts_of_this_machine(void)
{
	static const struct {
		const char *host;
		bool want;
	} rows[] = { { "127.0.0.1", true }, { "127.0.0.1:1", true },
		{ "LocalHost:65535", true }, { "[::1]:80", true },
		{ "127.0.0.9:80", true }, { "", false }, { "127.0.0.1:", false },
		{ "127.0.0.1:123456", false }, { "127.0.0.1:8a", false },
		{ "localhost.example.org", false }, { "a.localhost", false },
		{ "127.0.0.2", false }, { "[::2]", false } };

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(gw_front_is_host(str_of(rows[i].host), "127.0.0.9"), rows[i].want,
			rows[i].host);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	who_says_nothing_is_let_go();
	a_slow_head_is_told_so();
	a_slow_body_is_told_so_and_its_owner_too();
	a_body_that_comes_on_has_time();
	all_requests_together_have_a_ceiling();
	who_does_not_read_is_cut_off();
	who_talks_on_behind_a_refusal_is_cut_off();
	who_leaves_while_it_waits_is_noticed();
	bytes_of_another_protocol_go_both_ways();
	hosts_of_this_machine();
	return test_done();
}
