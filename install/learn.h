#ifndef INSTALL_LEARN_H
#define INSTALL_LEARN_H

/*
 * A least policy from past calls. Pure.
 *
 * What the built-in defaults or somebody's list denied only because nothing names it is
 * proposed, and so is what was allowed; what a rule or a list denies by name is not, and told
 * instead. Pando's own tools need no rule.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/words.h"
#include "install/history.h"
#include "install/learn_shell.h"
#include "policy/policy.h"

enum { LEARN_TEXT_MAX = POL_FILE_MAX };

/* Calls of one tool that are to be allowed. */
struct learn_tool {
	const struct past_call *first;
	size_t calls;
	size_t unkept;            /* calls of a shell whose command line is not known */
	struct learn_shell shell; /* no lines: the tool is allowed as it is */
	bool is_vain; /* no rule of the person's file can allow any of its calls */
};

struct learn {
	const struct policy *live;     /* its managed and project's files stay */
	bool exact;                    /* no prefixes */
	const struct past_call **call; /* that are to be allowed, in order */
	size_t ncalls;
	struct learn_tool *tool;
	size_t ntools;
	size_t own;          /* calls of Pando's tools */
	struct words denied; /* what is not proposed, and why: plain lines */
	struct words beyond; /* what the proposal cannot allow, and why */
	struct buf toml;
	size_t rules;
};

void learn_fini(struct learn *l); /* for CLEANUP */
/*
 * Fills the rest: the proposal loads in the place of the person's file, and allows each call
 * that `beyond` does not name.
 */
int learn_propose(struct learn *l, const struct history *h, struct err *e);

/* --- learn_toml.c --- */
/* Writes the rules anew. */
void learn_put_toml(struct learn *l);
/* The argument that is the command line of a native shell, NULL: there is none. */
const char *learn_shell_key(const struct past_call *c);

#endif
