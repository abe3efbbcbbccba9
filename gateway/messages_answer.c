#include "gateway/messages.h"

#include <stdlib.h>

#include "gateway/edit.h"
#include "gateway/usage.h"

enum {
	INDEX_MAX = 20,
	MESSAGE_MAX = 32768, /* the text that stands for a call, and an error event */
};

/* What becomes of the block whose events are coming. */
enum open {
	OPEN_FREE,    /* goes out as it comes: text, or none at all */
	OPEN_NOTED,   /* unknown, and policy lets it pass */
	OPEN_WATCHED, /* a call in audit mode: goes out, is decided and told at its end */
	OPEN_HELD,    /* a call, kept back until its end */
	OPEN_DROPPED, /* the result of a call that was replaced */
	OPENS
};

struct msg_stream {
	const struct gw_judge *j;
	enum open open;
	char index[INDEX_MAX]; /* of the block, as written on the wire */
	size_t index_n;
	struct msg_block block;
	struct buf held;  /* its events */
	struct buf input; /* of its start, a JSON value */
	struct buf args;  /* the insides of its partial_json strings, one after another */
	struct gw_ids gone;
	size_t calls_left, replaced;
};

enum { TYPE, INDEX, BLOCK, DELTA, MESSAGE, FIELDS };

struct msg_stream *
msg_stream_new(const struct gw_judge *j)
{
	struct msg_stream *s = mem_alloc(sizeof *s);

	s->j = j;
	s->held = (struct buf)BUF_INIT(GW_HELD_MAX);
	s->input = (struct buf)BUF_INIT(GW_HELD_MAX);
	s->args = (struct buf)BUF_INIT(GW_HELD_MAX);
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
	gw_ids_fini(&s->gone);
	free(s);
}

static bool
is_call_open(const struct msg_stream *s)
{
	return s->open == OPEN_HELD || s->open == OPEN_WATCHED;
}

static bool
is_bound(const struct msg_stream *s)
{
	return is_call_open(s) || s->open == OPEN_DROPPED;
}

static bool
is_same_index(const struct msg_stream *s, struct js index)
{
	return str_eq(index.raw, (struct str){ s->index, s->index_n });
}

/* Sends the event on, keeps it or drops it, as its block wants. */
static int
route(struct msg_stream *s, struct str raw, struct buf *out, struct err *e)
{
	switch (s->open) {
	case OPEN_HELD:
		buf_put_str(&s->held, raw);
		if (s->held.over)
			return err_set(e, ERR_DATA, "a call is longer than %d bytes",
				(int)GW_HELD_MAX);
		return 0;
	case OPEN_DROPPED:
		return 0;
	case OPEN_FREE:
	case OPEN_NOTED:
	case OPEN_WATCHED:
	case OPENS:
		break;
	}
	buf_put_str(out, raw);
	return 0;
}

static int
open_block(struct msg_stream *s, struct err *e)
{
	switch (s->block.kind) {
	case MSG_CALL:
		s->open = s->j->rules->audit ? OPEN_WATCHED : OPEN_HELD;
		buf_reset(&s->held);
		buf_reset(&s->args);
		buf_reset(&s->input);
		buf_put_str(&s->input, s->block.input.raw);
		return 0;
	case MSG_RESULT:
		if (gw_ids_have(&s->gone, gw_str(&s->block.id)))
			s->open = OPEN_DROPPED;
		return 0;
	case MSG_UNKNOWN:
		s->open = OPEN_NOTED;
		return gw_judge_unknown(s->j, gw_str(&s->block.type), e);
	case MSG_PLAIN:
	case MSG_CHANGE:
	case MSG_KINDS:
		break;
	}
	return 0;
}

static int
on_block_start(struct msg_stream *s, const struct js_field *f, struct str raw,
	struct buf *out, struct err *e)
{
	const struct str index = f[INDEX].m.val.raw;

	if (is_bound(s))
		return err_set(e, ERR_DATA, "a block begins inside another");
	if (f[INDEX].m.val.type != JS_NUMBER || index.n > INDEX_MAX)
		return err_set(e, ERR_DATA, "a block without an index");
	if (msg_block_read(f[BLOCK].m.val, &s->block, e) < 0)
		return -1;
	memcpy(s->index, index.p, index.n);
	s->index_n = index.n;
	s->open = OPEN_FREE;
	if (open_block(s, e) < 0)
		return -1;
	return route(s, raw, out, e);
}

static int
on_delta(struct msg_stream *s, const struct js_field *f, struct str raw, struct buf *out,
	struct err *e)
{
	struct js_field d[] = { JS_FIELD("type"), JS_FIELD("partial_json") };
	struct gw_name type;

