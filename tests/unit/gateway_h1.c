#include "gateway/h1.h"

#include <stdlib.h>

#include "gateway/head.h"
#include "tests/unit/test.h"

enum { TEXT_MAX = 4096, OUT_MAX = 1 << 20 };

#define HOST "Host: a\r\n"

/* All that a head says, as one line. */
static void
put_head(struct buf *out, const struct h1 *h, enum h1_got got)
{
	static const char *const framing[H1_FRAMINGS] = { "none", "length", "chunked",
		"close" };
	struct str rest = h->lines, name, value;

	if (got != H1_DONE) {
		buf_printf(out, "%s %d %s", got == H1_BAD ? "bad" : "more", h->refusal,
			got == H1_BAD ? h->why : "");
		return;
	}
	buf_printf(out, "%u " STR_FMT " " STR_FMT " " STR_FMT " %d %s %" PRIu64 "%s%s",
		h->size, STR_ARG(h->method), STR_ARG(h->target), STR_ARG(h->host),
		h->status, framing[h->framing], h->length, h->keep_alive ? " keep" : "",
		h->expects ? " expects" : "");
	while (gw_head_next(&rest, &name, &value))
		buf_printf(
			out, " [" STR_FMT "=" STR_FMT "]", STR_ARG(name), STR_ARG(value));
}

/* In pieces, each at another place with nothing readable behind it. */
static void
read_split(struct str in, bool answer, const size_t *cuts, size_t n, struct buf *out)
{
	enum h1_got got = H1_MORE;
	struct h1 h;
	char *copy = NULL;

	if (answer)
		h1_answer_init(&h, false);
	else
		h1_request_init(&h);
	for (size_t i = 0; i <= n && got == H1_MORE; i++) {
		const size_t have = i < n ? cuts[i] : in.n;

		free(copy);
		copy = malloc(have > 0 ? have : 1);
		if (copy == NULL)
			abort();
		memcpy(copy, in.p, have);
		got = h1_head(&h, (struct str){ copy, have });
	}
	put_head(out, &h, got);
	free(copy);
}

static void
check(struct str in, bool answer, const char *want)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf split = BUF_INIT(OUT_MAX);
	size_t every[TEXT_MAX];

	read_split(in, answer, &in.n, 0, &whole);
	ok_str(buf_text(&whole), want, in.p);
	for (size_t i = 0; i <= in.n; i++) {
		every[i] = i;
		buf_reset(&split);
		read_split(in, answer, &i, 1, &split);
		ok_bytes(buf_str(&split), buf_str(&whole), "in two pieces");
	}
	buf_reset(&split);
	read_split(in, answer, every, in.n, &split);
	ok_bytes(buf_str(&split), buf_str(&whole), "byte by byte");
}

struct row {
	const char *in, *want;
};

static void
requests_are_read(void)
{
	static const struct row rows[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", "27 GET / a 0 none 0 keep [Host=a]" },
		{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
			"29 GET / a 0 none 0 keep [Host=a]" },
		{ "GET / HTTP/1.1\r\n" HOST "\r\nGET /b",
			"27 GET / a 0 none 0 keep [Host=a]" },
		{ "GET / HTTP/1.1\r\nHOST:\r\n\r\n", "25 GET /  0 none 0 keep [HOST=]" },
		{ "POST /a?b=c HTTP/1.1\r\nhost:\t a:1 \t\r\ncontent-length:12\r\n\r\n",
			"57 POST /a?b=c a:1 0 length 12 keep [host=a:1] [content-length=12]" },
		{ "POST / HTTP/1.1\r\n" HOST
		  "Content-Length: 0\r\nConnection: Close\r\n\r\n",
			"66 POST / a 0 length 0 [Host=a] [Content-Length=0] [Connection=Close]" },
		{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n",
			"56 POST / a 0 chunked 0 keep [Host=a] [Transfer-Encoding=Chunked]" },
		{ "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n",
			"50 POST / a 0 none 0 keep expects [Host=a] [Expect=100-Continue]" },
		{ "GET / HTTP/1.1\r\n" HOST
		  "Connection: x, Upgrade\r\nUpgrade: websocket\r\n\r\n",
			"71 GET / a 0 none 0 keep [Host=a] [Connection=x, Upgrade] "
			"[Upgrade=websocket]" },
		{ "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n",
			"47 GET / a 0 none 0 keep [Host=a] [Upgrade=websocket]" },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n",
			"61 GET / a 0 none 0 [Host=a] [Connection=x] [Connection=close]" },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: x ,\tclose ,y\r\n\r\n",
			"53 GET / a 0 none 0 [Host=a] [Connection=x ,\tclose ,y]" },
		{ "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa9 \"b\"\r\n\r\n",
			"38 GET / a 0 none 0 keep [Host=a] [X=\xc3\xa9 \"b\"]" },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		check(str_of(rows[i].in), false, rows[i].want);
}

