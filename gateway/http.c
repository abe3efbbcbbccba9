#include "gateway/http.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdio.h"
#include "gateway/http_link.h"

enum {
	READS_MAX = 4,         /* full ones in a turn, then the others have theirs */
	TRIM_FROM = 16 << 20,  /* bytes of requests at a time */
	KEPT_FREE = 6 << 20,   /* bytes that malloc keeps for the next large body ... */
	MAPPED_FROM = 3 << 20, /* ... and from how many on it never keeps them */
	SCRAP = 16 << 10,      /* read at a time of what is thrown away or kept ahead */
	US_PER_MS = 1000,
	MS_PER_S = 1000
};

enum { BAD_REQUEST = 400, TIMED_OUT = 408, BUSY = 503 };

const struct gw_http_limits gw_http_usual = { .first = 60000,
	.head = 15000,
	.body = 15000,
	.write = 300000,
	.drain = 10000,
	.keep = 300000,
	.tick = 1000 };

/* --- a connection's life ------------------------------------------------------------- */

void
gw_link_wake(struct gw_req *q)
{
	event_active(&q->writable, EV_WRITE, 0);
}

static void
set_after(struct gw_req *q, int ms)
{
	q->deadline = clock_awake_us(&q->all->clock) + (int64_t)ms * US_PER_MS;
	q->mark = q->body;
}

void
gw_link_set_deadline(struct gw_req *q)
{
	const struct gw_http_limits *max = q->all->limits;

	if (q->blocked)
		set_after(q, max->write);
	else if (q->state == LINK_IDLE)
		set_after(q, q->all->draining ? max->drain : max->keep);
	else if (q->state == LINK_HEAD)
		set_after(q, max->head);
	else if (q->state == LINK_BODY)
		set_after(q, max->body);
	else if (q->state == LINK_CLOSE)
		set_after(q, max->drain);
	else
		q->deadline = 0; /* a model may think for long */
}

static void
want_read(struct gw_req *q, bool want)
{
	if (want != q->reading &&
		(want ? event_add(&q->readable, NULL) : event_del(&q->readable)) == 0)
		q->reading = want;
}

void
gw_link_free(struct gw_req *q)
{
	if (q->busy) {
		q->state = LINK_DEAD;
		return;
	}
	(void)event_del(&q->readable); /* of our own base: they cannot fail */
	(void)event_del(&q->writable);
	(void)close(q->fd);
	gw_link_release(q);
	buf_fini(&q->ahead);
	buf_fini(&q->out);
	LIST_REMOVE(q, link);
	q->all->n--;
	free(q);
}

static void
lose(struct gw_req *q)
{
	const struct gw_http_watch *w = q->watch;

	q->watch = NULL;
	if (w != NULL)
		w->on_gone(w->to);
	gw_link_free(q);
}

/* The client reads our end behind our last byte; what it still sends is not to reset that. */
static void
say_end(struct gw_req *q)
{
	if (q->said_end || gw_http_backlog(q) > 0)
		return;
	q->said_end = true;
	if (shutdown(q->fd, SHUT_WR) < 0)
		gw_link_free(q);
	else
		want_read(q, true);
}

void
gw_link_finish(struct gw_req *q)
{
	gw_link_release(q);
	q->watch = NULL;
	q->framing = FRAME_NONE;
	if (q->state == LINK_DEAD)
		return;
	q->state = q->keep ? LINK_IDLE : LINK_CLOSE;
	if (q->keep) {
		h1_request_init(&q->head);
		q->chunks = (struct h1_chunks){ 0 };
		q->has_whole = false;
		/* who does not read the last answer gets no other one */
		want_read(q, !q->blocked);
	} else {
		buf_fini(&q->ahead);
	}
	gw_link_set_deadline(q);
	if (!q->keep || q->ahead.n > 0)
		gw_link_wake(q);
}

void
gw_http_cut(struct gw_req *q)
{
	q->watch = NULL;
	gw_link_free(q);
}

/* --- the request -------------------------------------------------------------------- */

enum gw_method
gw_http_method(const struct gw_req *q)
{
	return q->method;
}

struct str
gw_http_target(const struct gw_req *q)
{
	return q->head.target;
}

struct str
gw_http_host(const struct gw_req *q)
{
	return q->head.host;
}

struct str
gw_http_lines(const struct gw_req *q)
{
	return q->head.lines;
}

uint64_t
gw_http_length(const struct gw_req *q)
{
	return q->head.framing == H1_LENGTH ? q->head.length : 0;
}

