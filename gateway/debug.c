#include "gateway/debug.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/place.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/front.h"
#include "policy/layers.h"
#include "policy/upstream.h"

enum { SIGNALS = 2, PORT_DIGITS = 5 };

struct debug {
	struct event_base *base;
	struct gw_runs runs;
	struct gw_upstream *up;
	struct rec_log log;
	struct gw_front front;
	struct event *on_signal[SIGNALS];
	struct str root; /* of the upstream's URL; empty: the policy's */
};

static void
on_run_ended(struct gw_reg *r, void *to)
{
	(void)r; /* it is our own process, which ends otherwise */
	(void)to;
}

static void
on_signal(evutil_socket_t no, short what, void *arg)
{
	struct debug *d = arg;

	(void)no;
	(void)what;
	(void)event_base_loopbreak(d->base); /* fails without a loop only */
}

static int
read_port(const char *digits, int *port)
{
	char *end;
	const long n = strtol(digits, &end, 10);

	if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || n > UINT16_MAX ||
		strlen(digits) > PORT_DIGITS)
		return -1;
	*port = (int)n;
	return 0;
}

/* "127.0.0.1:8080"; the address is checked where it is listened on. */
static int
read_listen(struct debug *d, const char *text, struct err *e)
{
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	struct in_addr a;

	if (text == NULL)
		return 0;
	if (colon == NULL || colon == text ||
		(size_t)(colon - text) >= sizeof d->front.address ||
		read_port(colon + 1, &d->front.port) < 0)
		return err_set(e, ERR_USAGE, "--listen %s: want ADDRESS:PORT", text);
	memcpy(d->front.address, text, (size_t)(colon - text));
	d->front.address[colon - text] = '\0';
	if (strcmp(d->front.address, "localhost") == 0)
		(void)strcpy(d->front.address, GW_FRONT_ADDRESS);
	if (inet_pton(AF_INET, d->front.address, &a) != 1 ||
		ntohl(a.s_addr) >> 24 != IN_LOOPBACKNET)
		return err_set(e, ERR_USAGE,
			"--listen %s: want a loopback address (127.0.0.1): keys and code "
			"would cross the network in the clear",
			text);
	return 0;
}

/* The URL without "/v1", which is the OpenAI API's own. */
static int
read_upstream(struct debug *d, const char *url, struct err *e)
{
	const struct str version = STR("/v1");
	const char *fault;

	if (url == NULL)
		return 0;
	d->root = upstream_trimmed(str_of(url));
	fault = upstream_fault(d->root);
	if (fault != NULL)
		return err_set(e, ERR_USAGE, "--upstream %s: %s", url, fault);
	if (str_ends(d->root, version))
		d->root = upstream_trimmed(
			(struct str){ d->root.p, d->root.n - version.n });
	return 0;
}

static int
add_run(struct debug *d, enum pol_agent agent, const struct policy *p, struct err *e)
{
	CLEANUP(mem_freep) char *bundle = pol_bundle_save(p, e);
	CLEANUP(mem_freep) char *here = getcwd(NULL, 0);
	char id[ID_HEX + 1];
	struct gw_reg *r;
	const char *const v1 = agent == POL_CODEX ? "/v1" : "";

	if (bundle == NULL || id_new(id, e) < 0)
		return -1;
	if (here == NULL)
		return err_sys(e, "ask where we are");
	r = gw_runs_add(&d->runs,
		&(struct gw_register){ .run = id,
			.agent = pol_agent_name(agent),
			.agent_version = "debug",
			.root = here,
			.policy = bundle,
			.policy_sha256 = pol_digest(p) },
		getpid(), e);
	if (r == NULL)
		return -1;
	r->is_debug = true;
	if (d->root.n > 0)
		r->upstream = mem_printf(STR_FMT "%s", STR_ARG(d->root), v1);
	return gw_audit_run(r, "gateway_run_registered", e);
}

