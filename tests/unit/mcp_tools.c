#include "tests/unit/test.h"

#include "mcp/tool.h"
#include "policy/policy.h"

static void
policy_knows_each_tool_by_name(void)
{
	size_t n;
	const char *const *known = pol_pando_tools(&n);
	size_t i = 0;

	for (; i < n && tool_all[i] != NULL; i++)
		ok_str(known[i], tool_all[i]->name, "the same tool in the same place");
	ok_int(i, n, "as many in both");
	ok(tool_all[i] == NULL, "and no more");
}

int
main(void)
{
	policy_knows_each_tool_by_name();
	return test_done();
}
