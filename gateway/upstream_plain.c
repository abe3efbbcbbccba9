#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "gateway/head.h"
#include "gateway/upstream_answer.h"
#include "gateway/upstream_link.h"
#include "gateway/upstream_way.h"

enum {
	SCRATCH = 128 << 10, /* one read; shared, so an idle transfer has no buffer */
	TICK_MS = 250,       /* how exact a time limit is */
	WHY_MAX = 256,
	MS_PER_S = 1000,
	US_PER_MS = 1000,
	REQUEST_LINE = 512 /* what a request's head has besides its fields and path */
};

struct plain {
	struct gw_up up; /* first: a gw_up is one of these */
	LIST_ENTRY(plain) next;
	struct gw_plain *all;
	union gw_address at[GW_ADDRESSES_MAX];
	size_t nat, next_at;
	struct gw_link *link;
	bool is_kept; /* the link has served before */
	bool connecting, sent_all, broken, paused;
	struct buf out;  /* the request's head, until it is sent */
	struct str body; /* of the request, borrowed */
	size_t sent;     /* of both */
	struct gw_answer answer;
	struct buf held; /* read while paused ... */
	size_t again;    /* ... and how much of it was offered already */
	int keep_s;      /* how long the provider keeps the connection */
	int64_t moved;   /* ms: when the last byte was */
	int64_t began;   /* ms: since when a head is half there; 0: it is not */
	char *dead;      /* it ends so as soon as the loop is back */
};
LIST_HEAD(plains, plain);

struct gw_plain {
	struct gw_links links; /* its `now` is the time here, ms of ... */
	struct clock_awake clock;
	struct gw_up_limits limits;
	struct plains transfers;
	struct event *tick, *soon;
	char *scratch;
	char why[WHY_MAX]; /* of what ends just now */
};

static void
look_at_the_clock(struct gw_plain *p)
{
	p->links.now = clock_awake_us(&p->clock) / US_PER_MS;
}

/* One timer for all limits, as long as there is anything to watch. */
static void
run_clock(struct gw_plain *p)
{
	const struct timeval tick = { 0, (suseconds_t)TICK_MS * US_PER_MS };

	if (evtimer_pending(p->tick, NULL))
		return;
	look_at_the_clock(p);
	(void)event_add(p->tick, &tick); /* limits hold late without it, not never */
}

/* --- the end of a transfer --------------------------------------------------------- */

static void
plain_free(struct plain *t)
{
	LIST_REMOVE(t, next);
	if (t->link != NULL)
		gw_link_close(t->link);
	buf_wipe(&t->out);
	buf_fini(&t->held);
	gw_answer_fini(&t->answer);
	free(t->dead);
	free(t);
}

/* The last call; t is gone. */
static void
finish(struct plain *t, const char *why)
{
	const struct gw_up_calls calls = t->up.calls;

	plain_free(t);
	calls.done(calls.to, why);
}

/* All has come; left: bytes behind the answer, which nobody asked for. */
static void
finish_well(struct plain *t, size_t left)
{
	struct gw_plain *p = t->all;
	const int64_t ours = p->limits.kept_ms;
	const int64_t theirs = (int64_t)t->keep_s * MS_PER_S;

	if (t->answer.head.keep_alive && left == 0 && t->sent_all && !t->broken &&
		theirs > 0) {
		gw_link_keep(t->link, p->links.now + (theirs < ours ? theirs : ours));
		t->link = NULL;
	}
	finish(t, NULL);
}

/* Not from within gw_plain_start, whose caller does not know t yet. */
static void
finish_soon(struct plain *t, const char *why)
{
	free(t->dead);
	t->dead = mem_strdup(why);
	event_active(t->all->soon, EV_TIMEOUT, 0);
}

/* --- the request ------------------------------------------------------------------- */

