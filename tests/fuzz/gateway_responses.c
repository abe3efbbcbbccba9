/*
 * The Responses dialect; see gateway_wire.h for what must hold, and responses_oracle.h for who
 * looks. A stream is the same over a WebSocket.
 */

#include "tests/fuzz/gateway_wire.h"
#include "tests/unit/responses_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must_not(const char *wrong)
{
	assert(wrong == NULL);
}

/* As a client would read them: what passed, passed with arguments that no rule denies. */
static void
check_args_of(const json_t *item)
{
	const char *text = json_text_of(item, "arguments");
	const char *name = json_text_of(item, "name");
	CLEANUP(json_freep) json_t *args = NULL;

	if (!text_is(item, "type", "function_call") || name == NULL || text == NULL ||
		(strcmp(name, "read_file") != 0 && strcmp(name, "read-file") != 0) ||
		!text_is(item, "namespace", "mcp__pando_core") ||
		text[strspn(text, " \t\r\n")] == '\0')
		return;
	args = json_loads(text, JSON_ALLOW_NUL, NULL);
	if (args != NULL) /* else one of jansson's own limits */
		check_args(args);
}

static void
check_whole_items(const json_t *list)
{
	must_not(oracle_items(list));
	for (size_t i = 0; i < json_array_size(list); i++)
		check_args_of(json_array_get(list, i));
}

static void
check_event(const json_t *event)
{
	if (text_is(event, "type", "response.output_item.added")) {
		must_not(oracle_item(json_object_of(event, "item")));
		return;
	}
	if (text_is(event, "type", "response.output_item.done")) {
		must_not(oracle_item(json_object_of(event, "item")));
		check_args_of(json_object_of(event, "item"));
	}
	check_whole_items(json_array_of(json_object_of(event, "response"), "output"));
}

void
check_object(const json_t *object, enum wire_part part)
{
	switch (part) {
	case WIRE_REQUEST:
		must_not(oracle_request(object, NULL));
		check_whole_items(json_array_of(object, "input"));
		break;
	case WIRE_ANSWER:
		check_whole_items(json_array_of(object, "output"));
		break;
	case WIRE_EVENT:
		check_event(object);
		break;
	}
}

/* --- over a WebSocket ---------------------------------------------------------------- */

/* named: events may have names. False: the stream has what no WebSocket can have. */
static bool
to_messages(struct str stream, bool named, struct buf *out)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;
	int rc;

	sse_init(&s, WIRE_MAX, NULL);
	sse_feed(&s, stream);
	sse_finish(&s);
	while ((rc = sse_next(&s, &ev, &e)) > 0) {
		if (ev.data.n == 0 || str_is(ev.data, "[DONE]"))
			continue;
		if (memchr(ev.data.p, '\0', ev.data.n) != NULL ||
			(!named && ev.name.n > 0))
			return false;
		buf_put_str(out, ev.data);
		buf_putc(out, '\0');
	}
	return rc == 0;
}

static int
run_messages(const struct gw_rules *r, struct str in, struct buf *out)
{
	size_t found = 0;
	const struct gw_sink sink = { wire_found, &found };
	struct gw_stream *s = gw_stream_new_messages(r, &sink);
	struct err e = ERR_INIT;
	struct str message;
	int rc = 0;

	while (rc == 0 && gw_message_next(&in, &message))
		rc = gw_stream_message(s, message, out, &e);
	if (rc == 0)
		rc = gw_stream_end(s, out, &e);
	gw_stream_free(s);
	return rc;
}

static void
fuzz_messages(const struct gw_rules *r, struct str in)
{
	CLEANUP(buf_fini) struct buf stream = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf messages = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf want = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf have = BUF_INIT(WIRE_MAX);
	int rc;

	if (!to_messages(in, false, &messages))
		return;
	rc = run_stream(GW_RESPONSES, r, in, in.n, &stream);
	assert(run_messages(r, buf_str(&messages), &have) == rc);
	for (struct str rest = buf_str(&have), one; gw_message_next(&rest, &one);)
		check_json(one, WIRE_EVENT);
	assert(to_messages(buf_str(&stream), true, &want));
	assert(str_eq(buf_str(&have), buf_str(&want)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const int rc = fuzz_wire(GW_RESPONSES, POL_CODEX, data, n);
	static struct policy *policy;
	struct err e = ERR_INIT;
	struct gw_rules r = { .agent = POL_CODEX };

	if (n < 2 || n > WIRE_MAX / 16 || data[0] % 4 < 2)
		return rc;
	if (policy == NULL)
		policy = pol_parse(STR(wire_policy), "p", &e);
	r.policy = policy;
	fuzz_messages(&r, (struct str){ (const char *)data + 1, n - 1 });
	return rc;
}
