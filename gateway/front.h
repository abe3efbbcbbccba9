#ifndef GATEWAY_FRONT_H
#define GATEWAY_FRONT_H

/*
 * Where agents are heard: HTTP on a loopback port, and on a unix socket for clients that can
 * use one. A request gets in with the token of a living run and a path that is known for its
 * agent; all else is answered here, as soon as its head is there.
 *
 * A browser can be made to send requests to this port: by a page of any origin, and under a
 * name that means our address since a minute (DNS rebinding). So Host must name this machine
 * and Origin must not be there; no agent sends one.
 */

#include "base/err.h"
#include "gateway/door.h"
#include "gateway/http.h"
#include "gateway/runs.h"
#include "gateway/upstream.h"
#include "policy/record.h"

#define GW_FRONT_ADDRESS "127.0.0.1"

enum {
	GW_CONNS_MAX = 4096, /* at a time, of whomever; more are closed at once */
	GW_FDS_KEPT = 256,   /* descriptors that connections leave for all else */
	GW_TELL_MS = 10 *
		     1000, /* one line in the log for all faults of a kind meanwhile */
};

enum gw_fault {
	GW_FAULT_USER,
	GW_FAULT_FULL,
	GW_FAULT_HTTP, /* what is no request */
	GW_FAULT_HOST,
	GW_FAULT_ORIGIN,
	GW_FAULT_TOKEN,
	GW_FAULTS
};

struct gw_front {
	char address[sizeof "255.255.255.255"]; /* a loopback one */
	int port;                               /* the wish, 0: any; then what it is */
	const char *socket;                     /* a path, or NULL: none */
	struct gw_runs *runs;
	struct gw_upstream *up;
	struct rec_log *log; /* for what belongs to no run */
	int given[2]; /* sockets that listen already, TCP and unix, or -1; ours now */
	/* private */
	struct gw_http http;
	struct gw_door tcp, local;
	size_t max; /* connections */
	struct {
		int64_t at;
		size_t untold;
	} told[GW_FAULTS];
};

/* given is set. 1: open. 0: the wished port is taken, nothing is open. */
int gw_front_open(struct gw_front *f, struct event_base *base, struct err *e);
/* Lets nobody in, and goes on. */
void gw_front_pause(struct gw_front *f, bool pause);
/* Listens no more; a connection ends with its exchange, at once when it has none. */
void gw_front_drain(struct gw_front *f);
void gw_front_close(struct gw_front *f); /* after the exchanges */

/* Pure: 127.0.0.1, localhost or [::1], or what we listen on, with or without a port. */
bool gw_front_is_host(struct str host, const char *address);

#endif
