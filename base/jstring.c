#include "base/jstring.h"

#include <endian.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { BLOCK = 64, WORD = 8, VECTOR = 16, WIDE = 32, NEAR = 32 };
enum { HEX = 2 }; /* a kind of escape: four digits follow */

#define ALWAYS static inline __attribute__((always_inline))
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* A bit for each byte of the block that is `value` when only the bits of `mask` are looked at. */
typedef uint64_t find_fn(const char *block, unsigned char mask, unsigned char value);
/*
 * Passes bytes that need no look; perhaps not all of them, and never the closing quote. escape: 1
 * when the first byte is escaped, left so for the one where it stops.
 */
typedef const char *pass_fn(const char *p, const char *end, uint64_t *escape);

ALWAYS uint64_t
find_plain(const char *block, unsigned char mask, unsigned char value)
{
	uint64_t found = 0;

	for (size_t i = 0; i < BLOCK; i += WORD) {
		uint64_t x;

		memcpy(&x, block + i, sizeof x);
		x = (le64toh(x) & EACH(mask)) ^ EACH(value);
		/* the high bit of each byte that is zero; no carry leaves a byte */
		x = ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
		/* all eight of them side by side */
		found |= ((x >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
	}
	return found;
}

/*
 * The bytes behind a backslash that is not escaped itself. A run of backslashes escapes every
 * second byte from its second one on; the sum carries through each run that begins at an odd
 * place, and so tells where those end.
 */
ALWAYS uint64_t
escaped_bytes(uint64_t slash, uint64_t *carry)
{
	const uint64_t even = EACH(0x55);
	uint64_t behind, odd_runs, sum;

	slash &= ~*carry;
	behind = slash << 1 | *carry;
	odd_runs = slash & ~even & ~behind;
	*carry = __builtin_add_overflow(odd_runs, slash, &sum);
	return (even ^ sum << 1) & behind;
}

/* Up to a quote, a backslash, a control character or one above ASCII. */
ALWAYS const char *
pass_plain(const char *p, const char *end, uint64_t *escape)
{
	if (*escape != 0)
		return p;
	for (; end - p >= WORD; p += WORD) {
		uint64_t x, quote, slash, odd;

		memcpy(&x, p, sizeof x);
		x = le64toh(x);
		quote = x ^ EACH('"');
		slash = x ^ EACH('\\');
		/*
		 * A subtraction borrows, so sets the high bit, where a byte is below the
		 * subtrahend. The borrow can make the bytes above it look odd, never
		 * those below it.
		 */
		odd = (x | (x - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1))) &
		      EACH(0x80);
		if (odd != 0)
			return p + __builtin_ctzll(odd) / WORD;
	}
	while (p < end && *p >= ' ' && *p < SCHAR_MAX && *p != '"' && *p != '\\')
		p++;
	return p;
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2,bmi")))

ALWAYS __m128i
load(const char *p)
{
	__m128i v;

	memcpy(&v, p, sizeof v);
	return v;
}

ALWAYS uint64_t
find_sse2(const char *block, unsigned char mask, unsigned char value)
{
	const __m128i want = _mm_set1_epi8((char)value);
	const __m128i bits = _mm_set1_epi8((char)mask);
	uint64_t found = 0;

	for (size_t i = 0; i < BLOCK; i += VECTOR) {
		const __m128i v = _mm_and_si128(load(block + i), bits);
		const int same = _mm_movemask_epi8(_mm_cmpeq_epi8(v, want));

		found |= (uint64_t)(unsigned int)same << i;
	}
	return found;
}

ALWAYS const char *
pass_sse2(const char *p, const char *end, uint64_t *escape)
{
	if (*escape != 0)
		return p;
	for (; end - p >= VECTOR; p += VECTOR) {
		const __m128i v = load(p);
		const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
		const __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
		/* signed, so that bytes above ASCII are below the space too */
		const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
		const int odd = _mm_movemask_epi8(
			_mm_or_si128(low, _mm_or_si128(quote, slash)));

		if (odd != 0)
			return p + __builtin_ctz((unsigned int)odd);
	}
	return pass_plain(p, end, escape);
}

ALWAYS AVX2 __m256i
load_wide(const char *p)
{
	__m256i v;

	memcpy(&v, p, sizeof v);
	return v;
}

ALWAYS AVX2 uint64_t
find_avx2(const char *block, unsigned char mask, unsigned char value)
{
	const __m256i want = _mm256_set1_epi8((char)value);
	const __m256i bits = _mm256_set1_epi8((char)mask);
	uint64_t found = 0;

	for (size_t i = 0; i < BLOCK; i += WIDE) {
		const __m256i v = _mm256_and_si256(load_wide(block + i), bits);
		const int same = _mm256_movemask_epi8(_mm256_cmpeq_epi8(v, want));

		found |= (uint64_t)(unsigned int)same << i;
	}
	return found;
}

/* What may stand behind a backslash, but 'u': a bit for the high digit of each, by the low one. */
ALWAYS __m128i
brief_lows(void)
{
	return _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4,
		1); /* "br t f \ n/ */
}

ALWAYS __m128i
brief_highs(void)
{
	return _mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
}

ALWAYS AVX2 uint64_t
briefs(__m256i v)
{
	const __m256i by_low = _mm256_broadcastsi128_si256(brief_lows());
	const __m256i by_high = _mm256_broadcastsi128_si256(brief_highs());
	const __m256i digit = _mm256_set1_epi8(0xf);
	const __m256i low = _mm256_shuffle_epi8(by_low, _mm256_and_si256(v, digit));
	const __m256i high = _mm256_shuffle_epi8(
		by_high, _mm256_and_si256(_mm256_srli_epi16(v, 4), digit));
	const __m256i other = _mm256_cmpeq_epi8(
		_mm256_and_si256(low, high), _mm256_setzero_si256());

	return (uint64_t)(unsigned int)~_mm256_movemask_epi8(other);
}

ALWAYS AVX2 uint64_t
same_bytes(__m256i v, __m256i w, char value)
{
	const __m256i want = _mm256_set1_epi8(value);
	const int one = _mm256_movemask_epi8(_mm256_cmpeq_epi8(v, want));
	const int two = _mm256_movemask_epi8(_mm256_cmpeq_epi8(w, want));

	return (uint64_t)(unsigned int)one | (uint64_t)(unsigned int)two << WIDE;
}

/* Bytes that are no printable ASCII character, but DEL. */
ALWAYS AVX2 uint64_t
odd_bytes(__m256i v)
{
	/* signed, so that bytes above ASCII are below the space too */
	const __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), v);

	return (uint64_t)(unsigned int)_mm256_movemask_epi8(low);
}

