#include "policy/shell_parse.h"

#include "policy/reach.h"

/* The words from i on as a shell would join them. False: one of them is not known. */
static bool
join(struct sh_line *l, const struct reach *r, size_t i, struct str *text)
{
	const size_t start = l->ntext;

	for (size_t k = i; k < r->n; k++) {
		const struct str w = r->w[k].text;

		if (!reach_known(r, k))
			return false;
		if (l->ntext + w.n + 1 > SH_TEXT_MAX) {
			sh_opaque(l, "the line is too long");
			return false;
		}
		memcpy(l->text + l->ntext, w.p, w.n);
		l->ntext += w.n;
		l->text[l->ntext++] = ' ';
	}
	*text = (struct str){ l->text + start, l->ntext - start };
	return true;
}

/* Its commands have the input of the command that starts the shell. */
static void
add(struct sh_out *o, const struct reach *r, struct str text)
{
	const bool fed = o->fed;
	struct sh_parse ps;

	o->fed = fed || r->c->fed;
	sh_parse_init(&ps, o, text);
	sh_commands_to_end(&ps);
	o->fed = fed;
}

/* Words that a shell will read: `sh -c` in a form of its own. */
static void
add_texts(struct sh_out *o, const struct reach *r, size_t i)
{
	for (size_t k = i + 1; k < r->n; k++)
		if (reach_known(r, k) && reach_is_text(r->w[k].text))
			add(o, r, r->w[k].text);
}

static void
add_wrapped(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	const unsigned flags = at->prog->flags;
	struct str text;
	bool found = false;

	if ((flags & PROG_TEXT) != 0)
		add_texts(o, r, at->i);
	for (size_t k = at->i + 1; k < r->n && (flags & PROG_JOINS) != 0; k++) {
		if (!reach_is_sure(r, k))
			continue;
		found = true;
		if (join(o->l, r, k, &text))
			add(o, r, text);
	}
	if ((flags & PROG_STDIN) != 0 && !found && r->c->input_known)
		add(o, r, r->c->input);
}

static void
add_eval(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	size_t k = at->i + 1;
	struct str text;

	if (k < r->n && str_is(r->w[k].text, "--"))
		k++;
	if ((at->prog->flags & PROG_JOINS) != 0) {
		if (join(o->l, r, k, &text))
			add(o, r, text);
	} else if (k < r->n && reach_known(r, k)) {
		add(o, r, r->w[k].text);
	}
}

static void
add_git(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	static const char *const with_texts[] = { "bisect", "difftool", "filter-branch",
		"for-each-repo", "rebase", "submodule" };
	size_t k;

	if (!reach_git(r, at, &k) || k == r->n)
		return;
	for (size_t i = 0; i < LEN(with_texts); i++)
		if (str_is(r->w[k].text, with_texts[i]))
			add_texts(o, r, k);
}

/* A search path of whole paths only: what it finds is no file of the project by accident. */
static bool
is_whole_path(struct str v, bool known)
{
	for (size_t i = 0; i <= v.n; i++) {
		const bool start = i == 0 || v.p[i - 1] == ':';
		const bool end = i == v.n || v.p[i] == ':';

		if (start && end && known)
			return false;
		if (start && !end &&
			(v.p[i] != '/' || str_starts(str_skip(v, i), STR("/tmp"))))
			return false;
	}
	return true;
}

/* Variables by which a name means another program, or a shell reads another file. */
static bool
is_changing(struct str name)
{
	static const char *const change[] = { "LD_PRELOAD", "LD_AUDIT", "BASH_ENV",
		"BASH_CMDS", "BASH_ALIASES", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS4",
		"SHELLOPTS", "BASHOPTS", "GIT_EXEC_PATH" };

	return str_is_any(name, change, LEN(change)) ||
	       str_starts(name, STR("BASH_FUNC_")) || str_starts(name, STR("GIT_CONFIG"));
}

static void
note_assignment(struct sh_line *l, const struct sh_word *w)
{
	const struct str text = w->text;
	struct str name = { text.p, 0 }, value;

	while (name.n < w->head && sh_is_name((unsigned char)text.p[name.n]))
		name.n++;
	value = str_skip(text, name.n);
	while (value.n > 0 && (value.p[0] == '+' || value.p[0] == '='))
		value = str_skip(value, 1);
	if (is_changing(name) ||
		(str_is(name, "ENV") && memchr(value.p, '/', value.n) != NULL))
		sh_opaque(l, "a variable that changes what runs");
	if (str_is(name, "PATH") && name.n < text.n) {
		l->renames = true;
		if (!is_whole_path(value, w->known))
			sh_opaque(l, "PATH is set");
	}
}

/* Capitals: programs may see it. */
void
sh_note_set(struct sh_line *l, struct str name)
{
	size_t n = 0;

	while (n < name.n && sh_is_name((unsigned char)name.p[n]))
		n++;
	name.n = n;
	if (is_changing(name) || str_is(name, "PATH") || str_is(name, "ENV"))
		sh_opaque(l, "a variable that changes what runs");
	l->renames |= n > 0 && name.p[0] >= 'A' && name.p[0] <= 'Z';
}

