/*
 * pando-keeper --project-root P
 *
 * Takes and keeps snapshots of P and appends to the decision log for the peer on descriptor
 * 3, a SOCK_SEQPACKET socket whose other end is inside the sandbox (keeper/client.h). Runs
 * outside, as the person. Ends when the peer closes, or by SIGTERM at any point: what it was
 * writing is not yet part of the chain. Exit statuses: base/err.h.
 */

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "keeper/serve.h"

enum { PEER = 3, OTHERS = S_IRWXG | S_IRWXO };

static int
check_peer(struct err *e)
{
	int domain = 0;
	int type = 0;
	socklen_t n = sizeof type;

	if (getsockopt(PEER, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
		getsockopt(PEER, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0)
		return err_sys(e, "descriptor %d, where the peer must be", PEER);
	if (type != SOCK_SEQPACKET || domain != AF_UNIX)
		return err_set(e, ERR_USAGE,
			"descriptor %d is not a unix SOCK_SEQPACKET socket: pando-mcp starts "
			"this program",
			PEER);
	return fd_set_cloexec(PEER, true, e);
}

static int
run(int argc, char **argv, struct err *e)
{
	CLEANUP(keeper_close) struct keeper k = { .root = -1 };

	if (argc != 3 || strcmp(argv[1], "--project-root") != 0)
		return err_set(
			e, ERR_USAGE, "usage: pando-keeper --project-root DIRECTORY");
	if (check_peer(e) < 0 || keeper_open(&k, argv[2], e) < 0)
		return -1;
	if (chdir("/") < 0) /* keep no directory busy */
		return err_sys(e, "change to /");
	return serve_run(&k, PEER, e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	log_name("pando-keeper");
	(void)umask(OTHERS);
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of send */
	return run(argc, argv, &e) < 0 ? log_fail(&e) : 0;
}
