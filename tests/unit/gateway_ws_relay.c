/* The Responses API over a WebSocket under policy: both ends played, every split. */

#include "gateway/ws_relay.h"

#include "tests/unit/gateway_wire.h"

#define CALL_ITEM(space, name)                                                           \
	"{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call_1\"" space       \
	",\"name\":\"" name "\",\"arguments\":\"{}\",\"status\":\"completed\"}"
#define OURS ",\"namespace\":\"mcp__pando_core\""
#define DONE(item)                                                                       \
	"{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" item "}"
#define COMPLETED(id)                                                                    \
	"{\"type\":\"response.completed\",\"response\":{\"id\":\"" id "\",\"output\":[]}}"
#define DELTA                                                                            \
	"{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\","                \
	"\"output_index\":0,\"content_index\":0,\"delta\":\"h\u00e9\"}"
#define CREATE(more) "{\"type\":\"response.create\",\"model\":\"m\",\"input\":[]" more "}"
#define NATIVE                                                                           \
	"{\"type\":\"function\",\"name\":\"exec_command\",\"parameters\":{\"type\":"     \
	"\"object\"}}"

/* A test: the relay, both peers as they would be, and what each of them got. */
struct play {
	struct wire w;
	struct gw_relay *r;
	struct gw_ws *client, *provider;
	struct buf to_client, to_provider; /* bytes of the relay */
	struct buf got_client, got_provider;
	struct buf said; /* what the rim was told */
	struct gw_seen seen;
	struct policy *policy;
	const char *limit, *unlogged;
	bool closed;
};

static struct gw_sink sink;

static void
draw(unsigned char *to, size_t n)
{
	memset(to, 0x11, n);
}

static int
on_request(void *to, struct str text, struct buf *out, struct err *e)
{
	struct play *p = to;
	int got;

	if (p->limit != NULL)
		got = err_set(e, ERR_REFUSED, "%s", p->limit);
	else
		got = gw_request(GW_RESPONSES, &p->w.rules, text, out, &sink, e);
	buf_puts(&p->said, got < 0 ? "[refused]" : "[asked]");
	return got;
}

static int
on_told(void *to, struct err *e)
{
	const struct play *p = to;

	return p->unlogged == NULL ? 0 : err_set(e, ERR_SPACE, "%s", p->unlogged);
}

static void
on_answered(void *to, bool well)
{
	struct play *p = to;

	buf_puts(&p->said, well ? "[answered]" : "[broken]");
}

static struct gw_relay_calls calls = { on_request, on_told, on_answered, NULL };

static void
play_init(struct play *p, bool deflate)
{
	const struct gw_ws_deflate d = { .on = deflate };
	struct gw_relay_options o = {
		.sink = &sink, .calls = &calls, .client = d, .provider = d, .draw = draw
	};
	struct gw_ws_options peer = {
		.role = GW_WS_CLIENT, .deflate = d, .message_max = WIRE_MAX, .draw = draw
	};

	*p = (struct play){ .to_client = BUF_INIT(WIRE_MAX),
		.to_provider = BUF_INIT(WIRE_MAX),
		.got_client = BUF_INIT(WIRE_MAX),
		.got_provider = BUF_INIT(WIRE_MAX),
		.said = BUF_INIT(WIRE_MAX) };
	p->policy = wire_policy(NULL);
	wire_init(&p->w, p->policy, POL_CODEX);
	p->w.rules.message = true;
	p->w.rules.seen = &p->seen;
	sink = (struct gw_sink){ wire_found, &p->w.found };
	calls.to = p;
	o.rules = &p->w.rules;
	p->r = gw_relay_new(&o);
	p->client = gw_ws_new(&peer);
	peer.role = GW_WS_SERVER;
	p->provider = gw_ws_new(&peer);
}

static void
play_fini(struct play *p)
{
	gw_relay_free(p->r);
	gw_ws_free(p->client);
	gw_ws_free(p->provider);
	buf_fini(&p->to_client);
	buf_fini(&p->to_provider);
	buf_fini(&p->got_client);
	buf_fini(&p->got_provider);
	buf_fini(&p->said);
	gw_seen_fini(&p->seen);
	pol_free(p->policy);
	wire_fini(&p->w);
}

static void
read_peer(struct gw_ws *w, struct buf *bytes, struct buf *got)
{
	struct str in = buf_str(bytes);
	struct gw_ws_message m;
	struct err e = ERR_INIT;

	while (gw_ws_next(w, &in, &m, &e) > 0) {
		static const char *const kind[GW_WS_KINDS] = { "", "binary ", "close ",
			"ping ", "pong " };

		buf_puts(got, kind[m.kind]);
		if (m.kind == GW_WS_CLOSE)
			buf_printf(got, "%d ", m.code);
		buf_put_str(got, m.data);
		buf_putc(got, '\n');
	}
	ok_str(e.text, "", "what the relay writes can be read");
	buf_reset(bytes);
}

