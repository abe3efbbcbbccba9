#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_STEP = 65536, LISTEN_BACKLOG = 64 };

void
fd_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about a failed close here */
	*fd = -1;
}

int
fd_take(int *fd)
{
	int got = *fd;

	*fd = -1;
	return got;
}

int
fd_set_cloexec(int fd, bool on, struct err *e)
{
	if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0)
		return err_sys(e, "set flags of descriptor %d", fd);
	return 0;
}

int
fd_read_all(int fd, struct buf *b, struct err *e)
{
	for (;;) {
		size_t left = b->max - b->n;
		/* one byte more than fits tells a full buffer from a too long file */
		char probe = 0;
		char *to = left > 0 ? buf_room(b, left < READ_STEP ? left : READ_STEP)
				    : &probe;
		ssize_t k = read(fd, to,
			left == 0          ? 1
			: left < READ_STEP ? left
					   : READ_STEP);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "read");
		if (k == 0)
			return 0;
		if (left == 0)
			return err_set(e, ERR_DATA, "longer than %zu bytes", b->max);
		b->n += (size_t)k;
	}
}

int
fd_write_all(int fd, struct str s, struct err *e)
{
	while (s.n > 0) {
		ssize_t k = write(fd, s.p, s.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "write");
		s = str_skip(s, (size_t)k);
	}
	return 0;
}

union pass_room {
	struct cmsghdr head; /* aligns the bytes */
	char bytes[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
};

int
fd_send(int sock, struct str msg, const int *fds, size_t nfds, struct err *e)
{
	union pass_room room = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg.p, msg.n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t k;

	if (nfds > 0) {
		struct cmsghdr *c = &room.head;

		h.msg_control = room.bytes;
		h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do
		k = sendmsg(sock, &h, MSG_NOSIGNAL);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_sys(e, "send");
	if ((size_t)k < msg.n)
		return fd_write_all(sock, str_skip(msg, (size_t)k), e);
	return 0;
}

static void
take_fds(struct msghdr *h, int fds[FD_PASS_MAX], size_t *nfds)
{
	*nfds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && *nfds < FD_PASS_MAX; i++)
			memcpy(&fds[(*nfds)++], CMSG_DATA(c) + i * sizeof(int),
				sizeof(int));
	}
}

ssize_t
fd_recv(int sock, char *msg, size_t max, int fds[FD_PASS_MAX], size_t *nfds,
	struct err *e)
{
	union pass_room room = { 0 };
	struct iovec iov = { msg, max };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t k;

	h.msg_control = room.bytes;
	h.msg_controllen = sizeof room.bytes;
	do
		k = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_sys(e, "receive");
	take_fds(&h, fds, nfds);
	if ((h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (size_t i = 0; i < *nfds; i++)
			fd_closep(&fds[i]);
		*nfds = 0;
		return err_set(e, ERR_DATA, "receive: the message is too long");
	}
	return k;
}

int
fd_peer(int sock, pid_t *pid, uid_t *uid, struct err *e)
{
	struct ucred who;
	socklen_t n = sizeof who;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return err_sys(e, "ask who the peer is");
	*pid = who.pid;
	*uid = who.uid;
	return 0;
}

static int
unix_socket(const char *path, struct sockaddr_un *a, struct err *e)
{
	int fd;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a->sun_path)
		return err_set(e, ERR_SYS,
			"%s: the path is too long for a socket (%zu bytes)", path,
			sizeof a->sun_path - 1);
	memcpy(a->sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? err_sys(e, "make a unix socket") : fd;
}

int
fd_unix_connect(const char *path, struct err *e)
{
	struct sockaddr_un a;
	CLEANUP(fd_closep) int fd = unix_socket(path, &a, e);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0)
		return err_sys(e, "connect to %s", path);
	return fd_take(&fd);
}

int
fd_unix_listen(const char *path, struct err *e)
{
	struct sockaddr_un a;
	CLEANUP(fd_closep) int fd = unix_socket(path, &a, e);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&a, sizeof a) < 0)
		return err_sys(e, "bind %s", path);
	if (chmod(path, S_IRUSR | S_IWUSR) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return err_sys(e, "listen on %s", path);
	return fd_take(&fd);
}