struct str
gw_http_body(const struct gw_req *q)
{
	return (struct str){ q->body > 0 ? q->block + q->begin : "", q->body };
}

void
gw_http_drop(struct gw_req *q)
{
	gw_link_release(q);
}

static enum gw_method
method_of(struct str name)
{
	if (str_is(name, "GET"))
		return GW_GET;
	if (str_is(name, "HEAD"))
		return GW_HEAD;
	return str_is(name, "POST") ? GW_POST : GW_OTHER_METHOD;
}

/* Before there is a dialect: in words, and that is the end. */
static void
turn_away(struct gw_req *q, int status, const char *why)
{
	const struct gw_http_watch *w = q->watch;
	CLEANUP(buf_fini) struct buf body = BUF_INIT(GW_BLOCK);

	q->watch = NULL;
	if (w != NULL)
		w->on_gone(w->to);
	q->all->on_bad(why, q->all->to);
	q->keep = false;
	buf_printf(&body, "pando-ai: %s\n", why);
	gw_http_reply(q, status, STR("Content-Type: text/plain\nx-should-retry: false\n"),
		buf_str(&body));
}

/* What stands behind the request belongs to the next one. */
static void
keep_ahead(struct gw_req *q, size_t used)
{
	buf_put(&q->ahead, q->block + used, q->n - used);
	q->n = used;
}

static void
on_whole(struct gw_req *q, size_t used, bool whole)
{
	keep_ahead(q, used);
	gw_link_shrink(q);
	q->has_whole = whole;
	q->state = LINK_ANSWER;
	gw_link_set_deadline(q);
	q->watch->on_whole(q->watch->to);
}

/* Chunks are joined where they stand: what they say is never shorter than what they carry. */
static void
join_chunks(struct gw_req *q, size_t from)
{
	struct str in = { q->block + from, q->n - from };
	enum h1_got got;
	struct str data;

	while ((got = h1_chunk(&q->chunks, &in, &data)) == H1_DATA) {
		memmove(q->block + q->begin + q->body, data.p, data.n);
		q->body += data.n;
	}
	if (got == H1_BAD)
		turn_away(q, BAD_REQUEST, q->chunks.why);
	else if (got == H1_DONE || q->body > GW_HTTP_BODY_MAX)
		on_whole(q, got == H1_DONE ? q->n - in.n : q->n, got == H1_DONE);
	else
		q->n = q->begin + q->body;
}

/* The bytes behind `from` are new. */
static void
on_body(struct gw_req *q, size_t from)
{
	if (q->head.framing == H1_CHUNKED) {
		join_chunks(q, from);
		return;
	}
	q->body = q->n - q->begin;
	if (q->body < q->head.length)
		return;
	q->body = (size_t)q->head.length;
	on_whole(q, q->begin + q->body, true);
}

static void
on_head(struct gw_req *q)
{
	q->method = method_of(q->head.method);
	q->keep = q->head.keep_alive;
	q->begin = q->head.size;
	q->state = LINK_BODY;
	q->has_whole = q->head.framing != H1_CHUNKED &&
		       q->n - q->begin >= gw_http_length(q);
	if (q->has_whole) {
		q->body = (size_t)gw_http_length(q);
		keep_ahead(q, q->begin + q->body);
	}
	gw_link_set_deadline(q);
	q->all->on_head(q, q->all->to);
	assert(q->state != LINK_BODY || q->watch != NULL);
}

