/*
 * What jscan takes and finds, beside jansson. Without arguments it checks the list of texts that
 * the two must judge differently, each for a reason that is argued here. With --pipe it reads
 * bodies, each behind its length (32 bits, little-endian), and answers each with what both said,
 * so that tests/cli/json_readers.py can hold them against Python's parser.
 */

#include <endian.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json/json.h"
#include "base/jscan.h"
#include "tests/unit/test.h"

enum { BODY_MAX = 1 << 20, SAID_MAX = 8 << 20, TEXT_MAX = 200 };

/* What a reader of a request looks at, to know a tool by. */
static const char *const names[] = { "type", "name", "id", "call_id", "tool_use_id",
	"namespace", "server_label" };

/* Why jansson did not take a text, as one letter. */
enum {
	TAKEN = 'a',
	OVERFLOW = 'o',
	UNICODE = 'u',
	NUL_KEY = 'k',
	TWICE = 'd',
	OTHER = 'r'
};

static char
jansson_says(struct str text, size_t flags, json_t **tree)
{
	json_error_t why;

	*tree = json_loadb(
		text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | flags, &why);
	if (*tree != NULL)
		return TAKEN;
	if (json_error_code(&why) == json_error_numeric_overflow)
		return OVERFLOW;
	if (json_error_code(&why) == json_error_null_byte_in_key)
		return NUL_KEY;
	if (json_error_code(&why) == json_error_duplicate_key)
		return TWICE;
	return strstr(why.text, "nvalid Unicode") != NULL ? UNICODE : OTHER;
}

/*
 * A field: "-" it is none, "!" no text that a name can be, else "=", how many bytes, ":" and
 * these, which may be any: no byte is left to stand between two of them.
 */
static void
put_field(struct buf *out, bool is_text, bool fits, struct str text)
{
	if (!is_text || !fits) {
		buf_puts(out, is_text ? "!" : "-");
	} else {
		buf_printf(out, "=%zu:", text.n);
		buf_put_str(out, text);
	}
}

/* An object's, behind their length (32 bits, little-endian). */
static void
put_record(struct buf *out, const struct buf *fields)
{
	const uint32_t n = htole32((uint32_t)fields->n);

	buf_put(out, (const char *)&n, sizeof n);
	buf_put_str(out, buf_str(fields));
}

static void
put_fields(struct buf *out, const struct js_field f[LEN(names)])
{
	for (size_t i = 0; i < LEN(names); i++) {
		const struct js *val = &f[i].m.val;
		char room[TEXT_MAX];
		struct str text = STR("");
		struct err unread = ERR_INIT;
		const bool fits = js_text(*val, room, sizeof room, &text, &unread) == 0;

		put_field(out, val->type == JS_STRING, fits, text);
	}
}

/* The record of each object, in the order of the text. True when one was refused. */
static bool
put_records(struct js v, struct buf *out)
{
	CLEANUP(buf_fini) struct buf fields = BUF_INIT(SAID_MAX);
	struct js_field f[LEN(names)];
	struct err e = ERR_INIT;
	struct js_iter it;
	struct js_item m;
	bool refused = false;

	for (size_t i = 0; i < LEN(names); i++)
		f[i] = (struct js_field)JS_FIELD(names[i]);
	if (v.type == JS_OBJECT && js_fields(v, f, LEN(f), &e) < 0) {
		refused = true;
		buf_puts(&fields, strstr(e.text, "escapes") != NULL       ? "E"
				  : strstr(e.text, "two members") != NULL ? "D"
				  : strstr(e.text, "its case") != NULL    ? "C"
									  : "M");
	} else if (v.type == JS_OBJECT) {
		put_fields(&fields, f);
	}
	if (v.type == JS_OBJECT)
		put_record(out, &fields);
	js_open(&it, v);
	while (js_next(&it, &m))
		refused = put_records(m.val, out) || refused;
	return refused;
}

/* The same of jansson's tree, which knows no names written in another way. */
static void
put_tree(json_t *v, struct buf *out)
{
	CLEANUP(buf_fini) struct buf fields = BUF_INIT(SAID_MAX);
	const char *key;
	json_t *member;
	size_t at;

	if (json_is_array(v)) {
		json_array_foreach(v, at, member)
		{
			put_tree(member, out);
		}
		return;
	}
	if (!json_is_object(v))
		return;
	for (size_t i = 0; i < LEN(names); i++) {
		const json_t *s = json_object_get(v, names[i]);
		const struct str text = { json_string_value(s), json_string_length(s) };

		put_field(&fields, json_is_string(s),
			text.n <= TEXT_MAX &&
				(text.n == 0 || memchr(text.p, 0, text.n) == NULL),
			text);
	}
	put_record(out, &fields);
	json_object_foreach(v, key, member)
	{
		put_tree(member, out);
	}
}

