#ifndef MCP_DIAL_H
#define MCP_DIAL_H

/*
 * A connection to the gateway of the run, in serve mode (gateway/client.h), that is made again
 * when it has ended: the gateway may be started anew at any time. Never waits for that.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
	DIAL_FIRST_MS = 50,
	DIAL_LAST_MS = 2000
}; /* between two tries, doubled each time */

struct dial {
	const char *run, *role; /* borrowed */
	int fd;                 /* negative: not connected */
	int pause_ms;
	int64_t next_us; /* when to try again */
	struct err why;  /* why the last try failed */
};

#define DIAL_INIT                                                                        \
	{                                                                                \
		.fd = -1                                                                 \
	}

void dial_fini(struct dial *d); /* for CLEANUP */
/* Lets go of what has ended, and tries when it is time. True: there is a new connection. */
bool dial_step(struct dial *d);
/* For poll: how long nothing is to be done unless the connection ends. */
int dial_wait_ms(const struct dial *d);

#endif
