/*
 * Random conversations through the filter of the Messages API. What comes out is judged by
 * messages_oracle.h; a streamed answer, put together as Anthropic's SDK does it, must be the
 * whole answer.
 */

#include "gateway/sse.h"
#include "tests/unit/gateway_wire.h"
#include "tests/unit/messages_make.h"
#include "tests/unit/messages_oracle.h"

enum { REQUESTS = 3000, ANSWERS = 2000, FAILURES_SHOWN = 3, PIECE_MAX = 9 };

static struct buf
text_of(const json_t *j)
{
	struct buf b = BUF_INIT(WIRE_MAX);
	char *z = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_puts(&b, z);
	free(z);
	return b;
}

static bool
holds(const char *wrong, size_t n, struct str in, struct str out)
{
	if (wrong == NULL)
		return true;
	ok_int((int64_t)n, -1, wrong);
	printf("in:  " STR_FMT "\nout: " STR_FMT "\n", STR_ARG(in), STR_ARG(out));
	return false;
}

/* Thinking is where it was and as it was, and an assistant's message has as many blocks. */
static const char *
compare_messages(const json_t *in, const json_t *out)
{
	if (json_array_size(in) != json_array_size(out))
		return "another number of messages";
	for (size_t i = 0; i < json_array_size(in); i++) {
		const json_t *was = json_object_get(json_array_get(in, i), "content");
		const json_t *is = json_object_get(json_array_get(out, i), "content");

		if (json_array_size(was) != json_array_size(is))
			return "another number of blocks";
		for (size_t k = 0; k < json_array_size(was); k++)
			if (oracle_is(json_array_get(was, k), "type", "thinking") &&
				!json_equal(
					json_array_get(was, k), json_array_get(is, k)))
				return "another thought";
	}
	return NULL;
}

static const char *
compare_requests(const json_t *in, const json_t *out)
{
	const char *wrong = oracle_request(out);

	if (wrong == NULL)
		wrong = compare_messages(json_object_get(in, "messages"),
			json_object_get(out, "messages"));
	if (wrong == NULL && oracle_marks(out) > MAKE_MARKS)
		wrong = "more marks than the API takes";
	if (wrong == NULL && oracle_marks(json_object_get(in, "system")) !=
				     oracle_marks(json_object_get(out, "system")))
		wrong = "a mark of the system prompt is lost";
	return wrong;
}

/* A mark of a call or a result stays when a text stands for it; hidden calls may go with one. */
static size_t
marks_of_blocks(const json_t *body)
{
	const json_t *messages = json_object_get(body, "messages");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *content = json_object_get(
			json_array_get(messages, i), "content");

		for (size_t k = 0; k < json_array_size(content); k++)
			n += json_object_get(
				     json_array_get(content, k), "cache_control") != NULL;
	}
	return n;
}

static bool
check_request(struct wire *w, const json_t *in, size_t n)
{
	CLEANUP(buf_fini) struct buf body = text_of(in);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(WIRE_MAX);
	CLEANUP(json_freep) json_t *left = NULL;
	const char *wrong;
	struct err e = ERR_INIT;

	wire_request(w, GW_MESSAGES, buf_str(&body));
	if (w->rc < 0)
		return holds(
			strstr(w->e.text, "defer_loading") != NULL ? NULL : w->e.text, n,
			buf_str(&body), STR(""));
	buf_put_str(&out, buf_str(&w->out));
	left = json_parse(buf_str(&out), &e);
	wrong = left == NULL ? e.text : compare_requests(in, left);
	if (wrong == NULL && marks_of_blocks(in) != marks_of_blocks(left))
		wrong = "a mark is lost";
	if (wrong == NULL && oracle_request(in) == NULL && !json_equal(in, left))
		wrong = "changed without a need";
	if (wrong == NULL && oracle_request(in) == NULL &&
		!str_eq(buf_str(&body), buf_str(&out)))
		wrong = "written anew without a need";
	wire_request(w, GW_MESSAGES, buf_str(&out));
	if (wrong == NULL && !str_eq(buf_str(&out), buf_str(&w->out)))
		wrong = "a second time changes it";
	return holds(wrong, n, buf_str(&body), buf_str(&out));
}

