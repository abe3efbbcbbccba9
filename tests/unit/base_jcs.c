/* The canonical form: the vectors of RFC 8785, and that every other spelling gives the same. */

#include "base/jcs.h"

#include <stdlib.h>

#include "tests/unit/test.h"

enum { FORM_MAX = 4096, ROUNDS = 20000 };

static void
is(const char *text, const char *want, const char *what)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(FORM_MAX);
	struct err e = ERR_INIT;

	ok_int(jcs_put(str_of(text), &out, &e), 0, what);
	ok_bytes(buf_str(&out), str_of(want), what);
}

/* RFC 8785, 3.2.2 and 3.2.3. */
static void
the_examples_of_the_rfc(void)
{
	is("{\n  \"numbers\": [333333333.33333329, 1E30, 4.50,\n"
	   "              2e-3, 0.000000000000000000000000001],\n"
	   "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
	   "  \"literals\": [null, true, false]\n}",
		"{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
		"0.002,1e-27],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
		"3.2.2");
	is("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter "
	   "Dalet With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\","
	   "\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
		"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
		"\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
		"\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
		"\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}",
		"3.2.3");
}

/* RFC 8785, appendix B. */
static void
the_numbers_of_the_rfc(void)
{
	static const struct {
		uint64_t bits;
		const char *want;
	} rows[] = {
		{ 0x0000000000000000, "0" },
		{ 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" },
		{ 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" },
		{ 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
		{ 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
		{ 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
		{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" },
		{ 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" },
		{ 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" },
		{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
		/* a power of two, whose nearest of 16 digits does not mean it */
		{ 0x3d30000000000000, "5.684341886080802e-14" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		char text[JCS_NUMBER_MAX];
		double x;

		memcpy(&x, &rows[i].bits, sizeof x);
		jcs_number(x, text);
		ok_str(text, rows[i].want, "a number");
	}
}

static void
other_spellings_of_a_value_are_the_same(void)
{
	static const char *const rows[][2] = {
		{ "{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
		{ " [ 1.0 , 10e-1 , -0 , -0.0 , 100E2 ] ", "[1,1,0,0,10000]" },
		{ "\"\\/\\u0061\\u00e9\"", "\"/a\xc3\xa9\"" },
		{ "\"\\u001f\\u007f\\b\\f\\n\\r\\t\"", "\"\\u001f\x7f\\b\\f\\n\\r\\t\"" },
		{ "\"\\ud834\\udd1e\"", "\"\xf0\x9d\x84\x9e\"" },
		{ "{\"\\u0061a\":1,\"a\":{}, \"\":[]}", "{\"\":[],\"a\":{},\"aa\":1}" },
		{ "12345678901234567890", "12345678901234567000" },
		{ "\"\"", "\"\"" },
		{ "0.1000000000000000055511151231257827", "0.1" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		is(rows[i][0], rows[i][1], rows[i][0]);
		is(rows[i][1], rows[i][1], "the canonical form is its own");
	}
}

static void
what_readers_could_take_differently_has_none(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{\"a\":1,\"a\":1}", "an object has a member twice" },
		{ "{\"a\":1,\"b\":{\"x\":0,\"y\":0,\"\\u0078\":1}}",
			"an object has a member twice" },
		{ "\"\\ud800\"", "a JSON string has half a surrogate pair or U+0000" },
		{ "{\"\\udc00\":1}",
			"a JSON string has half a surrogate pair or U+0000" },
		{ "\"\\u0000\"", "a JSON string has half a surrogate pair or U+0000" },
		{ "1e400", "the number 1e400 is too large" },
		{ "[-1e999]", "the number -1e999 is too large" },
		{ "[1,]", "not JSON (RFC 8259): byte 3: a wrong number" },
		{ "NaN", "not JSON (RFC 8259): byte 0: a wrong number" },
		{ "", "not JSON (RFC 8259): nothing is there" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(FORM_MAX);
		struct err e = ERR_INIT;

		ok_int(jcs_put(str_of(rows[i].text), &out, &e), -1, rows[i].text);
		ok_str(e.text, rows[i].why, rows[i].text);
	}
}

static void
limits_hold(void)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf small = BUF_INIT(8);
	struct err e = ERR_INIT;

	buf_putc(&text, '{');
	for (int i = 0; i <= JCS_MEMBERS_MAX; i++)
		buf_printf(&text, "%s\"%x\":0", i > 0 ? "," : "", i);
	buf_putc(&text, '}');
	ok_int(jcs_put(buf_str(&text), &out, &e), -1, "many members");
	ok_str(e.text, "an object has more than 65536 members", "many members");
	ok_int(jcs_put(STR("\"0123456789\""), &small, &e), -1, "a small buffer");
	ok_str(e.text, "its canonical form is longer than 8 bytes", "a small buffer");
}

/* What is written reads back as the same double, and no shorter text of it does. */
static void
numbers_are_exact_and_short(void)
{
	uint64_t seed = 88172645463325252u;

	for (int i = 0; i < ROUNDS; i++) {
		char text[JCS_NUMBER_MAX], printed[64];
		double x;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		memcpy(&x, &seed, sizeof x);
		if (!(x - x == 0))
			continue;
		jcs_number(x, text);
		(void)snprintf(printed, sizeof printed, "%.17g", x);
		if (strtod(text, NULL) != x)
			ok_str(text, printed, "reads back");
	}
	ok(true, "all of them");
}

int
main(void)
{
	the_examples_of_the_rfc();
	the_numbers_of_the_rfc();
	other_spellings_of_a_value_are_the_same();
	what_readers_could_take_differently_has_none();
	limits_hold();
	numbers_are_exact_and_short();
	return test_done();
}
