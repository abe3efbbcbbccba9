#include "tests/unit/test.h"

#include "policy/argument.h"
#include "policy/policy.h"

static const char root[] = "/home/u/p";

struct texts {
	const char *managed, *user, *project; /* NULL: no such file */
};

static struct policy *
load(const struct texts *t)
{
	const char *const all[POL_LAYERS] = { NULL, t->managed, t->user, t->project };
	struct pol_text text[POL_LAYERS];
	struct err e = ERR_INIT;
	struct policy *p;
	size_t n = 0;

	for (int l = 0; l < POL_LAYERS; l++)
		if (all[l] != NULL)
			text[n++] = (struct pol_text){ .layer = (enum pol_layer)l,
				.path = pol_layer_name((enum pol_layer)l),
				.text = str_of(all[l]) };
	p = pol_of_texts(text, n, root, &e);
	ok_str(e.text, "", "the files are good");
	return p;
}

struct call {
	const char *server, *tool, *args;
	enum pol_verdict want;
	const char *rule;
};

static void
check(const struct texts *t, const struct call *rows, size_t n)
{
	struct policy *p = load(t);

	for (size_t i = 0; p != NULL && i < n; i++) {
		const struct pol_use u = { .agent = POL_CLAUDE,
			.server = str_of(rows[i].server),
			.tool = str_of(rows[i].tool),
			.args = str_of(rows[i].args),
			.caller = POL_CALLER_MAIN };
		const struct pol_decision d = pol_decide(p, &u);

		ok_int(d.verdict, rows[i].want, rows[i].args);
		ok_str(d.rule, rows[i].rule, rows[i].args);
	}
	pol_free(p);
}

#define CHECK(t, rows) check(&(t), rows, LEN(rows))
#define CORE "pando_core"
#define WORK "pando_workspace"
#define SHELL WORK, "shell-command"

static void
the_first_rule_of_a_file_decides_before_its_tables(void)
{
	static const struct texts t = {
		.user = "[native_tools]\nallow = [\"Web*\"]\n"
			"[[rule]]\nid = \"off\"\ntool = \"claude/WebFetch\"\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"noted\"\ntool = \"claude/Read\"\ndecision = \"audit\"\n"
			"[[rule]]\nid = \"docs\"\ntool = \"docs/get_*\"\ndecision = \"allow\"\n"
			"[[rule]]\nid = \"codex\"\nagent = \"codex\"\ntool = \"pando_core/*\"\n"
			"decision = \"deny\"\n",
	};
	static const struct call rows[] = {
		{ "", "WebFetch", "{}", POL_DENY, "off" },
		{ "", "WebSearch", "{}", POL_ALLOW, "native_tools.allow[0]" },
		{ "", "Read", "{}", POL_AUDITED, "noted" },
		{ "", "Bash", "{}", POL_DENY, "native_tools.default" },
		{ "docs", "get_x", "{}", POL_ALLOW, "docs" },
		{ "docs", "put_x", "{}", POL_DENY, "other_mcp.mode" },
		{ "claude", "WebSearch", "{}", POL_DENY, "other_mcp.mode" },
		{ "claude", "Read", "{}", POL_DENY, "other_mcp.mode" },
		{ CORE, "read-file", "{}", POL_ALLOW, "pando" },
	};

	CHECK(t, rows);
}

