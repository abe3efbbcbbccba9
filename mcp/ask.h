#ifndef MCP_ASK_H
#define MCP_ASK_H

/*
 * A call that policy wants a person to allow: asked through the client by elicitation
 * (MCP 2025-06-18 and later, "Elicitation", form mode).
 *
 * Only an accept with "allow": "yes" is a yes. Measured:
 *
 *   claude 2.1.329   the terminal shows the form; with -p the answer is cancel, whatever the
 *                    permission mode. A hook of the person's for the event Elicitation may
 *                    answer in their place.
 *   codex 0.169.0    the terminal shows the form, unless approval_policy is "never"; exec
 *                    declines. A form without fields it accepts by itself when it may do
 *                    everything without approval, so ours has one; the first choice is marked
 *                    when the form appears, so that is "no".
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json/json.h"
#include "policy/policy.h"

enum {
	ASK_SECONDS = 600,     /* that a person has */
	ASK_VALUE_MAX = 800,   /* shown of one argument, bytes */
	ASK_TEXT_MAX = 16384,  /* of the question */
	ASK_PARAMS_MAX = 65536 /* of the request: escaped, with the form */
};

enum ask_outcome {
	ASK_ALLOWED,
	ASK_DECLINED,
	ASK_DISMISSED, /* closed without an answer */
	ASK_LATE,
	ASK_FAILED,  /* the client answers with an error, or what is not understood */
	ASK_UNABLE,  /* the client cannot ask */
	ASK_STOPPED, /* the call is cancelled, or the client gone */
	ASK_OUTCOMES
};

const char *ask_outcome_name(enum ask_outcome o); /* for the log */
/* Why the call is not made, for the model. */
const char *ask_why_not(enum ask_outcome o);

/* Pure. Did the client declare forms, in a revision that has them? */
bool ask_can(const json_t *initialize_params, const char *revision);
/* Pure. The params of elicitation/create. */
void ask_put_params(struct buf *out, const struct pol_use *u,
	const struct pol_decision *d, json_t *args);
/* Pure. The client's message with the answer. */
enum ask_outcome ask_outcome_of(const json_t *message);

#endif
