#include "policy/reach.h"

struct str
reach_base(struct str path)
{
	const char *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);

	return slash == NULL ? path : str_skip(path, (size_t)(slash - path.p) + 1);
}

/* Other names are brace groups, paths (=x) or substitutions of one shell or another. */
static bool
is_plain_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
			!(c >= '0' && c <= '9') && strchr("_./+:@%,-[", c) == NULL &&
			(c != '=' || i == 0))
			return false;
	}
	return s.n > 0;
}

static bool
has_hole(const struct reach *r, struct str text)
{
	return r->hole.n > 0 && memmem(text.p, text.n, r->hole.p, r->hole.n) != NULL;
}

bool
reach_known(const struct reach *r, size_t i)
{
	return r->w[i].known && !has_hole(r, r->w[i].text);
}

bool
reach_is_sure(const struct reach *r, size_t i)
{
	return (r->sure[i / 64] >> (i % 64) & 1) != 0;
}

bool
reach_is_option(struct str word)
{
	return word.n > 1 && (word.p[0] == '-' || word.p[0] == '+');
}

bool
reach_is_text(struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if (strchr(" \t\n;&|<>()$`\\\"'", word.p[i]) != NULL)
			return true;
	return false;
}

/* The name of a descriptor in /dev or /proc, by whatever path. */
static bool
is_descriptor(struct str name)
{
	size_t digits = 0;

	while (digits < name.n && name.p[digits] >= '0' && name.p[digits] <= '9')
		digits++;
	return (digits > 0 && digits == name.n) || str_is(name, "stdin");
}

bool
reach_is_stdin(struct str path)
{
	return str_is(path, "-") || is_descriptor(reach_base(path));
}

/* Of a word that an expansion makes, the name may still be what follows it: "$HOME"/bin/cc */
static struct str
program_name(const struct sh_word *w)
{
	struct str text = w->text;

	if (!w->known) {
		text = str_skip(text, text.n - w->tail);
		if (w->fields != SH_ONE || text.n == 0 ||
			memchr(text.p, '/', text.n) == NULL)
			return (struct str){ NULL, 0 };
	}
	text = reach_base(text);
	return is_plain_name(text) ? text : (struct str){ NULL, 0 };
}

static void
name_word(struct sh_word *w)
{
	w->name = program_name(w);
	w->prog = w->name.n == 0 ? NULL : prog_find(w->name);
}

static void
set_sure(struct reach *r, size_t i)
{
	r->sure[i / 64] |= (uint64_t)1 << (i % 64);
}

/* A long option of xargs, perhaps cut short. */
static bool
is_long(struct str w, const char *name)
{
	const char *equals = memchr(w.p, '=', w.n);
	const size_t n = equals == NULL ? w.n : (size_t)(equals - w.p);

	return n > 2 && n <= strlen(name) && memcmp(w.p, name, n) == 0;
}

static bool
takes_next(struct str w)
{
	static const char *const names[] = { "--arg-file", "--delimiter", "--max-args",
		"--max-chars", "--max-procs", "--process-slot-var" };

	for (size_t i = 0; i < LEN(names); i++)
		if (is_long(w, names[i]))
			return memchr(w.p, '=', w.n) == NULL;
	return false;
}

/* One word of options: what is replaced, if it says so. False: its value is the next word. */
static bool
read_xargs_option(struct reach *r, struct str w)
{
	const char *equals = memchr(w.p, '=', w.n);

	if (w.p[1] == '-') {
		if (is_long(w, "--replace"))
			r->hole = equals == NULL
					  ? STR("{}")
					  : str_skip(w, (size_t)(equals - w.p) + 1);
		return !takes_next(w);
	}
	for (size_t i = 1; i < w.n; i++) {
		const struct str rest = str_skip(w, i + 1);

		if (w.p[i] == 'I' || w.p[i] == 'J' || w.p[i] == 'i') {
			r->hole = rest.n == 0 && w.p[i] == 'i' ? STR("{}") : rest;
			return rest.n > 0 || w.p[i] == 'i';
		}
		if (w.p[i] == 'e' || w.p[i] == 'l')
			return true;
		if (strchr("adELnPRSs", w.p[i]) != NULL)
			return rest.n > 0;
	}
	return true;
}

