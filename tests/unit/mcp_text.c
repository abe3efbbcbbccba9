#include "mcp/edit.h"
#include "mcp/inside.h"
#include "mcp/pathglob.h"
#include "mcp/run.h"
#include "mcp/schema.h"
#include "mcp/tool.h"
#include "tests/unit/test.h"

/* The pure parts of the tools: globs, edits, schemas, captures, what the kernel tells. */

static void
globs_match_paths_as_people_expect(void)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} rows[] = {
		{ "*.c", "a.c", true },
		{ "*.c", "src/deep/a.c", true },
		{ "*.c", "a.cc", false },
		{ "src/*.c", "src/a.c", true },
		{ "src/*.c", "src/deep/a.c", false },
		{ "src/**/*.c", "src/a.c", true },
		{ "src/**/*.c", "src/x/y/a.c", true },
		{ "src/**", "src/x/y", true },
		{ "src/**", "srcx/y", false },
		{ "**/a.c", "a.c", true },
		{ "**/a.c", "x/y/a.c", true },
		{ "**/a.c", "x/ya.c", false },
		{ "a/**/b/**/c", "a/b/c", true },
		{ "a/**/b/**/c", "a/x/b/y/z/c", true },
		{ "a/**/b/**/c", "a/xb/c", false },
		{ "**/**/b", "b", true },
		{ "**/**/b", "x/b", true },
		{ "**/**/b", "xb/c", false },
		{ "**", "any/thing", true },
		{ "a?c", "abc", true },
		{ "x/a?c", "x/a/c", false },
		{ "[ab].c", "b.c", true },
		{ "[!ab].c", "b.c", false },
		{ "[!ab].c", "c.c", true },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[]]x", "]x", true },
		{ "*.{ts,tsx}", "x/a.tsx", true },
		{ "*.{ts,tsx}", "x/a.js", false },
		{ "{a,b}{c,d}", "bd", true },
		{ "{a,}b", "b", true },
		{ "", "", false },
		{ "a", "", false },
		{ "*", "", true },
		{ "*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(pathglob_match(str_of(rows[i].pattern), str_of(rows[i].path)),
			rows[i].want, rows[i].pattern);
}

static void
bad_globs_are_refused(void)
{
	static const char *const bad[] = { "", "[a", "x[", "{a", "a}", "{a,{b}}",
		"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}" };
	char big[PATHGLOB_MAX + 2];
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(bad); i++)
		ok_int(pathglob_check(str_of(bad[i]), &e), -1, bad[i]);
	memset(big, '*', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	ok_int(pathglob_check(str_of(big), &e), -1, "too long");
	big[PATHGLOB_MAX] = '\0';
	ok_int(pathglob_check(str_of(big), &e), 0, "as long as it may be");
	ok_int(pathglob_match(str_of(big), STR("abc")), 1, "and it matches");
}

