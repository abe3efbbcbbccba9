#ifndef GATEWAY_DEBUG_H
#define GATEWAY_DEBUG_H

/*
 * A gateway in the foreground with one debugging run for each API, for any HTTP client:
 * `pando-ai gateway`. It has no part in ~/.pando/run but the policy's bundle: the person's own
 * gateway may run beside it. The runs need no handshake and no witness, and end with it.
 *
 * What it says on standard output when it answers, one word and one value a line:
 *
 *   messages http://127.0.0.1:PORT/run/TOKEN         base URL of the Anthropic Messages API
 *   responses http://127.0.0.1:PORT/run/TOKEN/v1     base URL of the OpenAI Responses API
 */

#include <stdbool.h>

#include "base/err.h"

struct gw_debug {
	const char *
		policy; /* a file in place of the person's; NULL: as a launch reads them */
	const char *upstream; /* of both APIs, for [proxy]'s; NULL: those */
	const char *listen; /* ADDR:PORT, a loopback address; NULL: 127.0.0.1, any port */
};

/* Serves until SIGINT or SIGTERM. */
int gw_debug_serve(const struct gw_debug *d, struct err *e);

#endif