static void
starts_of_requests_that_are_refused(void)
{
	static const struct row rows[] = {
		{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
			"bad 400 the request line begins with no method" },
		{ " GET / HTTP/1.1\r\n",
			"bad 400 the request line begins with no method" },
		{ "G\"T / HTTP/1.1\r\n",
			"bad 400 the request line begins with no method" },
		{ "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n",
			"bad 400 the request line begins with no method" },
		{ "GET  / HTTP/1.1\r\n",
			"bad 400 the target of the request is malformed" },
		{ "GET /\x01 HTTP/1.1\r\n",
			"bad 400 the target of the request is malformed" },
		{ "GET /\xc3\xa9 HTTP/1.1\r\n",
			"bad 400 the target of the request is malformed" },
		{ "GET /\tHTTP/1.1\r\n",
			"bad 400 the target of the request is malformed" },
		{ "GET / a HTTP/1.1\r\n",
			"bad 400 the request line ends with no HTTP version" },
		{ "GET /\r\n", "bad 400 the request line ends with no HTTP version" },
		{ "GET / HTTP/1.1 \r\n",
			"bad 400 the request line ends with no HTTP version" },
		{ "GET / http/1.1\r\n",
			"bad 400 the request line ends with no HTTP version" },
		{ "GET / HTTP/11\r\n",
			"bad 400 the request line ends with no HTTP version" },
		{ "GET / HTTP/1.0\r\n\r\n", "bad 505 only HTTP/1.1 is spoken here" },
		{ "GET / HTTP/1.2\r\n\r\n", "bad 505 only HTTP/1.1 is spoken here" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
			"bad 505 only HTTP/1.1 is spoken here" },
		{ "GET http://a/ HTTP/1.1\r\n" HOST "\r\n",
			"bad 400 the target of the request is not a path: this is no proxy" },
		{ "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n",
			"bad 400 the target of the request is not a path: this is no proxy" },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
			"bad 400 the target of the request is not a path: this is no proxy" },
		{ "GET / HTTP/1.1\n" HOST "\r\n", "bad 400 a line ends without CR" },
		{ "\nGET / HTTP/1.1\r\n", "bad 400 a line ends without CR" },
		{ "GET / HTTP/1.1\r\r\n",
			"bad 400 the request line ends with no HTTP version" },
		{ "\x16\x03\x01\x02\n", "bad 400 a line ends without CR" },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		check(str_of(rows[i].in), false, rows[i].want);
}

