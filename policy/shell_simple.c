#include "policy/shell_parse.h"

enum { EXEC_WORDS = 4 }; /* of `builtin command exec` and the like */

/* A simple command under way. */
struct simple {
	size_t words, assigns; /* the tops of the upper ends before it */
	size_t heres;
	unsigned inputs;
	bool redirected, piped;
	struct str input;
	bool input_known;
};

/* A digit or {NAME} directly before a redirection is its descriptor. */
static bool
is_redirection(struct sh_parse *ps, int c, int *fd)
{
	const char *p = ps->p;

	*fd = -1;
	if (c == '&')
		return ps->end - p > 1 && p[1] == '>';
	if (c >= '0' && c <= '9') {
		*fd = 0;
		while (p < ps->end && *p >= '0' && *p <= '9') {
			*fd = *fd > 9 ? *fd : *fd * 10 + (*p - '0');
			p++;
		}
		if (p == ps->end || (*p != '<' && *p != '>'))
			return false;
		ps->p = p;
		return true;
	}
	return (c == '<' || c == '>') && !(ps->end - p > 1 && p[1] == '(');
}

/* A descriptor, or a place that keeps nothing: a redirection to it writes no file. */
static bool
keeps_nothing(struct str target, bool duplicates)
{
	static const char *const places[] = { "/dev/null", "/dev/stdout", "/dev/stderr",
		"/dev/tty" };
	size_t digits = 0;

	while (digits < target.n && target.p[digits] >= '0' && target.p[digits] <= '9')
		digits++;
	if (duplicates && ((digits > 0 && digits == target.n) || str_is(target, "-")))
		return true; /* >&2 >&-, but not > 2 */
	for (size_t i = 0; i < LEN(places); i++)
		if (str_is(target, places[i]))
			return true;
	return false;
}

/* bash opens one for these names, to read as well. */
static bool
is_connection(struct str target)
{
	return str_starts(target, STR("/dev/tcp/")) ||
	       str_starts(target, STR("/dev/udp/"));
}

enum target {
	TARGET_READ,     /* a file or a descriptor */
	TARGET_TEXT,     /* a here-string */
	TARGET_WRITE,    /* a file */
	TARGET_DUPLICATE /* a descriptor, or a file */
};

/* The word behind a redirection is no argument; of a here-string it is the input. */
static void
read_target(struct sh_parse *ps, struct simple *s, enum target target)
{
	const bool writes = target == TARGET_WRITE || target == TARGET_DUPLICATE;
	struct sh_line *l = ps->o->l;
	struct sh_word w;

	sh_skip_blanks(ps);
	sh_expect(ps, sh_is_at_word(ps));
	sh_read_word(ps, &w);
	if (target != TARGET_TEXT) {
		l->writes |= !w.known || is_connection(w.text) ||
			     (writes &&
				     !keeps_nothing(w.text, target == TARGET_DUPLICATE));
		return;
	}
	if (s == NULL) {
		sh_add_input(l, w.text);
		return;
	}
	s->input_known = w.known;
	s->input = w.text;
}

void
sh_add_input(struct sh_line *l, struct str input)
{
	if (l->ninputs == SH_INPUTS_MAX)
		sh_opaque(l, "too many here-documents");
	else
		l->input[l->ninputs++] = (struct sh_input){ .text = input };
}

/* s NULL: of a compound command. */
static void
read_redirection(struct sh_parse *ps, struct simple *s, int fd)
{
	const int first = sh_take(ps);
	const bool is_input = first == '<' && fd <= 0;
	const int c = sh_peek(ps);

	ps->o->l->simple = false;
	if (s != NULL) {
		s->redirected = true;
		s->piped |= is_input;
		s->inputs += is_input;
	}
	if (first == '&') {
		(void)sh_take(ps); /* &> */
		if (sh_peek(ps) == '>')
			(void)sh_take(ps); /* &>> */
	} else if (first == '<' && c == '<') {
		(void)sh_take(ps); /* << */
		if (sh_peek(ps) != '<') {
			sh_read_here(ps, is_input);
			return;
		}
		(void)sh_take(ps); /* <<< */
		read_target(ps, is_input ? s : NULL, TARGET_TEXT);
		return;
	} else if (c == '&' || c == '>' || (first == '>' && c == '|')) {
		(void)sh_take(ps); /* <& <> >> >& >| */
	}
	if (first == '<' && c != '>')
		read_target(ps, s, TARGET_READ);
	else
		read_target(ps, s,
			first == '>' && c == '&' ? TARGET_DUPLICATE : TARGET_WRITE);
}

