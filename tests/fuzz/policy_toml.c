/* Any text: a policy, or one error that names its place; decisions on it never crash. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct policy *p = pol_parse((struct str){ (const char *)data, n }, "p", &e);
	struct pol_use u = { .agent = POL_CLAUDE, .tool = STR("Bash") };

	if (p == NULL) {
		if (e.code != ERR_POLICY || strncmp(e.text, "p:", 2) != 0)
			abort();
		return 0;
	}
	(void)pol_decide(p, &u);
	u = pol_use_of_joined(p, POL_CLAUDE, STR("mcp__a__b__c"));
	if (u.server.n == 0)
		abort();
	(void)pol_decide(p, &u);
	pol_free(p);
	return 0;
}