void
gw_http_watch(struct gw_req *q, const struct gw_http_watch *w)
{
	q->watch = w;
	if (q->state != LINK_BODY)
		return; /* it has come, or as much of it as is taken */
	if (q->head.expects && q->n == q->begin && !q->has_whole)
		gw_link_say(q, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	if (q->has_whole)
		on_whole(q, q->n, true);
	else if (q->n > q->begin)
		on_body(q, q->begin);
}

static void
on_request_bytes(struct gw_req *q, size_t from)
{
	enum h1_got got;

	if (q->state == LINK_BODY) {
		on_body(q, from);
		return;
	}
	if (q->state == LINK_IDLE) {
		q->state = LINK_HEAD;
		gw_link_set_deadline(q);
	}
	got = h1_head(&q->head, (struct str){ q->block, q->n });
	if (got == H1_BAD)
		turn_away(q, q->head.refusal, q->head.why);
	else if (got == H1_DONE)
		on_head(q);
}

/* --- what comes ------------------------------------------------------------------------ */

/* Bytes, 0 at the end, -1: none now, or broken (q->broken). */
static ssize_t
receive(struct gw_req *q, char *to, size_t max)
{
	const ssize_t n = recv(q->fd, to, max, 0);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		q->broken = true;
	return n;
}

/* True: there may be more at once. */
static bool
read_request(struct gw_req *q)
{
	size_t from, room;
	ssize_t n;

	if (q->block == NULL)
		gw_link_take_block(q);
	if (q->state == LINK_BODY && !gw_link_grow(q)) {
		turn_away(q, BUSY, "too much is being sent at a time: try again later");
		return false;
	}
	from = q->n;
	room = q->cap - q->n;
	n = receive(q, q->block + q->n, room);
	if (n == 0)
		q->broken = true;
	if (n > 0) {
		q->n += (size_t)n;
		on_request_bytes(q, from);
	}
	return n == (ssize_t)room;
}

static void
read_requests(struct gw_req *q)
{
	for (int i = 0; i < READS_MAX; i++) {
		if (!read_request(q) || q->broken ||
			(q->state != LINK_BODY && q->state != LINK_HEAD))
			break;
	}
	if (q->state == LINK_IDLE && q->n == 0)
		gw_link_release_block(q);
}

static void
take_ahead(struct gw_req *q)
{
	gw_link_take_block(q);
	if (q->ahead.n > q->cap)
		gw_link_resize(q, q->ahead.n);
	memcpy(q->block, q->ahead.p, q->ahead.n);
	q->n = q->ahead.n;
	explicit_bzero(q->ahead.p, q->ahead.n);
	buf_fini(&q->ahead);
	on_request_bytes(q, 0);
}

static void
read_ahead(struct gw_req *q)
{
	char scrap[SCRAP];
	const ssize_t n = receive(q, scrap, sizeof scrap);

	if (n == 0)
		q->broken = true;
	if (n <= 0)
		return;
	buf_put(&q->ahead, scrap, (size_t)n);
	explicit_bzero(scrap, (size_t)n);
	if (q->ahead.n >= GW_AHEAD_MAX)
		want_read(q, false); /* a tick sees whether it is still there */
}

static void
read_away(struct gw_req *q)
{
	char scrap[SCRAP];

	for (int i = 0; i < READS_MAX; i++) {
		const ssize_t n = receive(q, scrap, sizeof scrap);

		q->drained += n > 0 ? (size_t)n : 0;
		if (n == 0 && gw_http_backlog(q) > 0)
			want_read(q, false); /* it still reads, perhaps */
		else if (n == 0 || q->drained > GW_DRAIN_MAX)
			q->broken = true;
		if (n < (ssize_t)sizeof scrap)
			return;
	}
}

static void
read_raw(struct gw_req *q)
{
	char bytes[SCRAP];
	const ssize_t n = receive(q, bytes, sizeof bytes);

	if (n == 0)
		q->broken = true;
	if (n > 0 && q->watch != NULL && q->watch->on_bytes != NULL)
		q->watch->on_bytes(q->watch->to, (struct str){ bytes, (size_t)n });
}

static void
read_some(struct gw_req *q)
{
	switch (q->state) {
	case LINK_IDLE:
	case LINK_HEAD:
	case LINK_BODY:
		read_requests(q);
		break;
	case LINK_ANSWER:
		read_ahead(q);
		break;
	case LINK_RAW:
		read_raw(q);
		break;
	case LINK_CLOSE:
		read_away(q);
		break;
	case LINK_DEAD:
	case LINK_STATES:
		break;
	}
}

/* --- events ----------------------------------------------------------------------------- */

static void
settle(struct gw_req *q)
{
	q->busy = false;
	if (q->state == LINK_DEAD)
		gw_link_free(q);
	else if (q->broken)
		lose(q);
	else if (q->state == LINK_CLOSE)
		say_end(q);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct gw_req *q = arg;

	(void)fd;
	(void)what;
	q->busy = true;
	read_some(q);
	settle(q);
}

/* The client takes again, or we asked to be called. */
static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct gw_req *q = arg;
	const bool was_blocked = q->blocked;

	(void)fd;
	(void)what;
	q->busy = true;
	q->blocked = q->corked = false;
	if (!q->broken && gw_link_flush(q) && !q->blocked) {
		if (was_blocked)
			gw_link_set_deadline(q);
		if (q->watch != NULL && q->state != LINK_BODY)
			q->watch->on_drained(q->watch->to);
		else if (q->state == LINK_IDLE)
			want_read(q, true);
		if (q->state == LINK_IDLE && q->ahead.n > 0)
			take_ahead(q);
	}
	settle(q);
}

