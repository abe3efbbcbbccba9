#ifndef GATEWAY_HTTP_LINK_H
#define GATEWAY_HTTP_LINK_H

/*
 * One connection, for http.c (what comes), http_block.c (where it is kept) and http_out.c (what
 * goes); nobody else's.
 */

#include "gateway/http.h"

enum gw_link_state {
	LINK_IDLE,
	LINK_HEAD,
	LINK_BODY,
	LINK_ANSWER,
	LINK_RAW,
	LINK_CLOSE, /* no more requests; unsent bytes go first */
	LINK_DEAD,  /* broken; freed when nobody is working on it */
	LINK_STATES
};

/* More than one turn reads behind a request. */
#define GW_LINK_AHEAD_MAX ((size_t)2 * GW_BODY_MAX)

enum gw_link_framing { FRAME_NONE, FRAME_CHUNKED, FRAME_RAW };

struct gw_req {
	LIST_ENTRY(gw_req) link;
	struct gw_http *all;
	const struct gw_http_watch *watch; /* of the request; NULL: nobody's */
	int fd;
	enum gw_link_state state;
	struct event readable, writable;
	int64_t deadline; /* of all->clock, us; 0: none */

	/* what comes */
	struct h1 head;
	struct h1_chunks chunks;
	char *block; /* head and body, or the body alone */
	size_t cap, n;
	struct quota *share; /* in which cap counts: a run's, or that of all */
	size_t begin, body;  /* the body's place and its bytes so far */
	size_t mark;         /* of it, when the deadline was set */
	char *head_copy;     /* the head, when it is not in the block */
	struct buf ahead;
	size_t drained;

	/* what goes */
	struct buf out;
	size_t sent; /* of out */

	enum gw_link_framing framing;

	bool busy;    /* a callback of ours is on the stack */
	bool reading; /* readable is pending */
	bool blocked; /* writable is pending: the client takes no more */
	bool corked;  /* something was sent in this turn: more of it is joined */
	bool broken;  /* the client is gone, which is told from the loop */
	enum gw_method method;
	bool has_whole, keep, said_end;
};

/*
 * A connection has a block while a request of it is there. The head, with the person's key in
 * it, is wiped where it was.
 */
void gw_link_take_block(struct gw_req *q);
void gw_link_release_block(struct gw_req *q);
void gw_link_release(struct gw_req *q); /* and the head, where that is elsewhere */
void gw_link_resize(struct gw_req *q, size_t cap);
/* Room for more of a body; false: all requests together hold too much. */
bool gw_link_grow(struct gw_req *q);
void gw_link_shrink(struct gw_req *q);

/* The loop calls us for it once more, soon. */
void gw_link_wake(struct gw_req *q);
void gw_link_set_deadline(struct gw_req *q);
/* The exchange is over: what comes next on this connection? */
void gw_link_finish(struct gw_req *q);
void gw_link_free(struct gw_req *q);
/* Bytes were taken or refused by the client; false: the connection is broken. */
bool gw_link_flush(struct gw_req *q);
/* Text of our own before or instead of an answer, as it is. */
void gw_link_say(struct gw_req *q, struct str bytes);

#endif
