#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

/*
 * The gateway as a whole: its place, its two doors, its runs, from start to end. It ends by
 * itself when no run has been there for as long as the policy of the last one says ([proxy]
 * linger_seconds), on SIGTERM, on SIGINT and when asked. When its program has been replaced it
 * hands over to the new one at the next launch, or on SIGHUP.
 */

#include "base/err.h"
#include "gateway/control.h"
#include "gateway/front.h"
#include "gateway/handover.h"
#include "gateway/heir.h"
#include "gateway/rundir.h"
#include "gateway/runs.h"
#include "gateway/upstream.h"

enum { GW_LINGER_S = 10 }; /* before there was a run */

enum { GW_SIGNALS = 3 };

struct gw_server {
	struct event_base *base;
	struct gw_rundir dir;
	struct rec_log log;
	struct gw_runs runs;
	struct gw_upstream *up;
	struct gw_front front;
	struct gw_control control;
	struct event *linger;
	struct gw_program program;
	struct gw_handover handover;
	struct gw_heir heir;
	struct event *upgrade; /* soon: look whether the control socket is quiet */
	struct event *drained; /* a look now and then, when another one has our place */
	bool draining;
	struct event *on_signal[GW_SIGNALS];
};

/* Descriptors that others have opened for us; -1: none. */
struct gw_server_from {
	int channel; /* of a gateway that hands over (handover.h) */
	int control; /* the control socket, of systemd (sd_listen_fds(3)) */
};

/* 1: open, both doors answer. 0: another gateway has the place. -1: it cannot. */
int gw_server_open(struct gw_server *s, const struct gw_server_from *from, struct err *e);
/* Open by a channel: says so there, and hears from then on; the channel is consumed. */
int gw_server_inherit(struct gw_server *s, int channel, struct err *e);
void gw_server_run(struct gw_server *s);
/* Takes what gw_server_open has left behind in every case. */
void gw_server_close(struct gw_server *s);

#endif
