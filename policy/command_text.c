#include "policy/command_ask.h"

#include "policy/glob.h"

/* A longer text is not looked through for patterns: it may have them. */
enum { PATTERN_TEXT_MAX = 8192 };

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

/* The tokens from `i` on that a text has in their order: the first that it has not. */
static size_t
tokens_in(const struct cmd_prefix *p, size_t i, struct str text)
{
	size_t from = 0;

	for (; text.n > 0 && i < p->n; i++) {
		const struct str token = str_of(p->token[i]);

		if (ask_is_pattern(token))
			continue;
		from = behind_token(text, from, token);
		if (from == 0)
			break;
	}
	return i;
}

/* The tokens as words of a text in their order, whatever stands between them. */
bool
ask_text_has(const struct cmd_prefix *p, struct str text)
{
	bool pattern = false;

	if (text.n == 0 || tokens_in(p, 0, text) < p->n)
		return false;
	for (size_t i = 0; i < p->n; i++)
		pattern |= p->run[i] == 0;
	return !pattern || text.n > PATTERN_TEXT_MAX ||
	       glob_match(str_of(p->anywhere), text);
}

bool
ask_may_have(const struct cmd_prefix *p, const struct sh_line *l)
{
	for (size_t i = 0; i < p->n; i++)
		if (!sh_may_have(l, p->run[i]))
			return false;
	return true;
}

bool
ask_word_has(const struct cmd_prefix *p, const struct sh_word *w)
{
	return ask_text_has(p, w->text) || ask_text_has(p, w->bare);
}

static bool
input_has(const struct cmd_prefix *p, const struct sh_command *c)
{
	return ask_text_has(p, c->input) || ask_text_has(p, c->bare);
}

/* The tokens in the words of a command, in their order, each anywhere in a word. */
static bool
words_have(const struct ask *a, const struct sh_command *c)
{
	size_t i = 0;

	if (!ask_may_have(a->p, a->l))
		return false;
	for (size_t k = 0; k < c->n && i < a->p->n; k++) {
		const struct sh_word *w = &a->l->word[c->first + k];
		const size_t plain = tokens_in(a->p, i, w->text);
		const size_t bare = tokens_in(a->p, i, w->bare);

		i = plain > bare ? plain : bare;
	}
	return i == a->p->n || input_has(a->p, c);
}

/* Has another command of the line the tokens: what this one reads may be from it. */
static bool
is_fed(const struct ask *a)
{
	const struct sh_command *c = a->l->command;
	bool fed = a->r.c->fed;

	if (!ask_may_have(a->p, a->l))
		return false;
	for (size_t k = 1; k < a->r.n && !fed; k++)
		fed = a->r.w[k].process;
	for (size_t i = 0; i < a->l->ncommands && fed; i++)
		if (&c[i] != a->r.c && words_have(a, &c[i]))
			return true;
	for (size_t i = 0; i < a->l->ninputs && fed; i++)
		if (ask_text_has(a->p, a->l->input[i].text) ||
			ask_text_has(a->p, a->l->input[i].bare))
			return true;
	return fed && input_has(a->p, a->r.c);
}

/* A long word is taken for a text without a look. */
static bool
may_be_text(struct str word)
{
	return word.n > PATTERN_TEXT_MAX || reach_is_text(word);
}

/* A text of which a part is not known: the program is in it, what follows may be. */
static bool
begins_in_text(const struct ask *a, const struct sh_word *w)
{
	const struct str token = str_of(a->p->token[0]);

	return !w->known && may_be_text(w->text) && !ask_is_pattern(token) &&
	       (behind_token(w->text, 0, token) > 0 ||
		       behind_token(w->bare, 0, token) > 0);
}

static bool
any_text_has(const struct ask *a, size_t from)
{
	const bool may_have = ask_may_have(a->p, a->l);

	for (size_t k = from; k < a->r.n && sh_may_have(a->l, a->p->run[0]); k++) {
		const struct str w = a->r.w[k].text;

		if (begins_in_text(a, &a->r.w[k]))
			return true;
		if (may_have && (may_be_text(w) || memchr(w.p, '=', w.n) != NULL) &&
			ask_word_has(a->p, &a->r.w[k]))
			return true;
	}
	return may_have && input_has(a->p, a->r.c);
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
	return text.n > 0 && (memchr(text.p, '`', text.n) != NULL ||
				     memmem(text.p, text.n, "$(", 2) != NULL);
}

