#include "gateway/upstream_answer.h"

#include "tests/unit/test.h"

enum { TEXT_MAX = 1 << 20, LARGE = 70000 };

/* "200 [x-a: b] body|" and how it ended, whatever the pieces were. */
struct trace {
	struct buf text, body;
	enum gw_got last;
	const char *why;
	size_t left; /* bytes behind the answer */
};

static void
trace_fini(struct trace *t)
{
	buf_fini(&t->text);
	buf_fini(&t->body);
}

/* false: the answer has ended, well or not. */
static bool
feed(struct gw_answer *a, struct str in, struct trace *t)
{
	struct str piece = { NULL, 0 };

	for (;;) {
		const struct str before = in;

		t->last = gw_answer_next(a, &in, &piece);
		switch (t->last) {
		case GW_GOT_MORE:
			ok_int(in.n, 0, "all bytes are used up");
			return true;
		case GW_GOT_HEAD:
			buf_printf(&t->text, "%d [" STR_FMT "]", a->head.status,
				STR_ARG(a->head.lines));
			continue;
		case GW_GOT_BODY:
			ok(piece.n > 0 && piece.p >= before.p &&
					piece.p + piece.n <= before.p + before.n,
				"a piece is part of what came");
			buf_put_str(&t->body, piece);
			continue;
		case GW_GOT_DONE:
			t->left = in.n;
			return false;
		case GW_GOT_BAD:
		case GW_GOTS:
			break;
		}
		t->why = a->why;
		return false;
	}
}