static void
a_rule_looks_at_arguments(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"lit\"\ntool = \"pando_core/list-files\"\n"
			"args.path = \"a\"\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"num\"\ntool = \"pando_core/list-files\"\n"
			"args.limit = 5\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"two\"\ntool = \"pando_workspace/replace\"\n"
			"args.path = { glob = \"*.lock\" }\nargs.all = true\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"list\"\ntool = \"pando_workspace/restore-files\"\n"
			"args.paths = { glob = \"secret*\" }\ndecision = \"deny\"\n",
	};
	static const struct call rows[] = {
		{ CORE, "list-files", "{\"path\":\"a\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"\\u0061\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"ab\"}", POL_ALLOW, "pando" },
		{ CORE, "list-files", "{}", POL_ALLOW, "pando" },
		{ CORE, "list-files", "{\"limit\":5}", POL_DENY, "num" },
		{ CORE, "list-files", "{\"limit\":50}", POL_ALLOW, "pando" },
		/* two readers could differ on it, or it is no list of arguments at all */
		{ CORE, "list-files", "{\"path\":\"b\",\"path\":\"a\"}", POL_DENY,
			"lit" },
		{ CORE, "list-files", "{\"path\":{\"a\":1}}", POL_DENY, "lit" },
		{ CORE, "list-files", "[", POL_DENY, "lit" },
		/* claude could make another text of it */
		{ CORE, "list-files", "{\"path\":\"\\\\u0062\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"b \\\\\\\\\\\\u00FF\"}", POL_DENY,
			"lit" },
		{ CORE, "list-files", "{\"path\":\" [\\\"a\\\"]\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"\xef\xbb\xbf{}\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"b\\\\\\\\;\"}", POL_DENY, "lit" },
		{ CORE, "list-files", "{\"path\":\"\\\\\\\\u0062\"}", POL_ALLOW,
			"pando" },
		{ CORE, "list-files", "{\"path\":\"\\\\u001b\\\\u006\"}", POL_ALLOW,
			"pando" },
		{ CORE, "list-files", "{\"path\":\"[a]\"}", POL_ALLOW, "pando" },
		{ WORK, "replace", "{\"path\":\"x.lock\",\"all\":true}", POL_DENY,
			"two" },
		{ WORK, "replace", "{\"path\":\"x.lock\",\"all\":false}", POL_ALLOW,
			"pando" },
		{ WORK, "replace", "{\"path\":\"x.c\",\"all\":true}", POL_ALLOW,
			"pando" },
		{ WORK, "restore-files", "{\"paths\":[\"a\",\"secret.key\"]}", POL_DENY,
			"list" },
		{ WORK, "restore-files", "{\"paths\":[\"a\",\"b\"]}", POL_ALLOW,
			"pando" },
	};

	CHECK(t, rows);
}

static void
paths_are_compared_as_places(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"secret\"\ntool = \"pando_core/*\"\n"
			"args.path = { path_under = \"src/secret/\" }\ndecision = \"deny\"\n",
	};
	static const struct call rows[] = {
		{ CORE, "read-file", "{\"path\":\"src/secret/k\"}", POL_DENY, "secret" },
		{ CORE, "read-file", "{\"path\":\"./src//x/../secret\"}", POL_DENY,
			"secret" },
		{ CORE, "read-file", "{\"path\":\"/home/u/p/src/secret/k\"}", POL_DENY,
			"secret" },
		{ CORE, "read-file", "{\"path\":\"src/secrets/k\"}", POL_ALLOW, "pando" },
		{ CORE, "read-file", "{\"path\":\"src/secret/../k\"}", POL_ALLOW,
			"pando" },
		{ CORE, "read-file", "{\"path\":\"/home/u/q/src/secret\"}", POL_ALLOW,
			"pando" },
		{ CORE, "read-file", "{\"path\":\"src/[id].tsx\"}", POL_DENY, "secret" },
		{ CORE, "read-file", "{\"path\":\"doc/[id].tsx\"}", POL_ALLOW, "pando" },
		/* a search in a folder above goes into it */
		{ CORE, "search-text", "{\"query\":\"x\",\"path\":\"src\"}", POL_DENY,
			"secret" },
		{ CORE, "search-text", "{\"query\":\"x\"}", POL_DENY, "secret" },
		{ CORE, "search-text", "{\"query\":\"x\",\"path\":\"..\"}", POL_DENY,
			"secret" },
		{ CORE, "search-text", "{\"query\":\"x\",\"path\":\"~/p\"}", POL_DENY,
			"secret" },
		{ CORE, "search-text", "{\"query\":\"x\",\"path\":\"doc\"}", POL_ALLOW,
			"pando" },
	};

	CHECK(t, rows);
}

