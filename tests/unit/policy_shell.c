/*
 * Lines and the commands in them, written as
 *
 *   [word word] [A=1 : word] ...      in the order of the list
 *
 * with ~ behind a word that is one field but not known, ~~ behind one that may be any number
 * of fields, ~= behind a pathname pattern, and "opaque" for a line that is not understood.
 */

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "policy/shell.h"
#include "tests/unit/test.h"

enum { SHOWN_MAX = 1 << 20, LONG_LINE = 20000, LONG_TIME_MS = 500 };

static struct sh_line line;

static void
show_word(struct buf *out, const struct sh_word *w)
{
	buf_put_str(out, w->text);
	if (w->known)
		return;
	buf_puts(out, w->fields == SH_ONE ? "~" : w->fields == SH_SAME ? "~=" : "~~");
}

static void
show_command(struct buf *out, const struct sh_command *c)
{
	buf_puts(out, out->n > 0 ? " [" : "[");
	for (size_t i = 0; i < c->nassign; i++) {
		show_word(out, &line.assigned[c->assign + i]);
		buf_puts(out, i + 1 < c->nassign ? " " : " :");
	}
	for (size_t i = 0; i < c->n; i++) {
		buf_puts(out, i > 0 || c->nassign > 0 ? " " : "");
		show_word(out, &line.word[c->first + i]);
	}
	if (c->input.p != NULL) {
		buf_puts(out, c->input_known ? " < " : " <~ ");
		buf_put_str(out, c->input);
	}
	buf_puts(out, "]");
}

static void
splits(const char *text, const char *want)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(SHOWN_MAX);

	sh_split(&line, str_of(text));
	if (line.opaque)
		buf_puts(&out, "opaque");
	for (size_t i = 0; i < line.ncommands && !line.opaque; i++)
		show_command(&out, &line.command[i]);
	ok_bytes(buf_str(&out), str_of(want), text);
	ok(line.opaque == (line.why != NULL), text);
}

struct row {
	const char *text, *want;
};

static const struct row lists[] = {
	{ "", "" },
	{ " \t\n", "" },
	{ "# nothing", "" },
	{ "a b  c", "[a b c]" },
	{ "a;b&&c||d|e|&f&g\nh", "[a] [b] [c] [d] [e] [f] [g] [h]" },
	{ "a # b ; c\nd#e", "[a] [d#e]" },
	{ "! a | time -p b", "[a] [b]" },
	{ "(a; (b)) && { c; }", "[a] [b] [c]" },
	{ "if a; then b; elif c\nthen d; else e; fi >f", "[a] [b] [c] [d] [e]" },
	{ "while a; do b; done; until c; do d; done", "[a] [b] [c] [d]" },
	{ "for x in a $(b) 'c'; do d; done", "[b] [d]" },
	{ "for x; do a; done; for x\ndo b; done", "[a] [b]" },
	{ "for ((a = 0; a < $(b); a++)) { c; }", "[b] [c]" },
	{ "select x in a; do b; done", "[b]" },
	{ "case $(a) in (b|$(c)) d;; 'e f') ;& *) g; esac", "[a] [c] [d] [g]" },
	{ "f() { a; }; function g { b; }; function h() (c)", "[a] [b] [c]" },
	{ "[[ a && $(b) < c || ! ( x =~ ^(y|z)$ ) ]] && d", "[b] [d]" },
	{ "a do if then", "[a do if then]" },
	{ "'if' a; \\while b", "[if a] [while b]" },
};

static const struct row words[] = {
	{ "a'b c'\"d e\"\\ f", "[ab cd e f]" },
	{ "'' \"\"", "[ ]" },
	{ "\"\\a\\$\\`\\\"\\\\\\\nb\"", "[\\a$`\"\\b]" },
	{ "a\\\nb", "[ab]" },
	{ "$'a\\n\\x41\\101\\u00e9\\'\\z'", "[a\nAA\xc3\xa9'\\z]" },
	{ "$\"a b\" $ a$", "[a b $ a$]" },
	{ "\"$'a'\"", "[$'a']" },
	{ "a $b \"$c\" \"$@\" \"${d[@]}\" \"${!e}\" \"$*\" $1",
		"[a ~~ ~ ~~ ~~ ~~ ~ ~~]" },
	{ "x$a/y\"z$b\"w ${a:-'b c'}d", "[x/yzw~~ d~~]" },
	{ "*.c a? b[0-9]c [ ] {} {a,b} {1..3} a@{1}", "[.c~= a~= b0-9]c~= [ ] {} {a,b}~~ "
						      "{1..3}~~ a@{1}]" },
	{ "'*' \\? \"[a]\" a\\{b,c}", "[* ? [a] a{b,c}]" },
	{ "~ ~/x a~b a=~/c", "[~ /x~ a~b a=/c~]" },
	{ "a $((1 + (2) * $b)) \"$((c))\"", "[a ~~ ~]" },
	{ "a <(b) >(c d)e", "[b] [c d] [a ~ e~]" },
};

