#ifndef MCP_ENTER_H
#define MCP_ENTER_H

/*
 * Into the sandbox: pando-sandbox is asked whether it can, pando-keeper is started outside
 * with one end of a socket pair, and pando-sandbox with the other; it starts the server again
 * inside. There is no other way to a mutating tool.
 *
 * This process stays, waits, and does nothing else but this: it connects to the gateway, in a
 * mode in which only witnesses for pando_workspace can be had (gateway/client.h, "serve"), and
 * hands each such connection in; it never reads what comes from inside. It must stay: what is
 * inside dies with the thread that started bwrap (--die-with-parent, prctl(2)
 * PR_SET_PDEATHSIG), and codex starts servers from a thread that ends ten seconds later. Ours
 * has one thread, and its own death, by whatever signal, ends the sandbox, and that the keeper.
 */

#include "base/err.h"

enum {
	ENTER_KEEPER_FD = 3, /* the keeper's socket, in the sandbox and in the keeper */
	ENTER_GATEWAY_FD =
		4, /* in the sandbox: where connections to the gateway come from */
	ENTER_CHECK_TEXT_MAX = 4096,
	ENTER_KEEPER_MS = 2000 /* to wait for the keeper when the sandbox has ended */
};

struct enter {
	const char *root;
	const char *policy; /* the file of the run (PANDO_POLICY): a copy goes inside */
	const char *run;    /* whose gateway is to be asked inside; NULL: none */
};

/* 0 when the sandbox was there and has ended: *status is its own; -1 with the reason. */
int enter_sandbox(const struct enter *in, int *status, struct err *e);

#endif