/* xargs -I R, -IR, -i[R]: R is then replaced, else words are put behind, or both. */
static void
note_replaced(struct reach *r, size_t i)
{
	bool counts = false; /* -n and -L put words behind, whatever -I said */

	for (size_t k = i + 1; k < r->n; k++) {
		const struct str w = r->w[k].text;
		const char *last;

		if (!r->w[k].known && (r->w[k].head == 0 || w.p[0] == '-'))
			r->unsure = true; /* what is replaced is not known */
		if (!r->w[k].known || w.n < 2 || w.p[0] != '-' || str_is(w, "--"))
			break;
		counts |= w.p[1] == '-' ? str_starts(w, STR("--max-"))
					: memchr(w.p, 'n', w.n) != NULL ||
						  memchr(w.p, 'L', w.n) != NULL;
		if (read_xargs_option(r, w) || ++k == r->n)
			continue;
		last = w.p + w.n - 1;
		if (*last == 'I' || *last == 'J') {
			r->hole = r->w[k].text;
			r->unsure |= !r->w[k].known;
		}
	}
	r->more = counts || r->hole.n == 0;
}

/*
 * Where the command of a wrapper may begin. Bit k of a set: the word can stand there with k
 * operands before it; `now` is the set of this word, `next` that of the one behind it.
 */
static void
mark_wrapped(struct reach *r, size_t i, const struct prog *p)
{
	const unsigned done = 1u << p->operands, all = (done << 1) - 1;
	unsigned now = 1, next = 0;
	size_t k = i + 1;

	for (; k < r->n && (now | next) != 0; k++) {
		const struct sh_word *w = &r->w[k];
		const struct str head = { w->text.p, w->head };
		const unsigned here = now;

		now = next;
		next = 0;
		if (here == 0)
			continue;
		if (reach_is_option(head)) {
			const struct str cut = { head.p, 2 };
			const bool attached = head.n > 2 && prog_takes_value(p, cut);

			if (attached || !w->known || !prog_takes_value(p, head))
				now |= here;
			if (!attached && memchr(head.p, '=', head.n) == NULL &&
				!str_is(head, "--"))
				next |= here;
			if (!w->known && w->fields == SH_ANY)
				r->unsure = true;
			continue;
		}
		if ((p->flags & PROG_ASSIGNS) != 0 && head.n > 0 &&
			memchr(head.p, '=', head.n) != NULL && w->fields != SH_ANY) {
			now |= here;
			continue;
		}
		if (!reach_known(r, k) && head.n == 0)
			now |= here; /* it may be an option */
		if ((here & done) != 0 || w->fields == SH_ANY)
			set_sure(r, k);
		now |= (here << 1) & all;
	}
	if (k >= r->n && (now | next) != 0 && r->more && strcmp(p->name, "xargs") != 0)
		r->unsure = true;
}

static bool
is_exec(struct str w)
{
	static const char *const names[] = { "-exec", "-execdir", "-ok", "-okdir", "-x",
		"-X", "--exec", "--exec-batch" };

	for (size_t i = 0; i < LEN(names); i++)
		if (str_is(w, names[i]))
			return true;
	return false;
}

/* fd -Hx and -xPROGRAM: options in one word; what stands behind such a letter is a value. */
static bool
is_cluster(struct str w, bool *attached)
{
	for (size_t i = 1; i < w.n && w.p[0] == '-' && w.p[i] != '-'; i++) {
		if (strchr("CEScdejot", w.p[i]) != NULL)
			return false;
		*attached = i + 1 < w.n;
		if (w.p[i] == 'x' || w.p[i] == 'X')
			return true;
	}
	*attached = str_starts(w, STR("--exec=")) || str_starts(w, STR("--exec-batch="));
	return *attached;
}

static void
mark_fd(struct reach *r, size_t i)
{
	bool attached;

	for (size_t k = i + 1; k < r->n; k++) {
		if (!is_cluster((struct str){ r->w[k].text.p, r->w[k].head }, &attached))
			continue;
		if (attached || !r->w[k].known)
			r->unsure = true; /* the program is within the word */
		else if (k + 1 < r->n)
			set_sure(r, k + 1);
	}
}

