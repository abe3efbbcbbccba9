#include "policy/shell_parse.h"

#include "base/utf8.h"

/* A word that grows at the end of the line's text. */
struct growing {
	struct sh_word *w;
	size_t start;
	size_t behind; /* where the last expansion stood */
	bool brace;    /* behind an unquoted { */
};

static void read_dollar(struct sh_parse *ps, struct growing *g, bool in_quotes);

bool
sh_is_blank(int c)
{
	return c == ' ' || c == '\t';
}

bool
sh_is_meta(int c)
{
	switch (c) {
	case SH_END:
	case ' ':
	case '\t':
	case '\n':
	case ';':
	case '&':
	case '|':
	case '<':
	case '>':
	case '(':
	case ')':
		return true;
	default:
		return false;
	}
}

bool
sh_is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

int
sh_peek(struct sh_parse *ps)
{
	if (ps->o->l->opaque)
		return SH_END;
	while (ps->end - ps->p >= 2 && ps->p[0] == '\\' && ps->p[1] == '\n')
		ps->p += 2;
	return ps->p == ps->end ? SH_END : (unsigned char)*ps->p;
}

int
sh_take(struct sh_parse *ps)
{
	if (ps->o->l->opaque || ps->p == ps->end)
		return SH_END;
	return (unsigned char)*ps->p++;
}

static void
put_always(struct sh_line *l, int c)
{
	if (l->ntext == SH_TEXT_MAX)
		sh_opaque(l, "the line is too long");
	else
		l->text[l->ntext++] = (char)c;
}

void
sh_put(struct sh_parse *ps, int c)
{
	if (c == '`' || (c == '(' && ps->o->last == '$'))
		ps->o->l->has_code = true;
	ps->o->last = c;
	if (ps->quiet == 0)
		put_always(ps->o->l, c);
}

/* An expansion stands here: what it makes is not known. */
static void
note_expansion(struct sh_parse *ps, struct growing *g, enum sh_fields fields)
{
	if (ps->quiet > 0 || g == NULL)
		return;
	g->behind = ps->o->l->ntext - g->start;
	if (g->w->known)
		g->w->head = (uint16_t)g->behind;
	g->w->known = false;
	if (fields > g->w->fields)
		g->w->fields = fields;
}

/* Commands within the word have put their text behind its first part: that part moves. */
static void
resume(struct sh_parse *ps, struct growing *g, size_t mark)
{
	struct sh_line *l = ps->o->l;
	size_t n;

	if (g == NULL || ps->quiet > 0 || l->ntext == mark)
		return;
	n = mark - g->start;
	if (l->ntext + n > SH_TEXT_MAX) {
		sh_opaque(l, "the line is too long");
		return;
	}
	memmove(l->text + l->ntext, l->text + g->start, n);
	g->start = l->ntext;
	l->ntext += n;
}

/* Behind "$(", "<(" or ">(". */
static void
read_substitution(struct sh_parse *ps, struct growing *g)
{
	const size_t mark = ps->o->l->ntext, base = ps->here_base;
	const unsigned quiet = ps->quiet;
	const bool outside = ps->outside;

	if (!sh_deeper(ps->o))
		return;
	ps->here_base = ps->nhere;
	ps->quiet = 0;
	ps->outside = false;
	sh_commands_in_parens(ps, true);
	if (ps->nhere != ps->here_base)
		sh_opaque(ps->o->l, "a here-document without its text");
	ps->outside = outside;
	ps->quiet = quiet;
	ps->here_base = base;
	ps->o->depth--;
	resume(ps, g, mark);
}

/* Behind the first backtick: the text is unescaped before it is read as commands. */
static void
read_backtick(struct sh_parse *ps, struct growing *g, bool in_quotes)
{
	struct sh_line *l = ps->o->l;
	const size_t mark = l->ntext;
	struct sh_parse inner;
	int c;

	if (!sh_deeper(ps->o))
		return;
	while ((c = sh_take(ps)) != '`') {
		if (c == SH_END) {
			sh_opaque(l, "a backtick without its end");
			return;
		}
		if (c == '\\') {
			c = sh_take(ps);
			if (c != '$' && c != '`' && c != '\\' && !(in_quotes && c == '"'))
				put_always(l, '\\');
			if (c == SH_END)
				return;
		}
		put_always(l, c);
	}
	sh_parse_init(&inner, ps->o, (struct str){ l->text + mark, l->ntext - mark });
	inner.outside = false;
	sh_commands_to_end(&inner);
	ps->o->depth--;
	resume(ps, g, mark);
}

