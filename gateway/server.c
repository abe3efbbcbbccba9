#include "gateway/server.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/place.h"
#include "gateway/audit.h"
#include "gateway/conn.h"
#include "gateway/ledger.h"
#include "gateway/restore.h"

static void
on_stop(void *to)
{
	struct gw_server *s = to;

	(void)event_base_loopbreak(s->base); /* fails without a loop only */
}

static void
begin_to_linger(struct gw_server *s, int seconds)
{
	const struct timeval limit = { seconds, 0 };

	if (event_add(s->linger, &limit) < 0)
		log_error("no timer: the gateway stays until it is told to end");
}

/* --- an upgrade in place -------------------------------------------------------------- */

enum { QUIET_US = 20000, DRAIN_LOOK_US = 200000 };

static void
look_again(struct event *timer, suseconds_t us)
{
	const struct timeval soon = { 0, us };

	if (event_add(timer, &soon) < 0)
		log_error("no timer for the upgrade");
}

static void
pause_doors(struct gw_server *s, bool pause)
{
	gw_control_pause(&s->control, pause);
	gw_front_pause(&s->front, pause);
}

static void
on_drain_look(evutil_socket_t fd, short what, void *arg)
{
	struct gw_server *s = arg;

	(void)fd;
	(void)what;
	if (s->front.http.n > 0)
		look_again(s->drained, DRAIN_LOOK_US);
	else
		on_stop(s);
}

static void
on_call_of_old(const struct gw_reg *r, const struct gw_call *c, void *to)
{
	const struct gw_server *s = to;

	gw_heir_tell(s->handover.channel, r, c);
}

static void
on_sums_of_old(const struct gw_reg *r, void *to)
{
	const struct gw_server *s = to;

	gw_heir_tell_sums(s->handover.channel, r);
}

/* From here on the runs, their folders and the sockets are the new one's. */
static void
on_handed_over(void *to, bool taken)
{
	struct gw_server *s = to;

	if (!taken) {
		pause_doors(s, false);
		return;
	}
	log_debug("another gateway has our place: draining");
	s->draining = true;
	s->runs.on_call = on_call_of_old;
	s->runs.on_sums = on_sums_of_old;
	for (struct gw_reg *r = LIST_FIRST(&s->runs.head); r != NULL;
		r = LIST_NEXT(r, link)) {
		gw_ledger_yield(r);
		gw_heir_tell_all(s->handover.channel, r);
		gw_heir_tell_sums(s->handover.channel, r);
		gw_conn_drain(r);
	}
	gw_rundir_yield(&s->dir);
	gw_control_close(&s->control, false);
	gw_policies_stop(s->runs.policies);
	gw_front_drain(&s->front);
	(void)event_del(s->linger); /* it may not be pending */
	look_again(s->drained, DRAIN_LOOK_US);
}

static void
hand_over(struct gw_server *s)
{
	const int fds[GW_PLACE_FDS] = { [GW_LOCK_FD] = s->dir.lock,
		[GW_CONTROL_FD] = s->control.fd,
		[GW_TCP_FD] = s->front.tcp.fd,
		[GW_UNIX_FD] = s->front.local.fd };
	struct err e = ERR_INIT;

	pause_doors(s, true);
	s->handover.on_end = on_handed_over;
	s->handover.to = s;
	if (gw_handover_begin(&s->handover, s->base, s->program.path, fds, &e) == 0)
		return;
	log_error("%s", e.text);
	pause_doors(s, false);
}

static bool
has_unrecorded(const struct gw_server *s)
{
	const struct gw_reg *r;

	LIST_FOREACH(r, &s->runs.head, link)
	if (r->is_unrecorded)
		return true;
	return false;
}

static bool
has_waiting(const struct gw_server *s)
{
	const struct gw_reg *r;

	LIST_FOREACH(r, &s->runs.head, link)
	if (gw_conn_is_waiting(r))
		return true;
	return false;
}

/*
 * Who has asked something must get its answer from us, and what a request waits for would come
 * to the new one.
 */