/* A wildcard does not take back what stands behind it: tools normalise, or read it as a name. */
static void
a_pattern_cannot_lead_out_of_its_folder(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"src\"\ntool = \"fs/read\"\n"
			"args.path = { path_under = \"src\" }\ndecision = \"allow\"\n"
			"[[rule]]\nid = \"secret\"\ntool = \"fs/*\"\n"
			"args.path = { path_under = \"secret\" }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"rest\"\ntool = \"fs/write\"\ndecision = \"allow\"\n",
	};
	static const struct call rows[] = {
		{ "fs", "read", "{\"path\":\"src/*.c\"}", POL_ALLOW, "src" },
		{ "fs", "read", "{\"path\":\"src/*/../../.env\"}", POL_DENY,
			"other_mcp.mode" },
		{ "fs", "read", "{\"path\":\"/home/u/p/src/[a]/../../../x\"}", POL_DENY,
			"other_mcp.mode" },
		{ "fs", "write", "{\"path\":\"src/*/../../secret/k\"}", POL_DENY,
			"secret" },
		{ "fs", "write", "{\"path\":\"src/*/.a.{c,h}\"}", POL_ALLOW, "rest" },
		{ "fs", "write", "{\"path\":\"@(secret)/k\"}", POL_DENY, "secret" },
		{ "fs", "write", "{\"path\":\"secre\\\\t/k\"}", POL_DENY, "secret" },
		{ "fs", "write", "{\"path\":\"app/(auth)/k\"}", POL_ALLOW, "rest" },
		{ "fs", "write", "{\"path\":\"app/[...slug]/k\"}", POL_ALLOW, "rest" },
		{ "fs", "write", "{\"path\":\"app/[id]/(..)b/(.)k\"}", POL_ALLOW,
			"rest" },
		{ "fs", "write", "{\"path\":\"src/*/{.,a}{.,b}/k\"}", POL_DENY,
			"secret" },
		{ "fs", "write", "{\"path\":\"src/*/{b,..}/k\"}", POL_DENY, "secret" },
		{ "fs", "write", "{\"path\":\"src/@(..)/k\"}", POL_DENY, "secret" },
		{ "fs", "write", "{\"path\":\"src/*.{c,h}\"}", POL_ALLOW, "rest" },
	};

	CHECK(t, rows);
}

static void
a_number_has_many_spellings(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"num\"\ntool = \"db/drop\"\n"
			"args.n = 1000\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"rest\"\ntool = \"db/*\"\ndecision = \"allow\"\n",
	};
	static const struct call rows[] = {
		{ "db", "drop", "{\"n\":1000}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":1e3}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":1000.0}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":1000.00000000000000000001}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":-0}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":10000000000000000}", POL_DENY, "num" },
		{ "db", "drop", "{\"n\":1001}", POL_ALLOW, "rest" },
		{ "db", "drop", "{\"n\":-5}", POL_ALLOW, "rest" },
	};

	CHECK(t, rows);
}