/* Blocks of ASCII whose escapes are brief ones, without a branch for each of those. */
ALWAYS AVX2 const char *
pass_avx2(const char *p, const char *end, uint64_t *escape)
{
	for (; end - p >= BLOCK; p += BLOCK) {
		const __m256i v = load_wide(p);
		const __m256i w = load_wide(p + WIDE);
		uint64_t carry = *escape;
		const uint64_t escaped = escaped_bytes(same_bytes(v, w, '\\'), &carry);
		const uint64_t quote = same_bytes(v, w, '"') & ~escaped;
		const uint64_t scope = quote ^ (quote - 1); /* all when there is none */
		const uint64_t odd = odd_bytes(v) | odd_bytes(w) << WIDE;
		const uint64_t brief = briefs(v) | briefs(w) << WIDE;

		if (((odd | (escaped & ~brief)) & scope) != 0)
			return p;
		if (quote != 0) {
			*escape = 0;
			return p + __builtin_ctzll(quote);
		}
		*escape = carry;
	}
	return pass_sse2(p, end, escape);
}
#endif

/* What the bytes before a block ask of its first ones. */
struct carry {
	uint64_t escape; /* 1: the first one is escaped */
	uint64_t follow; /* those that must go on with a character */
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
jstring_hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* What may stand behind a backslash. A table, as a branch for each could not be foreseen. */
static const unsigned char kinds[UCHAR_MAX + 1] = {
	['"'] = 1,
	['\\'] = 1,
	['/'] = 1,
	['b'] = 1,
	['f'] = 1,
	['n'] = 1,
	['r'] = 1,
	['t'] = 1,
	['u'] = HEX,
};

ALWAYS bool
escapes_hold(const char *at, const char *end, uint64_t escaped)
{
	for (; escaped != 0; escaped &= escaped - 1) {
		const char *const p = at + __builtin_ctzll(escaped);
		const unsigned char kind = kinds[(unsigned char)*p];

		if (kind == 0 || (kind == HEX && jstring_hex4(p + 1, end) < 0))
			return false;
	}
	return true;
}

struct block {
	const char *p;  /* 64 bytes, with zeros behind the text's end */
	const char *at; /* in the text */
	uint64_t scope; /* the bytes up to the closing quote */
};

/* The byte behind the block, for its last lead; 0 is behind the text's end. */
static unsigned char
byte_behind(const struct block *b, const char *end)
{
	return end - b->at > BLOCK ? (unsigned char)b->at[BLOCK] : 0;
}

/* The leads E0 and ED, behind which not every byte of a character may follow (RFC 3629, 4). */
ALWAYS uint64_t
bad_threes(const struct block *b, const char *end, find_fn *find)
{
	const uint64_t e0 = find(b->p, 0xff, 0xe0);
	const uint64_t ed = find(b->p, 0xff, 0xed);
	uint64_t low, bad;

	if ((e0 | ed) == 0)
		return 0;
	low = find(b->p, 0xe0, 0x80); /* 80 to 9F */
	bad = (e0 << 1 & low) | (ed << 1 & ~low);
	if (e0 >> 63 != 0)
		bad |= (uint64_t)(byte_behind(b, end) < 0xa0) << 63;
	if (ed >> 63 != 0)
		bad |= (uint64_t)(byte_behind(b, end) > 0x9f) << 63;
	return bad;
}

/* The same of F0 and F4, and the leads above it. */
ALWAYS uint64_t
bad_fours(const struct block *b, const char *end, uint64_t four, find_fn *find)
{
	const uint64_t f0 = find(b->p, 0xff, 0xf0);
	const uint64_t f4 = find(b->p, 0xff, 0xf4);
	const uint64_t low = find(b->p, 0xf0, 0x80); /* 80 to 8F */
	uint64_t bad = four & ~find(b->p, 0xfc, 0xf0) & ~f4;

	bad |= (f0 << 1 & low) | (f4 << 1 & ~low);
	if (f0 >> 63 != 0)
		bad |= (uint64_t)(byte_behind(b, end) < 0x90) << 63;
	if (f4 >> 63 != 0)
		bad |= (uint64_t)(byte_behind(b, end) > 0x8f) << 63;
	return bad;
}

/* Every lead is followed by as many bytes as it says, and no other byte follows one. */
ALWAYS bool
utf8_holds(const struct block *b, const char *end, uint64_t high, uint64_t *follow,
	find_fn *find)
{
	const uint64_t more = find(b->p, 0xc0, 0x80);
	const uint64_t three = find(b->p, 0xe0, 0xe0);
	const uint64_t four = find(b->p, 0xf0, 0xf0);
	const uint64_t lead = high & ~more;
	const uint64_t want = lead << 1 | three << 2 | four << 3 | *follow;
	uint64_t bad = want ^ more;

	*follow = lead >> 63 | three >> 62 | four >> 61;
	if (lead != three)
		bad |= find(b->p, 0xfe, 0xc0);
	if (three != 0)
		bad |= bad_threes(b, end, find);
	if (four != 0)
		bad |= bad_fours(b, end, four, find);
	return (bad & b->scope) == 0;
}

ALWAYS const char *
find_end(const char *p, const char *end, pass_fn *pass, find_fn *find)
{
	struct carry carry = { 0, 0 };
	char last[BLOCK];

	for (;; p += BLOCK) {
		struct block b;
		uint64_t escaped = 0;
		uint64_t slash, quote, high;

		if (carry.follow == 0)
			p = pass(p, end, &carry.escape);
		if (p < end && *p == '"' && carry.escape == 0)
			return carry.follow == 0 ? p + 1 : NULL;
		b.p = b.at = p;
		if (end - p < BLOCK) {
			memset(last, 0, sizeof last);
			memcpy(last, p, (size_t)(end - p));
			b.p = last; /* where a zero is a control character */
		}
		slash = find(b.p, 0xff, '\\');
		if ((slash | carry.escape) != 0)
			escaped = escaped_bytes(slash, &carry.escape);
		quote = find(b.p, 0xff, '"') & ~escaped;
		b.scope = quote ^ (quote - 1); /* all when there is none */
		if ((find(b.p, 0xe0, 0) & b.scope) != 0 ||
			!escapes_hold(p, end, escaped & b.scope))
			return NULL;
		high = find(b.p, 0x80, 0x80);
		if (((high | carry.follow) & b.scope) != 0 &&
			!utf8_holds(&b, end, high, &carry.follow, find))
			return NULL;
		if (quote != 0)
			return p + __builtin_ctzll(quote) + 1;
	}
}

static const char *
end_plain(const char *p, const char *end)
{
	return find_end(p, end, pass_plain, find_plain);
}

#ifdef __x86_64__
static const char *
end_sse2(const char *p, const char *end)
{
	return find_end(p, end, pass_sse2, find_sse2);
}

AVX2 static const char *
end_avx2(const char *p, const char *end)
{
	return find_end(p, end, pass_avx2, find_avx2);
}

/* --- 64 bytes in one vector ------------------------------------------------------- */

#define AVX512 __attribute__((target("avx512f,avx512bw,bmi")))

/* What can be wrong with two bytes that follow each other (RFC 3629, 4). */
enum {
	SHORT = 1,      /* a lead, and no byte that follows one */
	LONG = 2,       /* ASCII, and a byte that follows a lead */
	SMALL_3 = 4,    /* E0 80 to E0 9F: two bytes would do */
	LARGE = 8,      /* F4 90 to FF BF: above U+10FFFF */
	SURROGATE = 16, /* ED A0 to ED BF */
	SMALL_2 = 32,   /* C0, C1: one byte would do */
	SMALL_4 = 64, /* F0 80 to F0 8F: three bytes would do; F5 to FF, 80 to 8F, too */
	TWO = 128,    /* two bytes that follow a lead: right in a longer character only */
	ANY = SHORT | LONG | TWO,
	HUGE = LARGE | SMALL_4
};

ALWAYS AVX512 __m512i
look_up(__m128i table, __m512i nibbles)
{
	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), nibbles);
}

