#include "gateway/front.h"

#include <event2/event.h>
#include <stdio.h>
#include <strings.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/head.h"

enum {
	BAD_REQUEST = 400,
	FORBIDDEN = 403,
	NOT_FOUND = 404,
	UPGRADE_REQUIRED = 426,
	BUSY = 503
};

enum { US_PER_MS = 1000, NOTE_MAX = 512, PORT_DIGITS = 5 };

/* --- the log ---------------------------------------------------------------------- */

/* Anybody can make these happen as often as they like, so lines of a kind are joined. */
static void
tell(struct gw_front *f, enum gw_fault kind, enum gw_api api, const char *why)
{
	const struct rec_who nobody = { 0 };
	const int64_t now = clock_mono_us();
	struct err e = ERR_INIT;
	char note[NOTE_MAX];

	if (f->told[kind].at != 0 &&
		now - f->told[kind].at < (int64_t)GW_TELL_MS * US_PER_MS) {
		f->told[kind].untold++;
		return;
	}
	(void)snprintf(note, sizeof note, "%s", why);
	if (f->told[kind].untold > 0)
		(void)snprintf(note, sizeof note,
			"%s (and %zu times since the last line)", why,
			f->told[kind].untold);
	f->told[kind].at = now;
	f->told[kind].untold = 0;
	if (gw_audit_refused(f->log, &nobody, api, note, &e) < 0)
		log_error("%s", e.text);
}

static void
on_bad(const char *why, void *to)
{
	char note[NOTE_MAX];

	(void)snprintf(note, sizeof note, "pando-ai: a request was turned away: %s", why);
	tell(to, GW_FAULT_HTTP, GW_MESSAGES, note);
}

static void
on_fault(enum gw_door_fault why, uid_t whose, void *to)
{
	char note[NOTE_MAX];

	if (why == GW_DOOR_FULL) {
		tell(to, GW_FAULT_FULL, GW_MESSAGES,
			"pando-ai: too many connections at a time: one is closed");
		return;
	}
	(void)snprintf(note, sizeof note,
		"pando-ai: a connection of another user of this machine, %u, is broken",
		(unsigned int)whose);
	tell(to, GW_FAULT_USER, GW_MESSAGES, note);
}

/* --- requests ------------------------------------------------------------------------ */

