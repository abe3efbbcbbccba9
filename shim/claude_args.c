/*
 * The arguments of claude, as its parser (commander) takes them: no abbreviations, options
 * anywhere before "--", -pc is -p -c, an option with a value eats the next word whatever it
 * is. Each option comes out in its long spelling with "=", so that none can eat another.
 */

#include "shim/claude_options.h"

#include <stddef.h>

#include "shim/claude_given.h"

static const char agent[] = "claude";

static int
refuse_value(const struct args_row *r, const char *value,
	const struct args_refusal *reason, struct err *e)
{
	CLEANUP(mem_freep) char *both = mem_printf("%s %s", r->name, value);
	const struct args_refusal this = { both, reason->why, reason->instead };

	return args_refuse_for(agent, &this, e);
}

static int
check_mode(struct args *a, const struct args_row *r, const char *value, struct err *e)
{
	static const char *const modes[] = { "default", "manual", "plan", "dontAsk" };

	a->has_mode = true;
	for (size_t i = 0; i < LEN(modes); i++)
		if (strcmp(value, modes[i]) == 0)
			return 0;
	return refuse_value(r, value, &claude_no_permissions, e);
}

/* Structured output is one more tool of claude's own, and refused unless policy has it. */
static void
wish_schema(struct args *a, const struct args_row *r)
{
	args_add_wish(a, (struct args_wish){ r->name, "StructuredOutput",
				 "it needs claude's tool StructuredOutput",
				 "put that in [native_tools] allow of the policy" });
}

static void
wish_tools(struct args *a, const struct args_row *r, const char *tools)
{
	args_add_wish(a, (struct args_wish){ r->name, NULL,
				 "[native_tools] of the policy says which of claude's "
				 "tools are on",
				 tools });
}

/* What policy or a table of values has to say of the option. */
static int
check(struct args *a, const struct args_row *r, const char *value, struct err *e)
{
	switch ((enum claude_check)r->check) {
	case CLAUDE_INPUT:
		if (strcmp(value, "text") == 0)
			return 0;
		return refuse_value(r, value, &claude_no_control, e);
	case CLAUDE_MODE:
		return check_mode(a, r, value, e);
	case CLAUDE_SCHEMA:
		wish_schema(a, r);
		break;
	case CLAUDE_TOOLS:
		a->has_tools = true;
		wish_tools(a, r, "leave it out, and put them in allow there");
		break;
	case CLAUDE_BRIEF:
		wish_tools(a, r, "leave it out, and put SendUserMessage in allow there");
		break;
	case CLAUDE_PASSES:
	case CLAUDE_SETTINGS:
	case CLAUDE_AGENTS:
	case CLAUDE_AGENT:
	case CLAUDE_ALIAS:
	case CLAUDE_DROPPED:
	case CLAUDE_CHECKS:
		break;
	}
	return 0;
}

/* Where the parser stands; value is what came with the option, after "=" or a letter. */
struct reader {
	struct args *a;
	char *const *next;
	const char *agent; /* the last --agent */
	char *agents;      /* the last --agents, as claude gets it */
};

static void
keep(char **to, char *value)
{
	mem_freep((void *)to);
	*to = value;
}

/* What does not go to claude as it was typed. 1: the option is done with. */
static int
rewrite(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	char *agents;

	switch ((enum claude_check)r->check) {
	case CLAUDE_DROPPED: /* every launch has it */
		return 1;
	case CLAUDE_ALIAS:
		words_add(&in->a->flags, "--debug-to-stderr");
		return 1;
	case CLAUDE_SETTINGS:
		keep(&in->a->settings, mem_strdup(value));
		return 1;
	case CLAUDE_AGENTS:
		agents = claude_given_agents(value, e);
		if (agents == NULL)
			return -1;
		words_addf(&in->a->flags, "%s=%s", r->name, agents);
		keep(&in->agents, agents);
		return 1;
	case CLAUDE_AGENT:
		in->agent = value;
		return 0;
	case CLAUDE_PASSES:
	case CLAUDE_INPUT:
	case CLAUDE_MODE:
	case CLAUDE_SCHEMA:
	case CLAUDE_TOOLS:
	case CLAUDE_BRIEF:
	case CLAUDE_CHECKS:
		break;
	}
	return 0;
}