/* let, -i, -n, -v and subscripts: a value is taken for arithmetic, or for a name. */
static bool
is_evaluated(const struct reach *r, const struct reach_at *at)
{
	const bool declares = str_is(at->base, "declare") || str_is(at->base, "local") ||
			      str_is(at->base, "typeset");
	const bool names = declares || str_is(at->base, "export") ||
			   str_is(at->base, "readonly");

	if (str_is(at->base, "let"))
		return true;
	for (size_t k = at->i + 1; k < r->n; k++) {
		const struct str w = r->w[k].text;
		const bool option = w.n > 1 && w.p[0] == '-';

		if (str_is(at->base, "unset") &&
			(!r->w[k].known || memchr(w.p, '[', w.n)))
			return true;
		if (str_is(at->base, "read") &&
			(!r->w[k].known || memchr(w.p, '[', w.n) != NULL))
			return true;
		if (names && !r->w[k].known && memchr(w.p, '=', r->w[k].head) == NULL)
			return true;
		if (declares && option &&
			(memchr(w.p, 'i', w.n) != NULL || memchr(w.p, 'n', w.n) != NULL))
			return true;
		if (str_is(w, "-v") || str_is(w, "-R") || str_is(w, "-p"))
			return true;
	}
	return false;
}

static void
note_names(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	const bool reads = str_is(at->base, "read") || str_is(at->base, "printf");
	const struct prog *p = at->prog;

	if (p->kind == PROG_EVALUATES)
		o->l->evaluates |= is_evaluated(r, at);
	for (size_t k = at->i + 1; k < r->n; k++) {
		if (p->kind == PROG_EVALUATES || (p->flags & PROG_ASSIGNS) != 0)
			note_assignment(o->l, &r->w[k]);
		if (reads && str_is(r->w[k].text, "PATH"))
			sh_opaque(o->l, "PATH is set");
		if (str_is(at->base, "set") &&
			memmem(r->w[k].text.p, r->w[k].text.n, "hist", 4))
			sh_opaque(o->l, "the shell's history is used");
	}
}

/* alias, hash -p, enable -f, shopt -s expand_aliases. */
static void
note_renames(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	bool harmless = !str_is(at->base, "alias") && !str_is(at->base, "enable");

	for (size_t k = at->i + 1; k < r->n; k++) {
		const struct str w = r->w[k].text;

		if (!r->w[k].known || memmem(w.p, w.n, "alias", 5) != NULL)
			harmless = false;
		if (str_is(at->base, "hash") && w.n > 1 && w.p[0] == '-' && w.p[1] != 'r')
			harmless = false;
	}
	if (!harmless && at->sure)
		sh_opaque(o->l, "a command that changes what names mean");
}

static void
read_place(struct sh_out *o, const struct reach *r, const struct reach_at *at)
{
	struct str text;

	switch (at->prog->kind) {
	case PROG_SHELL:
		if (reach_shell(r, at, &text) == REACH_TEXT)
			add(o, r, text);
		return;
	case PROG_WRAP:
		add_wrapped(o, r, at);
		note_names(o, r, at);
		return;
	case PROG_EVAL:
		add_eval(o, r, at);
		return;
	case PROG_GIT:
		add_git(o, r, at);
		return;
	case PROG_RENAMES:
		note_renames(o, r, at);
		return;
	case PROG_EVALUATES:
		note_names(o, r, at);
		return;
	case PROG_INERT:
	case PROG_PLAIN:
	case PROG_FIND:
	case PROG_SOURCE:
	case PROG_CODE:
	case PROG_KINDS:
		return;
	}
}

enum {
	WORDS_ASKED_MAX = 1536,
	TEXT_READ_MAX = 2 * SH_TEXT_MAX /* by all programs that run what they read */
};

/* Does it run what the line may feed to it? */
static bool
is_reader(const struct reach *r, const struct reach_at *at)
{
	bool fed = r->c->fed;

	if (at->prog == NULL ||
		(at->prog->kind != PROG_CODE && (at->prog->flags & PROG_READS) == 0))
		return false;
	for (size_t k = at->i + 1; k < r->n && !fed; k++)
		fed = r->w[k].process;
	return fed;
}

/* Each place of a program is asked for the words behind it: no line may ask for too many. */
static void
count_asked(struct sh_line *l, const struct reach *r, const struct reach_at *at,
	size_t *asked)
{
	if (at->sure || at->prog != NULL)
		*asked += r->n - at->i;
	if (*asked > WORDS_ASKED_MAX)
		sh_opaque(l, "too many programs");
}

/* Commands that a text adds are read in their turn: the line's bounds end that. */
void
sh_scripts(struct sh_out *o)
{
	struct sh_line *l = o->l;
	size_t asked = 0, readers = 0;

	for (size_t i = 0; i < l->nassigns; i++)
		note_assignment(l, &l->assigned[i]);
	for (size_t i = 0, seen = l->nassigns; i < l->ncommands && !l->opaque; i++) {
		struct reach r;
		struct reach_at at;

		reach_init_first(&r, l, i);
		while (reach_next(&r, &at) && !l->opaque) {
			count_asked(l, &r, &at, &asked);
			readers += is_reader(&r, &at);
			if (at.prog != NULL)
				read_place(o, &r, &at);
		}
		for (; seen < l->nassigns; seen++)
			note_assignment(l, &l->assigned[seen]);
	}
	if (readers > 1 && readers * l->ntext > TEXT_READ_MAX)
		sh_opaque(l, "too many programs that run what they read");
}