static void
fields_that_are_refused(void)
{
	static const struct row rows[] = {
		{ " Host: a\r\n\r\n",
			"bad 400 white space stands before the first field" },
		{ "\tHost: a\r\n\r\n",
			"bad 400 white space stands before the first field" },
		{ HOST " b\r\n\r\n",
			"bad 400 a field is folded over more than one line" },
		{ HOST " X: b\r\n\r\n",
			"bad 400 a field is folded over more than one line" },
		{ HOST "X : b\r\n\r\n", "bad 400 the name of a field is malformed" },
		{ HOST "X\t: b\r\n\r\n", "bad 400 the name of a field is malformed" },
		{ HOST ": b\r\n\r\n", "bad 400 the name of a field is malformed" },
		{ HOST "X(y): b\r\n\r\n", "bad 400 the name of a field is malformed" },
		{ HOST "X\xc3: b\r\n\r\n", "bad 400 the name of a field is malformed" },
		{ HOST "no colon\r\n\r\n", "bad 400 a field has no colon" },
		{ HOST "X: b\n\r\n", "bad 400 a line ends without CR" },
		{ HOST "X: b\r\n\n", "bad 400 a line ends without CR" },
		{ HOST "X: b\rc\r\n\r\n",
			"bad 400 a field has a control byte in its value" },
		{ HOST "X: b\r\r\n\r\n",
			"bad 400 a field has a control byte in its value" },
		{ HOST "X: b\x7f\r\n\r\n",
			"bad 400 a field has a control byte in its value" },
		{ "X: b\r\n\r\n", "bad 400 there is no Host" },
		{ HOST HOST "\r\n", "bad 400 there is more than one Host" },
		{ HOST "Expect: something\r\n\r\n",
			"bad 417 what Expect asks for is not known" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *in = mem_printf("POST / HTTP/1.1\r\n%s", rows[i].in);

		check(str_of(in), false, rows[i].want);
	}
	check(STR("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"), false,
		"bad 400 a field has a control byte in its value");
	check(STR("GET / HTTP/1.1\r\nX\0: a\r\n\r\n"), false,
		"bad 400 the name of a field is malformed");
	check(STR("GET /\0 HTTP/1.1\r\n\r\n"), false,
		"bad 400 the target of the request is malformed");
}

/* Each of these ends at different bytes for different readers. */
static void
framing_that_two_could_read_differently_is_refused(void)
{
#define LENGTH "Content-Length: "
#define CODING "Transfer-Encoding: "
#define CHUNKED CODING "chunked\r\n"
	static const char number[] = "bad 400 Content-Length is not a number of bytes";
	static const char twice[] = "bad 400 there is more than one Content-Length";
	static const char coding[] =
		"bad 501 the only Transfer-Encoding that is understood is chunked";
	static const struct row rows[] = {
		{ LENGTH "3\r\n" CHUNKED,
			"bad 400 Content-Length and Transfer-Encoding contradict each "
			"other" },
		{ CHUNKED LENGTH "3\r\n",
			"bad 400 Content-Length and Transfer-Encoding contradict each "
			"other" },
		{ LENGTH "3\r\n" LENGTH "3\r\n", twice },
		{ LENGTH "3\r\n" LENGTH "4\r\n", twice },
		{ LENGTH "3\r\ncontent-length: 3\r\n", twice },
		{ LENGTH "3, 3\r\n", number },
		{ LENGTH "+3\r\n", number },
		{ LENGTH "-3\r\n", number },
		{ LENGTH "0x3\r\n", number },
		{ LENGTH "3 3\r\n", number },
		{ LENGTH "3.0\r\n", number },
		{ LENGTH "\r\n", number },
		{ LENGTH "18446744073709551619\r\n", number },
		{ LENGTH "1234567890123456\r\n", number },
		{ CODING "gzip, chunked\r\n", coding },
		{ CODING "chunked, identity\r\n", coding },
		{ CODING "chunked, chunked\r\n", coding },
		{ CODING "identity\r\n", coding },
		{ CODING "xchunked\r\n", coding },
		{ CODING "chunked;a=b\r\n", coding },
		{ CODING "\"chunked\"\r\n", coding },
		{ CODING "\x0b"
			 "chunked\r\n",
			"bad 400 a field has a control byte in its value" },
		{ CODING "\r\n", coding },
		{ CHUNKED CHUNKED, "bad 400 there is more than one Transfer-Encoding" },
		{ CHUNKED CODING "identity\r\n",
			"bad 400 there is more than one Transfer-Encoding" },
		{ "Transfer-Encoding : chunked\r\n",
			"bad 400 the name of a field is malformed" },
		{ "X: a\r\n chunked\r\n",
			"bad 400 a field is folded over more than one line" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *in = mem_printf("POST / HTTP/1.1\r\n" HOST "%s\r\n", rows[i].in);
		CLEANUP(mem_freep)
		char *out = mem_printf("HTTP/1.1 200 OK\r\n%s\r\n", rows[i].in);

		check(str_of(in), false, rows[i].want);
		check(str_of(out), true, rows[i].want);
	}
}

static void
answers_are_read(void)
{
	static const struct row rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
			"38    200 length 5 keep [Content-Length=5]" },
		{ "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n",
			"47    200 chunked 0 keep [Transfer-Encoding=chunked]" },
		{ "HTTP/1.1 200 OK\r\n\r\n", "19    200 close 0" },
		{ "HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n"
		  "Content-Length: 1\r\n\r\n",
			"72    200 length 1 [Connection=x] [Connection=close] [Content-Length=1]" },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
			"57    200 length 1 [Connection=close] [Content-Length=1]" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
			"38    200 length 1 [Content-Length=1]" },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
			"25    100 none 0 keep" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "27    204 none 0 keep" },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
			"48    304 none 9 keep [Content-Length=9]" },
		{ "HTTP/1.1 429 \xc3\xa9t\xc3\xa9\r\nContent-Length: 0\r\n\r\n",
			"41    429 length 0 keep [Content-Length=0]" },
		{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
			"35    200 length 0 keep [Content-Length=0]" },
		{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
			"36    200 length 0 keep [Content-Length=0]" },
		{ "\r\nHTTP/1.1 200 OK\r\n\r\n",
			"bad 400 the answer is not of HTTP/1.1" },
		{ "HTTP/2 200 OK\r\n\r\n", "bad 400 the answer is not of HTTP/1.1" },
		{ "HTTP/1.2 200 OK\r\n\r\n", "bad 400 the answer is not of HTTP/1.1" },
		{ "ICY 200 OK\r\n\r\n", "bad 400 the answer is not of HTTP/1.1" },
		{ "HTTP/1.1  200 OK\r\n\r\n",
			"bad 400 the answer's status is malformed" },
		{ "HTTP/1.1 2x0 OK\r\n\r\n", "bad 400 the answer's status is malformed" },
		{ "HTTP/1.1 20 OK\r\n\r\n", "bad 400 the answer's status is malformed" },
		{ "HTTP/1.1 2000 OK\r\n\r\n",
			"bad 400 the answer's status line is malformed" },
		{ "HTTP/1.1 099 OK\r\n\r\n",
			"bad 400 the answer's status line is malformed" },
		{ "HTTP/1.1 200 O\x01K\r\n\r\n",
			"bad 400 the answer's status line is malformed" },
		{ "HTTP/1.1 200 OK\n\r\n", "bad 400 a line ends without CR" },
		{ "HTTP/1.0 200 OK\r\n" CHUNKED "\r\n",
			"bad 400 an answer of HTTP/1.0 cannot be chunked" },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		check(str_of(rows[i].in), true, rows[i].want);
}