static void
a_path_is_met_however_it_is_spelt(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"env\"\ntool = \"pando_core/read-file\"\n"
			"args.path = \".env\"\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"pem\"\ntool = \"pando_*/*\"\n"
			"args.path = { glob = \"*.pem\" }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"many\"\ntool = \"pando_workspace/restore-files\"\n"
			"args.paths = { glob = \"key/*\" }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"whole\"\ntool = \"pando_core/read-file\"\n"
			"args.path = { glob = \"/home/u/p/top/*\" }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"docs\"\ntool = \"fs/read\"\n"
			"args.file_path = { glob = \"docs/*\" }\ndecision = \"allow\"\n",
	};
	static const struct call rows[] = {
		{ CORE, "read-file", "{\"path\":\"./.env\"}", POL_DENY, "env" },
		{ CORE, "read-file", "{\"path\":\".env/\"}", POL_DENY, "env" },
		{ CORE, "read-file", "{\"path\":\".//.env/.\"}", POL_DENY, "env" },
		{ CORE, "read-file", "{\"path\":\"/home/u/p/.env\"}", POL_DENY, "env" },
		{ CORE, "read-file", "{\"path\":\"/home/u/p//.env\"}", POL_DENY, "env" },
		{ CORE, "read-file", "{\"path\":\"a/.env\"}", POL_ALLOW, "pando" },
		{ CORE, "read-file", "{\"path\":\"a.pem/\"}", POL_DENY, "pem" },
		{ CORE, "read-file", "{\"path\":\"[a].pem/.\"}", POL_DENY, "pem" },
		{ CORE, "read-file", "{\"path\":\"a.pem/b\"}", POL_ALLOW, "pando" },
		{ CORE, "read-file", "{\"path\":\"top/x\"}", POL_DENY, "whole" },
		{ CORE, "read-file", "{\"path\":\"topx\"}", POL_ALLOW, "pando" },
		{ WORK, "restore-files", "{\"paths\":[\"a\",\"./key/b\"]}", POL_DENY,
			"many" },
		{ WORK, "restore-files", "{\"paths\":[\"a\",\"keys\"]}", POL_ALLOW,
			"pando" },
		{ "fs", "read", "{\"file_path\":\"docs/a\"}", POL_ALLOW, "docs" },
		{ "fs", "read", "{\"file_path\":\"docs/../.env\"}", POL_DENY,
			"other_mcp.mode" },
		{ "fs", "read", "{\"file_path\":\"docs/./[...slug]/a\"}", POL_ALLOW,
			"docs" },
		{ "fs", "read", "{\"file_path\":\"docs/..\"}", POL_DENY,
			"other_mcp.mode" },
	};

	CHECK(t, rows);
}

static void
each_command_of_a_line_is_decided_by_itself(void)
{
	static const struct texts deny = {
		.user = "[[rule]]\nid = \"no-push\"\ntool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"git\", \"push\"] }\ndecision = \"deny\"\n",
	};
	static const struct texts allow = {
		.user = "[[rule]]\nid = \"git\"\ntool = \"claude/Bash\"\n"
			"args.command = { prefix = [\"git\", \"status\"] }\n"
			"decision = \"allow\"\n"
			"[[rule]]\nid = \"ls\"\ntool = \"claude/Bash\"\n"
			"args.command = { prefix = [\"ls\"] }\ndecision = \"audit\"\n",
	};
	static const struct call denied[] = {
		{ SHELL, "{\"command\":\"git push origin main\"}", POL_DENY, "no-push" },
		{ SHELL, "{\"command\":\"git pull\"}", POL_ALLOW, "pando" },
		{ SHELL, "{\"command\":\"git pull && git push\"}", POL_DENY, "no-push" },
		{ SHELL, "{\"command\":\"ls | env git push\"}", POL_DENY, "no-push" },
		{ SHELL, "{\"command\":\"echo $(git push)\"}", POL_DENY, "no-push" },
		{ SHELL, "{\"command\":\"git pu\\\"sh\"}", POL_DENY, "no-push" },
		{ SHELL, "{\"command\":\"git commit -m push\"}", POL_ALLOW, "pando" },
		{ SHELL, "{\"command\":\"\"}", POL_ALLOW, "pando" },
		{ SHELL, "{}", POL_ALLOW, "pando" },
		{ SHELL, "{\"command\":5}", POL_ALLOW, "pando" },
		{ SHELL, "{\"command\":[\"bash\",\"-c\",\"git push\"]}", POL_DENY,
			"no-push" },
	};
	static const struct call allowed[] = {
		{ "", "Bash", "{\"command\":\"git status -s\"}", POL_ALLOW, "git" },
		{ "", "Bash", "{\"command\":\"git status && ls\"}", POL_AUDITED, "ls" },
		{ "", "Bash", "{\"command\":\"git status; rm x\"}", POL_DENY,
			"native_tools.default" },
		{ "", "Bash", "{\"command\":\"git status $(rm x)\"}", POL_DENY,
			"native_tools.default" },
		{ "", "Bash", "{\"command\":\"git status > .profile\"}", POL_DENY,
			"native_tools.default" },
		{ "", "Bash", "{\"command\":\"git status 2>/dev/null\"}", POL_ALLOW,
			"git" },
		{ "", "Bash", "{\"command\":\"git $x\"}", POL_DENY,
			"native_tools.default" },
		{ "", "Bash", "{\"command\":\"env git status\"}", POL_DENY,
			"native_tools.default" },
		{ "", "Bash", "{}", POL_DENY, "native_tools.default" },
	};

	CHECK(deny, denied);
	CHECK(allow, allowed);
}