/* Up to and with the closing quote. */
static void
read_double(struct sh_parse *ps, struct growing *g)
{
	int c;

	if (!sh_deeper(ps->o))
		return;
	while ((c = sh_peek(ps)) != '"') {
		(void)sh_take(ps); /* what the peek has seen */
		if (c == SH_END) {
			sh_opaque(ps->o->l, "a double quote without its end");
		} else if (c == '$') {
			read_dollar(ps, g, true);
		} else if (c == '`') {
			note_expansion(ps, g, SH_ONE);
			read_backtick(ps, g, true);
		} else if (c == '\\') {
			c = sh_take(ps);
			if (c != '$' && c != '`' && c != '"' && c != '\\')
				sh_put(ps, '\\');
			if (c != SH_END)
				sh_put(ps, c);
		} else {
			sh_put(ps, c);
		}
		if (ps->o->l->opaque)
			return;
	}
	(void)sh_take(ps); /* the quote */
	ps->o->depth--;
}

static void
read_single(struct sh_parse *ps)
{
	int c;

	while ((c = sh_take(ps)) != '\'') {
		if (c == SH_END) {
			sh_opaque(ps->o->l, "a quote without its end");
			return;
		}
		sh_put(ps, c);
	}
}

static int
digit_of(int c, int base)
{
	int d = -1;

	if (c >= '0' && c <= '9')
		d = c - '0';
	else if (c >= 'a' && c <= 'f')
		d = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		d = c - 'A' + 10;
	return d < base ? d : -1;
}

/* Up to `most` digits; -1: none. */
static int64_t
read_number(struct sh_parse *ps, int base, int most)
{
	int64_t value = 0;
	int n = 0;

	while (n < most && ps->p < ps->end &&
		digit_of((unsigned char)*ps->p, base) >= 0) {
		value = value * base + digit_of((unsigned char)*ps->p++, base);
		n++;
	}
	return n == 0 ? -1 : value;
}

static void
put_code_point(struct sh_parse *ps, int64_t cp)
{
	char bytes[UTF8_LONGEST];
	const size_t n = cp > 0x10ffff ? 0 : utf8_put(bytes, (uint32_t)cp);

	if (n == 0)
		sh_opaque(ps->o->l, "an escape that is no character");
	for (size_t i = 0; i < n; i++)
		sh_put(ps, (unsigned char)bytes[i]);
}

