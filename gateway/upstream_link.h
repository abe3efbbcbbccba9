#ifndef GATEWAY_UPSTREAM_LINK_H
#define GATEWAY_UPSTREAM_LINK_H

/*
 * TCP connections to providers on this machine, and those of them that are kept for another
 * request. For upstream_plain.c only.
 *
 * A link has a user, or it is kept. A kept one that can be read has ended, or its provider
 * says something unasked: it is closed at once, and asked once more before it is used.
 */

#include <netinet/in.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/upstream.h"

enum {
	GW_LINKS_KEPT = 256,  /* at most; the oldest one makes room */
	GW_ADDRESSES_MAX = 2, /* of a name */
	GW_ADDRESS_TEXT = 64
};

struct event;
struct event_base;

union gw_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct gw_link {
	struct gw_links *all;
	union gw_address at;
	int fd;
	struct event *readable,
		*writable; /* the first one is always on, but while paused */
	void *user;        /* NULL: kept */
	int64_t until;     /* kept: when it is closed, by all->now */
};

struct gw_links {
	struct event_base *base;
	struct gw_link *kept[GW_LINKS_KEPT]; /* the oldest one first */
	size_t nkept;
	int64_t now; /* monotonic ms, as its owner sets it now and then */
	void (*on_readable)(void *user);
	void (*on_writable)(void *user);
};

/* The addresses of a loopback host, no name service asked; 0: it is not one. */
size_t gw_link_addresses(
	const struct upstream_at *at, union gw_address out[GW_ADDRESSES_MAX]);
const char *gw_link_name(const union gw_address *at, char out[GW_ADDRESS_TEXT]);

/* A kept one to that address, or NULL. */
struct gw_link *gw_link_take(
	struct gw_links *all, const union gw_address *at, void *user);
/* Begins to connect: on_writable tells that it has ended, gw_link_error how. NULL: errno. */
struct gw_link *gw_link_open(
	struct gw_links *all, const union gw_address *at, void *user);
int gw_link_error(const struct gw_link *l); /* errno's value; 0: it is connected */
/* It has no user any more: kept until then, by all->now. */
void gw_link_keep(struct gw_link *l, int64_t until);
void gw_link_close(struct gw_link *l);

void gw_links_expire(struct gw_links *all); /* by all->now */
void gw_links_fini(struct gw_links *all);   /* those that are kept */

#endif
