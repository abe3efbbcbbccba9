/* WebSocket framing and handshake: the RFCs' examples, every split, all that is refused. */

#include "gateway/ws.h"

#include <stdlib.h>

#include "gateway/ws_shake.h"
#include "tests/unit/test.h"

enum { MAX = 4 << 20, BIG = 300000 };

static void
draw(unsigned char *to, size_t n)
{
	static const unsigned char mask[] = { 0x37, 0xfa, 0x21,
		0x3d }; /* RFC 6455, 5.7 */

	for (size_t i = 0; i < n; i++)
		to[i] = mask[i % sizeof mask];
}

static struct gw_ws_options
options(enum gw_ws_role role, bool deflate)
{
	return (struct gw_ws_options){ .role = role,
		.deflate = { .on = deflate },
		.message_max = MAX,
		.draw = draw };
}

static void
tell(struct buf *told, const struct gw_ws_message *m)
{
	static const char *const kind[GW_WS_KINDS] = { "text", "binary", "close", "ping",
		"pong" };

	buf_printf(told, "<%s", kind[m->kind]);
	if (m->kind == GW_WS_CLOSE)
		buf_printf(told, " %d", m->code);
	buf_putc(told, '|');
	buf_put_str(told, m->data);
	buf_putc(told, '>');
}

/* All of in, by pieces; a failure is told as its code and its reason. */
static void
run(const struct gw_ws_options *o, struct str in, size_t piece, struct buf *told)
{
	struct gw_ws *w = gw_ws_new(o);
	struct gw_ws_message m;
	struct err e = ERR_INIT;
	int got = 0;

	while (got == 0 && in.n > 0) {
		struct str now = { in.p, in.n < piece ? in.n : piece };

		in = str_skip(in, now.n);
		while ((got = gw_ws_next(w, &now, &m, &e)) > 0)
			tell(told, &m);
		ok(got < 0 || now.n == 0, "all was taken");
	}
	if (got < 0) {
		buf_printf(told, "!%d %s", m.code, e.text);
		ok_int(gw_ws_next(w, &in, &m, &e), 0, "what has failed takes no more");
	} else if (gw_ws_is_amid(w)) {
		buf_puts(told, "...");
	}
	gw_ws_free(w);
}

static void
check(const struct gw_ws_options *o, struct str in, const char *want)
{
	for (size_t piece = 1; piece <= in.n; piece++) {
		CLEANUP(buf_fini) struct buf told = BUF_INIT(1 << 20);

		run(o, in, piece, &told);
		ok_bytes(buf_str(&told), str_of(want), "a split");
	}
}

struct row {
	struct str in;
	const char *want;
};

#define ROW(bytes, says)                                                                 \
	{                                                                                \
		STR(bytes), says                                                         \
	}

