/*
 * The tables of shim_args/claude.txt and codex.txt, a row for each way to write something:
 *
 *     the words, in single quotes where they need it => what becomes of them
 *
 *     run FLAGS | OPERANDS               supervised, with the flags in their one spelling
 *     inert COMMAND                      to the agent as typed
 *     no ARGUMENT is refused: why        and a way to do it, which is not repeated in the row
 *
 * PANDO_GOLDEN_WRITE=1 writes them anew; a new row may be its words alone.
 */
#include "shim/args.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/path.h"
#include "shim/claude_options.h"
#include "shim/codex_options.h"

#include "tests/unit/test.h"

enum { TABLE_MAX = 1 << 20, LINE_BYTES = 4096, ROWS_MIN = 150, MANY = 100000 };

static const char arrow[] = " => ";

static int
sort_args(enum pol_agent agent, struct args *a, const struct policy *p, char *const *argv,
	struct err *e)
{
	if ((agent == POL_CLAUDE ? args_of_claude(a, argv, e)
				 : args_of_codex(a, argv, e)) < 0)
		return -1;
	for (size_t i = 0; i < a->nwishes; i++)
		if (args_check_wish(&a->wish[i], p, agent, e) < 0)
			return -1;
	return 0;
}

/* Everything to the argument's reason; the rest of the sentence is the way to do it. */
static void
put_refusal(struct buf *b, enum pol_agent agent, const struct err *e)
{
	const size_t n = strlen(pol_agent_name(agent)) + sizeof ": " - 1;
	const char *why = strstr(e->text, " is refused: ");
	const char *instead = why == NULL ? NULL : strstr(why, "; ");

	ok_int(e->code, ERR_REFUSED, e->text);
	ok(instead != NULL && strlen(instead) > sizeof "; leave" - 1, e->text);
	buf_printf(b, "no %.*s",
		(int)(instead == NULL ? strlen(e->text + n)
				      : (size_t)(instead - e->text) - n),
		e->text + n);
}

static void
put_words(struct buf *b, const struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const char *z = w->v[i];
		const char *quote = *z == '\0' || strchr(z, ' ') != NULL ? "'" : "";

		buf_printf(b, " %s%s%s", quote, z, quote);
	}
}

static char *
outcome(enum pol_agent agent, const struct policy *p, char *const *argv)
{
	CLEANUP(args_fini) struct args a = { .inert = false };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(TABLE_MAX);
	struct err e = ERR_INIT;

	if (sort_args(agent, &a, p, argv, &e) < 0) {
		put_refusal(&b, agent, &e);
	} else if (a.inert) {
		buf_printf(&b, "inert %s", a.command == NULL ? "-" : a.command);
	} else {
		buf_puts(&b, "run");
		put_words(&b, &a.flags);
		if (a.settings != NULL)
			buf_printf(&b, " settings:%s", a.settings);
		if (a.operands.n > 0)
			buf_puts(&b, " |");
		put_words(&b, &a.operands);
	}
	return mem_strdup(buf_text(&b));
}

/* 'a b' is one word, and so is a'b c'd. */
static void
split(const char *line, size_t n, struct words *to)
{
	for (size_t i = 0; i < n;) {
		CLEANUP(buf_fini) struct buf word = BUF_INIT(LINE_BYTES);
		bool quoted = false;

		if (line[i] == ' ') {
			i++;
			continue;
		}
		for (; i < n && (quoted || line[i] != ' '); i++) {
			if (line[i] == '\'')
				quoted = !quoted;
			else
				buf_putc(&word, line[i]);
		}
		words_add(to, buf_text(&word));
	}
}

static char *
outcome_of_line(enum pol_agent agent, const struct policy *p, const char *line, size_t n)
{
	CLEANUP(words_fini) struct words argv = WORDS_INIT;

	words_add(&argv, pol_agent_name(agent));
	split(line, n, &argv);
	return outcome(agent, p, argv.v);
}

