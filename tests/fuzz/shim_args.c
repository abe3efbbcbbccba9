/*
 * Any words: they are refused, or the launch is inert, or each flag of the plan is one of the
 * agent's table in its long spelling, and no word that is refused stands among the flags.
 * What the words were is only looked at behind "--", where the agent looks at nothing.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/words.h"
#include "shim/claude_options.h"
#include "shim/codex_options.h"

enum { WORDS_ENOUGH = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_command(const char *word)
{
	for (int level = 0; level < CODEX_LEVELS; level++)
		if (codex_command_at((enum codex_level)level, word) != NULL)
			return true;
	return false;
}

static void
check_flag(enum pol_agent agent, const struct args_table *t, const char *flag)
{
	const struct str name = { flag, strcspn(flag, "=") };
	const struct args_row *r = args_row_of(t, name);

	if (r == NULL) {
		assert(agent == POL_CODEX && is_command(flag));
		return;
	}
	assert(flag[0] == '-' && flag[1] == '-');
	/* with a value in the word itself, what follows is never eaten */
	assert(r->arity == ARITY_MAYBE ||
		(flag[name.n] == '=') == (r->arity != ARITY_NONE));
	for (size_t i = 0; i < t->nrefused; i++)
		assert(!str_is(name, t->refused[i].name));
}

static void
check_word(const struct args *a)
{
	assert(a->word == NULL || args_is_name(a->word));
	assert(a->word == NULL || a->operands.n > 0);
}

static void
check(enum pol_agent agent, char *const *argv)
{
	const struct args_table *t = agent == POL_CLAUDE ? &claude_options
							 : &codex_options;
	CLEANUP(args_fini) struct args a = { .inert = false };
	struct err e = ERR_INIT;
	const int got = agent == POL_CLAUDE ? args_of_claude(&a, argv, &e)
					    : args_of_codex(&a, argv, &e);

	if (got < 0) {
		assert(e.code == ERR_REFUSED && strstr(e.text, "; ") != NULL);
		return;
	}
	check_word(&a);
	if (a.inert)
		return;
	for (size_t i = 0; i < a.flags.n; i++)
		check_flag(agent, t, a.flags.v[i]);
	/* claude looks there all the same */
	for (size_t i = 0; agent == POL_CLAUDE && i < a.operands.n; i++) {
		assert(strcmp(a.operands.v[i], "--bg") != 0);
		assert(strcmp(a.operands.v[i], "agents") != 0);
		assert(i > 0 || claude_inert_of(a.operands.v[i]) == NULL);
		assert(i > 0 || !claude_runs_outside(a.operands.v[i]));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = { (const char *)data, n };
	CLEANUP(words_fini) struct words argv = WORDS_INIT;

	words_add(&argv, "agent");
	for (struct str left = text; left.n > 0 && argv.n < WORDS_ENOUGH;) {
		const char *end = memchr(left.p, '\n', left.n);
		const size_t k = end == NULL ? left.n : (size_t)(end - left.p);
		CLEANUP(mem_freep)
		char *word = mem_strdup_str((struct str){ left.p, k });

		words_add(&argv, word);
		left = str_skip(left, end == NULL ? k : k + 1);
	}
	check(POL_CLAUDE, argv.v);
	check(POL_CODEX, argv.v);
	return 0;
}
