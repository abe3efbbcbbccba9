#include "gateway/head.h"

#include "tests/unit/test.h"

static const char lines[] =
	"Host: a\nX-One: 1\nx-one:  2 \nAuthorization: Bearer k\nEmpty: \n";

static void
lines_are_read_back(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1024);
	struct str rest, name, value;
	size_t n = 0;

	gw_head_put(&b, STR("A"), STR("b: c"));
	gw_head_put(&b, STR("Empty"), STR(""));
	rest = buf_str(&b);
	ok(gw_head_next(&rest, &name, &value), "a first line");
	ok_bytes(name, STR("A"), "its name");
	ok_bytes(value, STR("b: c"), "its value keeps a colon");
	ok(gw_head_next(&rest, &name, &value), "a second line");
	ok_bytes(value, STR(""), "an empty value");
	ok(!gw_head_next(&rest, &name, &value), "no third line");
	rest = STR(lines);
	while (gw_head_next(&rest, &name, &value))
		n++;
	ok_int(n, 5, "all lines are found");
	ok_bytes(gw_head_get(STR(lines), "X-ONE"), STR("1"),
		"the first of two, in any case");
	ok_int(gw_head_count(STR(lines), "x-one"), 2, "two of a name");
	ok_bytes(gw_head_get(STR(lines), "absent"), STR(""), "none");
}

static void
every_prefix_is_read_without_harm(void)
{
	for (size_t i = 0; i < sizeof lines; i++) {
		struct str rest = { lines, i };
		struct str name, value;
		size_t n = 0;

		while (gw_head_next(&rest, &name, &value))
			n++;
		ok(n <= 5, "a prefix has no more lines than the whole");
	}
}

static void
fields_of_one_hop_stay(void)
{
	static const struct {
		const char *name, *nominated;
		bool up, down;
	} rows[] = {
		{ "x-api-key", "", true, true },
		{ "anthropic-beta", "", true, true },
		{ "retry-after", "", true, true },
		{ "Host", "", false, true },
		{ "content-length", "", false, false },
		{ "Transfer-Encoding", "", false, false },
		{ "Connection", "", false, false },
		{ "Upgrade", "", false, false },
		{ "Proxy-Authorization", "", false, false },
		{ "accept-encoding", "", false, true },
		{ "content-encoding", "", false, true },
		{ "alt-svc", "", true, false },
		{ "x-odd", "close, X-Odd", false, false },
		{ "x-odd", "close, X-Odder", true, true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct str nominated = str_of(rows[i].nominated);

		ok_int(gw_head_goes_up(str_of(rows[i].name), nominated), rows[i].up,
			rows[i].name);
		ok_int(gw_head_goes_down(str_of(rows[i].name), nominated), rows[i].down,
			rows[i].name);
	}
}

/* RFC 9110, 5.3 and 7.6.1. */
static void
several_fields_are_one_list(void)
{
	static const struct {
		const char *lines, *list, *down;
	} rows[] = {
		{ "A: 1\n", "", "A: 1\n" },
		{ "A: 1\nConnection: a\nB: 2\n", "a", "B: 2\n" },
		{ "A: 1\nConnection: close\nB: 2\nconnection: b\n", "close,b", "A: 1\n" },
		{ "CONNECTION: \nConnection: a, c\nC: 3\nConnection: B\nB: 2\nA: 1\nD: 4\n",
			",a, c,B", "D: 4\n" },
		{ "Connection: a\nConnection:\nA: 1\n", "a,", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf room = BUF_INIT(1024);
		CLEANUP(buf_fini) struct buf down = BUF_INIT(1024);

		ok_bytes(gw_head_list(str_of(rows[i].lines), "connection", &room),
			str_of(rows[i].list), rows[i].lines);
		gw_head_put_down(str_of(rows[i].lines), false, &down);
		ok_bytes(buf_str(&down), str_of(rows[i].down), rows[i].lines);
	}
}

static void
unsound_fields_are_seen(void)
{
	static const struct {
		struct str name, value;
		bool want;
	} rows[] = {
		{ { "x-a", 3 }, { "b", 1 }, true },
		{ { "x-a", 3 }, { "", 0 }, true },
		{ { "x-a", 3 }, { "\xc3\xa9\t ", 4 }, true },
		{ { "", 0 }, { "b", 1 }, false },
		{ { "x a", 3 }, { "b", 1 }, false },
		{ { "x-a ", 4 }, { "b", 1 }, false },
		{ { "x\xe9", 2 }, { "b", 1 }, false },
		{ { "x(a)", 4 }, { "b", 1 }, false },
		{ { "x\0a", 3 }, { "b", 1 }, false },
		{ { "x-a", 3 }, { "b\rc", 3 }, false },
		{ { "x-a", 3 }, { "b\nc", 3 }, false },
		{ { "x-a", 3 }, { "b\0c", 3 }, false },
		{ { "x-a", 3 }, { "b\x7f", 2 }, false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(gw_head_is_sound(rows[i].name, rows[i].value), rows[i].want,
			rows[i].value.p);
}

static void
media_and_logins(void)
{
	ok(gw_head_is_media(STR("Text/Event-Stream; charset=utf-8"), "text/event-stream"),
		"a media type with a parameter");
	ok(!gw_head_is_media(STR("text/event-streams"), "text/event-stream"),
		"a longer one");
	ok(gw_head_is_login(STR("authorization: bearer sk-ant-oat01-abc\n")), "a login");
	ok(gw_head_is_login(
		   STR("Authorization: Bearer x\nauthorization: Bearer  sk-ant-oat\n")),
		"a login in a second field");
	ok(!gw_head_is_login(STR("Authorization: Bearer sk-ant-api\n")), "an API key");
	ok(!gw_head_is_login(STR("x-api-key: sk-ant-oat01\n")), "another field");
}

int
main(void)
{
	lines_are_read_back();
	every_prefix_is_read_without_harm();
	fields_of_one_hop_stay();
	several_fields_are_one_list();
	unsound_fields_are_seen();
	media_and_logins();
	return test_done();
}
