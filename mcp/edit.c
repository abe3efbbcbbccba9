#include "mcp/edit.h"

int64_t
edit_lines(struct str text)
{
	int64_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n + (text.n > 0 && text.p[text.n - 1] != '\n');
}

static int64_t
count(struct str text, struct str what)
{
	int64_t n = 0;

	for (;;) {
		const char *at = memmem(text.p, text.n, what.p, what.n);

		if (text.n == 0 || at == NULL)
			return n;
		n++;
		text = str_skip(text, (size_t)(at - text.p) + what.n);
	}
}

static bool
has(struct str text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static void
put_with_crlf(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			buf_putc(out, '\r');
		buf_putc(out, text.p[i]);
	}
}

static int
refuse_count(int64_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, ERR_DATA,
			"old_text does not occur in the file: read it again and copy the text "
			"exactly, without line numbers, with its spaces and tabs");
	return err_set(e, ERR_DATA,
		"old_text occurs %lld times: give more of the text around the one you mean, "
		"or all: true for every one",
		(long long)n);
}

static void
put_swapped(struct str text, const struct edit_swap *swap, struct buf *out)
{
	for (;;) {
		const char *at = text.n == 0 ? NULL
					     : memmem(text.p, text.n, swap->from.p,
						       swap->from.n);

		if (at == NULL)
			break;
		buf_put(out, text.p, (size_t)(at - text.p));
		buf_put_str(out, swap->to);
		text = str_skip(text, (size_t)(at - text.p) + swap->from.n);
	}
	buf_put_str(out, text);
}

static int
replace_exact(struct str text, const struct edit_swap *swap, struct buf *out,
	int64_t *places, int64_t *line, struct err *e)
{
	const char *first;

	*places = count(text, swap->from);
	if (*places == 0 || (*places > 1 && !swap->all))
		return refuse_count(*places, e);
	first = memmem(text.p, text.n, swap->from.p, swap->from.n);
	*line = 1;
	for (const char *p = text.p; p < first; p++)
		*line += *p == '\n';
	put_swapped(text, swap, out);
	return out->over ? err_set(e, ERR_DATA, "the file would be larger than %zu bytes",
				   out->max)
			 : 0;
}

int
edit_replace(struct str text, const struct edit_swap *swap, struct buf *out,
	int64_t *places, int64_t *line, struct err *e)
{
	CLEANUP(buf_fini) struct buf from = BUF_INIT(out->max);
	CLEANUP(buf_fini) struct buf to = BUF_INIT(out->max);
	struct edit_swap crlf = { .all = swap->all };

	if (swap->from.n == 0)
		return err_set(e, ERR_DATA,
			"old_text is empty: to add text use insert, with create: true for a "
			"new file");
	if (!has(text, "\r\n") || has(swap->from, "\r\n") || has(swap->to, "\r\n"))
		return replace_exact(text, swap, out, places, line, e);
	put_with_crlf(&from, swap->from);
	put_with_crlf(&to, swap->to);
	crlf.from = buf_str(&from);
	crlf.to = buf_str(&to);
	/* a file with both kinds of ends may have the text just as it was given */
	return replace_exact(text,
		count(text, swap->from) > 0 && !has(swap->to, "\n") ? swap : &crlf, out,
		places, line, e);
}

/* Where the line starts; the text's end for the line behind the last. */
static size_t
start_of(struct str text, int64_t line)
{
	size_t at = 0;

	for (int64_t i = 1; i < line; i++) {
		const char *end = at < text.n ? memchr(text.p + at, '\n', text.n - at)
					      : NULL;

		if (end == NULL)
			return text.n;
		at = (size_t)(end - text.p) + 1;
	}
	return at;
}

int
edit_insert(
	struct str text, int64_t line, struct str what, struct buf *out, struct err *e)
{
	const int64_t lines = edit_lines(text);
	const bool crlf = has(text, "\r\n") && !has(what, "\r\n");
	size_t at;

	if (line < 1 || line > lines + 1)
		return err_set(e, ERR_DATA,
			"there is no line %lld: the file has %lld lines, line %lld adds at its "
			"end",
			(long long)line, (long long)lines, (long long)lines + 1);
	at = start_of(text, line);
	buf_put(out, text.p, at);
	if (at > 0 && text.p[at - 1] != '\n')
		buf_puts(out, crlf ? "\r\n" : "\n");
	if (crlf)
		put_with_crlf(out, what);
	else
		buf_put_str(out, what);
	if (at < text.n && what.n > 0 && what.p[what.n - 1] != '\n')
		buf_puts(out, crlf ? "\r\n" : "\n");
	buf_put_str(out, str_skip(text, at));
	if (out->over)
		return err_set(
			e, ERR_DATA, "the file would be larger than %zu bytes", out->max);
	return 0;
}
