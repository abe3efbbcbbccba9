#include "tests/unit/test.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/secret.h"
#include "base/utf8.h"

static void
a_buffer_never_grows_past_its_ceiling(void)
{
	for (size_t max = 0; max <= 600; max += 50) {
		struct buf b = BUF_INIT(max);

		for (size_t i = 0; i < 700; i++)
			buf_putc(&b, 'x');
		ok_int(b.n, max, "holds exactly the ceiling");
		ok(b.over, "says that more was given");
		ok_int(strlen(buf_text(&b)), max, "has a NUL behind it");
		buf_fini(&b);
	}
}

/* Two runs of a house, each with a share of it. */
static void
what_many_hold_together_has_a_ceiling(void)
{
	struct quota all = { .max = 4096 };
	struct quota one = { .of = &all, .max = 2048 },
		     other = { .of = &all, .max = 2048 };
	struct quota sent = { .of = &all, .owes = true };
	struct buf a = BUF_IN(10000, &one), b = BUF_IN(10000, &other);
	struct buf c = BUF_IN(10000, &sent), d = BUF_IN(100, &one);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 10000; i++)
		buf_putc(&a, 'x');
	ok(a.over && a.starved, "one has no more than its share");
	ok(a.n < one.max && a.n > one.max / 4, "and most of that");
	ok_int((int64_t)one.held, (int64_t)a.cap, "what is allocated counts");
	(void)buf_text(&b);
	ok(b.cap > 0 && other.held == b.cap && all.held == a.cap + b.cap, "in both");
	while (!c.over && c.n < 8000)
		buf_putc(&c, 'x');
	ok(!c.over && all.held > all.max, "what is owed is not refused");
	buf_puts(&b, "beside that there is no room for more");
	while (!b.over && b.n < 1000)
		buf_putc(&b, 'x');
	ok(b.starved && b.n < 1000, "which the next one finds");
	ok_int(quota_refuse(b.quota, &e), -1, "and says so");
	buf_reset(&b);
	ok(!b.over && !b.starved, "reset makes it usable again");
	for (size_t i = 0; i < 101; i++)
		buf_putc(&d, 'x');
	ok(d.over && d.n <= 100, "its own ceiling holds, too");
	buf_wipe(&a);
	buf_fini(&b);
	buf_fini(&c);
	free(buf_take(&d));
	ok_int((int64_t)(one.held + other.held + sent.held + all.held), 0,
		"all is given back");
	ok(all.most > all.max, "how much it was is known");
}

static void
nothing_is_half_added(void)
{
	struct buf b = BUF_INIT(10);

	buf_puts(&b, "12345678");
	buf_puts(&b, "abc");
	buf_puts(&b, "9");
	ok_bytes(buf_str(&b), STR("12345678"),
		"what came after the overflow is left out too");
	buf_reset(&b);
	buf_puts(&b, "ab");
	ok_bytes(buf_str(&b), STR("ab"), "reset makes it usable again");
	buf_drop_front(&b, 1);
	ok_bytes(buf_str(&b), STR("b"), "drop front");
	buf_fini(&b);
}

static void
json_strings_are_valid_whatever_the_bytes(void)
{
	for (unsigned int c = 0; c < 256; c++) {
		const char raw[3] = { 'a', (char)c, 'b' };
		CLEANUP(buf_fini) struct buf b = BUF_INIT(64);
		struct err e = ERR_INIT;
		CLEANUP(json_freep) json_t *j = NULL;

		buf_put_json(&b, (struct str){ raw, 3 });
		j = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		ok(j != NULL, "parses again");
		if (c < 0x80)
			ok_bytes(((struct str){
					 json_string_value(j), json_string_length(j) }),
				((struct str){ raw, 3 }), "ASCII comes back");
		else
			ok_str(json_string_value(j),
				"a\xef\xbf\xbd"
				"b",
				"a bad byte is U+FFFD");
		ok_str(e.text, "", "no error");
	}
}