static bool
evaluates(const struct ask *a, const struct reach_at *at)
{
	for (size_t k = at->i + 1; k < a->r.n && ask_may_have(a->p, a->l); k++)
		if (is_evaluated(a->r.w[k].text) && ask_word_has(a->p, &a->r.w[k]))
			return true;
	return ask_may_have(a->p, a->l) && is_evaluated(a->r.c->input) &&
	       input_has(a->p, a->r.c);
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

/* sudo only starts a shell when it is told to. */
static bool
wants_shell(const struct ask *a, const struct reach_at *at)
{
	if (!str_is(at->base, "sudo") && !str_is(at->base, "doas"))
		return true;
	for (size_t k = at->i + 1; k < a->r.n; k++) {
		const struct str w = a->r.w[k].text;

		if (w.n < 2 || w.p[0] != '-')
			continue;
		if (w.p[1] == '-' ? str_starts(w, STR("--s")) || str_starts(w, STR("--l"))
				  : memchr(w.p, 's', w.n) != NULL ||
					    memchr(w.p, 'i', w.n) != NULL)
			return true;
	}
	return false;
}

/*
 * A wrapper without a command starts a shell. Behind an option, a program that is not known
 * may be the option's value, and setarch's last word its operand.
 */
static bool
is_alone(const struct ask *a, const struct reach_at *at)
{
	const struct reach *r = &a->r;

	for (size_t k = at->i + 1; k < r->n; k++) {
		const bool behind = reach_is_option(r->w[k - 1].text) &&
				    !str_is(r->w[k - 1].text, "--");

		if (reach_is_sure(r, k) &&
			(r->w[k].prog != NULL ||
				(!behind &&
					(k + 1 < r->n || !str_is(at->base, "setarch")))))
			return false;
	}
	return wants_shell(a, at);
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
	if ((flags & PROG_ALONE) != 0 && c->fed && is_alone(a, at))
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

/* A command of sed that is e, or s///e: it ends here. */
static bool
ends_in_e(struct str script)
{
	size_t n = script.n;
	bool e = false;

	for (; n > 0 && strchr("gpeIiMm0123456789", script.p[n - 1]) != NULL; n--)
		e |= script.p[n - 1] == 'e';
	return e && (n == 0 || (!is_word_byte(script.p[n - 1]) && script.p[0] != '-'));
}

static bool
has_e(struct str script)
{
	for (size_t from = 0, i = 0; i <= script.n; i++) {
		if (i < script.n && strchr(";\n}# \t", script.p[i]) == NULL)
			continue;
		if (ends_in_e((struct str){ script.p + from, i - from }))
			return true;
		from = i + 1;
	}
	return false;
}

static bool
any_has_e(const struct ask *a, size_t from)
{
	for (size_t k = from; k < a->r.n; k++)
		if (has_e(a->r.w[k].text))
			return true;
	return false;
}

/* Does the code, of sed or awk, run its input? */
static bool
runs_input(const struct ask *a, const struct reach_at *at)
{
	const bool awk = memmem(at->base.p, at->base.n, "awk", 3) != NULL;

	if (at->prog->operands == 0 || (!awk && is_fed(a) && any_has_e(a, at->i + 1)))
		return at->prog->operands > 0;
	if (!a->r.c->piped || a->r.c->input_known)
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
is_sed(const struct reach_at *at)
{
	return str_is(at->base, "sed") || str_is(at->base, "gsed");
}

/* What is in the file that it gets is not known. */
static bool
reads_process(const struct ask *a, const struct reach_at *at)
{
	for (size_t k = at->i + 1; k < a->r.n; k++)
		if (a->r.w[k].process)
			return true;
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
	if (ask_may_have(a->p, a->l) && is_quiet_awk(a, at))
		return false;
	if (code_next && r->more)
		return true;
	if (from_input && !r->c->input_known && (at->sure || r->c->piped))
		return true;
	if (at->prog->operands == 0 && (reads_process(a, at) || words_have(a, r->c)))
		return true;
	if (!is_sed(at) && is_fed(a))
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

/* Keys whose value starts nothing, whatever it is. */
static bool
is_harmless_key(struct str w)
{
	static const char *const keys[] = { "advice.", "author.", "branch.", "color.",
		"commit.gpgsign", "committer.", "core.abbrev", "core.autocrlf",
		"core.eol", "core.filemode", "core.ignorecase", "core.longpaths",
		"core.quotepath", "diff.renames", "fetch.prune", "http.extraheader",
		"http.proxy", "http.sslverify", "http.version", "init.defaultbranch",
		"log.", "merge.conflictstyle", "merge.ff", "pull.", "push.", "rerere.",
		"safe.directory", "tag.gpgsign", "url.", "user." };

	for (size_t i = 0; i < LEN(keys); i++)
		if (w.n >= strlen(keys[i]) &&
			strncasecmp(w.p, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

static bool
git_configures(const struct ask *a, const struct reach_at *at, size_t sub)
{
	const struct reach *r = &a->r;
	const bool config = sub < r->n && str_is(r->w[sub].text, "config");
	bool named = false; /* git config: its key has been seen */
	bool harmless = false;

	for (size_t k = at->i + 1; k < (config ? r->n : sub); k++) {
		const struct str w = r->w[k].text;
		const bool env = str_starts(w, STR("--config-env="));
		const bool key = k > sub || env || str_is(r->w[k - 1].text, "-c") ||
				 str_is(r->w[k - 1].text, "--config-env");
		const size_t skip = env && r->w[k].head > 13 ? 13 : 0; /* to the key */

		if (!key)
			continue;
		if ((!named && r->w[k].head == 0) || is_command_key(w) ||
			(ask_may_have(a->p, a->l) && ask_word_has(a->p, &r->w[k])))
			return true;
		if (!named)
			harmless = is_harmless_key(
				(struct str){ w.p + skip, r->w[k].head - skip });
		if (!harmless && (env || !reach_known(r, k) ||
					 str_is(r->w[k - 1].text, "--config-env")))
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
		       ((at->prog->flags & PROG_READS) != 0 && is_fed(a)) ||
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
