#include "gateway/messages.h"

#include <stdlib.h>

#include "gateway/messages_members.h"
#include "gateway/usage.h"

enum {
	INDEX_MAX = 18,      /* digits: below 2^63 */
	MESSAGE_MAX = 32768, /* the text that stands for a call, and an error event */
	ROOM_KEPT = 65536,   /* a buffer that grew larger is given back after its call */
};

/* What becomes of the block whose events are coming. */
enum open {
	OPEN_NONE,    /* between two blocks */
	OPEN_FREE,    /* goes out as it comes: text, or a result */
	OPEN_NOTED,   /* unknown, and policy lets it pass */
	OPEN_WATCHED, /* a call in audit mode: goes out, is decided and told at its end */
	OPEN_HELD,    /* a call, kept back until its end */
	OPEN_DROPPED, /* the result of a call that was replaced: a text stands for it */
	OPENS
};

struct msg_stream {
	const struct gw_judge *j;
	enum open open;
	bool started;          /* message_start has come */
	bool ended;            /* so has message_stop, or an error */
	char index[INDEX_MAX]; /* of the block, as written on the wire */
	size_t index_n;        /* 0: there was none */
	struct msg_block block;
	struct buf held;  /* its events */
	struct buf input; /* of its start, a JSON value */
	struct buf args;  /* the insides of its partial_json strings, one after another */
	struct msg_tally tally;
};

struct msg_stream *
msg_stream_new(const struct gw_judge *j)
{
	struct msg_stream *s = mem_alloc(sizeof *s);

	s->j = j;
	s->held = (struct buf)BUF_IN(GW_HELD_MAX, j->rules->memory);
	s->input = (struct buf)BUF_IN(GW_HELD_MAX, j->rules->memory);
	s->args = (struct buf)BUF_IN(GW_HELD_MAX, j->rules->memory);
	return s;
}

void
msg_stream_free(struct msg_stream *s)
{
	if (s == NULL)
		return;
	buf_fini(&s->held);
	buf_fini(&s->input);
	buf_fini(&s->args);
	gw_ids_fini(&s->tally.gone);
	free(s);
}

static bool
is_call_open(const struct msg_stream *s)
{
	return s->open == OPEN_HELD || s->open == OPEN_WATCHED;
}

static bool
is_same_index(const struct msg_stream *s, struct str index)
{
	return str_eq(index, (struct str){ s->index, s->index_n });
}

static int
check_held(const struct msg_stream *s, struct err *e)
{
	if (s->held.starved || s->args.starved || s->input.starved)
		return quota_refuse(s->j->rules->memory, e);
	if (s->held.over || s->args.over || s->input.over)
		return err_set(
			e, ERR_DATA, "a call is longer than %d bytes", (int)GW_HELD_MAX);
	return 0;
}

/* Sends the event on, keeps it or drops it, as its block wants. */
static int
route(struct msg_stream *s, struct str raw, struct buf *out, struct err *e)
{
	switch (s->open) {
	case OPEN_HELD:
		buf_put_str(&s->held, raw);
		return check_held(s, e);
	case OPEN_DROPPED:
		return 0;
	case OPEN_NONE:
	case OPEN_FREE:
	case OPEN_NOTED:
	case OPEN_WATCHED:
	case OPENS:
		break;
	}
	buf_put_str(out, raw);
	return 0;
}

/* --- a block begins ----------------------------------------------------------------------- */

/*
 * Clients count blocks by their index, or by their order: both must mean the same block, so an
 * index only goes up, and a block is over before the next one begins.
 */
static int
take_index(struct msg_stream *s, struct js index, struct err *e)
{
	const struct str last = { s->index, s->index_n };
	const struct str now = index.raw;

	if (index.type != JS_NUMBER || now.n > INDEX_MAX)
		return err_set(e, ERR_DATA, "a block without an index");
	for (size_t i = 0; i < now.n; i++)
		if (now.p[i] < '0' || now.p[i] > '9')
			return err_set(e, ERR_DATA, "a block's index is no whole number");
	if (now.n < last.n || (now.n == last.n && memcmp(now.p, last.p, now.n) <= 0))
		return err_set(
			e, ERR_DATA, "a block's index is not above the last one's");
	memcpy(s->index, now.p, now.n);
	s->index_n = now.n;
	return 0;
}