static void
on_upgrade_look(evutil_socket_t fd, short what, void *arg)
{
	struct gw_server *s = arg;

	(void)fd;
	(void)what;
	/* what systemd has started it also replaces; it would not know the new one */
	if (s->draining || s->handover.channel >= 0 || s->dir.keeps_socket ||
		has_unrecorded(s))
		return;
	if (s->control.npeers > 0 || has_waiting(s))
		look_again(s->upgrade, QUIET_US);
	else if (gw_program_is_replaced(&s->program))
		hand_over(s);
}

/* --- what happens --------------------------------------------------------------------- */

static int
on_registered(struct gw_reg *r, void *to, struct err *e)
{
	struct gw_server *s = to;
	struct err why = ERR_INIT;

	if (gw_audit_run(r, "gateway_run_registered", e) < 0)
		return -1;
	r->is_unrecorded = gw_restore_leave(&s->dir, r, s->front.port, &why) < 0;
	if (r->is_unrecorded)
		log_error("run %s has no record and ends with this gateway: %s", r->id,
			why.text);
	else if (gw_ledger_open(&s->dir, r, &why) < 0)
		log_error("run %s: its sums end with this gateway: %s", r->id, why.text);
	(void)event_del(s->linger); /* it may not be pending */
	look_again(s->upgrade, QUIET_US);
	return 0;
}

/* Requests may wait for it. */
static int
on_checkin(struct gw_reg *r, const char *line, bool news, void *to, struct err *e)
{
	const struct gw_server *s = to;

	if (news && gw_restore_note(&s->dir, r, line, e) < 0)
		return -1;
	gw_conn_checked_in(r);
	return 0;
}

/* Without the line the next gateway compares a request once more. */
static void
on_offered(const struct gw_reg *r, void *to)
{
	const struct gw_server *s = to;
	struct err e = ERR_INIT;

	if (!s->draining && gw_restore_note(&s->dir, r, GW_OFFERED, &e) < 0)
		log_error("run %s: %s", r->id, e.text);
}

static void
on_run_ended(struct gw_reg *r, void *to)
{
	struct gw_server *s = to;
	struct err e = ERR_INIT;

	while (!LIST_EMPTY(&r->conns))
		gw_conn_abort(LIST_FIRST(&r->conns)); /* takes itself off the list */
	if (s->draining)
		return; /* the new gateway tells and tidies up */
	if (gw_audit_run(r, "gateway_run_ended", &e) < 0)
		log_error("run %s ended: %s", r->id, e.text);
	if (gw_rundir_remove(&s->dir, r->id, &e) < 0)
		log_error("run %s ended: %s", r->id, e.text);
	if (s->runs.n == 1) /* this one, until we return */
		begin_to_linger(s, pol_linger_seconds(r->policy));
}

