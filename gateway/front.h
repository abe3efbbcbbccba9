#ifndef GATEWAY_FRONT_H
#define GATEWAY_FRONT_H

/*
 * The door for agents: HTTP on a loopback port. A request gets in with the token of a
 * living run and a path that is known for its agent; all else is answered here.
 */

#include "base/err.h"
#include "gateway/runs.h"
#include "gateway/upstream.h"
#include "policy/record.h"

struct event;
struct evhttp;

#define GW_FRONT_ADDRESS "127.0.0.1"

struct gw_front {
	struct evhttp *http;
	char address[sizeof "255.255.255.255"]; /* a loopback one */
	int port;                               /* the wish, 0: any; then what it is */
	struct gw_runs *runs;
	struct gw_upstream *up;
	struct rec_log *log; /* for what belongs to no run */
	int fd;              /* that we listen on */
	struct event *knock;
};

/*
 * Connections at a time, of whomever: a body is read before the token is looked at. More
 * are closed at once; how many more in one turn of the loop is the backlog's length.
 */
enum { GW_CONNS_MAX = 512 };

/* 1: open. 0: the wished port is taken, nothing is open. */
int gw_front_open(struct gw_front *f, struct event_base *base, struct err *e);
void gw_front_close(struct gw_front *f); /* after the exchanges */

#endif