ALWAYS AVX512 __m512i
high_nibbles(__m512i v)
{
	return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(0xf));
}

/*
 * A bit for each byte that cannot stand where it does, without a branch, as text in which some
 * characters are not ASCII makes each of those a guess. All that can be wrong with two bytes is
 * told by the first one's halves and the second one's upper half (Keiser and Lemire, Validating
 * UTF-8 In Less Than One Instruction Per Byte, 2020). before: the 64 bytes before v.
 */
ALWAYS AVX512 uint64_t
wrong_utf8(__m512i v, __m512i before)
{
	const __m128i first_high = _mm_setr_epi8(LONG, LONG, LONG, LONG, LONG, LONG, LONG,
		LONG, (char)TWO, (char)TWO, (char)TWO, (char)TWO, SHORT | SMALL_2, SHORT,
		SHORT | SMALL_3 | SURROGATE, SHORT | LARGE | SMALL_4);
	const __m128i first_low = _mm_setr_epi8((char)(ANY | SMALL_2 | SMALL_3 | SMALL_4),
		(char)(ANY | SMALL_2), (char)ANY, (char)ANY, (char)(ANY | LARGE),
		(char)(ANY | HUGE), (char)(ANY | HUGE), (char)(ANY | HUGE),
		(char)(ANY | HUGE), (char)(ANY | HUGE), (char)(ANY | HUGE),
		(char)(ANY | HUGE), (char)(ANY | HUGE), (char)(ANY | HUGE | SURROGATE),
		(char)(ANY | HUGE), (char)(ANY | HUGE));
	const __m128i second_high = _mm_setr_epi8(SHORT, SHORT, SHORT, SHORT, SHORT,
		SHORT, SHORT, SHORT, (char)(LONG | TWO | SMALL_2 | SMALL_3 | SMALL_4),
		(char)(LONG | TWO | SMALL_2 | SMALL_3 | LARGE),
		(char)(LONG | TWO | SMALL_2 | SURROGATE | LARGE),
		(char)(LONG | TWO | SMALL_2 | SURROGATE | LARGE), SHORT, SHORT, SHORT,
		SHORT);
	const __m512i lanes = _mm512_setr_epi64(6, 7, 8, 9, 10, 11, 12, 13);
	const __m512i shifted = _mm512_permutex2var_epi64(before, lanes, v);
	const __m512i one = _mm512_alignr_epi8(v, shifted, 15); /* the byte before each */
	const __m512i two = _mm512_alignr_epi8(v, shifted, 14);
	const __m512i three = _mm512_alignr_epi8(v, shifted, 13);
	const __m512i low = _mm512_and_si512(one, _mm512_set1_epi8(0xf));
	const __m512i pair = _mm512_and_si512(look_up(first_high, high_nibbles(one)),
		_mm512_and_si512(
			look_up(first_low, low), look_up(second_high, high_nibbles(v))));
	/* the high bit, where a lead two or three bytes before asks for this one */
	const __m512i asked = _mm512_or_si512(
		_mm512_subs_epu8(two, _mm512_set1_epi8((char)(0xe0 - 0x80))),
		_mm512_subs_epu8(three, _mm512_set1_epi8((char)(0xf0 - 0x80))));
	const __m512i longer = _mm512_and_si512(asked, _mm512_set1_epi8((char)0x80));

	return _mm512_cmpneq_epi8_mask(pair, longer);
}