static void
replace_is_exact_and_unique(void)
{
	static const struct {
		const char *text, *from, *to;
		bool all;
		const char *want; /* NULL: refused */
		int64_t places, line;
	} rows[] = {
		{ "a\nb\nc\n", "b", "X", false, "a\nX\nc\n", 1, 2 },
		{ "a\nb\nc\n", "b\n", "", false, "a\nc\n", 1, 2 },
		{ "aa", "a", "b", false, NULL, 0, 0 },
		{ "aa", "a", "bb", true, "bbbb", 2, 1 },
		{ "aaa", "aa", "b", true, "ba", 1, 1 },
		{ "a", "x", "b", false, NULL, 0, 0 },
		{ "", "x", "b", true, NULL, 0, 0 },
		{ "a", "", "b", false, NULL, 0, 0 },
		{ "a\r\nb\r\n", "a\nb", "x\ny", false, "x\r\ny\r\n", 1, 1 },
		{ "a\r\nb\r\n", "b", "x", false, "a\r\nx\r\n", 1, 2 },
		{ "a\r\nb\r\n", "b", "x\ny", false, "a\r\nx\r\ny\r\n", 1, 2 },
		{ "a\r\nb\nc\n", "b\r\nc", "", false, NULL, 0, 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct edit_swap swap = { str_of(rows[i].from), str_of(rows[i].to),
			rows[i].all };
		struct buf out = BUF_INIT(4096);
		struct err e = ERR_INIT;
		int64_t places = 0;
		int64_t line = 0;
		const int got = edit_replace(
			str_of(rows[i].text), &swap, &out, &places, &line, &e);

		ok_int(got, rows[i].want == NULL ? -1 : 0, rows[i].text);
		if (rows[i].want != NULL) {
			ok_str(buf_text(&out), rows[i].want, rows[i].text);
			ok_int(places, rows[i].places, rows[i].text);
			ok_int(line, rows[i].line, rows[i].text);
		}
		buf_fini(&out);
	}
}

static void
insert_goes_before_a_line(void)
{
	static const struct {
		const char *text;
		int64_t line;
		const char *what, *want;
	} rows[] = {
		{ "a\nb\n", 1, "X\n", "X\na\nb\n" },
		{ "a\nb\n", 2, "X", "a\nX\nb\n" },
		{ "a\nb\n", 3, "X\n", "a\nb\nX\n" },
		{ "a\nb\n", 4, "X\n", NULL },
		{ "a\nb\n", 0, "X\n", NULL },
		{ "a\nb", 3, "X", "a\nb\nX" },
		{ "", 1, "X\n", "X\n" },
		{ "", 2, "X\n", NULL },
		{ "a\r\nb\r\n", 2, "X\nY", "a\r\nX\r\nY\r\nb\r\n" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out = BUF_INIT(4096);
		struct err e = ERR_INIT;
		const int got = edit_insert(str_of(rows[i].text), rows[i].line,
			str_of(rows[i].what), &out, &e);

		ok_int(got, rows[i].want == NULL ? -1 : 0, rows[i].text);
		if (rows[i].want != NULL)
			ok_str(buf_text(&out), rows[i].want, rows[i].text);
		buf_fini(&out);
	}
}

static void
every_tool_is_described_well(void)
{
	for (size_t i = 0; tool_all[i] != NULL; i++) {
		const struct tool *t = tool_all[i];
		struct err e = ERR_INIT;
		json_t *schema = json_parse(str_of(t->schema), &e);
		json_t *one = json_pack("{s:i}", "no-such-argument", 1);

		ok(schema != NULL, t->name);
		ok_str(json_text_of(schema, "type"), "object", t->name);
		ok(json_is_false(json_object_get(schema, "additionalProperties")),
			t->name);
		ok(strlen(t->description) > 20 && t->title != NULL && t->run != NULL,
			t->name);
		ok(!t->read_only || (!t->mutates && !t->destructive), t->name);
		ok(t->role == TOOL_WORKSPACE || t->read_only, "the core only reads");
		ok_int(schema_check(schema, one, &e), -1,
			"an unknown argument is refused");
		json_decref(one);
		json_decref(schema);
	}
}

static void
arguments_are_checked_by_the_schema(void)
{
	static const char schema_text[] =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"s\"],"
		"\"properties\":{\"s\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":3},"
		"\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":5},"
		"\"b\":{\"type\":\"boolean\"},\"e\":{\"type\":\"string\",\"enum\":[\"x\",\"y\"]},"
		"\"a\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,"
		"\"items\":{\"type\":\"string\",\"minLength\":1}}}}";
	static const struct {
		const char *args, *says; /* NULL: fine */
	} rows[] = {
		{ "{\"s\":\"a\"}", NULL },
		{ "{\"s\":\"abc\",\"n\":5,\"b\":false,\"e\":\"y\",\"a\":[\"q\"]}", NULL },
		{ "{}", "\"s\" is missing" },
		{ "{\"s\":1}", "\"s\" must be of type string" },
		{ "{\"s\":\"\"}", "at least 1" },
		{ "{\"s\":\"abcd\"}", "at most 3" },
		{ "{\"s\":\"a\",\"n\":0}", "at least 1" },
		{ "{\"s\":\"a\",\"n\":6}", "at most 5" },
		{ "{\"s\":\"a\",\"n\":1.0}", "type integer" },
		{ "{\"s\":\"a\",\"n\":\"1\"}", "type integer" },
		{ "{\"s\":\"a\",\"b\":0}", "type boolean" },
		{ "{\"s\":\"a\",\"e\":\"z\"}", "must be one of [\"x\",\"y\"]" },
		{ "{\"s\":\"a\",\"a\":[]}", "at least 1" },
		{ "{\"s\":\"a\",\"a\":[\"1\",\"2\",\"3\"]}", "at most 2" },
		{ "{\"s\":\"a\",\"a\":[\"\"]}", "at least 1" },
		{ "{\"s\":\"a\",\"a\":\"x\"}", "type array" },
		{ "{\"s\":\"a\",\"t\":1}", "no argument" },
		{ "{\"s\":null}", "type string" },
	};
	struct err e = ERR_INIT;
	json_t *schema = json_parse(str_of(schema_text), &e);

	for (size_t i = 0; i < LEN(rows); i++) {
		json_t *args = json_parse(str_of(rows[i].args), &e);

		e.text[0] = '\0';
		ok_int(schema_check(schema, args, &e), rows[i].says == NULL ? 0 : -1,
			rows[i].args);
		if (rows[i].says != NULL && strstr(e.text, rows[i].says) == NULL)
			ok_str(e.text, rows[i].says, rows[i].args);
		json_decref(args);
	}
	json_decref(schema);
}

