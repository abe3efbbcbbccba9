#ifndef SHIM_CODEX_OPTIONS_H
#define SHIM_CODEX_OPTIONS_H

/*
 * The options and subcommands of codex 0.169.0, those that --help does not show included; for
 * codex_args.c and its tests.
 */

#include "shim/args.h"

enum codex_check {
	CODEX_PASSES,
	CODEX_CONFIG,
	CODEX_DIR,
	CODEX_HELP,
	CODEX_PROFILE,
	CODEX_SANDBOX,
	CODEX_SEARCH,
	CODEX_ALIAS, /* --experimental-json */
	CODEX_DROPPED,
	CODEX_CHECKS
};

extern const struct args_table codex_options;
extern const struct args_refusal codex_no_sandbox;

/* The way to what -c would set, by the first word of its key. Never NULL. */
const char *codex_instead_of(struct str key);

enum codex_level {
	CODEX_AT_ROOT,
	CODEX_AT_EXEC,
	CODEX_AT_LEAF,
	CODEX_AT_EXEC_LEAF, /* below exec */
	CODEX_LEVELS
};
enum codex_kind { CODEX_AGENT, CODEX_INERT, CODEX_OUT, CODEX_KINDS };

struct codex_command {
	enum codex_level at;
	const char *name;
	enum codex_kind kind;
	enum codex_level to;
	bool tui;           /* takes the flags of the terminal interface */
	const char *passes; /* inert: the next words that may follow, NULL: any */
};

/* NULL: it is a prompt. */
const struct codex_command *codex_command_at(enum codex_level level, const char *word);

#endif