static int
add_runs(struct debug *d, const char *file, struct err *e)
{
	struct policy *p = file != NULL ? pol_load_with(NULL, POL_USER, file, e)
					: pol_load_live(NULL, e);
	int got = 0;

	if (p == NULL)
		return -1;
	for (int a = 0; a < POL_AGENTS && got == 0; a++)
		got = add_run(d, (enum pol_agent)a, p, e);
	pol_free(p);
	return got;
}

static int
open_all(struct debug *d, const struct gw_debug *want, struct err *e)
{
	CLEANUP(mem_freep) char *log = place_decision_log(e);
	static const int signals[SIGNALS] = { SIGTERM, SIGINT };
	int got;

	if (log == NULL || rec_open(&d->log, log, NULL, e) < 0 ||
		add_runs(d, want->policy, e) < 0)
		return -1;
	d->up = gw_upstream_new(d->base, e);
	if (d->up == NULL)
		return -1;
	d->front.up = d->up;
	got = gw_front_open(&d->front, d->base, e);
	if (got == 0)
		return err_set(
			e, ERR_GATEWAY, "--listen %s: the port is taken", want->listen);
	for (size_t i = 0; got > 0 && i < SIGNALS; i++) {
		d->on_signal[i] = evsignal_new(d->base, signals[i], on_signal, d);
		if (d->on_signal[i] == NULL || event_add(d->on_signal[i], NULL) < 0)
			return err_set(e, ERR_GATEWAY, "cannot watch for signals");
	}
	return got < 0 ? -1 : 0;
}

static int
say_urls(struct debug *d, struct err *e)
{
	static const char *const word[GW_APIS] = { "messages", "responses" };
	const struct gw_reg *r;

	for (int api = 0; api < GW_APIS; api++)
		LIST_FOREACH(r, &d->runs.head, link)
	if (gw_route_api(r->agent) == (enum gw_api)api)
		printf("%s http://%s:%d/run/%s%s\n", word[api], d->front.address,
			d->front.port, r->token.hex, api == GW_RESPONSES ? "/v1" : "");
	return fflush(stdout) == 0 ? 0 : err_sys(e, "write to standard output");
}

static void
end_run(struct gw_reg *r)
{
	struct err e = ERR_INIT;

	while (!LIST_EMPTY(&r->conns))
		gw_conn_abort(LIST_FIRST(&r->conns));
	(void)gw_audit_run(r, "gateway_run_ended", &e); /* it ends in any case */
}

static void
close_all(struct debug *d)
{
	for (struct gw_reg *r = LIST_FIRST(&d->runs.head); r != NULL;
		r = LIST_NEXT(r, link))
		end_run(r);
	gw_front_close(&d->front);
	gw_runs_fini(&d->runs);
	gw_upstream_free(d->up);
	for (size_t i = 0; i < SIGNALS; i++)
		if (d->on_signal[i] != NULL)
			event_free(d->on_signal[i]);
	event_base_free(d->base);
	rec_close(&d->log);
}

int
gw_debug_serve(const struct gw_debug *want, struct err *e)
{
	struct debug d = { .log = { .fd = -1 }, .base = event_base_new() };
	int got;

	if (d.base == NULL)
		return err_set(e, ERR_GATEWAY, "libevent cannot be set up");
	gw_runs_init(&d.runs, d.base, on_run_ended, &d);
	d.front = (struct gw_front){ .runs = &d.runs,
		.log = &d.log,
		.address = GW_FRONT_ADDRESS,
		.given = { -1, -1 } };
	got = read_listen(&d, want->listen, e);
	if (got == 0)
		got = read_upstream(&d, want->upstream, e);
	if (got == 0)
		got = open_all(&d, want, e);
	if (got == 0)
		got = say_urls(&d, e);
	if (got == 0)
		(void)event_base_dispatch(d.base); /* ends by on_signal only */
	close_all(&d);
	return got;
}