/* NAME= NAME+= NAME[...]= at the place, before anything is unquoted. */
static bool
is_assignment(struct sh_parse *ps)
{
	const char *p = ps->p;

	if (p < ps->end && *p >= '0' && *p <= '9')
		return false;
	while (p < ps->end && sh_is_name((unsigned char)*p))
		p++;
	if (p == ps->p || p == ps->end)
		return false;
	if (*p == '+')
		p++;
	return p < ps->end && (*p == '=' || *p == '[');
}

/* Behind "NAME=": the words of an array, which are looked through. */
static void
read_array(struct sh_parse *ps)
{
	int c;

	(void)sh_take(ps); /* the parenthesis */
	for (;;) {
		sh_skip_space(ps);
		c = sh_peek(ps);
		if (c == ')' || c == SH_END)
			break;
		sh_skip_word(ps);
	}
	sh_expect(ps, c == ')');
	(void)sh_take(ps); /* its end */
}

static void
push_assign(struct sh_parse *ps, const struct sh_word *w)
{
	struct sh_out *o = ps->o;

	ps->o->l->simple = false;
	if (o->atop == o->l->nassigns)
		sh_opaque(o->l, "too many assignments");
	else
		o->l->assigned[--o->atop] = *w;
}

static void
push_word(struct sh_parse *ps, const struct sh_word *w)
{
	struct sh_out *o = ps->o;

	if (o->wtop == o->l->nwords)
		sh_opaque(o->l, "too many words");
	else
		o->l->word[--o->wtop] = *w;
}

/* exec without a program: the redirections are those of all that follows. */
static bool
has_exec(const struct sh_word *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(w[i].text, "exec"))
			return true;
	return false;
}

/* From the upper ends, where they lie backwards, to the command's own place. */
static void
finish(struct sh_parse *ps, struct simple *s)
{
	struct sh_out *o = ps->o;
	struct sh_line *l = o->l;
	struct sh_command *c = &l->command[l->ncommands];
	const size_t n = s->words - o->wtop, nassign = s->assigns - o->atop;

	if (l->nwords + n > o->wtop || l->nassigns + nassign > o->atop) {
		sh_opaque(l, "too many words");
		return;
	}
	if (s->inputs > 0 && n > 0 && n <= EXEC_WORDS && has_exec(&l->word[o->wtop], n))
		o->fed = true;
	if (n + nassign > 0 || s->redirected) {
		if (l->ncommands == SH_COMMANDS_MAX) {
			sh_opaque(l, "too many commands");
			return;
		}
		*c = (struct sh_command){ .first = (uint16_t)l->nwords,
			.n = (uint16_t)n,
			.assign = (uint16_t)l->nassigns,
			.nassign = (uint16_t)nassign,
			.piped = s->piped,
			.fed = s->piped || o->fed,
			.input = s->inputs == 1 ? s->input : (struct str){ NULL, 0 },
			.input_known = s->inputs == 1 && s->input_known };
		for (size_t i = s->heres; s->inputs == 1 && i < ps->nhere; i++)
			ps->here[i].command = (uint16_t)l->ncommands;
		l->ncommands++;
	}
	for (size_t i = s->words; i > o->wtop; i--)
		l->word[l->nwords++] = l->word[i - 1];
	for (size_t i = s->assigns; i > o->atop; i--)
		l->assigned[l->nassigns++] = l->assigned[i - 1];
	o->wtop = s->words;
	o->atop = s->assigns;
}

