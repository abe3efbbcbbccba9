#ifndef SHIM_READY_H
#define SHIM_READY_H

/*
 * claude's terminal interface sends its first prompt even when the MCP servers have not
 * started yet, and the model then has no tools at all. The hook of the prompt holds it back
 * until both servers have told theirs.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum {
	READY_WAIT_MS = 11000, /* with the grace below HOOK_DEADLINE_S */
	READY_STEP_MS = 50,
	/*
	 * From the servers' lists to the tools in what claude asks the model: 2.1.329 takes some
	 * time of its own for that, and all the longer the busier the machine is. How busy it is
	 * tells the time that the servers took to come up, of which it is a part.
	 */
	READY_GRACE_MS = 300,
	READY_GRACE_MAX_MS = 3000,
	READY_GRACE_PART = 3,
	READY_TAIL_MAX = 1
			 << 20, /* of the decision log: what is older is another run's */
	READY_CHECKINS_MAX = 1 << 20
};

/* How long to go on waiting, when the servers came up after up_ms, since_ms ago. */
int ready_grace_ms(int64_t up_ms, int64_t since_ms);

/*
 * True when the gateway's notes on the run (~/.pando/run/<run>/checkins, see
 * gateway/handshake.h) say that both servers have listed their tools.
 */
bool ready_in_checkins(struct str notes);
/* The same of a run without a gateway: when the log says that both have started. */
bool ready_in_log(struct str log, const char *run);

/*
 * Waits, at a session's first prompt only: afterwards ~/.pando/run/<run>/ready is there. log
 * NULL: the run has a gateway. Answers 1 when they did not start in time, which is no error:
 * the prompt then goes on.
 */
int ready_wait(const char *run, const char *log, struct err *e);

#endif
