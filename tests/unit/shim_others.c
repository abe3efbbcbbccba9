/* The person's own MCP servers in a plan. */

#include "tests/unit/shim_plan.h"

#define SERVER(args) "{\"command\":\"/usr/bin/s\",\"args\":[" args "]}"

/* Of the fourth on each has a fault. */
static const char
	own_servers[] =
		"{\"mcpServers\":{\"docs\":" SERVER(
			"\"user\"") ",\"my.net\":{\"type\":\"http\","
				    "\"url\":\"https://x\",\"headers\":{\"A\":\"${TOKEN}\"}},"
				    "\"wiki\":{\"command\":\"npx\",\"env\":{\"ANTHROPIC_API_KEY\":\"k\"},\"type\":\"stdio\"},"
				    "\"pando_core\":" SERVER("") ",\"pando-core\":" SERVER("") ",\"a__b\":" SERVER("") ",\"end_\":" SERVER("") ",\"pando_core__x\":" SERVER("") ",\"plugin_x\":" SERVER("") ",\"two.x\":" SERVER("") ",\"two x\":" SERVER("") ",\"inside\":" SERVER("\"/home/p/a project/s.js\"") ",\"near\":{\"command\":\"./s\"},"
																																						  "\"assigns\":{\"command\":\"A=b\"},\"helper\":{\"type\":\"http\",\"url\":\"u\","
																																						  "\"headersHelper\":\"x\"},\"socket\":{\"type\":\"ws\",\"url\":\"u\"},"
																																						  "\"address\":" SERVER("\"${ANTHROPIC_BASE_URL}\"") ",\"number\":" SERVER("1") ",\"bad\\u001b[1m\":" SERVER("") ",\"off\":" SERVER("") ",\"denied\":" SERVER("") "},"
																																																										  "\"projects\":{\"/home/p/a project\":{\"disabledMcpServers\":[\"off\"],"
																																																										  "\"mcpServers\":{\"docs\":" SERVER(
																																																											  "\"local\", \"/home/p/a project\"") "}},"
																																																															      "\"/home/p\":{\"mcpServers\":{\"elsewhere\":" SERVER(
																																																																      "") "}}}}";
static const char all_but_denied[] =
	"[other_mcp]\nmode = \"deny_list\"\nservers = [\"denied\", { server = \"docs\", "
	"tools = [\"put_*\", \"what?\", \"drop\"] }]\n";
static const char some_allowed[] =
	"[other_mcp]\nmode = \"allow_list\"\nservers = [{ server = \"docs\", tools = "
	"[\"get_*\"] }, \"a__b\"]\n"
	"[[rule]]\nid = \"w\"\ntool = \"wiki/read?\"\ndecision = \"allow\"\n";

static void
claude_connects_the_persons_servers_that_the_policy_admits(void)
{
	CLEANUP(plan_fini) struct plan p;
	CLEANUP(plan_fini) struct plan some;
	CLEANUP(plan_fini) struct plan audited;
	struct plan_facts f = facts();

	f.own_dir = "/home/p/.claude";
	f.state = own_servers;
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
	struct plan_facts f = facts();

	f.own_dir = "/home/p/.claude";
	f.state = own_servers;
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
	struct toml_node *config = config_of(
		"[mcp_servers.docs]\ncommand = \"/usr/bin/s\"\nargs = [\"/home/p/a project\"]\n"
		"startup_timeout_sec = 1.5\ndisabled_tools = [\"own\"]\n"
		"[mcp_servers.docs.env]\nA = \"b\"\n"
		"[mcp_servers.net-1]\nurl = \"https://x\"\nbearer_token_env_var = \"T\"\n"
		"default_tools_approval_mode = \"prompt\"\n"
		"[mcp_servers.pando_core]\nenabled = false\n"
		"[mcp_servers.pando-core]\ncommand = \"x\"\n"
		"[mcp_servers.a__b]\ncommand = \"x\"\n"
		"[mcp_servers.end-]\ncommand = \"x\"\n"
		"[mcp_servers.codex_tui]\ncommand = \"x\"\n"
		"[mcp_servers.two-x]\ncommand = \"x\"\n[mcp_servers.two_x]\ncommand = \"x\"\n"
		"[mcp_servers.\"sp ace\"]\ncommand = \"x\"\n"
		"[mcp_servers.\"quo\\\"te\"]\ncommand = \"x\"\n"
		"[mcp_servers.off]\ncommand = \"x\"\nenabled = false\n"
		"[mcp_servers.key]\ncommand = \"x\"\nexperimental_environment = \"remote\"\n"
		"[mcp_servers.vars]\ncommand = \"x\"\nenv_vars = [\"OPENAI_API_KEY\"]\n"
		"[mcp_servers.both]\ncommand = \"x\"\nurl = \"u\"\n"
		"[mcp_servers.here]\ncommand = \"x\"\ncwd = \"/home/p/a project\"\n"
		"[mcp_servers.code]\ncommand = \"node\"\nargs = [\"/home/p/a project/s.js\"]\n"
		"[mcp_servers.denied]\ncommand = \"x\"\n");

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
