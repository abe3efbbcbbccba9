#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

/*
 * Who may stand at the agents' door, and how fast what they say is read.
 *
 * The port is open to every user of this machine, and a request is read whole before its
 * token is looked at: up to GW_HTTP_BODY_MAX bytes, by anyone. So a connection of another
 * user is broken at its first byte. The kernel tells whose the other end is (sock_diag(7));
 * where it does not, the token alone decides.
 */

#include <stdbool.h>

struct bufferevent;
struct event_base;

/* For evhttp_set_bevcb: a connection's bufferevent, which evhttp owns. */
struct bufferevent *gw_door_open(struct event_base *base, void *unused);
/* False: it is another user's, and breaks now. */
bool gw_door_keep(int fd);

#endif
