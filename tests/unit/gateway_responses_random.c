/*
 * Random requests and streams through the filter of the Responses API. What comes out is
 * judged by responses_oracle.h; a streamed answer must end as the whole answer does.
 */

#include <stdlib.h>

#include "gateway/sse.h"
#include "tests/unit/gateway_wire.h"
#include "tests/unit/responses_make.h"
#include "tests/unit/responses_oracle.h"

enum { REQUESTS = 4000, ANSWERS = 3000, PIECE_MAX = 40, FAILURES_SHOWN = 3 };

static int failures;

/* False, and told, when something is wrong. */
static bool
holds(const char *wrong, struct str in, struct str out)
{
	if (wrong == NULL)
		return true;
	ok_str(wrong, "", "a random body");
	if (failures++ < FAILURES_SHOWN)
		printf("in:  " STR_FMT "\nout: " STR_FMT "\n", STR_ARG(in), STR_ARG(out));
	return false;
}

/* --- requests ------------------------------------------------------------------------------ */

static bool
is_more_tools(const json_t *item)
{
	return oracle_is(item, "type", "additional_tools");
}

/* In the order of what went in: only lists of tools may be gone, and plain items are the same. */
static const char *
compare_items(const json_t *was, const json_t *is)
{
	size_t k = 0;

	for (size_t i = 0; i < json_array_size(was); i++) {
		const json_t *a = json_array_get(was, i);
		const json_t *b = json_array_get(is, k);
		const bool plain = !oracle_is_call(a) && !is_more_tools(a) &&
				   !text_ends(json_text_of(a, "type"), "_output");

		if (is_more_tools(a) && !is_more_tools(b))
			continue;
		if (plain && !json_equal(a, b))
			return "an item that is nobody's to change";
		k++;
	}
	return k == json_array_size(is) ? NULL : "another number of items";
}

static const char *
judge_request(const struct wire *w, struct str body)
{
	CLEANUP(json_freep) json_t *in = NULL;
	CLEANUP(json_freep) json_t *out = NULL;
	const char *wrong;
	struct err e = ERR_INIT;

	if (w->rc < 0)
		return strstr(w->e.text, "nothing of the input") != NULL ? NULL
									 : "refused";
	in = json_parse(body, &e);
	out = json_parse(buf_str(&w->out), &e);
	if (in == NULL || out == NULL)
		return "no JSON";
	wrong = oracle_request(out, in);
	if (wrong == NULL)
		wrong = compare_items(
			json_object_get(in, "input"), json_object_get(out, "input"));
	if (wrong == NULL && oracle_request(in, NULL) == NULL &&
		!str_eq(body, buf_str(&w->out)))
		wrong = "changed without a need";
	return wrong;
}

static void
no_request_keeps_a_foreign_tool_or_loses_a_pair(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;
	size_t changed = 0;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < REQUESTS; i++) {
		CLEANUP(buf_fini) struct buf body = BUF_INIT(MAKE_MAX);
		CLEANUP(buf_fini) struct buf once = BUF_INIT(MAKE_MAX);

		make_request(&body);
		wire_request(&w, GW_RESPONSES, buf_str(&body));
		if (!holds(judge_request(&w, buf_str(&body)), buf_str(&body),
			    buf_str(&w.out)) ||
			w.rc < 0)
			continue;
		changed += !str_eq(buf_str(&w.out), buf_str(&body));
		buf_put_str(&once, buf_str(&w.out));
		wire_request(&w, GW_RESPONSES, buf_str(&once));
		ok(w.rc == 0 && str_eq(buf_str(&w.out), buf_str(&once)),
			"once is enough");
		w.rules.audit = true;
		wire_request(&w, GW_RESPONSES, buf_str(&body));
		ok(w.rc == 0 && str_eq(buf_str(&w.out), buf_str(&body)), "audit");
		w.rules.audit = false;
	}
	ok(changed > REQUESTS / 2 && changed < REQUESTS, "of both kinds");
	pol_free(p);
}

/* --- answers --------------------------------------------------------------------------------- */

/* The events of one item, each with a NUL behind it. */
static size_t
make_events(struct buf *b, const char *item, size_t index)
{
	json_t *j = json_loads(item, 0, NULL);
	const char *args = json_text_of(j, "arguments");
	const bool custom = oracle_is(j, "type", "custom_tool_call");
	size_t n = 2;

	if (custom)
		args = json_text_of(j, "input");
	buf_printf(b,
		"{\"type\":\"response.output_item.added\",\"output_index\":%zu,\"item\":%s}",
		index, item);
	buf_putc(b, '\0');
	for (size_t at = 0; args != NULL && at < strlen(args); n++) {
		const size_t left = strlen(args) - at;
		size_t step = 1 + make_pick(6);

		if (step > left)
			step = left;
		while (step < left && ((unsigned char)args[at + step] & 0xc0) == 0x80)
			step++;
		buf_printf(b,
			"{\"type\":\"response.%s.delta\",\"output_index\":%zu,\"delta\":",
			custom ? "custom_tool_call_input" : "function_call_arguments",
			index);
		buf_put_json(b, (struct str){ args + at, step });
		buf_puts(b, "}");
		buf_putc(b, '\0');
		at += step;
	}
	buf_printf(b,
		"{\"type\":\"response.output_item.done\",\"output_index\":%zu,\"item\":%s}",
		index, item);
	buf_putc(b, '\0');
	json_decref(j);
	return n;
}