	if (js_fields(f[DELTA].m.val, d, LEN(d), e) < 0 ||
		gw_name_read(d[0].m.val, &type, e) < 0)
		return err_wrap(e, "a delta");
	if (is_bound(s) && !is_same_index(s, f[INDEX].m.val))
		return err_set(e, ERR_DATA, "a delta of another block inside a call");
	if (str_is(gw_str(&type), "input_json_delta")) {
		if (s->open == OPEN_FREE)
			return err_set(e, ERR_DATA, "arguments without a call");
		if (is_call_open(s))
			buf_put_str(&s->args, js_inside(d[1].m.val));
		if (s->args.over)
			return err_set(e, ERR_DATA,
				"a call's arguments are longer than %d bytes",
				(int)GW_HELD_MAX);
	}
	return route(s, raw, out, e);
}

static void
put_text_block(struct buf *out, struct str index, struct str text)
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
	buf_reset(&b);
	buf_printf(&b, "{\"type\":\"content_block_stop\",\"index\":" STR_FMT "}",
		STR_ARG(index));
	sse_put(out, STR("content_block_stop"), buf_str(&b));
}

/* The client builds the arguments of the deltas, and of the start when there are none. */
static int
read_input(const struct msg_stream *s, struct buf *room, struct js *input, struct err *e)
{
	struct err no_json = ERR_INIT; /* policy says what becomes of such a call */

	if (js_decode(buf_str(&s->args), room, e) < 0)
		return err_wrap(e, "a call's arguments");
	if (room->n == 0)
		buf_put_str(room, buf_str(&s->input));
	if (js_check(buf_str(room), input, &no_json) < 0)
		*input = (struct js){ .raw = buf_str(room) };
	return 0;
}

static int
decide_open_call(struct msg_stream *s, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	char text[POL_REFUSAL_MAX];
	struct js input = { .type = JS_NONE };
	struct gw_case c;
	int act;

	if (read_input(s, &room, &input, e) < 0)
		return -1;
	c = msg_block_case(s->j, &s->block, input);
	act = gw_judge_call(s->j, &c, e);
	if (act < 0)
		return -1;
	if (act == 0) {
		s->calls_left += str_is(gw_str(&s->block.type), "tool_use");
		buf_put_str(out, buf_str(&s->held)); /* empty when it was only watched */
		return 0;
	}
	s->replaced++;
	put_text_block(out, (struct str){ s->index, s->index_n },
		str_of(pol_refusal(&c.use, &c.decision, text)));
	return gw_ids_add(&s->gone, c.call_id, e);
}

static int
on_block_stop(struct msg_stream *s, const struct js_field *f, struct str raw,
	struct buf *out, struct err *e)
{
	const bool call = is_call_open(s);

	if (is_bound(s) && !is_same_index(s, f[INDEX].m.val))
		return err_set(e, ERR_DATA, "another block ends inside a call");
	if (route(s, raw, out, e) < 0 || (call && decide_open_call(s, out, e) < 0))
		return -1;
	s->open = OPEN_FREE;
	return 0;
}

/*
 * The client takes "tool_use" without a call for a call that it could not read, and asks
 * again. True when the reason must say end_turn.
 */
static int
must_end_turn(const struct msg_stream *s, struct js reason, struct err *e)
{
	struct gw_name name;

	if (gw_name_read(reason, &name, e) < 0)
		return err_wrap(e, "stop_reason");
	return s->replaced > 0 && s->calls_left == 0 && str_is(gw_str(&name), "tool_use");
}

static int
on_message_delta(struct msg_stream *s, const struct js_field *f,
	const struct sse_event *ev, struct buf *out, struct err *e)
{
	CLEANUP(edits_fini) struct edits ed;
	struct js_field d[] = { JS_FIELD("stop_reason") };
	const struct str *const reason = &d[0].m.val.raw;
	int edit;

	edits_init_event(&ed, ev);
	if (is_bound(s))
		return err_set(e, ERR_DATA, "the message ends inside a call");
	if (js_fields(f[DELTA].m.val, d, LEN(d), e) < 0)
		return err_wrap(e, "message_delta");
	gw_meter_delta(s->j->rules->meter, ev->data);
	edit = must_end_turn(s, d[0].m.val, e);
	if (edit < 0)
		return -1;
	if (edit > 0)
		edits_replace(&ed, reason->p, reason->p + reason->n, STR("\"end_turn\""));
	return edits_apply_event(&ed, ev, out, e);
}

static int
on_message_start(struct msg_stream *s, const struct js_field *f, struct str raw,
	struct buf *out, struct err *e)
{
	struct js_field m[] = { JS_FIELD("content"), JS_FIELD("model"),
		JS_FIELD("usage") };
	struct js_iter it;
	struct js_item first;

	if (js_fields(f[MESSAGE].m.val, m, LEN(m), e) < 0)
		return err_wrap(e, "message_start");
	js_open(&it, m[0].m.val);
	if (js_next(&it, &first))
		return err_set(e, ERR_DATA, "a message starts with content");
	gw_meter_message(s->j->rules->meter, m[1].m.val, m[2].m.val);
	buf_put_str(out, raw);
	return 0;
}

