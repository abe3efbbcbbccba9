#ifndef INSTALL_LEARN_SHELL_H
#define INSTALL_LEARN_SHELL_H

/*
 * Shell command lines that were seen, as the fewest rules that allow them and little else.
 * Pure.
 *
 * Lines whose every command is a program with a subcommand ("git push", "npm run build") of
 * which at least two different ones were seen share a prefix: the words that all of them begin
 * with. Every other line stays as it is: whatever runs other programs, redirects, expands, or
 * has no subcommand is allowed as exactly that line.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/words.h"

enum { LEARN_LINES_MAX = 4096 };

struct learn_line {
	char *text;
	size_t calls;
	bool exact;
};

struct learn_prefix {
	struct words word;
	size_t commands; /* different ones that were seen */
	size_t calls;
};

struct learn_shell {
	struct learn_line *line; /* in order, each once */
	size_t nlines;
	struct learn_prefix *prefix;
	size_t nprefixes;
	size_t dropped; /* calls with lines beyond LEARN_LINES_MAX */
};

void learn_shell_fini(struct learn_shell *s);
/* One call with this line. */
void learn_shell_add(struct learn_shell *s, const char *text, bool exact);
/* Fills prefix; every line that none of them covers becomes exact. May be called again. */
void learn_shell_group(struct learn_shell *s);

#endif
