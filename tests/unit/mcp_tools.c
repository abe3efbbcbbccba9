#include "tests/unit/test.h"

#include "base/json/json.h"
#include "mcp/tool.h"
#include "policy/policy.h"

/* In any order: a schema's members have none. */
static void
check_args(const struct pol_tool *known, const struct tool *t)
{
	struct err e = ERR_INIT;
	json_t *schema = json_parse(str_of(t->schema), &e);
	const json_t *properties = json_object_of(schema, "properties");
	size_t n = 0;

	for (; known->args[n] != NULL; n++)
		ok(json_object_get(properties, known->args[n]) != NULL, known->args[n]);
	ok_int(json_object_size(properties), n, t->name);
	json_decref(schema);
}

static void
policy_knows_each_tool_and_its_arguments(void)
{
	size_t n;
	const struct pol_tool *known = pol_pando_tools(&n);
	size_t i = 0;

	for (; i < n && tool_all[i] != NULL; i++) {
		ok_str(known[i].name, tool_all[i]->name,
			"the same tool in the same place");
		ok_str(known[i].server, tool_server_of(tool_all[i]->role), known[i].name);
		check_args(&known[i], tool_all[i]);
	}
	ok_int(i, n, "as many in both");
	ok(tool_all[i] == NULL, "and no more");
}

int
main(void)
{
	policy_knows_each_tool_and_its_arguments();
	return test_done();
}
