#ifndef GATEWAY_SERVE_H
#define GATEWAY_SERVE_H

/*
 * What the supervision of a run says to the gateway: who checks in, and which call a server of
 * ours is about to make. control.c has the connections.
 */

#include "base/json/json.h"
#include "gateway/enforce.h"
#include "gateway/runs.h"

/* Lines about calls without a witness, in so many seconds; more are counted in the next one. */
enum { GW_UNWITNESSED_MAX = 100, GW_UNWITNESSED_S = 10 };

/*
 * What has checked in (gw_handshake_take), for whoever keeps it: a line, and whether that was
 * news. -1: it could not be kept.
 */
struct gw_checkins {
	int (*on_checkin)(
		struct gw_reg *r, const char *line, bool news, void *to, struct err *e);
	void *to;
};

/* A line of text: told to the handshake, logged when it is news, kept. */
int gw_serve_checkin(
	struct gw_reg *r, const struct gw_checkins *c, const char *line, struct err *e);

/* A request of a server in serve mode (gateway/client.h). 0: the answer is yes. */
int gw_serve_ask(struct gw_reg *r, enum gw_part part, const struct gw_checkins *c,
	const json_t *ask, struct err *e);

/* It does not go on, recorded or not: whoever asked for it is told the reason. */
bool gw_serve_is_withheld(const struct gw_finding *f);

/*
 * What policy found is logged, and a call of ours that goes on to the client gets its witness.
 * -1: one of both cannot be, so it must not go on; what does not go on anyway is no error.
 */
int gw_serve_found(struct gw_reg *r, enum gw_api api, const char *direction,
	const struct gw_finding *f, struct err *e);

#endif
