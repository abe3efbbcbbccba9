#include "gateway/front.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/head.h"
#include "gateway/http.h"

enum { STATUS_UPGRADE_REQUIRED = 426, BUSY = 503, FORBIDDEN = 403 };

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

static int
listen_on_loopback(struct gw_front *f, struct err *e)
{
	struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(
		f->http, "127.0.0.1", 0);
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;

	if (s == NULL)
		return err_sys(e, "listen on 127.0.0.1");
	if (getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &n) < 0)
		return err_sys(e, "ask for our port");
	f->port = ntohs(a.sin_port);
	return 0;
}

int
gw_front_open(struct gw_front *f, struct event_base *base, struct err *e)
{
	f->http = evhttp_new(base);
	if (f->http == NULL)
		return err_set(e, ERR_GATEWAY, "libevent has no HTTP server for us");
	evhttp_set_gencb(f->http, on_request, f);
	evhttp_set_default_content_type(f->http, NULL);
	evhttp_set_max_headers_size(f->http, GW_FIELDS_MAX);
	evhttp_set_max_body_size(f->http, GW_HTTP_BODY_MAX);
	evhttp_set_timeout(f->http, GW_KEEP_S);
	evhttp_set_allowed_methods(f->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
			EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	return listen_on_loopback(f, e);
}

void
gw_front_close(struct gw_front *f)
{
	if (f->http != NULL)
		evhttp_free(f->http);
	f->http = NULL;
}
