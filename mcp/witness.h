#ifndef MCP_WITNESS_H
#define MCP_WITNESS_H

/*
 * Did the model make this call? The gateway of the run knows (gateway/client.h, "serve").
 *
 * The core connects to it itself. Inside of the sandbox the gateway is out of reach: there
 * connections are handed in, over a socket that carries nothing else (enter.h), and can do no
 * more than ask for calls of this server.
 *
 * Connected is the server also part of the handshake: it tells when it has answered its client.
 */

#include <poll.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "mcp/dial.h"
#include "policy/policy.h"

/* How long a call waits until a connection is handed in; longer than DIAL_LAST_MS. */
enum { WITNESS_WAIT_MS = 2500 };

struct witness {
	enum pol_mode mode; /* off: nobody is asked; audit: the answer is only logged */
	bool dials;         /* the server connects itself; else */
	int from;           /* where connections come from; negative: there are none */
	struct dial dial;   /* its fd is the connection, however it came */
	bool is_up, has_tools, has_listed;
};

#define WITNESS_INIT                                                                     \
	{                                                                                \
		.mode = POL_OFF, .dials = false, .from = -1, .dial = DIAL_INIT           \
	}

void witness_fini(struct witness *w); /* for CLEANUP */
/* The client has had its answer to initialize. */
void witness_up(struct witness *w, bool has_tools);
/* And to tools/list. */
void witness_listed(struct witness *w);
/* What to wait for, and how long; negative: nothing. */
struct pollfd witness_pollfd(const struct witness *w);
int witness_wait_ms(const struct witness *w);
/* Sees to the connection; never waits for one. */
void witness_step(struct witness *w);
/* 0: it did, and the call may be made once. -1: e says what is wrong with it. */
int witness_take(struct witness *w, const char *call, const char *tool, struct str args,
	struct err *e);

#endif
