/*
 * The shell split and the prefix match on any text: within bounds, the same twice, and a text
 * between single quotes is one known word. What cmd_bits() rules out, cmd_match() denies.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/command.h"

enum { QUOTED_MAX = 4096, TWICE_EVERY = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sh_line line, again;

static bool
is_inside(const struct sh_line *l, struct str s)
{
	return s.n == 0 || (s.p >= l->text && s.p + s.n <= l->text + l->ntext);
}

static void
check_word(const struct sh_line *l, const struct sh_word *w)
{
	assert(is_inside(l, w->text) && w->fields < SH_FIELDS);
	assert((size_t)w->head + (w->known ? 0 : w->tail) <= w->text.n);
	assert(!w->known || (w->head == w->text.n && w->fields == SH_ONE));
}

static void
check_bounds(const struct sh_line *l)
{
	assert(l->ncommands <= SH_COMMANDS_MAX && l->nwords <= SH_WORDS_MAX &&
		l->nassigns <= SH_COMMANDS_MAX && l->ntext <= SH_TEXT_MAX);
	assert(l->opaque == (l->why != NULL) && (!l->opaque || l->ncommands > 0));
	for (size_t i = 0; i < l->ncommands; i++) {
		const struct sh_command *c = &l->command[i];

		assert((size_t)c->first + c->n <= l->nwords);
		assert((size_t)c->assign + c->nassign <= l->nassigns);
		assert(is_inside(l, c->input) && (!c->input_known || c->input.p != NULL));
	}
	for (size_t i = 0; i < l->nwords; i++)
		check_word(l, &l->word[i]);
	for (size_t i = 0; i < l->nassigns; i++)
		check_word(l, &l->assigned[i]);
}

static void
check_matches(void)
{
	static const char *const tokens[][3] = { { "git", "push" }, { "rm", "-rf" },
		{ "git", "push", "--force" }, { "g?t", "*", "x" } };
	static struct cmd_prefix p[LEN(tokens)];
	const uint64_t bits = cmd_bits(&line);

	for (size_t i = 0; i < LEN(tokens); i++) {
		if (p[i].n == 0)
			cmd_prefix_init(&p[i], tokens[i], tokens[i][2] == NULL ? 2 : 3);
		for (size_t k = 0; k < line.ncommands; k++) {
			const enum cmd_match m = cmd_match(&line, k, &p[i]);

			assert(m == CMD_NO || (p[i].need & ~bits) == 0);
			assert(!line.opaque || m == CMD_UNSURE);
		}
	}
}

/* echo '<text>', each quote of the text as '\'' */
static void
check_quoted(struct str text)
{
	static char quoted[4 * QUOTED_MAX + 16];
	char *to = stpcpy(quoted, "echo '");

	if (text.n > QUOTED_MAX || (text.n > 0 && memchr(text.p, '\0', text.n) != NULL))
		return;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = text.p[i];
	}
	*to++ = '\'';
	sh_split(&line, (struct str){ quoted, (size_t)(to - quoted) });
	assert(!line.opaque && line.simple && line.ncommands == 1 && line.nwords == 2);
	assert(line.word[1].known && line.word[1].quoted &&
		str_eq(line.word[1].text, text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = { (const char *)data, n };

	sh_split(&line, text);
	check_bounds(&line);
	check_matches();
	if (n % TWICE_EVERY == 0) {
		sh_split(&again, text);
		assert(again.opaque == line.opaque && again.ncommands == line.ncommands &&
			again.nwords == line.nwords && again.ntext == line.ntext);
	}
	check_quoted(text);
	return 0;
}
