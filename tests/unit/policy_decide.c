#include "tests/unit/test.h"

#include "base/buf.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/upstream.h"

struct row {
	const char *server, *tool;
	enum pol_verdict want;
	const char *rule;
	int line;
};

static void
check(const char *text, const struct row *rows, size_t n)
{
	struct err e = ERR_INIT;
	struct policy *p = text == NULL ? pol_default()
					: pol_parse(str_of(text), "p.toml", &e);

	ok_str(e.text, "", "the policy is good");
	for (size_t i = 0; p != NULL && i < n; i++) {
		const struct pol_use u = { .agent = POL_CLAUDE,
			.server = str_of(rows[i].server),
			.tool = str_of(rows[i].tool) };
		const struct pol_decision d = pol_decide(p, &u);

		ok_int(d.verdict, rows[i].want, rows[i].tool);
		ok_str(d.rule, rows[i].rule, rows[i].tool);
		ok_int(d.line, rows[i].line, rows[i].tool);
		ok_str(d.file, rows[i].line > 0 ? "p.toml" : "built-in", rows[i].tool);
	}
	pol_free(p);
}

static void
without_a_file_only_pando_is_allowed(void)
{
	static const struct row rows[] = {
		{ "", "Bash", POL_DENY, "native_tools.default", 0 },
		{ "", "exec_command", POL_DENY, "native_tools.default", 0 },
		{ "", "pando_core", POL_DENY, "native_tools.default", 0 },
		{ "github", "get_issue", POL_DENY, "other_mcp.mode", 0 },
		{ "pando_core2", "read-file", POL_DENY, "other_mcp.mode", 0 },
		{ "pando_core", "", POL_DENY, "pando", 0 },
		{ "pando_core", "read-file", POL_ALLOW, "pando", 0 },
		{ "pando_workspace", "shell-command", POL_ALLOW, "pando", 0 },
	};

	check(NULL, rows, LEN(rows));
	check("", rows, LEN(rows));
}

static void
native_deny_beats_allow_beats_default(void)
{
	static const struct row rows[] = {
		{ "", "Read", POL_ALLOW, "native_tools.allow[0]", 2 },
		{ "", "WebFetch", POL_DENY, "native_tools.deny[0]", 3 },
		{ "", "WebSearch", POL_ALLOW, "native_tools.allow[1]", 2 },
		{ "", "Bash", POL_DENY, "native_tools.default", 4 },
	};

	check("[native_tools]\nallow = [\"Read\", \"Web*\"]\ndeny = [\"WebFetch\"]\n"
	      "default = \"deny\"\n",
		rows, LEN(rows));
}

static void
an_allow_list_names_servers_and_tools(void)
{
	static const struct row rows[] = {
		{ "github", "get_issue", POL_ALLOW, "other_mcp.servers[0]", 3 },
		{ "github", "create_issue", POL_DENY, "other_mcp.mode", 2 },
		{ "docs", "anything", POL_ALLOW, "other_mcp.servers[1]", 3 },
		{ "evil", "get_issue", POL_DENY, "other_mcp.mode", 2 },
	};

	check("[other_mcp]\nmode = \"allow_list\"\n"
	      "servers = [{ server = \"github\", tools = [\"get_*\"] }, \"docs\"]\n",
		rows, LEN(rows));
}

static void
a_deny_list_names_what_is_off(void)
{
	static const struct row rows[] = {
		{ "github", "create_issue", POL_DENY, "other_mcp.servers[0]", 3 },
		{ "github", "get_issue", POL_ALLOW, "other_mcp.mode", 2 },
		{ "github", "", POL_DENY, "other_mcp.servers[0]", 3 },
		{ "docs", "x", POL_ALLOW, "other_mcp.mode", 2 },
	};

	check("[other_mcp]\nmode = \"deny_list\"\n"
	      "servers = [{ server = \"github\", tools = [\"create_*\"] }]\n",
		rows, LEN(rows));
}