static void
requests_come_out_sound(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;
	struct make m = { .seed = UINT64_C(0x9e3779b97f4a7c15) };
	size_t bad = 0;
	size_t changed = 0;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t n = 0; n < REQUESTS && bad < FAILURES_SHOWN; n++) {
		json_t *body;

		m.marks = MAKE_MARKS;
		body = make_request(&m);
		changed += oracle_request(body) != NULL;
		bad += !check_request(&w, body, n);
		json_decref(body);
	}
	ok_int(bad, 0, "requests");
	ok(changed > REQUESTS / 4 && changed < REQUESTS, "some had to change");
	pol_free(p);
}

/* --- answers ------------------------------------------------------------------------------ */

static void
put_event(struct buf *b, const char *type, json_t *event)
{
	CLEANUP(buf_fini) struct buf data = BUF_INIT(WIRE_MAX);
	struct buf text;

	json_object_set_new(event, "type", json_string(type));
	text = text_of(event);
	sse_put(b, str_of(type), buf_str(&text));
	buf_fini(&text);
	json_decref(event);
}

static void
put_delta(struct buf *b, size_t i, const char *type, const char *key, json_t *value)
{
	put_event(b, "content_block_delta",
		json_pack("{sI,s{ss,so}}", "index", (json_int_t)i, "delta", "type", type,
			key, value));
}

