#include "gateway/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/door.h"
#include "gateway/head.h"
#include "gateway/http.h"

enum { STATUS_UPGRADE_REQUIRED = 426, BUSY = 503, FORBIDDEN = 403 };

/* No descriptor of a connection is above this; runs and providers need some, too. */
enum { GW_FDS_MAX = 4096 };

static void
turn_away(struct gw_front *f, struct evhttp_request *q, struct gw_reg *run,
	const struct gw_http_refusal *r)
{
	const struct rec_who who = run != NULL ? gw_reg_who(run) : (struct rec_who){ 0 };
	struct err e = ERR_INIT;

	/* it is turned away in any case */
	if (gw_audit_refused(
		    run != NULL ? &run->log : f->log, &who, r->api, r->text, &e) < 0)
		log_error("%s", e.text);
	gw_http_refuse(q, r);
}

/* Codex asks for a websocket first and takes 426 as "use POST instead". */
static bool
wants_websocket(struct evhttp_request *q)
{
	const char *to = evhttp_find_header(
		evhttp_request_get_input_headers(q), "Upgrade");

	return to != NULL && gw_head_lists(str_of(to), STR("websocket"));
}

static void
on_run_request(
	struct gw_front *f, struct gw_reg *run, struct evhttp_request *q, struct str rest)
{
	const struct gw_route route = gw_route(run->agent, gw_http_method(q), rest);
	struct gw_http_refusal r = { .api = route.api, .final = true };

	if (wants_websocket(q)) {
		r.status = STATUS_UPGRADE_REQUIRED;
		r.text =
			"pando-ai: websockets are not supported: use POST and server-sent "
			"events";
	} else if (route.kind == GW_TO_NONE) {
		r.status = HTTP_NOTFOUND;
		r.text =
			"pando-ai: this path is not one that the gateway passes on for this "
			"agent";
	} else if (pol_mode_of(run->policy, run->agent) == POL_OFF) {
		r.status = HTTP_BADREQUEST;
		r.text =
			"pando-ai: the policy turns the gateway off for this agent, so it "
			"passes nothing";
	} else if (route.kind == GW_TO_PROBE) {
		gw_http_empty(q);
		return;
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
	turn_away(f, q, run, &r);
}

static void
on_request(struct evhttp_request *q, void *arg)
{
	struct gw_front *f = arg;
	const struct str target = gw_http_target(q);
	struct gw_reg *run = NULL;
	struct str token, rest;

	if (gw_route_split(target, &token, &rest))
		run = gw_runs_find(f->runs, token);
	if (run != NULL) {
		on_run_request(f, run, q, rest);
		return;
	}
	turn_away(f, q, NULL,
		&(struct gw_http_refusal){ .api = gw_route_guess_api(target),
			.status = FORBIDDEN,
			.final = true,
			.text = "pando-ai: not the address of a living run: start the agent "
				"again through pando-ai" });
}

static bool
is_conn(const struct gw_front *f, int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;

	return fd != f->fd && getsockname(fd, (struct sockaddr *)&a, &n) == 0 &&
	       a.sin_family == AF_INET && ntohs(a.sin_port) == f->port;
}

/*
 * libevent keeps its connections to itself. The next free descriptor tells without counting
 * that there are few; when it does not, the descriptors are asked one by one.
 */
static bool
is_full(const struct gw_front *f)
{
	CLEANUP(fd_closep) int next = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	size_t n = 0;

	if (next < 0 || next >= GW_FDS_MAX)
		return true;
	if (next < GW_CONNS_MAX)
		return false;
	for (int fd = 0; fd < GW_FDS_MAX; fd++)
		n += is_conn(f, fd) && gw_door_keep(fd);
	return n >= GW_CONNS_MAX;
}

/* Called for the same event as libevent's own accept: what we take it does not see. */
static void
on_knock(evutil_socket_t listener, short what, void *arg)
{
	const struct gw_front *f = arg;

	(void)what;
	while (is_full(f)) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		(void)close(fd);
		log_debug("more than %d connections: one is closed", GW_CONNS_MAX);
	}
}

static int
listen_on_loopback(struct gw_front *f, struct event_base *base, struct err *e)
{
	struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(
		f->http, f->address, (ev_uint16_t)f->port);
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;

	if (s == NULL && errno == EADDRINUSE && f->port != 0)
		return 0;
	if (s == NULL)
		return err_sys(e, "listen on %s:%d", f->address, f->port);
	f->fd = evhttp_bound_socket_get_fd(s);
	if (getsockname(f->fd, (struct sockaddr *)&a, &n) < 0)
		return err_sys(e, "ask for our port");
	f->port = ntohs(a.sin_port);
	f->knock = event_new(base, f->fd, EV_READ | EV_PERSIST, on_knock, f);
	if (f->knock == NULL || event_add(f->knock, NULL) < 0)
		return err_set(e, ERR_GATEWAY, "no event for our port");
	return 1;
}

int
gw_front_open(struct gw_front *f, struct event_base *base, struct err *e)
{
	int got;

	f->http = evhttp_new(base);
	if (f->http == NULL)
		return err_set(e, ERR_GATEWAY, "libevent has no HTTP server for us");
	evhttp_set_gencb(f->http, on_request, f);
	evhttp_set_bevcb(f->http, gw_door_open, NULL);
	evhttp_set_default_content_type(f->http, NULL);
	evhttp_set_max_headers_size(f->http, GW_FIELDS_MAX);
	evhttp_set_max_body_size(f->http, GW_HTTP_BODY_MAX);
	evhttp_set_timeout(f->http, GW_KEEP_S);
	evhttp_set_allowed_methods(f->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
			EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	got = listen_on_loopback(f, base, e);
	if (got <= 0)
		gw_front_close(f);
	return got;
}

void
gw_front_close(struct gw_front *f)
{
	if (f->knock != NULL)
		event_free(f->knock);
	f->knock = NULL;
	if (f->http != NULL)
		evhttp_free(f->http);
	f->http = NULL;
}
