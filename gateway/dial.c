#include "gateway/dial.h"

#include <event2/event.h>
#include <stdlib.h>

#include "gateway/curl_loop.h"
#include "gateway/upstream.h"

enum { PIECE = 16 << 10, PIECES_A_TURN = 16 };

struct gw_dial {
	struct gw_curl_loop loop; /* at work until it is open */
	struct gw_dial_calls calls;
	CURL *easy;
	struct event *soon; /* from the loop: what could not be told at once */
	struct event *readable, *writable;
	struct buf out;
	size_t sent; /* of out, or in the piece */
	/* Where it was refused it is offered again: OpenSSL wants it at the same place. */
	char *piece;
	size_t npiece, piece_sent;
	bool open, held, at_work, closed, drained;
	const char *why; /* broken, to be told soon */
	char text[CURL_ERROR_SIZE];
};

static void
dial_free(struct gw_dial *d)
{
	struct event *const events[] = { d->soon, d->readable, d->writable };

	if (d->loop.multi != NULL && d->easy != NULL)
		(void)curl_multi_remove_handle(
			d->loop.multi, d->easy); /* it is in there */
	for (size_t i = 0; i < LEN(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (d->easy != NULL)
		curl_easy_cleanup(d->easy);
	gw_curl_loop_fini(&d->loop);
	buf_fini(&d->out);
	free(d->piece);
	free(d);
}

/* The last call: nobody of us may touch d behind it. */
static void
end(struct gw_dial *d, const char *why)
{
	const struct gw_dial_calls calls = d->calls;
	char text[CURL_ERROR_SIZE];

	if (why != NULL) {
		(void)snprintf(text, sizeof text, "%s", why);
		why = text;
	}
	dial_free(d);
	calls.on_end(calls.to, why);
}

static const char *
reason(const struct gw_dial *d, CURLcode code)
{
	return d->text[0] != '\0' ? d->text : curl_easy_strerror(code);
}

/* Between two callbacks d may have been closed; then it is freed here. */
static bool
is_gone(struct gw_dial *d)
{
	if (!d->closed)
		return false;
	d->at_work = false;
	dial_free(d);
	return true;
}

/* --- once it is open -------------------------------------------------------------- */

static void
break_soon(struct gw_dial *d, const char *why)
{
	if (d->why == NULL)
		d->why = why;
	event_active(d->soon, EV_TIMEOUT, 0);
}

static void
next_piece(struct gw_dial *d)
{
	const size_t left = d->out.n - d->sent;

	if (d->piece == NULL)
		d->piece = mem_alloc(PIECE);
	d->npiece = left < PIECE ? left : PIECE;
	d->piece_sent = 0;
	if (left > 0)
		memcpy(d->piece, d->out.p + d->sent, d->npiece);
	d->sent += d->npiece;
	if (d->sent == d->out.n) {
		buf_fini(&d->out);
		d->sent = 0;
	}
}

/* Sends what waits, as far as it is taken. */
static void
flush(struct gw_dial *d)
{
	for (;;) {
		CURLcode code;
		size_t n = 0;

		if (d->piece_sent == d->npiece)
			next_piece(d);
		if (d->npiece == 0)
			break;
		code = curl_easy_send(
			d->easy, d->piece + d->piece_sent, d->npiece - d->piece_sent, &n);
		d->piece_sent += n;
		if (code == CURLE_AGAIN && event_add(d->writable, NULL) == 0)
			return;
		if (code != CURLE_OK) {
			break_soon(d, reason(d, code));
			return;
		}
	}
	d->drained = true;
	event_active(d->soon, EV_TIMEOUT, 0);
}

/* A few pieces a turn, so that others have theirs; 1: there may be more. */
static int
read_pieces(struct gw_dial *d)
{
	char piece[PIECE];

	for (int i = 0; i < PIECES_A_TURN; i++) {
		size_t n = 0;
		CURLcode code;

		if (d->held || d->closed)
			return 0;
		code = curl_easy_recv(d->easy, piece, sizeof piece, &n);
		if (code == CURLE_AGAIN)
			return 0;
		if (code != CURLE_OK)
			break_soon(d, reason(d, code));
		else if (n == 0)
			break_soon(d, "");
		if (code != CURLE_OK || n == 0)
			return 0;
		d->calls.on_bytes(d->calls.to, (struct str){ piece, n });
	}
	return 1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct gw_dial *d = arg;

	(void)fd;
	(void)what;
	if (d->why != NULL || d->at_work)
		return;
	d->at_work = true;
	/* what TLS has read ahead makes no socket readable: ask for another turn */
	if (read_pieces(d) > 0 && !d->closed)
		event_active(d->readable, EV_READ, 0);
	if (!is_gone(d))
		d->at_work = false;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct gw_dial *d = arg;

	(void)fd;
	(void)what;
	if (d->why != NULL) {
		end(d, d->why[0] != '\0' ? d->why : NULL);
		return;
	}
	if (!d->drained)
		return;
	d->drained = false;
	d->at_work = true;
	d->calls.on_drained(d->calls.to);
	if (!is_gone(d))
		d->at_work = false;
}

void
gw_dial_send(struct gw_dial *d, struct str bytes)
{
	const bool idle = gw_dial_backlog(d) == 0;

	if (bytes.n == 0 || d->why != NULL)
		return;
	buf_put_str(&d->out, bytes);
	if (d->out.over)
		break_soon(d, "more waits to be sent than is kept");
	else if (d->open && idle)
		flush(d);
}

size_t
gw_dial_backlog(const struct gw_dial *d)
{
	return d->out.n - d->sent + d->npiece - d->piece_sent;
}

void
gw_dial_hold(struct gw_dial *d, bool hold)
{
	if (d->held == hold)
		return;
	d->held = hold;
	if (d->readable == NULL)
		return;
	if (hold) {
		(void)event_del(d->readable); /* fails for what is no event */
		return;
	}
	if (event_add(d->readable, NULL) < 0)
		break_soon(d, "the event loop takes no more");
	else
		event_active(d->readable, EV_READ, 0);
}

void
gw_dial_close(struct gw_dial *d)
{
	if (d == NULL)
		return;
	d->closed = true;
	buf_fini(&d->out);
	d->out.quota =
		NULL; /* its owner may be gone before the callback that closes us is over */
	if (!d->at_work)
		dial_free(d);
}

/* --- until it is open ------------------------------------------------------------- */

static int
watch(struct gw_dial *d)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(d->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
		fd == CURL_SOCKET_BAD)
		return -1;
	d->readable = event_new(d->loop.base, fd, EV_READ | EV_PERSIST, on_readable, d);
	d->writable = event_new(d->loop.base, fd, EV_WRITE, on_writable, d);
	if (d->readable == NULL || d->writable == NULL)
		return -1;
	return d->held ? 0 : event_add(d->readable, NULL);
}

/* libcurl has nothing more to do on it: it is open, or failed. */
static void
settle(struct gw_dial *d, CURLcode code)
{
	if (code != CURLE_OK) {
		end(d, reason(d, code));
		return;
	}
	if (watch(d) < 0) {
		end(d, "the connection cannot be watched");
		return;
	}
	d->open = true;
	d->at_work = true;
	d->calls.on_open(d->calls.to);
	if (is_gone(d))
		return;
	d->at_work = false;
	if (d->out.n > 0)
		flush(d);
}

static bool
on_finished(CURL *easy, CURLcode code)
{
	struct gw_dial *d;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &d) == CURLE_OK)
		settle(d, code);
	return false;
}