static void
an_answer_to_head_has_no_body(void)
{
	struct h1 h;

	h1_answer_init(&h, true);
	ok_int(h1_head(&h, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")), H1_DONE,
		"HEAD");
	ok_int(h.framing, H1_NO_BODY, "HEAD");
	ok(h.keep_alive, "the connection goes on");
}

/* n bytes of `fill` between the two; feeds it whole and in two, answers what is said. */
static const char *
long_one(const char *before, size_t n, const char *behind, enum h1_got want)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(OUT_MAX);
	struct h1 h, slow;
	enum h1_got got;

	buf_puts(&b, before);
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, behind);
	h1_request_init(&h);
	h1_request_init(&slow);
	got = h1_head(&h, buf_str(&b));
	ok_int(got, want, before);
	for (size_t i = 0; i <= b.n; i += i + 1009 < b.n ? 1009 : 1) {
		got = h1_head(&slow, (struct str){ b.p, i });
		if (got != H1_MORE)
			break;
	}
	ok_int(got, want, "in pieces");
	ok_str(h.why == NULL ? "" : h.why, slow.why == NULL ? "" : slow.why, "in pieces");
	return h.why == NULL ? "" : h.why;
}

static void
heads_have_limits(void)
{
	CLEANUP(buf_fini) struct buf many = BUF_INIT(OUT_MAX);
	const size_t rest = sizeof "GET / HTTP/1.1" - 1;

	ok_str(long_one(
		       "GET /", H1_LINE_MAX - rest, " HTTP/1.1\r\n" HOST "\r\n", H1_DONE),
		"", "a target of the greatest length");
	ok_str(long_one("GET /", H1_LINE_MAX - rest + 1, " HTTP/1.1\r\n" HOST "\r\n",
		       H1_BAD),
		"the first line is too long", "a longer one");
	ok_str(long_one(
		       "GET / HTTP/1.1\r\nHost: ", H1_FIELD_MAX - 6, "\r\n\r\n", H1_DONE),
		"", "a field of the greatest length");
	ok_str(long_one("GET / HTTP/1.1\r\nHost: ", H1_FIELD_MAX - 5, "\r\n\r\n", H1_BAD),
		"a field is too long", "a longer one");
	buf_puts(&many, "GET / HTTP/1.1\r\n" HOST "A: ");
	for (size_t i = 0; i < H1_FIELD_MAX - 16; i++)
		buf_putc(&many, 'x');
	buf_puts(&many, "\r\nB: ");
	ok_str(long_one(buf_text(&many), H1_HEAD_MAX - many.n - 4, "\r\n\r\n", H1_DONE),
		"", "a head of the greatest length");
	ok_str(long_one(buf_text(&many), H1_HEAD_MAX - many.n - 3, "\r\n\r\n", H1_BAD),
		"the fields are too long", "a longer one");
	buf_reset(&many);
	buf_puts(&many, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 1; i < H1_FIELDS_MAX; i++)
		buf_puts(&many, "A:\r\n");
	ok_str(long_one(buf_text(&many), 0, "\r\n", H1_DONE), "", "many fields");
	ok_str(long_one(buf_text(&many), 0, "A:\r\n\r\n", H1_BAD),
		"there are too many fields", "one more");
}

