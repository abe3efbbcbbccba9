#include "gateway/sse.h"

#include <time.h>

#include "tests/unit/test.h"

enum { EVENT_MAX = 64, PIECE = 65536 };

/* Feeds in pieces cut at the given places; writes each event as a line that tells all of it. */
static int
run(struct str in, const size_t *cuts, size_t ncuts, struct buf *out, struct err *e)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	size_t at = 0;
	int rc = 0;

	sse_init(&s, EVENT_MAX, NULL);
	for (size_t i = 0; i <= ncuts && rc == 0; i++) {
		const size_t stop = i < ncuts ? cuts[i] : in.n;
		/* gone when the next piece comes, so that a borrowed byte is seen */
		CLEANUP(mem_freep) char *piece = mem_alloc(stop - at + 1);

		memcpy(piece, in.p + at, stop - at);
		sse_feed(&s, (struct str){ piece, stop - at });
		at = stop;
		if (i == ncuts)
			sse_finish(&s);
		while ((rc = sse_next(&s, &ev, e)) > 0)
			buf_printf(out, "<" STR_FMT "|" STR_FMT "|%d|" STR_FMT ">",
				STR_ARG(ev.name), STR_ARG(ev.data), ev.has_data,
				STR_ARG(ev.raw));
	}
	return rc;
}

static const struct {
	const char *in, *want;
} rows[] = {
	{ "event: ping\ndata: {}\n\n", "<ping|{}|1|event: ping\ndata: {}\n\n>" },
	{ "data:a\r\ndata: b\r\n\r\ndata\n\n",
		"<|a\nb|1|data:a\r\ndata: b\r\n\r\n><||1|data\n\n>" },
	{ "data: x\r\rdata: y\r\r", "<|x|1|data: x\r\r><|y|1|data: y\r\r>" },
	{ ": hello\n\nid: 1\nretry: 5\nevent: a\nevent: b\n\n",
		"<||0|: hello\n\n><b||0|id: 1\nretry: 5\nevent: a\nevent: b\n\n>" },
	{ "data:  two\ndata:\ndata: z\n\n",
		"<| two\n\nz|1|data:  two\ndata:\ndata: z\n\n>" },
	{ "data: cut off\n", "" },
	{ "data: cut off", "" },
	{ "\n\ndata: a\n\r\n", "<||0|\n><||0|\n><|a|1|data: a\n\r\n>" },
	{ "data: a\r\n\rdata: b\n\n", "<|a|1|data: a\r\n\r><|b|1|data: b\n\n>" },
	{ "", "" },
};

static void
every_split_gives_the_same_events(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct str in = str_of(rows[i].in);
		size_t all[256];

		for (size_t a = 0; a <= in.n; a++) {
			for (size_t b = a; b <= in.n; b++) {
				CLEANUP(buf_fini) struct buf out = BUF_INIT(4096);
				struct err e = ERR_INIT;

				ok_int(run(in, (size_t[]){ a, b }, 2, &out, &e), 0,
					rows[i].in);
				ok_bytes(buf_str(&out), str_of(rows[i].want), rows[i].in);
			}
			all[a] = a;
		}
		CLEANUP(buf_fini) struct buf out = BUF_INIT(4096);
		struct err e = ERR_INIT;

		ok_int(run(in, all, in.n, &out, &e), 0, "byte by byte");
		ok_bytes(buf_str(&out), str_of(rows[i].want), "byte by byte");
	}
}

static void
what_is_too_long_or_ambiguous_is_refused(void)
{
	static const struct {
		const char *in, *why;
	} no[] = {
		{ "\xef\xbb\xbf"
		  "data: a\n\n",
			"a line of the event stream has a field that is not known: "
			"\xef\xbb\xbf"
			"data" },
		{ "event: a\n\xef\xbb\xbf\n\n",
			"a line of the event stream has a field that is not known: "
			"\xef\xbb\xbf" },
		{ "id: 1\r\xef\xbb\xbf"
		  "event: a\r\r",
			"a line of the event stream has a field that is not known: "
			"\xef\xbb\xbf"
			"event" },
		{ " data: x\n\n",
			"a line of the event stream has a field that is not known:  data" },
		{ "datax: y\n\n",
			"a line of the event stream has a field that is not known: datax" },
		{ "DATA\n\n",
			"a line of the event stream has a field that is not known: DATA" },
		{ "data: 3456789012345678901234567890123456789012345678901234567890123\n\n",
			"an event is longer than 64 bytes" },
		{ "data: 34567890123456789012345678901234567890123456789012345678901234",
			"an event is longer than 64 bytes" },
	};

	for (size_t i = 0; i < LEN(no); i++) {
		const struct str in = str_of(no[i].in);

		for (size_t a = 0; a <= in.n; a++) {
			CLEANUP(buf_fini) struct buf out = BUF_INIT(4096);
			struct err e = ERR_INIT;

			ok_int(run(in, &a, 1, &out, &e), -1, no[i].in);
			ok_str(e.text, no[i].why, no[i].in);
			ok_bytes(buf_str(&out), STR(""), "nothing was handed out");
		}
	}
}

