#include "policy/command_ask.h"

#include "policy/glob.h"

static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* A byte of a word, and none of an escape such as \n. */
static bool
goes_on(struct str text, size_t i)
{
	return is_word_byte(text.p[i]) && !(i > 0 && text.p[i - 1] == '\\');
}

/* Behind the first place where the token stands as a whole word; 0: nowhere. */
static size_t
behind_token(struct str text, size_t from, struct str token)
{
	while (from + token.n <= text.n) {
		const char *at = memmem(text.p + from, text.n - from, token.p, token.n);
		size_t i, end;

		if (at == NULL)
			return 0;
		i = (size_t)(at - text.p);
		end = i + token.n;
		if ((i == 0 || !goes_on(text, i - 1)) &&
			(end == text.n || !is_word_byte(text.p[end])))
			return end;
		from = i + 1;
	}
	return 0;
}

/* The tokens as words of a text in their order, whatever stands between them. */
bool
ask_text_has(const struct cmd_prefix *p, struct str text)
{
	size_t from = 0;

	if (text.n == 0 || !glob_match(str_of(p->anywhere), text))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct str token = str_of(p->token[i]);

		if (ask_is_pattern(token))
			continue;
		from = behind_token(text, from, token);
		if (from == 0)
			return false;
	}
	return true;
}

/* A text of which a part is not known: the program is in it, what follows may be. */
static bool
begins_in_text(const struct ask *a, const struct sh_word *w)
{
	const struct str token = str_of(a->p->token[0]);

	return !w->known && reach_is_text(w->text) && !ask_is_pattern(token) &&
	       behind_token(w->text, 0, token) > 0;
}

static bool
any_text_has(const struct ask *a, size_t from)
{
	for (size_t k = from; k < a->r.n; k++) {
		const struct str w = a->r.w[k].text;

		if (begins_in_text(a, &a->r.w[k]))
			return true;

		if ((reach_is_text(w) || memchr(w.p, '=', w.n) != NULL) &&
			ask_text_has(a->p, w))
			return true;
	}
	return a->r.c->input.n > 0 && ask_text_has(a->p, a->r.c->input);
}

static bool
any_unknown(const struct ask *a, size_t from)
{
	for (size_t k = from; k < a->r.n; k++)
		if (!reach_known(&a->r, k))
			return true;
	return a->r.more;
}

/* rg is the only inert program with an option that names a program. */
static bool
inert_runs(const struct ask *a, const struct reach_at *at)
{
	if (!str_is(at->base, "rg"))
		return false;
	for (size_t k = at->i + 1; k < a->r.n; k++)
		if (str_is(a->r.w[k].text, "--pre") ||
			str_starts(a->r.w[k].text, STR("--pre=")) ||
			str_starts(a->r.w[k].text, STR("--hostname-bin")))
			return true;
	return false;
}

/* Where the shell takes a word for arithmetic, a substitution in a subscript runs. */
static bool
is_evaluated(struct str text)
{
	return memchr(text.p, '`', text.n) != NULL ||
	       memmem(text.p, text.n, "$(", 2) != NULL;
}

static bool
evaluates(const struct ask *a, const struct reach_at *at)
{
	for (size_t k = at->i + 1; k < a->r.n; k++)
		if (is_evaluated(a->r.w[k].text) && ask_text_has(a->p, a->r.w[k].text))
			return true;
	return a->r.c->input.n > 0 && is_evaluated(a->r.c->input) &&
	       ask_text_has(a->p, a->r.c->input);
}

/* env -S splits its value in a way of its own. */
static bool
splits_itself(const struct ask *a, const struct reach_at *at)
{
	if (!str_is(at->base, "env"))
		return false;
	for (size_t k = at->i + 1; k < a->r.n; k++) {
		const struct str w = a->r.w[k].text;

		if (w.n < 2 || w.p[0] != '-')
			continue;
		if (w.p[1] == '-' ? str_starts(w, STR("--s"))
				  : memchr(w.p, 'S', w.n) != NULL)
			return true;
	}
	return false;
}

