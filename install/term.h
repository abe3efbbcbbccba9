#ifndef INSTALL_TERM_H
#define INSTALL_TERM_H

/*
 * Text for a person's terminal: foreign text made harmless, aligned columns, colours where
 * standard output is a terminal that wants them (NO_COLOR is not set).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/words.h"

bool term_colours(void);
/* The colour of a verdict, and what ends it; "" without colours. */
const char *term_verdict(const char *verdict);
const char *term_plain(void);
/* How wide the terminal is, by COLUMNS or by itself; 0: standard output is none. */
int term_columns(void);

/*
 * As log_quoted(), but whole and with its quotes: what could speak to a terminal or turn the
 * text around is escaped (control characters, C1, marks of direction, what is not UTF-8).
 */
void term_put(struct buf *b, struct str foreign);
/* One line of it, yours. */
char *term_text(struct str foreign);

/*
 * Columns: rows are added as texts, which are made harmless, and printed at once (of very
 * many, a part at a time).
 */
enum { TERM_COLUMNS_MAX = 12, TERM_CELLS_MAX = 32768 };
struct term_table {
	size_t columns;
	int verdict; /* the column that has verdicts and is coloured, -1: none */
	const char *indent;
	struct words cell;
};

#define TERM_TABLE(n, verdict_column, before)                                            \
	{                                                                                \
		.columns = (n), .verdict = (verdict_column), .indent = (before),         \
		.cell = WORDS_INIT                                                       \
	}

void term_table_fini(struct term_table *t); /* for CLEANUP */
/* t->columns texts; NULL is an empty one. */
void term_row(struct term_table *t, const char *const *texts);
void term_table_print(struct term_table *t); /* and is empty then */

#endif
