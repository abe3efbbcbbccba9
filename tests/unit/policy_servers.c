/* Which other MCP servers a launch connects, and what it switches off of them. */

#include "tests/unit/test.h"

#include "base/buf.h"
#include "policy/policy.h"

enum { TEXT_MAX = 4096 };

static void
servers_are_admitted_that_have_a_tool_to_offer(void)
{
	static const struct {
		const char *policy, *server;
		bool claude, codex;
	} rows[] = {
		{ "", "docs", false, false },
		{ "", "pando_core", true, true },
		{ "[other_mcp]\nmode = \"deny_all\"\n", "docs", false, false },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"docs\"]\n", "docs",
			true, true },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"docs\"]\n", "docs2",
			false, false },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"my-docs\"]\n",
			"my-docs", true, true },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"my-docs\"]\n",
			"my_docs", false, true },
		{ "[other_mcp]\nmode = \"allow_list\"\nservers = [\"my.docs\"]\n",
			"my_docs", true, true },
		{ "[other_mcp]\nmode = \"allow_list\"\n"
		  "servers = [{ server = \"docs\", tools = [\"get-?_*\"] }]\n",
			"docs", true, true },
		{ "[other_mcp]\nmode = \"deny_list\"\nservers = [\"evil*\"]\n", "docs",
			true, true },
		{ "[other_mcp]\nmode = \"deny_list\"\nservers = [\"evil*\"]\n", "evil2",
			false, false },
		{ "[other_mcp]\nmode = \"deny_list\"\n"
		  "servers = [{ server = \"docs\", tools = [\"*\"] }]\n",
			"docs", false, false },
		{ "[other_mcp]\nmode = \"deny_list\"\n"
		  "servers = [{ server = \"docs\", tools = [\"put_*\"] }]\n",
			"docs", true, true },
		{ "[[rule]]\ntool = \"docs/get_*\"\ndecision = \"allow\"\n", "docs", true,
			true },
		{ "[[rule]]\ntool = \"docs/get_*\"\ndecision = \"audit\"\n", "docs", true,
			true },
		{ "[[rule]]\ntool = \"docs/get_*\"\ndecision = \"allow\"\nagent = \"codex\"\n",
			"docs", false, true },
		{ "[[rule]]\ntool = \"claude/*\"\ndecision = \"allow\"\n", "docs", false,
			false },
		{ "[[rule]]\ntool = \"docs/get_*\"\ndecision = \"allow\"\nargs.a = \"b\"\n",
			"docs", true, true },
		{ "[[rule]]\ntool = \"docs/*\"\ndecision = \"deny\"\n"
		  "[other_mcp]\nmode = \"allow_list\"\nservers = [\"docs\", \"more\"]\n",
			"docs", false, false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		CLEANUP(pol_freep)
		struct policy *p = pol_parse(str_of(rows[i].policy), "p", &e);
		const struct str s = str_of(rows[i].server);

		ok_str(e.text, "", rows[i].policy);
		if (p == NULL)
			continue;
		ok_int(pol_admits_server(p, POL_CLAUDE, s), rows[i].claude,
			rows[i].policy);
		ok_int(pol_admits_server(p, POL_CODEX, s), rows[i].codex, rows[i].policy);
		ok(pol_is_pando(s) || pol_may_admit_servers(p, POL_CODEX) ||
				!rows[i].codex,
			"what is admitted was looked for");
	}
}

static void
what_two_files_allow_together_is_admitted(void)
{
	static const char managed[] = "[other_mcp]\nmode = \"allow_list\"\n"
				      "servers = [\"docs\", \"wiki\"]\n";
	static const char user[] = "[other_mcp]\nmode = \"allow_list\"\n"
				   "servers = [{ server = \"docs\", tools = [\"get\"] }, "
				   "\"evil\"]\n";
	const struct pol_text texts[] = { { POL_MANAGED, "m", STR(managed) },
		{ POL_USER, "u", STR(user) } };
	struct err e = ERR_INIT;
	CLEANUP(pol_freep)
	struct policy *p = pol_of_texts(texts, LEN(texts), NULL, &e);

	ok_str(e.text, "", "the policy is good");
	ok(p != NULL && pol_admits_server(p, POL_CLAUDE, STR("docs")), "docs: by both");
	ok(p != NULL && !pol_admits_server(p, POL_CLAUDE, STR("wiki")), "wiki: by one");
	ok(p != NULL && !pol_admits_server(p, POL_CLAUDE, STR("evil")), "evil: by one");
}

