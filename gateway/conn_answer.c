#include "base/log.h"
#include "gateway/conn_state.h"
#include "gateway/head.h"

enum { ERROR_EVENT_MAX = 4 * ERR_TEXT_MAX + 1024 };

/* curl is at work: where to go is noted, on_done goes there. */
static enum gw_up_took
stop(struct gw_conn *c, enum gw_state then)
{
	c->then = then;
	return GW_UP_STOP;
}

/* An answer that could carry a call is inspected or refused, never passed unread. */
static enum gw_state
kind_of_answer(struct gw_conn *c, struct str head)
{
	const struct str type = gw_head_get(head, "content-type");
	char quoted[LOG_QUOTED_MAX];

	if (c->status >= GW_STATUS_BAD_REQUEST ||
		(c->route.kind == GW_TO_MODELS && c->status < GW_STATUS_MOVED))
		return GW_PASS;
	if (c->status >= GW_STATUS_MOVED) {
		(void)err_set(&c->e, ERR_GATEWAY,
			"pando-ai: the provider redirects (status %d), which is not followed: "
			"set its real address in [proxy] of %s",
			c->status,
			gw_settings_file(c->run->policy, "~/.pando/policy.toml"));
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	}
	if (gw_head_count(head, "content-type") == 1) {
		if (c->route.kind == GW_TO_CALL &&
			gw_head_is_media(type, "text/event-stream"))
			return GW_STREAM;
		if (gw_head_is_media(type, "application/json"))
			return c->route.kind == GW_TO_CALL ||
					       c->route.kind == GW_TO_ACCOUNT
				       ? GW_WHOLE
				       : GW_PASS;
	}
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: the provider answered with content of type \"%s\", which cannot be "
		"checked",
		log_quoted(type, quoted));
	return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
}

/* It was asked for as it is, but some compress nevertheless: it goes on as it is. */
static int
begin_decoder(struct gw_conn *c, struct str head, uint64_t max)
{
	struct gw_codings codings;

	if (gw_codings_read(&codings, head, &c->e) < 0)
		return err_wrap(&c->e, "pando-ai: the provider's answer");
	if (codings.n > 0)
		c->decoder = gw_decoder_new(&codings, max, false);
	return 0;
}

static enum gw_up_took
on_head(void *to, int status, struct str lines)
{
	struct gw_conn *c = to;
	enum gw_state next;

	c->status = status;
	gw_account_head(&c->account, status);
	gw_conn_forget_sent(c);
	next = kind_of_answer(c, lines);
	if (status < GW_STATUS_BAD_REQUEST && next != GW_REFUSE &&
		begin_decoder(c, lines, next == GW_WHOLE ? GW_BODY_MAX : UINT64_MAX) < 0)
		next = gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	if (next == GW_REFUSE)
		return stop(c, GW_REFUSE);
	gw_head_put_down(lines, c->decoder != NULL, &c->head);
	gw_conn_go(c, next);
	return GW_UP_TOOK;
}

static void
send_down(struct gw_conn *c, struct str bytes)
{
	c->is_begun = c->is_begun || bytes.n > 0;
	gw_http_send(c->q, bytes);
}

void
gw_conn_release(struct gw_conn *c, const char *why_not)
{
	CLEANUP(buf_fini) struct buf error = BUF_INIT(ERROR_EVENT_MAX);

	if (why_not != NULL)
		gw_refusal_event(c->route.api, why_not, &error);
	send_down(c, buf_str(why_not != NULL ? &error : &c->waiting));
	buf_fini(&c->waiting);
}

/* At once, or behind the log where something was found. False: it is too much. */
static bool
pass_on(struct gw_conn *c, struct buf *out)
{
	if (!c->has_found) {
		send_down(c, out->over ? STR("") : buf_str(out));
		return !out->over;
	}
	gw_conn_tell_later(c, GW_STREAM);
	if (out->over)
		return false;
	if (c->waiting.n > 0) {
		buf_put_str(&c->waiting, buf_str(out));
		return !c->waiting.over;
	}
	buf_fini(&c->waiting);
	c->waiting = *out;
	*out = (struct buf)BUF_INIT(0);
	return true;
}

static enum gw_up_took
filter(struct gw_conn *c, struct str bytes)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	struct err e = ERR_INIT;
	const int got = gw_stream_feed(c->stream, bytes, &out, &e);

	if (!pass_on(c, &out))
		return stop(c, GW_CUT);
	return got < 0 ? stop(c, GW_END) : GW_UP_TOOK;
}

static enum gw_up_took
take(struct gw_conn *c, struct str bytes)
{
	if (c->state == GW_STREAM)
		return filter(c, bytes);
	if (c->state == GW_PASS) {
		send_down(c, bytes);
		return GW_UP_TOOK;
	}
	buf_put_str(&c->answer, bytes);
	if (!c->answer.over)
		return GW_UP_TOOK;
	(void)gw_conn_too_long(&c->answer, "the answer", &c->e); /* answers -1 */
	return stop(c, gw_conn_refuse(c, GW_STATUS_BAD_REQUEST));
}