static void
joined_names_come_apart_at_known_servers_only(void)
{
	static const struct {
		const char *name, *server, *tool;
	} rows[] = {
		{ "Bash", "", "Bash" },
		{ "mcp__pando_core__read-file", "pando_core", "read-file" },
		{ "mcp__pando_workspace__a__b", "pando_workspace", "a__b" },
		{ "mcp__a__b__c", "a__b__c", "" },
		{ "mcp__a__bc__d", "a", "bc__d" },
		{ "mcp__a__x", "a", "x" },
		{ "mcp__unknown__x", "unknown__x", "" },
		{ "mcp__pando_corex__x", "pando_corex__x", "" },
		{ "mcp__", "mcp__", "" },
		{ "mcp_pando_core__x", "", "mcp_pando_core__x" },
	};
	struct err e = ERR_INIT;
	struct policy *p = pol_parse(
		STR("[other_mcp]\nmode=\"allow_list\"\nservers=[\"a\",\"a__b\"]\n"), "p",
		&e);

	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		const struct pol_use u = pol_use_of_joined(
			p, POL_CLAUDE, str_of(rows[i].name));

		ok_bytes(u.server, str_of(rows[i].server), rows[i].name);
		ok_bytes(u.tool, str_of(rows[i].tool), rows[i].name);
	}
	pol_free(p);
	ok_bytes(pol_use_of_pair(POL_CODEX, STR("mcp__x"), STR("t")).server, STR("x"),
		"pair");
	ok_int(pol_use_of_pair(POL_CODEX, STR("functions"), STR("t")).server.n, 0,
		"native");
}

/* Where the server ends is not known, so the strictest of what the name can mean holds. */
static void
a_joined_name_is_met_wherever_it_comes_apart(void)
{
	static const struct {
		const char *name;
		enum pol_verdict want;
	} rows[] = {
		{ "mcp__github__get_issue", POL_ALLOW },
		{ "mcp__github__delete_repo", POL_DENY },
		{ "mcp__gitlab__x__delete_all", POL_DENY },
		{ "mcp__docs__delete_x", POL_ALLOW },
		{ "mcp__a__b__c", POL_DENY }, /* a/b__c or a__b/c */
		{ "mcp__a__c__b", POL_ALLOW },
		{ "mcp__a__b__d", POL_ALLOW },
	};
	static const struct pol_text texts[] = {
		{ POL_USER, "u",
			STR("[other_mcp]\nmode = \"deny_list\"\n"
			    "servers = [{ server = \"a\", tools = [\"b__c\"] }]\n"
			    "[[rule]]\ntool = \"git*/delete_*\"\ndecision = \"deny\"\n") },
		{ POL_PROJECT, "p",
			STR("[[rule]]\ntool = \"a__b/never\"\ndecision = \"deny\"\n") },
	};
	struct err e = ERR_INIT;
	struct policy *p = pol_of_texts(texts, LEN(texts), "/p", &e);

	ok_str(e.text, "", "the files are good");
	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		const struct pol_use u = pol_use_of_joined(
			p, POL_CLAUDE, str_of(rows[i].name));

		ok_int(pol_decide(p, &u).verdict, rows[i].want, rows[i].name);
	}
	ok_int(pol_decide(p, &(struct pol_use){ .server = STR("github__delete_x") })
			.verdict,
		POL_ALLOW, "a server whose name is known to be that");
	pol_free(p);
}

static void
a_clients_spelling_does_not_slip_past_a_rule(void)
{
	static const struct {
		enum pol_agent agent;
		const char *space, *name, *tool;
		enum pol_verdict want;
	} rows[] = {
		{ POL_CODEX, "mcp__git_hub", "create_issue", "create_issue", POL_DENY },
		{ POL_CODEX, "mcp__git_hub", "get_issue", "get_issue", POL_ALLOW },
		{ POL_CODEX, "mcp__pando_core", "read_file", "read-file", POL_ALLOW },
		{ POL_CODEX, "mcp__pando_core", "readxfile", "readxfile", POL_ALLOW },
		{ POL_CODEX, "functions", "read_file", "read_file", POL_DENY },
		{ POL_CODEX, "mcp__my_server", "x", "x", POL_DENY },
	};
	static const struct {
		const char *name;
		enum pol_verdict want;
	} claude[] = {
		{ "mcp__my_server__x", POL_DENY },
		{ "mcp__git-hub__create-a", POL_DENY },
		{ "mcp__git-hub__create_a", POL_ALLOW },
		{ "mcp__git_hub__create-a", POL_ALLOW },
	};
	struct err e = ERR_INIT;
	struct policy *p = pol_parse(
		STR("[other_mcp]\nmode=\"deny_list\"\nservers=[{server="
		    "\"git-hub\",tools=[\"create-*\"]},\"my.server\"]\n"),
		"p", &e);

	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		const struct pol_use u = pol_use_of_pair(
			rows[i].agent, str_of(rows[i].space), str_of(rows[i].name));

		ok_bytes(u.tool, str_of(rows[i].tool), rows[i].name);
		ok_int(pol_decide(p, &u).verdict, rows[i].want, rows[i].name);
	}
	for (size_t i = 0; p != NULL && i < LEN(claude); i++) {
		const struct pol_use u = pol_use_of_joined(
			p, POL_CLAUDE, str_of(claude[i].name));

		ok_int(pol_decide(p, &u).verdict, claude[i].want, claude[i].name);
	}
	pol_free(p);
	ok(!glob_match_hyphens(STR("a-b"), STR("a_b")), "claude keeps the hyphen");
	ok(glob_match_hyphens(STR("a.b"), STR("a_b")), "and nothing else");
}

