#include "gateway/edit.h"
#include "base/jscan.h"
#include "tests/unit/test.h"

static const char *const good[] = {
	"null",
	" true ",
	"false",
	"0",
	"-0",
	"12.50e+3",
	"1E-2",
	"\"\"",
	"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
	"\"\\ud83d alone\"",
	"\"\xc3\xa9 \xf0\x9f\x98\x80 \x7f\"",
	"[]",
	"[ ]",
	"{}",
	"{ }",
	"[1, [2, {\"a\" : [ ]}], \"x]}\" ]",
	"\r\n\t {\"a\":{\"b\":null},\"c\":[true,false],\"a\":1}",
	"\"0123456789abcdef0123456789abcdef\\\\\"",
};

static const struct {
	const char *text;
	const char *why;
} bad[] = {
	{ "", "nothing is there" },
	{ "  ", "byte 2: the end where a value should be" },
	{ "\xef\xbb\xbf{}", "byte 0: a wrong number" },
	{ "{} {}", "byte 3: something behind the value" },
	{ "nul", "byte 0: a value that is none of JSON's" },
	{ "True", "byte 0: a wrong number" },
	{ "01", "byte 1: something behind the value" },
	{ "-", "byte 1: a wrong number" },
	{ "1.", "byte 2: a wrong number" },
	{ ".5", "byte 0: a wrong number" },
	{ "1e", "byte 2: a wrong number" },
	{ "+1", "byte 0: a wrong number" },
	{ "NaN", "byte 0: a wrong number" },
	{ "\"a", "byte 2: a string that does not end" },
	{ "\"a\nb\"", "byte 2: a control character in a string" },
	{ "\"12345678\x01\"", "byte 9: a control character in a string" },
	{ "\"\\x\"", "byte 2: a wrong escape in a string" },
	{ "\"\\u12g4\"", "byte 2: a wrong escape in a string" },
	{ "\"\\", "byte 2: a string that does not end" },
	{ "\"\xff\"", "byte 1: bytes that are not UTF-8" },
	{ "\"\xc0\xaf\"", "byte 1: bytes that are not UTF-8" },
	{ "\"\xed\xa0\x80\"", "byte 1: bytes that are not UTF-8" },
	{ "[1,]", "byte 3: a wrong number" },
	{ "[1 2]", "byte 3: a list without comma or end" },
	{ "[", "byte 1: the end where a value should be" },
	{ "{\"a\"}", "byte 4: a member without a colon" },
	{ "{\"a\":1,}", "byte 7: a member without a name" },
	{ "{a:1}", "byte 1: a member without a name" },
	{ "'a'", "byte 0: a wrong number" },
	{ "[1] // c", "byte 4: something behind the value" },
};

static void
only_strict_json_is_taken(void)
{
	struct js root;

	for (size_t i = 0; i < LEN(good); i++) {
		struct err e = ERR_INIT;

		ok_int(js_check(str_of(good[i]), &root, &e), 0, good[i]);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		char want[256];
		struct err e = ERR_INIT;

		(void)snprintf(want, sizeof want, "not JSON (RFC 8259): %s", bad[i].why);
		ok_int(js_check(str_of(bad[i].text), &root, &e), -1, bad[i].text);
		ok_str(e.text, want, bad[i].text);
		ok_int(root.type, JS_NONE, bad[i].text);
	}
	struct err e = ERR_INIT;
	ok_int(js_check((struct str){ "\"a\0b\"", 5 }, &root, &e), -1, "a NUL byte");
	ok_int(js_check((struct str){ "1\0", 2 }, &root, &e), -1, "a NUL byte behind");
}

/* A text in brackets has no prefix that is a value. */
static void
no_prefix_of_a_container_is_taken(void)
{
	struct js root;

	for (size_t i = 0; i < LEN(good); i++) {
		char text[256];
		const int len = snprintf(text, sizeof text, "[%s]", good[i]);

		for (size_t n = 0; n < (size_t)len; n++) {
			struct err e = ERR_INIT;
			char *copy = mem_alloc(n + 1); /* exact, for the sanitizer */

			memcpy(copy, text, n);
			ok_int(js_check((struct str){ copy, n }, &root, &e), -1, text);
			mem_freep(&copy);
		}
	}
}

static void
nesting_has_a_limit(void)
{
	struct js root;
	struct err e = ERR_INIT;
	char text[2 * (JS_DEPTH_MAX + 1)];

	memset(text, '[', JS_DEPTH_MAX);
	memset(text + JS_DEPTH_MAX, ']', JS_DEPTH_MAX);
	ok_int(js_check((struct str){ text, sizeof text - 2 }, &root, &e), 0,
		"at the limit");
	memset(text, '[', JS_DEPTH_MAX + 1);
	memset(text + JS_DEPTH_MAX + 1, ']', JS_DEPTH_MAX + 1);
	ok_int(js_check((struct str){ text, sizeof text }, &root, &e), -1, "above it");
	ok_str(e.text, "not JSON (RFC 8259): byte 129: values nested too deep",
		"its message");
}

