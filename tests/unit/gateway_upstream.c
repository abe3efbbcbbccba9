/*
 * The client to providers on this machine, with a provider in the same loop: time limits,
 * pauses, the end at every point. What whole requests get, tests/cli/gateway_upstream.py asks.
 */

#include "gateway/upstream.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/unit/gateway_world.h"

/* --- what the provider does ------------------------------------------------------------ */

static void
say_nothing(struct peer *p)
{
	(void)p;
}

static void
say_empty(struct peer *p)
{
	say(p, STR(EMPTY));
}

static void
say_half_a_head(struct peer *p)
{
	say(p, STR("HTTP/1.1 200 OK\r\nX"));
}

static void
say_half_a_body(struct peer *p)
{
	say(p, STR(HEAD "Content-Length: 9\r\n\r\nabc"));
}

static void
say_slowly(struct peer *p)
{
	on_drip(-1, 0, p);
}

static void
say_hints_and_think(struct peer *p)
{
	const struct timeval wait = { 0, (suseconds_t)2 * SHORT_MS * 1000 };

	say(p, STR("HTTP/1.1 103 Early Hints\r\n\r\n"));
	p->dripped = 0;
	(void)event_add(p->drip, &wait);
}

static void
say_short(struct peer *p)
{
	say(p, STR(HEAD "Content-Length: 3\r\n\r\nabc"));
}

static void
say_goodbye_soon(struct peer *p)
{
	say(p, STR(HEAD "Keep-Alive: timeout=1, max=5\r\nContent-Length: 0\r\n\r\n"));
}

