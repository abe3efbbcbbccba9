#include "install/term.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { CELL_MAX = 4096, COLUMN_MAX = 60, GAP = 2, COLUMNS_LEAST = 40 };

bool
term_colours(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0) && isatty(STDOUT_FILENO);
}

const char *
term_verdict(const char *verdict)
{
	if (!term_colours() || verdict[0] == '\0')
		return "";
	return strcmp(verdict, "deny") == 0    ? "\x1b[31m"
	       : strcmp(verdict, "allow") == 0 ? "\x1b[32m"
					       : "\x1b[33m";
}

const char *
term_plain(void)
{
	return term_colours() ? "\x1b[0m" : "";
}

void
term_put(struct buf *b, struct str s)
{
	while (s.n > 0) {
		const size_t k = utf8_len(s);
		const size_t n = k > 0 ? k : 1;

		if (utf8_shown_len(s) == 0)
			for (size_t i = 0; i < n; i++)
				buf_printf(b, "\\x%02x", (unsigned char)s.p[i]);
		else
			buf_put(b, s.p, k);
		s = str_skip(s, n);
	}
}

char *
term_text(struct str foreign)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(CELL_MAX);
	size_t n = foreign.n;

	if (n > CELL_MAX / 4 - 1) { /* each byte may become four */
		n = CELL_MAX / 4 - 1;
		while (n > 0 && ((unsigned char)foreign.p[n] & 0xc0) == 0x80)
			n--;
	}
	term_put(&b, (struct str){ foreign.p, n });
	if (n < foreign.n)
		buf_puts(&b, "...");
	return mem_strdup(buf_text(&b));
}

void
term_table_fini(struct term_table *t)
{
	words_fini(&t->cell);
	t->cell = (struct words)WORDS_INIT;
}

void
term_row(struct term_table *t, const char *const *texts)
{
	if (t->cell.n + t->columns > TERM_CELLS_MAX)
		term_table_print(t);
	for (size_t i = 0; i < t->columns; i++) {
		CLEANUP(mem_freep) char *safe = term_text(str_of(texts[i]));

		words_add(&t->cell, safe);
	}
}

int
term_columns(void)
{
	const char *said = getenv("COLUMNS");
	struct winsize w = { .ws_col = 0 };
	const long n = said == NULL ? 0 : strtol(said, NULL, 10);

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (n >= COLUMNS_LEAST && n <= UINT16_MAX)
		return (int)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < COLUMNS_LEAST)
		return 0;
	return w.ws_col;
}

/* Characters; wide ones and joined ones are counted as one, which costs beauty only. */
static size_t
width(const char *z)
{
	size_t n = 0;

	for (; *z != '\0'; z++)
		n += ((unsigned char)*z & 0xc0) != 0x80;
	return n;
}

/* i is the cell's number; nothing is put behind the last text of a row. */
static bool
is_last(const struct term_table *t, size_t i)
{
	for (i++; i % t->columns != 0; i++)
		if (t->cell.v[i][0] != '\0')
			return false;
	return true;
}

static void
print_cell(const struct term_table *t, size_t i, size_t wide)
{
	const size_t column = i % t->columns;
	const char *text = t->cell.v[i];
	const size_t have = width(text);
	const bool coloured = t->verdict == (int)column;

	printf("%s%s%s", coloured ? term_verdict(text) : "", text,
		coloured ? term_plain() : "");
	if (!is_last(t, i))
		printf("%*s", (int)((wide > have ? wide - have : 0) + GAP), "");
}

void
term_table_print(struct term_table *t)
{
	size_t wide[TERM_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < t->cell.n; i++) {
		const size_t have = width(t->cell.v[i]);
		size_t *w = &wide[i % t->columns];

		if (have > *w)
			*w = have < COLUMN_MAX ? have : COLUMN_MAX;
	}
	for (size_t i = 0; i < t->cell.n; i++) {
		const size_t column = i % t->columns;

		if (column == 0)
			fputs(t->indent, stdout);
		print_cell(t, i, wide[column]);
		if (column + 1 == t->columns)
			putchar('\n');
	}
	words_fini(&t->cell);
	t->cell = (struct words)WORDS_INIT;
}
