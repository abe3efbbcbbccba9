#include "install/complete.h"

#include "base/buf.h"
#include "install/command.h"
#include "policy/policy.h"

enum { OPTIONS_MAX = 16, WORDS_OF_MAX = 8 };

/* One command's usage, taken apart. Texts lie in the usage. */
struct usage {
	struct {
		struct str name, value; /* value empty: a flag */
	} option[OPTIONS_MAX];
	size_t noptions;
	struct str word[WORDS_OF_MAX];
	size_t nwords;
};

void
completion_fini(struct completion *c)
{
	words_fini(&c->word);
}

static void
offer(struct completion *c, struct str typed, struct str word, const char *what)
{
	if (str_starts(word, typed))
		words_addf(&c->word, STR_FMT "\t%s", STR_ARG(word), what);
}

/* --- commands -------------------------------------------------------------------------- */

/* What is left of the name behind the words, empty: the words are no part of it. */
static struct str
behind(const struct command *is, int argc, char *const *argv)
{
	const struct str none = { NULL, 0 };
	struct str rest = str_of(is->name);

	for (int i = 0; i < argc; i++) {
		const struct str word = str_of(argv[i]);

		if (word.n >= rest.n || !str_starts(rest, word) || rest.p[word.n] != ' ')
			return none;
		rest = str_skip(rest, word.n + 1);
	}
	return rest;
}

static void
offer_commands(struct completion *c, int argc, char *const *argv)
{
	const struct str typed = str_of(argv[argc - 1]);
	struct str last = { NULL, 0 };
	size_t n;
	const struct command *is = command_list(&n);

	for (size_t i = 0; i < n; i++) {
		struct str word = behind(&is[i], argc - 1, argv);
		const char *blank = word.n == 0 ? NULL : memchr(word.p, ' ', word.n);

		if (blank != NULL)
			word.n = (size_t)(blank - word.p);
		if (word.n == 0 || str_eq(word, last))
			continue;
		last = word;
		offer(c, typed, word, blank != NULL ? "..." : is[i].does);
	}
	if (argc == 1 && typed.n > 0) {
		offer(c, typed, STR("--help"), "print the commands");
		offer(c, typed, STR("--version"), "print the version");
	}
}

/* --- the usage of one ------------------------------------------------------------------- */

static struct str
next_token(struct str *rest)
{
	const char *blank = rest->n == 0 ? NULL : memchr(rest->p, ' ', rest->n);
	const size_t n = blank == NULL ? rest->n : (size_t)(blank - rest->p);
	const struct str token = { rest->p, n };

	*rest = str_skip(*rest, blank == NULL ? n : n + 1);
	return token;
}

/* Takes the brackets off; true when what was opened is closed. */
static bool
unbracket(struct str *token)
{
	bool open = token->n > 0 && token->p[0] == '[';

	if (open)
		*token = str_skip(*token, 1);
	if (token->n > 0 && token->p[token->n - 1] == ']') {
		token->n--;
		open = false;
	}
	return !open;
}

/* "[--as managed|user] [--json] AGENT [FILE]" */
static void
read_usage(struct usage *u, struct str rest)
{
	while (rest.n > 0) {
		struct str token = next_token(&rest);
		struct str value = { NULL, 0 };
		const bool closed = unbracket(&token);

		if (token.n == 0)
			continue;
		if (token.p[0] != '-') {
			if (u->nwords < WORDS_OF_MAX)
				u->word[u->nwords++] = token;
			continue;
		}
		if (!closed) {
			value = next_token(&rest);
			(void)unbracket(&value);
		}
		if (u->noptions == OPTIONS_MAX)
			continue;
		u->option[u->noptions].name = token;
		u->option[u->noptions++].value = value;
	}
}

/* --- what a word can be ------------------------------------------------------------------ */

static void
offer_tools(struct completion *c, struct str typed)
{
	size_t n;
	const struct pol_tool *tool = pol_pando_tools(&n);

	for (size_t i = 0; i < n; i++) {
		CLEANUP(mem_freep)
		char *name = mem_printf("%s/%s", tool[i].server, tool[i].name);

		offer(c, typed, str_of(name), "tool of pando-ai");
	}
}

static void
offer_choices(struct completion *c, struct str typed, struct str choices)
{
	while (choices.n > 0) {
		const char *bar = memchr(choices.p, '|', choices.n);
		const size_t n = bar == NULL ? choices.n : (size_t)(bar - choices.p);

		offer(c, typed, (struct str){ choices.p, n }, "");
		choices = str_skip(choices, bar == NULL ? n : n + 1);
	}
}

/* spec: "FILE", "managed|user|project" ... */
static void
offer_value(struct completion *c, struct str typed, struct str spec)
{
	static const char *const times[] = { "1h", "1d", "1w" };

	if (str_is(spec, "FILE") || str_is(spec, "NEW.toml"))
		c->files = true;
	else if (str_is(spec, "DIR"))
		c->folders = true;
	else if (str_is(spec, "ID"))
		c->runs = true;
	else if (str_is(spec, "AGENT"))
		offer_choices(c, typed, STR("claude|codex"));
	else if (str_is(spec, "VERDICT"))
		for (int v = POL_ALLOW; v < POL_VERDICTS; v++)
			offer(c, typed, str_of(pol_verdict_name((enum pol_verdict)v)),
				"");
	else if (str_is(spec, "LAYER"))
		offer_choices(c, typed, STR("shim|hook|gateway|mcp|sandbox|installer"));
	else if (str_is(spec, "TOOL"))
		offer_tools(c, typed);
	else if (str_is(spec, "TIME"))
		for (size_t i = 0; i < LEN(times); i++)
			offer(c, typed, str_of(times[i]), "ago");
	else if (spec.n > 0 && spec.p[0] >= 'a' && spec.p[0] <= 'z')
		offer_choices(c, typed, spec);
}

static void
offer_options(struct completion *c, struct str typed, const struct usage *u, int argc,
	char *const *argv)
{
	for (size_t i = 0; i < u->noptions; i++) {
		bool used = false;

		for (int k = 0; k < argc - 1; k++)
			used = used || str_is(u->option[i].name, argv[k]);
		if (!used)
			offer(c, typed, u->option[i].name, "");
	}
}

/* The words behind the command's name. */
static void
offer_words(struct completion *c, const struct usage *u, int argc, char *const *argv)
{
	const struct str typed = str_of(argv[argc - 1]);
	struct str value = { NULL, 0 }; /* what the word before wants */
	size_t others = 0;

	for (int i = 0; i < argc - 1; i++) {
		const bool is_value = value.n > 0;

		value = (struct str){ NULL, 0 };
		for (size_t k = 0; k < u->noptions && !is_value; k++)
			if (str_is(u->option[k].name, argv[i]))
				value = u->option[k].value;
		others += !is_value && argv[i][0] != '-';
	}
	if (value.n > 0)
		offer_value(c, typed, value);
	else if ((typed.n > 0 && typed.p[0] == '-') || u->nwords == 0)
		offer_options(c, typed, u, argc, argv);
	else if (others < u->nwords)
		offer_value(c, typed, u->word[others]);
}

void
complete(struct completion *c, int argc, char *const *argv)
{
	const struct command *best;
	int used;

	if (argc == 0)
		return;
	best = command_find(argc - 1, argv, &used);
	/* "logs" is a command, and so may "logs verify" be */
	if (best == NULL || used == argc - 1)
		offer_commands(c, argc, argv);
	if (best != NULL) {
		struct usage u = { .noptions = 0 };

		read_usage(&u, str_of(best->words));
		offer_words(c, &u, argc - used, argv + used);
	}
}
