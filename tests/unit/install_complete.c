#include "tests/unit/test.h"

#include "install/complete.h"
#include "install/options.h"
#include "install/term.h"

enum { WORDS_OF_ROW = 8 };

/* The words without what they are, with blanks between; ":files" and so on behind them. */
static char *
told(const struct completion *c)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);

	for (size_t i = 0; i < c->word.n; i++)
		buf_printf(&b, "%s%.*s", i > 0 ? " " : "",
			(int)strcspn(c->word.v[i], "\t"), c->word.v[i]);
	buf_puts(&b, c->files ? ":files" : "");
	buf_puts(&b, c->folders ? ":folders" : "");
	buf_puts(&b, c->runs ? ":runs" : "");
	return mem_strdup(buf_text(&b));
}

static void
the_next_word_is_read_off_the_usage(void)
{
	static const struct {
		const char *word[WORDS_OF_ROW], *want;
	} rows[] = {
		{ { "po" }, "policy" },
		{ { "policy" }, "policy" },
		{ { "--" }, "--help --version" },
		{ { "nonsense" }, "" },
		{ { "nonsense", "" }, "" },
		{ { "poli", "" }, "" },
		{ { "policyx", "" }, "" },
		{ { "", "" }, "" },
		{ { "policy", "" }, "check keys explain test show replay learn" },
		{ { "policy", "s" }, "show" },
		{ { "policy", "", "" }, "" },
		{ { "policy check", "" }, "" },
		{ { "proxy", "st" }, "status stop" },
		{ { "install", "" }, "" },
		{ { "policy", "check", "" }, ":files" },
		{ { "policy", "check", "x", "" }, "" },
		{ { "policy", "check", "x", "-" }, "--as --root --json" },
		{ { "policy", "check", "--json", "-" }, "--as --root" },
		{ { "policy", "check", "--as", "" }, "managed user project" },
		{ { "policy", "check", "--as", "u" }, "user" },
		{ { "policy", "check", "--as", "--root" }, "" },
		{ { "policy", "check", "--as", "--root", "" }, ":files" },
		{ { "policy", "check", "--root", "" }, ":folders" },
		{ { "policy", "explain", "" }, "claude codex" },
		{ { "policy", "explain", "claude", "pando_core/read" },
			"pando_core/read-file" },
		{ { "policy", "explain", "claude", "Bash", "" }, "" },
		{ { "policy", "explain", "--subagent", "" }, "" },
		{ { "policy", "replay", "--since", "" }, "1h 1d 1w" },
		{ { "policy", "learn", "--run", "" }, ":runs" },
		{ { "policy", "keys", "" }, "--json" },
		{ { "logs", "--verdict", "a" }, "allow audit ask" },
		{ { "demo", "--agent", "cl" }, "claude" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(completion_fini) struct completion c = { .word = WORDS_INIT };
		CLEANUP(words_fini) struct words w = WORDS_INIT;
		CLEANUP(mem_freep) char *have = NULL;

		for (size_t k = 0; k < WORDS_OF_ROW && rows[i].word[k] != NULL; k++)
			words_add(&w, rows[i].word[k]);
		complete(&c, (int)w.n, w.v);
		have = told(&c);
		ok_str(have, rows[i].want, rows[i].want);
	}
}

static void
no_words_at_all_offer_nothing(void)
{
	CLEANUP(completion_fini) struct completion c = { .word = WORDS_INIT };

	complete(&c, 0, NULL);
	ok_int(c.word.n, 0, "nothing");
}

static void
options_stand_anywhere(void)
{
	static const struct {
		const char *word[WORDS_OF_ROW];
		int words;
		bool flag;
		const char *value, *first;
	} rows[] = {
		{ { "x" }, 0, false, NULL, NULL },
		{ { "x", "a" }, 1, false, NULL, "a" },
		{ { "x", "--flag", "a" }, 1, true, NULL, "a" },
		{ { "x", "a", "--flag" }, 1, true, NULL, "a" },
		{ { "x", "--value", "v", "a" }, 1, false, "v", "a" },
		{ { "x", "--value=v", "a" }, 1, false, "v", "a" },
		{ { "x", "--value=", "a" }, 1, false, "", "a" },
		{ { "x", "--value", "--flag" }, 0, false, "--flag", NULL },
		{ { "x", "--", "--flag" }, 1, false, NULL, "--flag" },
		{ { "x", "-" }, 1, false, NULL, "-" },
		{ { "x", "" }, 1, false, NULL, "" },
		{ { "x", "--value" }, -1, false, NULL, NULL },
		{ { "x", "--flag=1" }, -1, true, NULL, NULL },
		{ { "x", "--flags" }, -1, false, NULL, NULL },
		{ { "x", "--fla" }, -1, false, NULL, NULL },
		{ { "x", "a", "b", "c" }, -1, false, NULL, NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		bool flag = false;
		const char *value = NULL;
		const struct option_is is[] = { { "--flag", &flag, NULL },
			{ "--value", NULL, &value } };
		const struct options o = { "policy check", is, LEN(is), 0, 2 };
		CLEANUP(words_fini) struct words w = WORDS_INIT;
		char *argv[WORDS_OF_ROW] = { NULL };
		struct err e = ERR_INIT;
		int argc = 0;

		for (; argc < WORDS_OF_ROW && rows[i].word[argc] != NULL; argc++)
			words_add(&w, rows[i].word[argc]);
		memcpy(argv, w.v, (size_t)argc * sizeof *argv);
		ok_int(options_read(&o, argc, argv, &e), rows[i].words, rows[i].word[0]);
		ok_int(flag, rows[i].flag, "the flag");
		ok_str(value == NULL ? "-" : value,
			rows[i].value == NULL ? "-" : rows[i].value, "the value");
		if (rows[i].words > 0)
			ok_str(argv[0], rows[i].first, "the first word");
		if (rows[i].words < 0)
			ok(strstr(e.text, "usage: pando-ai policy check [--as") != NULL,
				e.text);
	}
}

static void
foreign_text_is_whole_and_harmless(void)
{
	static const struct {
		struct str text;
		const char *want;
	} rows[] = {
		{ { "", 0 }, "" },
		{ { NULL, 0 }, "" },
		{ { "a \"b\" 'c' \\", 11 }, "a \"b\" 'c' \\" },
		{ { "\x1b[31m\n\t\x7f\0", 9 }, "\\x1b[31m\\x0a\\x09\\x7f\\x00" },
		{ { "\xc2\x9b \xe2\x80\xae \xff \xc3\xa9 \xc3", 13 },
			"\\xc2\\x9b \\xe2\\x80\\xae \\xff \xc3\xa9 \\xc3" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *have = term_text(rows[i].text);

		ok_str(have, rows[i].want, rows[i].want);
	}
}

static void
long_text_is_cut_between_characters(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);

	for (int i = 0; i < 20000; i++)
		buf_puts(&b, "\xc3\xa9");
	for (size_t n = 900; n < 1100; n++) {
		CLEANUP(mem_freep) char *have = term_text((struct str){ b.p, n & ~1u });

		ok(strstr(have, "\\x") == NULL, "no half character");
		ok((strstr(have, "...") != NULL) ==
				(strlen(have) > (n & ~1u) || strlen(have) < (n & ~1u)),
			"what is cut is told");
	}
}

int
main(void)
{
	the_next_word_is_read_off_the_usage();
	no_words_at_all_offer_nothing();
	options_stand_anywhere();
	foreign_text_is_whole_and_harmless();
	long_text_is_cut_between_characters();
	return test_done();
}