static void
the_examples_of_rfc_6455(void)
{
	static const struct row server[] = {
		ROW("\x81\x05Hello", "<text|Hello>"),
		ROW("\x01\x03Hel\x80\x02lo", "<text|Hello>"),
		ROW("\x89\x05Hello", "<ping|Hello>"),
		ROW("\x01\x03Hel\x89\x01p\x80\x02lo", "<ping|p><text|Hello>"),
		ROW("\x01\x00\x00\x00\x80\x00", "<text|>"),
		ROW("\x82\x02\xff\xfe\x8a\x00", "<binary|\xff\xfe><pong|>"),
		ROW("\x88\x00\x81\x05Hello", "<close 1005|>"),
		ROW("\x88\x05\x03\xe9"
		    "bye",
			"<close 1001|bye>"),
		ROW("\x81\x05Hel", "..."),
		ROW("\x01\x03Hel", "..."),
		ROW("\x81", "..."),
	};
	static const struct row client[] = {
		ROW("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "<text|Hello>"),
		ROW("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "<pong|Hello>"),
	};
	const struct gw_ws_options we_ask = options(GW_WS_CLIENT, false);
	const struct gw_ws_options we_serve = options(GW_WS_SERVER, false);

	for (size_t i = 0; i < LEN(server); i++)
		check(&we_ask, server[i].in, server[i].want);
	for (size_t i = 0; i < LEN(client); i++)
		check(&we_serve, client[i].in, client[i].want);
}

static void
the_examples_of_rfc_7692(void)
{
	static const struct row rows[] = {
		ROW("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", "<text|Hello>"),
		ROW("\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", "<text|Hello>"),
		ROW("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00",
			"<text|Hello><text|Hello>"),
		ROW("\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
			"<text|Hello>"),
		ROW("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "<text|Hello>"),
		ROW("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x05\xf2\x00\x11\x00\x00",
			"<text|Hello><text|Hello>"),
		ROW("\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
			"<text|Hello>"),
		ROW("\xc1\x01\x00", "<text|>"),
		ROW("\x81\x05Hello", "<text|Hello>"), /* may be plain at any time */
	};
	const struct gw_ws_options o = options(GW_WS_CLIENT, true);

	for (size_t i = 0; i < LEN(rows); i++)
		check(&o, rows[i].in, rows[i].want);
}

static void
what_is_not_sound_fails_with_its_code(void)
{
	static const struct row rows[] = {
		ROW("\xc1\x01\x00", "!1002 WebSocket: a reserved bit is set"),
		ROW("\xa1\x01x", "!1002 WebSocket: a reserved bit is set"),
		ROW("\x91\x01x", "!1002 WebSocket: a reserved bit is set"),
		ROW("\x83\x01x", "!1002 WebSocket: an opcode is not known"),
		ROW("\x8b\x01x", "!1002 WebSocket: an opcode is not known"),
		ROW("\x09\x01x", "!1002 WebSocket: a control frame is fragmented"),
		ROW("\x89\x7e\x00\x7e", "!1002 WebSocket: a control frame is too long"),
		ROW("\x80\x01x", "!1002 WebSocket: a fragment belongs to no message"),
		ROW("\x01\x01x\x81\x01x",
			"!1002 WebSocket: a message begins within another"),
		ROW("\x81\x81xxxxx", "!1002 WebSocket: a server's frame has a mask"),
		ROW("\x81\x7e\x00\x7d",
			"!1002 WebSocket: a length is not in its shortest form"),
		ROW("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
			"!1002 WebSocket: a length is not in its shortest form"),
		ROW("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
			"!1002 WebSocket: a length is not in its shortest form"),
		ROW("\x81\x7f\x00\x00\x00\x00\x00\x40\x00\x01",
			"!1009 WebSocket: a message is longer than the 4194304 bytes that the "
			"gateway takes"),
		ROW("\x81\x02\xc3\x28", "!1007 WebSocket: a text message is not UTF-8"),
		ROW("\x81\x0a"
		    "12345678\xc3\x28",
			"!1007 WebSocket: a text message is not UTF-8"),
		ROW("\x01\x01\xc3\x80\x01\xa9", "<text|\xc3\xa9>"),
		ROW("\x81\x03\xed\xa0\x80",
			"!1007 WebSocket: a text message is not UTF-8"),
		ROW("\x88\x01\x03", "!1002 WebSocket: a close code is none"),
		ROW("\x88\x02\x03\xe7", "!1002 WebSocket: a close code is none"),
		ROW("\x88\x02\x03\xed", "!1002 WebSocket: a close code is none"),
		ROW("\x88\x02\x13\x88", "!1002 WebSocket: a close code is none"),
		ROW("\x88\x03\x03\xe8\xff", "!1007 WebSocket: a reason is not UTF-8"),
	};
	static const struct row packed[] = {
		ROW("\xc1\x03\xf2\x48\xcd",
			"!1007 WebSocket: a compressed message is cut off"),
		ROW("\xc1\x00", "!1007 WebSocket: a compressed message is cut off"),
		ROW("\xc1\x02\x06\x00",
			"!1007 WebSocket: a compressed message is damaged"),
		ROW("\x41\x02\xf2\x48\xc0\x01\xcd",
			"!1002 WebSocket: a reserved bit is set"),
		ROW("\xc9\x01x", "!1002 WebSocket: a reserved bit is set"),
		ROW("\xc1\x05\xf2\x00\x11\x00\x00",
			"!1007 WebSocket: a compressed message is damaged"),
	};
	const struct gw_ws_options plain = options(GW_WS_CLIENT, false);
	const struct gw_ws_options deflate = options(GW_WS_CLIENT, true);
	const struct gw_ws_options serve = options(GW_WS_SERVER, false);

	for (size_t i = 0; i < LEN(rows); i++)
		check(&plain, rows[i].in, rows[i].want);
	for (size_t i = 0; i < LEN(packed); i++)
		check(&deflate, packed[i].in, packed[i].want);
	check(&serve, STR("\x81\x01x"), "!1002 WebSocket: a client's frame has no mask");
}

/* Text of n bytes that compresses well but has no period. */
static void
put_text(struct buf *b, size_t n)
{
	uint32_t seed = (uint32_t)n;
	const size_t end = b->n + n;

	while (b->n < end)
		buf_putc(b, "abcd"[(seed = seed * 69069 + 1) >> 30]);
}

static void
exchange(struct gw_ws_options a, struct gw_ws_options b, size_t *wire)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, BIG, 0, 5 };
	struct gw_ws *from = gw_ws_new(&a), *to = gw_ws_new(&b);

	*wire = 0;
	for (size_t i = 0; i < LEN(sizes); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(MAX);
		CLEANUP(buf_fini) struct buf frame = BUF_INIT(MAX);
		struct gw_ws_message m;
		struct err e = ERR_INIT;
		struct str in;

		put_text(&text, sizes[i]);
		gw_ws_put(from, i % 2 == 0 ? GW_WS_TEXT : GW_WS_BINARY, buf_str(&text),
			&frame);
		gw_ws_put(from, GW_WS_PING, STR("p"), &frame);
		*wire += frame.n;
		in = buf_str(&frame);
		ok_int(gw_ws_next(to, &in, &m, &e), 1, e.text);
		ok_int(m.kind, i % 2 == 0 ? GW_WS_TEXT : GW_WS_BINARY, "its kind");
		ok(str_eq(m.data, buf_str(&text)), "its data");
		ok_int(gw_ws_next(to, &in, &m, &e), 1, e.text);
		ok_int(m.kind, GW_WS_PING, "a ping");
		ok_bytes(m.data, STR("p"), "what it says");
		ok_int(gw_ws_next(to, &in, &m, &e), 0, "no more");
	}
	gw_ws_free(from);
	gw_ws_free(to);
}

/* Both roles, plain and with each agreement that makes a difference. */
static void
what_one_end_writes_the_other_reads(void)
{
	static const struct gw_ws_deflate ways[] = { { .on = false }, { .on = true },
		{ .on = true, .server_fresh = true, .client_fresh = true },
		{ .on = true, .server_bits = 9, .client_bits = 9 },
		{ .on = true, .server_bits = 8, .client_bits = 8 } };

	for (size_t i = 0; i < LEN(ways); i++) {
		for (int role = 0; role < 2; role++) {
			struct gw_ws_options a = options(
				role == 0 ? GW_WS_CLIENT : GW_WS_SERVER, false);
			struct gw_ws_options b = options(
				role == 0 ? GW_WS_SERVER : GW_WS_CLIENT, false);
			size_t packed, plain;

			a.deflate = b.deflate = ways[i];
			exchange(a, b, &packed);
			a.plain = true;
			exchange(a, b, &plain);
			ok(plain > BIG, "plain is as long as it is");
			/* zlib writes no window of 8 bits: what it would is sent plain */
			ok((packed < plain / 2) ==
					(ways[i].on && ways[i].server_bits != 8),
				"packed is shorter");
		}
	}
}

static void
frames_of_ours_are_as_the_rfc_writes_them(void)
{
	const struct gw_ws_options client = options(GW_WS_CLIENT, false);
	const struct gw_ws_options server = options(GW_WS_SERVER, true);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1024);
	struct gw_ws *w = gw_ws_new(&client);

	gw_ws_put(w, GW_WS_TEXT, STR("Hello"), &out);
	ok_bytes(buf_str(&out), STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
		"5.7");
	gw_ws_free(w);
	buf_reset(&out);
	w = gw_ws_new(&server);
	gw_ws_put(w, GW_WS_TEXT, STR("Hello"), &out);
	gw_ws_put(w, GW_WS_TEXT, STR("Hello"), &out);
	ok_bytes(buf_str(&out),
		STR("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00"),
		"7.2.3.2");
	buf_reset(&out);
	gw_ws_put_close(w, GW_WS_TOO_BIG, STR("too long"), &out);
	gw_ws_put_close(w, GW_WS_NO_CODE, STR("unsaid"), &out);
	ok_bytes(buf_str(&out), STR("\x88\x0a\x03\xf1too long\x88\x00"), "close");
	buf_reset(&out);
	for (int i = 0; i < 40; i++)
		buf_puts(&out, "\xe2\x82\xac"); /* 3 bytes each: 41 of them fit */
	buf_puts(&out, "\xe2\x82\xac\xe2\x82\xac");
	CLEANUP(buf_fini) struct buf cut = BUF_INIT(1024);

	gw_ws_put_close(w, GW_WS_NORMAL, buf_str(&out), &cut);
	ok_int(cut.n, 2 + 2 + 41 * 3, "a long reason is cut between characters");
	gw_ws_free(w);
}