static void
lines_are_read_by_the_other_functions_too(void)
{
	struct h1 h;

	h1_request_init(&h);
	(void)h1_head(&h, STR("GET / HTTP/1.1\r\nHost: a\r\nX-Y:  b c \r\nZ:\r\n\r\n"));
	ok_bytes(gw_head_get(h.lines, "x-y"), STR("b c"), "the value has no CR");
	ok_int(gw_head_count(h.lines, "z"), 1, "an empty one");
	ok_bytes(gw_head_get(h.lines, "z"), STR(""), "an empty one");
}

/* --- chunks ------------------------------------------------------------------------ */

static void
read_chunks(struct str in, const size_t *cuts, size_t n, struct buf *out)
{
	struct h1_chunks c = { 0 };
	enum h1_got got = H1_MORE;
	size_t at = 0, used = 0;
	struct str data;

	for (size_t i = 0; i <= n && got == H1_MORE; i++) {
		const size_t stop = i < n ? cuts[i] : in.n;
		struct str piece = { in.p + at, stop - at };

		at = stop;
		while ((got = h1_chunk(&c, &piece, &data)) == H1_DATA)
			buf_put_str(out, data);
		used = at - piece.n;
	}
	if (got == H1_DONE)
		buf_printf(out, "|%zu", used);
	else
		buf_printf(out, "|%s", got == H1_BAD ? c.why : "more");
}

