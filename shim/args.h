#ifndef SHIM_ARGS_H
#define SHIM_ARGS_H

/*
 * What the person typed, understood: every option by the agent's own table of arities, one
 * spelling each, and the operands apart. What is not in a table is refused, since nobody can
 * tell what it would loosen. Pure.
 *
 * An inert launch (help, login, lists) starts no model and no tool; it goes to the real agent
 * as typed, provided that this version of the agent knows the subcommand: one that does not
 * would take the word for a prompt.
 */

#include <stdbool.h>

#include "base/err.h"
#include "policy/policy.h"
#include "base/words.h"

enum { ARGS_WISHES_MAX = 8 };

/* An option about the agent's own tools. It loosens no supervision: policy decides. */
struct args_wish {
	const char *option;
	const char *tool; /* NULL: [native_tools] is said in the policy alone */
	const char *why;  /* of the refusal */
	const char *instead;
};

struct args {
	bool inert;
	const char *command; /* of an inert launch, NULL for --version and --help */
	/*
	 * The first operand, when it could be a subcommand of this version that no table has;
	 * NULL: it could not. It goes to the agent as a prompt.
	 */
	char *word;
	struct words
		flags; /* claude: options; codex: options and subcommands, in order */
	struct words operands; /* the prompt, a session id ... */
	char *dir;             /* codex --cd, NULL: none */
	char *profile;         /* codex --profile, NULL: none */
	bool tui;              /* codex: takes the flags of the terminal interface */
	bool has_mode;         /* claude: --permission-mode is among the flags */
	bool has_tools;        /* claude: --tools is among the flags */
	char *settings; /* claude: the last --settings, a file or JSON; NULL: none */
	struct args_wish wish[ARGS_WISHES_MAX];
	size_t nwishes;
};

void args_fini(struct args *a); /* for CLEANUP too */

/* argv[1] when it could be a subcommand and no table has it, NULL. */
const char *args_new_command(enum pol_agent agent, char *const *argv);
/* claude: refuses the words that it looks for anywhere in its arguments. */
int args_refuse_anywhere(char *const *argv, struct err *e);

/* argv[0] is the agent's name. Refusals are ERR_REFUSED and name the argument. */
int args_of_claude(struct args *a, char *const *argv, struct err *e);
int args_of_codex(struct args *a, char *const *argv, struct err *e);

/* Whether policy lets the agent have what was wished for. */
int args_check_wish(const struct args_wish *w, const struct policy *p,
	enum pol_agent agent, struct err *e);

/* A word that could be a subcommand's name: letters, digits, "-" and "_". */
bool args_is_name(const char *word);

/* True when the agent's own --help lists the subcommand ("update|upgrade" lists two). */
bool args_help_lists(struct str help, const char *command);

/* Shared by the tables. A wish that is there already is not added again. */
void args_add_wish(struct args *a, struct args_wish w);

enum arity {
	ARITY_NONE,
	ARITY_ONE,
	ARITY_MAYBE, /* the next word when it is no option */
	ARITY_MANY,  /* all next words that are no options */
	ARITIES
};

/* One option, in its long spelling. check is a value of the agent's own list. */
struct args_row {
	const char *name;
	char letter; /* its short spelling, 0: none */
	enum arity arity;
	int check;
};

/* why it is refused, and the way to what it is for: "leave it out" when there is none. */
struct args_refusal {
	const char *name, *why, *instead;
};

struct args_table {
	const char *agent;
	const struct args_row *rows;
	const struct args_refusal *refused; /* with a reason of their own */
	size_t nrows, nrefused;
};

const struct args_row *args_row_of(const struct args_table *t, struct str name);
const struct args_row *args_row_of_letter(const struct args_table *t, char letter);
bool args_is_option(const char *word);
/* The option has no row: refused with the reason of its name, or as unknown. */
int args_refuse_option(
	const struct args_table *t, const char *argument, struct str name, struct err *e);

/* "<agent>: <argument> is refused: <why>"; args_refuse_for adds "; <instead>". */
int args_refuse(const char *agent, const char *argument, const char *why, struct err *e);
int args_refuse_for(const char *agent, const struct args_refusal *r, struct err *e);

#endif