/* The input of a call in pieces, its block without it. */
static void
put_call(struct make *m, struct buf *b, size_t i, json_t *block)
{
	CLEANUP(buf_fini) struct buf args = text_of(json_object_get(block, "input"));
	struct str rest = buf_str(&args);

	json_object_set_new(block, "input", json_object());
	put_event(b, "content_block_start",
		json_pack("{sI,sO}", "index", (json_int_t)i, "content_block", block));
	while (rest.n > 0) {
		size_t n = 1 + make_next(m, PIECE_MAX);

		n = n < rest.n ? n : rest.n;
		while (n < rest.n && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
			n++; /* between characters */
		put_delta(b, i, "input_json_delta", "partial_json",
			json_stringn(rest.p, n));
		rest = str_skip(rest, n);
	}
}

static void
put_block(struct make *m, struct buf *b, size_t i, const json_t *have)
{
	CLEANUP(json_freep) json_t *block = json_deep_copy(have);

	if (json_object_get(block, "input") != NULL) {
		put_call(m, b, i, block);
	} else if (oracle_is(block, "type", "text")) {
		put_event(b, "content_block_start",
			json_pack("{sI,s{ss,ss}}", "index", (json_int_t)i,
				"content_block", "type", "text", "text", ""));
		put_delta(b, i, "text_delta", "text",
			json_incref(json_object_get(block, "text")));
	} else {
		put_event(b, "content_block_start",
			json_pack("{sI,sO}", "index", (json_int_t)i, "content_block",
				block));
	}
	put_event(b, "content_block_stop", json_pack("{sI}", "index", (json_int_t)i));
	if (make_once_in(m, 4))
		put_event(b, "ping", json_object());
}

static void
put_stream(struct make *m, struct buf *b, const json_t *answer)
{
	const json_t *content = json_object_get(answer, "content");

	put_event(b, "message_start",
		json_pack("{s{ss,s[]}}", "message", "id", "msg_1", "content"));
	for (size_t i = 0; i < json_array_size(content); i++)
		put_block(m, b, i, json_array_get(content, i));
	put_event(b, "message_delta",
		json_pack("{s{ss}}", "delta", "stop_reason",
			json_text_of(answer, "stop_reason")));
	put_event(b, "message_stop", json_object());
}

/* As anthropic-sdk-python 2026 does it (lib/streaming): blocks in their order, by index. */
static const char *
take_event(json_t *answer, json_t *event, struct buf *args)
{
	json_t *content = json_object_get(answer, "content");
	json_t *delta = json_object_get(event, "delta");
	const size_t i = (size_t)json_integer_value(json_object_get(event, "index"));
	json_t *block;
	struct err e = ERR_INIT;

	if (oracle_is(event, "type", "content_block_start")) {
		if (i != json_array_size(content))
			return "an index that is no place";
		buf_reset(args);
		json_array_append(content, json_object_get(event, "content_block"));
		return NULL;
	}
	if (oracle_is(event, "type", "message_delta"))
		json_object_update(answer, delta);
	block = json_array_get(content, i);
	if (oracle_is(delta, "type", "text_delta"))
		json_object_set_new(block, "text",
			json_sprintf("%s%s", json_text_of(block, "text"),
				json_text_of(delta, "text")));
	if (oracle_is(delta, "type", "input_json_delta"))
		buf_puts(args, json_text_of(delta, "partial_json"));
	if (oracle_is(event, "type", "content_block_stop") && args->n > 0) {
		json_object_set_new(block, "input", json_parse(buf_str(args), &e));
		buf_reset(args);
	}
	return NULL;
}

static const char *
gather(struct str stream, json_t *answer)
{
	CLEANUP(buf_fini) struct buf args = BUF_INIT(WIRE_MAX);
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;
	const char *wrong = NULL;

	sse_init(&s, WIRE_MAX, NULL);
	sse_feed(&s, stream);
	sse_finish(&s);
	while (wrong == NULL && sse_next(&s, &ev, &e) > 0) {
		CLEANUP(json_freep) json_t *event = json_parse(ev.data, &e);

		wrong = event == NULL ? "no JSON" : take_event(answer, event, &args);
	}
	return wrong;
}

/* Now and then something that is no object: then no call may pass, streamed or not. */
static void
garble(struct make *m, json_t *content)
{
	size_t i;
	json_t *b;

	json_array_foreach(content, i, b)
	{
		json_object_del(b, "cache_control");
		if (json_object_get(b, "input") == NULL || !make_once_in(m, 6))
			continue;
		json_object_set_new(b, "input",
			make_once_in(m, 2) ? json_pack("[i]", 1) : json_string("x"));
	}
}

static bool
check_answer(struct make *m, struct wire *w, const json_t *in, size_t n)
{
	CLEANUP(buf_fini) struct buf body = text_of(in);
	CLEANUP(buf_fini) struct buf stream = BUF_INIT(WIRE_MAX);
	CLEANUP(json_freep) json_t *whole = NULL;
	CLEANUP(json_freep) json_t *gathered = json_pack("{s[]}", "content");
	struct err e = ERR_INIT;
	const char *wrong;

	put_stream(m, &stream, in);
	wire_answer(w, GW_MESSAGES, buf_str(&body));
	whole = json_parse(buf_str(&w->out), &e);
	if (whole == NULL)
		return holds(w->e.text, n, buf_str(&body), buf_str(&w->out));
	wrong = oracle_answer(whole);
	wire_stream(w, GW_MESSAGES, buf_str(&stream), make_next(m, stream.n),
		1 + make_next(m, 99));
	if (wrong == NULL && w->rc != 0)
		wrong = w->e.text;
	if (wrong == NULL)
		wrong = gather(buf_str(&w->out), gathered);
	if (wrong == NULL && (!json_equal(json_object_get(whole, "content"),
				      json_object_get(gathered, "content")) ||
				     !json_equal(json_object_get(whole, "stop_reason"),
					     json_object_get(gathered, "stop_reason"))))
		wrong = "the stream is another answer";
	return holds(wrong, n, buf_str(&body), buf_str(&w->out));
}

static void
answers_come_out_sound_and_the_same_streamed(void)
{
	static const char *const reasons[] = { "tool_use", "end_turn", "pause_turn" };
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;
	struct make m = { .seed = UINT64_C(0x2545f4914f6cdd1d) };
	size_t bad = 0;

	wire_init(&w, p, POL_CLAUDE);
	for (size_t n = 0; n < ANSWERS && bad < FAILURES_SHOWN; n++) {
		json_t *content = make_said(&m);
		const bool calls = oracle_deep(content, oracle_strict_block) != NULL ||
				   make_once_in(&m, 2);
		json_t *answer;

		garble(&m, content);
		answer = json_pack("{so,ss}", "content", content, "stop_reason",
			reasons[calls ? 0 : 1 + make_next(&m, 2)]);
		/* a stop for calls has one */
		if (calls)
			json_array_append_new(
				content, make_call(&m, "tool_use", make_name(&m)));
		bad += !check_answer(&m, &w, answer, n);
		json_decref(answer);
	}
	ok_int(bad, 0, "answers");
	pol_free(p);
}

int
main(void)
{
	requests_come_out_sound();
	answers_come_out_sound_and_the_same_streamed();
	return test_done();
}