static void
a_bomb_is_refused(void)
{
	const struct gw_ws_options writer = {
		.role = GW_WS_SERVER, .deflate = { .on = true }, .message_max = 64 << 20
	};
	struct gw_ws_options reader = {
		.role = GW_WS_CLIENT, .deflate = { .on = true }, .message_max = 64 << 20
	};
	CLEANUP(mem_freep) char *zeros = mem_alloc(10 << 20);
	CLEANUP(buf_fini) struct buf frame = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf told = BUF_INIT(1 << 20);
	struct gw_ws *w = gw_ws_new(&writer);

	gw_ws_put(w, GW_WS_BINARY, (struct str){ zeros, 10 << 20 }, &frame);
	gw_ws_free(w);
	ok(frame.n < 50 << 10, "it is small");
	run(&reader, buf_str(&frame), 1 << 20, &told);
	ok_bytes(buf_str(&told),
		STR("!1009 WebSocket: a compressed message became more than 200 times as "
		    "long"),
		"by ratio");
	buf_reset(&told);
	reader.message_max = 1 << 20;
	run(&reader, buf_str(&frame), 1 << 20, &told);
	ok_bytes(buf_str(&told),
		STR("!1009 WebSocket: a message is longer than the 1048576 bytes that the "
		    "gateway takes"),
		"by length");
}

