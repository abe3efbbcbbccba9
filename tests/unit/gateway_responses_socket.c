/*
 * What a conversation over a WebSocket needs of the filter: requests that are messages, that
 * stand on an earlier response, and answers that are messages.
 */

#include "tests/unit/gateway_wire.h"

#define CALL(space, name, id)                                                            \
	"{\"type\":\"function_call\",\"call_id\":\"" id "\",\"namespace\":\"" space      \
	"\",\"name\":\"" name "\",\"arguments\":\"{}\"}"
#define OURS CALL("mcp__pando_core", "read_file", "c1")
#define FOREIGN CALL("", "shell", "c2")
#define DONE(item)                                                                       \
	"{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" item "}"
#define ENDS(type, id, output)                                                           \
	"{\"type\":\"" type "\",\"response\":{\"id\":\"" id "\",\"output\":[" output "]}}"
#define COMPLETED(id, output) ENDS("response.completed", id, output)
#define CREATE(more) "{\"type\":\"response.create\",\"input\":[]" more "}"
#define ON(id) CREATE(",\"previous_response_id\":\"" id "\"")

struct socket_test {
	struct wire w;
	struct policy *p;
	struct gw_seen seen;
};

static void
start(struct socket_test *t)
{
	*t = (struct socket_test){ .p = pol_default() };
	wire_init(&t->w, t->p, POL_CODEX);
	t->w.rules.message = true;
	t->w.rules.seen = &t->seen;
}

static void
end(struct socket_test *t)
{
	wire_fini(&t->w);
	gw_seen_fini(&t->seen);
	pol_free(t->p);
}

/* An answer of up to two messages. */
static void
answer(struct socket_test *t, const char *first, const char *second)
{
	const char *const messages[] = { first, second };
	const struct gw_sink sink = { wire_found, &t->w.found };
	struct gw_stream *s = gw_stream_new_messages(&t->w.rules, &sink);

	wire_reset(&t->w);
	t->w.rc = 0;
	for (size_t i = 0; i < LEN(messages) && t->w.rc == 0; i++)
		if (messages[i] != NULL)
			t->w.rc = gw_stream_message(
				s, str_of(messages[i]), &t->w.out, &t->w.e);
	if (t->w.rc == 0)
		t->w.rc = gw_stream_end(s, &t->w.out, &t->w.e);
	gw_stream_free(s);
}

static void
a_message_is_a_request_only_where_messages_are(void)
{
	static const struct {
		const char *in;
		bool message;
		int rc;
	} rows[] = {
		{ CREATE(""), true, 0 },
		{ CREATE(",\"generate\":false,\"stream_id\":\"a\""), true, 0 },
		{ CREATE(""), false, -1 },
		{ "{\"input\":\"x\"}", false, 0 },
		{ "{\"input\":\"x\"}", true, -1 },
		{ "{\"type\":\"response.cancel\",\"response_id\":\"r\"}", true, -1 },
		{ "{\"type\":\"response.create\",\"response\":{\"tools\":[{\"type\":\"shell\"}]}}",
			true, -1 },
		{ "[]", true, -1 },
	};
	struct socket_test t;

	start(&t);
	for (size_t i = 0; i < LEN(rows); i++) {
		t.w.rules.message = rows[i].message;
		wire_request(&t.w, GW_RESPONSES, str_of(rows[i].in));
		ok_int(t.w.rc, rows[i].rc, rows[i].in);
	}
	end(&t);
}

static void
a_request_may_stand_on_what_passed_unchanged(void)
{
	static const struct {
		const char *first, *second, *name;
		int rc; /* of a request that stands on it */
	} rows[] = {
		{ DONE(OURS), COMPLETED("r", OURS), "unchanged", 0 },
		{ COMPLETED("r", ""), NULL, "a first message that generates nothing", 0 },
		{ ENDS("response.incomplete", "r", ""), NULL, "not complete", 0 },
		{ DONE(FOREIGN), COMPLETED("r", ""), "a call was replaced", -1 },
		{ COMPLETED("r", FOREIGN), NULL, "replaced in the last message", -1 },
		{ "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":" OURS
		  "}",
			COMPLETED("r", ""), "a call without an end was dropped", -1 },
		{ ENDS("response.created", "r", ""), NULL, "it has not ended", -1 },
		{ COMPLETED("other", ""), NULL, "another", -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct socket_test t;

		start(&t);
		answer(&t, rows[i].first, rows[i].second);
		ok_int(t.w.rc, 0, rows[i].name);
		wire_request(&t.w, GW_RESPONSES, STR(ON("r")));
		ok_int(t.w.rc, rows[i].rc, rows[i].name);
		end(&t);
	}
}

static void
a_whole_answer_is_remembered_too(void)
{
	struct socket_test t;

	start(&t);
	t.w.rules.message = false;
	wire_answer(&t.w, GW_RESPONSES, STR("{\"id\":\"r\",\"output\":[" OURS "]}"));
	ok(gw_seen_has(&t.seen, STR("r")), "unchanged");
	wire_answer(&t.w, GW_RESPONSES, STR("{\"id\":\"s\",\"output\":[" FOREIGN "]}"));
	ok(!gw_seen_has(&t.seen, STR("s")), "changed");
	end(&t);
}

static void
what_is_remembered_is_bounded(void)
{
	struct gw_seen seen = { .next = 0 };
	char id[16];

	gw_seen_add(&seen, STR(""));
	ok(!gw_seen_has(&seen, STR("")), "no id is none");
	for (int i = 0; i < 2 * GW_SEEN_MAX; i++) {
		(void)snprintf(id, sizeof id, "r%d", i);
		gw_seen_add(&seen, str_of(id));
		gw_seen_add(&seen, str_of(id));
	}
	ok(gw_seen_has(&seen, str_of(id)), "the last");
	(void)snprintf(id, sizeof id, "r%d", GW_SEEN_MAX);
	ok(gw_seen_has(&seen, str_of(id)), "the oldest that is kept");
	(void)snprintf(id, sizeof id, "r%d", GW_SEEN_MAX - 1);
	ok(!gw_seen_has(&seen, str_of(id)), "an older one");
	gw_seen_fini(&seen);
	ok(!gw_seen_has(&seen, STR("r1")), "none");
}

static void
an_answer_that_must_stop_ends_with_a_message(void)
{
	static const char failed[] = "{\"type\":\"response.failed\",";
	static const char *const rows[] = { "{", "[]", "{\"type\":7}",
		"{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"warp_call\"}}",
		"{\"type\":\"response.output_item.done\",\"item\":" OURS "}" };
	struct socket_test t;

	start(&t);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct str rest;
		struct str one = STR("");

		answer(&t, rows[i], DONE(OURS));
		ok_int(t.w.rc, -1, rows[i]);
		rest = buf_str(&t.w.out);
		ok(gw_message_next(&rest, &one) && str_starts(one, str_of(failed)),
			rows[i]);
		ok(!gw_message_next(&rest, &one) && rest.n == 0, "and nothing else");
	}
	end(&t);
}

int
main(void)
{
	a_message_is_a_request_only_where_messages_are();
	a_request_may_stand_on_what_passed_unchanged();
	a_whole_answer_is_remembered_too();
	what_is_remembered_is_bounded();
	an_answer_that_must_stop_ends_with_a_message();
	return test_done();
}