static void
set_options(struct gw_dial *d, const char *url)
{
	CURL *c = d->easy;

	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, d);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, d->text);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	/* a WebSocket is asked for in HTTP/1.1 (RFC 6455, 4.1) */
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)GW_CONNECT_S);
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	gw_curl_set_way(c, url);
}

struct gw_dial *
gw_dial_start(struct event_base *base, const char *url, const struct gw_dial_calls *calls,
	struct quota *unsent, struct err *e)
{
	struct gw_dial *d = mem_alloc(sizeof *d);

	d->calls = *calls;
	d->out = (struct buf)BUF_IN(GW_DIAL_UNSENT_MAX, unsent);
	d->easy = curl_easy_init();
	d->soon = event_new(base, -1, 0, on_soon, d);
	if (gw_curl_loop_init(&d->loop, base, on_finished, e) == 0 && d->easy != NULL &&
		d->soon != NULL) {
		set_options(d, url);
		/* refusing this one would widen what a URL may name: it is checked */
		if (curl_easy_setopt(d->easy, CURLOPT_PROTOCOLS_STR, "http,https") ==
				CURLE_OK &&
			curl_easy_setopt(d->easy, CURLOPT_URL, url) == CURLE_OK &&
			curl_multi_add_handle(d->loop.multi, d->easy) == CURLM_OK)
			return d;
	}
	(void)err_set(e, ERR_SYS, "libcurl does not take the connection");
	dial_free(d);
	return NULL;
}
