#include "gateway/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "gateway/head.h"

enum gw_method
gw_http_method(struct evhttp_request *q)
{
	const enum evhttp_cmd_type m = evhttp_request_get_command(q);

	if (m == EVHTTP_REQ_GET)
		return GW_GET;
	if (m == EVHTTP_REQ_HEAD)
		return GW_HEAD;
	return m == EVHTTP_REQ_POST ? GW_POST : GW_OTHER_METHOD;
}

struct str
gw_http_target(struct evhttp_request *q)
{
	return str_of(evhttp_request_get_uri(q));
}

int
gw_http_fields(struct evhttp_request *q, struct buf *lines, struct err *e)
{
	const struct evkeyval *kv;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(q), next)
	{
		if (!gw_head_is_sound(str_of(kv->key), str_of(kv->value)))
			return err_set(
				e, ERR_DATA, "a header of the request is malformed");
		gw_head_put(lines, str_of(kv->key), str_of(kv->value));
	}
	if (lines->over)
		return err_set(
			e, ERR_DATA, "the headers are longer than %zu bytes", lines->max);
	return 0;
}

struct str
gw_http_body(struct evhttp_request *q)
{
	struct evbuffer *b = evhttp_request_get_input_buffer(q);
	const size_t n = evbuffer_get_length(b);

	return (struct str){ n > 0 ? (const char *)evbuffer_pullup(b, -1) : "", n };
}

void
gw_http_drop_body(struct evhttp_request *q)
{
	struct evbuffer *b = evhttp_request_get_input_buffer(q);

	(void)evbuffer_drain(b, evbuffer_get_length(b)); /* nothing pins it */
}

static struct bufferevent *
pipe_of(struct evhttp_request *q)
{
	return evhttp_connection_get_bufferevent(evhttp_request_get_connection(q));
}

/* evhttp has taken the request off its connection by then, and leaves it to us. */
static void
on_close(struct evhttp_connection *evcon, void *arg)
{
	const struct gw_http_watch *w = arg;

	(void)evcon;
	w->on_gone(w->to);
}

static void
on_written(struct evhttp_connection *evcon, void *arg)
{
	const struct gw_http_watch *w = arg;

	(void)evcon;
	w->on_drained(w->to);
}

/*
 * evhttp stops reading while a request is being answered, so it would not see the client
 * go. Reading goes on here without a read callback (as evhttp itself does once it writes),
 * with a ceiling for what a client may send ahead, and without a time limit: a model may
 * think for long.
 */
void
gw_http_watch(struct evhttp_request *q, const struct gw_http_watch *w)
{
	struct bufferevent *bev = pipe_of(q);
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(bev, NULL, &on_write, &on_event, &arg);
	bufferevent_setcb(bev, NULL, on_write, on_event, arg);
	bufferevent_setwatermark(bev, EV_READ, 0, GW_AHEAD_MAX);
	bufferevent_set_timeouts(bev, NULL, NULL);
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(q), on_close, (void *)(uintptr_t)w);
	(void)bufferevent_enable(bev, EV_READ); /* fails only for unknown flags */
}

static void
unwatch(struct evhttp_request *q)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(q);

	evhttp_connection_set_closecb(evcon, NULL, NULL);
	bufferevent_setwatermark(pipe_of(q), EV_READ, 0, GW_UNREAD_MAX);
	evhttp_connection_set_timeout(evcon, GW_KEEP_S);
}

static void
add_field(struct evhttp_request *q, struct str name, struct str value)
{
	CLEANUP(mem_freep) char *n = mem_strdup_str(name);
	CLEANUP(mem_freep) char *v = mem_strdup_str(value);

	/* it refuses line breaks only, which gw_head_is_sound has done already */
	(void)evhttp_add_header(evhttp_request_get_output_headers(q), n, v);
}

void
gw_http_start(struct evhttp_request *q, int status, struct str lines)
{
	struct str name, value;

	while (gw_head_next(&lines, &name, &value))
		add_field(q, name, value);
	evhttp_send_reply_start(q, status, NULL);
}

void
gw_http_send(struct evhttp_request *q, struct str bytes, const struct gw_http_watch *w)
{
	struct evbuffer *b;

	if (bytes.n == 0)
		return;
	b = evbuffer_new();
	if (b == NULL || evbuffer_add(b, bytes.p, bytes.n) < 0)
		abort(); /* out of memory */
	evhttp_send_reply_chunk_with_cb(q, b, on_written, (void *)(uintptr_t)w);
	evbuffer_free(b);
}

size_t
gw_http_backlog(struct evhttp_request *q)
{
	return evbuffer_get_length(bufferevent_get_output(pipe_of(q)));
}

void
gw_http_end(struct evhttp_request *q)
{
	unwatch(q);
	evhttp_send_reply_end(q);
}

void
gw_http_cut(struct evhttp_request *q)
{
	unwatch(q);
	evhttp_connection_free(evhttp_request_get_connection(q));
}

void
gw_http_refuse(struct evhttp_request *q, const struct gw_http_refusal *r)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(4 * ERR_TEXT_MAX + 1024);
	const char *type = gw_refusal_body(r->api, r->text, &body);
	struct evbuffer *out = evhttp_request_get_output_buffer(q);

	unwatch(q);
	add_field(q, STR("Content-Type"), str_of(type));
	if (r->final)
		add_field(q, STR("x-should-retry"), STR("false"));
	if (evbuffer_add(out, body.p, body.n) < 0)
		abort(); /* out of memory */
	evhttp_send_reply(q, r->status, NULL, NULL);
}

void
gw_http_empty(struct evhttp_request *q)
{
	evhttp_send_reply(q, HTTP_OK, NULL, NULL);
}
