/*
 * The arguments of codex, as its parser (clap) takes them: -mX, -m=X, --model=X and
 * --model X alike, no abbreviations, subcommands two levels deep. Each option comes out in its
 * long spelling with "=", each subcommand where it stood, so that ours can follow at the
 * deepest level, where the last -c wins.
 */

#include "shim/codex_options.h"

#include <stddef.h>

#include "shim/codex_keys.h"

static const char agent[] = "codex";

struct reader {
	struct args *a;
	char *const *next;
	enum codex_level level;
	const struct codex_command *last; /* the deepest subcommand, NULL: none */
};

static int
check_config(const char *value, struct err *e)
{
	const char *equals = strchr(value, '=');
	const struct str key = { value,
		equals == NULL ? strlen(value) : (size_t)(equals - value) };
	CLEANUP(mem_freep) char *shown = mem_printf("-c " STR_FMT, STR_ARG(key));

	for (size_t i = 0; codex_own_keys[i] != NULL; i++)
		if (str_is(key, codex_own_keys[i]))
			return 0;
	return args_refuse_for(agent,
		&(struct args_refusal){ shown,
			"of the configuration only what chooses a model or a look may be set",
			codex_instead_of(key) },
		e);
}

/* The strictest sandbox may be chosen; the others are for the policy to give. */
static int
check_sandbox(const struct args_row *r, const char *value, struct err *e)
{
	CLEANUP(mem_freep) char *both = mem_printf("%s %s", r->name, value);

	if (strcmp(value, "read-only") == 0)
		return 0;
	return args_refuse_for(agent,
		&(struct args_refusal){
			both, codex_no_sandbox.why, codex_no_sandbox.instead },
		e);
}

/* Its name becomes one of a file; what may be set is put into the session's own profile. */
static int
take_profile(struct args *a, const char *name, struct err *e)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";

	if (*name == '\0' || name[strspn(name, plain)] != '\0')
		return args_refuse_for(agent,
			&(struct args_refusal){ "--profile", "it names no profile",
				"such a name has letters, digits, - and _ only" },
			e);
	mem_freep((void *)&a->profile);
	a->profile = mem_strdup(name);
	return 0;
}

/* 1: the option is done with. */
static int
check(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	switch ((enum codex_check)r->check) {
	case CODEX_CONFIG:
		return check_config(value, e);
	case CODEX_SANDBOX:
		return check_sandbox(r, value, e);
	case CODEX_DIR:
		mem_freep((void *)&in->a->dir);
		in->a->dir = mem_strdup(value);
		break;
	case CODEX_PROFILE:
		return take_profile(in->a, value, e) < 0 ? -1 : 1;
	case CODEX_HELP:
		in->a->inert = true; /* clap prints and ends as soon as it reads this */
		break;
	case CODEX_SEARCH:
		args_add_wish(in->a,
			(struct args_wish){ r->name, "web_search",
				"it needs codex's tool web_search",
				"put that in [native_tools] allow of the policy" });
		break;
	case CODEX_ALIAS:
		words_add(&in->a->flags, "--json");
		return 1;
	case CODEX_DROPPED: /* every launch has it */
		return 1;
	case CODEX_PASSES:
	case CODEX_CHECKS:
		break;
	}
	return 0;
}

static int
put(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	const int done = check(in, r, value == NULL ? "" : value, e);

	if (done != 0)
		return done < 0 ? -1 : 0;
	if (value == NULL)
		words_add(&in->a->flags, r->name);
	else
		words_addf(&in->a->flags, "%s=%s", r->name, value);
	return 0;
}

static int
take_value(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	/* below exec --image takes one */
	const bool many = r->arity == ARITY_MANY && in->level != CODEX_AT_EXEC_LEAF;

	if (r->arity == ARITY_NONE) {
		if (value != NULL)
			return args_refuse_for(agent,
				&(struct args_refusal){ r->name, "it takes no value",
					"write it without" },
				e);
		return put(in, r, NULL, e);
	}
	if (value != NULL)
		return put(in, r, value, e);
	if (*in->next == NULL || args_is_option(*in->next))
		return args_refuse_for(agent,
			&(struct args_refusal){ r->name, "its value is missing",
				"put it behind the option, with = when it begins with -" },
			e);
	if (put(in, r, *in->next++, e) < 0)
		return -1;
	while (many && *in->next != NULL && !args_is_option(*in->next))
		if (put(in, r, *in->next++, e) < 0)
			return -1;
	return 0;
}

