#ifndef GATEWAY_POLICIES_H
#define GATEWAY_POLICIES_H

/*
 * Tells when a policy file of a living run changes. The run keeps what it started with; the
 * decision log gets one line a file, change and run: gateway_policy_changed, with the old and
 * the new digest, and whether the next launch takes the new file or is refused.
 *
 *   inotify on the folders --> a timer, so that a burst is one look --> a look at all runs
 *
 * Events only wake: what is told is what the files are when they are looked at, compared with
 * what was told last. So at most one line in GW_POLICIES_MS, and the last state always.
 * A run whose folders cannot be watched is looked at when a request of it begins.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/record.h"

enum { GW_POLICIES_MS = 200, GW_POLICIES_WATCHES = 1024 };

struct event_base;
struct gw_policies;
struct gw_reg;
struct gw_runs;

/* What was told last of a run's files. */
struct gw_policy_state {
	char seen[POL_LAYERS][REC_SHA_HEX + 1]; /* digest, or a word */
	bool watched;
	int64_t looked_us;
};

struct gw_policies *gw_policies_new(struct event_base *base, struct gw_runs *runs);
/* Tells nothing from now on: another gateway does. */
void gw_policies_stop(struct gw_policies *p);
void gw_policies_free(struct gw_policies *p); /* takes NULL */

/* A run with its policy is there. */
void gw_policies_begin(struct gw_policies *p, struct gw_reg *r);
/* A request of the run begins. */
void gw_policies_ask(struct gw_reg *r);

#endif
