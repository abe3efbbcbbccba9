#ifndef INSTALL_POLICY_CLI_H
#define INSTALL_POLICY_CLI_H

/* What the policy commands share: the project root, words of options, how a decision is told. */

#include "base/err.h"
#include "install/jout.h"
#include "policy/policy.h"

/*
 * The project that --root or PANDO_PROJECT_ROOT names, else the one that a launch from the
 * working directory would have. Yours; *root NULL: none.
 */
int cli_root(const char *given, char **root, struct err *e);
/* The live policy of that project; *root as above. */
struct policy *cli_policy(const char *given, char **root, struct err *e);

/* "managed", "user" or "project"; NULL: the person's. */
int cli_layer(
	const char *word, const char *command, enum pol_layer *layer, struct err *e);
const char *cli_file_of(enum pol_layer layer); /* as a person calls it */

/* "file:line", or "built-in"; yours. */
char *cli_at(const struct pol_decision *d);
/* "claude Bash", "codex github/get_issue"; yours, not made harmless. */
char *cli_call_name(const struct pol_use *u);
void cli_json_decision(struct jout *j, const char *key, const struct pol_decision *d);
/* layer, file and the like of the policy: "policy": { ... } */
void cli_json_layers(struct jout *j, const struct policy *p);
void cli_print_layers(const struct policy *p);

/* "<file>:<line>:<column>: <what>" taken apart; false: the text is not of that kind. */
struct cli_place {
	struct str file, what;
	int64_t line, column;
};
bool cli_place_of(const char *text, struct cli_place *at);

/*
 * A call as a person writes it: agent, tool ("Bash", "server/tool", "mcp__server__tool").
 * Texts are borrowed from the words.
 */
int cli_use(const struct policy *p, struct str agent, struct str tool, struct pol_use *u,
	struct err *e);
/* The same of one text, with the arguments as JSON behind it: "claude Bash {...}". */
int cli_call(const struct policy *p, struct str text, struct pol_use *u, struct err *e);
/* The part up to a blank; *rest is what is behind it. */
struct str cli_word(struct str *rest);

#endif