static int
take_long(struct reader *in, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	const struct str name = { word,
		equals == NULL ? strlen(word) : (size_t)(equals - word) };
	const struct args_row *r = args_row_of(&codex_options, name);

	if (r == NULL)
		return args_refuse_option(&codex_options, word, name, e);
	return take_value(in, r, equals == NULL ? NULL : equals + 1, e);
}

/* -h and -V are the only letters without a value, and end the parsing. */
static int
take_letter(struct reader *in, const char *word, struct err *e)
{
	const char name[] = { '-', word[1], '\0' };
	const struct args_row *r = args_row_of_letter(&codex_options, word[1]);
	const char *value = word[2] == '\0' ? NULL : word + 2;

	if (r == NULL)
		return args_refuse_option(&codex_options, word, str_of(name), e);
	if (r->arity == ARITY_NONE)
		return put(in, r, NULL, e);
	if (value != NULL && *value == '=')
		value++;
	return take_value(in, r, value, e);
}

static int
refuse_command(const char *word, const char *why, const char *instead, struct err *e)
{
	return args_refuse_for(agent, &(struct args_refusal){ word, why, instead }, e);
}

/* clap finds a subcommand behind a prompt, too. */
static int
take_word(struct reader *in, const char *word, struct err *e)
{
	const struct codex_command *c = codex_command_at(in->level, word);

	if (c == NULL) {
		words_add(&in->a->operands, word);
		return 0;
	}
	if (in->a->operands.n > 0)
		return refuse_command(word,
			"codex takes it for a subcommand, and drops or moves what stands "
			"before it",
			"put the prompt behind it, or behind -- when this word is a part of "
			"it",
			e);
	if (c->kind == CODEX_OUT)
		return refuse_command(word,
			"it runs where pando-ai cannot supervise it, or serves others",
			"if it is a prompt, put it behind --", e);
	if (c->kind == CODEX_INERT) {
		in->a->inert = true;
		if (in->level == CODEX_AT_ROOT)
			in->a->command = c->name;
	}
	in->last = c;
	words_add(&in->a->flags, c->name);
	in->a->tui = c->tui;
	in->level = c->to;
	return 0;
}

static bool
is_among(const char *words, const char *word)
{
	const size_t n = strlen(word);

	for (const char *p = words; *p != '\0';) {
		const size_t k = strcspn(p, " ");

		if (k == n && strncmp(p, word, n) == 0)
			return true;
		p += k + strspn(p + k, " ");
	}
	return false;
}

/* What follows an inert subcommand is its own, but a session elsewhere it may not touch. */
static int
take_inert_rest(struct reader *in, struct err *e)
{
	static const char remote[] = "--remote";
	const char *passes = in->last == NULL ? NULL : in->last->passes;

	if (passes != NULL && *in->next != NULL && !is_among(passes, *in->next)) {
		CLEANUP(mem_freep)
		char *both = mem_printf("%s %s", in->a->command, *in->next);

		return refuse_command(both,
			"of this subcommand only what starts no model and no server may pass",
			"its --help lists what there is; a prompt goes behind --", e);
	}
	for (; *in->next != NULL && strcmp(*in->next, "--") != 0; in->next++)
		if (strncmp(*in->next, remote, sizeof remote - 1) == 0)
			return args_refuse_option(&codex_options, remote, STR(remote), e);
	return 0;
}

static int
take_next(struct reader *in, bool *options, struct err *e)
{
	const char *word = *in->next++;

	if (!*options) {
		words_add(&in->a->operands, word);
		return 0;
	}
	if (strcmp(word, "--") == 0) {
		*options = false;
		return 0;
	}
	if (!args_is_option(word))
		return take_word(in, word, e);
	return word[1] == '-' ? take_long(in, word, e) : take_letter(in, word, e);
}

int
args_of_codex(struct args *a, char *const *argv, struct err *e)
{
	static const char multicall[] = "--codex-run-as";
	struct reader in = { .a = a, .next = argv + 1, .level = CODEX_AT_ROOT };
	bool options = true;

	a->tui = true;
	/* codex looks at this word before it parses */
	if (argv[1] != NULL && strncmp(argv[1], multicall, sizeof multicall - 1) == 0)
		return refuse_command(
			argv[1], "codex starts its own helpers so", "leave it out", e);
	while (*in.next != NULL && !a->inert)
		if (take_next(&in, &options, e) < 0)
			return -1;
	if (a->inert)
		return take_inert_rest(&in, e);
	if (in.level == CODEX_AT_ROOT && a->operands.n > 0 && options &&
		args_is_name(a->operands.v[0]))
		a->word = mem_strdup(a->operands.v[0]);
	return 0;
}