/* Bytes of an end into the relay, piece by piece. */
static void
feed(struct play *p, bool from_client, struct str bytes, size_t piece)
{
	struct gw_relay_out out = { &p->to_provider, &p->to_client };

	while (bytes.n > 0) {
		struct str now = { bytes.p, bytes.n < piece ? bytes.n : piece };

		bytes = str_skip(bytes, now.n);
		p->closed = from_client ? gw_relay_client(p->r, now, &out)
					: gw_relay_provider(p->r, now, &out);
	}
	read_peer(p->client, &p->to_client, &p->got_client);
	read_peer(p->provider, &p->to_provider, &p->got_provider);
}

static void
say(struct play *p, bool as_client, enum gw_ws_kind kind, const char *text, size_t piece)
{
	CLEANUP(buf_fini) struct buf frame = BUF_INIT(WIRE_MAX);

	gw_ws_put(as_client ? p->client : p->provider, kind, str_of(text), &frame);
	feed(p, as_client, buf_str(&frame), piece);
}

static void
client_says(struct play *p, const char *text)
{
	say(p, true, GW_WS_TEXT, text, WIRE_MAX);
}

static void
provider_says(struct play *p, const char *text)
{
	say(p, false, GW_WS_TEXT, text, WIRE_MAX);
}

/* Both since the last time. */
static void
expect(struct play *p, const char *client, const char *provider, const char *what)
{
	ok_bytes(buf_str(&p->got_client), str_of(client), what);
	ok_bytes(buf_str(&p->got_provider), str_of(provider), what);
	buf_reset(&p->got_client);
	buf_reset(&p->got_provider);
}

static void
what_policy_leaves_alone_goes_on_as_it_came(void)
{
	for (int deflate = 0; deflate < 2; deflate++) {
		CLEANUP(play_fini) struct play p;

		play_init(&p, deflate);
		client_says(&p, "{ \"type\" : \"response.create\", \"input\":[] }");
		expect(&p, "", "{ \"type\" : \"response.create\", \"input\":[] }\n",
			"a request");
		provider_says(&p, DELTA);
		expect(&p, DELTA "\n", "", "an event");
		provider_says(&p, DONE(CALL_ITEM(OURS, "echo")));
		provider_says(&p, COMPLETED("resp_1"));
		expect(&p, DONE(CALL_ITEM(OURS, "echo")) "\n" COMPLETED("resp_1") "\n",
			"", "a call that is allowed");
		ok_str(buf_text(&p.said), "[asked][answered]", "the rim knows");
		ok(!p.closed, "it goes on");
	}
}

