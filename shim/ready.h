#ifndef SHIM_READY_H
#define SHIM_READY_H

/*
 * claude's terminal interface sends its first prompt even when the MCP servers have not
 * started yet, and the model then has no tools at all. The hook of the prompt holds it back
 * until both servers have written that they started.
 */

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum {
	READY_WAIT_MS =
		12000, /* below the hook's time-out, after which nothing is held */
	READY_STEP_MS = 100,
	READY_GRACE_MS =
		300, /* from the server's line to its list of tools at the client */
	READY_TAIL_MAX = 1
			 << 20, /* of the decision log: what is older is another run's */
};

/* True when the log's lines say that both servers of the run have started, or given up. */
bool ready_in(struct str log, const char *run);

/*
 * Waits, at a session's first prompt only: afterwards ~/.pando/run/<run>/ready is there.
 * Answers 1 when they did not start in time, which is no error: the prompt then goes on.
 */
int ready_wait(const char *run, const char *log, struct err *e);

#endif
