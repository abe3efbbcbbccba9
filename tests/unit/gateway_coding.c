/* Content-Encoding taken off: golden vectors, every split, ceilings (gateway/coding.h). */

#include "gateway/coding.h"

#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/test.h"

enum { OUT_MAX = 64 << 20, ZEROS = 10 << 20, RAW = -15, ZLIB = 15, GZIP = 31 };

/* Of node 20 (gzip, deflate, br) and of zstd 1.5: not of our own making. */
static const unsigned char gzip_bytes[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x03, 0x4b, 0x2d, 0x4b, 0xcd, 0x2b, 0xb1, 0x52, 0x28, 0x4a, 0x2d,
	0x2e, 0xc8, 0xcf, 0x2b, 0x4e, 0xd5, 0xcb, 0x2f, 0x2d, 0x29, 0x28, 0x2d, 0x89,
	0x2f, 0x49, 0xad, 0x28, 0xd1, 0x4b, 0x49, 0xcd, 0x29, 0x49, 0xe4, 0x4a, 0x49,
	0x2c, 0x49, 0xb4, 0x52, 0xa8, 0x56, 0x2a, 0xa9, 0x2c, 0x48, 0x55, 0xb2, 0x52,
	0xc2, 0xad, 0x52, 0x49, 0x47, 0x09, 0x42, 0x5b, 0x29, 0xe5, 0x25, 0x1e, 0x5e,
	0x5f, 0x96, 0xaa, 0x10, 0x53, 0x6a, 0x60, 0x90, 0x6a, 0xa9, 0xa0, 0x54, 0xcb,
	0xc5, 0x95, 0x3a, 0xcc, 0xec, 0x01, 0x00, 0x05, 0x38, 0xe6, 0xc1, 0x38, 0x01,
	0x00, 0x00 };
static const unsigned char deflate_bytes[] = { 0x78, 0x9c, 0x4b, 0x2d, 0x4b, 0xcd, 0x2b,
	0xb1, 0x52, 0x28, 0x4a, 0x2d, 0x2e, 0xc8, 0xcf, 0x2b, 0x4e, 0xd5, 0xcb, 0x2f,
	0x2d, 0x29, 0x28, 0x2d, 0x89, 0x2f, 0x49, 0xad, 0x28, 0xd1, 0x4b, 0x49, 0xcd,
	0x29, 0x49, 0xe4, 0x4a, 0x49, 0x2c, 0x49, 0xb4, 0x52, 0xa8, 0x56, 0x2a, 0xa9,
	0x2c, 0x48, 0x55, 0xb2, 0x52, 0xc2, 0xad, 0x52, 0x49, 0x47, 0x09, 0x42, 0x5b,
	0x29, 0xe5, 0x25, 0x1e, 0x5e, 0x5f, 0x96, 0xaa, 0x10, 0x53, 0x6a, 0x60, 0x90,
	0x6a, 0xa9, 0xa0, 0x54, 0xcb, 0xc5, 0x95, 0x3a, 0xcc, 0xec, 0x01, 0x00, 0xda,
	0x19, 0x70, 0x84 };
static const unsigned char raw_bytes[] = { 0x4b, 0x2d, 0x4b, 0xcd, 0x2b, 0xb1, 0x52, 0x28,
	0x4a, 0x2d, 0x2e, 0xc8, 0xcf, 0x2b, 0x4e, 0xd5, 0xcb, 0x2f, 0x2d, 0x29, 0x28,
	0x2d, 0x89, 0x2f, 0x49, 0xad, 0x28, 0xd1, 0x4b, 0x49, 0xcd, 0x29, 0x49, 0xe4,
	0x4a, 0x49, 0x2c, 0x49, 0xb4, 0x52, 0xa8, 0x56, 0x2a, 0xa9, 0x2c, 0x48, 0x55,
	0xb2, 0x52, 0xc2, 0xad, 0x52, 0x49, 0x47, 0x09, 0x42, 0x5b, 0x29, 0xe5, 0x25,
	0x1e, 0x5e, 0x5f, 0x96, 0xaa, 0x10, 0x53, 0x6a, 0x60, 0x90, 0x6a, 0xa9, 0xa0,
	0x54, 0xcb, 0xc5, 0x95, 0x3a, 0xcc, 0xec, 0x01, 0x00 };
