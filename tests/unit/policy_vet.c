/* [[rule]]: what may not stand in one, examples, and rules that others leave no effect. */

#include "tests/unit/policy_file.h"

static const struct row rules[] = {
	{ "[rule]\n"
	  "id = \"x\"\n",
		"p:1:2: rule is a table; rules are written below [[rule]], with two brackets" },
	{ "[[rule]]\n", "p:1:1: the rule has no tool; write tool = \"server/tool\"" },
	{ "[[rule]]\n"
	  "id = \"x\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the rule has no tool; write tool = \"server/tool\"" },
	{ "[[rule]]\n"
	  "id = \"x\"\n"
	  "tool = \"a/b\"\n",
		"p:2:1: the rule has no decision; write decision = \"deny\" (or allow, ask, audit)" },
	{ "[[rule]]\n"
	  "id = \"No Push\"\n"
	  "tool = \"a/b\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the id \"No Push\" has other bytes than a-z 0-9 _ . -; write it with these" },
	{ "[[rule]]\n"
	  "id = \"pando\"\n"
	  "tool = \"a/b\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the id \"pando\" is what a built-in answer is called; choose another" },
	{ "[[rule]]\n"
	  "id = \"x\"\n"
	  "tool = \"a/b\"\n"
	  "decision = \"deny\"\n"
	  "[[rule]]\n"
	  "id = \"x\"\n"
	  "tool = \"a/c\"\n"
	  "decision = \"deny\"\n",
		"p:6:1: the id \"x\" is that of the rule in line 2 too; choose another" },
	{ "[[rule]]\n"
	  "tool = \"Bash\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the tool \"Bash\" has no server; write \"server/Bash\", and \"claude/Bash\" for claude's own tool" },
	{ "[[rule]]\n"
	  "tool = \"insert\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the tool \"insert\" has no server; write \"pando_workspace/insert\"" },
	{ "[[rule]]\n"
	  "tool = \"mcp__pando_core__read-file\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the tool \"mcp__pando_core__read-file\" is written as on the wire; write \"pando_core/read-file\"" },
	{ "[[rule]]\n"
	  "tool = \"mcp____\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the tool \"mcp____\" has no server; write \"server/mcp____\", and \"claude/mcp____\" for claude's own tool" },
	{ "[[rule]]\n"
	  "tool = \"claude/\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: the tool \"claude/\" has an empty part; write \"server/tool\"" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "decision = \"dney\"\n",
		"p:3:1: rule.decision is \"dney\"; did you mean \"deny\"?" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "decison = \"deny\"\n",
		"p:3:1: unknown key 'decison' in rule; did you mean 'decision'?" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "agent = \"codx\"\n"
	  "decision = \"deny\"\n",
		"p:3:1: rule.agent is \"codx\"; did you mean \"codex\"?" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "agent = [\"codex\", \"codex\"]\n"
	  "decision = \"deny\"\n",
		"p:3:19: rule.agent names \"codex\" twice; remove one" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "agent = []\n"
	  "decision = \"deny\"\n",
		"p:3:1: rule.agent is empty and would match nobody; remove it, or name an agent" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "agent = \"codex\"\n"
	  "decision = \"deny\"\n",
		"p:3:1: claude/Bash is a tool of claude alone, so the rule can never match; write agent = \"claude\", or remove it" },
	{ "[[rule]]\n"
	  "tool = \"claude/mcp__docs__*\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: \"mcp__docs__*\" is what claude calls a tool of an MCP server, so the rule can never match; write \"server/tool\"" },
	{ "[[rule]]\n"
	  "tool = \"Claude/Bash\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: no agent is called \"Claude\"; did you mean \"claude\"?" },
	{ "[[rule]]\n"
	  "tool = \"pando-core/read-file\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: no server of pando-ai is called \"pando-core\"; did you mean \"pando_core\"?" },
	{ "[[rule]]\n"
	  "tool = \"pando_helper/read-file\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: no server of pando-ai is called \"pando_helper\"; there are pando_core, pando_workspace" },
	{ "[[rule]]\n"
	  "tool = \"pando_core/reed-file\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: pando_core has no tool \"reed-file\"; did you mean \"read-file\"?" },
	{ "[[rule]]\n"
	  "tool = \"pando_core/push\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: pando_core has no tool \"push\"; there are read-file, list-files, search-text, find-nodes" },
	{ "[[rule]]\n"
	  "tool = \"pando_core/shell-command\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: pando_core has no tool \"shell-command\"; pando_workspace has it: write \"pando_workspace/shell-command\"" },
	{ "[[rule]]\n"
	  "tool = \"pando_core/write-*\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: no tool of pando_core is called like \"write-*\", so the rule can never match; write a name that there is" },
	{ "[[rule]]\n"
	  "tool = \"pando_*/nothing*\"\n"
	  "decision = \"deny\"\n",
		"p:2:1: no tool of pando_* is called like \"nothing*\", so the rule can never match; write a name that there is" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.comand = \"x\"\n"
	  "decision = \"deny\"\n",
		"p:3:6: pando_workspace/shell-command has no argument \"comand\"; did you mean \"command\"?" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.zzzzzz = \"x\"\n"
	  "decision = \"deny\"\n",
		"p:3:6: pando_workspace/shell-command has no argument \"zzzzzz\"; there are command, cwd, timeout_ms" },
	{ "[[rule]]\n"
	  "tool = \"claude/Bash\"\n"
	  "decision = \"ask\"\n",
		"p:3:1: nobody can be asked for claude/Bash: only tools of pando_core and pando_workspace can ask the person; write decision = \"deny\"" },
	{ "[[rule]]\n"
	  "tool = \"*/*\"\n"
	  "decision = \"ask\"\n",
		"p:3:1: nobody can be asked for */*: only tools of pando_core and pando_workspace can ask the person; write decision = \"deny\"" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { glob = \"git *\" }\n"
	  "decision = \"allow\"\n",
		"p:3:6: a glob that lets a shell command through would let \"git x; rm -rf y\" through for \"git *\"; write { prefix = [\"git\"] }" },
	{ "[[rule]]\n"
	  "tool = \"codex/*\"\n"
	  "args.cmd = { glob = \"git *\" }\n"
	  "decision = \"audit\"\n",
		"p:3:6: a glob that lets a shell command through would let \"git x; rm -rf y\" through for \"git *\"; write { prefix = [\"git\"] }" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefx = [\"git\"] }\n"
	  "decision = \"deny\"\n",
		"p:3:18: unknown key 'prefx' in rule.args.command; did you mean 'prefix'?" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { regex = \"git\" }\n"
	  "decision = \"deny\"\n",
		"p:3:18: unknown key 'regex' in rule.args.command; the keys here are glob, prefix, path_under" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = {}\n"
	  "decision = \"deny\"\n",
		"p:3:6: a matcher has exactly one of glob, prefix and path_under; write one" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { glob = \"a\", prefix = [\"b\"] }\n"
	  "decision = \"deny\"\n",
		"p:3:6: a matcher has exactly one of glob, prefix and path_under; write one" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefix = [] }\n"
	  "decision = \"deny\"\n",
		"p:3:18: rule.args.command.prefix is empty and would match nothing; it must be: list of 1 to 16 words" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefix = [\"git push\"] }\n"
	  "decision = \"deny\"\n",
		"p:3:18: \"git push\" is more than one word; write [\"git\", \"push\"], one word an entry" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefix = [\"/usr/bin/git\", \"push\"] }\n"
	  "decision = \"deny\"\n",
		"p:3:18: the program \"/usr/bin/git\" has a folder, but prefix compares the last part of a program's path; write that only" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefix = \"git\" }\n"
	  "decision = \"deny\"\n",
		"p:3:18: rule.args.command.prefix is a string; it must be: list of 1 to 16 words" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = 1.5\n"
	  "decision = \"deny\"\n",
		"p:3:6: rule.args.command is a number with a fraction; it must be: text | true | false | whole number | { glob, prefix or path_under = ... }" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args = {}\n"
	  "decision = \"deny\"\n",
		"p:3:1: rule.args is empty; remove it, or write args.<name> = ..." },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.command = { prefix = [\"a\"] }\n"
	  "args.cwd = { prefix = [\"b\"] }\n"
	  "decision = \"deny\"\n",
		"p:4:6: args.cwd is a second prefix; write two rules, since a call has one command" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.cwd = { path_under = \"../x\" }\n"
	  "decision = \"deny\"\n",
		"p:3:14: the path \"../x\" cannot be taken: where \"..\" leads depends on links; write the path without it" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.cwd = { path_under = \"~/x\" }\n"
	  "decision = \"deny\"\n",
		"p:3:14: the path \"~/x\" cannot be taken: whose home is meant is not known here; write the whole path" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "args.cwd = { path_under = \"src/*\" }\n"
	  "decision = \"deny\"\n",
		"p:3:14: path_under takes a folder and no pattern; write the folder, or { glob = ... }" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "message = \"a\\nb\"\n"
	  "decision = \"deny\"\n",
		"p:3:1: rule.message has a byte that cannot be shown; write one line of plain text" },
	{ "[[rule]]\n"
	  "tool = \"pando_workspace/shell-command\"\n"
	  "subagent = 1\n"
	  "decision = \"deny\"\n",
		"p:3:1: rule.subagent is a whole number; it must be: pattern" },
};

static void
rules_say_what_is_wrong_with_them(void)
{
	refused(rules, LEN(rules));
}

static void
examples_hold_their_rule(void)
{
	static const struct row rows[] = {
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "decision = \"deny\"\n"
		  "match = [\"git push\"]\n",
			"p:4:10: an example can be a text only when the rule has one argument, and this one has none; write a table: { command = \"git push\" }" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "match = [1]\n",
			"p:5:10: an example is a whole number; write a text, or a table of arguments: { command = \"git push\" }" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "match = [{ command = 1.5 }]\n",
			"p:5:12: an argument of an example is a number with a fraction; it must be: text | true | false | whole number | list of texts" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "match = [{ command = [\"a\", 1] }]\n",
			"p:5:28: a list in an example has a whole number in it; it must be: list of texts" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "match = [{ comand = \"x\" }]\n",
			"p:5:12: pando_workspace/shell-command has no argument \"comand\"; did you mean \"command\"?" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "match = [\"x\", \"y\"]\n",
			"p:5:15: the rule \"rule[0]\" does not match its example \"y\"; mend the rule or the example" },
		{ "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"deny\"\n"
		  "not_match = [\"y\", \"x\"]\n",
			"p:5:19: the rule \"rule[0]\" matches \"x\", which is under not_match; mend the rule or the example" },
		{ "[[rule]]\n"
		  "id = \"first\"\n"
		  "tool = \"pando_workspace/*\"\n"
		  "args.command = \"x\"\n"
		  "decision = \"ask\"\n"
		  "\n"
		  "[[rule]]\n"
		  "tool = \"pando_workspace/shell-command\"\n"
		  "id = \"second\"\n"
		  "args.command = { glob = \"?\" }\n"
		  "decision = \"deny\"\n"
		  "match = [\"y\", \"x\"]\n",
			"p:12:15: \"first\" (line 2) decides the example \"x\", and not \"second\"; change their order, or mend the example" },
	};

	refused(rows, LEN(rows));
}

static void
a_rule_without_effect_is_an_error(void)
{
	static const struct row rows[] = {
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"claude/*\"\n"
		  "decision = \"allow\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"claude/Bash\"\n"
		  "decision = \"deny\"\n",
			"p:6:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"git*/get_*\"\n"
		  "decision = \"deny\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"github/get_is?ue*\"\n"
		  "decision = \"allow\"\n",
			"p:6:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"claude/Bash\"\n"
		  "args.command = { prefix = [\"git\"] }\n"
		  "decision = \"deny\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"claude/Bash\"\n"
		  "args.command = { prefix = [\"git\", \"push\"] }\n"
		  "decision = \"deny\"\n",
			"p:7:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"pando_core/*\"\n"
		  "args.path = { path_under = \".\" }\n"
		  "decision = \"deny\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"pando_core/read-file\"\n"
		  "args.path = { path_under = \"src\" }\n"
		  "args.limit = 3\n"
		  "decision = \"allow\"\n",
			"p:7:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"claude/Task\"\n"
		  "subagent = \"*\"\n"
		  "decision = \"deny\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"claude/Task\"\n"
		  "subagent = \"x\"\n"
		  "decision = \"deny\"\n",
			"p:7:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
		{ "[[rule]]\n"
		  "id = \"one\"\n"
		  "tool = \"a/b\"\n"
		  "args.k = { glob = \"x*\" }\n"
		  "decision = \"allow\"\n"
		  "[[rule]]\n"
		  "id = \"two\"\n"
		  "tool = \"a/b\"\n"
		  "args.k = \"xy\"\n"
		  "decision = \"allow\"\n",
			"p:7:1: the rule \"two\" has no effect: \"one\" (line 2) decides all of its calls before it; move it up, or remove it" },
	};

	refused(rows, LEN(rows));
}

static void
good_rules_are_taken(void)
{
	static const char *const rows[] = {
		"",
		"[other_mcp]\nmode = \"deny_list\"\nservers = [\"codex\"]\n",
		"[native_tools]\nallow = [\"Web*\"]\ndeny = [\"WebFetch\"]\n",
		/* stricter than what stands before it, where that may be in doubt */
		"[[rule]]\ntool = \"a/b\"\nargs.k = { glob = \"x*\" }\ndecision = \"allow\"\n"
		"[[rule]]\ntool = \"a/b\"\nargs.k = \"xy\"\ndecision = \"deny\"\n",
		"[[rule]]\ntool = \"claude/*\"\nsubagent = \"x\"\ndecision = \"allow\"\n"
		"[[rule]]\ntool = \"claude/*\"\nsubagent = \"x\"\ndecision = \"deny\"\n",
		/* a pattern is not certain on a line of two commands, and so allows nothing */
		"[[rule]]\ntool = \"claude/Bash\"\ndecision = \"allow\"\n"
		"args.command = { glob = \"git a; ls\" }\n"
		"[[rule]]\ntool = \"claude/Bash\"\ndecision = \"allow\"\n"
		"args.command = \"git a; ls\"\nmatch = [\"git a; ls\"]\n",
		/* an exception, then the rule */
		"[[rule]]\ntool = \"claude/Bash\"\nargs.command = { prefix = [\"git\", "
		"\"status\"] }\ndecision = \"allow\"\n"
		"[[rule]]\ntool = \"claude/Bash\"\nargs.command = { prefix = [\"git\"] }\n"
		"decision = \"deny\"\n",
		/* of a line with several commands */
		"[native_tools]\ndefault = \"deny\"\n[[rule]]\ntool = \"claude/Bash\"\n"
		"decision = \"deny\"\nargs.command = { prefix = [\"curl\"] }\n"
		"match = [\"ls | curl -d @- x\"]\nnot_match = [\"ls | cat\"]\n",
		"[[rule]]\ntool = \"claude/Bash\"\ndecision = \"allow\"\n"
		"args.command = { prefix = [\"git\"] }\nmatch = [\"git a; git b\"]\n"
		"not_match = [\"git a; rm b\"]\n",
		/* of different agents */
		"[[rule]]\ntool = \"g/*\"\nagent = \"claude\"\ndecision = \"deny\"\n"
		"[[rule]]\ntool = \"g/x\"\ndecision = \"deny\"\n",
		/* a wider pattern behind a narrower one, and two that only overlap */
		"[[rule]]\ntool = \"g/a?\"\ndecision = \"deny\"\n"
		"[[rule]]\ntool = \"g/a*\"\ndecision = \"deny\"\n",
		"[[rule]]\ntool = \"g/*a\"\ndecision = \"deny\"\n"
		"[[rule]]\ntool = \"g/b*\"\ndecision = \"deny\"\n",
		"[[rule]]\ntool = \"pando_*/*\"\nargs.path = { path_under = \"/etc\" }\n"
		"decision = \"ask\"\nmatch = [\"/etc/passwd\"]\nnot_match = [{ path = "
		"\"src\" }]\n",
		"[[rule]]\ntool = \"claude/Edit\"\nargs.file_path = { path_under = "
		"\"./src/\" }\ndecision = \"allow\"\nmatch = [\"/project/src/a.c\"]\n"
		"not_match = [\"/project/srcs/a.c\", \"/src/a.c\", \"/project/src/../b\"]\n",
		"[[rule]]\ntool = \"x/y\"\nargs.n = 3\nargs.\"a b\" = true\n"
		"decision = \"audit\"\nmatch = [{ n = 3, \"a b\" = true }]\n"
		"not_match = [{ n = 3 }, { n = 4, \"a b\" = true }, { n = 3, \"a b\" = "
		"[\"true\", \"no\"] }]\n",
		"[[rule]]\ntool = \"claude/Bash\"\nsubagent = \"re*\"\ndecision = \"deny\"\n"
		"match = [{ command = \"ls\" }]\n",
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct policy *p = load(POL_USER, NULL, rows[i], &e);

		ok_str(e.text, "", rows[i]);
		ok(p != NULL, rows[i]);
		pol_free(p);
	}
}

int
main(void)
{
	rules_say_what_is_wrong_with_them();
	examples_hold_their_rule();
	a_rule_without_effect_is_an_error();
	good_rules_are_taken();
	return test_done();
}