static void
drop_words(struct sh_parse *ps, struct simple *s)
{
	ps->o->wtop = s->words;
	ps->o->atop = s->assigns;
}

static bool
is_declaration(struct str program)
{
	static const char *const names[] = { "declare", "typeset", "local", "export",
		"readonly" };

	for (size_t i = 0; i < LEN(names); i++)
		if (str_is(program, names[i]))
			return true;
	return false;
}

/* {NAME} directly before a redirection is where the shell keeps the descriptor. */
static bool
is_descriptor(struct sh_parse *ps, const struct sh_word *w)
{
	const int c = sh_peek(ps);

	return (c == '<' || c == '>') && w->known && !w->quoted && w->text.n > 2 &&
	       w->text.p[0] == '{' && w->text.p[w->text.n - 1] == '}';
}

/* NAME[...]= in the source. */
static bool
has_subscript(const char *p, const char *end)
{
	while (p < end && sh_is_name((unsigned char)*p))
		p++;
	return p < end && *p == '[';
}

/* A word of the command: assignment or argument. */
static void
read_argument(struct sh_parse *ps, struct simple *s)
{
	struct sh_line *l = ps->o->l;
	const bool first = ps->o->wtop == s->words;
	bool assigns = first && is_assignment(ps);
	const char *const start = ps->p;
	struct sh_word w;

	sh_read_word(ps, &w);
	if (l->opaque)
		return;
	if (is_descriptor(ps, &w)) {
		sh_note_set(l, str_skip(w.text, 1));
		return;
	}
	if (assigns && memchr(w.text.p, '=', w.text.n) == NULL)
		assigns = false; /* NAME[ without ]= */
	if (sh_peek(ps) == '(' && ps->p[-1] == '=') {
		sh_expect(ps, assigns || (!first && is_declaration(
							    l->word[s->words - 1].text)));
		w.known = false;
		w.fields = SH_ANY;
		w.tail = 0;
		read_array(ps);
	}
	if (assigns) {
		l->evaluates |= has_subscript(start, ps->p);
		push_assign(ps, &w);
		return;
	}
	if (first && w.known && !w.quoted && sh_is_reserved(w.text))
		sh_opaque(l, "a reserved word where none is expected");
	push_word(ps, &w);
}

void
sh_read_simple(struct sh_parse *ps, bool piped)
{
	struct simple s = { .words = ps->o->wtop,
		.assigns = ps->o->atop,
		.heres = ps->nhere,
		.piped = piped };
	int c, fd;

	for (;;) {
		sh_skip_blanks(ps);
		c = sh_peek(ps);
		if (c == '#')
			sh_skip_comment(ps);
		else if (is_redirection(ps, c, &fd))
			read_redirection(ps, &s, fd);
		else if (c == '(' && s.words - ps->o->wtop == 1 &&
			 s.assigns == ps->o->atop && !s.redirected) {
			(void)sh_take(ps); /* the parenthesis */
			sh_skip_blanks(ps);
			sh_expect(ps, sh_peek(ps) == ')');
			(void)sh_take(ps); /* its end */
			drop_words(ps, &s);
			sh_read_function(ps, piped);
			return;
		} else if (sh_is_meta(c) && c != '<' && c != '>')
			break;
		else
			read_argument(ps, &s);
	}
	sh_expect(ps, c != '(');
	finish(ps, &s);
}

void
sh_read_redirections(struct sh_parse *ps, size_t first)
{
	struct sh_line *l = ps->o->l;
	int fd;

	sh_skip_blanks(ps);
	while (is_redirection(ps, sh_peek(ps), &fd)) {
		for (size_t i = first; sh_peek(ps) == '<' && i < l->ncommands; i++)
			l->command[i].fed = true;
		read_redirection(ps, NULL, fd);
		sh_skip_blanks(ps);
	}
}
