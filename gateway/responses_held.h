#ifndef GATEWAY_RESPONSES_HELD_H
#define GATEWAY_RESPONSES_HELD_H

/*
 * Calls of a stream between response.output_item.added and .done: their events are kept until
 * the call is decided. A call must end as it began: of the same type, name, namespace, server
 * and call_id, and with the arguments that its pieces said.
 *
 * An item is found by its output_index, since some providers write another id into each event;
 * an event without an index by the item's id.
 */

#include "gateway/responses.h"

enum {
	RES_HELD_MAX = 32,  /* items that are open at the same time */
	RES_INDEX_MAX = 20, /* digits of an output_index */
};

struct res_held {
	char index[RES_INDEX_MAX]; /* as written on the wire */
	size_t index_n;
	struct res_item item; /* as it began; its ranges are gone */
	bool off;  /* policy refuses what the first event says it is, whatever follows */
	bool gone; /* the result of a call that was replaced: nothing of it is kept */
	struct buf raw; /* the events, each as it goes out */
	struct buf said,
		whole; /* arguments in pieces and as told at their end, escaped */
};

struct res_holds {
	struct res_held *v[RES_HELD_MAX];
	size_t n, bytes;
	bool bare;            /* see gw_stream_message */
	struct quota *memory; /* see struct gw_rules */
};

void res_holds_fini(struct res_holds *s);
void res_hold_drop(struct res_holds *s, struct res_held *h);
/* NULL: none. */
struct res_held *res_hold_find(
	const struct res_holds *s, struct js index, struct str item_id);
/* Whether a call of the id is not decided yet. */
bool res_hold_has_call(const struct res_holds *s, struct str call_id);
/* A new one, with its first event; NULL: refused. */
struct res_held *res_hold_begin(struct res_holds *s, struct js index,
	const struct res_item *item, struct str raw, struct err *e);
/* A further event of it. */
int res_hold_more(struct res_holds *s, struct res_held *h, struct js event,
	struct str raw, struct err *e);
/* -1: it ends as another than it began. */
int res_hold_check_end(
	const struct res_held *h, const struct res_item *end, struct err *e);

#endif