static void
the_strictest_file_wins_and_a_project_only_tightens(void)
{
	static const struct texts t = {
		.managed =
			"[native_tools]\ndeny = [\"WebFetch\"]\n"
			"[[rule]]\nid = \"m\"\ntool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"sudo\"] }\ndecision = \"deny\"\n",
		.user = "[native_tools]\nallow = [\"WebFetch\", \"WebSearch\", \"Read\"]\n",
		.project = "[native_tools]\nallow = [\"Bash\", \"Read\"]\n"
			   "deny = [\"WebSearch\"]\n"
			   "[[rule]]\nid = \"p\"\ntool = \"pando_workspace/replace\"\n"
			   "decision = \"deny\"\n",
	};
	static const struct call rows[] = {
		{ "", "WebFetch", "{}", POL_DENY, "native_tools.deny[0]" },
		{ "", "WebSearch", "{}", POL_DENY, "native_tools.deny[0]" },
		{ "", "Read", "{}", POL_ALLOW, "native_tools.allow[2]" },
		{ "", "Bash", "{}", POL_DENY, "native_tools.default" },
		{ WORK, "replace", "{}", POL_DENY, "p" },
		{ SHELL, "{\"command\":\"sudo id\"}", POL_DENY, "m" },
		{ SHELL, "{\"command\":\"id\"}", POL_ALLOW, "pando" },
	};
	struct pol_decision d;
	struct policy *p = load(&t);
	const struct pol_use u = { .agent = POL_CLAUDE, .tool = STR("WebSearch") };

	CHECK(t, rows);
	ok(!pol_decide_layer(p, POL_MANAGED, &u, &d), "the managed file says nothing");
	ok(pol_decide_layer(p, POL_USER, &u, &d) && d.verdict == POL_ALLOW, "user");
	ok(pol_decide_layer(p, POL_PROJECT, &u, &d) && d.verdict == POL_DENY, "project");
	ok(pol_decide_layer(p, POL_BUILT_IN, &u, &d) && d.verdict == POL_DENY,
		"built-in");
	d = pol_decide(p, &u);
	ok_int(d.layer, POL_PROJECT, "who decided");
	ok_str(d.file, "project", "its file");
	ok_int(d.line, 3, "its line");
	pol_free(p);
}

static void
below_a_lock_the_person_only_tightens(void)
{
	static const struct texts t = {
		.managed = "lock = true\n[native_tools]\nallow = [\"Read\"]\n",
		.user = "[native_tools]\nallow = [\"Bash\"]\ndeny = [\"Re*\"]\n",
	};
	static const struct texts open = {
		.managed = "[native_tools]\nallow = [\"Read\"]\n",
		.user = "[native_tools]\nallow = [\"Bash\"]\n",
	};
	static const struct call rows[] = {
		{ "", "Bash", "{}", POL_DENY, "native_tools.default" },
		{ "", "Read", "{}", POL_DENY, "native_tools.deny[0]" },
	};
	static const struct call open_rows[] = {
		{ "", "Bash", "{}", POL_ALLOW, "native_tools.allow[0]" },
		{ "", "Read", "{}", POL_ALLOW, "native_tools.allow[0]" },
		{ "", "Edit", "{}", POL_DENY, "native_tools.default" },
	};

	CHECK(t, rows);
	CHECK(open, open_rows);
}