static void
on_denied(void *to, const char *tools)
{
	buf_printf(to, "%s ", tools);
}

/* What is told must be certain: no call of such a tool is let through, whatever its arguments. */
static void
tools_are_told_that_are_denied_for_certain(void)
{
	static const struct {
		const char *policy, *want;
	} rows[] = {
		{ "[other_mcp]\nmode = \"deny_list\"\n"
		  "servers = [\"evil\", { server = \"docs\", tools = [\"put_*\", \"x\"] }]\n",
			"put_* x " },
		{ "[other_mcp]\nmode = \"allow_list\"\n"
		  "servers = [{ server = \"docs\", tools = [\"get\"] }]\n",
			"" },
		{ "[[rule]]\ntool = \"docs/a\"\ndecision = \"deny\"\n"
		  "[[rule]]\ntool = \"docs/b\"\ndecision = \"deny\"\n"
		  "[[rule]]\ntool = \"docs/c\"\ndecision = \"deny\"\nargs.a = \"b\"\n"
		  "[[rule]]\ntool = \"docs/d\"\ndecision = \"deny\"\nagent = \"codex\"\n"
		  "[[rule]]\ntool = \"wiki/e\"\ndecision = \"allow\"\n"
		  "[[rule]]\ntool = \"docs/f_*\"\ndecision = \"allow\"\n"
		  "[[rule]]\ntool = \"docs/f*\"\ndecision = \"deny\"\n"
		  "[other_mcp]\nmode = \"deny_list\"\n"
		  "servers = [{ server = \"docs\", tools = [\"f*\"] }]\n",
			"a b " },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		CLEANUP(pol_freep)
		struct policy *p = pol_parse(str_of(rows[i].policy), "p", &e);
		CLEANUP(buf_fini) struct buf told = BUF_INIT(TEXT_MAX);

		ok_str(e.text, "", rows[i].policy);
		if (p != NULL)
			pol_denied_tools(p, POL_CLAUDE, STR("docs"), on_denied, &told);
		ok_str(buf_text(&told), rows[i].want, rows[i].policy);
	}
}

static void
names_that_can_be_taken_for_another_are_refused(void)
{
	static const char *const good[] = { "docs", "my-docs", "a_b", "D0cs", "pando",
		"pando_core2", "ideas", "my_pando_core" };
	static const char *const bad[] = { "", "a__b", "a_", "_a", "__", "_", "a.b",
		"a b", "a/b", "\xc3\xa9", "pando_core", "pando-core", "Pando_Core",
		"pando_workspace", "pando_core__x", "ide", "claude-in-chrome",
		"claude_ai_x", "plugin_x_y", "codex_tui", "codex_apps",
		"a23456789012345678901234567890123456789012345678901234567890123456" };

	for (size_t i = 0; i < LEN(good); i++)
		ok(pol_server_name_fault(str_of(good[i])) == NULL, good[i]);
	for (size_t i = 0; i < LEN(bad); i++)
		ok(pol_server_name_fault(str_of(bad[i])) != NULL, bad[i]);
}

static void
uses_of_admitted_servers_are_expected(void)
{
	static const char policy[] = "[other_mcp]\nmode = \"deny_list\"\n"
				     "servers = [\"evil\", \"a__b\"]\n";
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{ "mcp__docs__look", true },
		{ "mcp__docs__look__again", true },
		{ "mcp__evil__look", false },
		{ "mcp__a__b__c", false },
		{ "mcp__a_b_c", false },
		{ "mcp____x", false },
		{ "mcp__plugin_x__y", false },
	};
	struct err e = ERR_INIT;
	CLEANUP(pol_freep) struct policy *p = pol_parse(STR(policy), "p", &e);

	ok_str(e.text, "", "the policy is good");
	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		const struct pol_use u = pol_use_of_joined(
			p, POL_CLAUDE, str_of(rows[i].name));

		ok_int(pol_expects_server(p, &u), rows[i].want, rows[i].name);
	}
}

int
main(void)
{
	servers_are_admitted_that_have_a_tool_to_offer();
	what_two_files_allow_together_is_admitted();
	tools_are_told_that_are_denied_for_certain();
	names_that_can_be_taken_for_another_are_refused();
	uses_of_admitted_servers_are_expected();
	return test_done();
}
