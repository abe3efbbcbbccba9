#include "gateway/messages.h"

#include "gateway/messages_members.h"
#include "gateway/usage.h"

enum { TEXT_MAX = 32768 }; /* what stands for a call: a refusal as JSON */

int
msg_answer_call(const struct gw_judge *j, struct msg_tally *t, const struct msg_block *b,
	struct js input, struct buf *out, struct err *e)
{
	const struct js absent = { .type = JS_NULL, .raw = STR("null") };
	struct gw_case c = msg_block_case(j, b, input.raw.n > 0 ? input : absent);
	const int act = gw_judge_call(j, &c, e);
	char text[POL_REFUSAL_MAX];

	if (act < 0)
		return -1;
	if (act == 0) {
		t->client_calls += b->is_client_call;
		t->server_calls += !b->is_client_call;
		return 0;
	}
	t->replaced++;
	buf_puts(out, pol_refusal(&c.use, &c.decision, text));
	return gw_ids_add(&t->gone, c.call_id, e) < 0 ? -1 : 1;
}

/* No part of a result is a call; of a coming version one might be. */
static int
check_inside(const struct gw_judge *j, struct js content, int depth, struct err *e)
{
	struct js_iter it;
	struct js_item m;
	struct msg_block b;

	if (depth >= MSG_CARRY_DEPTH)
		return err_set(e, ERR_DATA, "content nested more than %d deep",
			(int)MSG_CARRY_DEPTH);
	if (content.type == JS_ARRAY) {
		js_open(&it, content);
		while (js_next(&it, &m))
			if (check_inside(j, m.val, depth + 1, e) < 0)
				return -1;
	}
	if (content.type != JS_OBJECT)
		return 0;
	if (msg_block_read(content, &b, e) < 0)
		return -1;
	if ((b.kind == MSG_CALL || b.kind == MSG_CHANGE || b.kind == MSG_UNKNOWN) &&
		msg_judge_block(j, &b, e) < 0)
		return -1;
	return check_inside(j, b.content, depth + 1, e);
}

int
msg_answer_inside(const struct gw_judge *j, const struct msg_block *b, struct err *e)
{
	if ((b->kind == MSG_CHANGE || b->kind == MSG_UNKNOWN) &&
		msg_judge_block(j, b, e) < 0)
		return -1;
	return check_inside(j, b->content, 0, e);
}

int
msg_fix_reason(
	const struct msg_tally *t, struct js reason, struct edits *ed, struct err *e)
{
	struct gw_name name;

	if (gw_name_read(reason, &name, e) < 0)
		return err_wrap(e, "stop_reason");
	if (t->replaced > 0 &&
		((t->client_calls == 0 && str_is(gw_str(&name), "tool_use")) ||
			(t->server_calls == 0 && str_is(gw_str(&name), "pause_turn"))))
		edits_replace(ed, reason.raw.p, reason.raw.p + reason.raw.n,
			STR("\"end_turn\""));
	return 0;
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

int
msg_message_read(
	struct js v, struct js slot[MSG_MESSAGE_SLOTS], struct str *odd, struct err *e)
{
	static const struct msg_member members[] = {
		MSG_MEMBER("id", MSG_PASS),
		MSG_MEMBER("type", MSG_PASS),
		MSG_MEMBER("role", MSG_PASS),
		MSG_MEMBER("model", MSG_MESSAGE_MODEL),
		MSG_MEMBER("content", MSG_MESSAGE_CONTENT),
		MSG_MEMBER("stop_reason", MSG_MESSAGE_REASON),
		MSG_MEMBER("stop_sequence", MSG_PASS),
		MSG_MEMBER("stop_details", MSG_PASS),
		MSG_MEMBER("usage", MSG_MESSAGE_USAGE),
		MSG_MEMBER("container", MSG_PASS),
		MSG_MEMBER("context_management", MSG_PASS),
		MSG_MEMBER("diagnostics", MSG_PASS),
		MSG_MEMBER("input_tokens", MSG_PASS), /* all that count_tokens answers */
		MSG_MEMBER("error", MSG_PASS),
		MSG_MEMBER("request_id", MSG_PASS),
	};
	static const struct msg_shape shape = MSG_SHAPE(members);

	return msg_members(v, &shape, slot, MSG_MESSAGE_SLOTS, odd, e);
}

/* --- a whole answer --------------------------------------------------------------------- */

struct answer {
	const struct gw_judge *j;
	struct msg_tally tally;
	struct edits ed;
};

static void
answer_fini(struct answer *a)
{
	gw_ids_fini(&a->tally.gone);
	edits_fini(&a->ed);
}

static void
replace(struct answer *a, struct js v, struct str text)
{
	CLEANUP(buf_fini) struct buf block = BUF_INIT(TEXT_MAX);

	msg_put_text(&block, text, (struct js){ .type = JS_NONE });
	edits_replace(&a->ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&block));
}

static int
answer_block(struct answer *a, struct js v, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct msg_block b;
	int act;

	if (msg_block_read(v, &b, e) < 0)
		return -1;
	if (b.kind == MSG_RESULT && gw_ids_have(&a->tally.gone, gw_str(&b.id))) {
		replace(a, v, STR(MSG_RESULT_GONE));
		return 0;
	}
	if (b.kind != MSG_CALL)
		return msg_answer_inside(a->j, &b, e);
	act = msg_answer_call(a->j, &a->tally, &b, b.input, &text, e);
	if (act > 0)
		replace(a, v, buf_str(&text));
	return act < 0 ? -1 : 0;
}

static int
answer_content(struct answer *a, struct js content, struct err *e)
{
	struct js_iter it;
	struct js_item m;

	if (content.type != JS_ARRAY && content.type != JS_NONE)
		return err_set(e, ERR_DATA, "content is not an array");
	js_open(&it, content);
	while (js_next(&it, &m))
		if (answer_block(a, m.val, e) < 0)
			return -1;
	return 0;
}

static int
filter_answer(struct answer *a, struct js root, struct err *e)
{
	struct js m[MSG_MESSAGE_SLOTS];
	struct str odd;

	if (msg_message_read(root, m, &odd, e) < 0)
		return -1;
	if (odd.n > 0 && msg_judge_odd(a->j, "an answer", odd, e) < 0)
		return -1;
	if (answer_content(a, m[MSG_MESSAGE_CONTENT], e) < 0)
		return -1;
	gw_meter_message(a->j->rules->meter, m[MSG_MESSAGE_MODEL], m[MSG_MESSAGE_USAGE]);
	return msg_fix_reason(&a->tally, m[MSG_MESSAGE_REASON], &a->ed, e);
}

int
msg_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(answer_fini) struct answer a = { .j = j };
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&a.ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 || filter_answer(&a, root, e) < 0)
		return -1;
	return edits_apply(&a.ed, out, e);
}