/*
 * "<ours> <jansson> <jansson without duplicates> <the two found the same>" and the records: ours
 * is "a", "n" for too deep, "r".
 */
static void
judge(struct str text, struct buf *said)
{
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	CLEANUP(buf_fini) struct buf records = BUF_INIT(SAID_MAX);
	CLEANUP(buf_fini) struct buf theirs = BUF_INIT(SAID_MAX);
	CLEANUP(json_freep) json_t *tree = NULL;
	CLEANUP(json_freep) json_t *strict = NULL;
	struct err e = ERR_INIT;
	struct js root;
	char ours = 'a';
	const char loose_says = jansson_says(text, 0, &tree);
	const char strict_says = jansson_says(text, JSON_REJECT_DUPLICATES, &strict);
	bool same = true;

	if (js_check_index(text, &ix, &root, &e) < 0) {
		ours = strstr(e.text, "too deep") != NULL ? 'n' : 'r';
	} else if (!put_records(root, &records) && tree != NULL) {
		put_tree(tree, &theirs);
		same = str_eq(buf_str(&records), buf_str(&theirs));
	}
	buf_printf(said, "%c%c%c%c", ours, loose_says, strict_says, same ? '=' : '/');
	buf_put_str(said, buf_str(&records));
}

static bool
read_all(char *p, size_t n)
{
	while (n > 0) {
		const ssize_t k = read(STDIN_FILENO, p, n);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static int
serve(void)
{
	CLEANUP(mem_freep) char *body = mem_alloc(BODY_MAX);
	CLEANUP(buf_fini) struct buf said = BUF_INIT(SAID_MAX);
	uint32_t n;

	while (read_all((char *)&n, sizeof n)) {
		n = le32toh(n);
		if (n > BODY_MAX || !read_all(body, n))
			return 1;
		buf_reset(&said);
		judge((struct str){ body, n }, &said);
		n = htole32((uint32_t)said.n);
		if (said.over || fwrite(&n, sizeof n, 1, stdout) != 1 ||
			fwrite(said.p, said.n, 1, stdout) != 1)
			return 1;
	}
	return fflush(stdout) != 0;
}

static void
what_is_judged_otherwise_is_listed(void)
{
	static const struct {
		const char *text, *want; /* ours, jansson, jansson without duplicates */
		const char *why;
	} rows[] = {
		{ "[1e999]", "aoo",
			"RFC 8259, 6: the grammar has no limit; no number is read" },
		{ "[123456789012345678901234567890]", "aoo", "the same" },
		{ "[\"\\ud800\"]", "auu",
			"RFC 8259, 8.2: valid; a name with it is refused" },
		{ "[\"\\udc00\\ud800\"]", "auu", "the same" },
		{ "{\"\\u0000\":1}", "akk", "valid; refused where the object is read" },
		{ "{\"a\":1,\"a\":2}", "aad", "valid; refused where the object is read" },
		{ "{\"a\":1,\"\\u0061\":2}", "aad", "the same" },
		{ "[\"\\u0000\"]", "aaa", "valid; a name with it is refused" },
		{ "\xef\xbb\xbf[]", "rrr", "RFC 8259, 8.1: a parser may refuse it" },
		{ "[NaN]", "rrr", "no JSON, though Python takes it" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf said = BUF_INIT(SAID_MAX);

		judge(str_of(rows[i].text), &said);
		ok_bytes(((struct str){ said.p, 3 }), str_of(rows[i].want), rows[i].why);
	}
}

static void
depth_is_refused_without_going_there(void)
{
	static const size_t depths[] = { JS_DEPTH_MAX + 1, 2048, 10000, 500000 };

	for (size_t i = 0; i < LEN(depths); i++) {
		for (int kind = 0; kind < 2; kind++) {
			CLEANUP(buf_fini) struct buf text = BUF_INIT(SAID_MAX);
			struct err e = ERR_INIT;
			struct js root;

			for (size_t d = 0; d < depths[i]; d++)
				buf_puts(&text, kind == 0 ? "[" : "{\"a\":");
			ok_int(js_check(buf_str(&text), &root, &e), -1, "too deep");
			ok(strstr(e.text, "nested too deep") != NULL, e.text);
		}
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--pipe") == 0)
		return serve();
	what_is_judged_otherwise_is_listed();
	depth_is_refused_without_going_there();
	return test_done();
}
