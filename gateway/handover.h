#ifndef GATEWAY_HANDOVER_H
#define GATEWAY_HANDOVER_H

/*
 * An upgrade in place: a gateway whose program has been replaced hands its place to a new one
 * without a moment in which nobody listens, and stays until its own exchanges have ended.
 *
 *   old                                            new
 *   begin: stops accepting, starts the new one --> take: the descriptors of the place
 *                                                  (lock, control, TCP, unix) with one message
 *                                                  reads the runs' records, listens
 *   on_end(taken)                              <-- say: "ready", or why not
 *   drains and ends                                serves
 *
 * What waits at the sockets meanwhile is accepted by whichever side goes on. A new gateway
 * that does not come up within GW_HANDOVER_S is killed, the old one goes on, and the same
 * program is not tried again.
 */

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Less than a launch waits for an answer (client.h), which then still gets it from the old one. */
enum { GW_HANDOVER_S = 3 };

enum gw_place { GW_LOCK_FD, GW_CONTROL_FD, GW_TCP_FD, GW_UNIX_FD, GW_PLACE_FDS };

/* The file that this process was started from. */
struct gw_program {
	char *path;
	struct stat is;
};

int gw_program_init(struct gw_program *p, struct err *e);
void gw_program_fini(struct gw_program *p);
/* Another file has its name now, or it has been written. Asked once for each such file. */
bool gw_program_is_replaced(struct gw_program *p);

struct event;
struct event_base;

struct gw_handover {
	int channel; /* -1: none under way */
	pid_t child;
	struct event *reply;
	/* The new one answers; taken: it has the place, and hears us by the channel (heir.h). */
	void (*on_end)(void *to, bool taken);
	void *to;
};

/* fds are borrowed; -1 in one of them: there is none. */
int gw_handover_begin(struct gw_handover *h, struct event_base *base, const char *program,
	const int fds[GW_PLACE_FDS], struct err *e);
void gw_handover_fini(struct gw_handover *h);

/* The new one's side; the descriptors are then the caller's. */
int gw_handover_take(int channel, int fds[GW_PLACE_FDS], struct err *e);
int gw_handover_say(int channel, const char *text, struct err *e);

#endif