/* In two pieces; at == n: in one. step: in pieces of one byte instead. */
static void
play(struct str all, size_t at, bool step, struct trace *t)
{
	struct gw_answer a;
	bool on = true;

	gw_answer_init(&a, false);
	*t = (struct trace){ .text = BUF_INIT(TEXT_MAX), .body = BUF_INIT(TEXT_MAX) };
	if (step) {
		size_t i = 0;

		for (; on && i < all.n; i++)
			on = feed(&a, (struct str){ all.p + i, 1 }, t);
		t->left += all.n - i;
	} else {
		on = feed(&a, (struct str){ all.p, at }, t);
		if (on)
			on = feed(&a, str_skip(all, at), t);
		else
			t->left += all.n - at;
	}
	if (on) {
		t->last = gw_answer_end(&a);
		t->why = a.why;
	}
	gw_answer_fini(&a);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define S(text)                                                                          \
	{                                                                                \
		(text), sizeof(text) - 1                                                 \
	}

static const struct {
	struct str in;
	const char *text, *body;
	enum gw_got last;
	size_t left;
	const char *why; /* part of it; NULL: it is well */
} rows[] = {
	{ S(OK "X-A: b\r\nContent-Length: 5\r\n\r\nhello"),
		"200 [X-A: b\r\nContent-Length: 5\r\n]", "hello", GW_GOT_DONE, 0, NULL },
	{ S(OK "Content-Length: 0\r\n\r\nHTTP"), "200 [Content-Length: 0\r\n]", "",
		GW_GOT_DONE, 4, NULL },
	{ S(OK "Content-Length: 2\r\n\r\nabc"), "200 [Content-Length: 2\r\n]", "ab",
		GW_GOT_DONE, 1, NULL },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "abcde", GW_GOT_DONE, 0, NULL },
	{ S(OK "\r\nuntil the end"), "200 []", "until the end", GW_GOT_DONE, 0, NULL },
	{ S(OK "\r\n"), "200 []", "", GW_GOT_DONE, 0, NULL },
	{ S("HTTP/1.1 204 No Content\r\n\r\nx"), "204 []", "", GW_GOT_DONE, 1, NULL },
	{ S("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
		"304 [Content-Length: 7\r\n]", "", GW_GOT_DONE, 0, NULL },
	{ S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK
	    "Content-Length: 1\r\n\r\nz"),
		"200 [Content-Length: 1\r\n]", "z", GW_GOT_DONE, 0, NULL },
	{ S("HTTP/1.1 500 \r\nContent-Length: 1\r\n\r\nz"), "500 [Content-Length: 1\r\n]",
		"z", GW_GOT_DONE, 0, NULL },
	/* cut short */
	{ S(""), "", "", GW_GOT_BAD, 0, "without an answer" },
	{ S("HTTP/1.1 200"), "", "", GW_GOT_BAD, 0, "within the head" },
	{ S("HTTP/1.1 100 Continue\r\n\r\n"), "", "", GW_GOT_BAD, 0, "within the head" },
	{ S(OK "Content-Length: 5\r\n\r\nhell"), "200 [Content-Length: 5\r\n]", "hell",
		GW_GOT_BAD, 0, "within its answer" },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "abc", GW_GOT_BAD, 0,
		"within its answer" },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "", GW_GOT_BAD, 0,
		"within its answer" },
	/* two readings of where it ends */
	{ S(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "",
		"", GW_GOT_BAD, 0, "" },
	{ S(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), "", "",
		GW_GOT_BAD, 0, "" },
	{ S(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), "", "", GW_GOT_BAD,
		0, "" },
	{ S(OK "Content-Length: +5\r\n\r\nhello"), "", "", GW_GOT_BAD, 0, "" },
	{ S(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "", "", GW_GOT_BAD,
		0, "" },
	{ S(OK "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), "", "", GW_GOT_BAD, 0,
		"" },
	{ S(OK "X: a\r\n b\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S(OK "X: a\nContent-Length: 1\r\n\r\nz"), "", "", GW_GOT_BAD, 0, "" },
	{ S(OK "X: a\rY: b\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S(OK "X: a\0b\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "", GW_GOT_BAD, 0, "" },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "abc", GW_GOT_BAD, 0, "" },
	{ S(OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
		"200 [Transfer-Encoding: chunked\r\n]", "", GW_GOT_BAD, 0, "" },
	/* not an answer to us */
	{ S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
		"", "", GW_GOT_BAD, 0, "switches protocols" },
	{ S("HTTP/2.0 200 OK\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S("ICY 200 OK\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S("<html>\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
	{ S("GET / HTTP/1.1\r\n\r\n"), "", "", GW_GOT_BAD, 0, "" },
};

static void
check(size_t i, size_t at, bool step)
{
	CLEANUP(trace_fini) struct trace t;

	play(rows[i].in, at, step, &t);
	ok_str(buf_text(&t.text), rows[i].text, rows[i].in.p);
	ok_bytes(buf_str(&t.body), str_of(rows[i].body), rows[i].in.p);
	ok_int(t.last, rows[i].last, rows[i].in.p);
	if (rows[i].last == GW_GOT_DONE)
		ok_int(t.left, rows[i].left, "bytes behind it");
	else
		ok(t.why != NULL && strstr(t.why, rows[i].why) != NULL,
			"its reason is told");
}

static void
any_pieces_give_the_same_answer(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		check(i, 0, true);
		for (size_t at = 0; at <= rows[i].in.n; at++)
			check(i, at, false);
	}
}

static void
repeat(struct buf *b, const char *text, int n)
{
	while (n-- > 0)
		buf_puts(b, text);
}

static void
heads_have_a_ceiling(void)
{
	static const char *const lines[] = { "X: y\r\n", "a", "HTTP/1.1 100 C\r\n\r\n" };

	for (size_t i = 0; i < LEN(lines); i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(TEXT_MAX);
		CLEANUP(trace_fini) struct trace t;

		buf_puts(&b, i < 2 ? OK : "");
		repeat(&b, lines[i], LARGE);
		play(buf_str(&b), b.n, false, &t);
		ok_int(t.last, GW_GOT_BAD, lines[i]);
		trace_fini(&t);
		play(buf_str(&b), 0, true, &t);
		ok_int(t.last, GW_GOT_BAD, lines[i]);
	}
}

static void
an_answer_to_head_has_no_body(void)
{
	struct str in = STR(OK "Content-Length: 5\r\n\r\n"), piece;
	struct gw_answer a;

	gw_answer_init(&a, true);
	ok_int(gw_answer_next(&a, &in, &piece), GW_GOT_HEAD, "its head");
	ok_int(gw_answer_next(&a, &in, &piece), GW_GOT_DONE, "and no more");
	gw_answer_fini(&a);
}

int
main(void)
{
	any_pieces_give_the_same_answer();
	heads_have_a_ceiling();
	an_answer_to_head_has_no_body();
	return test_done();
}
