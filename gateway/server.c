#include "gateway/server.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/place.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/ledger.h"
#include "gateway/restore.h"

static void
begin_to_linger(struct gw_server *s, int seconds)
{
	const struct timeval limit = { seconds, 0 };

	if (event_add(s->linger, &limit) < 0)
		log_error("no timer: the gateway stays until it is told to end");
}

static int
on_registered(struct gw_reg *r, void *to, struct err *e)
{
	struct gw_server *s = to;
	struct err why = ERR_INIT;

	if (gw_audit_run(r, "gateway_run_registered", e) < 0)
		return -1;
	if (gw_restore_leave(&s->dir, r, s->front.port, &why) < 0)
		log_error("run %s has no record and ends with this gateway: %s", r->id,
			why.text);
	else if (gw_ledger_open(&s->dir, r, &why) < 0)
		log_error("run %s: its sums end with this gateway: %s", r->id, why.text);
	(void)event_del(s->linger); /* it may not be pending */
	return 0;
}

static void
on_run_ended(struct gw_reg *r, void *to)
{
	struct gw_server *s = to;
	struct err e = ERR_INIT;

	while (!LIST_EMPTY(&r->conns))
		gw_conn_abort(LIST_FIRST(&r->conns)); /* takes itself off the list */
	if (gw_audit_run(r, "gateway_run_ended", &e) < 0)
		log_error("run %s ended: %s", r->id, e.text);
	if (gw_rundir_remove(&s->dir, r->id, &e) < 0)
		log_error("run %s ended: %s", r->id, e.text);
	if (s->runs.n == 1) /* this one, until we return */
		begin_to_linger(s, pol_linger_seconds(r->policy));
}

static void
on_stop(void *to)
{
	struct gw_server *s = to;

	(void)event_base_loopbreak(s->base); /* fails without a loop only */
}

static void
on_signal(evutil_socket_t no, short what, void *arg)
{
	(void)what;
	log_debug("signal %d: ending", (int)no);
	on_stop(arg);
}

static void
on_lonely(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_debug("no run for long: ending");
	on_stop(arg);
}

static int
watch_signals(struct gw_server *s, struct err *e)
{
	static const int signals[GW_SIGNALS] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < GW_SIGNALS; i++) {
		s->on_signal[i] = evsignal_new(s->base, signals[i], on_signal, s);
		if (s->on_signal[i] == NULL || event_add(s->on_signal[i], NULL) < 0)
			return err_set(e, ERR_GATEWAY, "cannot watch for signals");
	}
	s->linger = evtimer_new(s->base, on_lonely, s);
	return s->linger == NULL ? err_set(e, ERR_GATEWAY, "no timer") : 0;
}

/* Agents with many subagents open many connections; the soft limit is for select(2). */
static void
raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r); /* works with fewer, too */
	}
}

static int
open_own_log(struct gw_server *s, struct err *e)
{
	CLEANUP(mem_freep) char *path = place_decision_log(e);

	return path == NULL ? -1 : rec_open(&s->log, path, NULL, e);
}

/* The runs of the gateway before us know one port. */
static int
open_front(struct gw_server *s, struct err *e)
{
	const int port = gw_restore_all(&s->dir, &s->runs);
	int got;

	s->front = (struct gw_front){ .runs = &s->runs,
		.up = s->up,
		.log = &s->log,
		.port = port,
		.address = GW_FRONT_ADDRESS,
		.socket = s->dir.http_socket };
	got = gw_front_open(&s->front, s->base, e);
	if (got < 0)
		return -1;
	if (got == 0) {
		log_error("port %d is taken", port);
		s->front.port = 0;
	}
	gw_restore_settle(&s->dir, &s->runs, got > 0);
	return got > 0 ? 0 : gw_front_open(&s->front, s->base, e) > 0 ? 0 : -1;
}

static int
open_doors(struct gw_server *s, struct err *e)
{
	s->base = event_base_new();
	if (s->base == NULL)
		return err_set(e, ERR_GATEWAY, "libevent cannot be set up");
	gw_runs_init(&s->runs, s->base, on_run_ended, s);
	s->up = gw_upstream_new(s->base, e);
	if (s->up == NULL || watch_signals(s, e) < 0)
		return -1;
	if (open_front(s, e) < 0)
		return -1;
	s->control = (struct gw_control){ .base = s->base,
		.runs = &s->runs,
		.port = s->front.port,
		.on_registered = on_registered,
		.on_stop = on_stop,
		.to = s,
		.fd = -1 };
	return gw_control_open(&s->control, s->dir.socket, e);
}

int
gw_server_open(struct gw_server *s, struct err *e)
{
	int got;

	*s = (struct gw_server){ .dir = { .fd = -1, .lock = -1 },
		.log = { .fd = -1 },
		.control = { .fd = -1 } };
	raise_limits();
	if (gw_rundir_open(&s->dir, e) < 0)
		return -1;
	got = gw_rundir_lock(&s->dir, e);
	if (got <= 0)
		return got;
	if (open_own_log(s, e) < 0)
		return -1;
	gw_rundir_sweep(&s->dir);
	if (open_doors(s, e) < 0)
		return -1;
	if (s->runs.n == 0)
		begin_to_linger(s, GW_LINGER_S);
	return 1;
}

void
gw_server_run(struct gw_server *s)
{
	(void)event_base_dispatch(s->base); /* ends by on_stop only */
}

void
gw_server_close(struct gw_server *s)
{
	struct gw_reg *r;

	LIST_FOREACH(r, &s->runs.head, link)
	while (!LIST_EMPTY(&r->conns))
		gw_conn_abort(LIST_FIRST(&r->conns));
	gw_front_close(&s->front);
	if (s->base != NULL)
		gw_runs_fini(&s->runs);
	gw_upstream_free(s->up);
	/* socket and lock first: who asked us to stop waits for the end of its connection */
	gw_rundir_close(&s->dir);
	gw_control_close(&s->control);
	for (size_t i = 0; i < GW_SIGNALS; i++)
		if (s->on_signal[i] != NULL)
			event_free(s->on_signal[i]);
	if (s->linger != NULL)
		event_free(s->linger);
	if (s->base != NULL)
		event_base_free(s->base);
	rec_close(&s->log);
}
