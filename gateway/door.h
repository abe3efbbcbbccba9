#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

/*
 * Where the agents come in: a listening socket, and whose connections are let in.
 *
 * The port is open to every user of this machine, so the kernel is asked whose the other end
 * of a connection is (sock_diag(7); SO_PEERCRED of a unix socket), before a byte of it is
 * read. Where it does not know, the token alone decides.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct event;
struct event_base;

enum gw_door_fault {
	GW_DOOR_USER, /* another user's; it was closed */
	GW_DOOR_FULL, /* too many connections, or no descriptor left; it was closed */
};

struct gw_door {
	/* Ours from here on; non-blocking. */
	void (*on_guest)(int fd, void *to);
	void (*on_fault)(enum gw_door_fault why, uid_t whose, void *to);
	/* No more for now? They are closed at once, so that they do not wait. */
	bool (*is_full)(void *to);
	void *to;
	int fd; /* that listens already, or -1 */
	/* private */
	int spare, kernel;
	bool is_unix;
	struct event *knock, *later;
};

/* 1: open; 0: the wished port is taken. *port 0: any, then which. */
int gw_door_open_tcp(struct gw_door *d, struct event_base *base, const char *address,
	int *port, struct err *e);
/* Replaces what is at the path, and leaves it there: its folder's lock is the caller's. */
int gw_door_open_unix(
	struct gw_door *d, struct event_base *base, const char *path, struct err *e);
void gw_door_pause(struct gw_door *d, bool pause);
void gw_door_close(struct gw_door *d);

#endif
