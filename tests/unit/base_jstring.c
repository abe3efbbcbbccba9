#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/jstring.h"
#include "base/utf8.h"
#include "tests/unit/test.h"

/* What may stand in a string, and what may not, around the places where 64 bytes end. */
static const char *const good[] = {
	"a",
	"0123456789abcdef",
	"\\\"",
	"\\\\",
	"\\/",
	"\\n",
	"\\u00e9",
	"\\ud83d",
	"\\\\\\\\\\\\",
	"\xc2\x80",
	"\xdf\xbf",
	"\xe0\xa0\x80",
	"\xe4\xb8\xad",
	"\xed\x9f\xbf",
	"\xee\x80\x80",
	"\xef\xbf\xbf",
	"\xf0\x90\x80\x80",
	"\xf0\x9f\x98\x80",
	"\xf4\x8f\xbf\xbf",
	"\x7f",
	" ",
};
static const char *const bad[] = {
	"\x01",
	"\x1f",
	"\n",
	"\\x",
	"\\u12g4",
	"\\u00g",
	"\\U0041",
	"\\\x80",
	"\x80",
	"\xbf",
	"\xc0\xaf",
	"\xc1\xbf",
	"\xc2",
	"\xc2 ",
	"\xe0\x9f\xbf",
	"\xe4\xb8",
	"\xe4\xb8 ",
	"\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xf0\x8f\xbf\xbf",
	"\xf0\x9f\x98",
	"\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xff",
	"\xfe",
	"\xe4\xb8\xad\xad",
	"\xf8\x88\x80\x80\x80",
};

/* RFC 8259, 7, read byte by byte. */
static const char *
slow_end(const char *p, const char *end)
{
	while (p < end && *p != '"') {
		const size_t k = utf8_len((struct str){ p, (size_t)(end - p) });

		if (k == 0 || (unsigned char)*p < 0x20)
			return NULL;
		p += k;
		if (p[-1] != '\\' || k > 1)
			continue;
		if (p == end || *p == '\0' || strchr("\"\\/bfnrtu", *p) == NULL)
			return NULL;
		if (*p == 'u' && jstring_hex4(p + 1, end) < 0)
			return NULL;
		p += *p == 'u' ? 5 : 1;
	}
	return p < end ? p + 1 : NULL;
}

static const char *const ways[JSTRING_WAYS] = { "plain", "SSE2", "AVX2", "AVX512" };

/* Says a failure only: it is asked millions of times. */
static void
ok_same(bool same, struct str text, const char *name)
{
	if (!same)
		ok_bytes(text, STR("?"), name);
}

enum { PAGES = 2 };

/* Where a page ends behind which nothing may be read. */
static char *
rim(void)
{
	static char *end;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (end == NULL) {
		void *p = NULL;

		ok(posix_memalign(&p, page, (PAGES + 1) * page) == 0 &&
				mprotect((char *)p + PAGES * page, page, PROT_NONE) == 0,
			"a page that may not be read");
		end = (char *)p + PAGES * page;
	}
	return end;
}

/* At the rim, so that a byte too far is the end of us. */
static void
compare(struct str text, const char *name)
{
	const char *const end = rim();
	char *const copy = rim() - text.n;
	const char *want;

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	want = slow_end(copy, end);
	ok_same(jstring_end(copy, end) == want, text, name);
	for (int way = 0; way < JSTRING_WAYS; way++) {
		if (jstring_can(way))
			ok_same(jstring_end_by(way, copy, end) == want, text, ways[way]);
	}
}

