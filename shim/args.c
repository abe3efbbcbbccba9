#include "shim/args.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/log.h"
#include "shim/claude_options.h"
#include "shim/codex_options.h"

void
args_fini(struct args *a)
{
	words_fini(&a->flags);
	words_fini(&a->operands);
	mem_freep((void *)&a->dir);
	mem_freep((void *)&a->settings);
	mem_freep((void *)&a->word);
	mem_freep((void *)&a->profile);
}

int
args_refuse(const char *agent, const char *argument, const char *why, struct err *e)
{
	char shown[LOG_QUOTED_MAX];

	return err_set(e, ERR_REFUSED, "%s: %s is refused: %s", agent,
		log_quoted(str_of(argument), shown), why);
}

int
args_refuse_for(const char *agent, const struct args_refusal *r, struct err *e)
{
	(void)args_refuse(agent, r->name, r->why, e);
	return err_hint(e, "%s", r->instead);
}

void
args_add_wish(struct args *a, struct args_wish w)
{
	for (size_t i = 0; i < a->nwishes; i++)
		if (strcmp(a->wish[i].option, w.option) == 0)
			return;
	if (a->nwishes == ARGS_WISHES_MAX)
		abort(); /* the tables have fewer */
	a->wish[a->nwishes++] = w;
}

int
args_check_wish(const struct args_wish *w, const struct policy *p, enum pol_agent agent,
	struct err *e)
{
	const struct pol_use u = {
		.agent = agent, .tool = str_of(w->tool), .asking = POL_OFFER
	};

	const struct args_refusal r = { w->option, w->why, w->instead };

	if (w->tool != NULL && pol_decide(p, &u).verdict <= POL_AUDITED)
		return 0;
	return args_refuse_for(pol_agent_name(agent), &r, e);
}

const struct args_row *
args_row_of(const struct args_table *t, struct str name)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (str_is(name, t->rows[i].name))
			return &t->rows[i];
	return NULL;
}

const struct args_row *
args_row_of_letter(const struct args_table *t, char letter)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].letter == letter)
			return &t->rows[i];
	return NULL;
}

bool
args_is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

bool
args_is_name(const char *z)
{
	if (!isalpha((unsigned char)*z))
		return false;
	for (; *z != '\0'; z++)
		if (!isalnum((unsigned char)*z) && *z != '-' && *z != '_')
			return false;
	return true;
}

const char *
args_new_command(enum pol_agent agent, char *const *argv)
{
	const char *w = argv[0] == NULL ? NULL : argv[1];
	bool known;

	if (w == NULL || !args_is_name(w))
		return NULL;
	known = agent == POL_CLAUDE ? claude_inert_of(w) != NULL || claude_runs_outside(w)
				    : codex_command_at(CODEX_AT_ROOT, w) != NULL;
	return known ? NULL : w;
}

int
args_refuse_option(
	const struct args_table *t, const char *argument, struct str name, struct err *e)
{
	const struct args_refusal unknown = { argument,
		"pando-ai does not know it and cannot tell what it would loosen",
		"leave it out, or see whether a newer pando-ai knows it" };

	for (size_t i = 0; i < t->nrefused; i++)
		if (str_is(name, t->refused[i].name))
			return args_refuse_for(t->agent, &t->refused[i], e);
	return args_refuse_for(t->agent, &unknown, e);
}

static bool
names_command(struct str names, const char *command)
{
	while (names.n > 0) {
		const char *bar = memchr(names.p, '|', names.n);
		const size_t n = bar == NULL ? names.n : (size_t)(bar - names.p);

		if (str_is((struct str){ names.p, n }, command))
			return true;
		names = str_skip(names, bar == NULL ? n : n + 1);
	}
	return false;
}

/* The first word of a line that is indented by exactly two, as both agents print commands. */
static struct str
first_word(struct str line)
{
	size_t n = 2;

	if (line.n < 3 || line.p[0] != ' ' || line.p[1] != ' ' || line.p[2] == ' ')
		return (struct str){ line.p, 0 };
	while (n < line.n && line.p[n] != ' ')
		n++;
	return (struct str){ line.p + 2, n - 2 };
}

bool
args_help_lists(struct str help, const char *command)
{
	bool below_commands = false;

	while (help.n > 0) {
		const char *end = memchr(help.p, '\n', help.n);
		const struct str line = { help.p,
			end == NULL ? help.n : (size_t)(end - help.p) };

		if (str_is(line, "Commands:"))
			below_commands = true;
		else if (below_commands && names_command(first_word(line), command))
			return true;
		help = str_skip(help, end == NULL ? line.n : line.n + 1);
	}
	return false;
}