static int
put(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	const char *text = value == NULL ? "" : value;
	const int done = check(in->a, r, text, e) < 0 ? -1 : rewrite(in, r, text, e);

	if (done != 0)
		return done < 0 ? -1 : 0;
	if (value == NULL)
		words_add(&in->a->flags, r->name);
	else
		words_addf(&in->a->flags, "%s=%s", r->name, value);
	return 0;
}

/* The first value is the next word whatever it is; more are words that are no options. */
static int
take_many(struct reader *in, const struct args_row *r, const char *first, struct err *e)
{
	if (put(in, r, first, e) < 0)
		return -1;
	while (r->arity == ARITY_MANY && *in->next != NULL && !args_is_option(*in->next))
		if (put(in, r, *in->next++, e) < 0)
			return -1;
	return 0;
}

static int
take_value(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	static const struct args_refusal none = { NULL, "it takes no value",
		"write it without" };
	static const struct args_refusal missing = { NULL, "its value is missing",
		"put it behind the option" };
	const struct args_refusal is = { r->name, value == NULL ? missing.why : none.why,
		value == NULL ? missing.instead : none.instead };

	switch (r->arity) {
	case ARITY_NONE:
		return value == NULL ? put(in, r, NULL, e)
				     : args_refuse_for(agent, &is, e);
	case ARITY_MAYBE:
		if (value == NULL && *in->next != NULL && !args_is_option(*in->next))
			value = *in->next++;
		return put(in, r, value, e);
	case ARITY_ONE:
	case ARITY_MANY:
	case ARITIES:
		break;
	}
	if (value != NULL)
		return put(in, r, value, e);
	if (*in->next == NULL)
		return args_refuse_for(agent, &is, e);
	return take_many(in, r, *in->next++, e);
}

static int
take_long(struct reader *in, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	const struct str name = { word,
		equals == NULL ? strlen(word) : (size_t)(equals - word) };
	const struct args_row *r = args_row_of(&claude_options, name);

	if (r == NULL)
		return args_refuse_option(&claude_options, word, name, e);
	return take_value(in, r, equals == NULL ? NULL : equals + 1, e);
}

