#include "policy/shell_parse.h"

/* What ends a list of commands. */
enum stop {
	AT_END,
	AT_PAREN,
	AT_CASE, /* ;; and its like */
	AT_THEN,
	AT_ELIF,
	AT_ELSE,
	AT_FI,
	AT_DO,
	AT_DONE,
	AT_ESAC,
	AT_BRACE
};

enum keyword {
	KW_NONE,
	KW_STOP, /* one that ends a list: `stop` says which */
	KW_IF,
	KW_WHILE,
	KW_FOR,
	KW_CASE,
	KW_FUNCTION,
	KW_BRACE,
	KW_CONDITION,
	KW_NOT,
	KW_TIME,
	KW_COPROC
};

struct reserved {
	struct str name;
	enum keyword keyword;
	enum stop stop;
};

static void read_command(struct sh_parse *ps, bool piped);
static enum stop read_list(struct sh_parse *ps, bool piped);

static const struct reserved reserved[] = {
	{ { "then", 4 }, KW_STOP, AT_THEN },
	{ { "elif", 4 }, KW_STOP, AT_ELIF },
	{ { "else", 4 }, KW_STOP, AT_ELSE },
	{ { "fi", 2 }, KW_STOP, AT_FI },
	{ { "do", 2 }, KW_STOP, AT_DO },
	{ { "done", 4 }, KW_STOP, AT_DONE },
	{ { "esac", 4 }, KW_STOP, AT_ESAC },
	{ { "}", 1 }, KW_STOP, AT_BRACE },
	{ { "if", 2 }, KW_IF, AT_END },
	{ { "while", 5 }, KW_WHILE, AT_END },
	{ { "until", 5 }, KW_WHILE, AT_END },
	{ { "for", 3 }, KW_FOR, AT_END },
	{ { "select", 6 }, KW_FOR, AT_END },
	{ { "case", 4 }, KW_CASE, AT_END },
	{ { "function", 8 }, KW_FUNCTION, AT_END },
	{ { "{", 1 }, KW_BRACE, AT_END },
	{ { "[[", 2 }, KW_CONDITION, AT_END },
	{ { "!", 1 }, KW_NOT, AT_END },
	{ { "time", 4 }, KW_TIME, AT_END },
	{ { "coproc", 6 }, KW_COPROC, AT_END },
};

static const char reserved_first[] = "tefdiwusc{}[!";
enum { RESERVED_LONGEST = 8 };

void
sh_opaque(struct sh_line *l, const char *why)
{
	if (!l->opaque)
		l->why = why;
	l->opaque = true;
	l->simple = false;
}

bool
sh_deeper(struct sh_out *o)
{
	if (++o->depth <= SH_DEPTH_MAX)
		return true;
	sh_opaque(o->l, "nested too deep");
	return false;
}

void
sh_parse_init(struct sh_parse *ps, struct sh_out *o, struct str source)
{
	ps->o = o;
	ps->p = source.p;
	ps->end = source.p + source.n;
	ps->quiet = 0;
	ps->outside = true;
	ps->nhere = ps->here_base = 0;
}

void
sh_skip_blanks(struct sh_parse *ps)
{
	while (sh_is_blank(sh_peek(ps)))
		(void)sh_take(ps); /* the blank */
}

/* A comment goes on to its line's end; a backslash does not join lines there. */
void
sh_skip_comment(struct sh_parse *ps)
{
	const char *nl = memchr(ps->p, '\n', (size_t)(ps->end - ps->p));

	ps->p = nl == NULL ? ps->end : nl;
}

void
sh_skip_space(struct sh_parse *ps)
{
	int c;

	while (sh_is_blank(c = sh_peek(ps)) || c == '\n' || c == '#') {
		if (c == '#') {
			sh_skip_comment(ps);
			continue;
		}
		(void)sh_take(ps); /* the blank or newline */
		if (c == '\n' && ps->nhere > 0)
			sh_read_bodies(ps);
	}
}

/* The reserved word at the place, which is not taken yet; NULL: none. */
static const struct reserved *
peek_reserved(struct sh_parse *ps)
{
	const int c = sh_peek(ps);
	const size_t left = (size_t)(ps->end - ps->p);

	if (c == SH_END || memchr(reserved_first, c, sizeof reserved_first - 1) == NULL)
		return NULL;
	for (size_t i = 0; i < LEN(reserved); i++) {
		const struct str name = reserved[i].name;

		if (name.p[0] != c || name.n > left || memcmp(ps->p, name.p, name.n) != 0)
			continue;
		if (name.n == left || sh_is_meta((unsigned char)ps->p[name.n]))
			return &reserved[i];
	}
	return NULL;
}