static void
put_numbered(struct buf *out, const char *event, size_t number)
{
	CLEANUP(buf_fini) struct buf data = BUF_INIT(MAKE_MAX);

	buf_printf(&data, "{\"sequence_number\":%zu,%s", number, event + 1);
	sse_put(out, STR(""), buf_str(&data));
}

/* Items of an answer one after another, or (mixed) all at once. */
static void
make_stream(struct buf *out, const struct buf *output, size_t n, struct str response,
	bool mixed)
{
	CLEANUP(buf_fini) struct buf events = BUF_INIT(MAKE_MAX);
	CLEANUP(buf_fini) struct buf last = BUF_INIT(MAKE_MAX);
	const char *next[2 * MAKE_ITEMS];
	size_t left[2 * MAKE_ITEMS];
	size_t from[2 * MAKE_ITEMS];
	size_t number = 0;
	const char *item = output->p;

	for (size_t i = 0; i < n; i++, item += strlen(item) + 1) {
		from[i] = events.n;
		left[i] = make_events(&events, item, i);
	}
	for (size_t i = 0; i < n; i++)
		next[i] = events.p + from[i];
	for (size_t at = 0; at < n;) {
		const size_t i = mixed ? at + make_pick(n - at) : at;

		if (left[i] > 0) {
			put_numbered(out, next[i], number++);
			next[i] += strlen(next[i]) + 1;
			left[i]--;
		}
		while (at < n && left[at] == 0)
			at++;
	}
	buf_puts(&last, "{\"type\":\"response.completed\",\"response\":");
	buf_put_str(&last, response);
	buf_puts(&last, "}");
	put_numbered(out, buf_text(&last), number);
}

/* What a client has of a stream in the end: its last response. */
static const char *
judge_stream(struct str stream, json_t **response, bool mixed)
{
	CLEANUP(sse_fini) struct sse s;
	struct oracle_stream seen = { 0 };
	struct sse_event ev;
	struct err e = ERR_INIT;
	const char *wrong = NULL;
	json_int_t last = -1;

	sse_init(&s, MAKE_MAX, NULL);
	for (size_t n; wrong == NULL && stream.n > 0; stream = str_skip(stream, n)) {
		n = stream.n;
		sse_feed(&s, (struct str){ stream.p, n });
		while (wrong == NULL && sse_next(&s, &ev, &e) > 0) {
			CLEANUP(json_freep) json_t *j = json_parse(ev.data, &e);
			const json_t *number = json_object_get(j, "sequence_number");

			wrong = j == NULL ? "no JSON" : oracle_event(&seen, j, true);
			if (!mixed && json_integer_value(number) <= last)
				wrong = "numbers do not rise";
			last = json_integer_value(number);
			if (json_object_get(j, "response") == NULL)
				continue;
			json_decref(*response);
			*response = json_incref(json_object_get(j, "response"));
		}
	}
	oracle_stream_fini(&seen);
	return wrong;
}

static void
one_answer(struct wire *w)
{
	CLEANUP(buf_fini) struct buf output = BUF_INIT(MAKE_MAX);
	CLEANUP(buf_fini) struct buf body = BUF_INIT(MAKE_MAX);
	CLEANUP(buf_fini) struct buf stream = BUF_INIT(MAKE_MAX);
	CLEANUP(json_freep) json_t *whole = NULL;
	CLEANUP(json_freep) json_t *streamed = NULL;
	bool results;
	const size_t n = make_output(&output, &results);
	/* the provider has no result before the call is over */
	const bool mixed = !results && make_pick(2) == 0;
	const char *item = output.p;
	struct err e = ERR_INIT;
	const char *wrong;

	buf_puts(&body, "{\"id\":\"r\",\"output\":[");
	for (size_t i = 0; i < n; i++, item += strlen(item) + 1)
		buf_printf(&body, "%s%s", i > 0 ? "," : "", item);
	buf_puts(&body, "]}");
	make_stream(&stream, &output, n, buf_str(&body), mixed);
	wire_answer(w, GW_RESPONSES, buf_str(&body));
	ok_str(w->e.text, "", "a random answer");
	whole = json_parse(buf_str(&w->out), &e);
	wrong = oracle_items(json_object_get(whole, "output"));
	(void)holds(wrong, buf_str(&body), buf_str(&w->out)); /* it is told */
	wire_stream(w, GW_RESPONSES, buf_str(&stream), make_pick(PIECE_MAX),
		1 + make_pick(PIECE_MAX));
	wrong = w->rc < 0 ? w->e.text : judge_stream(buf_str(&w->out), &streamed, mixed);
	if (wrong == NULL && !json_equal(whole, streamed))
		wrong = "the stream ends as another answer";
	(void)holds(wrong, buf_str(&stream), buf_str(&w->out)); /* it is told */
}

static void
no_answer_keeps_a_foreign_call(void)
{
	struct policy *p = pol_default();
	CLEANUP(wire_fini) struct wire w;

	wire_init(&w, p, POL_CODEX);
	for (size_t i = 0; i < ANSWERS; i++)
		one_answer(&w);
	pol_free(p);
}

int
main(void)
{
	no_request_keeps_a_foreign_tool_or_loses_a_pair();
	no_answer_keeps_a_foreign_call();
	return test_done();
}
