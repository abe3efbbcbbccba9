#include "gateway/alike.h"

#include <malloc.h>

#include "tests/unit/gateway_wire.h"

#define BEGIN "event: t\ndata: {\"type\":\"t\",\"n\":"
#define MIDDLE ",\"delta\":"
#define END ",\"x\":[]}\n\n"
#define EVENT(number, string) BEGIN number MIDDLE string END

/* Keeps the event with its number and its delta; answers whether it could. */
static bool
keep(struct gw_alike *a, const char *text)
{
	struct js_field f[] = { JS_FIELD("delta"), JS_FIELD("absent"), JS_FIELD("n") };
	const char *const object = strchr(text, '{');
	struct err e = ERR_INIT;
	struct js root;

	ok_int(js_check_fields(str_of(object), f, LEN(f), &root, &e), 0, e.text);
	gw_alike_keep(a, str_of(text),
		(const struct js[]){ f[0].m.val, f[1].m.val, f[2].m.val }, 3);
	return a->n > 0;
}

static void
only_its_free_values_may_differ(void)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{ EVENT("7", "\"a\""), true },
		{ EVENT("18446744073709551616", "\"\""), true },
		{ EVENT("0", "\"\\\"\\u00e9 \xe4\xb8\xad \\\\\""), true },
		{ EVENT("07", "\"a\""), false },
		{ EVENT("-7", "\"a\""), false },
		{ EVENT("7.0", "\"a\""), false },
		{ EVENT("7e1", "\"a\""), false },
		{ EVENT("", "\"a\""), false },
		{ EVENT("\"7\"", "\"a\""), false },
		{ EVENT(" 7", "\"a\""), false },
		{ EVENT("7", "null"), false },
		{ EVENT("7", "\"a"), false },
		{ EVENT("7", "\"a\\x\""), false },
		{ EVENT("7", "\"\xff\""), false },
		{ EVENT("7", "\"a\n\""), false },
		{ EVENT("7", "\"a\",\"type\":\"u\""), false },
		{ EVENT("7", "\"a\"") "\n", false },
		{ "event: u\ndata: {\"type\":\"t\",\"n\":7" MIDDLE "\"a\"" END, false },
		{ BEGIN "7" MIDDLE "\"a\",\"x\":[1]}\n\n", false },
		{ BEGIN "7" MIDDLE "\"a\",\"x\":[]}\n", false },
		{ "", false },
	};
	struct gw_alike a = { .n = 0 };
	struct js value[GW_FREE_MAX];

	ok(!gw_alike_is(&a, STR(""), value), "nothing is like nothing");
	for (size_t i = 0; i < LEN(rows); i++) {
		ok(keep(&a, EVENT("42", "\"some text\"")), "kept");
		ok_int(gw_alike_is(&a, str_of(rows[i].text), value), rows[i].want,
			rows[i].text);
	}
	ok(gw_alike_is(&a, str_of(EVENT("7", "\"a\"")), value), "alike");
	ok_int(value[0].type, JS_NUMBER, "in the order of the text");
	ok_bytes(value[0].raw, STR("7"), "the number");
	ok_bytes(value[1].raw, STR("\"a\""), "the text");
	ok_int(value[2].type, JS_NONE, "no more");
	gw_alike_forget(&a);
	ok(!gw_alike_is(&a, str_of(EVENT("7", "\"a\"")), value), "forgotten");
}

static void
no_prefix_of_a_like_event_is_one(void)
{
	static const char text[] = EVENT("7", "\"a \\n b\"");
	struct gw_alike a = { .n = 0 };
	struct js value[GW_FREE_MAX];

	ok(keep(&a, EVENT("42", "\"some text\"")), "kept");
	for (size_t n = 0; n < sizeof text - 1; n++) {
		CLEANUP(mem_freep) char *copy = mem_alloc(n + 1);

		memcpy(copy, text, n);
		ok(!gw_alike_is(&a, (struct str){ copy, n }, value), "a prefix");
	}
}

