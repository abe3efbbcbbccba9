#ifndef POLICY_REACH_H
#define POLICY_REACH_H

/*
 * Which words of a simple command may be the program of a command: the first; those behind
 * env, sudo, find -exec and their like; and, behind a program that is not known, all.
 *
 * For command.c, which asks what runs, and shell_script.c, which reads texts for shells.
 */

#include "policy/programs.h"
#include "policy/shell.h"

struct reach {
	const struct sh_command *c;
	const struct sh_word *w;
	struct sh_word *named; /* the same words, to be named on this first walk; NULL */
	size_t n, i;
	size_t any;      /* from here on each word may be a program; n: none */
	struct str hole; /* a word with this in it is not known: find's {} */
	bool more;       /* words that are not there follow: xargs */
	bool unsure;     /* a program may run that is none of these words */
	uint64_t sure[SH_WORDS_MAX / 64]; /* the places that a known program names */
};

struct reach_at {
	size_t i;
	bool sure;  /* false: only because a program is not known */
	bool known; /* base is its name, without the path */
	struct str base;
	const struct prog *prog; /* NULL: not known what it does */
};

void reach_init(struct reach *r, const struct sh_line *l, size_t command);
/* The first walk over a command: what it finds out is kept for those that follow. */
void reach_init_first(struct reach *r, struct sh_line *l, size_t command);
bool reach_next(struct reach *r, struct reach_at *at);

bool reach_known(const struct reach *r, size_t i);
bool reach_is_sure(const struct reach *r, size_t i);
bool reach_is_option(struct str word);
/* Blanks, quotes or operators: not one plain word for a shell. */
bool reach_is_text(struct str word);
/* The subcommand of the git at `at`; r->n: there is none. False: not clear. */
bool reach_git(const struct reach *r, const struct reach_at *at, size_t *subcommand);
/* What that subcommand, which is there, does with its words. */
enum prog_git reach_git_does(const struct reach *r, size_t subcommand);

enum reach_script {
	REACH_FILE, /* a script's file: it is not in the text; or none at all */
	REACH_TEXT,
	REACH_UNKNOWN
};
/* What the shell at `at` will read. */
enum reach_script reach_shell(
	const struct reach *r, const struct reach_at *at, struct str *text);
/* A path that is standard input or another open descriptor. */
bool reach_is_stdin(struct str path);

/* The last part of a path. */
struct str reach_base(struct str path);

#endif
