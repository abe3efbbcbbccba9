#include <stdlib.h>

#include "mcp/rpc.h"
#include "tests/unit/test.h"

static const char stream[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":\"a\\u00e4\",\"method\":\"tools/list\",\"params\":{}}\r\n"
	"\n"
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";

static const char *const lines[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
	"{\"jsonrpc\":\"2.0\",\"id\":\"a\\u00e4\",\"method\":\"tools/list\",\"params\":{}}",
	"",
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
};

static size_t
take_all(struct rpc_in *in, size_t from)
{
	struct str line;

	while (rpc_take(in, &line) == RPC_LINE) {
		if (from < LEN(lines))
			ok_bytes(
				line, str_of(lines[from]), "a line comes as it was sent");
		from++;
	}
	return from;
}

static void
lines_are_the_same_in_every_split(void)
{
	const size_t n = sizeof stream - 1;

	for (size_t cut = 0; cut <= n; cut++) {
		struct rpc_in in = RPC_IN_INIT;
		size_t got;

		rpc_feed(&in, (struct str){ stream, cut });
		got = take_all(&in, 0);
		rpc_feed(&in, (struct str){ stream + cut, n - cut });
		got = take_all(&in, got);
		ok_int(got, LEN(lines), "the number of lines");
		rpc_fini(&in);
	}
}

static void
a_prefix_gives_only_its_whole_lines(void)
{
	for (size_t cut = 0; cut < sizeof stream; cut++) {
		struct rpc_in in = RPC_IN_INIT;
		size_t want = 0;

		for (size_t i = 0; i < cut; i++)
			want += stream[i] == '\n';
		rpc_feed(&in, (struct str){ stream, cut });
		ok_int(take_all(&in, 0), want, "whole lines of a prefix");
		rpc_fini(&in);
	}
}

static void
peeking_takes_nothing(void)
{
	struct rpc_in in = RPC_IN_INIT;
	struct str line;

	rpc_feed(&in, str_of(stream));
	ok_int(rpc_take(&in, &line), RPC_LINE, "the first line");
	for (size_t i = 1; i < LEN(lines); i++) {
		ok(rpc_peek(&in, &line), "the lines behind it can be seen");
		ok_bytes(line, str_of(lines[i]), "the peeked line");
	}
	ok(!rpc_peek(&in, &line), "each is seen once");
	rpc_feed(&in, STR("new\n"));
	ok(rpc_peek(&in, &line), "what comes later is seen too");
	ok_bytes(line, STR("new"), "the later line");
	ok_int(take_all(&in, 1), LEN(lines) + 1, "all are still there to take");
	rpc_fini(&in);
}

/* Dropping any one of the peeked lines leaves the others, in their order. */
static void
a_dropped_line_is_not_taken(void)
{
	for (size_t drop = 1; drop < LEN(lines); drop++) {
		struct rpc_in in = RPC_IN_INIT;
		struct str line;

		rpc_feed(&in, str_of(stream));
		ok_int(rpc_take(&in, &line), RPC_LINE, "the first line");
		for (size_t i = 1; i <= drop; i++)
			ok(rpc_peek(&in, &line), "the lines behind it can be seen");
		rpc_drop_peeked(&in);
		for (size_t i = drop + 1; i < LEN(lines); i++) {
			ok(rpc_peek(&in, &line), "those behind the dropped one too");
			ok_bytes(line, str_of(lines[i]), "the peeked line");
		}
		ok(!rpc_peek(&in, &line), "and no more");
		for (size_t i = 1; i < LEN(lines); i++) {
			if (i == drop)
				continue;
			ok_int(rpc_take(&in, &line), RPC_LINE, "a line is there");
			ok_bytes(line, str_of(lines[i]), "the taken line");
		}
		ok_int(rpc_take(&in, &line), RPC_MORE, "the dropped one is not");
		rpc_fini(&in);
	}
}

static void
our_own_messages_are_one_line_each(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1024);

	rpc_put_request(&out, "pando-1", "elicitation/create", STR("{\"a\":1}"));
	rpc_put_cancelled(&out, "pando-1", "why \"so\"");
	ok_bytes(buf_str(&out),
		STR("{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\",\"method\":\"elicitation/create\","
		    "\"params\":{\"a\":1}}\n"
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
		    "\"requestId\":\"pando-1\",\"reason\":\"why \\\"so\\\"\"}}\n"),
		"a request and its end");
}