static void
chunks_are_joined_and_bad_ones_refused(void)
{
	static const char size[] = "|a chunk's size is malformed";
	static const char ends[] = "a|a line of the chunked body ends without CR LF";
	static const struct row rows[] = {
		{ "0\r\n\r\n", "|5" },
		{ "5\r\nhello\r\n0\r\n\r\nGET", "hello|15" },
		{ "A\r\n0123456789\r\n00b\r\n01234567890\r\n000\r\n\r\n",
			"012345678901234567890|40" },
		{ "1;a=\"b\"\r\nx\r\n0;c\r\n\r\n", "x|19" },
		{ "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x|21" },
		{ "1\r\nx\r\n0\r\nA: b\r\n", "x|more" },
		{ "1\r\nx", "x|more" },
		{ "", "|more" },
		{ "\r\n", size },
		{ " 1\r\nx\r\n", size },
		{ "1 \r\nx\r\n", size },
		{ "+1\r\nx\r\n", size },
		{ "-1\r\nx\r\n", size },
		{ "0x1\r\nx\r\n", size },
		{ "g\r\nx\r\n", size },
		{ "1\nx\r\n", size },
		{ "1\r\na\n0\r\n\r\n", ends },
		{ "1\r\na\r0\r\n\r\n", ends },
		{ "1\r\nab\r\n", ends },
		{ "1\rx", "|a line of the chunked body ends without CR LF" },
		{ "1;a\nb\r\n", "|a chunk's extension has a control byte" },
		{ "1;a\rb\r\n", "|a line of the chunked body ends without CR LF" },
		{ "ffffffffffffffff\r\n", "|a chunk is too large" },
		{ "0000000000000001\r\n", "|a chunk is too large" },
		{ "0\r\nA: b\n\r\n", "|a trailer has a control byte" },
		{ "0\r\n A: b\r\n\r\n", "|a trailer is malformed" },
		{ "0\r\nA : b\r\n\r\n", "|a trailer is malformed" },
		{ "0\r\n: b\r\n\r\n", "|a trailer is malformed" },
		{ "0\r\nAb\r\n\r\n", "|a trailer is malformed" },
		{ "0\r\nA: b\r\n c\r\n\r\n", "|a trailer is malformed" },
		{ "0\r\n\n", "|a trailer is malformed" },
		{ "0\r\n\rx", "|a line of the chunked body ends without CR LF" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf whole = BUF_INIT(OUT_MAX);
		CLEANUP(buf_fini) struct buf split = BUF_INIT(OUT_MAX);
		const struct str in = str_of(rows[i].in);
		size_t every[TEXT_MAX];

		read_chunks(in, &in.n, 0, &whole);
		ok_str(buf_text(&whole), rows[i].want, rows[i].in);
		for (size_t k = 0; k <= in.n; k++) {
			every[k] = k;
			buf_reset(&split);
			read_chunks(in, &k, 1, &split);
			ok_bytes(buf_str(&split), buf_str(&whole), rows[i].in);
		}
		buf_reset(&split);
		read_chunks(in, every, in.n, &split);
		ok_bytes(buf_str(&split), buf_str(&whole), rows[i].in);
	}
}

static void
chunks_have_limits(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);

	buf_puts(&b, "0;");
	while (b.n < H1_CHUNK_LINE_MAX)
		buf_putc(&b, 'x');
	buf_puts(&b, "\r\n\r\n");
	read_chunks(buf_str(&b), &b.n, 0, &out);
	ok_str(buf_text(&out), "|260", "a size line of the greatest length");
	buf_reset(&b);
	buf_reset(&out);
	buf_puts(&b, "0;");
	while (b.n <= H1_CHUNK_LINE_MAX)
		buf_putc(&b, 'x');
	buf_puts(&b, "\r\n\r\n");
	read_chunks(buf_str(&b), &b.n, 0, &out);
	ok_str(buf_text(&out), "|the line of a chunk's size is too long", "a longer one");
	buf_reset(&b);
	buf_reset(&out);
	buf_puts(&b, "0\r\n");
	for (int i = 0; i <= H1_TRAILERS_MAX / 6; i++)
		buf_puts(&b, "A: b\r\n");
	read_chunks(buf_str(&b), &b.n, 0, &out);
	ok_str(buf_text(&out), "|the trailers are too long", "trailers");
}

int
main(void)
{
	requests_are_read();
	starts_of_requests_that_are_refused();
	fields_that_are_refused();
	framing_that_two_could_read_differently_is_refused();
	answers_are_read();
	an_answer_to_head_has_no_body();
	heads_have_limits();
	lines_are_read_by_the_other_functions_too();
	chunks_are_joined_and_bad_ones_refused();
	chunks_have_limits();
	return test_done();
}