static void
put_text_start(struct buf *out, struct str index, struct str text)
{
	const struct js none = { .type = JS_NONE };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	buf_printf(&b,
		"{\"type\":\"content_block_start\",\"index\":" STR_FMT
		",\"content_block\":",
		STR_ARG(index));
	msg_put_text(&b, STR(""), none);
	buf_putc(&b, '}');
	sse_put(out, STR("content_block_start"), buf_str(&b));
	buf_reset(&b);
	buf_printf(&b,
		"{\"type\":\"content_block_delta\",\"index\":" STR_FMT
		",\"delta\":{\"type\":\"text_delta\",\"text\":",
		STR_ARG(index));
	buf_put_json(&b, text);
	buf_puts(&b, "}}");
	sse_put(out, STR("content_block_delta"), buf_str(&b));
}

static void
put_text_stop(struct buf *out, struct str index)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	buf_printf(&b, "{\"type\":\"content_block_stop\",\"index\":" STR_FMT "}",
		STR_ARG(index));
	sse_put(out, STR("content_block_stop"), buf_str(&b));
}

static int
open_block(struct msg_stream *s, struct buf *out, struct err *e)
{
	const struct msg_block *b = &s->block;

	s->open = OPEN_FREE;
	switch (b->kind) {
	case MSG_CALL:
		s->open = s->j->rules->audit ? OPEN_WATCHED : OPEN_HELD;
		buf_reset(&s->held);
		buf_reset(&s->args);
		buf_reset(&s->input);
		buf_put_str(&s->input, b->input.raw);
		return check_held(s, e);
	case MSG_RESULT:
		if (!gw_ids_have(&s->tally.gone, gw_str(&b->id)))
			break;
		s->open = OPEN_DROPPED;
		put_text_start(
			out, (struct str){ s->index, s->index_n }, STR(MSG_RESULT_GONE));
		return 0;
	case MSG_UNKNOWN:
	case MSG_CHANGE:
		s->open = OPEN_NOTED;
		break;
	case MSG_PLAIN:
	case MSG_REFERENCE:
	case MSG_KINDS:
		break;
	}
	return msg_answer_inside(s->j, b, e);
}

enum { TYPE, INDEX, BLOCK, DELTA, MESSAGE, SLOTS };

static int
on_block_start(struct msg_stream *s, const struct js *m, struct str raw, struct buf *out,
	struct err *e)
{
	if (s->open != OPEN_NONE)
		return err_set(e, ERR_DATA, "a block begins inside another");
	if (take_index(s, m[INDEX], e) < 0 ||
		msg_block_read(m[BLOCK], &s->block, e) < 0 || open_block(s, out, e) < 0)
		return -1;
	return route(s, raw, out, e);
}

/* --- it goes on --------------------------------------------------------------------------- */

static int
take_args(struct msg_stream *s, struct js piece, struct err *e)
{
	if (s->open == OPEN_NONE || s->open == OPEN_FREE)
		return err_set(e, ERR_DATA, "arguments without a call");
	if (piece.type != JS_STRING)
		return err_set(e, ERR_DATA, "a piece of arguments that is no text");
	if (is_call_open(s))
		buf_put_str(&s->args, js_inside(piece));
	return check_held(s, e);
}

static bool
is_known_delta(struct str type)
{
	static const char *const known[] = { "text_delta", "thinking_delta",
		"signature_delta", "citations_delta", "compaction_delta" };

	for (size_t i = 0; i < LEN(known); i++)
		if (str_is(type, known[i]))
			return true;
	return false;
}