static const unsigned char brotli_bytes[] = { 0x1b, 0x37, 0x01, 0x60, 0x8d, 0xd3, 0x0d,
	0x75, 0xa9, 0x8f, 0xba, 0xa7, 0x6e, 0x4b, 0x75, 0x2c, 0xcb, 0xb1, 0xba, 0x94,
	0x05, 0x31, 0xbc, 0x8a, 0x41, 0x05, 0x11, 0x63, 0xb6, 0x04, 0x43, 0xc1, 0x0d,
	0x0e, 0xd8, 0xcb, 0x2a, 0x8e, 0x12, 0xc3, 0x09, 0x6c, 0x64, 0x8e, 0x95, 0x68,
	0x1e, 0xca, 0x43, 0x39, 0x41, 0x85, 0xd6, 0xd8, 0x35, 0x2a, 0xc0, 0xf6, 0xd5,
	0x1a, 0xe2, 0xa2, 0x70, 0x38, 0x76, 0x77, 0x8a, 0x64, 0x0c, 0xcc, 0x4b, 0x21,
	0xb6, 0xfa, 0xdf, 0x72, 0xe4, 0x19, 0xa3, 0x27, 0xf0, 0x0e, 0x00 };
static const unsigned char zstd_bytes[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x64, 0x38, 0x00,
	0x9d, 0x02, 0x00, 0x92, 0x04, 0x11, 0x1a, 0xb0, 0xa5, 0x39, 0xac, 0x70, 0x18,
	0xdc, 0xda, 0xcc, 0x62, 0x53, 0x32, 0xde, 0x2d, 0x8a, 0x53, 0x56, 0x60, 0x0e,
	0x47, 0xed, 0x86, 0x4e, 0x30, 0x94, 0x9f, 0x84, 0x14, 0x7a, 0x85, 0x8d, 0x61,
	0xc6, 0xb9, 0x19, 0x0e, 0x89, 0x8a, 0x2d, 0xd1, 0x62, 0xad, 0x06, 0x2f, 0xe1,
	0x30, 0x9f, 0x87, 0xe4, 0x01, 0x3e, 0xe5, 0x02, 0xff, 0x38, 0x53, 0x67, 0xa9,
	0x78, 0xa1, 0xa4, 0x96, 0x03, 0x87, 0x47, 0x6e, 0x0e, 0x03, 0x00, 0x9b, 0x6b,
	0x20, 0x56, 0x55, 0x3b, 0xa2, 0xd9, 0x0a, 0x0a, 0xba, 0x4a, 0xec, 0x84 };
static const unsigned char brotli_zeros[] = { 0xcb, 0xff, 0xff, 0x3f, 0xf8, 0x27, 0x00,
	0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x2f, 0xff, 0xff, 0x3f, 0xf0, 0x4f, 0x00,
	0xc4, 0x61, 0x11, 0x80, 0xee, 0xfd, 0x07 };
static const unsigned char zstd_wide[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x88, 0x4c, 0x00,
	0x00, 0x08, 0x00, 0x01, 0x00, 0xfc, 0xff, 0x39, 0x10, 0x02, 0x02, 0x00, 0x10,
	0x00, 0x02, 0x00 };

static const char event[] = "event: response.output_text.delta\n"
			    "data: {\"type\":\"response.output_text.delta\","
			    "\"delta\":\"na\u00efve \\u00e9 \"}\n\n";

#define BYTES(a) ((struct str){ (const char *)(a), sizeof(a) })

/* What all golden vectors say. */
static void
put_sample(struct buf *b)
{
	for (int i = 0; i < 3; i++)
		buf_puts(b, event);
}

static struct gw_codings
codings(const char *value)
{
	struct gw_codings c = { .n = 0 };
	struct err e = ERR_INIT;

	ok_int(gw_codings_add(&c, str_of(value), &e), 0, value);
	return c;
}

static void
put_zlib(struct buf *out, int bits, int flush, struct str in)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n };

	ok_int(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK,
		"zlib");
	z.avail_out = (uInt)deflateBound(&z, in.n) + 64;
	z.next_out = (Bytef *)buf_room(out, z.avail_out);
	(void)deflate(&z, flush);
	out->n += z.total_out;
	(void)deflateEnd(&z);
}

