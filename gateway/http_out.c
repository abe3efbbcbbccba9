#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/uio.h>

#include "gateway/head.h"
#include "gateway/http_link.h"

enum { PIECES = 4, SIZE_LINE_MAX = 24, OUT_KEPT = 4 << 10, CORKED_MAX = 32 << 10 };
/* lines get a CR each */
enum { OUT_HEAD_MAX = 2 * GW_HEAD_MAX };

enum { OK = 200, SWITCHING = 101, NO_CONTENT = 204, NOT_MODIFIED = 304 };

/* --- bytes ------------------------------------------------------------------------ */

size_t
gw_http_backlog(const struct gw_req *q)
{
	return q->out.n - q->sent;
}

static void
forget_sent(struct gw_req *q)
{
	q->sent = 0;
	buf_reset(&q->out);
	if (q->out.cap > OUT_KEPT)
		buf_fini(&q->out);
}

/* The caller may be in the middle of anything: who watches is told from the loop. */
static void
break_off(struct gw_req *q)
{
	q->broken = true;
	q->blocked = false;
	buf_fini(&q->out);
	q->sent = 0;
	gw_link_wake(q);
}

static void
append(struct gw_req *q, const struct iovec *v, size_t n, size_t done)
{
	for (size_t i = 0; i < n; i++) {
		const size_t skip = done < v[i].iov_len ? done : v[i].iov_len;

		done -= skip;
		buf_put(&q->out, (const char *)v[i].iov_base + skip, v[i].iov_len - skip);
	}
	if (q->out.over)
		break_off(q);
}

static void
keep_rest(struct gw_req *q, const struct iovec *v, size_t n, size_t done)
{
	append(q, v, n, done);
	if (q->broken)
		return;
	if (!q->blocked && event_add(&q->writable, NULL) == 0)
		q->blocked = true;
	gw_link_set_deadline(q);
}

/* v[0] is left for what waits already. */
static void
emit(struct gw_req *q, struct iovec *v, size_t n)
{
	const size_t waits = gw_http_backlog(q);
	size_t all = waits;
	ssize_t k;

	if (q->broken || q->state == LINK_DEAD)
		return;
	if (q->blocked) {
		keep_rest(q, v + 1, n - 1, 0);
		return;
	}
	if (q->corked && waits < CORKED_MAX) {
		append(q, v + 1, n - 1, 0);
		return;
	}
	v[0] = (struct iovec){ waits > 0 ? q->out.p + q->sent : NULL, waits };
	for (size_t i = 1; i < n; i++)
		all += v[i].iov_len;
	k = writev(q->fd, v, (int)n);
	if (k < 0 && errno != EAGAIN && errno != EINTR) {
		break_off(q);
		return;
	}
	if (k == (ssize_t)all) {
		forget_sent(q);
		return;
	}
	k = k < 0 ? 0 : k;
	q->sent += (size_t)k < waits ? (size_t)k : waits;
	keep_rest(q, v + 1, n - 1, (size_t)k < waits ? 0 : (size_t)k - waits);
}

bool
gw_link_flush(struct gw_req *q)
{
	const size_t waits = gw_http_backlog(q);
	struct iovec v[1];

	if (waits > 0) {
		emit(q, v, 1);
		/* some was taken: its time begins anew */
		if (gw_http_backlog(q) < waits)
			gw_link_set_deadline(q);
	}
	return !q->broken;
}

void
gw_link_say(struct gw_req *q, struct str bytes)
{
	struct iovec v[2];

	v[1] = (struct iovec){ (void *)(uintptr_t)bytes.p, bytes.n };
	emit(q, v, 2);
}

/* --- heads ------------------------------------------------------------------------ */

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} all[] = {
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 529, "Overloaded" },
	};

	for (size_t i = 0; i < LEN(all); i++)
		if (all[i].status == status)
			return all[i].text;
	return "";
}