static void
what_cannot_be_compared_is_not_kept(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(4096);
	struct gw_alike a = { .n = 0 };

	ok(!keep(&a, EVENT("-1", "\"a\"")), "a number with a sign");
	ok(!keep(&a, EVENT("1", "[]")), "a free value that is a list");
	buf_puts(&b, BEGIN "1" MIDDLE "\"");
	while (b.n < GW_ALIKE_MAX)
		buf_putc(&b, 'x');
	buf_puts(&b, "\"" END);
	ok(!keep(&a, buf_text(&b)), "too long");
}

/* --- in a stream of the Responses API ------------------------------------------------------ */

#define PIECE(number, text)                                                              \
	"event: response.output_text.delta\ndata: "                                      \
	"{\"type\":\"response.output_text.delta\",\"sequence_number\":" number           \
	",\"item_id\":\"i\",\"output_index\":1,\"delta\":\"" text "\"}\n\n"
#define CALL                                                                                 \
	"event: response.output_item.added\ndata: "                                          \
	"{\"type\":\"response.output_item.added\",\"sequence_number\":3,\"output_index\":1," \
	"\"item\":{\"type\":\"function_call\",\"id\":\"i\",\"call_id\":\"call_1\","          \
	"\"name\":\"shell\",\"arguments\":\"\"}}\n\n"

/* Though it is like those before it: what belongs to a call that is not decided waits. */
static void
an_event_between_ends_the_likeness(void)
{
	const struct str free = STR(PIECE("1", "a") PIECE("2", "b"));
	const struct str held = STR(CALL PIECE("4", "c"));
	CLEANUP(pol_freep) struct policy *p = wire_policy("");
	struct wire w;
	const struct gw_sink sink = { wire_found, &w.found };
	struct gw_stream *s;

	wire_init(&w, p, POL_CODEX);
	wire_check_stream(&w, GW_RESPONSES, "alike", free, 0, free, STR(""));
	wire_reset(&w);
	s = gw_stream_new(GW_RESPONSES, &w.rules, &sink);
	ok_int(gw_stream_feed(s, free, &w.out, &w.e), 0, w.e.text);
	ok_int(gw_stream_feed(s, held, &w.out, &w.e), 0, w.e.text);
	ok_bytes(buf_str(&w.out), free, "the call and its piece are held");
	gw_stream_free(s);
	wire_fini(&w);
}

/* --- what a stream holds while nothing comes ------------------------------------------------ */

/* Behind a piece of text and in the middle of the next; glibc's own count. */
static void
an_idle_stream_holds_little(void)
{
	enum { STREAMS = 1000, LITTLE = 4096 };
	static const struct {
		enum gw_api api;
		enum pol_agent agent;
		const char *text;
	} rows[] = {
		{ GW_RESPONSES, POL_CODEX, PIECE("1", "a") "event: resp" },
		{ GW_MESSAGES, POL_CLAUDE,
			"event: ping\ndata: {\"type\":\"ping\"}\n\nevent: content_bl" },
	};
	CLEANUP(pol_freep) struct policy *p = wire_policy("");
	struct gw_stream *all[STREAMS];

	for (size_t r = 0; r < LEN(rows); r++) {
		struct wire w;
		size_t before, held;

		wire_init(&w, p, rows[r].agent);
		const struct gw_sink sink = { wire_found, &w.found };

		before = mallinfo2().uordblks;
		for (size_t i = 0; i < STREAMS; i++) {
			all[i] = gw_stream_new(rows[r].api, &w.rules, &sink);
			buf_reset(&w.out);
			ok_int(gw_stream_feed(all[i], str_of(rows[r].text), &w.out, &w.e),
				0, w.e.text);
		}
		held = mallinfo2().uordblks - before;
		if (held / STREAMS >= LITTLE)
			ok_int((int64_t)(held / STREAMS), LITTLE,
				gw_api_name(rows[r].api));
		ok(held < (size_t)STREAMS * LITTLE, "little, in all");
		for (size_t i = 0; i < STREAMS; i++)
			gw_stream_free(all[i]);
		wire_fini(&w);
	}
}

int
main(void)
{
	only_its_free_values_may_differ();
	no_prefix_of_a_like_event_is_one();
	what_cannot_be_compared_is_not_kept();
	an_event_between_ends_the_likeness();
	an_idle_stream_holds_little();
	return test_done();
}