static void
say_much(struct peer *p)
{
	static char text[PIECE];

	memset(text, 'y', sizeof text);
	say(p, STR(HEAD "Transfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < PIECES; i++) {
		char size[32];

		text[0] = (char)('a' + i);
		(void)snprintf(size, sizeof size, "%x\r\n", PIECE);
		say(p, str_of(size));
		say(p, (struct str){ text, sizeof text });
		say(p, STR("\r\n"));
	}
	say(p, STR("0\r\n\r\n"));
}

/* --- the tests ------------------------------------------------------------------------- */

static void
each_limit_ends_a_transfer(void)
{
	static const struct {
		const char *what;
		void (*play)(struct peer *p);
		const char *drip;
		struct gw_up_limits limits;
		const char *why; /* "": it is well */
	} rows[] = {
		{ "silence", say_nothing, "", { LONG_MS, LONG_MS, SHORT_MS, LONG_MS },
			"sends nothing any more" },
		{ "half a head", say_half_a_head, "",
			{ LONG_MS, SHORT_MS, LONG_MS, LONG_MS }, "does not end" },
		{ "a head that drips", say_slowly, LONG_HEAD,
			{ LONG_MS, SHORT_MS, SHORT_MS, LONG_MS }, "does not end" },
		{ "half a body", say_half_a_body, "",
			{ LONG_MS, LONG_MS, SHORT_MS, LONG_MS },
			"sends nothing any more" },
		{ "an answer that drips", say_slowly, EMPTY,
			{ SHORT_MS, LONG_MS, SHORT_MS, LONG_MS }, "" },
		{ "hints, then thought", say_hints_and_think, EMPTY,
			{ SHORT_MS, LONG_MS, LONG_MS, LONG_MS }, "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		static struct world w;
		struct client c;

		begin(&w, &rows[i].limits, rows[i].play);
		w.drip = rows[i].drip;
		client_begin(&c, &w);
		ask(&c, "127.0.0.1", STR("{}"));
		run(&w);
		ok_int(c.dones, 1, rows[i].what);
		ok_int(c.well, rows[i].why[0] == '\0', rows[i].what);
		ok(strstr(c.why, rows[i].why) != NULL, c.why);
		client_end(&c);
		end(&w);
	}
}

/* 103 is no head that does not end: the provider may think behind it. */
static void
hints_do_not_start_the_limit_of_the_head(void)
{
	static struct world w;
	struct client c;

	begin(&w, &(struct gw_up_limits){ SHORT_MS, SHORT_MS, LONG_MS, LONG_MS },
		say_hints_and_think);
	w.drip = "H";
	client_begin(&c, &w);
	ask(&c, "127.0.0.1", STR("{}"));
	run_for(&w, 2 * SHORT_MS - DRIP_MS);
	ok_int(c.dones, 0, "no limit yet, twice its time after the hints");
	run(&w);
	ok(strstr(c.why, "does not end") != NULL, "the real head has one");
	client_end(&c);
	end(&w);
}

/* The queue of what listens is full: nobody answers the SYN. */
static void
a_connection_that_is_not_taken(void)
{
	static struct world w;
	struct client c;
	int full[FILL];
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener;

	begin(&w, &quick, say_nothing);
	listener = listen_here(0, &w.port);
	a.sin_port = htons((uint16_t)w.port);
	for (size_t i = 0; i < LEN(full); i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&a, sizeof a);
	}
	client_begin(&c, &w);
	ask(&c, "127.0.0.1", STR("{}"));
	run(&w);
	ok_int(c.dones, 1, "it ends");
	ok_str(c.why, "it does not take the connection", "and says why");
	for (size_t i = 0; i < LEN(full); i++)
		(void)close(full[i]);
	(void)close(listener);
	client_end(&c);
	end(&w);
}

static void
nobody_there(void)
{
	static struct world w;
	struct client c;
	int port;

	(void)close(listen_here(1, &port));
	begin(&w, &quick, say_nothing);
	w.port = port;
	client_begin(&c, &w);
	ask(&c, "localhost", STR("{}"));
	run(&w);
	ok_int(c.dones, 1, "it ends");
	ok(strstr(c.why, "refused") != NULL, c.why);
	client_end(&c);
	end(&w);
}

/* A client that reads slowly is not a provider that is silent. */
static void
a_pause_has_no_limit(void)
{
	static struct world w;
	struct client c;

	begin(&w, &quick, say_short);
	client_begin(&c, &w);
	c.pauses = PAUSE_ONCE;
	c.wait_ms = 3 * SHORT_MS;
	ask(&c, "127.0.0.1", STR("{}"));
	run(&w);
	ok(c.well, c.why);
	ok_bytes(buf_str(&c.body), STR("abc"), "all comes after the pause");
	client_end(&c);
	end(&w);
}

static void
check_much(const struct client *c)
{
	bool good = c->body.n == (size_t)PIECE * PIECES;

	for (int i = 0; good && i < PIECES; i++)
		good = c->body.p[(size_t)i * PIECE] == 'a' + i &&
		       c->body.p[(size_t)i * PIECE + PIECE - 1] == 'y';
	ok(good, "every byte, once, in its place");
}

static void
pauses_lose_nothing(void)
{
	static const enum pauses kinds[] = { PAUSE_NEVER, PAUSE_EACH, PAUSE_TWICE };

	for (size_t i = 0; i < LEN(kinds); i++) {
		static struct world w;
		struct client c;

		begin(&w, &quick, say_much);
		client_begin(&c, &w);
		c.pauses = kinds[i];
		ask(&c, "127.0.0.1", STR("{}"));
		run(&w);
		ok(c.well, c.why);
		ok(kinds[i] == PAUSE_NEVER || c.paused > 2, "there were pauses");
		check_much(&c);
		client_end(&c);
		end(&w);
	}
}

static void
a_stop_ends_it_and_the_connection(void)
{
	static const enum stops kinds[] = { STOP_AT_HEAD, STOP_AT_BODY,
		STOP_WHEN_RESUMED };

	for (size_t i = 0; i < LEN(kinds); i++) {
		static struct world w;
		struct client c;

		begin(&w, &quick, say_short);
		client_begin(&c, &w);
		c.stops = kinds[i];
		c.pauses = kinds[i] == STOP_WHEN_RESUMED ? PAUSE_ONCE : PAUSE_NEVER;
		ask(&c, "127.0.0.1", STR("{}"));
		run(&w);
		ok_int(c.dones, 1, "done is called");
		ok(!c.well, "and there is a reason");
		ok_int(c.body.n, 0, "nothing was taken");
		run_until(&w, &w.ended, 1);
		ok_int(w.ended, 1, "the connection is closed");
		client_end(&c);
		end(&w);
	}
}

/* At once, when it is connected, when the head is there, while paused. */
static void
a_cancel_is_the_end_at_every_point(void)
{
	static const struct {
		void (*play)(struct peer *p);
		size_t asks; /* what has come by then */
		enum pauses pauses;
	} rows[] = { { say_nothing, 0, PAUSE_NEVER }, { say_nothing, 1, PAUSE_NEVER },
		{ say_half_a_head, 1, PAUSE_NEVER }, { say_half_a_body, 1, PAUSE_NEVER },
		{ say_much, 1, PAUSE_ONCE } };

	for (size_t i = 0; i < LEN(rows); i++) {
		static struct world w;
		struct client c;

		begin(&w, &quick, rows[i].play);
		client_begin(&c, &w);
		c.pauses = rows[i].pauses;
		c.wait_ms = LONG_MS;
		ask(&c, "127.0.0.1", STR("{}"));
		run_until(&w, &w.asks, rows[i].asks);
		for (int n = 0; n < SOME && rows[i].asks > 0; n++)
			(void)event_base_loop(w.base, EVLOOP_NONBLOCK);
		gw_up_cancel(c.t);
		run_until(&w, &w.ended, rows[i].asks);
		ok_int(c.dones, 0, "done is not called");
		ok_int(w.ended, rows[i].asks, "the connection is closed");
		client_end(&c);
		end(&w);
	}
}

static void
a_chain_of_requests_takes_one_connection(void)
{
	static struct world w;
	struct client c;

	begin(&w, &quick, say_empty);
	client_begin(&c, &w);
	c.chain = CHAIN - 1;
	ask(&c, "127.0.0.1", STR("{}"));
	run(&w);
	ok_int(c.dones, CHAIN, "each begun where the one before ended");
	ok_int(w.npeers, 1, "one connection");
	ok(c.well, c.why);
	run_until(&w, &w.ended, 1);
	ok_int(w.ended, 1, "which is closed when it was idle for its time");
	client_end(&c);
	end(&w);
}

static void
a_provider_that_closes_soon_is_not_kept(void)
{
	static struct world w;
	struct client c;

	begin(&w, &(struct gw_up_limits){ LONG_MS, LONG_MS, LONG_MS, LONG_MS },
		say_goodbye_soon);
	client_begin(&c, &w);
	ask(&c, "127.0.0.1", STR("{}"));
	run(&w);
	run_until(&w, &w.ended, 1);
	ok_int(w.ended, 1, "its connection is closed before it does");
	client_end(&c);
	end(&w);
}

static void
without_descriptors_it_says_so(void)
{
	static struct world w;
	struct client c;
	struct rlimit usual, none;

	begin(&w, &quick, say_empty);
	client_begin(&c, &w);
	(void)getrlimit(RLIMIT_NOFILE, &usual);
	none = (struct rlimit){ (rlim_t)event_get_fd(w.listener) + 1, usual.rlim_max };
	(void)setrlimit(RLIMIT_NOFILE, &none);
	ask(&c, "127.0.0.1", STR("{}"));
	run(&w);
	(void)setrlimit(RLIMIT_NOFILE, &usual);
	ok_int(c.dones, 1, "it ends");
	ok(strstr(c.why, "Too many open files") != NULL, c.why);
	client_end(&c);
	end(&w);
}

static void
only_this_machine_is_asked_in_the_clear(void)
{
	static const char *const urls[] = { "http://192.0.2.1/v1",
		"http://127.example.org/", "http://[2001:db8::1]/", "ftp://127.0.0.1/",
		"http://127.0.0.1:0/", "" };
	static struct world w;
	const struct gw_up_calls calls = { on_head, on_body, on_done, NULL };

	begin(&w, &quick, say_empty);
	for (size_t i = 0; i < LEN(urls); i++) {
		const struct gw_up_request r = { .url = urls[i] };
		struct err e = ERR_INIT;

		ok(gw_up_start(w.up, &r, &calls, &e) == NULL, urls[i]);
		ok(e.text[0] != '\0', "and says why");
	}
	end(&w);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	each_limit_ends_a_transfer();
	hints_do_not_start_the_limit_of_the_head();
	a_connection_that_is_not_taken();
	nobody_there();
	a_pause_has_no_limit();
	pauses_lose_nothing();
	a_stop_ends_it_and_the_connection();
	a_cancel_is_the_end_at_every_point();
	a_chain_of_requests_takes_one_connection();
	a_provider_that_closes_soon_is_not_kept();
	without_descriptors_it_says_so();
	only_this_machine_is_asked_in_the_clear();
	return test_done();
}
