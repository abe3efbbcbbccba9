#include "tests/unit/test.h"

#include <stdlib.h>

#include "install/learn.h"

enum { LINES_MAX = 8 };

/* "git push origin" for each prefix, then each exact line, with bars between. */
static char *
told(const struct learn_shell *s)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);

	for (size_t i = 0; i < s->nprefixes; i++) {
		buf_puts(&b, i > 0 ? "|" : "");
		for (size_t k = 0; k < s->prefix[i].word.n; k++)
			buf_printf(&b, "%s%s", k > 0 ? " " : "", s->prefix[i].word.v[k]);
	}
	buf_puts(&b, " =");
	for (size_t i = 0; i < s->nlines; i++)
		if (s->line[i].exact)
			buf_printf(&b, " <%s>", s->line[i].text);
	return mem_strdup(buf_text(&b));
}

static void
commands_with_a_subcommand_share_a_prefix(void)
{
	static const struct {
		const char *line[LINES_MAX], *want;
	} rows[] = {
		{ { NULL }, " =" },
		{ { "git push" }, " = <git push>" },
		{ { "git push", "git push" }, " = <git push>" },
		{ { "git push", "git push x" }, "git push =" },
		{ { "git push x", "git push y" }, "git push =" },
		{ { "git push o x", "git push o y" }, "git push o =" },
		{ { "git push a", "git pull a" }, " = <git pull a> <git push a>" },
		{ { "git push a", "git push b", "git pull a", "git pull b" },
			"git pull|git push =" },
		{ { "npm run a", "npm run b" }, " = <npm run a> <npm run b>" },
		{ { "npm run a", "npm run a --x" }, "npm run a =" },
		{ { "npm test a", "npm test b" }, "npm test =" },
		/* programs without subcommands, and those that run others */
		{ { "rm a", "rm b" }, " = <rm a> <rm b>" },
		{ { "cat a", "cat b" }, " = <cat a> <cat b>" },
		{ { "env git push", "env git push x" },
			" = <env git push> <env git push x>" },
		{ { "xargs git push", "sudo git push" },
			" = <sudo git push> <xargs git push>" },
		{ { "/usr/bin/git push", "/usr/bin/git push x" },
			" = </usr/bin/git push> </usr/bin/git push x>" },
		{ { "git -C . push", "git -C . push x" },
			" = <git -C . push> <git -C . push x>" },
		{ { "X=1 git push", "X=1 git push x" },
			" = <X=1 git push> <X=1 git push x>" },
		/* lines with more than simple commands */
		{ { "git push > a", "git push > b" },
			" = <git push > a> <git push > b>" },
		{ { "git push $A", "git push $B" }, " = <git push $A> <git push $B>" },
		{ { "git push `a`", "git push x" }, " = <git push `a`> <git push x>" },
		{ { "git push \"a", "git push x" }, " = <git push \"a> <git push x>" },
		{ { "git push a && git pull a", "git push b", "git pull b" },
			"git pull|git push =" },
		{ { "git push a && ls", "git push b", "git push c" },
			"git push = <git push a && ls>" },
		{ { "git push a && git pull a", "git push b" },
			" = <git push a && git pull a> <git push b>" },
		/* what would be a pattern ends the prefix */
		{ { "git push '*' a", "git push '*' b" }, "git push =" },
		{ { "git push * a", "git push * b" },
			" = <git push * a> <git push * b>" },
		{ { "git push 'a' x", "git push a y" }, "git push a =" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct learn_shell s = { .line = NULL };
		CLEANUP(mem_freep) char *have = NULL;

		for (size_t k = 0; k < LINES_MAX && rows[i].line[k] != NULL; k++)
			learn_shell_add(&s, rows[i].line[k], false);
		learn_shell_group(&s);
		have = told(&s);
		ok_str(have, rows[i].want, rows[i].want);
		learn_shell_group(&s);
		mem_freep((void *)&have);
		have = told(&s);
		ok_str(have, rows[i].want, "and once more");
		learn_shell_fini(&s);
	}
}

static void
equal_lines_are_counted_and_many_are_dropped(void)
{
	struct learn_shell s = { .line = NULL };
	char line[32];

	for (int i = 0; i < LEARN_LINES_MAX + 10; i++) {
		(void)snprintf(line, sizeof line, "git push %d", i);
		learn_shell_add(&s, line, false);
	}
	learn_shell_add(&s, "git push 7", false);
	ok_int(s.nlines, LEARN_LINES_MAX, "lines that are kept");
	ok_int(s.dropped, 10, "lines that are not");
	for (size_t i = 1; i < s.nlines; i++)
		ok(strcmp(s.line[i - 1].text, s.line[i].text) < 0, "in order");
	learn_shell_group(&s);
	ok_int(s.nprefixes, 1, "one prefix");
	ok_int(s.prefix[0].calls, LEARN_LINES_MAX + 1, "of all calls");
	learn_shell_fini(&s);
}

/* --- a whole proposal -------------------------------------------------------------------- */

static void
add(struct history *h, const char *tool, const char *rule, const char *more)
{
	const struct history_filter all = { .since_ms = INT64_MIN };
	struct err e = ERR_INIT;
	CLEANUP(mem_freep)
	char *line = mem_printf(
		"{\"ts\":\"2026-11-21T10:00:00Z\",\"event\":\"hook_audited\","
		"\"agent\":\"claude\",\"tool\":\"%s\",\"verdict\":\"deny\","
		"\"rule\":\"%s\"%s}",
		tool, rule, more);

	ok_int(history_add(h, str_of(line), &all, &e), 0, e.text);
}

static void
names_that_a_rule_cannot_say_are_told(void)
{
	static const struct {
		const char *tool, *more;
		size_t rules, denied;
	} rows[] = {
		{ "Read", "", 1, 0 },
		{ "a.b-c_D9", "", 1, 0 },
		{ "get", ",\"server\":\"hub\"", 1, 0 },
		{ "a b", "", 0, 1 },
		{ "a*", "", 0, 1 },
		{ "a?", "", 0, 1 },
		{ "a/b", "", 0, 1 },
		{ "a\\\"\\n[x]", "", 0, 1 },
		{ "", ",\"server\":\"hub\"", 0, 1 },
		{ "get", ",\"server\":\"h*\"", 0, 1 },
		{ "get", ",\"server\":\"claude\"", 0, 1 },
		{ "get", ",\"server\":\"codex\"", 0, 1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct history h = { .call = NULL };
		CLEANUP(pol_freep) struct policy *live = pol_default();
		struct learn l = { .live = live, .denied = WORDS_INIT };
		struct err e = ERR_INIT;

		add(&h, rows[i].tool, "native_tools.default", rows[i].more);
		ok_int(learn_propose(&l, &h, &e), 0, e.text);
		ok_int(l.rules, rows[i].rules, rows[i].tool);
		ok_int(l.denied.n, rows[i].denied, rows[i].tool);
		ok_int(l.beyond.n, 0, rows[i].tool);
		learn_fini(&l);
		history_fini(&h);
	}
}

static void
what_somebody_denied_by_name_is_not_proposed(void)
{
	static const struct {
		const char *rule;
		size_t rules;
	} rows[] = {
		{ "native_tools.default", 1 },
		{ "other_mcp.mode", 1 },
		{ "native_tools.deny[0]", 0 },
		{ "other_mcp.servers[1]", 0 },
		{ "no-read", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct history h = { .call = NULL };
		CLEANUP(pol_freep) struct policy *live = pol_default();
		struct learn l = { .live = live, .denied = WORDS_INIT };
		struct err e = ERR_INIT;

		add(&h, "Read", rows[i].rule, "");
		ok_int(learn_propose(&l, &h, &e), 0, e.text);
		ok_int(l.rules, rows[i].rules, rows[i].rule);
		ok_int(l.denied.n, 1 - rows[i].rules, rows[i].rule);
		learn_fini(&l);
		history_fini(&h);
	}
}

int
main(void)
{
	commands_with_a_subcommand_share_a_prefix();
	equal_lines_are_counted_and_many_are_dropped();
	names_that_a_rule_cannot_say_are_told();
	what_somebody_denied_by_name_is_not_proposed();
	return test_done();
}
