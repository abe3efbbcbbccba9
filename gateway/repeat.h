#ifndef GATEWAY_REPEAT_H
#define GATEWAY_REPEAT_H

/*
 * A model that goes round in circles: the same call, with the same arguments and the same
 * result, so many times in a row ([limits] same_call). Pure.
 *
 * It is seen in the transcript that each request brings along, so each caller has its own
 * count, nothing is kept between requests, and a gateway that is started again knows as much.
 * What the person says begins a new count: a text in a message of the user that is no
 * <system-reminder> of claude. A request that goes on from an earlier response by its id has
 * only the rest of the transcript, and so of the count. Views point into the body.
 */

#include "gateway/messages.h"
#include "gateway/responses.h"

enum {
	GW_REPEAT_OPEN = 64
}; /* calls without a result; of more the oldest is forgotten */

struct gw_repeat_call {
	struct gw_name id;
	struct str tool, space, args;
};

struct gw_repeat {
	struct gw_repeat_call open[GW_REPEAT_OPEN];
	size_t nopen; /* ever; the latest GW_REPEAT_OPEN are there */
	struct gw_repeat_call last;
	struct str result; /* of the last one */
	size_t times;      /* in a row, 0: no call yet */
	bool is_user;      /* the message that is read is of the user */
};

/* The parts of a transcript as they come. All take NULL and do nothing then. */
void gw_repeat_message(struct gw_repeat *r, struct js role, struct js content);
void gw_repeat_block(struct gw_repeat *r, const struct msg_block *b);
void gw_repeat_item(struct gw_repeat *r, const struct res_item *i);

/* Behind the last part: how many times in a row the last call was made. */
size_t gw_repeat_times(const struct gw_repeat *r);

#endif