static void
put_zstd(struct buf *out, struct str in)
{
	const size_t bound = ZSTD_compressBound(in.n);
	char *to = buf_room(out, bound);

	out->n += ZSTD_compress(to, bound, in.p, in.n, 3);
}

/* Feeds pieces; a call may give no more than a piece, and all of it before the next. */
static int
decode(const struct gw_codings *c, bool exact, struct str in, size_t piece,
	struct buf *out, struct err *e)
{
	struct gw_decoder *d = gw_decoder_new(c, OUT_MAX, exact);
	int got = 0;

	while (got == 0 && in.n > 0) {
		struct str now = { in.p, in.n < piece ? in.n : piece };

		in = str_skip(in, now.n);
		do {
			const size_t before = out->n;

			got = gw_decoder_feed(d, &now, out, e);
			ok(out->n - before <= GW_DECODED_PIECE, "one piece a call");
		} while (got > 0);
		ok(got < 0 || now.n == 0, "all was taken");
	}
	if (got == 0)
		got = gw_decoder_end(d, e);
	gw_decoder_free(d);
	return got;
}

static const struct {
	const char *value;
	struct str in;
} golden[] = {
	{ "", { event, sizeof event - 1 } },
	{ "gzip", BYTES(gzip_bytes) },
	{ "deflate", BYTES(deflate_bytes) },
	{ "deflate", BYTES(raw_bytes) },
	{ "br", BYTES(brotli_bytes) },
	{ "zstd", BYTES(zstd_bytes) },
};

static void
every_split_says_the_same(void)
{
	CLEANUP(buf_fini) struct buf want = BUF_INIT(OUT_MAX);

	put_sample(&want);
	for (size_t i = 1; i < LEN(golden); i++) {
		const struct gw_codings c = codings(golden[i].value);

		for (size_t piece = 1; piece <= golden[i].in.n; piece++) {
			CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
			struct err e = ERR_INIT;

			ok_int(decode(&c, false, golden[i].in, piece, &out, &e), 0,
				e.text);
			ok_bytes(buf_str(&out), buf_str(&want), golden[i].value);
		}
	}
}

static void
a_plain_body_is_itself(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
	const struct gw_codings none = codings(" identity, ,");
	struct err e = ERR_INIT;

	ok_int(none.n, 0, "no coding");
	ok_int(decode(&none, true, golden[0].in, 7, &out, &e), 0, "plain");
	ok_bytes(buf_str(&out), golden[0].in, "plain");
}

static void
what_is_cut_off_is_told_at_every_byte(void)
{
	for (size_t i = 1; i < LEN(golden); i++) {
		const struct gw_codings c = codings(golden[i].value);

		for (size_t n = 0; n < golden[i].in.n; n++) {
			CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
			const struct str in = { golden[i].in.p, n };
			struct err e = ERR_INIT;

			ok_int(gw_decode(&c, false, in, &out, &e), -1, golden[i].value);
			ok(strstr(e.text, "is cut off") != NULL, e.text);
		}
	}
}

/* The members of a gzip or zstd body; a lone plain copy behind the others. */
static void
what_follows_the_end(void)
{
	for (size_t i = 1; i < LEN(golden); i++) {
		const struct gw_codings c = codings(golden[i].value);
		const bool many = c.of[0] == GW_GZIP || c.of[0] == GW_ZSTD;

		for (int exact = 0; exact < 2; exact++) {
			CLEANUP(buf_fini) struct buf in = BUF_INIT(OUT_MAX);
			CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
			CLEANUP(buf_fini) struct buf want = BUF_INIT(OUT_MAX);
			const int good = many && !exact ? 0 : -1;
			struct err e = ERR_INIT;

			buf_put_str(&in, golden[i].in);
			buf_put_str(&in, golden[i].in);
			for (size_t piece = 1; piece <= in.n; piece++) {
				buf_reset(&out);
				ok_int(decode(&c, exact, buf_str(&in), piece, &out, &e),
					good, golden[i].value);
			}
			put_sample(&want);
			put_sample(&want);
			if (good == 0)
				ok_bytes(buf_str(&out), buf_str(&want), "both");
			in.n = golden[i].in.n;
			buf_puts(&in, "garbage");
			ok_int(gw_decode(&c, exact, buf_str(&in), &out, &e), -1,
				"garbage");
		}
	}
}

