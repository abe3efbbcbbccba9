/* What is large, deep or many: passed as it is or refused with a reason, in linear time. */

#include <time.h>

#include "base/jscan.h"
#include "tests/unit/gateway_wire.h"

enum { LARGE_MAX = 64 << 20, SECONDS = 20 };

static const struct dialect {
	enum gw_api api;
	enum pol_agent agent;
	const char *before, *begin, *end;
} dialects[] = {
	{ GW_MESSAGES, POL_CLAUDE,
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\","
		"\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"",
		"\"}}\n\n" },
	{ GW_RESPONSES, POL_CODEX, "",
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
		"\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"",
		"\"}\n\n" },
};

/* Feeds it piece by piece; the output must be the input. */
static void
passes(const struct dialect *d, struct str in, size_t piece, const char *name)
{
	CLEANUP(pol_freep) struct policy *p = wire_policy("");
	CLEANUP(buf_fini) struct buf out = BUF_INIT(LARGE_MAX);
	const clock_t begin = clock();
	struct wire w;
	struct gw_stream *s;
	int rc = 0;

	wire_init(&w, p, d->agent);
	const struct gw_sink sink = { wire_found, &w.found };

	s = gw_stream_new(d->api, &w.rules, &sink);
	for (struct str rest = in; rest.n > 0 && rc == 0;) {
		const size_t n = rest.n < piece ? rest.n : piece;

		rc = gw_stream_feed(s, (struct str){ rest.p, n }, &out, &w.e);
		rest = str_skip(rest, n);
	}
	ok_int(rc, 0, w.e.text);
	ok_int((int64_t)out.n, (int64_t)in.n, name);
	ok(str_eq(buf_str(&out), in), "byte for byte");
	ok((clock() - begin) / CLOCKS_PER_SEC < SECONDS, "in linear time");
	gw_stream_free(s);
	wire_fini(&w);
}

static void
an_event_of_10_mb_passes(void)
{
	for (size_t i = 0; i < LEN(dialects); i++) {
		CLEANUP(buf_fini) struct buf in = BUF_INIT(LARGE_MAX);

		buf_puts(&in, dialects[i].before);
		buf_puts(&in, dialects[i].begin);
		while (in.n < 10 << 20)
			buf_puts(&in,
				"a line with \\\"quotes\\\" and \xe4\xb8\xad\xe6\x96\x87\\n");
		buf_puts(&in, dialects[i].end);
		passes(&dialects[i], buf_str(&in), 65536, "10 MB in pieces of 64 KB");
		passes(&dialects[i], buf_str(&in), 500, "10 MB in pieces of 500 bytes");
	}
}

static void
a_million_tiny_events_pass(void)
{
	for (size_t i = 0; i < LEN(dialects); i++) {
		CLEANUP(buf_fini) struct buf in = BUF_INIT(LARGE_MAX);

		buf_puts(&in, dialects[i].before);
		for (int k = 0; k < 1000000; k++)
			buf_puts(&in, k % 2 == 0 ? ":\n\n" : "\n");
		passes(&dialects[i], buf_str(&in), 65536, "1,000,000 of 1 to 3 bytes");
		passes(&dialects[i], buf_str(&in), 1, "byte by byte");
	}
}

static void
refused(struct buf *body, const struct dialect *d, const char *why)
{
	CLEANUP(pol_freep) struct policy *p = wire_policy("");
	const clock_t begin = clock();
	struct wire w;

	wire_init(&w, p, d->agent);
	wire_request(&w, d->api, buf_str(body));
	ok_int(w.rc, -1, why);
	ok(strstr(w.e.text, why) != NULL, w.e.text);
	ok_bytes(buf_str(&w.out), STR(""), "nothing goes on");
	ok((clock() - begin) / CLOCKS_PER_SEC < SECONDS, "in linear time");
	wire_fini(&w);
}

static void
ten_thousand_tools_are_refused(void)
{
	for (size_t i = 0; i < LEN(dialects); i++) {
		CLEANUP(buf_fini) struct buf body = BUF_INIT(LARGE_MAX);

		buf_puts(&body, "{\"model\":\"m\",\"tools\":[");
		for (int k = 0; k < 10000; k++)
			buf_printf(&body, "%s{\"name\":\"t%d\",\"input_schema\":{}}",
				k > 0 ? "," : "", k);
		buf_puts(&body, "],\"messages\":[],\"input\":[]}");
		refused(&body, &dialects[i], "more than 4096 tool definitions");
	}
}

static void
depth_10000_is_refused(void)
{
	for (size_t i = 0; i < LEN(dialects); i++) {
		CLEANUP(buf_fini) struct buf body = BUF_INIT(LARGE_MAX);

		buf_puts(&body, "{\"model\":\"m\",\"metadata\":");
		for (int k = 0; k < 10000; k++)
			buf_puts(&body, "[");
		for (int k = 0; k < 10000; k++)
			buf_puts(&body, "]");
		buf_puts(&body, "}");
		refused(&body, &dialects[i], "values nested too deep");
	}
}

/* As many members as are read in each of many objects, none like another. */
static void
many_members_cost_linear_time(void)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(LARGE_MAX);
	const clock_t begin = clock();
	struct err e = ERR_INIT;
	struct js root;
	struct js_iter it;
	struct js_item m;

	buf_puts(&text, "[0");
	while (text.n < 16 << 20) {
		for (int k = 0; k < JS_MEMBERS_MAX; k++)
			buf_printf(&text, "%s\"%03d\":0", k == 0 ? ",{" : ",", k);
		buf_putc(&text, '}');
	}
	buf_putc(&text, ']');
	ok_int(js_check(buf_str(&text), &root, &e), 0, e.text);
	js_open(&it, root);
	while (js_next(&it, &m)) {
		if (m.val.type == JS_OBJECT && js_fields(m.val, NULL, 0, &e) < 0)
			break;
	}
	ok_str(e.text, "", "all are read");
	ok((clock() - begin) / CLOCKS_PER_SEC < SECONDS, "in linear time");
}

int
main(void)
{
	an_event_of_10_mb_passes();
	a_million_tiny_events_pass();
	ten_thousand_tools_are_refused();
	depth_10000_is_refused();
	many_members_cost_linear_time();
	return test_done();
}