static struct js
checked(const char *text)
{
	struct js root = { .type = JS_NONE };
	struct err e = ERR_INIT;

	ok_int(js_check(str_of(text), &root, &e), 0, text);
	return root;
}

static void
items_are_the_ranges_of_the_text(void)
{
	const char *const text =
		" { \"a\" : [1,\"]\\\\\"] ,\"b\":{\"c\":\"\\\"}\"}, \"d\" :-1.5e3}";
	static const struct {
		const char *key, *val, *whole;
		enum js_type type;
	} want[] = {
		{ "a", "[1,\"]\\\\\"]", "\"a\" : [1,\"]\\\\\"]", JS_ARRAY },
		{ "b", "{\"c\":\"\\\"}\"}", "\"b\":{\"c\":\"\\\"}\"}", JS_OBJECT },
		{ "d", "-1.5e3", "\"d\" :-1.5e3", JS_NUMBER },
	};
	struct js_iter it;
	struct js_item m;
	struct str whole;
	size_t n = 0;

	js_open(&it, checked(text));
	while (js_next(&it, &m) && n < LEN(want)) {
		ok_bytes(m.key, str_of(want[n].key), "key");
		ok_bytes(m.val.raw, str_of(want[n].val), "value");
		whole = (struct str){ m.start, (size_t)(m.end - m.start) };
		ok_bytes(whole, str_of(want[n].whole), "whole item");
		ok_int(m.val.type, want[n].type, "type");
		ok_int(m.prev_end == NULL, n == 0, "first");
		ok_int(m.next == NULL, n == 2, "last");
		n++;
	}
	ok_int(n, 3, "members");
	js_open(&it, checked("[]"));
	ok(!js_next(&it, &m), "an empty array has no item");
	js_open(&it, checked("\"text\""));
	ok(!js_next(&it, &m), "a string has no item");
}

/* Each item of a, and all that is in it, is that of b. */
static bool
is_same_walk(struct js a, struct js b)
{
	struct js_iter ia, ib;
	struct js_item ma, mb;

	if (a.type != b.type || a.raw.p != b.raw.p || a.raw.n != b.raw.n)
		return false;
	js_open(&ia, a);
	js_open(&ib, b);
	while (js_next(&ia, &ma)) {
		if (!js_next(&ib, &mb) || ma.key.p != mb.key.p || ma.key.n != mb.key.n ||
			ma.start != mb.start || ma.end != mb.end || ma.next != mb.next ||
			ma.prev_end != mb.prev_end || !is_same_walk(ma.val, mb.val))
			return false;
	}
	return !js_next(&ib, &mb);
}

/* Short and long things in turn, so that the index has gaps. */
static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static void
put_nested(struct buf *b, int depth, uint64_t *state)
{
	static const char *const leaves[] = { "1", "\"a\"", "{ }", "[null , true]",
		"\"a text that is longer than what the index leaves out, by some bytes more\"",
		"{\"short\":[1,2,{\"x\":\"]}\"}]}", "[]", "-1.5e3" };
	const bool object = next_random(state) % 2 == 0;
	const uint64_t n = next_random(state) % 6;

	buf_putc(b, object ? '{' : '[');
	for (uint64_t i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(b, " ,");
		if (object)
			buf_printf(b, "\"k%d\" : ", (int)i);
		if (depth > 0 && next_random(state) % 2 == 0)
			put_nested(b, depth - 1, state);
		else
			buf_puts(b, leaves[next_random(state) % LEN(leaves)]);
	}
	buf_putc(b, object ? '}' : ']');
}

static void
an_index_changes_no_walk(void)
{
	uint64_t state = 1;
	size_t spans = 0;

	for (int i = 0; i < 2000; i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 20);
		CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
		struct err e = ERR_INIT;
		struct js root;

		put_nested(&b, 6, &state);
		ok_int(js_check_index(buf_str(&b), &ix, &root, &e), 0, e.text);
		ok_int(is_same_walk(root, checked(buf_text(&b))), 1, buf_text(&b));
		spans += ix.n;
	}
	ok(spans > 10000, "the index was used");
}

/* Behind its last place the index is silent, and the walk reads on. */
static void
an_index_has_a_ceiling(void)
{
	static const char element[] =
		",[\"0123456789012345678901234567890123456789012345678901234567890123\"]";
	CLEANUP(buf_fini) struct buf b = BUF_INIT(32 << 20);
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	struct js root;

	buf_puts(&b, "[0");
	for (int i = 0; i < JS_SPANS_MAX + 100; i++)
		buf_puts(&b, element);
	buf_puts(&b, "]");
	ok_int(js_check_index(buf_str(&b), &ix, &root, &e), 0, e.text);
	ok_int(ix.n, JS_SPANS_MAX, "full");
	ok(is_same_walk(root, checked(buf_text(&b))), "the same walk");
}