static void
an_answer_is_over_with_its_last_event(void)
{
#define LAST(name) "{\"type\":\"" name "\",\"response\":{\"id\":\"r\",\"output\":[]}}"
	static const struct {
		const char *event;
		bool is_last;
	} rows[] = {
		{ LAST("response.created"), false },
		{ LAST("response.in_progress"), false },
		{ DELTA, false },
		{ LAST("response.completed"), true },
		{ LAST("response.failed"), true },
		{ LAST("response.incomplete"), true },
		{ LAST("response.cancelled"), true },
		{ LAST("response\\u002ecompleted"), true },
		{ "{\"type\":\"error\",\"status\":400,\"error\":{\"message\":\"x\"}}",
			true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(play_fini) struct play p;

		play_init(&p, false);
		client_says(&p, "{\"type\":\"response.create\",\"input\":[]}");
		provider_says(&p, rows[i].event);
		ok_str(buf_text(&p.said),
			rows[i].is_last ? "[asked][answered]" : "[asked]", rows[i].event);
		ok(!p.closed, "the connection goes on");
	}
}

static void
requests_and_answers_are_edited(void)
{
	CLEANUP(play_fini) struct play p;

	play_init(&p, true);
	client_says(&p, CREATE(",\"tools\":[" NATIVE "]"));
	expect(&p, "", CREATE(",\"tools\":[]") "\n", "a definition is taken out");
	provider_says(&p, DONE(CALL_ITEM("", "exec_command")));
	ok(memmem(p.got_client.p, p.got_client.n, "function_call", 13) == NULL &&
			memmem(p.got_client.p, p.got_client.n, "blocked exec_command",
				20) != NULL,
		buf_text(&p.got_client));
	ok_str(buf_text(&p.w.found),
		"definition stripped /exec_command\n"
		"call replaced /exec_command call_1 {}\n",
		"both were told");
}

static void
a_refused_request_leaves_the_connection(void)
{
	static const char not_json[] =
		"{\"type\":\"error\",\"status\":400,\"error\":{\"type\":"
		"\"invalid_request_error\",\"code\":\"invalid_prompt\",\"message\":"
		"\"[pando-ai] refused the request: ";
	CLEANUP(play_fini) struct play p;

	play_init(&p, false);
	client_says(&p, "{\"type\":\"response.create\"");
	ok(str_starts(buf_str(&p.got_client), STR(not_json)), buf_text(&p.got_client));
	buf_reset(&p.got_client);
	client_says(&p, "{\"type\":\"session.update\",\"session\":{}}");
	ok(memmem(p.got_client.p, p.got_client.n, "refused session.update", 22) != NULL,
		buf_text(&p.got_client));
	buf_reset(&p.got_client);
	p.limit = "the run has used its \"tokens\"";
	client_says(&p, CREATE(""));
	expect(&p,
		"{\"type\":\"error\",\"status\":400,\"error\":{\"type\":"
		"\"invalid_request_error\",\"code\":\"invalid_prompt\",\"message\":"
		"\"the run has used its \\\"tokens\\\"\"}}\n",
		"", "a limit");
	p.limit = NULL;
	client_says(&p, CREATE(""));
	client_says(&p, CREATE(""));
	ok(str_starts(buf_str(&p.got_client), STR(not_json)),
		"not before the last one is answered");
	buf_reset(&p.got_client);
	expect(&p, "", CREATE("") "\n", "the first goes on");
	provider_says(
		&p, "{\"type\":\"error\",\"status\":400,\"error\":{\"message\":\"x\"}}");
	client_says(&p, CREATE(""));
	expect(&p, "{\"type\":\"error\",\"status\":400,\"error\":{\"message\":\"x\"}}\n",
		CREATE("") "\n", "an error is an answer");
	ok_str(buf_text(&p.said), "[refused][refused][refused][asked][answered][asked]",
		"all told");
}

static void
an_answer_may_be_stood_on_when_it_passed_here(void)
{
	CLEANUP(play_fini) struct play p;

	play_init(&p, false);
	client_says(&p, CREATE(",\"previous_response_id\":\"resp_1\""));
	ok(memmem(p.got_client.p, p.got_client.n, "\"previous_response_not_found\"",
		   29) != NULL,
		"one that nobody saw is refused, so that all is sent again");
	buf_reset(&p.got_client);
	client_says(&p, CREATE(",\"generate\":false"));
	provider_says(&p,
		"{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\","
		"\"output\":[]}}");
	provider_says(&p, COMPLETED("resp_1"));
	buf_reset(&p.got_client);
	buf_reset(&p.got_provider);
	client_says(&p, CREATE(",\"previous_response_id\":\"resp_1\""));
	expect(&p, "", CREATE(",\"previous_response_id\":\"resp_1\"") "\n",
		"one that passed");
}

static void
an_answer_that_is_refused_ends_it(void)
{
	CLEANUP(play_fini) struct play p;

	play_init(&p, false);
	client_says(&p, CREATE(""));
	provider_says(&p, "{\"type\":\"response.output_item.done\"");
	ok(p.closed, "closed");
	ok(memmem(p.got_client.p, p.got_client.n, "response.failed", 15) != NULL &&
			memmem(p.got_client.p, p.got_client.n,
				"close 1008 pando-ai: the answer was refused\n",
				44) != NULL,
		buf_text(&p.got_client));
	ok_bytes(buf_str(&p.got_provider), STR(CREATE("") "\nclose 1000 \n"),
		"closed well");
	ok_str(buf_text(&p.said), "[asked][broken]", "and over");
}

static void
what_cannot_be_recorded_does_not_go_on(void)
{
	CLEANUP(play_fini) struct play p;

	play_init(&p, false);
	client_says(&p, CREATE(""));
	p.unlogged = "disk full";
	provider_says(&p, DONE(CALL_ITEM(OURS, "echo")));
	expect(&p,
		"{\"type\":\"error\",\"status\":400,\"error\":{\"type\":"
		"\"invalid_request_error\",\"code\":\"invalid_prompt\",\"message\":"
		"\"disk full\"}}\nclose 1011 pando-ai: a decision was not recorded\n",
		CREATE("") "\nclose 1000 \n", "an error instead");
}

static void
each_end_may_close(void)
{
	CLEANUP(play_fini) struct play p;
	CLEANUP(play_fini) struct play q;
	CLEANUP(play_fini) struct play lost;
	CLEANUP(buf_fini) struct buf frame = BUF_INIT(WIRE_MAX);

	play_init(&p, false);
	gw_ws_put_close(p.client, GW_WS_GOING_AWAY, STR("bye"), &frame);
	feed(&p, true, buf_str(&frame), 1);
	ok(p.closed, "by the client");
	expect(&p, "close 1001 \n", "close 1000 \n", "both know");
	play_init(&q, false);
	buf_reset(&frame);
	gw_ws_put_close(q.provider, 1012, STR("later"), &frame);
	feed(&q, false, buf_str(&frame), 1);
	ok(q.closed, "by the provider");
	expect(&q, "close 1012 later\n", "close 1000 \n", "both know");
	play_init(&lost, false);
	client_says(&lost, CREATE(""));
	provider_says(&lost,
		"{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":"
		"{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call_1\""
		",\"name\":\"exec_command\",\"arguments\":\"\"}}");
	buf_reset(&lost.got_client);
	struct gw_relay_out out = { &lost.to_provider, &lost.to_client };

	gw_relay_lost(lost.r, "it broke", &out);
	feed(&lost, false, STR(""), 1);
	ok(memmem(lost.got_client.p, lost.got_client.n, "response.failed", 15) != NULL,
		"what was held is told to be missing");
	ok(memmem(lost.got_client.p, lost.got_client.n, "close 1011 it broke\n", 20) !=
			NULL,
		buf_text(&lost.got_client));
}

static void
a_drained_one_ends_with_its_answer(void)
{
	static const char close[] = "close 1001 pando-ai: another gateway goes on\n";
	CLEANUP(play_fini) struct play p;
	CLEANUP(play_fini) struct play idle;
	struct gw_relay_out out = { &p.to_provider, &p.to_client };

	play_init(&p, false);
	client_says(&p, CREATE(""));
	ok(!gw_relay_drain(p.r, &out), "not while it is answered");
	expect(&p, "", CREATE("") "\n", "nothing is said");
	provider_says(&p, DELTA);
	ok(!p.closed, "nor amid it");
	buf_reset(&p.got_client);
	provider_says(&p, COMPLETED("resp_1"));
	ok(p.closed, "but behind it");
	ok(memmem(p.got_client.p, p.got_client.n, close, sizeof close - 1) != NULL,
		buf_text(&p.got_client));
	play_init(&idle, false);
	out = (struct gw_relay_out){ &idle.to_provider, &idle.to_client };
	ok(gw_relay_drain(idle.r, &out), "at once when there is none");
	feed(&idle, true, STR(""), 1);
	expect(&idle, close, "close 1000 \n", "both know");
}

static void
control_frames_are_answered_here(void)
{
	CLEANUP(play_fini) struct play p;

	play_init(&p, false);
	say(&p, true, GW_WS_PING, "a", 1);
	expect(&p, "pong a\n", "", "the client's ping");
	say(&p, false, GW_WS_PING, "b", 1);
	expect(&p, "", "pong b\n", "the provider's");
	say(&p, true, GW_WS_PONG, "", 1);
	expect(&p, "", "", "a pong is for us");
	say(&p, true, GW_WS_BINARY, "x", 1);
	expect(&p, "close 1003 pando-ai: only text messages are taken\n", "close 1000 \n",
		"binary messages are not taken");
}

static void
every_split_gives_the_same(void)
{
	for (size_t piece = 1; piece < 40; piece++) {
		CLEANUP(play_fini) struct play p;

		play_init(&p, piece % 2 == 0);
		say(&p, true, GW_WS_TEXT, CREATE(",\"tools\":[" NATIVE "]"), piece);
		say(&p, false, GW_WS_TEXT, DELTA, piece);
		say(&p, false, GW_WS_TEXT, DONE(CALL_ITEM(OURS, "echo")), piece);
		say(&p, false, GW_WS_TEXT, COMPLETED("resp_1"), piece);
		expect(&p,
			DELTA
			"\n" DONE(CALL_ITEM(OURS, "echo")) "\n" COMPLETED("resp_1") "\n",
			CREATE(",\"tools\":[]") "\n", "a split");
	}
}

static void
what_is_not_sound_closes_it(void)
{
	CLEANUP(play_fini) struct play p;
	CLEANUP(play_fini) struct play q;

	play_init(&p, false);
	feed(&p, true, STR("\x81\x01x"), 1);
	expect(&p, "close 1002 WebSocket: a client's frame has no mask\n",
		"close 1000 \n", "the client");
	play_init(&q, false);
	feed(&q, false, STR("\x83\x01x"), 1);
	expect(&q, "close 1011 WebSocket: an opcode is not known\n", "close 1000 \n",
		"the provider");
}

int
main(void)
{
	what_policy_leaves_alone_goes_on_as_it_came();
	an_answer_is_over_with_its_last_event();
	requests_and_answers_are_edited();
	a_refused_request_leaves_the_connection();
	an_answer_may_be_stood_on_when_it_passed_here();
	an_answer_that_is_refused_ends_it();
	what_cannot_be_recorded_does_not_go_on();
	each_end_may_close();
	a_drained_one_ends_with_its_answer();
	control_frames_are_answered_here();
	every_split_gives_the_same();
	what_is_not_sound_closes_it();
	return test_done();
}