static void
on_signal(evutil_socket_t no, short what, void *arg)
{
	struct gw_server *s = arg;

	(void)what;
	log_debug("signal %d", (int)no);
	if (no == SIGHUP)
		look_again(s->upgrade, QUIET_US);
	else
		on_stop(s);
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
	static const int signals[GW_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < GW_SIGNALS; i++) {
		s->on_signal[i] = evsignal_new(s->base, signals[i], on_signal, s);
		if (s->on_signal[i] == NULL || event_add(s->on_signal[i], NULL) < 0)
			return err_set(e, ERR_GATEWAY, "cannot watch for signals");
	}
	s->linger = evtimer_new(s->base, on_lonely, s);
	s->upgrade = evtimer_new(s->base, on_upgrade_look, s);
	s->drained = evtimer_new(s->base, on_drain_look, s);
	if (s->linger == NULL || s->upgrade == NULL || s->drained == NULL)
		return err_set(e, ERR_GATEWAY, "no timer");
	return 0;
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
open_front(struct gw_server *s, const int place[GW_PLACE_FDS], struct err *e)
{
	const int port = gw_restore_all(&s->dir, &s->runs, place[GW_TCP_FD] >= 0, e);
	int got;

	if (port < 0)
		return -1;
	s->front = (struct gw_front){ .runs = &s->runs,
		.up = s->up,
		.log = &s->log,
		.port = port,
		.address = GW_FRONT_ADDRESS,
		.socket = s->dir.http_socket,
		.given = { place[GW_TCP_FD], place[GW_UNIX_FD] } };
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
open_doors(struct gw_server *s, const int place[GW_PLACE_FDS], struct err *e)
{
	s->base = event_base_new();
	/* what the former gateway tells comes before all else (heir.h) */
	if (s->base == NULL || event_base_priority_init(s->base, 2) < 0)
		return err_set(e, ERR_GATEWAY, "libevent cannot be set up");
	gw_runs_init(&s->runs, s->base, on_run_ended, s);
	s->runs.on_offered = on_offered;
	s->up = gw_upstream_new(s->base, e);
	if (s->up == NULL || watch_signals(s, e) < 0)
		return -1;
	if (open_front(s, place, e) < 0)
		return -1;
	s->control = (struct gw_control){ .base = s->base,
		.runs = &s->runs,
		.port = s->front.port,
		.on_registered = on_registered,
		.checkins = { on_checkin, s },
		.on_stop = on_stop,
		.to = s,
		.fd = place[GW_CONTROL_FD] };
	return gw_control_open(&s->control, s->dir.socket, e);
}

/* 1: the place is ours, with its sockets when they are open already. */
static int
take_place(struct gw_server *s, const struct gw_server_from *from,
	int place[GW_PLACE_FDS], struct err *e)
{
	for (size_t i = 0; i < GW_PLACE_FDS; i++)
		place[i] = -1;
	if (from->channel >= 0) {
		if (gw_handover_take(from->channel, place, e) < 0 ||
			gw_rundir_adopt(&s->dir, place[GW_LOCK_FD], e) < 0)
			return -1;
		return 1;
	}
	place[GW_CONTROL_FD] = from->control;
	s->dir.keeps_socket = from->control >= 0;
	return gw_rundir_lock(&s->dir, e);
}

static int
open_all(struct gw_server *s, const struct gw_server_from *from, struct err *e)
{
	int place[GW_PLACE_FDS];
	int got;

	raise_limits();
	if (gw_program_init(&s->program, e) < 0 || gw_rundir_open(&s->dir, e) < 0)
		return -1;
	got = take_place(s, from, place, e);
	if (got <= 0)
		return got;
	if (open_own_log(s, e) < 0)
		return -1;
	gw_rundir_sweep(&s->dir);
	if (open_doors(s, place, e) < 0)
		return -1;
	if (s->runs.n == 0)
		begin_to_linger(s, GW_LINGER_S);
	return 1;
}

int
gw_server_open(struct gw_server *s, const struct gw_server_from *from, struct err *e)
{
	int got;

	*s = (struct gw_server){ .dir = { .fd = -1, .lock = -1 },
		.heir = { .channel = -1 },
		.log = { .fd = -1 },
		.front = { .given = { -1, -1 } },
		.control = { .fd = -1 },
		.handover = { .channel = -1 } };
	got = open_all(s, from, e);
	/* who wanted to hand its place over keeps it: lock and sockets are not ours to remove */
	if (got < 0 && from->channel >= 0)
		gw_rundir_yield(&s->dir);
	return got;
}

int
gw_server_inherit(struct gw_server *s, int channel, struct err *e)
{
	if (gw_handover_say(channel, "ready", e) < 0) {
		(void)close(channel);
		return -1;
	}
	s->heir.runs = &s->runs;
	return gw_heir_open(&s->heir, s->base, channel, e);
}

void
gw_server_run(struct gw_server *s)
{
	(void)event_base_dispatch(s->base); /* ends by on_stop only */
}

void
gw_server_close(struct gw_server *s)
{
	struct event *const timers[] = { s->linger, s->upgrade, s->drained };
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
	gw_control_close(&s->control, true);
	gw_heir_close(&s->heir);
	gw_handover_fini(&s->handover);
	gw_program_fini(&s->program);
	for (size_t i = 0; i < GW_SIGNALS; i++)
		if (s->on_signal[i] != NULL)
			event_free(s->on_signal[i]);
	for (size_t i = 0; i < LEN(timers); i++)
		if (timers[i] != NULL)
			event_free(timers[i]);
	if (s->base != NULL)
		event_base_free(s->base);
	rec_close(&s->log);
}
