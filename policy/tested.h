#ifndef POLICY_TESTED_H
#define POLICY_TESTED_H

/*
 * Which versions of the agents the tests have run with: the whole suite with the ones that
 * tests/agents/package.json pins, tests/agents/versions.py with the others (setup.sh). Pure.
 */

#include <stddef.h>

#include "policy/policy.h"

enum pol_tested {
	POL_TESTED,       /* this very version */
	POL_TESTED_NEWER, /* than all of them: held by the same plan and checks */
	POL_TESTED_OLDER, /* than all of them */
	POL_TESTED_AMONG, /* between two of them */
	POL_TESTED_UNKNOWN,
	POL_TESTED_KINDS
};

/* Ascending; the last is the newest. */
const char *const *pol_tested_versions(enum pol_agent a, size_t *n);

/* version: "2.1.330", what follows a "-" is not looked at. */
enum pol_tested pol_tested(enum pol_agent a, const char *version);

#endif