static void
put_head(struct gw_req *q, int status, struct str lines, struct buf *out)
{
	struct str name, value;

	/* where the next request begins is not known before this one has ended */
	q->keep = q->keep && q->has_whole && !q->all->draining;
	buf_puts(out, "HTTP/1.1 ");
	buf_put_number(out, (uint64_t)status); /* 100 to 599 */
	buf_putc(out, ' ');
	buf_puts(out, reason(status));
	buf_puts(out, "\r\n");
	while (gw_head_next(&lines, &name, &value)) {
		buf_put_str(out, name);
		buf_puts(out, ": ");
		buf_put_str(out, value);
		buf_puts(out, "\r\n");
	}
	if (!q->keep && status != SWITCHING)
		buf_puts(out, "Connection: close\r\n");
}

/* RFC 9112, 6.3: these have no body, and no framing of one. */
static bool
is_bodiless(const struct gw_req *q, int status)
{
	return status == NO_CONTENT || status == NOT_MODIFIED ||
	       gw_http_method(q) == GW_HEAD;
}

void
gw_http_start(struct gw_req *q, int status, struct str lines)
{
	q->framing = is_bodiless(q, status) ? FRAME_NONE : FRAME_CHUNKED;
	put_head(q, status, lines, &q->out);
	if (q->framing == FRAME_CHUNKED)
		buf_puts(&q->out, "Transfer-Encoding: chunked\r\n");
	buf_puts(&q->out, "\r\n");
	/* in the same turn the first piece often comes, and goes with it */
	gw_link_wake(q);
}

/*
 * The first piece of a turn goes at once; those that come with it, since the provider was
 * faster than we, go together at the end of the turn.
 */
static void
cork(struct gw_req *q)
{
	if (q->corked || q->blocked || q->broken)
		return;
	q->corked = true;
	gw_link_wake(q);
}

void
gw_http_send(struct gw_req *q, struct str bytes)
{
	char line[SIZE_LINE_MAX], end[] = "\r\n";
	struct iovec v[PIECES];
	int n;

	if (bytes.n == 0 || q->framing == FRAME_NONE)
		return;
	if (q->framing == FRAME_RAW) {
		gw_link_say(q, bytes);
	} else {
		n = snprintf(line, sizeof line, "%zx\r\n", bytes.n);
		v[1] = (struct iovec){ line, (size_t)n };
		v[2] = (struct iovec){ (void *)(uintptr_t)bytes.p, bytes.n };
		v[3] = (struct iovec){ end, sizeof end - 1 };
		emit(q, v, PIECES);
	}
	cork(q);
}

void
gw_http_end(struct gw_req *q)
{
	if (q->framing == FRAME_CHUNKED)
		gw_link_say(q, STR("0\r\n\r\n"));
	gw_link_finish(q);
}

void
gw_http_reply(struct gw_req *q, int status, struct str lines, struct str body)
{
	CLEANUP(buf_fini) struct buf head = BUF_INIT(OUT_HEAD_MAX);
	struct iovec v[3];

	put_head(q, status, lines, &head);
	if (!is_bodiless(q, status) || gw_http_method(q) == GW_HEAD) {
		buf_puts(&head, "Content-Length: ");
		buf_put_number(&head, body.n);
		buf_puts(&head, "\r\n");
	}
	buf_puts(&head, "\r\n");
	v[1] = (struct iovec){ head.p, head.n };
	v[2] = (struct iovec){ (void *)(uintptr_t)body.p,
		is_bodiless(q, status) ? 0 : body.n };
	emit(q, v, LEN(v));
	gw_link_finish(q);
}

void
gw_http_switch(struct gw_req *q, struct str lines)
{
	q->keep = false;
	q->framing = FRAME_RAW;
	put_head(q, SWITCHING, lines, &q->out);
	buf_puts(&q->out, "Connection: Upgrade\r\n\r\n");
	q->state = LINK_RAW;
	gw_link_wake(q);
}

void
gw_http_refuse(struct gw_req *q, const struct gw_http_refusal *r)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(4 * ERR_TEXT_MAX + 1024);
	CLEANUP(buf_fini) struct buf lines = BUF_INIT(GW_FIELDS_MAX);
	const char *type = gw_refusal_body(r->api, r->text, &body);

	gw_head_put(&lines, STR("Content-Type"), str_of(type));
	if (r->final)
		gw_head_put(&lines, STR("x-should-retry"), STR("false"));
	gw_http_reply(q, r->status, buf_str(&lines), buf_str(&body));
}

void
gw_http_empty(struct gw_req *q)
{
	gw_http_reply(q, OK, STR(""), STR(""));
}