/* Behind the backslash in $'...'. What makes a NUL byte would end the text there. */
static void
read_escape(struct sh_parse *ps)
{
	static const char from[] = "abeEfnrtv\\'\"?",
			  to[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	const int c = sh_take(ps);
	const char *at = c == SH_END ? NULL : strchr(from, c);
	int64_t value;

	if (c == SH_END)
		return;
	if (at != NULL) {
		sh_put(ps, (unsigned char)to[at - from]);
		return;
	}
	if (digit_of(c, 8) >= 0) {
		ps->p--;
		value = read_number(ps, 8, 3) & 0xff;
	} else if (c == 'x') {
		value = read_number(ps, 16, 2);
	} else if (c == 'u' || c == 'U') {
		value = read_number(ps, 16, c == 'u' ? 4 : 8);
		if (value >= 0x80) {
			put_code_point(ps, value);
			return;
		}
	} else if (c == 'c') {
		value = -1;
	} else {
		sh_put(ps, '\\');
		sh_put(ps, c);
		return;
	}
	if (value <= 0)
		sh_opaque(ps->o->l, "an escape that is no character");
	sh_put(ps, (int)value);
}

static void
read_ansi(struct sh_parse *ps)
{
	int c;

	while ((c = sh_take(ps)) != '\'') {
		if (c == SH_END) {
			sh_opaque(ps->o->l, "a quote without its end");
			return;
		}
		if (c == '\\')
			read_escape(ps);
		else
			sh_put(ps, c);
	}
}

/* A variable that the shell sets on the way; in capitals, programs may see it. */
static void
note_name(struct sh_line *l, int first)
{
	l->renames |= first >= 'A' && first <= 'Z';
}

/* Within ${...}: ${x@P}, ${x[y]} and ${x:y} expand a value once more; ${x:-y} does not. */
static void
note_evaluated(struct sh_parse *ps, int c)
{
	const int next = sh_peek(ps);

	if (c == '@')
		ps->o->l->evaluates |= next == 'P';
	else if (c == '[')
		ps->o->l->evaluates |= next != '@' && next != '*';
	else if (c == ':')
		ps->o->l->evaluates |= next == SH_END || strchr("-+=?/", next) == NULL;
}

/*
 * Behind "${", quietly, up to and with "}". A quote in a quoted one, and a brace, are read
 * differently by different shells; "${ command;}" is a substitution in some.
 */
static enum sh_fields
skip_parameter(struct sh_parse *ps, bool in_quotes)
{
	enum sh_fields fields = in_quotes ? SH_ONE : SH_ANY;
	int c = sh_peek(ps);
	const int first = c;

	if (sh_is_meta(c))
		sh_opaque(ps->o->l, "an expansion of one shell only");
	if (c == '!')
		fields = SH_ANY;
	ps->o->l->evaluates |= c == '!';
	while ((c = sh_peek(ps)) != '}') {
		(void)sh_take(ps); /* what the peek has seen */
		if (c == '=')
			note_name(ps->o->l, first);
		note_evaluated(ps, c);
		if (c == '@')
			fields = SH_ANY;
		if (c == SH_END || c == '{' || (c == '\'' && in_quotes)) {
			sh_opaque(ps->o->l, "an expansion that is not understood");
			break;
		}
		if (c == '$')
			read_dollar(ps, NULL, in_quotes);
		else if (c == '`')
			read_backtick(ps, NULL, in_quotes);
		else if (c == '"')
			read_double(ps, NULL);
		else if (c == '\'')
			read_single(ps);
		else if (c == '\\')
			(void)sh_take(ps); /* quoted */
		else if ((c == '<' || c == '>') && !in_quotes && sh_peek(ps) == '(') {
			(void)sh_take(ps); /* the parenthesis */
			read_substitution(ps, NULL);
		}
	}
	(void)sh_take(ps); /* the brace */
	return fields;
}

void
sh_arithmetic(struct sh_parse *ps, bool semicolons)
{
	unsigned depth = 0;
	int c;

	if (!sh_deeper(ps->o))
		return;
	ps->quiet++;
	while ((c = sh_peek(ps)) != ')' || depth > 0) {
		(void)sh_take(ps); /* what the peek has seen */
		if (c == SH_END || c == '\'' || c == '\\' || (c == ';' && !semicolons)) {
			sh_opaque(ps->o->l, "arithmetic that is not understood");
			break;
		}
		if (c == '$' || (sh_is_name(c) && (c < '0' || c > '9')))
			ps->o->l->evaluates = true;
		note_name(ps->o->l, c);
		if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		else if (c == '$')
			read_dollar(ps, NULL, true);
		else if (c == '`')
			read_backtick(ps, NULL, true);
		else if (c == '"')
			read_double(ps, NULL);
	}
	(void)sh_take(ps); /* the parenthesis */
	if (sh_peek(ps) != ')')
		sh_opaque(ps->o->l, "arithmetic or commands: not clear");
	(void)sh_take(ps); /* its second */
	ps->quiet--;
	ps->o->depth--;
}

static void
read_braced(struct sh_parse *ps, struct growing *g, bool in_quotes)
{
	const size_t mark = ps->o->l->ntext;
	enum sh_fields fields;

	if (!sh_deeper(ps->o))
		return;
	ps->quiet++;
	fields = skip_parameter(ps, in_quotes);
	ps->quiet--;
	ps->o->depth--;
	resume(ps, g, mark);
	note_expansion(ps, g, fields);
}

static void
read_name(struct sh_parse *ps, struct growing *g, bool in_quotes)
{
	const int c = sh_take(ps);

	if (sh_is_name(c) && !(c >= '0' && c <= '9'))
		while (sh_is_name(sh_peek(ps)))
			(void)sh_take(ps); /* the name */
	note_expansion(ps, g, in_quotes && c != '@' ? SH_ONE : SH_ANY);
}

/* Behind the dollar sign. */
static void
read_dollar(struct sh_parse *ps, struct growing *g, bool in_quotes)
{
	const enum sh_fields fields = in_quotes ? SH_ONE : SH_ANY;
	const size_t mark = ps->o->l->ntext;
	const int c = sh_peek(ps);

	if (c == '(') {
		(void)sh_take(ps); /* the parenthesis */
		note_expansion(ps, g, fields);
		if (sh_peek(ps) == '(') {
			(void)sh_take(ps); /* its second */
			sh_arithmetic(ps, false);
			resume(ps, g, mark);
		} else {
			read_substitution(ps, g);
		}
	} else if (c == '{') {
		(void)sh_take(ps); /* the brace */
		read_braced(ps, g, in_quotes);
	} else if (c == '\'' && !in_quotes) {
		(void)sh_take(ps); /* the quote */
		read_ansi(ps);
	} else if (c == '[') {
		sh_opaque(ps->o->l, "$[...] is not understood");
	} else if (sh_is_name(c) || (c > 0 && strchr("@*#?-$!", c) != NULL)) {
		read_name(ps, g, in_quotes);
	} else if (c != '"' || in_quotes) {
		sh_put(ps, '$');
	}
}

/* Pathname patterns, braces and tildes, unquoted. */
static void
read_plain(struct sh_parse *ps, struct growing *g, int c)
{
	const size_t n = ps->o->l->ntext - g->start;
	const char before = n == 0 ? '\0' : ps->o->l->text[ps->o->l->ntext - 1];
	const bool at_start = n == 0 && !g->w->quoted && g->w->known;
	const bool alone = at_start && (sh_is_meta(sh_peek(ps)) || sh_peek(ps) == '[');
	const bool home = c == '~' && ps->quiet == 0 &&
			  (at_start || before == '=' || before == ':');
	/* zsh: =NAME is the path of a program. */
	const bool program = c == '=' && at_start && sh_is_name(sh_peek(ps));

	if (c == '*' || c == '?' || (c == '[' && !alone)) {
		/* What is in the brackets is no part of the known tail. */
		note_expansion(ps, g, SH_SAME);
	} else if (c == ']') {
		sh_put(ps, c);
		if (g->w->fields == SH_SAME)
			note_expansion(ps, g, SH_SAME);
	} else if (home || program) {
		note_expansion(ps, g, SH_ONE);
	} else {
		if (g->brace && (c == ',' || (c == '.' && before == '.')))
			note_expansion(ps, g, SH_ANY);
		g->brace |= c == '{';
		sh_put(ps, c);
	}
}

static void
read_part(struct sh_parse *ps, struct growing *g, int c)
{
	switch (c) {
	case '\\':
		g->w->quoted = true;
		c = sh_take(ps);
		if (c == SH_END)
			sh_opaque(ps->o->l, "a backslash at the end");
		sh_put(ps, c);
		return;
	case '\'':
		g->w->quoted = true;
		read_single(ps);
		return;
	case '"':
		g->w->quoted = true;
		read_double(ps, g);
		return;
	case '$':
		g->w->quoted |= sh_peek(ps) == '\'';
		read_dollar(ps, g, false);
		return;
	case '`':
		note_expansion(ps, g, SH_ANY);
		read_backtick(ps, g, false);
		return;
	default:
		read_plain(ps, g, c);
	}
}

/* "<(" or ">(" */
static bool
is_process(struct sh_parse *ps, int c)
{
	return (c == '<' || c == '>') && ps->end - ps->p > 1 && ps->p[1] == '(';
}

bool
sh_is_at_word(struct sh_parse *ps)
{
	const int c = sh_peek(ps);

	return !sh_is_meta(c) || is_process(ps, c);
}

void
sh_read_word(struct sh_parse *ps, struct sh_word *w)
{
	struct sh_line *l = ps->o->l;
	struct growing g = { .w = w, .start = l->ntext };
	int c;

	*w = (struct sh_word){ .known = true };
	while ((c = sh_peek(ps)) != SH_END) {
		const bool process = is_process(ps, c);

		if (sh_is_meta(c) && !process)
			break;
		(void)sh_take(ps); /* what the peek has seen */
		if (process) {
			(void)sh_take(ps); /* the parenthesis */
			note_expansion(ps, &g, SH_ONE);
			w->process = true;
			read_substitution(ps, &g);
		} else {
			read_part(ps, &g, c);
		}
	}
	w->text = (struct str){ l->text + g.start, l->ntext - g.start };
	if (w->known)
		w->head = w->tail = (uint16_t)w->text.n;
	else
		w->tail = (uint16_t)(w->text.n - g.behind);
	l->simple &= w->known;
}

void
sh_expand(struct sh_parse *ps, bool *known)
{
	const int c = sh_take(ps);
	const char *before = ps->p;
	const size_t text = ps->o->l->ntext;

	if (c == '`') {
		*known = false;
		read_backtick(ps, NULL, false);
		return;
	}
	read_dollar(ps, NULL, true);
	/* Only a dollar sign that stands for itself puts text and takes nothing. */
	if (ps->p != before || ps->o->l->ntext == text)
		*known = false;
}