static void
mark_find(struct reach *r, size_t i)
{
	r->hole = STR("{");
	for (size_t k = i + 1; k < r->n; k++) {
		if (r->w[k].fields == SH_ANY || (r->more && k + 1 == r->n))
			r->unsure = true;
		if (is_exec(r->w[k].text) && k + 1 < r->n)
			set_sure(r, k + 1);
		else if (str_starts(r->w[k].text, STR("--exec")) || r->w[k].head == 0 ||
			 (!r->w[k].known && r->w[k].text.p[0] == '-'))
			r->any = k < r->any ? k : r->any;
	}
}

bool
reach_git(const struct reach *r, const struct reach_at *at, size_t *subcommand)
{
	size_t k = at->i + 1;

	for (; k < r->n; k++) {
		const struct sh_word *w = &r->w[k];
		const struct str head = { w->text.p, w->head };

		if (!reach_is_option(head)) {
			*subcommand = k;
			return reach_known(r, k);
		}
		if (w->fields != SH_ONE)
			return false;
		if (w->known && prog_takes_value(at->prog, w->text) && ++k < r->n &&
			r->w[k].fields != SH_ONE)
			return false;
	}
	*subcommand = r->n;
	return !r->more;
}

enum prog_git
reach_git_does(const struct reach *r, size_t subcommand)
{
	if (!str_is(r->w[subcommand].text, "grep"))
		return prog_git_find(r->w[subcommand].text);
	for (size_t k = subcommand + 1; k < r->n; k++) {
		const struct str w = r->w[k].text;

		if (w.n > 1 && w.p[0] == '-' && memchr(w.p, 'O', w.n) != NULL)
			return PROG_GIT_RUNS;
		if (str_starts(w, STR("--op")) || r->w[k].fields == SH_ANY)
			return PROG_GIT_RUNS; /* --open-files-in-pager */
	}
	return PROG_GIT_QUIET;
}

static void
mark_git(struct reach *r, const struct reach_at *at)
{
	size_t k;

	if (!reach_git(r, at, &k))
		k = at->i;
	else if (k == r->n || reach_git_does(r, k) == PROG_GIT_QUIET)
		return;
	if (k + 1 < r->any)
		r->any = k + 1;
}

static void
mark(struct reach *r, const struct reach_at *at)
{
	if (at->prog == NULL) {
		if (at->i + 1 < r->any)
			r->any = at->i + 1;
		return;
	}
	switch (at->prog->kind) {
	case PROG_WRAP:
		if ((at->prog->flags & PROG_QUERY) != 0 && at->i + 1 < r->n &&
			(str_is(r->w[at->i + 1].text, "-v") ||
				str_is(r->w[at->i + 1].text, "-V")))
			return;
		if ((at->prog->flags & PROG_MORE) != 0)
			note_replaced(r, at->i);
		if (at->prog->flags ==
			(PROG_MORE | PROG_TEXT | PROG_JOINS | PROG_STDIN)) {
			r->hole = STR("{");
			r->more =
				true; /* by one of many options that say what is replaced */
		}
		mark_wrapped(r, at->i, at->prog);
		return;
	case PROG_FIND:
		mark_find(r, at->i);
		if (str_starts(at->base, STR("fd")))
			mark_fd(r, at->i);
		return;
	case PROG_GIT:
		mark_git(r, at);
		return;
	case PROG_INERT:
	case PROG_EVALUATES:
	case PROG_PLAIN:
	case PROG_SHELL:
	case PROG_EVAL:
	case PROG_SOURCE:
	case PROG_CODE:
	case PROG_RENAMES:
	case PROG_KINDS:
		return;
	}
}

void
reach_init(struct reach *r, const struct sh_line *l, size_t command)
{
	r->c = &l->command[command];
	r->w = l->word + r->c->first;
	r->n = r->any = r->c->n;
	r->i = 0;
	r->hole = (struct str){ NULL, 0 };
	r->named = NULL;
	r->more = r->unsure = false;
	memset(r->sure, 0,
		(r->n / 64 + 1 > LEN(r->sure) ? LEN(r->sure) : r->n / 64 + 1) *
			sizeof r->sure[0]);
	set_sure(r, 0);
}

void
reach_init_first(struct reach *r, struct sh_line *l, size_t command)
{
	reach_init(r, l, command);
	r->named = l->word + r->c->first;
}