static int
take_letters(struct reader *in, const char *word, struct err *e)
{
	const struct args_row *whole = args_row_of(&claude_options, str_of(word));

	if (whole != NULL)
		return put(in, whole, NULL, e);
	for (const char *p = word + 1; *p != '\0'; p++) {
		const char name[] = { '-', *p, '\0' };
		const struct args_row *r = args_row_of_letter(&claude_options, *p);

		if (r == NULL)
			return args_refuse_option(&claude_options, word, str_of(name), e);
		if (r->arity != ARITY_NONE)
			return take_value(in, r, p[1] == '\0' ? NULL : p + 1, e);
		if (put(in, r, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_all(struct reader *in, struct err *e)
{
	bool options = true;

	while (*in->next != NULL) {
		const char *word = *in->next++;
		int got = 0;

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (!options || !args_is_option(word))
			words_add(&in->a->operands, word);
		else if (word[1] == '-')
			got = take_long(in, word, e);
		else
			got = take_letters(in, word, e);
		if (got < 0)
			return -1;
	}
	return 0;
}

/* claude looks for these before it parses, wherever they stand, even behind "--". */
int
args_refuse_anywhere(char *const *argv, struct err *e)
{
	static const char *const words[] = { "--bg", "--background", "--session-tunnel",
		"--ignore-persisted-trust" };

	for (char *const *w = argv + 1; *w != NULL; w++)
		for (size_t i = 0; i < LEN(words); i++)
			if (strcmp(*w, words[i]) == 0)
				return args_refuse_option(
					&claude_options, *w, str_of(*w), e);
	return 0;
}

static bool
is_lone_inert(char *const *argv)
{
	static const char *const flags[] = { "--version", "-v", "-V", "--help", "-h" };

	for (size_t i = 0; argv[1] != NULL && argv[2] == NULL && i < LEN(flags); i++)
		if (strcmp(argv[1], flags[i]) == 0)
			return true;
	return argv[1] != NULL && argv[1][0] == '-' && argv[2] != NULL &&
	       argv[3] == NULL && strcmp(argv[2], "--verbose") == 0 &&
	       (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0);
}

/* Where a subcommand may stand: behind what only makes claude tell more, and "--". */
static char *const *
behind_debug(char *const *w)
{
	static const char *const alone[] = { "--verbose", "-d2e", "--debug-to-stderr" };
	static const struct str debug = { "--debug=", 8 }, file = { "--debug-file=", 13 };

	for (; *w != NULL; w++) {
		bool passed = str_starts(str_of(*w), debug) ||
			      str_starts(str_of(*w), file);

		if (strcmp(*w, "--") == 0)
			return w + 1;
		for (size_t i = 0; i < LEN(alone); i++)
			passed = passed || strcmp(*w, alone[i]) == 0;
		if (!passed)
			break;
	}
	return w;
}

/* 1: an inert subcommand, 0: none at this place. */
static int
take_inert(struct args *a, char *const *w, struct err *e)
{
	const struct claude_inert *c = *w == NULL ? NULL : claude_inert_of(*w);
	const char *next = *w == NULL || w[1] == NULL ? "" : w[1];
	CLEANUP(mem_freep) char *both = NULL;

	if (c == NULL)
		return 0;
	for (size_t i = 0; i < CLAUDE_WORDS_MAX && c->words[i] != NULL; i++) {
		if (strcmp(next, c->words[i]) != 0 && strcmp(c->words[i], "*") != 0)
			continue;
		a->inert = true;
		a->command = c->command;
		return 1;
	}
	both = mem_printf("%s%s%s", *w, *next == '\0' ? "" : " ", next);
	return args_refuse_for(agent,
		&(struct args_refusal){ both,
			"of this subcommand only what starts no model and no tools may pass",
			"'claude <subcommand> --help' lists what there is; a prompt that "
			"begins so goes through with -p" },
		e);
}

static int
refuse_operand(const char *word, const char *why, struct err *e)
{
	return args_refuse_for(agent,
		&(struct args_refusal){
			word, why, "if it is a prompt, say it in more words" },
		e);
}

/* What claude would not take for a prompt, wherever it stands. */
static int
check_operand(const char *word, struct err *e)
{
	static const struct str links[] = { { "cc://", 5 }, { "cc+unix://", 10 } };

	if (strcmp(word, "agents") == 0)
		return refuse_operand(word, "claude takes it for a subcommand", e);
	for (size_t i = 0; i < LEN(links); i++)
		if (str_starts(str_of(word), links[i]))
			return refuse_operand(
				word, "claude takes it for a session elsewhere", e);
	return 0;
}

/*
 * claude takes the first operand for a subcommand when it is the name of one. A name that we
 * know is refused; any other lone word gets a space at its end and is a prompt for sure.
 */
static int
settle_operands(struct args *a, struct err *e)
{
	char **first = a->operands.v;

	for (size_t i = 0; i < a->operands.n; i++)
		if (check_operand(a->operands.v[i], e) < 0)
			return -1;
	if (a->operands.n == 0 || !args_is_name(*first))
		return 0;
	if (claude_inert_of(*first) != NULL || claude_runs_outside(*first))
		return refuse_operand(*first,
			"claude takes it for a subcommand that pando-ai does not supervise "
			"here",
			e);
	a->word = *first;
	*first = mem_printf("%s ", a->word);
	return 0;
}

/* An agent is one of those that came with the launch: others bring hooks and servers. */
static int
settle_agent(const struct reader *in, struct err *e)
{
	if (in->agent == NULL ||
		(in->agents != NULL && claude_agents_have(in->agents, in->agent)))
		return 0;
	return args_refuse_for(agent,
		&(struct args_refusal){ "--agent", "it is none of those in --agents",
			"name one there; pando-ai loads no agents from files or plugins" },
		e);
}

int
args_of_claude(struct args *a, char *const *argv, struct err *e)
{
	struct reader in = { .a = a, .next = argv + 1 };
	int got;

	if (args_refuse_anywhere(argv, e) < 0)
		return -1;
	a->inert = is_lone_inert(argv);
	if (a->inert)
		return 0;
	got = take_inert(a, behind_debug(argv + 1), e);
	if (got != 0)
		return got < 0 ? -1 : 0;
	got = take_all(&in, e) < 0 || settle_agent(&in, e) < 0 ? -1 : 0;
	mem_freep((void *)&in.agents);
	return got < 0 ? -1 : settle_operands(a, e);
}