static const struct row nested[] = {
	{ "a $(b $(c) d) e", "[c] [b ~~ d] [a ~~ e]" },
	{ "a\"b$(c)d\"e", "[c] [abde~]" },
	{ "a `b \\`c\\` \\$d` e", "[c] [b ~~ ~~] [a ~~ e]" },
	{ "a \"`b \\\"c d\\\"`\"", "[b c d] [a ~]" },
	{ "a ${b:-$(c)} \"${d#`e`}\"", "[c] [e] [a ~~ ~]" },
	{ "a $(b # )\n)", "[b] [a ~~]" },
	{ "a $(case b in c) d;; esac)", "[d] [a ~~]" },
	{ "x=$(a) y=1 b z=2", "[a] [x=~~ y=1 : b z=2]" },
	{ "x=1", "[x=1 :]" },
	{ "x=(a $(b) [1]=c) y[$(d)]+=e", "[b] [d] [x=~~ y]+=e~~ :]" },
	{ "declare -a x=(a b)", "[declare -a x=~~]" },
	{ "1=a b", "[1=a b]" },
	{ "a\"=\"b c", "[a=b c]" },
};

static const struct row redirections[] = {
	{ "a >b 2>&1 <c d >>e >|f <>g &>h &>>i", "[a d]" },
	{ ">a", "[]" },
	{ "a 2 >b 3>c {x}>d e", "[a 2 e]" },
	{ "a > $(b)", "[b] [a]" },
	{ "a <<< 'b c'", "[a < b c]" },
	{ "a <<< $b", "[a <~ ]" },
	{ "a 3<<< b", "[a]" },
	{ "a <<E >b; c\nx\nE\nd", "[a < x\n] [c] [d]" },
	{ "a <<'E'\n$(b) \\\nE\nc", "[a < $(b) \\\n] [c]" },
	{ "a <<\"E\" <<-F\n1\nE\n\t2\n\tF\nb", "[a] [b]" },
	{ "a <<E\n$(b)\nE\n", "[a <~ b\n] [b]" },
	{ "a <<E\n\\$b \\\\ \\c \\\nd\nE\n", "[a < $b \\ \\c d\n]" },
	{ "while a; do b; done <<E\nc\nE\n", "[a] [b]" },
	{ "(a <<E\nb\nE\n) c <d", "[a < b\n] [c]" },
	{ "a $(b <<E\nc\nE\n) d", "[b < c\n] [a ~~ d]" },
};

static const struct row texts[] = {
	{ "sh -c 'a; b'", "[sh -c a; b] [a] [b]" },
	{ "env bash -eo pipefail -lc 'a' b", "[env bash -eo pipefail -lc a b] [a]" },
	{ "sh <<'E'\na\nE\n", "[sh < a\n] [a]" },
	{ "eval a 'b c'", "[eval a b c] [a b c]" },
	{ "trap 'a b' EXIT", "[trap a b EXIT] [a b]" },
	{ "ssh -p 1 host a 'b;c'", "[ssh -p 1 host a b;c] [b] [c] [a b] [c]" },
	{ "sh -c \"sh -c 'a b'\"", "[sh -c sh -c 'a b'] [sh -c a b] [a b]" },
	{ "echo sh -c 'a b'", "[echo sh -c a b]" },
	{ "sh a.sh 'b c'", "[sh a.sh b c]" },
};

static const struct row opaque[] = {
	{ "a '", "opaque" },
	{ "a \"b", "opaque" },
	{ "a `b", "opaque" },
	{ "a $(b", "opaque" },
	{ "a ${b", "opaque" },
	{ "a \\", "opaque" },
	{ "a )", "opaque" },
	{ "if a; then b", "opaque" },
	{ "if a; fi", "opaque" },
	{ "for x in a; b; done", "opaque" },
	{ "case a in b) c", "opaque" },
	{ "{ a; ", "opaque" },
	{ "a (b)", "opaque" },
	{ "a <<E\nb", "opaque" },
	{ "a >", "opaque" },
	{ "a $((b) )", "opaque" },
	{ "a $[b]", "opaque" },
	{ "a ${ b;}", "opaque" },
	{ "a \"${b:-'c'}\"", "opaque" },
	{ "coproc a", "opaque" },
	{ "i\\\nf a; then b; fi", "opaque" },
	{ "cat <<E $(a\nb)\nE\n", "opaque" },
	{ "alias a=b", "opaque" },
	{ "shopt -s expand_aliases", "opaque" },
	{ "LD_PRELOAD=./a b", "opaque" },
	{ "PATH=. a", "opaque" },
	{ "export PATH=a:$PATH", "opaque" },
};

