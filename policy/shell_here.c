#include "policy/shell_parse.h"

/* The delimiter as it will stand alone on a line: quotes removed, nothing expanded. */
void
sh_read_here(struct sh_parse *ps, bool is_input)
{
	struct sh_here *h = &ps->here[ps->nhere];
	struct sh_word w;
	size_t before = ps->o->l->ncommands;

	if (ps->nhere == SH_HERES_MAX) {
		sh_opaque(ps->o->l, "too many here-documents");
		return;
	}
	*h = (struct sh_here){ .is_input = is_input, .command = SH_NO_COMMAND };
	if (ps->p < ps->end && *ps->p == '-') {
		h->tabs = true;
		ps->p++;
	}
	while (sh_is_blank(sh_peek(ps)))
		(void)sh_take(ps); /* the blank */
	if (sh_is_meta(sh_peek(ps))) {
		sh_opaque(ps->o->l, "a here-document without its delimiter");
		return;
	}
	sh_read_word(ps, &w);
	if (!w.known || w.text.n == 0 || memchr(w.text.p, '\n', w.text.n) != NULL ||
		ps->o->l->ncommands != before)
		sh_opaque(ps->o->l, "an odd delimiter of a here-document");
	h->delimiter = w.text;
	h->quoted = w.quoted;
	ps->nhere++;
}

/* Is the delimiter the line at p? Lines that a backslash joins are one line, unless quoted. */
static bool
is_delimiter(struct sh_parse *ps, const struct sh_here *h, const char **behind)
{
	const char *p = ps->p;
	size_t i = 0;

	while (h->tabs && p < ps->end && *p == '\t')
		p++;
	for (; i < h->delimiter.n && p < ps->end; i++, p++) {
		while (!h->quoted && ps->end - p > 2 && p[0] == '\\' && p[1] == '\n')
			p += 2;
		if (*p != h->delimiter.p[i])
			return false;
	}
	if (i < h->delimiter.n)
		return false;
	while (!h->quoted && ps->end - p >= 2 && p[0] == '\\' && p[1] == '\n')
		p += 2;
	if (p < ps->end && *p != '\n') {
		/* Some shells end a here-document of a substitution at "EOF)". */
		if (!ps->outside && !sh_is_name((unsigned char)*p))
			sh_opaque(ps->o->l, "the end of a here-document is not clear");
		return false;
	}
	*behind = p < ps->end ? p + 1 : p;
	return true;
}

/* Lines that a backslash joins are one line, unless the delimiter was quoted. */
static void
skip_line(struct sh_parse *ps, bool quoted)
{
	while (ps->p < ps->end && *ps->p != '\n')
		ps->p += !quoted && *ps->p == '\\' && ps->end - ps->p > 1 ? 2 : 1;
	if (ps->p < ps->end)
		ps->p++;
}

static void
skip_tabs(struct sh_parse *ps)
{
	while (ps->p < ps->end && *ps->p == '\t')
		ps->p++;
}

/* The text of a body that is expanded. */
static void
read_expanded(struct sh_parse *ps, bool tabs, bool *known)
{
	int c;

	if (tabs)
		skip_tabs(ps);
	while ((c = sh_peek(ps)) != SH_END) {
		if (c == '$' || c == '`') {
			sh_expand(ps, known);
			continue;
		}
		(void)sh_take(ps); /* what the peek has seen */
		if (c == '\\') {
			c = sh_take(ps);
			if (c != '$' && c != '`' && c != '\\')
				sh_put(ps, '\\');
		}
		if (c != SH_END)
			sh_put(ps, c);
		if (c == '\n' && tabs)
			skip_tabs(ps);
	}
}

static void
read_quoted(struct sh_parse *ps, bool tabs)
{
	if (tabs)
		skip_tabs(ps);
	while (ps->p < ps->end) {
		const char c = *ps->p++;

		sh_put(ps, (unsigned char)c);
		if (c == '\n' && tabs)
			skip_tabs(ps);
	}
}

/*
 * The body ends at its delimiter's line whatever stands before it, as in bash: an expansion
 * that is still open there is not understood.
 */
static void
read_body(struct sh_parse *ps, const struct sh_here *h)
{
	struct sh_line *l = ps->o->l;
	struct sh_command *c = h->command == SH_NO_COMMAND ? NULL
							   : &l->command[h->command];
	const size_t start = l->ntext;
	const char *body = ps->p, *behind = NULL;
	struct sh_parse inner;
	struct str text;
	bool known = true;

	while (!is_delimiter(ps, h, &behind)) {
		if (l->opaque || ps->p == ps->end) {
			sh_opaque(l, "a here-document without its end");
			return;
		}
		skip_line(ps, h->quoted);
	}
	sh_parse_init(&inner, ps->o, (struct str){ body, (size_t)(ps->p - body) });
	inner.outside = false;
	if (h->quoted)
		read_quoted(&inner, h->tabs);
	else
		read_expanded(&inner, h->tabs, &known);
	ps->p = behind;
	text = (struct str){ l->text + start, l->ntext - start };
	if (c == NULL || !h->is_input || c->input.p != NULL) {
		if (c != NULL && h->is_input)
			c->input_known = false;
		sh_add_input(l, text);
		return;
	}
	c->input_known = known;
	c->input = text;
}

void
sh_read_bodies(struct sh_parse *ps)
{
	struct sh_here here[SH_HERES_MAX];
	const size_t n = ps->nhere - ps->here_base;

	if (ps->here_base > 0)
		sh_opaque(ps->o->l,
			"a new line within a substitution before a here-document");
	memcpy(here, ps->here + ps->here_base, n * sizeof here[0]);
	ps->nhere = ps->here_base;
	for (size_t i = 0; i < n; i++)
		read_body(ps, &here[i]);
}
