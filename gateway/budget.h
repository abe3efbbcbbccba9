#ifndef GATEWAY_BUDGET_H
#define GATEWAY_BUDGET_H

/*
 * What a run has used, and whether it may go on ([limits] and [[price]] of its policy). Pure:
 * sizes and times come in.
 *
 * An exchange enters before it is sent on and leaves when it is over. In between it counts for
 * as much as the largest exchange of the run so far, so that requests at the same time do not
 * all pass below a budget that one of them uses up. So a run uses at most, beyond a budget:
 * one exchange, and what the others under way are larger than any before.
 *
 * What an answer does not say of itself is taken from its size, rather too much than too
 * little: a token for each GW_TOKEN_ASKED bytes of the request, for each GW_TOKEN_ANSWERED of
 * the answer (its events are mostly frame).
 */

#include "gateway/usage.h"

enum { GW_TOKEN_ASKED = 4, GW_TOKEN_ANSWERED = 16, GW_PACE_TEXT_MAX = 128 };

/* Of a run, since its launch. */
enum gw_total {
	GW_SUM_IN, /* tokens as they were told, in the order of enum gw_count */
	GW_SUM_OUT,
	GW_SUM_CACHE_READ,
	GW_SUM_CACHE_WRITE,
	GW_SUM_CACHE_WRITE_1H,
	GW_SUM_REASONING,
	GW_SUM_TOKENS,   /* as they count for the budget: with what was guessed */
	GW_SUM_MICROUSD, /* the same */
	GW_SUM_REQUESTS, /* that were sent on */
	GW_SUM_REFUSALS, /* that were not */
	GW_SUM_ERRORS,   /* of the provider: status 400 and above, or no answer */
	GW_SUM_CALLS,    /* of tools, let through */
	GW_SUM_DENIALS,  /* calls that were replaced or refused */
	GW_SUM_ANSWERS,  /* with a first byte */
	GW_SUM_FIRST_US, /* until it, of all */
	GW_SUM_BUSY_US,  /* until the end, of all */
	GW_SUMS
};

const char *gw_sum_name(enum gw_total t); /* "tokens_in": in status, and in the ledger */

struct gw_budget {
	int64_t sum[GW_SUMS];
	int64_t former[GW_SUMS];            /* as the gateway before us told them last */
	struct gw_name model;               /* the last that answered */
	int64_t held_tokens, held_microusd; /* of the exchanges under way */
	size_t nheld;
	int64_t largest_tokens, largest_microusd; /* of one exchange */
	int64_t *call_us;                         /* the last calls, in turn */
	size_t ncalls;
	char pace[GW_PACE_TEXT_MAX]; /* why no more calls pass now */
	bool told[POL_BUDGETS];      /* in audit mode: once is enough */
};

void gw_budget_fini(struct gw_budget *b); /* for CLEANUP too */

/* What one exchange counts for while it is under way. */
struct gw_ticket {
	bool held;
	int64_t tokens, microusd;
	size_t asked, answered; /* bytes; the second is the caller's to count */
};

/* Whose budget it is. */
struct gw_spender {
	struct gw_budget *budget;
	const struct policy *policy;
	enum pol_agent agent;
};

/*
 * A request that policy lets pass, with the model and the row of calls that were read from it.
 * -1: a budget is reached, *which says which one, e why and how to go on. It is not held then.
 */
int gw_budget_enter(const struct gw_spender *s, const struct gw_meter *m, size_t bytes,
	struct gw_ticket *t, enum pol_budget *which, struct err *e);
/* The same, whatever the budgets say. */
void gw_budget_hold(struct gw_budget *b, const struct policy *p, const struct gw_meter *m,
	size_t bytes, struct gw_ticket *t);

enum gw_ending {
	GW_ENDED,  /* as the provider meant it */
	GW_BROKEN, /* by anyone: numbers that came may be too small */
	GW_FAILED, /* nothing was counted: an error, or no answer */
	GW_ENDINGS
};

/* What it was in the end: tokens and cost as they count. Takes the ticket back. */
struct gw_cost {
	int64_t tokens, microusd; /* microusd -1: no price */
	bool guessed;
};
struct gw_cost gw_budget_leave(struct gw_budget *b, const struct policy *p,
	const struct gw_used *u, struct gw_ticket *t, enum gw_ending how);

/*
 * One more call now (a clock that does not go back): false, and *why, when the last minute has
 * had as many as it may.
 */
bool gw_budget_call(struct gw_budget *b, const struct policy *p, int64_t now_us,
	struct pol_decision *why);

/* --- the ledger: what the next gateway must know ------------------------------------------ */

enum { GW_LEDGER_MAX = 1024 };

/* One line, always of the same length; what is under way counts as used. */
void gw_budget_format(const struct gw_budget *b, struct buf *out);
/* Into an empty budget. */
int gw_budget_parse(struct str line, struct gw_budget *b, struct err *e);
/*
 * The line of the gateway before us, which still ends exchanges of the run: what has changed since
 * it told the last one, or left the ledger, changes here.
 */
int gw_budget_follow(struct str line, struct gw_budget *b, struct err *e);

#endif