/* Behind the text's end stand zeros, which are control characters. */
ALWAYS AVX512 __m512i
load_block(const char *p, const char *end)
{
	const size_t n = (size_t)(end - p);

	return n >= BLOCK ? _mm512_loadu_si512(p)
			  : _mm512_maskz_loadu_epi8((UINT64_C(1) << n) - 1, p);
}

AVX512 static const char *
end_avx512(const char *p, const char *end)
{
	__m512i before = _mm512_setzero_si512();
	uint64_t carry = 0;

	for (;; p += BLOCK) {
		const __m512i v = load_block(p, end);
		const uint64_t slash = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
		const uint64_t escaped = escaped_bytes(slash, &carry);
		const uint64_t quote = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) &
				       ~escaped;
		const uint64_t scope = quote ^ (quote - 1); /* all when there is none */
		const uint64_t control = _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(' '));
		const uint64_t brief = _mm512_test_epi8_mask(
			look_up(brief_highs(), high_nibbles(v)),
			look_up(brief_lows(),
				_mm512_and_si512(v, _mm512_set1_epi8(0xf))));
		const uint64_t wrong = control | wrong_utf8(v, before);

		if (((wrong | (escaped & ~brief)) & scope) != 0 &&
			((wrong & scope) != 0 ||
				!escapes_hold(p, end, escaped & ~brief & scope)))
			return NULL;
		if (quote != 0)
			return p + __builtin_ctzll(quote) + 1;
		before = v;
	}
}
#endif

