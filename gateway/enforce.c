#include "gateway/enforce.h"

#include <stdlib.h>

#include "gateway/judge.h"
#include "gateway/messages.h"
#include "gateway/responses.h"
#include "gateway/sse.h"

enum { REASON_MAX = 1024 }; /* of a refusal; what is behind that is cut */

struct gw_stream {
	struct gw_judge j;
	struct sse sse;
	struct msg_stream *msg; /* one of the two */
	struct res_stream *res;
	bool bare; /* of messages, not of events */
	bool failed;
};

const char *
gw_api_name(enum gw_api api)
{
	static const char *const names[GW_APIS] = { "messages", "responses" };

	return names[api];
}

const char *
gw_settings_file(const struct policy *p, const char *otherwise)
{
	static const enum pol_layer order[] = { POL_USER, POL_MANAGED, POL_PROJECT };

	for (size_t i = 0; i < LEN(order); i++)
		if (pol_path(p, order[i]) != NULL)
			return pol_path(p, order[i]);
	return otherwise;
}

/* What policy refused was told where it was decided. */
static int
refused(const struct gw_judge *j, const char *what, struct err *e)
{
	const struct err why = *e;

	if (e->code == ERR_REFUSED)
		return -1;
	(void)err_set(e, e->code, /* answers -1, as we do */
		"[pando-ai] refused the %s: %.*s (rule gateway.strict, built-in)." GW_SEE_LOGS,
		what, REASON_MAX, why.text);
	gw_tell_unread(j, what, e);
	return -1;
}

int
gw_request(enum gw_api api, const struct gw_rules *r, struct str body, struct buf *out,
	const struct gw_sink *sink, struct err *e)
{
	const struct gw_judge j = { api, r, sink };
	const int rc = api == GW_MESSAGES ? msg_request(&j, body, out, e)
					  : res_request(&j, body, out, e);

	return rc < 0 ? refused(&j, "request", e) : rc;
}

int
gw_answer(enum gw_api api, const struct gw_rules *r, struct str body, struct buf *out,
	const struct gw_sink *sink, struct err *e)
{
	const struct gw_judge j = { api, r, sink };
	const int rc = api == GW_MESSAGES ? msg_answer(&j, body, out, e)
					  : res_answer(&j, body, out, e);

	return rc < 0 ? refused(&j, "answer", e) : rc;
}

void
gw_seen_fini(struct gw_seen *s)
{
	for (size_t i = 0; i < GW_SEEN_MAX; i++)
		free(s->id[i]);
	*s = (struct gw_seen){ 0 };
}

void
gw_seen_add(struct gw_seen *s, struct str id)
{
	if (id.n == 0 || gw_seen_has(s, id))
		return;
	free(s->id[s->next]);
	s->id[s->next] = mem_strdup_str(id);
	s->next = (s->next + 1) % GW_SEEN_MAX;
}

bool
gw_seen_has(const struct gw_seen *s, struct str id)
{
	for (size_t i = 0; i < GW_SEEN_MAX && s->id[i] != NULL; i++)
		if (str_eq(str_of(s->id[i]), id))
			return true;
	return false;
}

struct gw_stream *
gw_stream_new(enum gw_api api, const struct gw_rules *r, const struct gw_sink *sink)
{
	struct gw_stream *s = mem_alloc(sizeof *s);

	s->j = (struct gw_judge){ api, r, sink };
	sse_init(&s->sse, GW_EVENT_MAX, r->memory);
	if (api == GW_MESSAGES)
		s->msg = msg_stream_new(&s->j);
	else
		s->res = res_stream_new(&s->j, false);
	return s;
}

struct gw_stream *
gw_stream_new_messages(const struct gw_rules *r, const struct gw_sink *sink)
{
	struct gw_stream *s = mem_alloc(sizeof *s);

	s->j = (struct gw_judge){ GW_RESPONSES, r, sink };
	s->bare = true;
	s->res = res_stream_new(&s->j, true);
	return s;
}