static void
time_is_up(struct gw_req *q)
{
	q->busy = true;
	if (q->state == LINK_BODY && q->body - q->mark >= GW_BODY_STEP)
		gw_link_set_deadline(q);
	else if (q->state == LINK_BODY && !q->blocked)
		turn_away(q, TIMED_OUT, "the body of the request comes too slowly");
	else if (q->state == LINK_HEAD && !q->blocked)
		turn_away(q, TIMED_OUT, "the head of the request comes too slowly");
	else
		q->broken = true;
	settle(q);
}

/* Of a client that we do not read any more, since it said too much. */
static bool
has_left(const struct gw_req *q)
{
	struct pollfd p = { .fd = q->fd, .events = POLLRDHUP };

	return !q->reading && q->watch != NULL && poll(&p, 1, 0) > 0;
}

/* What many requests took is given back when they are gone: malloc would keep it. */
static void
give_back(struct gw_http *all)
{
	if (all->memory->most > TRIM_FROM && all->memory->held < all->memory->most / 4) {
		(void)malloc_trim(0); /* there may be nothing to give */
		all->memory->most = all->memory->held;
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct gw_http *all = arg;
	const int64_t now = clock_awake_us(&all->clock);
	struct gw_req *next;

	(void)fd;
	(void)what;
	for (struct gw_req *q = LIST_FIRST(&all->reqs); q != NULL; q = next) {
		next = LIST_NEXT(q, link);
		if (q->deadline != 0 && now >= q->deadline)
			time_is_up(q);
		else if (has_left(q))
			lose(q);
	}
	give_back(all);
	if (all->n == 0) {
		all->ticks = false;
		(void)event_del(all->tick); /* it is ours */
		while (all->nkept > 0)
			free(all->kept[--all->nkept]);
	}
}

void
gw_http_take(struct gw_http *all, int fd)
{
	const long ms = all->limits->tick;
	const struct timeval tick = { ms / MS_PER_S, ms % MS_PER_S * US_PER_MS };
	const int one = 1;
	struct gw_req *q = mem_alloc(sizeof *q);

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* or unix */
	q->all = all;
	q->fd = fd;
	q->share = all->memory;
	q->out = (struct buf)BUF_IN(GW_UNSENT_MAX, &all->unsent);
	q->ahead = (struct buf)BUF_IN(GW_LINK_AHEAD_MAX, &all->unsent);
	q->state = LINK_IDLE;
	h1_request_init(&q->head);
	LIST_INSERT_HEAD(&all->reqs, q, link);
	all->n++;
	if (event_assign(&q->readable, all->base, fd, EV_READ | EV_PERSIST, on_readable,
		    q) < 0 ||
		event_assign(&q->writable, all->base, fd, EV_WRITE, on_writable, q) < 0)
		abort(); /* the base is there and fd is a descriptor */
	want_read(q, true);
	set_after(q, all->limits->first);
	if (!all->ticks && event_add(all->tick, &tick) == 0)
		all->ticks = true;
}

int
gw_http_open(struct gw_http *all, struct err *e)
{
	/* else each body of a megabyte, and what policy makes of it, are new pages of the kernel's */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_FREE); /* it only costs time without these */
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	if (all->limits == NULL)
		all->limits = &gw_http_usual;
	LIST_INIT(&all->reqs);
	all->unsent = (struct quota){ .of = all->memory, .owes = true };
	all->tick = event_new(all->base, -1, EV_PERSIST, on_tick, all);
	return all->tick == NULL ? err_set(e, ERR_GATEWAY, "no timer") : 0;
}

void
gw_http_drain(struct gw_http *all)
{
	all->draining = true;
	for (struct gw_req *q = LIST_FIRST(&all->reqs); q != NULL; q = LIST_NEXT(q, link))
		if (q->state == LINK_IDLE)
			gw_link_set_deadline(q);
}

void
gw_http_close(struct gw_http *all)
{
	if (all->tick == NULL)
		return;
	for (struct gw_req *q = LIST_FIRST(&all->reqs), *next; q != NULL; q = next) {
		next = LIST_NEXT(q, link);
		gw_link_free(q);
	}
	event_free(all->tick);
	all->tick = NULL;
	while (all->nkept > 0)
		free(all->kept[--all->nkept]);
}