static void
take_reserved(struct sh_parse *ps, const struct reserved *r)
{
	ps->p += r->name.n;
	ps->o->l->simple = false;
}

bool
sh_is_reserved(struct str word)
{
	for (size_t i = 0; i < LEN(reserved) && word.n <= RESERVED_LONGEST; i++)
		if (str_eq(word, reserved[i].name))
			return true;
	return false;
}

void
sh_expect(struct sh_parse *ps, bool good)
{
	if (!good)
		sh_opaque(ps->o->l, "the line is not complete, or not understood");
}

/* A word that is looked through only. */
void
sh_skip_word(struct sh_parse *ps)
{
	struct sh_word w;

	sh_expect(ps, sh_is_at_word(ps));
	ps->quiet++;
	sh_read_word(ps, &w);
	ps->quiet--;
}

/* Behind the case's word: patterns and their lists. */
static void
read_cases(struct sh_parse *ps, bool piped)
{
	enum stop stop;

	for (;;) {
		const struct reserved *r;

		sh_skip_space(ps);
		r = peek_reserved(ps);
		if (r != NULL && r->stop == AT_ESAC) {
			take_reserved(ps, r);
			return;
		}
		if (sh_peek(ps) == '(')
			(void)sh_take(ps); /* before the patterns */
		for (;;) {
			sh_skip_blanks(ps);
			sh_skip_word(ps);
			sh_skip_blanks(ps);
			if (sh_peek(ps) != '|')
				break;
			(void)sh_take(ps); /* between two patterns */
		}
		sh_expect(ps, sh_peek(ps) == ')');
		(void)sh_take(ps); /* behind them */
		stop = read_list(ps, piped);
		if (stop == AT_ESAC)
			return;
		sh_expect(ps, stop == AT_CASE);
		if (ps->o->l->opaque)
			return;
	}
}

static void
read_case(struct sh_parse *ps, bool piped)
{
	sh_skip_blanks(ps);
	sh_skip_word(ps);
	sh_skip_space(ps);
	sh_expect(ps, ps->end - ps->p > 2 && memcmp(ps->p, "in", 2) == 0 &&
			      sh_is_meta((unsigned char)ps->p[2]));
	if (ps->o->l->opaque)
		return;
	ps->p += 2;
	read_cases(ps, piped);
}

/* do ... done, or the { ... } that bash takes in their place. */
static void
read_loop_body(struct sh_parse *ps, bool piped)
{
	const struct reserved *r;

	sh_skip_space(ps);
	r = peek_reserved(ps);
	sh_expect(ps, r != NULL && (r->stop == AT_DO || r->keyword == KW_BRACE));
	if (r == NULL || ps->o->l->opaque)
		return;
	take_reserved(ps, r);
	sh_expect(ps, read_list(ps, piped) == (r->stop == AT_DO ? AT_DONE : AT_BRACE));
}

static void
read_for(struct sh_parse *ps, bool piped)
{
	sh_skip_blanks(ps);
	if (sh_peek(ps) == '(') {
		(void)sh_take(ps); /* the parenthesis */
		sh_expect(ps, sh_peek(ps) == '(');
		(void)sh_take(ps); /* its second */
		sh_arithmetic(ps, true);
	} else {
		sh_note_set(ps->o->l, (struct str){ ps->p, (size_t)(ps->end - ps->p) });
		sh_skip_word(ps);
		sh_skip_space(ps);
		if (ps->end - ps->p > 2 && memcmp(ps->p, "in", 2) == 0 &&
			sh_is_meta((unsigned char)ps->p[2])) {
			ps->p += 2;
			for (;;) {
				sh_skip_blanks(ps);
				if (sh_peek(ps) == '#')
					sh_skip_comment(ps);
				if (sh_is_meta(sh_peek(ps)))
					break;
				sh_skip_word(ps);
			}
			sh_expect(ps, sh_peek(ps) == ';' || sh_peek(ps) == '\n');
		}
	}
	sh_skip_blanks(ps);
	if (sh_peek(ps) == ';')
		(void)sh_take(ps); /* before the body */
	read_loop_body(ps, piped);
}

