#ifndef POLICY_TABLES_H
#define POLICY_TABLES_H

/*
 * What a file's [native_tools] and [other_mcp] say of a tool, and what is said where no file
 * speaks; for decide.c.
 */

#include "policy/ruleset.h"

/* line 0: built in, and f may be NULL. */
struct pol_decision pol_at_place(const struct pol_file *f, int line, enum pol_verdict v,
	const char *rule, const char *why);
/* false: the file says nothing. */
bool pol_ask_tables(
	const struct pol_file *f, const struct pol_use *u, struct pol_decision *d);
struct pol_decision pol_built_in(const struct pol_use *u);

#endif