/* The same fields, found while the text is checked. */
static void
check_in_one_pass(const char *text, const struct js_field *f, int want, const char *why)
{
	struct js_field g[] = { JS_FIELD("name"), JS_FIELD("none") };
	struct js root;
	struct err e = ERR_INIT;

	ok_int(js_check_fields(str_of(text), g, LEN(g), &root, &e), want, text);
	ok_str(e.text, why, text);
	for (size_t i = 0; want == 0 && i < LEN(g); i++) {
		ok(g[i].m.val.type == f[i].m.val.type, "type");
		ok(g[i].m.val.raw.p == f[i].m.val.raw.p &&
				g[i].m.val.raw.n == f[i].m.val.raw.n,
			"value");
		ok(g[i].m.start == f[i].m.start && g[i].m.end == f[i].m.end, "item");
		ok(g[i].m.prev_end == f[i].m.prev_end && g[i].m.next == f[i].m.next,
			"its neighbours");
	}
}

static void
fields_are_found_and_must_be_single(void)
{
	static const struct {
		const char *text;
		int want;
		const char *why;
	} rows[] = {
		{ "{\"x\":1,\"name\":\"n\"}", 0, "" },
		{ " { \"name\" : \"n\" , \"x\" : [ 1 ] } ", 0, "" },
		{ "{\"name\":\"n\"}", 0, "" },
		{ "{\"name\":1,\"name\":2}", -1,
			"a JSON object has two members named name" },
		{ "{\"x\":1,\"y\":{\"x\":2},\"x\":3}", -1,
			"a JSON object has two members named x" },
		{ "{\"n\\u0061me\":1}", -1,
			"a JSON member's name is written with escapes: n\\x5cu0061me" },
		{ "{\"Name\":1}", -1,
			"a JSON member's name differs from \"name\" only in its case" },
		{ "{\"name\":1,\"NAME\":2}", -1,
			"a JSON member's name differs from \"name\" only in its case" },
		{ "{\"$serde_json::private::RawValue\":\"1\"}", -1,
			"a JSON member's name says that its object stands for another value: "
			"$serde_json::private::RawValue" },
		{ "[1]", -1, "a JSON object is missing where one must be" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct js_field f[] = { JS_FIELD("name"), JS_FIELD("none") };
		struct err e = ERR_INIT;

		ok_int(js_fields(checked(rows[i].text), f, LEN(f), &e), rows[i].want,
			rows[i].text);
		ok_str(e.text, rows[i].why, rows[i].text);
		check_in_one_pass(rows[i].text, f, rows[i].want, rows[i].why);
		ok_int(f[1].m.val.type, JS_NONE, "absent");
		if (rows[i].want == 0)
			ok_bytes(f[0].m.val.raw, STR("\"n\""), "its value");
	}
}

/* A rule of the policy may name any argument. */
static void
an_empty_name_is_a_name(void)
{
	struct js_field f[] = { JS_FIELD(""), JS_FIELD("a") };
	struct err e = ERR_INIT;

	ok_int(js_fields(checked("{\"b\":1,\"\":2,\"a\":3}"), f, LEN(f), &e), 0, e.text);
	ok_bytes(f[0].m.val.raw, STR("2"), "the empty one");
	ok_bytes(f[1].m.val.raw, STR("3"), "another");
	ok_int(js_fields(checked("{\"\":2,\"\":2}"), f, LEN(f), &e), -1, "twice");
}

static void
members_have_a_ceiling(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);
	struct err e = ERR_INIT;

	for (int i = 0; i <= JS_MEMBERS_MAX; i++)
		buf_printf(&b, "%c\"k%d\":0", i == 0 ? '{' : ',', i);
	buf_putc(&b, '}');
	ok_int(js_fields(checked(buf_text(&b)), NULL, 0, &e), -1, "one member too many");
	ok_str(e.text, "a JSON object has more than 128 members", "its message");
}

/* Names of all lengths, many with the same ends: the last one is a repetition or is not. */
static void
a_repeated_name_is_found_among_many(void)
{
	for (int n = 2; n <= JS_MEMBERS_MAX; n += 7) {
		for (int twin = -1; twin < n - 1; twin += 5) {
			CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);
			struct err e = ERR_INIT;

			for (int i = 0; i < n; i++) {
				const int k = i == n - 1 && twin >= 0 ? twin : i;

				buf_printf(&b, "%c\"%.*s%04d%.*s\":0", i == 0 ? '{' : ',',
					k % 20, "begins all the same.", k, k % 11,
					" ends alike");
			}
			buf_putc(&b, '}');
			ok_int(js_fields(checked(buf_text(&b)), NULL, 0, &e),
				twin >= 0 ? -1 : 0, buf_text(&b));
		}
	}
}