static void
read_if(struct sh_parse *ps, bool piped)
{
	enum stop stop;

	do {
		sh_expect(ps, read_list(ps, piped) == AT_THEN);
		stop = read_list(ps, piped);
	} while (stop == AT_ELIF && !ps->o->l->opaque);
	if (stop == AT_ELSE)
		stop = read_list(ps, piped);
	sh_expect(ps, stop == AT_FI);
}

/* -e and its like; -v, -R and -eq may evaluate their operands. */
static bool
is_file_test(struct str w)
{
	return w.n == 2 && w.p[1] != 'v' && w.p[1] != 'R';
}

/*
 * Behind "[[": up to the first word "]]". What follows it must end the command: otherwise a
 * shell may have taken that word as an operand. Words that arithmetic could expand once more
 * are not understood.
 */
static void
read_condition(struct sh_parse *ps)
{
	struct sh_line *l = ps->o->l;
	struct sh_word w;
	int c;

	for (;;) {
		while (sh_is_meta(c = sh_peek(ps)) && c != SH_END && c != '<' && c != '>')
			(void)sh_take(ps); /* blanks and operators */
		if ((c == '<' || c == '>') && !(ps->end - ps->p > 1 && ps->p[1] == '(')) {
			(void)sh_take(ps); /* a comparison */
			continue;
		}
		sh_expect(ps, c != SH_END && c != '#');
		if (l->opaque)
			return;
		sh_read_word(ps, &w);
		l->evaluates |= w.text.n > 1 && w.text.p[0] == '-' &&
				!is_file_test(w.text);
		if (memchr(w.text.p, '`', w.text.n) != NULL ||
			memmem(w.text.p, w.text.n, "$(", 2) != NULL)
			sh_opaque(l, "a quoted substitution in a condition");
		if (w.known && !w.quoted && str_is(w.text, "]]"))
			break;
	}
	sh_skip_blanks(ps);
	c = sh_peek(ps);
	sh_expect(ps, sh_is_meta(c) || c == '}');
}

/* The body of a function: any command, on its own line perhaps. A name now means it. */
void
sh_read_function(struct sh_parse *ps, bool piped)
{
	const bool fed = ps->o->fed;

	ps->o->l->renames = true;
	ps->o->l->simple = false;
	sh_skip_space(ps);
	ps->o->fed = true; /* by those who call it */
	if (sh_deeper(ps->o))
		read_command(ps, piped);
	ps->o->depth--;
	ps->o->fed = fed;
}

static void
read_named_function(struct sh_parse *ps, bool piped)
{
	sh_skip_blanks(ps);
	sh_skip_word(ps);
	sh_skip_blanks(ps);
	if (sh_peek(ps) == '(') {
		(void)sh_take(ps); /* the parenthesis */
		sh_skip_blanks(ps);
		sh_expect(ps, sh_peek(ps) == ')');
		(void)sh_take(ps); /* its end */
	}
	sh_read_function(ps, piped);
}

/* ((...)): arithmetic, but commands in a subshell's subshell for a shell without that. */
static void
read_double_parens(struct sh_parse *ps)
{
	const char *start = ps->p;
	struct sh_parse inner;

	sh_arithmetic(ps, false);
	if (ps->o->l->opaque)
		return;
	sh_parse_init(&inner, ps->o, (struct str){ start, (size_t)(ps->p - start) - 2 });
	inner.outside = false;
	sh_commands_to_end(&inner);
}

static void
read_parens(struct sh_parse *ps, bool piped)
{
	ps->o->l->simple = false;
	(void)sh_take(ps); /* the parenthesis */
	if (ps->p < ps->end && *ps->p == '(') {
		ps->p++;
		read_double_parens(ps);
	} else {
		sh_expect(ps, read_list(ps, piped) == AT_PAREN);
	}
}

static void
read_compound(struct sh_parse *ps, const struct reserved *r, bool piped)
{
	take_reserved(ps, r);
	switch (r->keyword) {
	case KW_IF:
		read_if(ps, piped);
		break;
	case KW_WHILE:
		sh_expect(ps, read_list(ps, piped) == AT_DO);
		sh_expect(ps, read_list(ps, piped) == AT_DONE);
		break;
	case KW_FOR:
		read_for(ps, piped);
		break;
	case KW_CASE:
		read_case(ps, piped);
		break;
	case KW_FUNCTION:
		read_named_function(ps, piped);
		break;
	case KW_BRACE:
		sh_expect(ps, read_list(ps, piped) == AT_BRACE);
		break;
	case KW_CONDITION:
		read_condition(ps);
		break;
	case KW_NONE:
	case KW_STOP:
	case KW_NOT:
	case KW_TIME:
	case KW_COPROC:
		sh_opaque(ps->o->l, "a reserved word that is not understood");
		break;
	}
}