void
gw_stream_free(struct gw_stream *s)
{
	if (s == NULL)
		return;
	sse_fini(&s->sse);
	msg_stream_free(s->msg);
	res_stream_free(s->res);
	free(s);
}

static int
take_event(
	struct gw_stream *s, const struct sse_event *ev, struct buf *out, struct err *e)
{
	/* Comments, and the end mark that some providers send, carry nothing. */
	if (!ev->has_data || ev->data.n == 0 || str_is(ev->data, "[DONE]")) {
		buf_put_str(out, ev->raw);
		return 0;
	}
	if (s->msg != NULL)
		return msg_stream_event(s->msg, ev, out, e);
	return res_stream_event(s->res, ev, out, e);
}

static int
take_events(struct gw_stream *s, struct buf *out, struct err *e)
{
	struct sse_event ev;
	int rc;

	while ((rc = sse_next(&s->sse, &ev, e)) > 0) {
		if (take_event(s, &ev, out, e) < 0)
			return -1;
		if (out->over)
			return err_set(e, ERR_DATA, "more than %zu bytes wait to be sent",
				out->max);
	}
	return rc;
}

/* From here on nothing passes; the client is told why. */
static int
fail(struct gw_stream *s, struct buf *out, struct err *e)
{
	s->failed = true;
	(void)refused(&s->j, "answer", e); /* answers -1, as we do */
	if (s->bare)
		res_put_error_event(out, e->text, true);
	else
		gw_refusal_event(s->j.api, e->text, out);
	return -1;
}

int
gw_stream_feed(struct gw_stream *s, struct str bytes, struct buf *out, struct err *e)
{
	if (s->failed)
		return err_set(e, ERR_DATA, "the stream has been ended");
	sse_feed(&s->sse, bytes);
	return take_events(s, out, e) < 0 ? fail(s, out, e) : 0;
}

int
gw_stream_message(struct gw_stream *s, struct str message, struct buf *out, struct err *e)
{
	const struct sse_event ev = { .raw = message,
		.name = STR(""),
		.data = message,
		.has_data = true,
		.in_raw = true };

	if (s->failed)
		return err_set(e, ERR_DATA, "the stream has been ended");
	if (message.n > GW_EVENT_MAX)
		(void)err_set(e, ERR_DATA, "a message is longer than %d bytes",
			(int)GW_EVENT_MAX);
	else if (res_stream_event(s->res, &ev, out, e) == 0 && !out->over)
		return 0;
	else if (out->over)
		(void)err_set(
			e, ERR_DATA, "more than %zu bytes wait to be sent", out->max);
	return fail(s, out, e);
}

bool
gw_stream_is_over(const struct gw_stream *s)
{
	return res_stream_is_over(s->res);
}

bool
gw_message_next(struct str *rest, struct str *message)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\0', rest->n) : NULL;

	if (end == NULL)
		return false;
	*message = (struct str){ rest->p, (size_t)(end - rest->p) };
	*rest = str_skip(*rest, message->n + 1);
	return true;
}

int
gw_stream_end(struct gw_stream *s, struct buf *out, struct err *e)
{
	if (s->failed)
		return 0; /* it has ended, with its error */
	if (!s->bare)
		sse_finish(&s->sse);
	if (!s->bare && take_events(s, out, e) < 0)
		return fail(s, out, e);
	if (s->msg != NULL ? msg_stream_end(s->msg, e) < 0
			   : res_stream_end(s->res, e) < 0)
		return fail(s, out, e);
	return 0;
}

const char *
gw_refusal_body(enum gw_api api, const char *text, struct buf *out)
{
	if (api == GW_MESSAGES)
		return msg_refusal_body(text, out);
	buf_puts(out, text); /* the client shows it as it is */
	return "text/plain; charset=utf-8";
}

void
gw_refusal_event(enum gw_api api, const char *text, struct buf *out)
{
	if (api == GW_MESSAGES)
		msg_put_error_event(out, text);
	else
		res_put_error_event(out, text, false);
}