static char *
row_of(enum pol_agent agent, const struct policy *p, struct str line)
{
	const char *at = memmem(line.p, line.n, arrow, sizeof arrow - 1);
	const int n = (int)(at == NULL ? line.n : (size_t)(at - line.p));
	CLEANUP(mem_freep) char *have = NULL;

	if (line.n > 0 && *line.p == '#')
		return mem_strdup_str(line);
	have = outcome_of_line(agent, p, line.p, (size_t)n);
	return mem_printf("%.*s%s%s", n, line.p, arrow, have);
}

static void
each_spelling_has_its_plan(enum pol_agent agent)
{
	CLEANUP(mem_freep)
	char *path = mem_printf("tests/unit/shim_args/%s.txt", pol_agent_name(agent));
	CLEANUP(pol_freep) struct policy *p = pol_default();
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TABLE_MAX);
	CLEANUP(buf_fini) struct buf all = BUF_INIT(TABLE_MAX);
	struct err e = ERR_INIT;
	int rows = 0;

	ok_int(path_read(path, &text, &e), 0, path);
	for (struct str left = buf_str(&text); left.n > 0;) {
		const char *end = memchr(left.p, '\n', left.n);
		const struct str line = { left.p,
			end == NULL ? left.n : (size_t)(end - left.p) };
		CLEANUP(mem_freep) char *want = mem_strdup_str(line);
		CLEANUP(mem_freep) char *have = row_of(agent, p, line);

		if (getenv("PANDO_GOLDEN_WRITE") == NULL)
			ok_str(have, want, "a row of the table");
		buf_printf(&all, "%s\n", have);
		rows += *have != '#';
		left = str_skip(left, line.n + (end != NULL));
	}
	ok(rows >= ROWS_MIN, "the table is there");
	if (getenv("PANDO_GOLDEN_WRITE") != NULL)
		ok_int(path_write(path, buf_str(&all), 0644, &e), 0, e.text);
}

static void
the_policy_may_give_the_tools_that_options_need(void)
{
	static const char policy[] =
		"[native_tools]\nallow = [\"StructuredOutput\", \"web_search\"]\n";
	CLEANUP(pol_freep)
	struct policy *p = pol_parse(STR(policy), "p", &(struct err){ 0 });
	CLEANUP(mem_freep) char *claude = NULL;
	CLEANUP(mem_freep) char *codex = NULL;

	claude = outcome_of_line(POL_CLAUDE, p, "--json-schema {}", 16);
	ok_str(claude, "run --json-schema={}", "StructuredOutput is allowed");
	codex = outcome_of_line(POL_CODEX, p, "--search", 8);
	ok_str(codex, "run --search", "web_search is allowed");
}

static void
what_policy_decides_is_left_to_the_launch(void)
{
	char *const argv[] = { (char[]){ "claude" }, (char[]){ "--tools" },
		(char[]){ "Bash" }, (char[]){ "--tools=Read" }, (char[]){ "--brief" },
		NULL };
	CLEANUP(args_fini) struct args a = { .inert = false };
	CLEANUP(buf_fini) struct buf have = BUF_INIT(LINE_BYTES);
	struct err e = ERR_INIT;

	ok_int(args_of_claude(&a, argv, &e), 0, e.text);
	ok_int(a.nwishes, 2, "--tools and --brief, once each");
	for (size_t i = 0; i < a.flags.n; i++)
		buf_printf(&have, " %s", a.flags.v[i]);
	ok_str(buf_text(&have), " --tools=Bash --tools=Read --brief", "they are flags");
	ok(a.has_tools, "the list is the person's");
}

/* As many as a kernel takes, and a word that is no text. */
static void
a_launch_may_have_very_many_words(enum pol_agent agent)
{
	CLEANUP(words_fini) struct words argv = WORDS_INIT;
	CLEANUP(args_fini) struct args a = { .inert = false };
	struct err e = ERR_INIT;

	words_add(&argv, pol_agent_name(agent));
	words_add(&argv, agent == POL_CLAUDE ? "--add-dir" : "--image");
	for (int i = 0; i < MANY; i++)
		words_add(&argv, "\xff\xfe");
	words_add(&argv, "--");
	words_add(&argv, "\xff --bg");
	ok_int(agent == POL_CLAUDE ? args_of_claude(&a, argv.v, &e)
				   : args_of_codex(&a, argv.v, &e),
		0, e.text);
	ok_int((int)a.flags.n, MANY, "each is a value");
	ok_int((int)a.operands.n, 1, "and one is the prompt");
	ok_str(a.operands.v[0], "\xff --bg", "as it was");
}

