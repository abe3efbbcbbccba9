#ifndef GATEWAY_USAGE_H
#define GATEWAY_USAGE_H

/*
 * What an exchange says of itself: the model that was asked for, the model that answered, and
 * what the provider counted. Pure. It is read where request and answer are parsed anyway
 * (messages*.c, responses*.c), and never from an event of text.
 *
 * Anthropic, "Messages" and "Streaming messages": `usage` of message_start's message and of
 * message_delta, where it is cumulative, and of a whole answer. input_tokens are without those
 * of the cache.
 * OpenAI, "The response object": `usage` of the response in response.completed, .incomplete
 * and .failed, and of a whole answer; null before. input_tokens are with those of the cache,
 * which are taken off here, so that both APIs mean the same.
 */

#include "gateway/judge.h"

enum gw_count {
	GW_IN,  /* neither read from the cache nor written to it */
	GW_OUT, /* with those of reasoning */
	GW_CACHE_READ,
	GW_CACHE_WRITE,
	GW_CACHE_WRITE_1H, /* of these: to be kept for an hour */
	GW_REASONING,      /* of GW_OUT */
	GW_COUNTS
};

enum { GW_UNKNOWN = -1, GW_COUNT_MAX = 1000000000 };

struct gw_used {
	struct gw_name wanted, served; /* models; empty: not known */
	int64_t n[GW_COUNTS]; /* tokens, or GW_UNKNOWN: absent, or no such number */
	bool wrong;           /* something was there that is no count */
};

void gw_used_init(struct gw_used *u);
/* All tokens that were counted, -1: none was. */
int64_t gw_used_tokens(const struct gw_used *u);

/*
 * What the parsers tell of, besides findings; it hangs on struct gw_rules, NULL there: nobody
 * asks.
 */
struct gw_meter {
	struct gw_used used;
	struct gw_repeat *repeat; /* repeat.h; NULL: it is not looked for */
	/* False: one more call is too many now, and *why says so. NULL: never. */
	bool (*may_call)(void *to, struct pol_decision *why);
	void *to;
	struct pol_decision limit; /* what may_call said last */
};

static inline struct gw_repeat *
gw_meter_repeat(const struct gw_meter *m)
{
	return m == NULL ? NULL : m->repeat;
}

/* The model of a request. All of these take NULL and do nothing then. */
void gw_meter_asked(struct gw_meter *m, struct js model);
/* Members of a message: of message_start, or a whole answer. */
void gw_meter_message(struct gw_meter *m, struct js model, struct js usage);
/* The data of a message_delta. */
void gw_meter_delta(struct gw_meter *m, struct str data);
/* Members of a response. */
void gw_meter_response(struct gw_meter *m, struct js model, struct js usage);

#endif