static bool
wrap_runs(const struct ask *a, const struct reach_at *at)
{
	const unsigned flags = at->prog->flags;
	const struct sh_command *c = a->r.c;

	if ((flags & (PROG_TEXT | PROG_JOINS)) != 0 && any_unknown(a, at->i + 1))
		return true;
	if ((flags & PROG_STDIN) != 0 && c->piped && !c->input_known)
		return true;
	return splits_itself(a, at) || any_text_has(a, at->i + 1);
}

static bool
source_runs(const struct ask *a, const struct reach_at *at)
{
	struct reach_at file = *at;
	struct str text;

	/* `sh FILE` takes the same words, but for options that are not its own. */
	return reach_shell(&a->r, &file, &text) != REACH_FILE;
}

/* awk can only run commands by these; a program of it without them runs nothing. */
static bool
is_quiet_awk(const struct ask *a, const struct reach_at *at)
{
	if (at->base.n < 3 || memcmp(at->base.p + at->base.n - 3, "awk", 3) != 0 ||
		any_unknown(a, at->i + 1))
		return false;
	for (size_t k = at->i + 1; k < a->r.n; k++) {
		const struct str w = a->r.w[k].text;

		if (memmem(w.p, w.n, "system", 6) != NULL ||
			memchr(w.p, '|', w.n) != NULL || memchr(w.p, '@', w.n) != NULL)
			return false;
	}
	return true;
}

bool
ask_reads_script(const struct reach *r, size_t i)
{
	for (size_t k = i + 1; k < r->n; k++) {
		const struct str w = r->w[k].text;
		const bool is_long = str_starts(w, STR("--"));
		const char *f = w.n < 2 || w.p[0] != '-' || w.p[1] == 'v' || w.p[1] == 'F'
					? NULL
					: memchr(w.p, is_long ? '=' : 'f', w.n);

		if (f == NULL || (is_long && !str_starts(w, STR("--f")) &&
					 !str_starts(w, STR("--makef"))))
			continue;
		if (f + 1 < w.p + w.n || !r->w[k].known) {
			if (!r->w[k].known ||
				reach_is_stdin(str_skip(w, (size_t)(f - w.p) + 1)))
				return true;
		} else if (k + 1 == r->n || !reach_known(r, k + 1) ||
			   reach_is_stdin(r->w[k + 1].text)) {
			return true;
		}
	}
	return false;
}

/* A script of sed that ends with the command e, or with s///e. */
static bool
ends_in_e(struct str script)
{
	size_t n = script.n;
	bool e = false;

	for (; n > 0 && strchr("gpeIiMm0123456789", script.p[n - 1]) != NULL; n--)
		e |= script.p[n - 1] == 'e';
	return e && (n == 0 || (!is_word_byte(script.p[n - 1]) && script.p[0] != '-'));
}

/* Does the code, of sed or awk, run its input? */
static bool
runs_input(const struct ask *a, const struct reach_at *at)
{
	const bool awk = memmem(at->base.p, at->base.n, "awk", 3) != NULL;

	if (at->prog->operands == 0 || !a->r.c->piped || a->r.c->input_known)
		return false;
	for (size_t k = at->i + 1; k < a->r.n; k++) {
		const struct str w = a->r.w[k].text;

		if (!awk ? ends_in_e(w)
			 : memmem(w.p, w.n, "system", 6) != NULL ||
					memmem(w.p, w.n, "sh\"", 3) != NULL)
			return true;
	}
	return false;
}

static bool
code_runs(const struct ask *a, const struct reach_at *at)
{
	const struct reach *r = &a->r;
	bool from_input = at->prog->operands == 0, code_next = at->prog->operands > 0;

	for (size_t k = at->i + 1; k < r->n; k++) {
		const struct sh_word *w = &r->w[k];

		if (at->prog->operands > 0 && str_is(w->text, "-v")) {
			k++; /* awk: a variable */
			continue;
		}
		if (!reach_known(r, k) && code_next && w->head == 0 && w->tail == 0)
			return true;
		if (code_next && !reach_is_option((struct str){ w->text.p, w->head }))
			code_next = false;
		if (prog_takes_value(at->prog, w->text))
			code_next = true;
		if (str_is(w->text, "-m") || code_next || !reach_is_option(w->text))
			from_input = false;
		if (reach_is_stdin(w->text) && at->prog->operands == 0)
			from_input = true;
		if (str_is(w->text, "--version") || str_is(w->text, "-V"))
			return false;
	}
	if (at->prog->operands > 0 && ask_reads_script(&a->r, at->i))
		return !r->c->input_known || ask_text_has(a->p, r->c->input);
	if (runs_input(a, at))
		return true;
	if (is_quiet_awk(a, at))
		return false;
	if (code_next && r->more)
		return true;
	if (from_input && !r->c->input_known && (at->sure || r->c->piped))
		return true;
	return any_text_has(a, at->i + 1);
}