bool
reach_next(struct reach *r, struct reach_at *at)
{
	while (r->i < r->n) {
		const size_t i = r->i++;
		const bool sure = reach_is_sure(r, i);

		if (!sure && i < r->any)
			continue;
		*at = (struct reach_at){ .i = i, .sure = sure };
		if (r->named != NULL)
			name_word(&r->named[i]);
		at->known = r->w[i].name.n > 0 && !has_hole(r, r->w[i].text);
		if (!at->known && !sure)
			continue;
		if (at->known) {
			at->base = r->w[i].name;
			at->prog = r->w[i].prog;
			if (at->prog != NULL || i < r->any)
				mark(r, at);
		}
		return true;
	}
	return false;
}

/* -o and -O take the next word as their value; -c and -s say where the text is. */
static bool
read_cluster(struct str w, bool *text, bool *input, unsigned *values)
{
	for (size_t i = 1; i < w.n; i++) {
		*text |= w.p[i] == 'c';
		*input |= w.p[i] == 's';
		*values += w.p[i] == 'o' || w.p[i] == 'O';
		if (w.p[i] == 'C' || w.p[i] == '=')
			return false; /* of fish, and others */
	}
	return true;
}

static bool
is_long_option(struct str w, unsigned *values)
{
	static const char *const names[] = { "--login", "--norc", "--noprofile",
		"--posix", "--restricted", "--verbose", "--noediting" };

	if (str_is(w, "--rcfile") || str_is(w, "--init-file")) {
		++*values;
		return true;
	}
	for (size_t i = 0; i < LEN(names); i++)
		if (str_is(w, names[i]))
			return true;
	return false;
}

static enum reach_script
shell_input(const struct reach *r, const struct reach_at *at, struct str *text)
{
	if (r->c->input_known && !r->more) {
		*text = r->c->input;
		return REACH_TEXT;
	}
	/* Its name among the words of a program that is not known may be no command at all. */
	return at->sure || r->c->piped || r->more ? REACH_UNKNOWN : REACH_FILE;
}

/* A script whose path is not known in full is still a file, if it cannot be an option. */
static bool
is_unknown_file(const struct reach *r, size_t k)
{
	const struct sh_word *w = &r->w[k];
	const struct str tail = str_skip(w->text, w->text.n - w->tail);

	return !w->known && w->fields == SH_ONE && tail.n > 1 &&
	       memchr(tail.p, '/', tail.n) != NULL && !is_descriptor(reach_base(tail)) &&
	       memmem(tail.p, tail.n, "std", 3) == NULL &&
	       (w->head == 0 || w->text.p[0] != '-');
}

/* Of find: no file's name. */
static bool
ends_exec(struct str word)
{
	return str_is(word, ";") || str_is(word, "+");
}

enum reach_script
reach_shell(const struct reach *r, const struct reach_at *at, struct str *text)
{
	bool has_text = false, input = false;
	unsigned values = 0;
	size_t k = at->i + 1;

	for (; k < r->n; k++) {
		const struct str w = r->w[k].text;

		if (!reach_known(r, k))
			return !has_text && !input && values == 0 && is_unknown_file(r, k)
				       ? REACH_FILE
				       : REACH_UNKNOWN;
		if (values > 0) {
			if (reach_is_stdin(w))
				return REACH_UNKNOWN; /* --rcfile */
			values--;
			continue;
		}
		if (str_is(w, "--version") || str_is(w, "--help"))
			return REACH_FILE;
		if (str_is(w, "--") || str_is(w, "-")) {
			k++;
			break;
		}
		if (!reach_is_option(w))
			break;
		if (str_starts(w, STR("--"))
				? !is_long_option(w, &values)
				: !read_cluster(w, &has_text, &input, &values))
			return REACH_UNKNOWN;
	}
	if (k < r->n && !reach_known(r, k))
		return REACH_UNKNOWN;
	if (has_text && k < r->n) {
		*text = r->w[k].text;
		return REACH_TEXT;
	}
	if (has_text)
		return r->more ? REACH_UNKNOWN : REACH_FILE;
	if (k < r->n && !input && !reach_is_stdin(r->w[k].text) &&
		!ends_exec(r->w[k].text))
		return REACH_FILE;
	return shell_input(r, at, text);
}