static int
read_delta(struct msg_stream *s, struct js delta, struct err *e)
{
	enum { KIND, PIECE, N };
	static const struct msg_member members[] = {
		MSG_MEMBER("type", KIND),
		MSG_MEMBER("text", MSG_PASS),
		MSG_MEMBER("partial_json", PIECE),
		MSG_MEMBER("thinking", MSG_PASS),
		MSG_MEMBER("signature", MSG_PASS),
		MSG_MEMBER("citation", MSG_PASS),
		MSG_MEMBER("estimated_tokens", MSG_PASS),
		MSG_MEMBER("content", MSG_PASS),
		MSG_MEMBER("encrypted_content", MSG_PASS),
	};
	static const struct msg_shape shape = MSG_SHAPE(members);
	struct js m[N];
	struct gw_name type;
	struct str odd;

	if (msg_members(delta, &shape, m, N, &odd, e) < 0 ||
		gw_name_read(m[KIND], &type, e) < 0)
		return err_wrap(e, "a delta");
	if (odd.n > 0 && msg_judge_odd(s->j, "a delta", odd, e) < 0)
		return -1;
	if (str_is(gw_str(&type), "input_json_delta"))
		return take_args(s, m[PIECE], e);
	if (is_call_open(s) || m[PIECE].type != JS_NONE)
		return gw_judge_unknown(s->j, gw_str(&type), e);
	if (!is_known_delta(gw_str(&type)) && msg_could_carry(gw_str(&type), delta))
		return gw_judge_unknown(s->j, gw_str(&type), e);
	return 0;
}

static int
on_delta(struct msg_stream *s, const struct js *m, struct str raw, struct buf *out,
	struct err *e)
{
	if (read_delta(s, m[DELTA], e) < 0)
		return -1;
	if (s->open == OPEN_NONE)
		return err_set(e, ERR_DATA, "a delta without a block");
	if (!is_same_index(s, m[INDEX].raw))
		return err_set(e, ERR_DATA, "a delta of another block");
	return route(s, raw, out, e);
}

/* --- it ends ------------------------------------------------------------------------------ */

/* Whether the start of a call has arguments, which the API leaves to the deltas: {}. */
static bool
starts_with_args(const struct msg_stream *s)
{
	struct err no_json = ERR_INIT; /* it was checked with its event */
	struct js start = { .type = JS_NONE };
	struct js_iter it;
	struct js_item m;

	if (s->input.n == 0 || js_check(buf_str(&s->input), &start, &no_json) < 0)
		return false;
	js_open(&it, start);
	return js_next(&it, &m);
}

/*
 * Of arguments in the start clients think differently: where no deltas come, claude 2.1.329 makes
 * the call without any, Anthropic's SDKs with these. What is made of two readings is no JSON.
 */
static int
read_input(const struct msg_stream *s, struct buf *room, struct js *input, struct err *e)
{
	struct err no_json = ERR_INIT; /* policy says what becomes of such a call */
	bool twice;

	if (js_decode(buf_str(&s->args), room, e) < 0)
		return err_wrap(e, "a call's arguments");
	twice = (room->n > 0 || s->block.is_client_call) && starts_with_args(s);
	if (room->n == 0 || twice)
		buf_put_str(room, buf_str(&s->input));
	if (twice || js_check(buf_str(room), input, &no_json) < 0)
		*input = (struct js){ .raw = buf_str(room) };
	return 0;
}

static void
give_back(struct buf *b)
{
	buf_reset(b);
	if (b->cap > ROOM_KEPT)
		buf_fini(b);
}

static int
decide_open_call(struct msg_stream *s, struct buf *out, struct err *e)
{
	const struct str index = { s->index, s->index_n };
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(MESSAGE_MAX);
	struct js input = { .type = JS_NONE };
	int act;

	if (read_input(s, &room, &input, e) < 0)
		return -1;
	act = msg_answer_call(s->j, &s->tally, &s->block, input, &text, e);
	if (act < 0)
		return -1;
	if (act == 0) {
		buf_put_str(out, buf_str(&s->held)); /* empty when it was only watched */
	} else {
		put_text_start(out, index, buf_str(&text));
		put_text_stop(out, index);
	}
	give_back(&s->held);
	give_back(&s->args);
	give_back(&s->input);
	return 0;
}

static int
on_block_stop(struct msg_stream *s, const struct js *m, struct str raw, struct buf *out,
	struct err *e)
{
	const bool call = is_call_open(s);

