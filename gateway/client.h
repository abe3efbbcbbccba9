#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

/*
 * How another program speaks to the person's gateway: one JSON line each way over the unix
 * socket ~/.pando/run/gateway.sock, which only the same user may open. One request per
 * connection:
 *
 *   {"op":"register","run":ID,"agent":"claude","agent_version":V,"root":P,
 *    "policy":PATH|null,"policy_sha256":H,"log":PATH|null}
 *                                                  -> {"ok":true,"port":N,"token":HEX64}
 *   {"op":"status"}  -> {"ok":true,"pid":N,"port":N,"runs":[{"run":..,"agent":..,
 *                       "agent_version":..,"root":..,"pid":N,"age_s":N,"model":..,
 *                       "tokens_per_run":N,"microusd_per_run":N,"sums":{NAME:N, ..}}]}
 *                       model: the last that answered, or ""; the budgets, 0: none; sums:
 *                       since the launch, by gw_sum_name() (gateway/budget.h)
 *   {"op":"stop"}    -> {"ok":true}                 ends the gateway
 *   {"op":"watch","run":ID}
 *                    -> {"ok":true}, then nothing until the gateway ends: {"bye":true} and
 *                       the end when it was told to, the end alone when it died
 *   {"op":"checkin","run":ID,"session":S}
 *                    -> {"ok":true}                 a session's hook has run
 *   {"op":"serve","run":ID,"role":"core"|"workspace"}
 *                    -> {"ok":true}, and then this connection can do nothing but, for this
 *                       server of this run, again and again:
 *        {"up":"tools"|"bare"}        it has answered its client; bare: it has no tools
 *                    -> {"ok":true}
 *        {"up":"listed"}              it has listed its tools to its client
 *                    -> {"ok":true}
 *        {"take":CALL,"tool":T,"args_sha256":H}     is about to make that call
 *                    -> {"ok":true} once, when the gateway let just that call through
 *   any failure      -> {"ok":false,"error":TEXT}
 *
 * Who checks in or serves is the run's process or was started below it, by the kernel's word
 * when it connected; such a connection may then be handed to another process.
 *
 * The registered process is the peer of the socket by the kernel's word; the run ends with
 * it, whatever it has become by exec. Then the gateway also removes ~/.pando/run/<run>/.
 *
 * In that folder, which it makes, the gateway leaves a record of the run (gateway/record.h,
 * 0600, with the token). The next gateway then goes on with the run: same port, same token,
 * same policy, as long as it is the same process and the policy's file has
 * the same digest. A gateway that is killed so costs its clients the exchanges that were
 * under way, which they repeat. Somebody has to start it again: whoever watches.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

enum {
	GW_LINE_MAX = 65536,
	GW_STATUS_MAX = 4 << 20,
	GW_START_MS = 5000,
	GW_REPLY_MS = 5000
};

struct gw_run {
	char id[ID_HEX + 1];
	int port;
	struct secret token;
};

struct gw_register {
	const char *run; /* id_new() */
	const char *agent, *agent_version, *root;
	const char
		*policy; /* path of the run's bundle (policy/layers.h), NULL: built-in */
	const char *policy_sha256;
	const char *log; /* the run's decision log, NULL: as the environment says */
};

/*
 * Starts the gateway when none runs (detached, own session, standard error to
 * ~/.pando/run/gateway.log), waits until it answers, registers the calling process.
 */
int gw_client_register(const struct gw_register *r, struct gw_run *run, struct err *e);
/* The reply line of "status", without starting one; 1 when there is no gateway. */
int gw_client_status(struct buf *reply, struct err *e);
/* Ends the gateway and waits until it is gone; 1 when there was none. */
int gw_client_stop(struct err *e);

/* --- the supervision of a run ------------------------------------------------------- */

/* The hook's. 1: there is no gateway. */
int gw_client_checkin(const char *run, const char *session, struct err *e);
/* *fd, the caller's, becomes a connection in serve mode. 1: there is no gateway. */
int gw_client_serve(const char *run, const char *role, int *fd, struct err *e);
/* Over that. 1: the connection has ended; -1: refused, or it failed. */
int gw_client_up(int fd, bool has_tools, struct err *e);
int gw_client_listed(int fd, struct err *e);
int gw_client_take(int fd, const char *call, const char *tool, const char *args_sha256,
	struct err *e);

/* --- watching ----------------------------------------------------------------------- */

/* Connects *fd, the caller's, and asks; never waits for the answer. 1: there is no gateway. */
int gw_client_watch(const char *run, int *fd, struct err *e);

enum gw_watch {
	GW_WATCH_SOON, /* no answer yet */
	GW_WATCH_ON,   /* the run is known there */
	GW_WATCH_BYE,  /* the gateway ended since it was told to */
	GW_WATCH_DIED  /* it ended otherwise */
};

enum { GW_WATCH_LINES_MAX = 4096 };

/*
 * What has happened, when the descriptor can be read; never waits. Keep the lines, of at
 * most GW_WATCH_LINES_MAX, as long as the descriptor. -1: the gateway does not know the run.
 */
int gw_client_watch_read(int fd, struct buf *lines, struct err *e);

/* A gateway that dies again and again is left alone. */
enum { GW_REVIVALS_MAX = 3, GW_REVIVALS_S = 60 };

struct gw_revivals {
	int64_t at_us[GW_REVIVALS_MAX]; /* the latest ones, in turn */
	size_t n;
};

/*
 * Starts a gateway as gw_client_register does, without waiting for it: *ready, the caller's,
 * can be read when it is there. Then gw_client_revived: 0 there is one, 1 another one starts
 * or ends just now: try to watch it.
 */
int gw_client_revive(struct gw_revivals *r, int *ready, struct err *e);
int gw_client_revived(int ready, struct err *e);

#endif
