#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

/*
 * The control socket: one JSON line in, one out, as gateway/client.h has it. Only processes
 * of the same user are listened to, and who asks is the kernel's word.
 */

#include <sys/queue.h>

#include "base/err.h"
#include "gateway/runs.h"
#include "gateway/serve.h"

/* Watchers are many and cost nothing: one for each core server, and one for each server. */
enum { GW_PEERS_MAX = 64, GW_WATCHERS_MAX = 2048 };

struct event;
struct gw_peer;

struct gw_control {
	struct event_base *base;
	struct gw_runs *runs;
	int port; /* what a registered run is told */
	/* A run was registered: an error takes it back. */
	int (*on_registered)(struct gw_reg *r, void *to, struct err *e);
	struct gw_checkins checkins;
	void (*on_stop)(void *to);
	void *to;
	int fd;
	struct event *accept, *later;
	int spare;     /* a descriptor that is given up for a peer; -1: none left */
	bool is_short; /* no peer could be taken, and that was told */
	LIST_HEAD(gw_peers, gw_peer) peers;
	size_t npeers, nwatchers;
};

/* All up to fd are set by the caller; fd: a socket that listens, or -1. */
int gw_control_open(struct gw_control *c, const char *path, struct err *e);
/* Stops taking new connections, and goes on. */
void gw_control_pause(struct gw_control *c, bool pause);
/* Closes what is open; whoever asked to stop sees the end here. bye: watchers are told. */
void gw_control_close(struct gw_control *c, bool bye);

#endif