static void
upstreams_are_https_or_loopback(void)
{
	static const struct {
		const char *url;
		bool fine;
	} rows[] = {
		{ "https://api.anthropic.com", true },
		{ "https://host.example:8443/v1/", true },
		{ "http://127.0.0.1:8080", true },
		{ "http://127.9.9.9/x", true },
		{ "http://[::1]:80/v1", true },
		{ "http://localhost:1", true },
		{ "http://localhost.evil.example", false },
		{ "http://127.0.0.1.evil.example", false },
		{ "http://127.0.0.1@evil.example", false },
		{ "http://[::1", false },
		{ "http://2130706433/", false },
		{ "https://", false },
		{ "https://a:x", false },
		{ "https://a:123456", false },
		{ "https://a:65536", false },
		{ "https://a:0", false },
		{ "https://a:", false },
		{ "http://127.example.org", false },
		{ "http://127.1", false },
		{ "http://localhost.", false },
		{ "http://[::ffff:127.0.0.1]", false },
		{ "https://a b", false },
		{ "https://a?q", false },
		{ "ftp://a", false },
		{ "", false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(upstream_fault(str_of(rows[i].url)) == NULL, rows[i].fine,
			rows[i].url);
	ok_bytes(upstream_trimmed(STR("https://a/v1//")), STR("https://a/v1"),
		"trailing slash");
	ok(upstream_is_loopback(STR("https://127.0.0.1/v1")), "this machine");
	ok(upstream_is_loopback(STR("http://[::1]:80")), "this machine");
	ok(upstream_is_loopback(STR("http://LOCALHOST:80/x")), "this machine");
	ok(!upstream_is_loopback(STR("https://127.example.org/v1")), "another one");
	ok(!upstream_is_loopback(STR("https://localhost.example.org")), "another one");
	ok(!upstream_is_loopback(STR("http://127.0.0.1.example.org")), "another one");
	ok(!upstream_is_loopback(STR("http://example.org/127.0.0.1")), "another one");
}

static void
upstreams_are_cut_into_their_parts(void)
{
	static const struct {
		const char *url;
		bool tls;
		const char *host, *authority;
		int port;
		const char *path;
	} rows[] = {
		{ "https://a.example/v1/x?y=z", true, "a.example", "a.example", 443,
			"/v1/x?y=z" },
		{ "http://127.0.0.1:81", false, "127.0.0.1", "127.0.0.1:81", 81, "" },
		{ "http://[::1]:82/", false, "::1", "[::1]:82", 82, "/" },
		{ "http://localhost?q", false, "localhost", "localhost", 80, "?q" },
	};
	struct upstream_at at;

	for (size_t i = 0; i < LEN(rows); i++) {
		ok(upstream_split(str_of(rows[i].url), &at), rows[i].url);
		ok_int(at.tls, rows[i].tls, rows[i].url);
		ok_bytes(at.host, str_of(rows[i].host), rows[i].url);
		ok_bytes(at.authority, str_of(rows[i].authority), rows[i].url);
		ok_int(at.port, rows[i].port, rows[i].url);
		ok_bytes(at.path, str_of(rows[i].path), rows[i].url);
	}
	ok(!upstream_split(STR("http://a b/"), &at), "a space");
	ok(!upstream_split(STR("http://a\r\nb/"), &at), "a line end");
	ok(!upstream_split(STR("127.0.0.1"), &at), "no scheme");
}

static void
globs_match_in_whole(void)
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} rows[] = {
		{ "*", "", true },
		{ "", "", true },
		{ "", "a", false },
		{ "a*c", "abc", true },
		{ "a*c", "abcd", false },
		{ "a?c", "abc", true },
		{ "*a*b", "xxaxxb", true },
		{ "a**", "a", true },
		{ "[a]", "a", false },
		{ "*aab", "aaaab", true },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(glob_match(str_of(rows[i].pattern), str_of(rows[i].name)),
			rows[i].want, rows[i].pattern);
}

static void
a_name_without_end_is_denied(void)
{
	static char name[POL_WIRE_NAME_MAX + 1];
	struct policy *p = pol_default();
	struct pol_use u = { .agent = POL_CLAUDE,
		.server = STR(POL_SERVER_CORE),
		.tool = { name, sizeof name } };

	memset(name, '_', sizeof name);
	ok_str(pol_decide(p, &u).message, "the name is too long", "a tool");
	u.tool.n--;
	ok_int(pol_decide(p, &u).verdict, POL_ALLOW, "the longest");
	u = pol_use_of_joined(p, POL_CLAUDE, (struct str){ name, sizeof name });
	ok_int(pol_decide(p, &u).verdict, POL_DENY, "as claude joins it");
	pol_free(p);
}

static void
a_refusal_names_tool_rule_and_place_and_the_command_that_explains(void)
{
	static const struct {
		struct pol_use u;
		const char *blocked, *why, *command;
	} rows[] = {
		{ { .agent = POL_CLAUDE, .tool = STR("Bash\n") }, "Bash\\x0a",
			"the agent's own tools are off; use the pando_core and "
			"pando_workspace tools (rule native_tools.default, built-in)",
			"claude TOOL" },
		{ { .agent = POL_CODEX, .tool = STR("mcp__pando_core__x") },
			"mcp__pando_core__x",
			"the agent's own tools are off; use the pando_core and "
			"pando_workspace tools (rule native_tools.default, built-in)",
			"codex codex/mcp__pando_core__x" },
		{ { .agent = POL_CODEX,
			  .server = STR("evil"),
			  .tool = STR("a$(x)"),
			  .caller = POL_CALLER_SUBAGENT },
			"evil/a$(x)",
			"MCP servers other than pando_core and pando_workspace are off "
			"(rule other_mcp.mode, built-in)",
			"--subagent \"\" codex evil/TOOL" },
		{ { .agent = POL_CODEX, .server = STR("codex"), .tool = STR("x.y") },
			"codex/x.y",
			"MCP servers other than pando_core and pando_workspace are off "
			"(rule other_mcp.mode, built-in)",
			"codex mcp__codex__x.y" },
		{ { .agent = POL_CLAUDE,
			  .server = STR("docs__read"),
			  .tool = STR(""),
			  .joined = true },
			"docs__read",
			"MCP servers other than pando_core and pando_workspace are off "
			"(rule other_mcp.mode, built-in)",
			"claude mcp__docs__read" },
	};
	struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct pol_decision d = pol_decide(p, &rows[i].u);
		CLEANUP(buf_fini) struct buf want = BUF_INIT(POL_REFUSAL_MAX);
		char text[POL_REFUSAL_MAX];

		buf_printf(&want,
			"[pando-ai] blocked %s: %s. Run 'pando-ai logs' to see the "
			"decision, 'pando-ai policy explain %s' to see why.",
			rows[i].blocked, rows[i].why, rows[i].command);
		ok_str(pol_refusal(&rows[i].u, &d, text), buf_text(&want), "refusal");
	}
	pol_free(p);
}

int
main(void)
{
	without_a_file_only_pando_is_allowed();
	native_deny_beats_allow_beats_default();
	an_allow_list_names_servers_and_tools();
	a_deny_list_names_what_is_off();
	joined_names_come_apart_at_known_servers_only();
	a_joined_name_is_met_wherever_it_comes_apart();
	a_clients_spelling_does_not_slip_past_a_rule();
	upstreams_are_https_or_loopback();
	upstreams_are_cut_into_their_parts();
	globs_match_in_whole();
	a_name_without_end_is_denied();
	a_refusal_names_tool_rule_and_place_and_the_command_that_explains();
	return test_done();
}