static bool
is_port(struct str s)
{
	if (s.n == 0)
		return true;
	if (s.n < 2 || s.n > PORT_DIGITS + 1 || s.p[0] != ':')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

bool
gw_front_is_host(struct str host, const char *address)
{
	const char *const names[] = { "127.0.0.1", "localhost", "[::1]", address };

	for (size_t i = 0; i < LEN(names); i++) {
		const size_t n = strlen(names[i]);

		if (host.n >= n && strncasecmp(host.p, names[i], n) == 0 &&
			is_port(str_skip(host, n)))
			return true;
	}
	return false;
}

static void
forbid(struct gw_front *f, struct gw_req *q, enum gw_fault kind, const char *text)
{
	const enum gw_api api = gw_route_guess_api(gw_http_target(q));

	tell(f, kind, api, text);
	gw_http_refuse(q,
		&(struct gw_http_refusal){
			.api = api, .status = FORBIDDEN, .final = true, .text = text });
}

static void
turn_away(struct gw_req *q, struct gw_reg *run, const struct gw_http_refusal *r)
{
	const struct rec_who who = gw_reg_who(run);
	struct err e = ERR_INIT;

	/* it is turned away in any case */
	if (gw_audit_refused(&run->log, &who, r->api, r->text, &e) < 0)
		log_error("%s", e.text);
	gw_http_refuse(q, r);
}

/* Codex asks for a websocket first and takes 426 as "use POST instead". */
static bool
wants_websocket(const struct gw_req *q)
{
	return gw_head_lists(gw_head_get(gw_http_lines(q), "upgrade"), STR("websocket"));
}

static void
on_run_request(struct gw_front *f, struct gw_reg *run, struct gw_req *q, struct str rest)
{
	const struct gw_route route = gw_route(run->agent, gw_http_method(q), rest);
	struct gw_http_refusal r = { .api = route.api, .final = true };
	char text[NOTE_MAX];

	if (wants_websocket(q) && (!route.socket || !pol_websocket(run->policy))) {
		r.status = UPGRADE_REQUIRED;
		r.text =
			"pando-ai: no WebSocket here: use POST and server-sent events, or set "
			"websocket = true in [proxy] of the policy";
	} else if (route.socket && run->nsockets >= GW_RUN_SOCKETS_MAX) {
		r.status = UPGRADE_REQUIRED;
		r.text =
			"pando-ai: too many WebSockets of this run at a time: use POST and "
			"server-sent events";
	} else if (route.kind == GW_TO_NONE || (route.socket && !wants_websocket(q))) {
		r.status = NOT_FOUND;
		r.text =
			"pando-ai: this path is not one that the gateway passes on for this "
			"agent";
	} else if (pol_mode_of(run->policy, run->agent) == POL_OFF) {
		r.status = BAD_REQUEST;
		r.text =
			"pando-ai: the policy turns the gateway off for this agent, so it "
			"passes nothing";
	} else if (route.kind == GW_TO_PROBE) {
		gw_http_empty(q);
		return;
	} else if (gw_http_length(q) > GW_HTTP_BODY_MAX) {
		(void)snprintf(text, sizeof text,
			"pando-ai: the request has %ju bytes, the gateway takes at most %d",
			(uintmax_t)gw_http_length(q), GW_HTTP_BODY_MAX);
		r.status = BAD_REQUEST;
		r.text = text;
	} else if (run->nconns >= GW_RUN_CONNS_MAX) {
		r.status = BUSY;
		r.final = false;
		r.text =
			"pando-ai: too many requests of this run at a time: try again later";
	} else {
		gw_policies_ask(run);
		gw_conn_start(run, f->up, &route, q);
		return;
	}
	turn_away(q, run, &r);
}

static void
on_head(struct gw_req *q, void *to)
{
	struct gw_front *f = to;
	struct gw_reg *run = NULL;
	struct str token, rest;

	if (!gw_front_is_host(gw_http_host(q), f->address)) {
		forbid(f, q, GW_FAULT_HOST,
			"pando-ai: the request is for another host: agents ask for 127.0.0.1");
		return;
	}
	if (gw_head_count(gw_http_lines(q), "origin") > 0) {
		forbid(f, q, GW_FAULT_ORIGIN,
			"pando-ai: the request comes from a web page, and no agent is one");
		return;
	}
	if (gw_route_split(gw_http_target(q), &token, &rest))
		run = gw_runs_find(f->runs, token);
	if (run != NULL)
		on_run_request(f, run, q, rest);
	else
		forbid(f, q, GW_FAULT_TOKEN,
			"pando-ai: not the address of a living run: start the agent again "
			"through pando-ai");
}

/* --- the doors ------------------------------------------------------------------------ */

static void
on_guest(int fd, void *to)
{
	struct gw_front *f = to;

	gw_http_take(&f->http, fd);
}

static bool
is_full(void *to)
{
	const struct gw_front *f = to;

	return f->http.n >= f->max;
}

/* Each exchange has a connection to the provider as well. */
static size_t
connections_max(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 ||
		r.rlim_cur / 2 >= GW_CONNS_MAX + GW_FDS_KEPT / 2)
		return GW_CONNS_MAX;
	return r.rlim_cur / 2 > GW_FDS_KEPT ? (size_t)(r.rlim_cur - GW_FDS_KEPT) / 2
					    : (size_t)r.rlim_cur / 4;
}

int
gw_front_open(struct gw_front *f, struct event_base *base, struct err *e)
{
	const struct gw_door door = { .on_guest = on_guest,
		.on_fault = on_fault,
		.is_full = is_full,
		.to = f,
		.fd = -1,
		.spare = -1,
		.kernel = -1 };
	int got;

	f->tcp = f->local = door;
	f->tcp.fd = fd_take(&f->given[0]);
	f->local.fd = fd_take(&f->given[1]);
	f->max = connections_max();
	f->http = (struct gw_http){ .base = base,
		.memory = &f->runs->memory,
		.on_head = on_head,
		.on_bad = on_bad,
		.to = f };
	if (gw_http_open(&f->http, e) < 0)
		return -1;
	got = gw_door_open_tcp(&f->tcp, base, f->address, &f->port, e);
	if (got > 0 && f->socket != NULL)
		got = gw_door_open_unix(&f->local, base, f->socket, e);
	if (got <= 0)
		gw_front_close(f);
	return got;
}

void
gw_front_pause(struct gw_front *f, bool pause)
{
	gw_door_pause(&f->tcp, pause);
	gw_door_pause(&f->local, pause);
}

void
gw_front_drain(struct gw_front *f)
{
	gw_door_close(&f->tcp);
	gw_door_close(&f->local);
	gw_http_drain(&f->http);
}

void
gw_front_close(struct gw_front *f)
{
	if (f->tcp.to == NULL)
		return; /* never opened: its descriptors may be anybody's */
	gw_door_close(&f->tcp);
	gw_door_close(&f->local);
	gw_http_close(&f->http);
}