static void
put_head(struct buf *out, const struct gw_up_request *r, const struct upstream_at *at)
{
	struct str rest = r->head, name, value;

	(void)buf_room(out, r->head.n + at->path.n + at->authority.n + REQUEST_LINE);
	buf_puts(out, r->post ? "POST " : "GET ");
	if (at->path.n == 0 || at->path.p[0] != '/')
		buf_putc(out, '/');
	buf_put_str(out, at->path);
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	buf_put_str(out, at->authority);
	buf_puts(out, "\r\n");
	while (gw_head_next(&rest, &name, &value)) {
		buf_put_str(out, name);
		buf_puts(out, ": ");
		buf_put_str(out, value);
		buf_puts(out, "\r\n");
	}
	if (gw_head_count(r->head, "accept-encoding") == 0)
		buf_puts(out, "Accept-Encoding: identity\r\n");
	if (r->post) {
		buf_puts(out, "Content-Length: ");
		buf_put_number(out, r->body.n);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
}

enum sent { SENT_ALL, SENT_SOME, SENT_FAILED };

static enum sent
write_some(struct plain *t)
{
	while (t->sent < t->out.n + t->body.n) {
		const size_t head = t->sent < t->out.n ? t->out.n - t->sent : 0;
		const size_t from = head > 0 ? 0 : t->sent - t->out.n;
		struct iovec v[] = { { t->out.p + (t->out.n - head), head },
			{ (void *)(uintptr_t)(t->body.p + from), t->body.n - from } };
		const struct msghdr m = { .msg_iov = head > 0 ? v : v + 1,
			.msg_iovlen = head > 0 ? 2 : 1 };
		const ssize_t n = sendmsg(t->link->fd, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? SENT_SOME
								       : SENT_FAILED;
		t->sent += (size_t)n;
	}
	return SENT_ALL;
}

/* -1: nothing was sent and nothing can be: another connection may serve. */
static int
send_more(struct plain *t)
{
	switch (write_some(t)) {
	case SENT_ALL:
		t->sent_all = true;
		t->body = STR("");
		buf_wipe(&t->out);
		t->sent = 0;
		break;
	case SENT_SOME:
		t->moved = t->all->links.now;
		if (event_add(t->link->writable, NULL) < 0)
			finish_soon(t, "the connection cannot be watched");
		return 0;
	case SENT_FAILED:
		if (t->sent == 0)
			return -1;
		t->broken = true; /* what it said before it closed is still to be read */
		break;
	}
	t->moved = t->all->links.now;
	(void)event_del(t->link->writable); /* may not be pending */
	return 0;
}

static void
drop_link(struct plain *t)
{
	if (t->link != NULL)
		gw_link_close(t->link);
	t->link = NULL;
	t->is_kept = t->connecting = false;
}

/* The reason is the one of the last address. */
static const char *
cannot_connect(struct plain *t, int fault)
{
	char name[GW_ADDRESS_TEXT];

	(void)snprintf(t->all->why, WHY_MAX, "cannot connect to %s: %s",
		gw_link_name(&t->at[t->next_at - 1], name), strerror(fault));
	return t->all->why;
}

/* Begins to connect to the next address; NULL, or why there is none. */
static const char *
connect_next(struct plain *t)
{
	int fault = 0;

	drop_link(t);
	while (t->next_at < t->nat) {
		t->link = gw_link_open(&t->all->links, &t->at[t->next_at++], t);
		if (t->link != NULL) {
			t->connecting = true;
			t->moved = t->all->links.now;
			return NULL;
		}
		fault = errno;
	}
	return cannot_connect(t, fault);
}

/* By a kept connection when one takes it, else by a new one. */
static const char *
begin(struct plain *t)
{
	for (size_t i = 0; i < t->nat; i++)
		while ((t->link = gw_link_take(&t->all->links, &t->at[i], t)) != NULL) {
			t->is_kept = true;
			if (send_more(t) == 0)
				return NULL;
			drop_link(t);
		}
	return connect_next(t);
}

static void
on_connected(struct plain *t)
{
	const int fault = gw_link_error(t->link);
	const char *why = NULL;

	if (fault == 0) {
		t->connecting = false;
		if (event_add(t->link->readable, NULL) < 0 || send_more(t) < 0)
			why = "the connection broke before the request was sent";
	} else if (t->next_at < t->nat) {
		why = connect_next(t);
	} else {
		why = cannot_connect(t, fault);
	}
	if (why != NULL)
		finish(t, why);
}

static void
on_writable(void *user)
{
	struct plain *t = user;

	if (t->connecting)
		on_connected(t);
	else if (send_more(t) < 0)
		finish(t, "the connection broke before the request was sent");
}

/* --- the answer -------------------------------------------------------------------- */

/* "timeout=5, max=1000" */
static int
keep_seconds(struct str lines)
{
	static const struct str word = { "timeout=", 8 };
	const struct str value = gw_head_get(lines, "keep-alive");
	const char *at = value.n > word.n ? memmem(value.p, value.n, word.p, word.n)
					  : NULL;
	int s = 0;

	if (at == NULL)
		return INT32_MAX / MS_PER_S;
	for (at += word.n; at < value.p + value.n && *at >= '0' && *at <= '9'; at++)
		s = s < MS_PER_S ? s * 10 + (*at - '0') : s;
	return s - 1; /* it shall not close while a request is on its way */
}

/* What is left, the piece that was not taken first, waits for gw_up_resume. */
static void
pause_at(struct plain *t, struct str piece, struct str rest)
{
	if (t->held.n > 0) { /* it came from there */
		memmove(t->held.p, piece.p, piece.n);
		memmove(t->held.p + piece.n, rest.p, rest.n);
		t->held.n = piece.n + rest.n;
	} else {
		buf_put_str(&t->held, piece);
		buf_put_str(&t->held, rest);
	}
	t->again = piece.n;
	t->paused = true;
	(void)event_del(t->link->readable); /* it is pending */
}

/*
 * The next thing in the bytes. Pieces of a body that have come together, each in a chunk of
 * its own, are joined where they lie, in our scratch or in held: a fast provider sends
 * hundreds in one read, and each would go all the way to the client by itself.
 */
static enum gw_got
next_joined(struct plain *t, struct str *in, struct str *piece)
{
	const enum gw_got got = gw_answer_next(&t->answer, in, piece);
	struct str more;

	/* what ends the loop is told again by the next call */
	while (got == GW_GOT_BODY && in->n > 0 &&
		gw_answer_next(&t->answer, in, &more) == GW_GOT_BODY) {
		memmove((char *)(uintptr_t)piece->p + piece->n, more.p, more.n);
		piece->n += more.n;
	}
	return got;
}

/* Hands on what the bytes hold; false: t is gone. */
static bool
consume(struct plain *t, struct str in)
{
	struct str piece = in;

	for (;;) {
		switch (next_joined(t, &in, &piece)) {
		case GW_GOT_MORE:
			return true;
		case GW_GOT_HEAD:
			t->keep_s = keep_seconds(t->answer.head.lines);
			if (t->up.calls.head(t->up.calls.to, t->answer.head.status,
				    t->answer.head.lines) == GW_UP_TOOK)
				continue;
			finish(t, "the answer was not taken");
			return false;
		case GW_GOT_BODY:
			switch (t->up.calls.body(t->up.calls.to, piece)) {
			case GW_UP_TOOK:
				continue;
			case GW_UP_PAUSE:
				pause_at(t, piece, in);
				return true;
			case GW_UP_STOP:
				break;
			}
			finish(t, "the answer was not taken");
			return false;
		case GW_GOT_DONE:
			finish_well(t, in.n);
			return false;
		case GW_GOT_BAD:
		case GW_GOTS:
			break;
		}
		(void)snprintf(t->all->why, WHY_MAX, "its answer is not sound HTTP: %s",
			t->answer.why);
		finish(t, t->all->why);
		return false;
	}
}

static void
on_end(struct plain *t, int fault)
{
	if (fault != 0) {
		(void)snprintf(t->all->why, WHY_MAX, "the connection broke %s: %s",
			gw_answer_has_begun(&t->answer) ? "within its answer"
							: "before it answered",
			strerror(fault));
		finish(t, t->all->why);
	} else if (gw_answer_end(&t->answer) == GW_GOT_DONE) {
		t->broken = true;
		finish_well(t, 0);
	} else {
		/* of a broken one, the reason was told to whoever sent */
		finish(t, t->broken ? "the connection broke before all was sent"
				    : t->answer.why);
	}
}

static void
on_readable(void *user)
{
	struct plain *t = user;
	struct gw_plain *p = t->all;
	const ssize_t n = recv(t->link->fd, p->scratch, SCRATCH, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		on_end(t, n < 0 ? errno : 0);
		return;
	}
	t->moved = p->links.now;
	if (!consume(t, (struct str){ p->scratch, (size_t)n }))
		return;
	if (t->answer.in_body || t->answer.held.n == 0)
		t->began = 0;
	else if (t->began == 0)
		t->began = t->moved;
}

static void
plain_resume(struct gw_up *up)
{
	struct plain *t = (struct plain *)up;
	struct str in = buf_str(&t->held);
	const struct str piece = { in.p, t->again };

	if (!t->paused)
		return;
	switch (up->calls.body(up->calls.to, piece)) {
	case GW_UP_PAUSE:
		return;
	case GW_UP_STOP:
		finish(t, "the answer was not taken");
		return;
	case GW_UP_TOOK:
		break;
	}
	t->paused = false;
	t->moved = t->all->links.now;
	if (!consume(t, str_skip(in, t->again)) || t->paused)
		return;
	buf_fini(&t->held);
	if (event_add(t->link->readable, NULL) < 0)
		finish_soon(t, "the connection cannot be watched");
}

static void
plain_cancel(struct gw_up *up)
{
	plain_free((struct plain *)up);
}

static bool
plain_has_sent(struct gw_up *up)
{
	return ((struct plain *)up)->sent_all;
}

/* --- time -------------------------------------------------------------------------- */

/* NULL: nothing is wrong with it. */
static const char *
overdue(const struct plain *t)
{
	const struct gw_up_limits *l = &t->all->limits;
	const int64_t now = t->all->links.now;

	if (t->dead != NULL)
		return t->dead;
	if (t->connecting)
		return now - t->moved > l->connect_ms ? "it does not take the connection"
						      : NULL;
	if (t->began != 0 && now - t->began > l->head_ms)
		return "the head of its answer does not end";
	return !t->paused && now - t->moved > l->idle_ms ? "it sends nothing any more"
							 : NULL;
}

static bool
end_one(struct gw_plain *p)
{
	struct plain *t;

	LIST_FOREACH(t, &p->transfers, next)
	{
		const char *why = overdue(t);

		if (why == NULL)
			continue;
		(void)snprintf(p->why, WHY_MAX, "%s", why); /* it may be t's own */
		finish(t, p->why);
		return true;
	}
	return false;
}

/* A transfer that ends may take others along: the list is begun anew after each. */
static void
end_overdue(struct gw_plain *p)
{
	while (end_one(p))
		;
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_overdue(arg);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct gw_plain *p = arg;

	(void)fd;
	(void)what;
	look_at_the_clock(p);
	end_overdue(p);
	gw_links_expire(&p->links);
	if (!LIST_EMPTY(&p->transfers) || p->links.nkept > 0)
		run_clock(p);
}

/* --- all of them ------------------------------------------------------------------- */

struct gw_plain *
gw_plain_new(struct event_base *base, const struct gw_up_limits *l, struct err *e)
{
	struct gw_plain *p = mem_alloc(sizeof *p);

	p->links.base = base;
	p->links.on_readable = on_readable;
	p->links.on_writable = on_writable;
	LIST_INIT(&p->transfers);
	p->limits = *l;
	p->scratch = mem_alloc(SCRATCH);
	p->tick = evtimer_new(base, on_tick, p);
	p->soon = evtimer_new(base, on_soon, p);
	if (p->tick != NULL && p->soon != NULL)
		return p;
	gw_plain_free(p);
	(void)err_set(e, ERR_GATEWAY, "no timer for the providers");
	return NULL;
}

void
gw_plain_free(struct gw_plain *p)
{
	if (p == NULL)
		return;
	gw_links_fini(&p->links);
	if (p->tick != NULL)
		event_free(p->tick);
	if (p->soon != NULL)
		event_free(p->soon);
	free(p->scratch);
	free(p);
}

static const struct gw_up_way plain_way = { plain_resume, plain_cancel, plain_has_sent };

struct gw_up *
gw_plain_start(struct gw_plain *p, const struct gw_up_request *r,
	const struct upstream_at *at, const struct gw_up_calls *calls, struct err *e)
{
	struct plain *t;
	const char *why;

	t = mem_alloc(sizeof *t);
	*t = (struct plain){ .up = { &plain_way, *calls },
		.all = p,
		.out = BUF_INIT(GW_HEAD_MAX + H1_LINE_MAX),
		.held = BUF_INIT(SCRATCH),
		.body = r->body };
	LIST_INSERT_HEAD(&p->transfers, t, next);
	gw_answer_init(&t->answer, false);
	t->nat = gw_link_addresses(at, t->at);
	put_head(&t->out, r, at);
	if (t->nat == 0 || t->out.over) {
		(void)err_set(e, ERR_DATA,
			t->nat == 0 ? "http:// is for a provider on this machine only"
				    : "the headers are too long");
		plain_free(t);
		return NULL;
	}
	run_clock(p);
	why = begin(t);
	if (why != NULL)
		finish_soon(t, why);
	return &t->up;
}
