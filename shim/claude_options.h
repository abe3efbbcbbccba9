#ifndef SHIM_CLAUDE_OPTIONS_H
#define SHIM_CLAUDE_OPTIONS_H

/*
 * The options and subcommands of claude 2.1.197 to 2.1.330, those that --help does not show
 * included (the program's own list of them); for claude_args.c and its tests.
 */

#include "shim/args.h"

enum claude_check {
	CLAUDE_PASSES,
	CLAUDE_INPUT,
	CLAUDE_MODE,
	CLAUDE_SCHEMA,
	CLAUDE_TOOLS,
	CLAUDE_BRIEF,
	CLAUDE_SETTINGS,
	CLAUDE_AGENTS,
	CLAUDE_AGENT,
	CLAUDE_ALIAS, /* -d2e */
	CLAUDE_DROPPED,
	CLAUDE_CHECKS
};

extern const struct args_table claude_options;

/* What their refusals say, here and where a value is looked at. */
extern const struct args_refusal claude_no_permissions, claude_no_control,
	claude_no_agents;

enum { CLAUDE_WORDS_MAX = 28 };

/*
 * A subcommand that starts no model and no tool, and the words that may follow: "" stands for
 * none, "*" for any.
 */
struct claude_inert {
	const char *command;
	const char *words[CLAUDE_WORDS_MAX];
};
/* NULL: that is none. */
const struct claude_inert *claude_inert_of(const char *command);
/* Runs an agent, a tool server or a daemon. */
bool claude_runs_outside(const char *command);

#endif