static void
a_line_too_long_is_told_and_skipped(void)
{
	struct rpc_in in = RPC_IN_INIT;
	struct str line;
	char *big = malloc(RPC_LINE_MAX);

	memset(big, 'x', RPC_LINE_MAX);
	ok_int(rpc_room(&in), RPC_LINE_MAX, "room for a whole line");
	rpc_feed(&in, (struct str){ big, RPC_LINE_MAX });
	ok_int(rpc_room(&in), 0, "no room for more");
	ok_int(rpc_take(&in, &line), RPC_TOO_LONG, "too long");
	ok_int(rpc_take(&in, &line), RPC_MORE, "told once");
	rpc_feed(&in, (struct str){ big, 100 });
	rpc_feed(&in, STR("rest\nnext\n"));
	ok_int(rpc_take(&in, &line), RPC_LINE, "the next line comes");
	ok_bytes(line, STR("next"), "and is whole");
	rpc_fini(&in);
	free(big);
}

static void
messages_are_what_json_rpc_says(void)
{
	static const struct {
		const char *line;
		int code;
		enum rpc_kind kind;
	} rows[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", 0, RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"m\",\"params\":{\"a\":1}}",
			0, RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", 0, RPC_NOTIFICATION },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 0, RPC_RESPONSE },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"x\"}}",
			0, RPC_RESPONSE },
		{ "", RPC_BAD_JSON, RPC_REQUEST },
		{ "{", RPC_BAD_JSON, RPC_REQUEST },
		{ "{} {}", RPC_BAD_JSON, RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"method\":\"m\"}",
			RPC_BAD_JSON, RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"method\":\"m\"}",
			RPC_BAD_JSON, RPC_REQUEST },
		{ "1", RPC_BAD_REQUEST, RPC_REQUEST },
		{ "[]", RPC_BAD_REQUEST, RPC_REQUEST },
		{ "{}", RPC_BAD_REQUEST, RPC_REQUEST },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", RPC_BAD_REQUEST,
			RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_BAD_REQUEST, RPC_RESPONSE },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", RPC_BAD_REQUEST,
			RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}", RPC_BAD_REQUEST,
			RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", RPC_BAD_REQUEST,
			RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}",
			RPC_BAD_PARAMS, RPC_REQUEST },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct rpc_msg m;

		ok_int(rpc_parse(str_of(rows[i].line), &m, &e), rows[i].code,
			rows[i].line);
		if (rows[i].code == 0)
			ok_int(m.kind, rows[i].kind, rows[i].line);
		else
			ok(e.text[0] != '\0', "an error says why");
		rpc_msg_fini(&m);
	}
}

static void
what_cannot_be_read_is_answered(void)
{
	struct err e = ERR_INIT;
	struct rpc_msg m;

	ok_int(rpc_parse(
		       STR("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\","
			   "\"params\":{\"arguments\":{\"line\":18446744073709551616}}}"),
		       &m, &e),
		RPC_BAD_REQUEST, "a number beyond 64 bits");
	ok_int(json_integer_value(m.id), 7, "its id is known, so that nobody waits");
	ok(strstr(e.text, "too big") != NULL, e.text);
	rpc_msg_fini(&m);
}

static void
answers_are_one_line(void)
{
	struct buf b = BUF_INIT(4096);
	struct err e = ERR_INIT;
	struct rpc_msg m;

	ok_int(rpc_parse(STR("{\"jsonrpc\":\"2.0\",\"id\":\"q\\n\",\"method\":\"m\"}"),
		       &m, &e),
		0, "parsed");
	rpc_put_result(&b, m.id, STR("{\"a\":1}"));
	rpc_put_error(&b, NULL, RPC_NO_METHOD, "no \"such\"\n");
	ok_str(buf_text(&b),
		"{\"jsonrpc\":\"2.0\",\"id\":\"q\\n\",\"result\":{\"a\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601,"
		"\"message\":\"no \\\"such\\\"\\n\"}}\n",
		"both answers");
	rpc_msg_fini(&m);
	buf_fini(&b);
}

int
main(void)
{
	lines_are_the_same_in_every_split();
	a_prefix_gives_only_its_whole_lines();
	peeking_takes_nothing();
	a_dropped_line_is_not_taken();
	our_own_messages_are_one_line_each();
	a_line_too_long_is_told_and_skipped();
	messages_are_what_json_rpc_says();
	what_cannot_be_read_is_answered();
	answers_are_one_line();
	return test_done();
}