static void
utf8_follows_rfc_3629(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "a", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\x80", 0 },
		{ "\xff", 0 },
	};
	char out[UTF8_LONGEST];

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct str s = str_of(rows[i].bytes);

		ok_int(utf8_len(s), rows[i].len, rows[i].bytes);
		for (size_t n = 0; n < rows[i].len; n++)
			ok_int(utf8_len((struct str){ s.p, n }), 0, "a cut sequence");
	}
	ok_int(utf8_put(out, 0xd800), 0, "surrogate");
	ok_int(utf8_put(out, 0x110000), 0, "beyond Unicode");
	for (unsigned int cp = 0; cp < 0x110000; cp += 97) {
		const size_t n = utf8_put(out, cp);

		ok(n == 0 ? cp >= 0xd800 && cp <= 0xdfff
			  : utf8_len((struct str){ out, n }) == n,
			"put and len agree");
	}
}

static void
errors_gather_context_and_have_a_status(void)
{
	struct err e = ERR_INIT;

	ok_int(err_set(&e, ERR_POLICY, "line %d", 3), -1, "answers -1");
	(void)err_wrap(&e, "file %s", "x");
	ok_str(e.text, "file x: line 3", "outer first");
	ok_int(err_exit_status(&e), 78, "status of the kind");
	(void)err_hint(&e, "do %s", "y");
	ok_str(e.text, "file x: line 3; do y", "what to do comes last");
	errno = ENOSPC;
	(void)err_sys(&e, "write %s", "f");
	ok_str(e.text, "write f: No space left on device", "reason of errno");
	ok_int(err_exit_status(&e), 73, "a full disk has a status of its own");
	for (int i = 0; i < 4000; i++)
		(void)err_wrap(&e, "deep");
	ok(strlen(e.text) < ERR_TEXT_MAX, "a long chain is cut, not overrun");
}

static void
foreign_text_is_harmless_in_a_line(void)
{
	char out[LOG_QUOTED_MAX];
	char longer[1000];

	ok_str(log_quoted(STR("a\x1b[31m\n\"\\\xff\xc3\xa9"), out),
		"a\\x1b[31m\\x0a\\x22\\x5c\\xff\xc3\xa9", "escaped");
	ok_str(log_quoted(
		       STR("\xc2\x9b"
			   "31m \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8 \xe2\x80\x94 \xc2\xa0"),
		       out),
		"\\xc2\\x9b"
		"31m \\xe2\\x80\\xae \\xe2\\x81\\xa6 \\xe2\\x80\\xa8 \xe2\x80\x94 \xc2\xa0",
		"C1 and marks of direction too, a dash and a wide blank not");
	for (size_t i = 0; i < sizeof longer; i++)
		longer[i] = "\xe2\x80\xae"[i % 3];
	for (size_t i = sizeof longer - 300; i < sizeof longer; i++)
		ok(strlen(log_quoted((struct str){ longer, i }, out)) < LOG_QUOTED_MAX,
			"the longest escapes fit");
	memset(longer, '\n', sizeof longer);
	ok(strlen(log_quoted((struct str){ longer, sizeof longer }, out)) <
			LOG_QUOTED_MAX,
		"long text is cut");
}

static void
secrets_are_long_fresh_and_compared_whole(void)
{
	struct secret a, b;
	struct err e = ERR_INIT;

	ok_int(secret_new(&a, &e), 0, e.text);
	ok_int(secret_new(&b, &e), 0, e.text);
	ok_int(strlen(a.hex), SECRET_HEX, "length");
	ok(!secret_is(&a, str_of(b.hex)), "two are not the same");
	ok(secret_is(&a, str_of(a.hex)), "itself");
	ok(!secret_is(&a, (struct str){ a.hex, SECRET_HEX - 1 }), "a prefix is not it");
	ok(!secret_is(&a, STR("")), "nothing is not it");
}

int
main(void)
{
	a_buffer_never_grows_past_its_ceiling();
	what_many_hold_together_has_a_ceiling();
	nothing_is_half_added();
	json_strings_are_valid_whatever_the_bytes();
	utf8_follows_rfc_3629();
	errors_gather_context_and_have_a_status();
	foreign_text_is_harmless_in_a_line();
	secrets_are_long_fresh_and_compared_whole();
	return test_done();
}