static void
subagents_are_told_apart_where_that_is_known(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"explore\"\nsubagent = \"Explore\"\n"
			"tool = \"pando_workspace/*\"\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"subs\"\nsubagent = \"*\"\n"
			"tool = \"pando_workspace/shell-command\"\ndecision = \"audit\"\n"
			"[[rule]]\nid = \"asked\"\nsubagent = \"*\"\n"
			"tool = \"pando_workspace/insert\"\ndecision = \"ask\"\n",
	};
	static const struct {
		enum pol_caller caller;
		const char *name, *tool;
		enum pol_verdict want;
	} rows[] = {
		{ POL_CALLER_MAIN, "", "replace", POL_ALLOW },
		{ POL_CALLER_SUBAGENT, "Explore", "replace", POL_DENY },
		{ POL_CALLER_SUBAGENT, "Plan", "replace", POL_ALLOW },
		{ POL_CALLER_SUBAGENT, "Plan", "shell-command", POL_AUDITED },
		{ POL_CALLER_SUBAGENT, "", "replace", POL_DENY },
		{ POL_CALLER_UNKNOWN, "", "replace", POL_DENY },
		{ POL_CALLER_ELSEWHERE, "", "replace", POL_ALLOW },
		/* the layer that knows the caller lets it pass, so that our server asks */
		{ POL_CALLER_SUBAGENT, "Plan", "insert", POL_ASK },
		{ POL_CALLER_MAIN, "", "insert", POL_ALLOW },
		{ POL_CALLER_ELSEWHERE, "", "insert", POL_ASK },
	};
	struct policy *p = load(&t);

	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		const struct pol_use u = { .agent = POL_CLAUDE,
			.server = STR(WORK),
			.tool = str_of(rows[i].tool),
			.args = STR("{}"),
			.caller = rows[i].caller,
			.subagent = str_of(rows[i].name) };

		ok_int(pol_decide(p, &u).verdict, rows[i].want, rows[i].name);
	}
	pol_free(p);
}

static void
an_offer_is_as_mild_as_any_arguments_make_it(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"git\"\ntool = \"claude/Bash\"\n"
			"args.command = { prefix = [\"git\"] }\ndecision = \"allow\"\n"
			"[[rule]]\nid = \"no-push\"\ntool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"git\", \"push\"] }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"never\"\ntool = \"pando_workspace/insert\"\n"
			"decision = \"deny\"\n",
		.project =
			"[[rule]]\nid = \"x\"\ntool = \"claude/Bash\"\n"
			"args.command = { prefix = [\"git\", \"x\"] }\ndecision = \"deny\"\n",
	};
	static const struct {
		const char *server, *tool;
		enum pol_verdict offer, unknown;
	} rows[] = {
		{ "", "Bash", POL_ALLOW, POL_DENY },
		{ "", "Read", POL_DENY, POL_DENY },
		{ SHELL, POL_ALLOW, POL_DENY },
		{ WORK, "insert", POL_DENY, POL_DENY },
		{ WORK, "replace", POL_ALLOW, POL_ALLOW },
	};
	struct policy *p = load(&t);

	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		struct pol_use u = { .agent = POL_CLAUDE,
			.server = str_of(rows[i].server),
			.tool = str_of(rows[i].tool),
			.asking = POL_OFFER,
			.caller = POL_CALLER_MAIN };

		ok_int(pol_decide(p, &u).verdict, rows[i].offer, rows[i].tool);
		u.asking = POL_CALL;
		ok_int(pol_decide(p, &u).verdict, rows[i].unknown, rows[i].tool);
	}
	ok(!pol_native_default_allows(p, POL_CLAUDE), "a tool that no rule names");
	pol_free(p);
}