static enum gw_up_took
spoilt(struct gw_conn *c)
{
	CLEANUP(buf_fini) struct buf error = BUF_INIT(ERROR_EVENT_MAX);

	(void)err_wrap(&c->e, "pando-ai: the provider's answer"); /* answers -1 */
	if (c->state == GW_WHOLE)
		return stop(c, gw_conn_refuse(c, GW_STATUS_BAD_REQUEST));
	if (c->state == GW_PASS)
		return stop(c, GW_CUT);
	gw_refusal_event(c->route.api, c->e.text, &error);
	return stop(c, pass_on(c, &error) ? GW_END : GW_CUT);
}

/* Piece by piece, so that what little became of much is never there at a time. */
static enum gw_up_took
take_coded(struct gw_conn *c, struct str bytes)
{
	CLEANUP(buf_fini) struct buf piece = BUF_INIT(GW_DECODED_PIECE);
	enum gw_up_took took = GW_UP_TOOK;
	int got = 1;

	while (got > 0 && took == GW_UP_TOOK) {
		buf_reset(&piece);
		got = gw_decoder_feed(c->decoder, &bytes, &piece, &c->e);
		if (piece.n > 0) /* also what stands before a damage */
			took = take(c, buf_str(&piece));
	}
	return got < 0 && took == GW_UP_TOOK ? spoilt(c) : took;
}

static enum gw_up_took
on_body(void *to, struct str bytes)
{
	struct gw_conn *c = to;

	if (c->then != GW_NEW)
		return GW_UP_STOP;
	if (c->state != GW_WHOLE && gw_http_backlog(c->q) > GW_BACKLOG_MAX) {
		c->paused = true;
		return GW_UP_PAUSE;
	}
	c->account.ticket.answered += bytes.n;
	return c->decoder != NULL ? take_coded(c, bytes) : take(c, bytes);
}

void
gw_conn_drained(struct gw_conn *c)
{
	if (!c->paused || c->up == NULL)
		return;
	c->paused = false;
	gw_up_resume(c->up);
}

static enum gw_state
unreachable(struct gw_conn *c, const char *why)
{
	(void)err_set(&c->e, ERR_GATEWAY,
		"pando-ai: no answer from the provider at %s: %s. Check the network and "
		"[proxy] in %s, then try again",
		gw_reg_upstream(c->run, c->provider), why,
		gw_settings_file(c->run->policy, "~/.pando/policy.toml"));
	return gw_conn_refuse(c, GW_STATUS_BAD_GATEWAY);
}

static enum gw_state
end_of_stream(struct gw_conn *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_HELD_MAX + GW_EVENT_MAX);
	struct err e = ERR_INIT;
	/* -1 has put its error event into out, which is then a good end */
	const int got = gw_stream_end(c->stream, &out, &e);
	const bool is_silent = out.n == 0;

	if (!pass_on(c, &out))
		return GW_CUT;
	return got < 0 && is_silent ? GW_CUT : GW_END;
}

static enum gw_state
check_answer(struct gw_conn *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_CHANGED_MAX);
	struct err e = ERR_INIT;
	int got = gw_answer(
		c->route.api, &c->rules, buf_str(&c->answer), &out, &c->sink, &e);

	if (got > 0 && out.over)
		got = gw_conn_too_long(&out, "what became of the answer", &e);
	if (got < 0) {
		(void)gw_conn_check_log(c, &e); /* says what weighs more */
		c->e = e;
		return gw_conn_refuse(c, GW_STATUS_BAD_REQUEST);
	}
	if (got > 0) {
		buf_fini(&c->answer);
		c->answer = out;
		out = (struct buf)BUF_INIT(0);
	}
	return gw_conn_tell(c, GW_REPLY);
}

static enum gw_state
after(struct gw_conn *c, const char *why)
{
	if (c->state == GW_WAIT)
		c->account.how = GW_FAILED;
	else if (why == NULL)
		c->account.how = GW_ENDED;
	switch (c->state) {
	case GW_WAIT:
		return unreachable(c, why != NULL ? why : "it sent nothing");
	case GW_STREAM:
		return why != NULL ? GW_CUT : end_of_stream(c);
	case GW_WHOLE:
		if (why != NULL)
			return unreachable(c, why);
		return c->route.kind == GW_TO_ACCOUNT ? GW_REPLY : check_answer(c);
	case GW_PASS:
		return why != NULL ? GW_CUT : GW_END;
	case GW_NEW:
	case GW_READ:
	case GW_ASK:
	case GW_HOLD:
	case GW_TELL:
	case GW_SEND:
	case GW_SOCKET:
	case GW_REPLY:
	case GW_REFUSE:
	case GW_END:
	case GW_CUT:
	case GW_GONE:
	case GW_STATES:
		break;
	}
	return c->state; /* no transfer is under way in these */
}

static void
on_done(void *to, const char *why)
{
	struct gw_conn *c = to;
	struct err e = ERR_INIT;
	enum gw_state next;

	c->up = NULL;
	if (why == NULL && c->decoder != NULL && gw_decoder_end(c->decoder, &e) < 0)
		why = e.text;
	if (why != NULL)
		log_debug("run %s: the provider's transfer ended: %s", c->run->id, why);
	next = c->then != GW_NEW ? c->then : after(c, why);
	if (c->told == GW_STREAM) {
		gw_conn_tell_later(c, next);
		next = GW_TELL;
	}
	gw_conn_go(c, next);
}

struct gw_up_calls
gw_conn_calls(struct gw_conn *c)
{
	return (struct gw_up_calls){ on_head, on_body, on_done, c };
}