/* Of one of the line ends only: 4 MB must not take the square of that. */
static void
many_lines_take_linear_time(void)
{
	static const char *const ends[] = { "\n", "\r", "\r\n" };
	const size_t length = 4 << 20;

	for (size_t i = 0; i < LEN(ends); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(2 * length);
		CLEANUP(sse_fini) struct sse s;
		struct sse_event ev = { .raw = STR("") };
		struct err e = ERR_INIT;
		struct str rest;
		const clock_t begin = clock();
		int rc = 0;

		while (text.n < length)
			buf_printf(&text, ":%s", ends[i]);
		buf_puts(&text, ends[i]);
		rest = buf_str(&text);
		sse_init(&s, 2 * length, NULL);
		while (rc == 0 && rest.n > 0) {
			const size_t n = rest.n < PIECE ? rest.n : PIECE;

			sse_feed(&s, (struct str){ rest.p, n });
			rest = str_skip(rest, n);
			if (rest.n == 0)
				sse_finish(&s);
			rc = sse_next(&s, &ev, &e);
		}
		ok_int(rc, 1, "one event");
		ok_bytes(ev.raw, buf_str(&text), "all of it");
		ok((clock() - begin) / CLOCKS_PER_SEC < 10, "within seconds");
	}
}

/* What an event of many parts needed is given back behind it: a thousand streams may idle. */
static void
an_idle_stream_holds_little(void)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(PIECE);
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;

	buf_puts(&line, "data: ");
	while (line.n < PIECE - 1)
		buf_putc(&line, 'x');
	buf_putc(&line, '\n');
	sse_init(&s, 1 << 20, NULL);
	ok_int((int64_t)(s.part.cap + s.joined.cap), 0, "nothing yet");
	for (int i = 0; i < 8; i++) {
		sse_feed(&s, buf_str(&line));
		ok_int(sse_next(&s, &ev, &e), 0, "not whole");
	}
	sse_feed(&s, STR("\ndata: y\n\nda"));
	ok_int(sse_next(&s, &ev, &e), 1, "whole");
	ok_int((int64_t)ev.data.n, 8 * (PIECE - 7) + 7, "its lines, joined");
	ok_int(sse_next(&s, &ev, &e), 1, "the next");
	ok_bytes(ev.data, STR("y"), "its data");
	ok_int(sse_next(&s, &ev, &e), 0, "a part");
	ok(s.part.cap + s.joined.cap < 4096, "what is held is small again");
}

static void
a_written_event_reads_back(void)
{
	static const char *const data[] = { "", "{}", "a\nb", "\n", "a\n\nb\n" };

	for (size_t i = 0; i < LEN(data); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(256);
		CLEANUP(sse_fini) struct sse s;
		struct sse_event ev;
		struct err e = ERR_INIT;

		sse_put(&text, STR("n"), str_of(data[i]));
		sse_init(&s, EVENT_MAX, NULL);
		sse_feed(&s, buf_str(&text));
		ok_int(sse_next(&s, &ev, &e), 1, "an event");
		ok_bytes(ev.name, STR("n"), "its name");
		ok_bytes(ev.data, str_of(data[i]), "its data");
		ok_bytes(ev.raw, buf_str(&text), "nothing left");
	}
}

int
main(void)
{
	every_split_gives_the_same_events();
	what_is_too_long_or_ambiguous_is_refused();
	many_lines_take_linear_time();
	an_idle_stream_holds_little();
	a_written_event_reads_back();
	return test_done();
}
