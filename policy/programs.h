#ifndef POLICY_PROGRAMS_H
#define POLICY_PROGRAMS_H

/*
 * What is known about programs that a command line may start: which run their arguments, and
 * where in them; which never do. A program that is not here is taken to run them perhaps.
 */

#include <stdbool.h>

#include "base/str.h"

enum prog_kind {
	PROG_INERT,     /* runs nothing that its words name */
	PROG_EVALUATES, /* the same, but the shell may expand a word of it once more */
	PROG_PLAIN,     /* its words are not a command; a text among them may be one */
	PROG_WRAP,      /* options, operands, then a command */
	PROG_FIND,      /* a command behind -exec and its like */
	PROG_SHELL,     /* -c TEXT, a script's name, or its input */
	PROG_EVAL,      /* its words are the text */
	PROG_SOURCE,    /* a script's name */
	PROG_CODE,      /* an interpreter with code on its command line */
	PROG_GIT,
	PROG_RENAMES, /* makes names mean other things */
	PROG_KINDS
};

enum {
	PROG_ASSIGNS = 1, /* NAME=value may stand before the command */
	PROG_TEXT = 2,    /* a word with blanks in it may be a shell's text */
	PROG_JOINS = 4,   /* the command's words are joined and read by a shell */
	PROG_STDIN = 8,   /* runs what its input says */
	PROG_MORE = 16,   /* words that are not on the line are put behind it */
	PROG_QUERY = 32,  /* -v: asks only */
	PROG_ALONE = 64,  /* without a command: a shell, on its input */
	PROG_READS = 128  /* runs what its input says, in a language of its own */
};

enum { PROG_OPERANDS_MAX = 2 };

struct prog {
	const char *name;
	enum prog_kind kind;
	unsigned
		operands; /* PROG_WRAP: before the command; PROG_CODE: 1 if code comes first */
	unsigned flags;
	const char *
		values; /* options whose value is the next word, or NULL; blanks around each */
};

enum prog_git { PROG_GIT_UNKNOWN, PROG_GIT_QUIET, PROG_GIT_RUNS };

/* By its last path component; NULL: not known. */
const struct prog *prog_find(struct str name);
enum prog_git prog_git_find(struct str subcommand);
bool prog_takes_value(const struct prog *p, struct str option);

#endif
