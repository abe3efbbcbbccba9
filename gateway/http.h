#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

/*
 * The clients' side: connections of HTTP/1.1 (gateway/h1.h) on the gateway's event loop, one
 * request of each at a time, and its answer.
 *
 *   IDLE -> HEAD -> BODY -> ANSWER -> IDLE       one exchange after the other
 *             \       \       \----> CLOSE       the answer's rest is written, then the end is
 *              \-------\------------> CLOSE      said, and what still comes is read away
 *                              \----> RAW        after 101: bytes both ways, no HTTP
 *
 * A request is handed over when its head is there (on_head), before anything of its body is
 * waited for. Who got it refuses it, answers it or watches it (gw_http_watch), until
 * gw_http_end, gw_http_reply, gw_http_refuse, gw_http_empty or gw_http_cut: after one of
 * these, and after on_gone, it must not be touched.
 *
 * Memory follows the bytes that have come, never a length that was announced. An idle
 * connection has no buffer. Of requests sent ahead at most one piece is read, the rest waits
 * in the kernel. A client that says its end while it waits for an answer is taken to be gone:
 * that is how a process that died looks, and what nobody reads is not to be paid for.
 */

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/quota.h"
#include "gateway/enforce.h"
#include "gateway/h1.h"
#include "gateway/route.h"

enum {
	GW_FIELDS_MAX = H1_HEAD_MAX,
	GW_HTTP_BODY_MAX = GW_BODY_MAX, /* a longer one is refused unread */
	GW_BLOCK = (128 << 10) - 64,    /* what a request is read into first; kept ones */
	GW_BLOCKS_KEPT = 32,            /* below the size from which malloc maps pages */
	GW_AHEAD_MAX = 64 << 10,        /* read ahead of an unanswered request */
	GW_BACKLOG_MAX = 64 << 10,      /* unsent bytes before the provider is paused */
	GW_UNSENT_MAX = 4 * GW_HELD_MAX, /* ... at all: a held call is released at once */
	GW_DRAIN_MAX = 2 * GW_BODY_MAX,  /* read away behind a refusal */
	GW_BODY_STEP = 16 << 10          /* a body's least progress in limits.body */
};

/* Milliseconds; what has come to its limit is told at most a tick later. */
struct gw_http_limits {
	int first; /* a new connection says nothing */
	int head;  /* from the first byte of a head to its last */
	int body;  /* for GW_BODY_STEP bytes, or the rest */
	int write; /* the client takes nothing of what waits for it */
	int drain; /* it goes on talking behind a refusal, or says nothing when we leave */
	int keep;  /* no request on a connection that had one */
	int tick;
};
extern const struct gw_http_limits gw_http_usual;

struct gw_req;

/* All connections of the clients. Not what listens: that is gateway/front.h. */
struct gw_http {
	struct event_base *base;
	struct quota *memory; /* of all that is held for them; borrowed */
	const struct gw_http_limits *limits;
	void (*on_head)(struct gw_req *q, void *to);
	/* What is no request was turned away, or took too long: why, for the log. */
	void (*on_bad)(const char *why, void *to);
	void *to;
	/* private */
	struct clock_awake clock;
	LIST_HEAD(gw_reqs, gw_req) reqs;
	size_t n;
	/*
	 * What waits to be sent. It was held before, in another shape, and cannot be refused
	 * any more: it counts, and what is to be held next must find room beside it.
	 */
	struct quota unsent;
	char *kept[GW_BLOCKS_KEPT];
	size_t nkept;
	struct event *tick;
	bool ticks, draining;
};

int gw_http_open(struct gw_http *all, struct err *e); /* base, memory, on_*, to are set */
/*
 * Each connection ends behind its next answer, or limits.drain later: closed at once, an idle
 * one would break a request that is on its way.
 */
void gw_http_drain(struct gw_http *all);
void gw_http_close(struct gw_http *all); /* after the exchanges */
/* A connected, non-blocking stream socket, which becomes ours. */
void gw_http_take(struct gw_http *all, int fd);

/* --- the request --- */

enum gw_method gw_http_method(const struct gw_req *q);
/* Ranges of the head: gone with gw_http_drop. lines: as gateway/head.h reads them. */
struct str gw_http_target(const struct gw_req *q);
struct str gw_http_host(const struct gw_req *q);
struct str gw_http_lines(const struct gw_req *q);
/* Content-Length as announced; 0 when there is none. */
uint64_t gw_http_length(const struct gw_req *q);
/* The whole body, from on_whole on; may be changed in place by nobody. */
struct str gw_http_body(const struct gw_req *q);
/*
 * Counts what this request holds in share, which is a part of `memory` and others of the same
 * run count in, too, until it is dropped: a run that has its share gets no more, so that others
 * still do.
 */
void gw_http_charge(struct gw_req *q, struct quota *share);
/* Gives back the memory of head and body; keys are wiped. */
void gw_http_drop(struct gw_req *q);

/*
 * Without exception from the event loop, never from within a function of this header but
 * gw_http_watch's on_whole: that may be called before gw_http_watch returns.
 */
struct gw_http_watch {
	void (*on_whole)(void *to);   /* the body is there */
	void (*on_gone)(void *to);    /* the client has left, or was cut off; q is gone */
	void (*on_drained)(void *to); /* all that was sent is on its way */
	void (*on_bytes)(void *to, struct str bytes); /* after gw_http_switch; or NULL */
	void *to;
};
/*
 * w is borrowed. Who watches already may leave its place to another one once the body is there,
 * which is not told of that again.
 */
void gw_http_watch(struct gw_req *q, const struct gw_http_watch *w);

/* --- the answer --- */

/* Status line and fields ("Name: value\n") of an answer whose body follows in pieces. */
void gw_http_start(struct gw_req *q, int status, struct str lines);
/*
 * Written at once, as far as the client takes it; copied otherwise, and when it is not the
 * first piece in a turn of the loop, at the end of which it is written.
 */
void gw_http_send(struct gw_req *q, struct str bytes);
size_t gw_http_backlog(const struct gw_req *q);
void gw_http_end(struct gw_req *q);
/* The whole of an answer. */
void gw_http_reply(struct gw_req *q, int status, struct str lines, struct str body);
/* Breaks the connection, so that the client does not take what it got for the whole. */
void gw_http_cut(struct gw_req *q);

/* 101; from here on gw_http_send and on_bytes carry the other protocol, until gw_http_end. */
void gw_http_switch(struct gw_req *q, struct str lines);

/* A whole answer of our own in the dialect's shape; final: tells the client not to retry. */
struct gw_http_refusal {
	enum gw_api api;
	int status;
	const char *text;
	bool final;
};
void gw_http_refuse(struct gw_req *q, const struct gw_http_refusal *r);
/* 200 without a body. */
void gw_http_empty(struct gw_req *q);

#endif