static void
read_command(struct sh_parse *ps, bool piped)
{
	const struct reserved *r = peek_reserved(ps);
	const int c = sh_peek(ps);
	const size_t first = ps->o->l->ncommands;

	if (r == NULL && c != '(') {
		sh_read_simple(ps, piped);
		return;
	}
	if (!sh_deeper(ps->o))
		return;
	if (r == NULL)
		read_parens(ps, piped);
	else
		read_compound(ps, r, piped);
	ps->o->depth--;
	sh_read_redirections(ps, first);
}

/* Behind ';' */
static bool
is_case_end(struct sh_parse *ps)
{
	const int c = sh_peek(ps);

	if (c != ';' && c != '&')
		return false;
	(void)sh_take(ps); /* ;; or ;& */
	if (c == ';' && sh_peek(ps) == '&')
		(void)sh_take(ps); /* ;;& */
	return true;
}

/* What stands between two commands, if it does; the next one's input is a pipe behind |. */
static bool
take_separator(struct sh_parse *ps, int c, bool piped, bool *next)
{
	if ((c != '&' && c != '|') ||
		(c == '&' && ps->end - ps->p > 1 && ps->p[1] == '>'))
		return false;
	(void)sh_take(ps); /* the first */
	ps->o->l->simple = false;
	*next = piped;
	if (sh_peek(ps) == c) {
		(void)sh_take(ps); /* && || */
	} else if (c == '|') {
		*next = true;
		if (sh_peek(ps) == '&')
			(void)sh_take(ps); /* |& */
	}
	return true;
}

/* "time" and "!" go before a command; time's options are its own. */
static void
take_before(struct sh_parse *ps, const struct reserved *r)
{
	take_reserved(ps, r);
	sh_skip_blanks(ps);
	while (r->keyword == KW_TIME && sh_peek(ps) == '-') {
		sh_skip_word(ps);
		sh_skip_blanks(ps);
	}
}

static enum stop
read_list(struct sh_parse *ps, bool piped)
{
	bool next = piped;

	for (;;) {
		const struct reserved *r;
		const int c = (sh_skip_space(ps), sh_peek(ps));

		if (c == SH_END)
			return AT_END;
		if (take_separator(ps, c, piped, &next))
			continue;
		if (c == ')' || c == ';') {
			(void)sh_take(ps); /* what the peek has seen */
			ps->o->l->simple = false;
			next = piped;
			if (c == ')')
				return AT_PAREN;
			if (is_case_end(ps))
				return AT_CASE;
			continue;
		}
		r = peek_reserved(ps);
		if (r != NULL && r->keyword == KW_STOP) {
			take_reserved(ps, r);
			return r->stop;
		}
		if (r != NULL && (r->keyword == KW_NOT || r->keyword == KW_TIME)) {
			take_before(ps, r);
			continue;
		}
		read_command(ps, next);
		next = piped;
	}
}

void
sh_commands_in_parens(struct sh_parse *ps, bool piped)
{
	ps->o->l->simple = false;
	sh_expect(ps, read_list(ps, piped) == AT_PAREN);
}

void
sh_commands_to_end(struct sh_parse *ps)
{
	if (!sh_deeper(ps->o))
		return;
	sh_expect(ps, read_list(ps, false) == AT_END && ps->nhere == 0);
	ps->o->depth--;
}

void
sh_split(struct sh_line *l, struct str text)
{
	struct sh_out o = { .l = l, .wtop = SH_WORDS_MAX, .atop = SH_COMMANDS_MAX };
	struct sh_parse ps;

	l->opaque = l->renames = l->writes = false;
	l->evaluates = l->has_code = false;
	l->why = NULL;
	l->simple = true;
	l->ncommands = l->nwords = l->nassigns = l->ninputs = l->ntext = 0;
	if (text.n > SH_TEXT_MAX)
		sh_opaque(l, "the line is too long");
	else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		sh_opaque(l, "a NUL byte");
	sh_parse_init(&ps, &o, text);
	sh_commands_to_end(&ps);
	sh_scripts(&o);
	sh_make_bare(l);
	if (l->evaluates && l->has_code)
		sh_opaque(l, "a quoted substitution, and variables that are evaluated");
	if (l->opaque && l->ncommands == 0)
		l->command[l->ncommands++] = (struct sh_command){ .n = 0 };
	l->simple &= l->ncommands == 1;
}
