/* The person's own MCP servers in a plan. */

#include "tests/unit/shim_plan.h"

static const char all_but_denied[] =
	"[other_mcp]\nmode = \"deny_list\"\nservers = [\"denied\", { server = \"docs\", "
	"tools = [\"put_*\", \"what?\", \"drop\"] }]\n";
static const char some_allowed[] =
	"[other_mcp]\nmode = \"allow_list\"\nservers = [{ server = \"docs\", tools = "
	"[\"get_*\"] }, \"a__b\"]\n"
	"[[rule]]\nid = \"w\"\ntool = \"wiki/read?\"\ndecision = \"allow\"\n";

/* Those that come behind "wiki" and "net-1" have a fault each. */
static void
own_servers(struct buf *b, const char *kind)
{
	CLEANUP(mem_freep) char *dir = path_dir(__FILE__);
	CLEANUP(mem_freep)
	char *path = mem_printf("%s/shim_plan/own-servers.%s", dir, kind);
	struct err e = ERR_INIT;

	ok_int(path_read(path, b, &e), 0, e.text);
}

static void
claude_connects_the_persons_servers_that_the_policy_admits(void)
{
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(plan_fini) struct plan some;
	CLEANUP(plan_fini) struct plan audited;
	CLEANUP(buf_fini) struct buf state = BUF_INIT(PLAN_TEXT_MAX);
	struct plan_facts f = facts();

	own_servers(&state, "json");
	f.own_dir = "/home/p/.claude";
	f.state = buf_text(&state);
	plan_of(&p, &f, all_but_denied, claude_argv, POL_CLAUDE);
	ok_golden(&p, "claude-others");
	plan_of(&some, &f, some_allowed, claude_argv, POL_CLAUDE);
	ok(strstr(file_of(&some, "mcp.json"), "\"local\"") != NULL, "docs");
	ok(strstr(file_of(&some, "mcp.json"), "npx") != NULL, "a rule admits wiki");
	ok(strstr(file_of(&some, "mcp.json"), "my.net") == NULL, "and nothing my.net");
	ok_int(some.notes.n, 1, "only a__b is worth a word");
	plan_of(&audited, &f, "[proxy]\nclaude = \"audit\"\n", claude_argv, POL_CLAUDE);
	ok(strstr(file_of(&audited, "mcp.json"), "\"denied\"") != NULL,
		"an audited claude has them all");
}

static void
servers_of_a_file_in_the_project_are_not_connected(void)
{
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(buf_fini) struct buf state = BUF_INIT(PLAN_TEXT_MAX);
	struct plan_facts f = facts();

	own_servers(&state, "json");
	f.own_dir = "/home/p/.claude";
	f.state = buf_text(&state);
	f.servers_in_project = true;
	plan_of(&p, &f, some_allowed, claude_argv, POL_CLAUDE);
	ok(strstr(file_of(&p, "mcp.json"), "docs") == NULL, "docs is not there");
	ok_int(p.notes.n, 3, "docs, wiki and a__b");
}

static void
codex_connects_the_persons_servers_that_the_policy_admits(void)
{
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(plan_fini) struct plan off;
	struct plan_facts f = codex_facts();
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PLAN_TEXT_MAX);
	struct toml_node *config;

	own_servers(&text, "toml");
	config = config_of(buf_text(&text));
	f.config = config;
	plan_of(&p, &f, all_but_denied, codex_argv, POL_CODEX);
	ok_golden(&p, "codex-others");
	f.port = 0;
	plan_of(&off, &f, all_but_denied, codex_argv, POL_CODEX);
	ok(off.requirements != NULL && strstr(off.requirements, "docs") == NULL,
		"without a gateway there are none");
	toml_free(config);
}

int
main(void)
{
	claude_connects_the_persons_servers_that_the_policy_admits();
	servers_of_a_file_in_the_project_are_not_connected();
	codex_connects_the_persons_servers_that_the_policy_admits();
	return test_done();
}
