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
 *                       "agent_version":..,"root":..,"pid":N}]}
 *   {"op":"stop"}    -> {"ok":true}                 ends the gateway
 *   any failure      -> {"ok":false,"error":TEXT}
 *
 * The registered process is the peer of the socket by the kernel's word; the run ends with
 * it, whatever it has become by exec. Then the gateway also removes ~/.pando/run/<run>/.
 */

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

enum { GW_LINE_MAX = 65536, GW_START_MS = 5000, GW_REPLY_MS = 5000 };

struct gw_run {
	char id[ID_HEX + 1];
	int port;
	struct secret token;
};

struct gw_register {
	const char *run; /* id_new() */
	const char *agent, *agent_version, *root;
	const char *policy; /* path of the policy file, NULL: built-in */
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

#endif