static void
an_exact_body_has_one_reading(void)
{
	static const struct {
		const char *value;
		struct str in;
		int want;
	} rows[] = {
		{ "gzip", BYTES(gzip_bytes), 0 },
		{ "deflate", BYTES(deflate_bytes), 0 },
		{ "deflate", BYTES(raw_bytes), -1 },
		{ "br", BYTES(brotli_bytes), 0 },
		{ "zstd", BYTES(zstd_bytes), 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
		const struct gw_codings c = codings(rows[i].value);
		struct err e = ERR_INIT;

		ok_int(gw_decode(&c, true, rows[i].in, &out, &e), rows[i].want, e.text);
	}
}

static void
one_upon_the_other(void)
{
	static const char *const pairs[] = { "gzip, zstd", "zstd,gzip", "gzip,gzip",
		"X-GZip ,identity,\tZSTD" };

	for (size_t i = 0; i < LEN(pairs); i++) {
		CLEANUP(buf_fini) struct buf want = BUF_INIT(OUT_MAX);
		CLEANUP(buf_fini) struct buf inner = BUF_INIT(OUT_MAX);
		CLEANUP(buf_fini) struct buf outer = BUF_INIT(OUT_MAX);
		const struct gw_codings c = codings(pairs[i]);
		uint32_t seed = 1;

		/* more than the middle holds, of about 2 bits a byte */
		while (want.n < 300000)
			buf_putc(&want, "abcd"[(seed = seed * 69069 + 1) >> 30]);
		ok_int(c.n, 2, pairs[i]);
		for (size_t k = 0; k < 2; k++) {
			struct buf *to = k == 0 ? &inner : &outer;
			const struct str from = buf_str(k == 0 ? &want : &inner);

			if (c.of[k] == GW_ZSTD)
				put_zstd(to, from);
			else
				put_zlib(to, GZIP, Z_FINISH, from);
		}
		for (size_t piece = 1; piece <= outer.n * 3; piece *= 3) {
			CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
			struct err e = ERR_INIT;

			ok_int(decode(&c, true, buf_str(&outer), piece, &out, &e), 0,
				e.text);
			ok(str_eq(buf_str(&out), buf_str(&want)), pairs[i]);
		}
	}
}

static void
an_event_comes_out_when_it_is_complete(void)
{
	static const int forms[] = { GZIP, ZLIB, RAW };

	for (size_t i = 0; i < LEN(forms); i++) {
		CLEANUP(buf_fini) struct buf in = BUF_INIT(OUT_MAX);
		CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
		const struct gw_codings c = codings(
			forms[i] == GZIP ? "gzip" : "deflate");
		struct gw_decoder *d = gw_decoder_new(&c, OUT_MAX, false);
		struct err e = ERR_INIT;
		struct str now;

		put_zlib(&in, forms[i], Z_SYNC_FLUSH, str_of(event));
		now = buf_str(&in);
		ok_int(gw_decoder_feed(d, &now, &out, &e), 0, "not ended");
		ok_bytes(buf_str(&out), str_of(event), "the event is there");
		ok_int(gw_decoder_end(d, &e), -1, "the end is not");
		gw_decoder_free(d);
	}
}

static void
a_bomb_is_refused(void)
{
	CLEANUP(mem_freep) char *zeros = mem_alloc(ZEROS);
	CLEANUP(buf_fini) struct buf gz = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf twice = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf zst = BUF_INIT(OUT_MAX);

	put_zlib(&gz, GZIP, Z_FINISH, (struct str){ zeros, ZEROS });
	put_zlib(&twice, GZIP, Z_FINISH, buf_str(&gz));
	put_zstd(&zst, (struct str){ zeros, ZEROS });
	const struct {
		const char *value;
		struct str in;
	} rows[] = { { "gzip", buf_str(&gz) }, { "gzip, gzip", buf_str(&twice) },
		{ "zstd", buf_str(&zst) }, { "br", BYTES(brotli_zeros) } };

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
		CLEANUP(buf_fini) struct buf small = BUF_INIT(1 << 20);
		const struct gw_codings c = codings(rows[i].value);
		struct err e = ERR_INIT;

		ok(rows[i].in.n < 16 << 10, "it is small");
		ok_int(decode(&c, true, rows[i].in, 1 << 20, &out, &e), -1,
			rows[i].value);
		ok(strstr(e.text, "more than 200 times as many") != NULL, e.text);
		ok(out.n <= GW_DECODED_FREE + GW_DECODED_PIECE, "and it stops at once");
		ok_int(gw_decode(&c, true, rows[i].in, &small, &e), -1,
			"a ceiling of 1 MB");
		ok(strstr(e.text, "more than the 1048576 bytes") != NULL, e.text);
	}
}

