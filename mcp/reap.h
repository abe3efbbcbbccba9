#ifndef MCP_REAP_H
#define MCP_REAP_H

/*
 * The end of a command and of all that came from it. The server is the reaper of its
 * descendants (run_prepare), so whatever a dying process leaves behind becomes its child and
 * is found in the next round.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Between: buries the orphans that have died, so that they take no place; not first. */
void reap_orphans(pid_t first);

/*
 * Kills and reaps every descendant; *status is that of first, *killed counts the others that
 * were still alive. False when some are left after the time.
 */
bool reap_all(pid_t first, int64_t within_ms, int *status, int *killed);

#endif