static void
text_is_decoded_or_refused(void)
{
	static const struct {
		const char *text, *want;
		int rc;
	} rows[] = {
		{ "\"plain\"", "plain", 0 },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 0 },
		{ "\"B\\u0061sh\"", "Bash", 0 },
		{ "\"\\u00e9\\u20ac\\ud83d\\uDE00!\"",
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!", 0 },
		{ "\"\\ud83d\"", "", -1 },
		{ "\"\\ud83dx\"", "", -1 },
		{ "\"\\ud83d\\n\"", "", -1 },
		{ "\"\\ude00\"", "", -1 },
		{ "\"\\ud83d\\ud83d\"", "", -1 },
		{ "\"a\\u0000b\"", "", -1 },
		{ "\"12345678901\"", "", -1 },
		{ "\"1234567890\\u0061\"", "", -1 },
		{ "12", "", -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		char scratch[10];
		struct str have;
		struct err e = ERR_INIT;

		ok_int(js_text(checked(rows[i].text), scratch, sizeof scratch, &have, &e),
			rows[i].rc, rows[i].text);
		ok_bytes(have, str_of(rows[i].want), rows[i].text);
	}
}

/* Cuts each item whose bit is set; want is what must be left. */
static void
commas_stay_right(void)
{
	static const struct {
		const char *text;
		unsigned int cut;
		const char *want;
	} rows[] = {
		{ "[1, 2 ,3]", 0, "[1, 2 ,3]" },
		{ "[1, 2 ,3]", 1, "[2 ,3]" },
		{ "[1, 2 ,3]", 2, "[1 ,3]" },
		{ "[1, 2 ,3]", 4, "[1, 2]" },
		{ "[1, 2 ,3]", 3, "[3]" },
		{ "[1, 2 ,3]", 5, "[2]" },
		{ "[1, 2 ,3]", 6, "[1]" },
		{ "[1, 2 ,3]", 7, "[]" },
		{ "[ 1 ]", 1, "[  ]" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", 5, "{\"b\":2}" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(edits_fini) struct edits ed;
		CLEANUP(buf_fini) struct buf out = BUF_INIT(256);
		struct err e = ERR_INIT;
		struct js_iter it;
		struct js_item m;
		bool kept = false;
		struct js left;

		edits_init(&ed, str_of(rows[i].text));
		js_open(&it, checked(rows[i].text));
		for (unsigned int bit = 1; js_next(&it, &m); bit <<= 1) {
			if ((rows[i].cut & bit) != 0)
				edits_cut_item(&ed, &m, kept);
			else
				kept = true;
		}
		ok_int(edits_apply(&ed, &out, &e), rows[i].cut != 0, "apply");
		if (rows[i].cut == 0) {
			ok_bytes(buf_str(&out), STR(""), "no edit, no copy");
			continue;
		}
		ok_bytes(buf_str(&out), str_of(rows[i].want), rows[i].text);
		ok_int(js_check(buf_str(&out), &left, &e), 0, "what is left is JSON");
	}
}

static void
edits_apply_in_the_order_of_places(void)
{
	const char *const text = "0123456789";
	CLEANUP(edits_fini) struct edits ed;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(64);
	CLEANUP(buf_fini) struct buf tiny = BUF_INIT(4);
	struct err e = ERR_INIT;
	size_t mark;

	edits_init(&ed, str_of(text));
	edits_replace(&ed, text + 8, text + 9, STR("eight"));
	edits_replace(&ed, text + 2, text + 2, STR("<"));
	mark = ed.n;
	edits_replace(&ed, text + 5, text + 6, STR("forgotten"));
	edits_back_to(&ed, mark);
	edits_replace(&ed, text + 2, text + 2, STR(">"));
	edits_replace(&ed, text, text + 1, STR(""));
	ok_int(edits_apply(&ed, &out, &e), 1, "apply");
	ok_bytes(buf_str(&out), STR("1<>234567eight9"), "result");
	ok_int(edits_apply(&ed, &tiny, &e), -1, "what does not fit is an error");
}

int
main(void)
{
	only_strict_json_is_taken();
	no_prefix_of_a_container_is_taken();
	nesting_has_a_limit();
	items_are_the_ranges_of_the_text();
	an_index_changes_no_walk();
	an_index_has_a_ceiling();
	fields_are_found_and_must_be_single();
	an_empty_name_is_a_name();
	members_have_a_ceiling();
	a_repeated_name_is_found_among_many();
	text_is_decoded_or_refused();
	commas_stay_right();
	edits_apply_in_the_order_of_places();
	return test_done();
}