/* The outer coding blows up, the inner one makes nothing of it: empty members only. */
static void
a_bomb_between_two_codings_is_refused(void)
{
	CLEANUP(buf_fini) struct buf empty = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf many = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf in = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
	const struct gw_codings c = codings("gzip, gzip");
	struct err e = ERR_INIT;

	put_zlib(&empty, GZIP, Z_FINISH, STR(""));
	while (many.n < ZEROS)
		buf_put_str(&many, buf_str(&empty));
	put_zlib(&in, GZIP, Z_FINISH, buf_str(&many));
	ok_int(gw_decode(&c, false, buf_str(&in), &out, &e), -1, "refused");
	ok(strstr(e.text, "more than 200 times as many") != NULL, e.text);
}

static void
wide_windows_are_refused(void)
{
	static const unsigned char large[] = { 0x11, 0x1e, 0, 0 }; /* br: 30 bits */
	static const struct {
		const char *value;
		struct str in;
	} rows[] = { { "zstd", BYTES(zstd_wide) }, { "br", BYTES(large) } };

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
		const struct gw_codings c = codings(rows[i].value);
		struct err e = ERR_INIT;

		ok_int(gw_decode(&c, false, rows[i].in, &out, &e), -1, rows[i].value);
		ok(strstr(e.text, "is damaged: ") != NULL, e.text);
	}
}

static void
an_unknown_coding_is_refused(void)
{
	static const struct {
		const char *value, *why;
	} no[] = {
		{ "compress",
			"Content-Encoding \"compress\" is not known; gzip, deflate, br and "
			"zstd are" },
		{ "gzip;q=1",
			"Content-Encoding \"gzip;q=1\" is not known; gzip, deflate, br and "
			"zstd are" },
		{ "gzip zstd",
			"Content-Encoding \"gzip zstd\" is not known; gzip, deflate, br "
			"and zstd are" },
		{ "gzip,gzip,gzip",
			"more than 2 codings, one upon the other, in Content-Encoding" },
	};

	for (size_t i = 0; i < LEN(no); i++) {
		struct gw_codings c = { .n = 0 };
		struct err e = ERR_INIT;

		ok_int(gw_codings_add(&c, str_of(no[i].value), &e), -1, no[i].value);
		ok_int(e.code, ERR_REFUSED, no[i].value);
		ok_str(e.text, no[i].why, no[i].value);
	}
}

/* 32 MB of text that compresses well. */
static void
decoding_is_fast(void)
{
	CLEANUP(buf_fini) struct buf want = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
	CLEANUP(buf_fini) struct buf in = BUF_INIT(OUT_MAX);
	const struct gw_codings c = codings("gzip");
	struct err e = ERR_INIT;
	clock_t begin;

	for (int i = 0; want.n < 32 << 20; i++)
		buf_printf(&want, "data: {\"n\":%d,\"delta\":\"some words\"}\n\n", i);
	put_zlib(&in, GZIP, Z_FINISH, buf_str(&want));
	begin = clock();
	ok_int(gw_decode(&c, true, buf_str(&in), &out, &e), 0, e.text);
	ok((clock() - begin) / CLOCKS_PER_SEC < 5, "within seconds");
	ok(str_eq(buf_str(&out), buf_str(&want)), "and all of it");
}

int
main(void)
{
	a_plain_body_is_itself();
	every_split_says_the_same();
	what_is_cut_off_is_told_at_every_byte();
	what_follows_the_end();
	an_exact_body_has_one_reading();
	one_upon_the_other();
	an_event_comes_out_when_it_is_complete();
	a_bomb_is_refused();
	a_bomb_between_two_codings_is_refused();
	wide_windows_are_refused();
	an_unknown_coding_is_refused();
	decoding_is_fast();
	return test_done();
}