static int
dispatch(struct msg_stream *s, const struct js_field *f, const struct sse_event *ev,
	struct buf *out, struct err *e)
{
	struct gw_name type;

	if (gw_name_read(f[TYPE].m.val, &type, e) < 0)
		return -1;
	if (ev->name.n > 0 && !str_eq(ev->name, gw_str(&type)))
		return err_set(e, ERR_DATA, "an event's name and its type differ");
	if (str_is(gw_str(&type), "content_block_start"))
		return on_block_start(s, f, ev->raw, out, e);
	if (str_is(gw_str(&type), "content_block_delta"))
		return on_delta(s, f, ev->raw, out, e);
	if (str_is(gw_str(&type), "content_block_stop"))
		return on_block_stop(s, f, ev->raw, out, e);
	if (str_is(gw_str(&type), "message_delta"))
		return on_message_delta(s, f, ev, out, e);
	if (str_is(gw_str(&type), "message_start"))
		return on_message_start(s, f, ev->raw, out, e);
	if (str_is(gw_str(&type), "message_stop") && is_bound(s))
		return err_set(e, ERR_DATA, "the message ends inside a call");
	buf_put_str(out, ev->raw);
	return 0;
}

int
msg_stream_event(
	struct msg_stream *s, const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct js_field f[FIELDS] = {
		[TYPE] = JS_FIELD("type"),
		[INDEX] = JS_FIELD("index"),
		[BLOCK] = JS_FIELD("content_block"),
		[DELTA] = JS_FIELD("delta"),
		[MESSAGE] = JS_FIELD("message"),
	};
	struct js root;

	if (js_check(ev->data, &root, e) < 0 || js_fields(root, f, FIELDS, e) < 0)
		return err_wrap(e, "an event");
	return dispatch(s, f, ev, out, e);
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

const char *
msg_refusal_body(const char *text, struct buf *out)
{
	buf_puts(out, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
		      "\"message\":");
	buf_put_json(out, str_of(text));
	buf_puts(out, "}}");
	return "application/json";
}

/* A whole answer: the same decisions, with the blocks side by side. */
struct answer {
	struct msg_stream *s; /* counts and ids only */
	struct edits ed;
};

static void
answer_fini(struct answer *a)
{
	msg_stream_free(a->s);
	edits_fini(&a->ed);
}

static int
answer_call(struct answer *a, struct js v, const struct msg_block *b, struct err *e)
{
	CLEANUP(buf_fini) struct buf block = BUF_INIT(MESSAGE_MAX);
	const struct js none = { .type = JS_NONE };
	struct gw_case c = msg_block_case(a->s->j, b, b->input);
	const int act = gw_judge_call(a->s->j, &c, e);
	char text[POL_REFUSAL_MAX];

	if (act < 0)
		return -1;
	if (act == 0) {
		a->s->calls_left += str_is(gw_str(&b->type), "tool_use");
		return 0;
	}
	a->s->replaced++;
	msg_put_text(&block, str_of(pol_refusal(&c.use, &c.decision, text)), none);
	edits_replace(&a->ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&block));
	return gw_ids_add(&a->s->gone, c.call_id, e);
}

static int
answer_content(struct answer *a, struct js content, struct err *e)
{
	struct js_iter it;
	struct js_item m;

	if (content.type != JS_ARRAY && content.type != JS_NONE)
		return err_set(e, ERR_DATA, "content is not an array");
	js_open(&it, content);
	while (js_next(&it, &m)) {
		struct msg_block b;

		if (msg_block_read(m.val, &b, e) < 0)
			return -1;
		if (b.kind == MSG_CALL && answer_call(a, m.val, &b, e) < 0)
			return -1;
		if (b.kind == MSG_UNKNOWN &&
			gw_judge_unknown(a->s->j, gw_str(&b.type), e) < 0)
			return -1;
		/* The text that stands for its call is before it, so something is kept. */
		if (b.kind == MSG_RESULT && gw_ids_have(&a->s->gone, gw_str(&b.id)))
			edits_cut_item(&a->ed, &m, true);
	}
	return 0;
}

int
msg_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(answer_fini) struct answer a = { .s = msg_stream_new(j) };
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js_field f[] = { JS_FIELD("content"), JS_FIELD("stop_reason"),
		JS_FIELD("model"), JS_FIELD("usage") };
	const struct str *const reason = &f[1].m.val.raw;
	struct js root;
	int edit;

	edits_init(&a.ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 ||
		js_fields(root, f, LEN(f), e) < 0 ||
		answer_content(&a, f[0].m.val, e) < 0)
		return -1;
	gw_meter_message(j->rules->meter, f[2].m.val, f[3].m.val);
	edit = must_end_turn(a.s, f[1].m.val, e);
	if (edit < 0)
		return -1;
	if (edit > 0)
		edits_replace(
			&a.ed, reason->p, reason->p + reason->n, STR("\"end_turn\""));
	return edits_apply(&a.ed, out, e);
}
