/*
 * What one decision costs: median time against 1,000 rules, and that the time of a match grows
 * with its subject and not faster, for patterns and lines made to be hard.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/shell.h"

enum {
	RULES = 1000,
	ROUNDS = 301,
	BATCH = 50, /* decisions between two looks at the clock */
	TEXT_MAX = 1 << 20,
	SIZES = 4
};

static double
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *all, size_t n)
{
	qsort(all, n, sizeof *all, by_size);
	return all[n / 2];
}

struct subject {
	const char *what, *rule; /* rule: format of one, with its number */
	struct pol_use use;
};

static struct policy *
load(const char *rule)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;
	struct policy *p;

	for (int i = 0; i < RULES; i++) {
		buf_puts(&text, "[[rule]]\ndecision = \"deny\"\n");
		for (const char *c = rule; *c != '\0'; c++) {
			if (*c == '#')
				buf_printf(&text, "%d", i);
			else
				buf_putc(&text, *c);
		}
		buf_putc(&text, '\n');
	}
	p = pol_parse(buf_str(&text), "bench.toml", &e);
	if (p == NULL)
		exit(log_fail(&e));
	return p;
}

static void
decide(const struct subject *s)
{
	CLEANUP(pol_freep) struct policy *p = load(s->rule);
	double took[ROUNDS];
	unsigned sum = 0;

	for (int i = 0; i < ROUNDS; i++) {
		const double from = now_ns();

		for (int k = 0; k < BATCH; k++)
			sum += pol_decide(p, &s->use).verdict;
		took[i] = (now_ns() - from) / BATCH;
	}
	printf("decide, 1000 rules, %s: median %.0f ns (%s)\n", s->what,
		median(took, ROUNDS), sum == 0 ? "allow" : "deny");
}

/* --- growth ------------------------------------------------------------------------------ */

static char subject[TEXT_MAX];
static struct sh_line line;

static unsigned
match_hard(size_t n)
{
	return glob_match(
		STR("*a*a*a*a*a*a*a*aaaaaaaaaaaaaaab"), (struct str){ subject, n });
}

static unsigned
match_stars(size_t n)
{
	return glob_match(
		STR("a*?*?*?*?*?*?*?*?*?*?*?*?*?*?*c"), (struct str){ subject, n });
}

static unsigned
split(size_t n)
{
	sh_split(&line, (struct str){ subject, n });
	return (unsigned)line.ncommands;
}

static void
fill(const char *piece)
{
	const size_t n = strlen(piece);

	for (size_t i = 0; i < sizeof subject; i++)
		subject[i] = piece[i % n];
}

/* Nanoseconds for each byte at four sizes: the same number means that it is linear. */
static void
grow(const char *what, const char *piece, unsigned (*run)(size_t), size_t least)
{
	unsigned sum = 0;

	fill(piece);
	printf("growth, %s:", what);
	for (int s = 0; s < SIZES; s++) {
		const size_t n = least << (2 * s);
		double took[ROUNDS];

		for (int i = 0; i < ROUNDS; i++) {
			const double from = now_ns();

			sum += run(n);
			took[i] = now_ns() - from;
		}
		printf(" %zu bytes %.2f ns/byte%s", n, median(took, ROUNDS) / (double)n,
			s + 1 < SIZES ? "," : "");
	}
	printf(" (%u)\n", sum);
}

#define SHELL(command)                                                                   \
	{                                                                                \
		.agent = POL_CLAUDE, .server = STR("pando_workspace"),                   \
		.tool = STR("shell-command"), .caller = POL_CALLER_MAIN,                 \
		.args = STR("{\"command\":\"" command "\"}")                             \
	}
#define READ                                                                             \
	{                                                                                \
		.agent = POL_CLAUDE, .server = STR("pando_core"),                        \
		.tool = STR("read-file"), .caller = POL_CALLER_MAIN,                     \
		.args = STR("{\"path\":\"src/main/app.c\"}")                             \
	}
#define NAME(s, t)                                                                       \
	{                                                                                \
		.agent = POL_CLAUDE, .server = STR(s), .tool = STR(t),                   \
		.caller = POL_CALLER_MAIN, .args = STR("{}")                             \
	}

int
main(void)
{
	static const struct subject subjects[] = {
		{ "a name that one rule has", "tool = \"docs/get_#\"",
			NAME("docs", "get_999") },
		{ "a name that none has", "tool = \"docs/get_#\"", NAME("docs", "put") },
		{ "names as patterns", "tool = \"docs/*_get_#x*\"",
			NAME("docs", "a_get_") },
		{ "servers as patterns", "tool = \"docs#x*/get\"", NAME("other", "get") },
		{ "prefixes, one command",
			"tool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"tool#\", \"push\"] }",
			SHELL("git status --short") },
		{ "prefixes, a line of four",
			"tool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"tool#\", \"push\"] }",
			SHELL("cd src && make -j2 all | tee log; git status --short") },
		{ "paths",
			"tool = \"pando_core/read-file\"\nargs.path = { path_under = \"d#/x\" }",
			READ },
		{ "patterns of an argument",
			"tool = \"pando_core/read-file\"\nargs.path = { glob = \"a#/*.c\" }",
			READ },
		{ "literals of an argument",
			"tool = \"pando_core/read-file\"\nargs.path = \"src/main/#\"",
			READ },
	};

	for (size_t i = 0; i < LEN(subjects); i++)
		decide(&subjects[i]);
	grow("a pattern of stars that fails late", "a", match_hard, 1024);
	grow("a pattern of stars and marks", "ab", match_stars, 1024);
	grow("words", "word ", split, 256);
	grow("nested substitutions", "$(", split, 256);
	grow("quotes", "'a'\"b\"", split, 256);
	grow("commands", "a;", split, 256);
	return 0;
}