static void
a_message_finds_memory_or_fails(void)
{
	struct quota memory = { .max = 64 << 10 };
	struct gw_ws_options o = options(GW_WS_CLIENT, true);
	CLEANUP(mem_freep) char *text = mem_alloc(200 << 10);

	o.memory = &memory;
	memset(text, 'x', 200 << 10);
	for (int packed = 0; packed < 2; packed++) {
		const struct gw_ws_options writer = options(GW_WS_SERVER, packed != 0);
		CLEANUP(buf_fini) struct buf frame = BUF_INIT(1 << 20);
		CLEANUP(buf_fini) struct buf told = BUF_INIT(1 << 20);
		struct gw_ws *w = gw_ws_new(&writer);

		gw_ws_put(w, GW_WS_TEXT, (struct str){ text, 200 << 10 }, &frame);
		gw_ws_free(w);
		run(&o, buf_str(&frame), 1000, &told);
		ok(strncmp(buf_text(&told), "!1011 no more can be held",
			   sizeof "!1011 no more can be held" - 1) == 0,
			buf_text(&told));
		ok_int((int64_t)memory.held, 0, "it is given back");
	}
}

/* Blocks that say nothing, fragments that say nothing: a message without an end. */
static void
a_message_of_nothing_has_a_ceiling_too(void)
{
	struct gw_ws_options o = options(GW_WS_CLIENT, true);
	CLEANUP(buf_fini) struct buf in = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf told = BUF_INIT(1 << 20);

	o.message_max = 4096;
	buf_put(&in, "\x41\x00", 2);
	while (in.n < 16384)
		buf_put(&in, "\x00\x05\x00\x00\x00\xff\xff", 7);
	run(&o, buf_str(&in), 100, &told);
	ok_bytes(buf_str(&told),
		STR("!1009 WebSocket: a message is longer than the 4096 bytes that the "
		    "gateway takes"),
		"refused");
}

static void
a_key_is_accepted(void)
{
	char text[GW_WS_ACCEPT_TEXT], key[GW_WS_KEY_TEXT];

	gw_ws_key((const unsigned char *)"the sample nonce", key);
	ok_str(key, "dGhlIHNhbXBsZSBub25jZQ==", "RFC 6455, 1.3");
	gw_ws_accept(str_of(key), text);
	ok_str(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455, 1.3");
}

static void
a_handshake_is_sound_or_refused(void)
{
#define UP "Upgrade: websocket\nConnection: keep-alive, Upgrade\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
#define V13 "Sec-WebSocket-Version: 13\n"
	static const char no_upgrade[] =
		"a WebSocket handshake has Upgrade: websocket and "
		"Connection: Upgrade";
	static const char no_key[] = "Sec-WebSocket-Key is not one key of 16 bytes";
	static const char no_version[] = "WebSocket version 13 is spoken, no other";
	static const struct {
		const char *fields, *why;
	} rows[] = {
		{ UP KEY V13, NULL },
		{ "upgrade: WebSocket\nconnection: close\nconnection: upgrade\n" KEY V13,
			NULL },
		{ KEY V13, no_upgrade },
		{ "Upgrade: websocket\n" KEY V13, no_upgrade },
		{ "Connection: Upgrade\nUpgrade: h2c\n" KEY V13, no_upgrade },
		{ UP KEY, no_version },
		{ UP KEY "Sec-WebSocket-Version: 8\n", no_version },
		{ UP KEY V13 V13, no_version },
		{ UP V13, no_key },
		{ UP V13 KEY KEY, no_key },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\n", no_key },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\n", no_key },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct str key;
		const int got = gw_ws_asked(str_of(rows[i].fields), &key, &e);

		ok_int(got, rows[i].why == NULL ? 0 : -1, rows[i].fields);
		ok_str(e.text, rows[i].why == NULL ? "" : rows[i].why, rows[i].fields);
		if (got == 0)
			ok_bytes(key, STR("dGhlIHNhbXBsZSBub25jZQ=="), "the key");
	}
}

