#ifndef GATEWAY_CONN_STATE_H
#define GATEWAY_CONN_STATE_H

/*
 * One exchange from within: conn.c (its states), conn_ask.c (the request), conn_answer.c (the
 * answer), conn_socket.c (many of both, on a WebSocket). Nobody else's.
 */

#include "gateway/account.h"
#include "gateway/coding.h"
#include "gateway/conn.h"
#include "gateway/hold.h"
#include "gateway/http.h"
#include "gateway/socket.h"
#include "gateway/upstream.h"

enum {
	GW_STATUS_MOVED = 300,
	GW_STATUS_BAD_REQUEST = 400, /* both clients show it and do not ask again */
	GW_STATUS_UPGRADE = 426,     /* codex then uses POST */
	GW_STATUS_BAD_GATEWAY = 502,
	GW_CONN_URL_MAX = POL_URL_MAX + GW_FIELDS_MAX, /* at the provider */
	GW_CHANGED_MAX = 2 * GW_BODY_MAX               /* what policy makes of a body */
};

struct gw_conn {
	LIST_ENTRY(gw_conn) link;
	struct gw_reg *run;
	struct gw_upstream *upstream;
	struct gw_route route;
	enum pol_provider provider;
	enum gw_state state;
	enum gw_state
		then; /* where to go when the provider's transfer is gone; or GW_NEW */
	LIST_ENTRY(gw_conn) telling;
	enum gw_state told;  /* where to go then; GW_NEW: it is not in that list */
	struct buf waiting;  /* of a stream: what goes on then */
	uint64_t log_faults; /* how many there were before its lines */
	struct gw_req *q;    /* NULL once answered, or the client has gone */
	struct gw_http_watch watch;
	size_t up_at; /* where route.up begins in the target, which may move */
	struct gw_hold hold;
	struct gw_socket *socket; /* q is its own */
	struct buf turn; /* what all requests on it have of the first one's fields */
	struct gw_up *up;
	struct gw_stream *stream;
	struct gw_decoder *decoder; /* of a compressed answer, or NULL */
	struct gw_rules rules;
	struct gw_sink sink;
	struct gw_account account; /* of a call of a model */
	const char *direction;
	size_t changes;
	struct pol_decision limit; /* that refuses the request; rule NULL: none */
	struct str body;           /* of the request, as it goes on: of q, or */
	struct buf changed;        /* what policy made of it */
	struct buf head;           /* of the answer, as it goes on */
	int status;
	struct buf answer; /* a JSON answer: as it came, then as it goes on */
	bool is_begun;     /* part of the answer's body has been sent */
	bool is_coded;     /* the body goes on with its Content-Encoding */
	bool paused;
	bool log_failed;
	bool has_found; /* something is not in the log yet ... */
	bool must_log;  /* ... and it goes on */
	bool is_told;   /* the refusal is in the decision log already */
	int refusal;    /* its status */
	struct err e;   /* its text */
};

/* The one door. After a move to GW_GONE the exchange is freed. */
void gw_conn_go(struct gw_conn *c, enum gw_state to);
/* What is wrong is in c->e; answers GW_REFUSE. */
enum gw_state gw_conn_refuse(struct gw_conn *c, int status);
/* That what ("the answer") did not fit into b, and why; answers -1. */
int gw_conn_too_long(const struct buf *b, const char *what, struct err *e);

/* --- conn_tell.c --- */
/* Before something is found, or a line is made for it. */
void gw_conn_begin_found(struct gw_conn *c);
/* For c->sink. */
void gw_conn_found(void *to, const struct gw_finding *f);
/*
 * Writes what was found. -1 when a decision could not be recorded; the error says so, whatever
 * it said before.
 */
int gw_conn_check_log(struct gw_conn *c, struct err *e);
/*
 * Where to go, when `then` follows once what was found is written with what others found in this
 * turn of the loop.
 */
enum gw_state gw_conn_tell(struct gw_conn *c, enum gw_state then);
/* The same of a stream, which stays where it is. */
void gw_conn_tell_later(struct gw_conn *c, enum gw_state then);
void gw_conn_untell(struct gw_conn *c);

/* --- conn_ask.c --- */
enum gw_state gw_conn_ask(struct gw_conn *c);
enum gw_state gw_conn_send(struct gw_conn *c);
/*
 * What the provider has is not kept: a stream may last for an hour, and the next request is
 * read into the same memory while that is still in the processor's cache.
 */
void gw_conn_forget_sent(struct gw_conn *c);
/*
 * gw_request; whether its tools are those of the launch; and whether the run may go on. head:
 * of the request.
 */
int gw_conn_decide(struct gw_conn *c, struct str head, struct str text, struct buf *out,
	struct err *e);
/*
 * Behind that, whose answer is got: a refusal is recorded, anything else is to be written before
 * it goes on. begin_us: when it was looked at first.
 */
int gw_conn_record(struct gw_conn *c, int got, int64_t begin_us, struct err *e);
/* The provider's address, and the fields of the request that it gets. */
void gw_conn_put_url(struct gw_conn *c, struct buf *url);
void gw_conn_put_fields(const struct gw_conn *c, struct str head, struct buf *out);

/* --- conn_socket.c --- */
enum gw_state gw_conn_socket(struct gw_conn *c, struct str head);

/* --- conn_answer.c --- */
/* What waits of a stream goes on, or in its place why it does not. */
void gw_conn_release(struct gw_conn *c, const char *why_not);
struct gw_up_calls gw_conn_calls(struct gw_conn *c);
/* The client takes again. c may be gone behind this. */
void gw_conn_drained(struct gw_conn *c);

#endif