/* What a newer version might take for a subcommand is a prompt, and known to be a word. */
static void
a_lone_word_is_remembered(void)
{
	static const struct {
		enum pol_agent agent;
		const char *line, *want;
	} rows[] = {
		{ POL_CLAUDE, "swarm", "swarm" },
		{ POL_CLAUDE, "-p swarm", "swarm" },
		{ POL_CLAUDE, "-- swarm", "swarm" },
		{ POL_CLAUDE, "'a swarm'", NULL },
		{ POL_CLAUDE, "mcp.json", NULL },
		{ POL_CODEX, "voice", "voice" },
		{ POL_CODEX, "-m x voice", "voice" },
		{ POL_CODEX, "-- voice", NULL },
		{ POL_CODEX, "exec voice", NULL },
		{ POL_CODEX, "'a voice'", NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(words_fini) struct words argv = WORDS_INIT;
		CLEANUP(args_fini) struct args a = { .inert = false };
		struct err e = ERR_INIT;

		words_add(&argv, pol_agent_name(rows[i].agent));
		split(rows[i].line, strlen(rows[i].line), &argv);
		ok_int(rows[i].agent == POL_CLAUDE ? args_of_claude(&a, argv.v, &e)
						   : args_of_codex(&a, argv.v, &e),
			0, e.text);
		ok_str(a.word == NULL ? "-" : a.word,
			rows[i].want == NULL ? "-" : rows[i].want, rows[i].line);
	}
}

/* An option that is refused in one place is not known in another, and all have a way. */
static void
the_tables_agree_with_themselves(const struct args_table *t)
{
	for (size_t i = 0; i < t->nrefused; i++) {
		const struct args_refusal *r = &t->refused[i];

		ok(args_row_of(t, str_of(r->name)) == NULL, r->name);
		ok(r->why != NULL && r->instead != NULL && *r->instead != '\0', r->name);
		for (size_t k = 0; k < i; k++)
			ok(strcmp(r->name, t->refused[k].name) != 0, r->name);
	}
	for (size_t i = 0; i < t->nrows; i++)
		ok(args_row_of(t, str_of(t->rows[i].name)) == &t->rows[i],
			t->rows[i].name);
}

static void
a_command_is_known_when_the_help_lists_it(void)
{
	static const char help[] =
		"Usage: x\n\n  not a command\n\nCommands:\n"
		"  agents [options]     Manage\n  plugin|plugins   Manage\n"
		"                   update this text\n  update|upgrade  Check\n";
	static const struct {
		const char *command;
		bool want;
	} rows[] = {
		{ "agents", true },
		{ "plugins", true },
		{ "upgrade", true },
		{ "update", true },
		{ "not", false },
		{ "up", false },
		{ "mcp", false },
		{ "plugin|plugins", false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(args_help_lists(STR(help), rows[i].command), rows[i].want,
			rows[i].command);
	for (size_t n = 0; n < sizeof help - 1; n++)
		ok(!args_help_lists((struct str){ help, n }, "mcp"), "a cut help");
}

int
main(void)
{
	for (int a = 0; a < POL_AGENTS; a++) {
		each_spelling_has_its_plan((enum pol_agent)a);
		a_launch_may_have_very_many_words((enum pol_agent)a);
	}
	the_policy_may_give_the_tools_that_options_need();
	what_policy_decides_is_left_to_the_launch();
	a_lone_word_is_remembered();
	the_tables_agree_with_themselves(&claude_options);
	the_tables_agree_with_themselves(&codex_options);
	a_command_is_known_when_the_help_lists_it();
	return test_done();
}