	/* claude runs a call at each end of its block */
	if (s->open == OPEN_NONE)
		return err_set(e, ERR_DATA, "a block ends that has not begun");
	if (!is_same_index(s, m[INDEX].raw))
		return err_set(
			e, ERR_DATA, "another block ends than the one that is open");
	if (s->open == OPEN_DROPPED)
		put_text_stop(out, m[INDEX].raw);
	if (route(s, raw, out, e) < 0 || (call && decide_open_call(s, out, e) < 0))
		return -1;
	s->open = OPEN_NONE;
	return 0;
}

/* --- the message -------------------------------------------------------------------------- */

static int
on_message_start(struct msg_stream *s, const struct js *m, struct str raw,
	struct buf *out, struct err *e)
{
	struct js f[MSG_MESSAGE_SLOTS];
	struct js_iter it;
	struct js_item first;
	struct str odd;

	if (s->started || s->index_n > 0)
		return err_set(e, ERR_DATA, "a message begins inside another");
	s->started = true;
	if (msg_message_read(m[MESSAGE], f, &odd, e) < 0)
		return err_wrap(e, "message_start");
	if (odd.n > 0 && msg_judge_odd(s->j, "message_start", odd, e) < 0)
		return -1;
	js_open(&it, f[MSG_MESSAGE_CONTENT]);
	if (js_next(&it, &first))
		return err_set(e, ERR_DATA, "a message starts with content");
	gw_meter_message(s->j->rules->meter, f[MSG_MESSAGE_MODEL], f[MSG_MESSAGE_USAGE]);
	buf_put_str(out, raw);
	return 0;
}

static int
on_message_delta(struct msg_stream *s, const struct js *m, const struct sse_event *ev,
	struct buf *out, struct err *e)
{
	CLEANUP(edits_fini) struct edits ed;
	struct js f[MSG_MESSAGE_SLOTS];
	struct str odd;

	edits_init_event(&ed, ev);
	if (s->open != OPEN_NONE)
		return err_set(e, ERR_DATA, "the message ends inside a block");
	if (msg_message_read(m[DELTA], f, &odd, e) < 0)
		return err_wrap(e, "message_delta");
	if (f[MSG_MESSAGE_CONTENT].type != JS_NONE)
		odd = STR("content");
	if (odd.n > 0 && msg_judge_odd(s->j, "message_delta", odd, e) < 0)
		return -1;
	gw_meter_delta(s->j->rules->meter, ev->data);
	if (msg_fix_reason(&s->tally, f[MSG_MESSAGE_REASON], &ed, e) < 0)
		return -1;
	return edits_apply_event(&ed, ev, out, e);
}

static int
on_message_stop(struct msg_stream *s, struct str raw, struct buf *out, struct err *e)
{
	if (s->open != OPEN_NONE)
		return err_set(e, ERR_DATA, "the message ends inside a block");
	s->ended = true;
	buf_put_str(out, raw);
	return 0;
}

/* Nothing follows it. A call that is held is lost, as it is for the client. */
static int
on_error(struct msg_stream *s, struct str raw, struct buf *out)
{
	s->ended = true;
	s->open = OPEN_NONE;
	buf_put_str(out, raw);
	return 0;
}

/* --- events ------------------------------------------------------------------------------- */

/* The API adds events: "your code should handle unknown event types gracefully". */
static int
on_other(struct msg_stream *s, struct str type, const struct js *m, struct str raw,
	struct buf *out, struct err *e)
{
	bool odd = msg_could_carry(type, (struct js){ .type = JS_STRING, .raw = raw });

	for (size_t i = BLOCK; i < SLOTS; i++)
		odd = odd || m[i].type != JS_NONE;
	if (odd && gw_judge_unknown(s->j, type, e) < 0)
		return -1;
	buf_put_str(out, raw);
	return 0;
}

static int
dispatch(struct msg_stream *s, const struct js *m, const struct sse_event *ev,
	struct buf *out, struct err *e)
{
	struct gw_name name;
	struct str type;

