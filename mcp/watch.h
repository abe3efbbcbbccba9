#ifndef MCP_WATCH_H
#define MCP_WATCH_H

/*
 * The core server keeps an eye on the gateway of its run (gateway/client.h): when that ends
 * without a bye, it starts another one, which goes on with the run.
 *
 *   off --begin--> held --died--> starting --ready--> held
 *                   |                |  ^--none--.
 *                  bye             busy --> again (a moment later)
 *                   v
 *                  off   and so after any failure: one line on standard error and in the log
 *
 * It waits only together with the client's input and never holds up an answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "gateway/client.h"
#include "mcp/audit.h"
#include "mcp/witness.h"

enum watch_state { WATCH_OFF, WATCH_HELD, WATCH_STARTING, WATCH_AGAIN, WATCH_STATES };

struct watch {
	const char *run;         /* borrowed */
	struct audit *audit;     /* borrowed */
	struct witness *witness; /* borrowed: seen to meanwhile */

	/* the rest is watch.c's */
	enum watch_state state;
	int fd; /* held: the gateway's socket, starting: what is being started */
	struct buf lines;
	struct gw_revivals revivals;
	int64_t until_us; /* starting, again: when to give up */
	bool revived;     /* to be told of when the gateway answers */
};

#define WATCH_INIT                                                                       \
	{                                                                                \
		.state = WATCH_OFF, .fd = -1, .lines = BUF_INIT(GW_WATCH_LINES_MAX)      \
	}

/* Does nothing when no gateway answers. */
void watch_begin(struct watch *w);
void watch_end(struct watch *w); /* for CLEANUP */
/* Returns when the descriptor can be read; sees to the gateway meanwhile. */
int watch_wait(struct watch *w, int in_fd, struct err *e);

#endif