/*
 * `-c KEY=VALUE` and `git config`: an alias may be anything; of other keys, those that hold
 * commands hold them as text.
 */
static bool
is_command_key(struct str w)
{
	if (w.n >= 5 && strncasecmp(w.p, "alias", 5) == 0)
		return true;
	if (w.n >= 7 && strncasecmp(w.p, "include", 7) == 0)
		return true;
	return memmem(w.p, w.n, "=alias", 6) != NULL;
}

static bool
git_configures(const struct ask *a, const struct reach_at *at, size_t sub)
{
	const struct reach *r = &a->r;
	const bool config = sub < r->n && str_is(r->w[sub].text, "config");
	bool named = false; /* git config: its key has been seen */

	for (size_t k = at->i + 1; k < (config ? r->n : sub); k++) {
		const struct str w = r->w[k].text;
		const bool key = k > sub || str_is(r->w[k - 1].text, "-c") ||
				 str_starts(w, STR("--config-env"));

		if (!key)
			continue;
		if ((!named && r->w[k].head == 0) || is_command_key(w) ||
			ask_text_has(a->p, w))
			return true;
		named |= k > sub && memchr(w.p, '.', w.n) != NULL;
	}
	return false;
}

static bool
git_runs(const struct ask *a, const struct reach_at *at)
{
	size_t k;

	if (!reach_git(&a->r, at, &k))
		return a->r.more || k >= a->r.n || a->r.w[k].fields == SH_ANY ||
		       ask_is_token(a->p, 0, STR("git"));
	if (git_configures(a, at, k))
		return true;
	if (k == a->r.n)
		return false;
	switch (reach_git_does(&a->r, k)) {
	case PROG_GIT_QUIET:
		return false;
	case PROG_GIT_RUNS:
		return any_text_has(a, k + 1);
	case PROG_GIT_UNKNOWN: /* somebody's alias, perhaps for just this */
		return (ask_is_token(a->p, 0, STR("git")) && a->p->n > 1) ||
		       any_text_has(a, k + 1);
	}
	return true;
}

/* git-push: git's programs have names of their own. */
static bool
is_dashed(const struct ask *a, const struct reach_at *at)
{
	if (!str_starts(at->base, STR("git-")) || !ask_is_token(a->p, 0, STR("git")))
		return false;
	return a->p->n == 1 || ask_is_token(a->p, 1, str_skip(at->base, 4));
}

bool
ask_runs(const struct ask *a, const struct reach_at *at)
{
	struct str text;

	/* Behind a program that is not known, its texts have been asked for already. */
	if (at->prog == NULL)
		return is_dashed(a, at) || (at->sure && any_text_has(a, at->i + 1));
	switch (at->prog->kind) {
	case PROG_INERT:
		return inert_runs(a, at);
	case PROG_EVALUATES:
		return evaluates(a, at);
	case PROG_PLAIN:
		return ((str_is(at->base, "make") || str_is(at->base, "gmake")) &&
			       ask_reads_script(&a->r, at->i)) ||
		       any_text_has(a, at->i + 1);
	case PROG_WRAP:
		return wrap_runs(a, at);
	case PROG_FIND:
		return false; /* its commands have places of their own */
	case PROG_SHELL:
		return reach_shell(&a->r, at, &text) == REACH_UNKNOWN;
	case PROG_EVAL:
		return any_unknown(a, at->i + 1);
	case PROG_SOURCE: /* a builtin: among a program's words it is the folder */
		return at->sure && source_runs(a, at);
	case PROG_CODE:
		return code_runs(a, at);
	case PROG_GIT:
		return git_runs(a, at);
	case PROG_RENAMES:
	case PROG_KINDS:
		return false; /* the split makes the line opaque where they matter */
	}
	return true;
}
