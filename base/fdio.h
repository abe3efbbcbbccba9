#ifndef BASE_FDIO_H
#define BASE_FDIO_H

/* Descriptors: whole reads and writes, passing them over a unix socket, who the peer is. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum { FD_PASS_MAX = 4 };

void fd_closep(int *fd); /* for CLEANUP: closes what is >= 0 */
int fd_take(int *fd);    /* answers *fd and leaves -1 */

int fd_set_cloexec(int fd, bool on, struct err *e);
/* Reads to the end of file; more than b->max bytes is an error. */
int fd_read_all(int fd, struct buf *b, struct err *e);
int fd_write_all(int fd, struct str s, struct err *e);

/*
 * One message of a SOCK_SEQPACKET or SOCK_STREAM socket with up to FD_PASS_MAX descriptors.
 * Received descriptors are close-on-exec and the caller's. fd_recv answers the length, 0 at
 * the end, -1 on error; a message that was cut or carried too many descriptors is an error.
 */
int fd_send(int sock, struct str msg, const int *fds, size_t nfds, struct err *e);
ssize_t fd_recv(int sock, char *msg, size_t max, int fds[FD_PASS_MAX], size_t *nfds,
	struct err *e);

/* The peer of a connected unix socket, by the kernel's word. */
int fd_peer(int sock, pid_t *pid, uid_t *uid, struct err *e);

/* Connects to, or listens on, a unix stream socket; close-on-exec. The path must fit. */
int fd_unix_connect(const char *path, struct err *e);
int fd_unix_listen(const char *path, struct err *e);

#endif