	if (gw_name_read(m[TYPE], &name, e) < 0)
		return -1;
	type = gw_str(&name);
	if (ev->name.n == 0) /* clients pass it over: it would be read here only */
		return err_set(e, ERR_DATA, "an event without a name");
	if (!str_eq(ev->name, type))
		return err_set(e, ERR_DATA, "an event's name and its type differ");
	if (str_is(type, "ping"))
		return on_other(s, type, m, ev->raw, out, e);
	if (s->ended)
		return err_set(e, ERR_DATA, "an event behind the end");
	if (str_is(type, "content_block_start"))
		return on_block_start(s, m, ev->raw, out, e);
	if (str_is(type, "content_block_delta"))
		return on_delta(s, m, ev->raw, out, e);
	if (str_is(type, "content_block_stop"))
		return on_block_stop(s, m, ev->raw, out, e);
	if (str_is(type, "message_delta"))
		return on_message_delta(s, m, ev, out, e);
	if (str_is(type, "message_start"))
		return on_message_start(s, m, ev->raw, out, e);
	if (str_is(type, "message_stop"))
		return on_message_stop(s, ev->raw, out, e);
	if (str_is(type, "error"))
		return on_error(s, ev->raw, out);
	return on_other(s, type, m, ev->raw, out, e);
}

/*
 * Nearly every event is a piece of text, and written as the API writes it. Then its string is
 * all that is left to check. Anything else about it, and it is read as every other event is.
 */
static bool
is_plain_text(const struct msg_stream *s, const struct sse_event *ev)
{
	static const char before[] = "{\"type\":\"content_block_delta\",\"index\":";
	static const char behind[] = ",\"delta\":{\"type\":\"text_delta\",\"text\":\"";
	const struct str index = { s->index, s->index_n };
	struct str d = ev->data;
	struct err
		none; /* why not is not asked; clearing it would cost more than the check */
	struct js text;

	if (s->open != OPEN_FREE || s->ended || !str_starts(d, STR(before)))
		return false;
	d = str_skip(d, sizeof before - 1);
	if (!str_starts(d, index))
		return false;
	d = str_skip(d, index.n);
	if (!str_starts(d, STR(behind)))
		return false;
	d = str_skip(d, sizeof behind - 2);
	for (int i = 0; i < 2; i++) { /* the provider pads its events with blanks */
		while (d.n > 0 && d.p[d.n - 1] == ' ')
			d.n--;
		if (d.n == 0 || d.p[d.n - 1] != '}')
			return false;
		d.n--;
	}
	return js_check(d, &text, &none) == 0 && text.type == JS_STRING &&
	       str_is(ev->name, "content_block_delta");
}

int
msg_stream_event(
	struct msg_stream *s, const struct sse_event *ev, struct buf *out, struct err *e)
{
	static const struct msg_member members[] = {
		MSG_MEMBER("type", TYPE),
		MSG_MEMBER("index", INDEX),
		MSG_MEMBER("delta", DELTA),
		MSG_MEMBER("content_block", BLOCK),
		MSG_MEMBER("message", MESSAGE),
		MSG_MEMBER("usage", MSG_PASS),
		MSG_MEMBER("context_management", MSG_PASS),
		MSG_MEMBER("error", MSG_PASS),
		MSG_MEMBER("request_id", MSG_PASS),
	};
	static const struct msg_shape shape = MSG_SHAPE(members);
	struct js m[SLOTS];
	struct js root;
	struct str odd;

	if (is_plain_text(s, ev)) {
		buf_put_str(out, ev->raw);
		return 0;
	}
	if (js_check(ev->data, &root, e) < 0 ||
		msg_members(root, &shape, m, SLOTS, &odd, e) < 0)
		return err_wrap(e, "an event");
	if (odd.n > 0 && msg_judge_odd(s->j, "an event", odd, e) < 0)
		return -1;
	return dispatch(s, m, ev, out, e);
}

int
msg_stream_end(struct msg_stream *s, struct err *e)
{
	if (s->open == OPEN_HELD)
		return err_set(e, ERR_DATA, "the provider's stream ended inside a call");
	return 0;
}

void
msg_put_error_event(struct buf *out, const char *text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	(void)msg_refusal_body(text, &b); /* the event has the shape of the HTTP body */
	sse_put(out, STR("error"), buf_str(&b));
}
