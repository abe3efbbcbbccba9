#ifndef MCP_EDIT_H
#define MCP_EDIT_H

/* Edits of text: text in, text out. No files (edit_file.h has them). */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct edit_swap {
	struct str from, to;
	bool all; /* every place; else there must be exactly one */
};

/*
 * Appends the new text to out; *places and *line (of the first place, from 1) tell what was
 * done. When the lines of the text end in CR LF and those of the swap do not, the swap is
 * taken as if they did.
 */
int edit_replace(struct str text, const struct edit_swap *swap, struct buf *out,
	int64_t *places, int64_t *line, struct err *e);

/* Before which line text goes in; one more than there are lines is the end. */
int edit_insert(
	struct str text, int64_t line, struct str what, struct buf *out, struct err *e);

/* Lines, a last one without newline included. */
int64_t edit_lines(struct str text);

#endif