bool
jstring_can(enum jstring_way way)
{
#ifdef __x86_64__
	switch (way) {
	case JSTRING_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
	case JSTRING_AVX512:
		/* the first processors that know avx512bw slow down for it; with vbmi2 none does */
		return __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512vbmi2") &&
		       __builtin_cpu_supports("bmi");
	case JSTRING_PLAIN:
	case JSTRING_SSE2:
	case JSTRING_WAYS:
		break;
	}
	return true;
#else
	return way == JSTRING_PLAIN;
#endif
}

const char *
jstring_end_by(enum jstring_way way, const char *p, const char *end)
{
#ifdef __x86_64__
	if (way == JSTRING_AVX512)
		return end_avx512(p, end);
	if (way == JSTRING_AVX2)
		return end_avx2(p, end);
	if (way == JSTRING_SSE2)
		return end_sse2(p, end);
#endif
	(void)way; /* the only one */
	return end_plain(p, end);
}

const char *
jstring_end(const char *p, const char *end)
{
#ifdef __x86_64__
	const size_t most = (size_t)(end - p) < NEAR ? (size_t)(end - p) : NEAR;
	uint64_t escape = 0;
	const char *at;

	/* most strings are short and plain: the processor is not asked for them */
	at = pass_sse2(p, p + most, &escape);
	if (at < end && *at == '"')
		return at + 1;
	if (jstring_can(JSTRING_AVX512))
		return end_avx512(at, end);
	return jstring_can(JSTRING_AVX2) ? end_avx2(at, end) : end_sse2(at, end);
#else
	return end_plain(p, end);
#endif
}