static void
an_offer_of_compression_is_chosen(void)
{
	static const struct {
		const char *offers, *answer;
	} rows[] = {
		{ "permessage-deflate", "permessage-deflate" },
		{ "permessage-deflate; client_max_window_bits", "permessage-deflate" },
		{ "Permessage-Deflate;client_max_window_bits=\"10\" ; "
		  "server_no_context_takeover",
			"permessage-deflate; server_no_context_takeover" },
		{ "permessage-deflate; server_max_window_bits=10, permessage-deflate",
			"permessage-deflate; server_max_window_bits=10" },
		{ "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=16, "
		  "permessage-deflate; client_no_context_takeover",
			"permessage-deflate" },
		{ "", "" },
		{ "permessage-deflate; server_max_window_bits", "" },
		{ "permessage-deflate; server_max_window_bits=7", "" },
		{ "permessage-deflate; server_max_window_bits=010", "" },
		{ "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
			"" },
		{ "permessage-deflate; client_no_context_takeover=1", "" },
		{ "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
			"" },
		{ "permessage-deflate; other", "" },
		{ "permessage-deflate; x=\"a, permessage-deflate\"", "" },
		{ "permessage-bzip2", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf answer = BUF_INIT(1024);
		struct gw_ws_deflate agreed;

		gw_ws_choose(str_of(rows[i].offers), &agreed, &answer);
		ok_str(buf_text(&answer), rows[i].answer, rows[i].offers);
		ok_int(agreed.on, answer.n > 0, rows[i].offers);
		ok(!agreed.client_fresh && agreed.client_bits == 0, "not asked for");
	}
}

static void
an_answer_fits_what_was_asked(void)
{
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
#define EXT "Sec-WebSocket-Extensions: "
	static const struct {
		const char *fields;
		int want;
		struct gw_ws_deflate agreed;
	} rows[] = {
		{ UP ACCEPT, 0, { .on = false } },
		{ UP ACCEPT EXT "permessage-deflate\n", 0, { .on = true } },
		{ UP ACCEPT EXT "permessage-deflate; client_max_window_bits=9; "
				"server_no_context_takeover; server_max_window_bits=12\n",
			0,
			{ .on = true,
				.server_fresh = true,
				.server_bits = 12,
				.client_bits = 9 } },
		{ UP ACCEPT EXT "permessage-deflate; client_max_window_bits\n", -1,
			{ .on = false } },
		{ UP ACCEPT EXT "permessage-deflate, permessage-deflate\n", -1,
			{ .on = false } },
		{ UP ACCEPT EXT "permessage-deflate\n" EXT "permessage-deflate\n", -1,
			{ .on = false } },
		{ UP ACCEPT EXT "other\n", -1, { .on = false } },
		{ UP ACCEPT "Sec-WebSocket-Protocol: chat\n", -1, { .on = false } },
		{ UP, -1, { .on = false } },
		{ UP ACCEPT ACCEPT, -1, { .on = false } },
		{ ACCEPT, -1, { .on = false } },
		{ UP "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xO0=\n", -1,
			{ .on = false } },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct gw_ws_deflate *want = &rows[i].agreed;
		struct gw_ws_deflate d;
		struct err e = ERR_INIT;

		ok_int(gw_ws_answered(str_of(rows[i].fields),
			       "dGhlIHNhbXBsZSBub25jZQ==", &d, &e),
			rows[i].want, rows[i].fields);
		ok(d.on == want->on && d.server_fresh == want->server_fresh &&
				d.client_fresh == want->client_fresh &&
				d.server_bits == want->server_bits &&
				d.client_bits == want->client_bits,
			rows[i].fields);
	}
}

int
main(void)
{
	the_examples_of_rfc_6455();
	the_examples_of_rfc_7692();
	what_is_not_sound_fails_with_its_code();
	what_one_end_writes_the_other_reads();
	frames_of_ours_are_as_the_rfc_writes_them();
	a_bomb_is_refused();
	a_message_finds_memory_or_fails();
	a_message_of_nothing_has_a_ceiling_too();
	a_key_is_accepted();
	a_handshake_is_sound_or_refused();
	an_offer_of_compression_is_chosen();
	an_answer_fits_what_was_asked();
	return test_done();
}