/* The piece at every place of two blocks, with one byte and with two blocks behind it. */
static void
place(const char *piece, bool taken)
{
	static const char tail[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
		"abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"";
	static const struct str ends[] = { { "\"", 1 }, { tail, sizeof tail - 1 },
		{ "", 0 } };

	for (size_t before = 0; before <= 130; before++) {
		for (size_t i = 0; i < LEN(ends); i++) {
			CLEANUP(buf_fini) struct buf b = BUF_INIT(1024);
			const char *behind;

			for (size_t k = 0; k < before; k++)
				buf_putc(&b, 'x');
			buf_puts(&b, piece);
			buf_put_str(&b, ends[i]);
			behind = b.n > 0 ? jstring_end(b.p, b.p + b.n) : NULL;
			if (behind != (taken && ends[i].n > 0 ? b.p + b.n : NULL))
				ok_int((int64_t)before, -1, piece);
			compare(buf_str(&b), piece);
			if (before % 8 == 0)
				for (size_t n = before; n < b.n; n++)
					compare((struct str){ b.p, n }, piece);
		}
	}
	ok(true, piece);
}

static void
pieces_hold_at_every_place(void)
{
	for (size_t i = 0; i < LEN(good); i++)
		place(good[i], true);
	for (size_t i = 0; i < LEN(bad); i++)
		place(bad[i], false);
}

/* Bytes at which some way of reading could begin to think differently. */
static const unsigned char kinds[] = { 0, 0x1f, ' ', '"', '/', '0', '\\', 'a', 'u', 0x7f,
	0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
	0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };

/* Where registers of 8 to 64 bytes end, and what is looked at first. */
static const size_t borders[] = { 0, 8, 16, 32, 64, 96, 128 };

/* From before it on, over the border, to the text's end. */
static void
over_the_border(const unsigned char *bytes, size_t n, size_t border, size_t before)
{
	char text[256];
	size_t at;

	if (border < before)
		return;
	memset(text, 'x', border);
	at = border - before;
	memcpy(text + at, bytes, n);
	compare((struct str){ text, at + n }, "and nothing behind");
	text[at + n] = '"';
	compare((struct str){ text, at + n + 1 }, "and a quote behind");
}

static void
every_pair_is_read_alike(void)
{
	for (unsigned int pair = 0; pair <= 0xffff; pair++) {
		const unsigned char b[] = { (unsigned char)(pair >> 8),
			(unsigned char)pair };

		for (size_t i = 0; i < LEN(borders); i++)
			over_the_border(b, sizeof b, borders[i], 1);
	}
	ok(true, "every pair of bytes");
}

static void
every_four_kinds_are_read_alike(void)
{
	for (size_t four = 0; four < LEN(kinds) * LEN(kinds) * LEN(kinds) * LEN(kinds);
		four++) {
		unsigned char b[4];
		size_t rest = four;

		for (size_t i = 0; i < sizeof b; i++, rest /= LEN(kinds))
			b[i] = kinds[rest % LEN(kinds)];
		over_the_border(b, sizeof b, borders[four % LEN(borders)], 1 + four % 3);
	}
	ok(true, "every four kinds of bytes");
}

static void
every_length_and_place_is_read(void)
{
	char text[200];

	memset(text, 'x', sizeof text);
	for (size_t n = 0; n < sizeof text; n++) {
		compare((struct str){ text, n }, "no end");
		for (size_t i = 0; i < n; i++) {
			static const char odd[] = "\"\\\x01\x80\xc3\xf0";

			for (size_t k = 0; k < sizeof odd - 1; k++) {
				text[i] = odd[k];
				compare((struct str){ text, n }, "an odd byte");
			}
			text[i] = 'x';
		}
	}
	ok(true, "every length, with an odd byte at every place");
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Mostly good pieces, some bad ones, some single bytes of any value. */
static void
random_strings_are_read_alike(void)
{
	uint64_t state = 4;
	size_t taken = 0;

	for (int i = 0; i < 200000; i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(4096);
		const size_t pieces = next_random(&state) % 40;
		const uint64_t harm = next_random(&state) % 3;

		for (size_t k = 0; k < pieces; k++) {
			const uint64_t r = next_random(&state);

			if (harm == 0 && r % 97 == 0)
				buf_puts(&b, bad[r / 97 % LEN(bad)]);
			else if (harm == 1 && r % 97 == 0)
				buf_putc(&b, (char)(r / 97 % 256));
			else
				buf_puts(&b, good[r / 97 % LEN(good)]);
		}
		if (harm != 2 || i % 2 == 0)
			buf_putc(&b, '"');
		compare(buf_str(&b), "random");
		taken += b.n > 0 && jstring_end(b.p, b.p + b.n) != NULL;
	}
	ok(taken > 50000 && taken < 190000, "some are taken, some are not");
}

static void
digits_are_read(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = { { "0000", 0 }, { "00e9", 0xe9 }, { "FfFf", 0xffff }, { "12g4", -1 },
		{ "123", -1 }, { "", -1 }, { "12345", 0x1234 } };

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(jstring_hex4(rows[i].text, rows[i].text + strlen(rows[i].text)),
			rows[i].want, rows[i].text);
}

int
main(void)
{
	pieces_hold_at_every_place();
	every_pair_is_read_alike();
	every_four_kinds_are_read_alike();
	every_length_and_place_is_read();
	random_strings_are_read_alike();
	digits_are_read();
	for (int way = 0; way < JSTRING_WAYS; way++) {
		if (!jstring_can(way))
			test_skip(ways[way], "this processor cannot");
	}
	return test_done();
}
