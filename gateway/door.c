#include "gateway/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdio.h"

enum { REPLY_MAX = 1024, BACKLOG = 1024, AT_ONCE = 64, LATER_US = 200000 };

/* --- whose it is -------------------------------------------------------------------- */

struct ends {
	struct sockaddr_in us, them;
};

static bool
ask(int nl, const struct ends *c)
{
	const struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 r;
	} ask = {
		.head = { .nlmsg_len = sizeof ask,
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST },
		.r = { .sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = UINT32_MAX,
			.id = { .idiag_sport = c->them.sin_port,
				.idiag_dport = c->us.sin_port,
				.idiag_src = { c->them.sin_addr.s_addr },
				.idiag_dst = { c->us.sin_addr.s_addr },
				.idiag_cookie = { INET_DIAG_NOCOOKIE,
					INET_DIAG_NOCOOKIE } } },
	};

	return send(nl, &ask, sizeof ask, 0) == (ssize_t)sizeof ask;
}

/* False: the kernel does not know. A socket without an inode is nobody's any more. */
static bool
owner(int nl, const struct ends *c, uid_t *uid)
{
	union {
		struct nlmsghdr head;
		char bytes[REPLY_MAX];
	} reply;
	const struct inet_diag_msg *m;
	ssize_t n;

	if (nl < 0 || !ask(nl, c))
		return false;
	n = recv(nl, &reply, sizeof reply,
		MSG_DONTWAIT); /* it is there when send returns */
	if (n < (ssize_t)NLMSG_LENGTH(sizeof *m) ||
		reply.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	m = NLMSG_DATA(&reply.head);
	if (m->idiag_inode == 0 || m->id.idiag_sport != c->them.sin_port)
		return false;
	*uid = m->idiag_uid;
	return true;
}

static bool
is_ours(const struct gw_door *d, int fd, uid_t *uid)
{
	struct ends c = { 0 };
	socklen_t n = sizeof c.us, m = sizeof c.them;

	if (d->is_unix) {
		struct err e = ERR_INIT;
		pid_t pid;

		return fd_peer(fd, &pid, uid, &e) == 0 && *uid == geteuid();
	}
	return getsockname(fd, (struct sockaddr *)&c.us, &n) < 0 ||
	       getpeername(fd, (struct sockaddr *)&c.them, &m) < 0 ||
	       !owner(d->kernel, &c, uid) || *uid == geteuid();
}

/* --- guests --------------------------------------------------------------------------- */

static void
let_in(struct gw_door *d, int fd)
{
	uid_t uid = (uid_t)-1;

	if (d->is_full(d->to)) {
		(void)close(fd);
		d->on_fault(GW_DOOR_FULL, uid, d->to);
	} else if (!is_ours(d, fd, &uid)) {
		(void)close(fd);
		d->on_fault(GW_DOOR_USER, uid, d->to);
	} else {
		d->on_guest(fd, d->to);
	}
}

static void
pause_a_while(struct gw_door *d)
{
	const struct timeval wait = { 0, LATER_US };

	if (event_add(d->later, &wait) == 0)
		(void)event_del(d->knock); /* it is there */
}

/*
 * No descriptor is left: with the spare one the guest is taken and sent off, otherwise it
 * would knock for ever and the loop would spin.
 */
static void
send_off(struct gw_door *d)
{
	int fd;

	fd_closep(&d->spare);
	fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	d->on_fault(GW_DOOR_FULL, (uid_t)-1, d->to);
	if (fd < 0 || d->spare < 0)
		pause_a_while(d);
}

static void
on_knock(evutil_socket_t listener, short what, void *arg)
{
	struct gw_door *d = arg;

	(void)what;
	for (int i = 0; i < AT_ONCE; i++) {
		const int fd = accept4(
			listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			let_in(d, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			send_off(d);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct gw_door *d = arg;

	(void)fd;
	(void)what;
	if (d->spare < 0)
		d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (event_add(d->knock, NULL) < 0)
		pause_a_while(d);
}

/* --- the door ------------------------------------------------------------------------- */

static int
watch(struct gw_door *d, struct event_base *base, struct err *e)
{
	const int flags = fcntl(d->fd, F_GETFL);

	if (flags < 0 || fcntl(d->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "make our door not wait");
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	d->kernel = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	d->knock = event_new(base, d->fd, EV_READ | EV_PERSIST, on_knock, d);
	d->later = event_new(base, -1, 0, on_later, d);
	if (d->knock == NULL || d->later == NULL || event_add(d->knock, NULL) < 0)
		return err_set(e, ERR_GATEWAY, "no event for our door");
	return 1;
}

/* 1: the socket listens. 0: the port is taken. */
static int
listen_tcp(struct gw_door *d, const char *address, int port, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	const int one = 1;

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return err_set(e, ERR_GATEWAY, "listen on %s: not an address", address);
	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0 ||
		setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
		return err_sys(e, "make a socket");
	if (bind(d->fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
		listen(d->fd, BACKLOG) == 0)
		return 1;
	return errno == EADDRINUSE && port != 0
		       ? 0
		       : err_sys(e, "listen on %s:%d", address, port);
}

int
gw_door_open_tcp(struct gw_door *d, struct event_base *base, const char *address,
	int *port, struct err *e)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;
	int got = d->fd >= 0 ? 1 : listen_tcp(d, address, *port, e);

	if (got > 0 && getsockname(d->fd, (struct sockaddr *)&a, &n) < 0)
		got = err_sys(e, "ask for our port");
	if (got > 0)
		got = watch(d, base, e);
	*port = got > 0 ? ntohs(a.sin_port) : *port;
	if (got <= 0)
		gw_door_close(d);
	return got;
}

int
gw_door_open_unix(
	struct gw_door *d, struct event_base *base, const char *path, struct err *e)
{
	if (d->fd < 0 && unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", path);
	if (d->fd < 0)
		d->fd = fd_unix_listen(path, e);
	if (d->fd < 0)
		return -1;
	d->is_unix = true;
	if (watch(d, base, e) > 0)
		return 1;
	gw_door_close(d);
	return -1;
}

void
gw_door_pause(struct gw_door *d, bool pause)
{
	if (d->knock == NULL)
		return;
	(void)event_del(d->later); /* it may not be pending */
	if (pause)
		(void)event_del(d->knock); /* it is there */
	else
		on_later(d->fd, 0, d);
}

void
gw_door_close(struct gw_door *d)
{
	if (d->knock != NULL)
		event_free(d->knock);
	if (d->later != NULL)
		event_free(d->later);
	d->knock = d->later = NULL;
	fd_closep(&d->fd);
	fd_closep(&d->spare);
	fd_closep(&d->kernel);
}
