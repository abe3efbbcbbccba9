#include "gateway/upstream_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

static size_t
size_of(const union gw_address *at)
{
	return at->any.sa_family == AF_INET ? sizeof at->v4 : sizeof at->v6;
}

static bool
is_same(const union gw_address *a, const union gw_address *b)
{
	return a->any.sa_family == b->any.sa_family && memcmp(a, b, size_of(a)) == 0;
}

size_t
gw_link_addresses(const struct upstream_at *at, union gw_address out[GW_ADDRESSES_MAX])
{
	CLEANUP(mem_freep) char *host = mem_strdup_str(at->host);
	const in_port_t port = htons((uint16_t)at->port);
	const bool by_name = strcasecmp(host, "localhost") == 0;
	size_t n = 0;

	memset(out, 0, GW_ADDRESSES_MAX * sizeof *out);
	if (by_name || inet_pton(AF_INET, host, &out[n].v4.sin_addr) == 1) {
		out[n].v4.sin_family = AF_INET;
		out[n].v4.sin_port = port;
		if (by_name)
			out[n].v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (ntohl(out[n].v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
			return 0;
		n++;
	}
	if (by_name || inet_pton(AF_INET6, host, &out[n].v6.sin6_addr) == 1) {
		out[n].v6.sin6_family = AF_INET6;
		out[n].v6.sin6_port = port;
		if (by_name)
			out[n].v6.sin6_addr = in6addr_loopback;
		if (!IN6_IS_ADDR_LOOPBACK(&out[n].v6.sin6_addr))
			return 0;
		n++;
	}
	return n;
}

const char *
gw_link_name(const union gw_address *at, char out[GW_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (at->any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &at->v4.sin_addr, host, sizeof host);
		(void)snprintf(
			out, GW_ADDRESS_TEXT, "%s:%d", host, ntohs(at->v4.sin_port));
	} else {
		(void)inet_ntop(AF_INET6, &at->v6.sin6_addr, host, sizeof host);
		(void)snprintf(
			out, GW_ADDRESS_TEXT, "[%s]:%d", host, ntohs(at->v6.sin6_port));
	}
	return out;
}

/* Takes it out of the kept ones. */
static struct gw_link *
take_out(struct gw_links *all, size_t i)
{
	struct gw_link *l = all->kept[i];

	all->nkept--;
	for (; i < all->nkept; i++)
		all->kept[i] = all->kept[i + 1];
	return l;
}

void
gw_link_close(struct gw_link *l)
{
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->writable != NULL)
		event_free(l->writable);
	(void)close(l->fd);
	free(l);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct gw_link *l = arg;

	(void)fd;
	(void)what;
	if (l->user != NULL) {
		l->all->on_readable(l->user);
		return;
	}
	for (size_t i = 0; i < l->all->nkept; i++)
		if (l->all->kept[i] == l) {
			gw_link_close(take_out(l->all, i));
			break;
		}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct gw_link *l = arg;

	(void)fd;
	(void)what;
	l->all->on_writable(l->user); /* a kept one does not wait for this */
}

/* Nothing to read and no end: what was there a moment ago may be gone. */
static bool
is_alive(const struct gw_link *l)
{
	char one;

	return recv(l->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* The latest one first: it has the best chance to live. */
struct gw_link *
gw_link_take(struct gw_links *all, const union gw_address *at, void *user)
{
	for (size_t i = all->nkept; i-- > 0;) {
		struct gw_link *l;

		if (!is_same(&all->kept[i]->at, at))
			continue;
		l = take_out(all, i);
		if (is_alive(l)) {
			l->user = user;
			return l;
		}
		gw_link_close(l);
	}
	return NULL;
}

/* A kept connection is given up when there is no descriptor left for a new one. */
static int
new_socket(struct gw_links *all, int family)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(family, type, 0);

	while (fd < 0 && (errno == EMFILE || errno == ENFILE) && all->nkept > 0) {
		gw_link_close(take_out(all, 0));
		fd = socket(family, type, 0);
	}
	return fd;
}

struct gw_link *
gw_link_open(struct gw_links *all, const union gw_address *at, void *user)
{
	const int fd = new_socket(all, at->any.sa_family);
	const int on = 1;
	struct gw_link *l;
	int fault = 0;

	if (fd < 0)
		return NULL;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only slower */
	l = mem_alloc(sizeof *l);
	*l = (struct gw_link){ .all = all, .at = *at, .fd = fd, .user = user };
	l->readable = event_new(all->base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(all->base, fd, EV_WRITE | EV_PERSIST, on_writable, l);
	if (connect(fd, &at->any, (socklen_t)size_of(at)) < 0 && errno != EINPROGRESS)
		fault = errno;
	else if (l->readable == NULL || l->writable == NULL ||
		 event_add(l->writable, NULL) < 0)
		fault = ENOMEM;
	if (fault == 0)
		return l;
	gw_link_close(l);
	errno = fault;
	return NULL;
}

int
gw_link_error(const struct gw_link *l)
{
	int fault = 0;
	socklen_t n = sizeof fault;

	return getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &fault, &n) < 0 ? errno : fault;
}

void
gw_link_keep(struct gw_link *l, int64_t until)
{
	struct gw_links *all = l->all;

	if (all->nkept == GW_LINKS_KEPT)
		gw_link_close(take_out(all, 0));
	l->user = NULL;
	l->until = until;
	all->kept[all->nkept++] = l;
}

void
gw_links_expire(struct gw_links *all)
{
	for (size_t i = all->nkept; i-- > 0;)
		if (all->kept[i]->until <= all->now)
			gw_link_close(take_out(all, i));
}

void
gw_links_fini(struct gw_links *all)
{
	while (all->nkept > 0)
		gw_link_close(take_out(all, 0));
}
