/* What is no mistake in a policy, and may not be meant. */

#include "policy/policy.h"

#include "base/buf.h"
#include "tests/unit/test.h"

#define SHELL "[[rule]]\ntool = \"pando_workspace/shell-command\"\n"

static void
on_doubt(void *to, const struct pol_doubt *d)
{
	buf_printf(to, "%s:%d: %s\n", d->file, d->line, d->what);
}

static void
rules_that_may_not_be_meant_are_told(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		/* a path that a tool has no argument for */
		{ "[[rule]]\nid = \"m\"\ntool = \"pando_workspace/*\"\n"
		  "args.path = { path_under = \"migrations\" }\ndecision = \"ask\"\n",
			"p:2: the rule \"m\" holds for every call of shell-command, "
			"snapshot-worktree, restore-files: without an argument \"path\" no path is "
			"certain; in tool, name those that have it\n" },
		{ "[[rule]]\ntool = \"pando_workspace/insert\"\n"
		  "args.path = { path_under = \"migrations\" }\ndecision = \"ask\"\n",
			"" },
		{ "[[rule]]\ntool = \"pando_core/*\"\n"
		  "args.path = { path_under = \"secrets\" }\ndecision = \"deny\"\n",
			"" },
		{ "[[rule]]\ntool = \"pando_workspace/*\"\n"
		  "args.path = { path_under = \"infra\" }\ndecision = \"audit\"\n",
			"" },
		{ "[[rule]]\ntool = \"pando_workspace/*\"\n"
		  "args.path = { glob = \"*.lock\" }\ndecision = \"ask\"\n",
			"" },
		/* a command as it is spelt */
		{ SHELL "args.command = { glob = \"git push*\" }\ndecision = \"deny\"\n",
			"p:3: the rule \"rule[0]\" compares a command as it is spelt, and env, "
			"sudo or a program's path slip past it; { prefix = [...] } looks "
			"through them\n" },
		{ SHELL "args.command = \"make\"\ndecision = \"allow\"\n", "" },
		{ SHELL "args.cwd = { glob = \"x*\" }\ndecision = \"deny\"\n", "" },
		/* money without prices, and prices that are never used */
		{ "[limits]\nusd_per_run = 2\n",
			"p:2: limits.usd_per_run is set and no model has a price, so every "
			"request is refused; add [[price]] tables\n" },
		{ "[limits]\nusd_per_run = 2\n[[price]]\nmodel = \"a*\"\ninput = 1\n"
		  "output = 1\n[[price]]\nmodel = \"ab\"\ninput = 1\noutput = 1\n",
			"p:8: the price of \"ab\" is never used: \"a*\" (line 4) stands before "
			"it; move it up\n" },
		/* a milder rule before it */
		{ SHELL "args.command = { prefix = [\"git\"] }\ndecision = \"allow\"\n" SHELL
			"args.command = { prefix = [\"git\", \"push\"] }\ndecision = \"deny\"\n",
			"p:6: the rule \"rule[1]\" is met only by calls that are not certain: "
			"\"rule[0]\" (line 2) stands before it and is milder; move it up\n" },
		{ SHELL "args.command = { prefix = [\"git\", \"log\"] }\n"
			"decision = \"allow\"\n" SHELL
			"args.command = { prefix = [\"git\"] }\ndecision = \"deny\"\n",
			"" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf said = BUF_INIT(4096);
		struct err e = ERR_INIT;
		CLEANUP(pol_freep)
		struct policy *p = pol_parse(str_of(rows[i].text), "p", &e);

		ok_str(e.text, "", rows[i].text);
		if (p == NULL)
			continue;
		pol_doubts(p, on_doubt, &said);
		ok_str(said.n == 0 ? "" : buf_text(&said), rows[i].want, rows[i].text);
	}
}

int
main(void)
{
	rules_that_may_not_be_meant_are_told();
	return test_done();
}
