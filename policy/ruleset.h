#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

/* What a policy is made of; for the files of this folder only. */

#include "policy/policy.h"

enum { POL_DIGEST_HEX = 64 };

/* One name pattern of a list, with its place in the file. */
struct pol_item {
	char *name;   /* tool, or server in [other_mcp] servers */
	char **tools; /* [other_mcp] only: patterns, NULL-terminated; NULL: all */
	char *rule;   /* "native_tools.allow[0]" */
	int line;
};

struct pol_list {
	struct pol_item *item;
	const char **names; /* the same names, for the launch */
	size_t n;
};

enum pol_other_mode { POL_DENY_ALL, POL_ALLOW_LIST, POL_DENY_LIST, POL_OTHER_MODES };

struct policy {
	char *file;
	char digest[POL_DIGEST_HEX + 1];
	bool native_default_allow;
	int native_default_line;
	struct pol_list native_allow, native_deny;
	enum pol_other_mode other_mode;
	int other_mode_line;
	struct pol_list other_servers;
	enum pol_mode mode[POL_AGENTS];
	char *upstream[POL_AGENTS];
	enum pol_react definition, history, call, unknown;
};

#endif