static void
a_capture_keeps_both_ends(void)
{
	enum { LINES = 20000, SMALL = 3 };
	struct run_capture c = RUN_CAPTURE_INIT;
	struct buf out = BUF_INIT(1 << 20);
	char line[32];

	run_capture_add(&c, STR("a\nb\n"));
	run_capture_put(&out, &c);
	ok_str(buf_text(&out), "a\nb\n", "what is short is whole");
	buf_reset(&out);
	for (int i = SMALL; i < LINES; i++) {
		(void)snprintf(line, sizeof line, "line %d\n", i);
		run_capture_add(&c, str_of(line));
	}
	run_capture_put(&out, &c);
	ok(str_starts(buf_str(&out), STR("a\nb\nline 3\n")), "the head is there");
	ok(strstr(buf_text(&out), "bytes left out here]") != NULL, "the gap is told");
	(void)snprintf(line, sizeof line, "line %d\n", LINES - 1);
	ok(out.n > strlen(line) &&
			strcmp(buf_text(&out) + out.n - strlen(line), line) == 0,
		"the tail is there");
	ok(out.n < 2 * RUN_PART_MAX + 100, "and no more");
	buf_fini(&out);
	run_capture_fini(&c);
}

static void
the_kernel_is_believed_about_the_sandbox(void)
{
#define DEV_HEAD "Inter-|   Receive\n face |bytes\n"
	static const struct {
		const char *dev;
		int want;
	} devs[] = {
		{ DEV_HEAD "    lo:    0 0\n", 0 },
		{ DEV_HEAD, 0 },
		{ DEV_HEAD "    lo: 0\n  eth0: 0\n", -1 },
		{ DEV_HEAD "  lox: 0\n", -1 },
		{ "", -1 },
	};
#define CAPS(v)                                                                          \
	"CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t" v              \
	"\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n"
	static const struct {
		const char *status;
		int want;
	} all[] = {
		{ CAPS("0000000000000000") "NoNewPrivs:\t1\nSeccomp:\t2\n", 0 },
		{ CAPS("0000000000000001") "NoNewPrivs:\t1\nSeccomp:\t2\n", -1 },
		{ CAPS("0000000000000000") "NoNewPrivs:\t0\nSeccomp:\t2\n", -1 },
		{ CAPS("0000000000000000") "NoNewPrivs:\t1\nSeccomp:\t0\n", -1 },
		{ "NoNewPrivs:\t1\nSeccomp:\t2\n", -1 },
		{ "", -1 },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(devs); i++)
		ok_int(inside_check_interfaces(str_of(devs[i].dev), &e), devs[i].want,
			devs[i].dev);
	for (size_t i = 0; i < LEN(all); i++)
		ok_int(inside_check_status(str_of(all[i].status), &e), all[i].want,
			all[i].status);
}

int
main(void)
{
	globs_match_paths_as_people_expect();
	bad_globs_are_refused();
	replace_is_exact_and_unique();
	insert_goes_before_a_line();
	every_tool_is_described_well();
	arguments_are_checked_by_the_schema();
	a_capture_keeps_both_ends();
	the_kernel_is_believed_about_the_sandbox();
	return test_done();
}