static void
all_of(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		splits(rows[i].text, rows[i].want);
}

/* Cut anywhere, a line stays within its bounds, and ends. */
static void
prefixes_are_bounded(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct str text = str_of(rows[i].text);
		bool good = true;

		for (size_t k = 0; k <= text.n; k++) {
			sh_split(&line, (struct str){ text.p, k });
			good &= line.ncommands <= SH_COMMANDS_MAX &&
				line.nwords <= SH_WORDS_MAX && line.ntext <= SH_TEXT_MAX;
			for (size_t w = 0; w < line.nwords; w++)
				good &= line.word[w].text.p >= line.text &&
					line.word[w].text.p + line.word[w].text.n <=
						line.text + line.ntext;
		}
		ok(good, rows[i].text);
	}
}

static void
repeat(struct buf *out, const char *unit, size_t n)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++)
		buf_puts(out, unit);
}

static int64_t
milliseconds(void)
{
	struct timespec t;

	ok_int(clock_gettime(CLOCK_MONOTONIC, &t), 0, "the clock");
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
long_and_deep_lines_are_opaque_and_quick(void)
{
	static const char *const units[] = { "$(", "`", "${x:-", "\"$(", "(", "{ ", "((",
		"$((", "<(", "if ", "a <<E ", "case a in b) ", "sh -c ", "a;", "a ",
		"a=1 ", "eval ", "[", "'\\''", "f() ", "env -u ", "[[ ", "\"`", "a<<E\n",
		"{a,", "\\", "x=(", "$'\\x", "\\\n" };

	for (size_t i = 0; i < LEN(units); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(SHOWN_MAX);
		const int64_t before = milliseconds();

		repeat(&text, units[i], LONG_LINE / strlen(units[i]));
		sh_split(&line, buf_str(&text));
		ok(milliseconds() - before < LONG_TIME_MS, units[i]);
		repeat(&text, units[i], SH_TEXT_MAX);
		sh_split(&line, buf_str(&text));
		if (text.n > SH_TEXT_MAX)
			ok(line.opaque && line.ncommands > 0, units[i]);
	}
}

static void
simple_lines_are_marked(void)
{
	static const struct {
		const char *text;
		bool simple;
	} rows[] = { { "git push origin", true }, { " a 'b c' ", true },
		{ "a $b", false }, { "a > b", false }, { "a; b", false },
		{ "a &", false }, { "A=1 b", false }, { "(a)", false }, { "a *", false },
		{ "sh -c a", false }, { "! a", false }, { "", false }, { "a '", false } };

	for (size_t i = 0; i < LEN(rows); i++) {
		sh_split(&line, str_of(rows[i].text));
		ok_int(line.simple, rows[i].simple, rows[i].text);
	}
}

static void
input_is_noted(void)
{
	static const struct {
		const char *text;
		size_t command;
		bool piped;
	} rows[] = { { "a | b", 0, false }, { "a | b", 1, true },
		{ "a | { b; c; }", 2, true }, { "a < b", 0, true },
		{ "a <<< b", 0, true }, { "a 2>&1", 0, false },
		{ "a |& b && c", 2, false } };

	for (size_t i = 0; i < LEN(rows); i++) {
		sh_split(&line, str_of(rows[i].text));
		ok_int(line.command[rows[i].command].piped, rows[i].piped, rows[i].text);
	}
}

int
main(void)
{
	static const struct {
		const struct row *row;
		size_t n;
	} tables[] = { { lists, LEN(lists) }, { words, LEN(words) },
		{ nested, LEN(nested) }, { redirections, LEN(redirections) },
		{ texts, LEN(texts) }, { opaque, LEN(opaque) } };

	for (size_t i = 0; i < LEN(tables); i++) {
		all_of(tables[i].row, tables[i].n);
		prefixes_are_bounded(tables[i].row, tables[i].n);
	}
	long_and_deep_lines_are_opaque_and_quick();
	simple_lines_are_marked();
	input_is_noted();
	return test_done();
}