static void
codex_names_meet_their_rules(void)
{
	static const struct texts t = {
		.user = "[[rule]]\nid = \"sh\"\ntool = \"pando_workspace/shell-command\"\n"
			"args.command = { prefix = [\"git\", \"push\"] }\ndecision = \"deny\"\n"
			"[[rule]]\nid = \"gh\"\ntool = \"git-hub/create-issue\"\n"
			"decision = \"allow\"\n"
			"[[rule]]\nid = \"own\"\ntool = \"codex/exec_command\"\n"
			"args.cmd = { prefix = [\"ls\"] }\ndecision = \"allow\"\n"
			"[[rule]]\nid = \"text\"\ntool = \"codex/apply_patch\"\n"
			"args.input = { glob = \"*Update File: src/*\" }\ndecision = \"allow\"\n",
	};
	static const struct {
		const char *space, *name, *args;
		enum pol_verdict want;
	} rows[] = {
		{ "mcp__pando_workspace", "shell_command", "{\"command\":\"git push\"}",
			POL_DENY },
		{ "mcp__pando_workspace", "shell_command", "{\"command\":\"ls\"}",
			POL_ALLOW },
		{ "mcp__git_hub", "create_issue", "{}", POL_ALLOW },
		{ "mcp__git_hub", "delete_issue", "{}", POL_DENY },
		{ "", "exec_command", "{\"cmd\":\"ls -l\"}", POL_ALLOW },
		{ "", "exec_command", "{\"cmd\":\"ls;id\"}", POL_DENY },
		{ "", "apply_patch", "\"*** Update File: src/a.c\\n\"", POL_ALLOW },
		{ "", "apply_patch", "\"*** Update File: doc/a\\n\"", POL_DENY },
	};
	struct policy *p = load(&t);

	for (size_t i = 0; p != NULL && i < LEN(rows); i++) {
		struct pol_use u = pol_use_of_pair(
			POL_CODEX, str_of(rows[i].space), str_of(rows[i].name));

		u.caller = POL_CALLER_MAIN;
		u.args = str_of(rows[i].args);
		ok_int(pol_decide(p, &u).verdict, rows[i].want, rows[i].args);
	}
	pol_free(p);
}

static void
paths_are_written_in_one_way(void)
{
	static const struct {
		const char *path, *want; /* NULL: above its beginning */
	} rows[] = {
		{ "a/b", "a/b" },
		{ "./a//b/", "a/b" },
		{ "a/../b", "b" },
		{ "a/b/../../c", "c" },
		{ "", "" },
		{ ".", "" },
		{ "a/..", "" },
		{ "..", NULL },
		{ "a/../..", NULL },
		{ "/a/../../b", "/b" },
		{ "/", "" },
		{ "/..", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		char out[64];
		struct str got;
		const bool good = arg_normal_path(
			str_of(rows[i].path), out, sizeof out, &got);

		ok_int(good, rows[i].want != NULL, rows[i].path);
		if (good)
			ok_bytes(got, str_of(rows[i].want), rows[i].path);
	}
}

int
main(void)
{
	the_first_rule_of_a_file_decides_before_its_tables();
	a_rule_looks_at_arguments();
	paths_are_compared_as_places();
	a_pattern_cannot_lead_out_of_its_folder();
	a_number_has_many_spellings();
	a_path_is_met_however_it_is_spelt();
	each_command_of_a_line_is_decided_by_itself();
	the_strictest_file_wins_and_a_project_only_tightens();
	below_a_lock_the_person_only_tightens();
	subagents_are_told_apart_where_that_is_known();
	an_offer_is_as_mild_as_any_arguments_make_it();
	codex_names_meet_their_rules();
	paths_are_written_in_one_way();
	return test_done();
}
