#ifndef POLICY_COMMAND_H
#define POLICY_COMMAND_H

/*
 * Does a simple command begin with these words? For `prefix = ["git", "push"]`.
 *
 * The answer is one of three. CMD_YES: the program (by its path's last component) and the
 * words right behind it are the prefix, each known for certain, and no redirection of the line
 * writes a file. CMD_NO: the prefix cannot be
 * what this command runs. CMD_UNSURE: all between; the caller then takes the stricter answer.
 * Options before a subcommand, programs that run their arguments (env, sudo, xargs, find
 * -exec), shells and eval, words made by expansions, and git's dashed programs are looked
 * through. Programs known to print or search their arguments only (echo, grep) are not.
 *
 * It judges what is written, as bash reads it. What a script, a makefile or an alias of a
 * configuration file does is not in the text; nor is a program under another name (a copy, a
 * link), a file that an earlier command of the line writes and a later one runs, code in
 * another language that puts the words together, or a subcommand's abbreviation.
 *
 * A program of another language, or one that runs what it reads, is taken to run the words when
 * they stand in their order in its own words, or, if anything is fed to it, in one other command
 * or input of the line.
 *
 * Pure, linear, no allocation in cmd_match().
 */

#include "base/str.h"
#include "policy/shell.h"

enum cmd_match { CMD_NO, CMD_UNSURE, CMD_YES };

enum { CMD_TOKENS_MAX = 16, CMD_TOKEN_MAX = 256 };

/* A compiled prefix. Tokens are literal words or name patterns (glob.h). */
struct cmd_prefix {
	char **token; /* owned, NULL-terminated */
	size_t n;
	char *anywhere; /* "*git*push*": the pattern that finds the tokens in a text */
	uint32_t run[CMD_TOKENS_MAX]; /* of each token, for sh_may_have(); 0: a pattern */
	uint64_t need; /* bits of cmd_bits(); a line without one of them cannot match */
};

/* Takes copies. 1 to CMD_TOKENS_MAX tokens. */
void cmd_prefix_init(struct cmd_prefix *p, const char *const *tokens, size_t n);
void cmd_prefix_fini(struct cmd_prefix *p);

/*
 * What the line could be asked for, as a set of bits, computed once a line. A prefix of which
 * a needed bit is not there, (need & ~bits) != 0, answers CMD_NO for each of its commands.
 */
uint64_t cmd_bits(const struct sh_line *l);

/* For one command of the line. Every command of an opaque line answers CMD_UNSURE. */
enum cmd_match cmd_match(
	const struct sh_line *l, size_t command, const struct cmd_prefix *p);

#endif
