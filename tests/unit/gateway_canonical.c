#include "gateway/canonical.h"

#include "base/json/json.h"
#include "tests/unit/test.h"

enum { TEXT_MAX = 1 << 16 };

struct row {
	const char *text;
	bool taken; /* without jansson */
};

static void
it_is_what_jansson_writes(void)
{
	static const struct row rows[] = {
		{ "{}", true },
		{ "[]", true },
		{ "{\"path\":\"a\",\"content\":\"b\\n\\\"\\\\\\t\"}", true },
		{ " { \"b\" : [ 1 , -2, 0, null ] , \"a\" : { \"d\":true, \"c\":false } } ",
			true },
		{ "{\"ab\":1,\"a\":2,\"b\":3,\"\":4,\"\xc3\xa9\":5,\"Z\":6}", true },
		{ "{\"a\":\"\xf0\x9f\x98\x80 \x7f\"}", true },
		{ "{\"a\":\"\\b\\f\\n\\r\\t\"}", true },
		{ "{\"n\":123456789012345678}", true },
		{ "{\"n\":1234567890123456789}", false },
		{ "{\"n\":-0}", false },
		{ "{\"n\":1.0}", false },
		{ "{\"n\":1e3}", false },
		{ "{\"s\":\"\\u0041\"}", false },
		{ "{\"s\":\"\\/\"}", false },
		{ "{\"s\":\"\\\\u0041 \\\\/\"}", true },
		{ "{\"\\n\":1}", false },
		{ "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", true },
		{ "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", false },
		{ "\"text\"", true },
		{ "7", true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf got = BUF_INIT(TEXT_MAX);
		CLEANUP(buf_fini) struct buf want = BUF_INIT(TEXT_MAX);
		struct err e = ERR_INIT;
		CLEANUP(json_freep) json_t *j = json_parse(str_of(rows[i].text), &e);

		ok(j != NULL, rows[i].text);
		json_put(&want, j);
		ok_int(gw_canonical_put(str_of(rows[i].text), &got), rows[i].taken,
			rows[i].text);
		if (rows[i].taken)
			ok_str(buf_text(&got), buf_text(&want), rows[i].text);
	}
}

static void
what_is_not_one_value_is_left(void)
{
	static const char *const bad[] = { "", "{", "{\"a\":1,\"a\":2}", "{}x",
		"{\"b\":{\"a\":1,\"c\":2,\"a\":1}}", "nul", "[1,]" };
	CLEANUP(buf_fini) struct buf many = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < LEN(bad); i++) {
		CLEANUP(buf_fini) struct buf got = BUF_INIT(TEXT_MAX);

		ok(!gw_canonical_put(str_of(bad[i]), &got), bad[i]);
	}
	for (int i = 0; i < 64; i++)
		buf_printf(&many, "%c\"%d\":%d", i == 0 ? '{' : ',', i, i);
	buf_putc(&many, '}');
	{
		CLEANUP(buf_fini) struct buf got = BUF_INIT(TEXT_MAX);
		CLEANUP(buf_fini) struct buf small = BUF_INIT(8);

		ok(!gw_canonical_put(buf_str(&many), &got), "many members");
		ok(!gw_canonical_put(STR("{\"a\":\"12345\"}"), &small), "no room");
	}
}

int
main(void)
{
	it_is_what_jansson_writes();
	what_is_not_one_value_is_left();
	return test_done();
}
