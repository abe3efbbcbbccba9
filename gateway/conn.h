#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

/*
 * One exchange: a request of a run's agent, checked, sent to the provider, its answer
 * checked and handed back.
 *
 *  READ     HOLD                                the body comes; nothing was decided yet
 *    |      ^ |                                 HOLD: the run's supervision has still to
 *    | .----' v                                 check in, then it is asked again
 *   ASK -> TELL -> SEND -> WAIT -> STREAM -> END         events through the filter, ended well
 *    |      |       |       |  \-> PASS ---> END         nothing in it for policy: as it comes
 *    |      |       |       |   \> WHOLE --> TELL -> REPLY    a JSON answer, collected, checked
 *    |\---> SOCKET  |       |       |        |           a WebSocket: many requests (conn_socket.c)
 *    \------+-------+-------+-------+--------+-> REFUSE  nothing was sent yet: an error that says why
 *                          STREAM, PASS ---> CUT         too late for that: the connection breaks
 *
 * TELL waits for the end of the loop's turn, when the decisions of all exchanges in it are
 * written to the decision log together.
 *
 * Everything ends in GONE, which frees it; at once when the client goes away, the run ends
 * or the gateway does. No decision is carried out unless its line is in the decision log.
 */

#include "gateway/route.h"
#include "gateway/runs.h"

struct gw_req;
struct gw_upstream;

enum gw_state {
	GW_NEW,
	GW_READ,
	GW_ASK,
	GW_HOLD,
	GW_TELL,
	GW_SEND,
	GW_SOCKET,
	GW_WAIT,
	GW_STREAM,
	GW_WHOLE,
	GW_PASS,
	GW_REPLY,
	GW_REFUSE,
	GW_END,
	GW_CUT,
	GW_GONE,
	GW_STATES
};

/* Takes the request over; route borrows from it. */
void gw_conn_start(struct gw_reg *run, struct gw_upstream *up,
	const struct gw_route *route, struct gw_req *q);
/* A part of the run's supervision has checked in: who waits for it asks again. */
void gw_conn_checked_in(struct gw_reg *run);
/* A request of the run waits for that; another gateway would not know of it. */
bool gw_conn_is_waiting(const struct gw_reg *run);
/* Another gateway goes on with the run: what would last for ever here ends. */
void gw_conn_drain(struct gw_reg *run);
/* The run has ended or the gateway stops. */
void gw_conn_abort(struct gw_conn *c);

#endif
