#include "gateway/door.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "gateway/http.h"

enum {
	EVENT_STEP = 4096,     /* all that libevent reads at a time */
	READ_STEP = 128 << 10, /* what we read behind a whole one of these */
	PIECES = 2,
	REPLY_MAX = 1024
};

static bool
ask_kernel(const struct sockaddr_in *us, const struct sockaddr_in *them, uid_t *uid)
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
			.id = { .idiag_sport = them->sin_port,
				.idiag_dport = us->sin_port,
				.idiag_src = { them->sin_addr.s_addr },
				.idiag_dst = { us->sin_addr.s_addr },
				.idiag_cookie = { INET_DIAG_NOCOOKIE,
					INET_DIAG_NOCOOKIE } } },
	};
	CLEANUP(fd_closep)
	int nl = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	union {
		struct nlmsghdr head;
		char bytes[REPLY_MAX];
	} reply;
	ssize_t n;

	if (nl < 0 || send(nl, &ask, sizeof ask, 0) < 0)
		return false;
	n = recv(nl, &reply, sizeof reply,
		MSG_DONTWAIT); /* it is there when send returns */
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ||
		reply.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	*uid = ((const struct inet_diag_msg *)NLMSG_DATA(&reply.head))->idiag_uid;
	return true;
}

bool
gw_door_keep(int fd)
{
	struct sockaddr_in us = { 0 };
	struct sockaddr_in them = { 0 };
	socklen_t n = sizeof us;
	socklen_t m = sizeof them;
	uid_t uid;

	if (getsockname(fd, (struct sockaddr *)&us, &n) < 0 ||
		getpeername(fd, (struct sockaddr *)&them, &m) < 0 ||
		!ask_kernel(&us, &them, &uid) || uid == geteuid())
		return true;
	log_debug("a connection of user %u is broken", (unsigned int)uid);
	(void)shutdown(fd, SHUT_RDWR); /* evhttp sees its end and frees it */
	return false;
}

/* Saves a turn of the loop for each 4 KB of a long body. */
static void
read_on(struct bufferevent *bev, struct evbuffer *in, const struct evbuffer_cb_info *info)
{
	struct evbuffer_iovec v[PIECES];
	size_t high = 0;
	ssize_t got;
	int n;

	bufferevent_getwatermark(bev, EV_READ, NULL, &high);
	if (info->n_added != EVENT_STEP || evbuffer_get_length(in) + READ_STEP > high)
		return;
	n = evbuffer_reserve_space(in, READ_STEP, v, PIECES);
	if (n <= 0)
		return;
	got = readv(bufferevent_getfd(bev), v, n); /* an error is libevent's to find */
	for (size_t left = got > 0 ? (size_t)got : 0, i = 0; i < (size_t)n; i++) {
		v[i].iov_len = v[i].iov_len < left ? v[i].iov_len : left;
		left -= v[i].iov_len;
	}
	(void)evbuffer_commit_space(in, v, n); /* it was just reserved */
}

static void
on_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	read_on(arg, in, info);
}

static void
on_first_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	(void)evbuffer_remove_cb(in, on_first_bytes, arg); /* it is there */
	if (!gw_door_keep(bufferevent_getfd(arg))) {
		(void)evbuffer_drain(in, evbuffer_get_length(in)); /* nothing pins it */
		return;
	}
	if (evbuffer_add_cb(in, on_bytes, arg) == NULL)
		abort(); /* out of memory */
	read_on(arg, in, info);
}

struct bufferevent *
gw_door_open(struct event_base *base, void *unused)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	(void)unused;
	if (bev == NULL ||
		evbuffer_add_cb(bufferevent_get_input(bev), on_first_bytes, bev) == NULL)
		abort(); /* out of memory */
	bufferevent_setwatermark(bev, EV_READ, 0, GW_UNREAD_MAX);
	return bev;
}
