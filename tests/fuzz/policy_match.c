/*
 * The matchers and the decision on foreign arguments. The input is a pattern, a line feed, and
 * the arguments of a call as JSON.
 *
 * The pattern matcher agrees with a table of all its prefixes. Whatever the arguments are, the
 * answer to an offer is not stricter than that to the call, and that is not stricter than the
 * answer to a call whose arguments are not known.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "policy/glob.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { PATTERN_MAX = 64, NAME_MAX_BYTES = 256 };

static const char text[] =
	"[native_tools]\nallow = [\"Read\"]\n"
	"[[rule]]\nid = \"fine\"\ntool = \"claude/Bash\"\n"
	"args.command = { prefix = [\"git\", \"status\"] }\ndecision = \"allow\"\n"
	"[[rule]]\ntool = \"*/Bash\"\nargs.command = { glob = \"*push*\" }\ndecision = \"deny\"\n"
	"[[rule]]\ntool = \"claude/Bash\"\nargs.command = { prefix = [\"git\"] }\n"
	"decision = \"audit\"\n"
	"[[rule]]\ntool = \"pando_workspace/*\"\nargs.path = { path_under = \"src/secret\" }\n"
	"decision = \"deny\"\n"
	"[[rule]]\ntool = \"pando_workspace/shell-command\"\n"
	"args.command = { prefix = [\"git\", \"pu*\"] }\nargs.cwd = \"sub\"\ndecision = \"ask\"\n"
	"[[rule]]\ntool = \"pando_workspace/shell-command\"\nargs.timeout_ms = 5\n"
	"decision = \"deny\"\n";

/* One row of the table for each byte of the pattern; no cleverness. */
static int
plain_match(struct str p, struct str s)
{
	unsigned char row[NAME_MAX_BYTES + 1] = { 1 };

	for (size_t i = 0; i < p.n; i++) {
		unsigned char before = row[0];

		row[0] = before != 0 && p.p[i] == '*';
		for (size_t j = 0; j < s.n; j++) {
			const unsigned char above = row[j + 1];

			if (p.p[i] == '*')
				row[j + 1] = above | row[j];
			else
				row[j + 1] = before != 0 &&
					     (p.p[i] == '?' || p.p[i] == s.p[j]);
			before = above;
		}
	}
	return row[s.n];
}

static void
check_glob(struct str pattern, struct str name)
{
	pattern.n = pattern.n > PATTERN_MAX ? PATTERN_MAX : pattern.n;
	name.n = name.n > NAME_MAX_BYTES ? NAME_MAX_BYTES : name.n;
	if (glob_match(pattern, name) != (plain_match(pattern, name) != 0))
		abort();
	if (glob_match(pattern, name) && !glob_match_respelt(pattern, name))
		abort();
}

static void
check_call(const struct policy *p, struct pol_use u, struct str args)
{
	struct pol_decision offer;
	struct pol_decision call;
	struct pol_decision unknown;

	u.asking = POL_OFFER;
	offer = pol_decide(p, &u);
	u.asking = POL_CALL;
	unknown = pol_decide(p, &u);
	u.args = args;
	call = pol_decide(p, &u);
	if (offer.verdict > call.verdict || call.verdict > unknown.verdict)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct policy *p;
	static const struct pol_use uses[] = {
		{ .agent = POL_CLAUDE, .server = { "", 0 }, .tool = { "Bash", 4 } },
		{ .agent = POL_CODEX,
			.server = { "pando_workspace", 15 },
			.tool = { "shell-command", 13 },
			.caller = POL_CALLER_MAIN },
		{ .agent = POL_CLAUDE,
			.server = { "pando_workspace", 15 },
			.tool = { "replace", 7 } },
	};
	const struct str all = { (const char *)data, n };
	const char *nl = n > 0 ? memchr(all.p, '\n', n) : NULL;
	const size_t head = nl == NULL ? 0 : (size_t)(nl - all.p) + 1;
	struct err e = ERR_INIT;

	if (p == NULL)
		p = pol_parse(str_of(text), "fuzz.toml", &e);
	if (p == NULL)
		exit(log_fail(&e));
	if (head > 0)
		check_glob((struct str){ all.p, head - 1 }, str_skip(all, head));
	for (size_t i = 0; i < LEN(uses); i++)
		check_call(p, uses[i], str_skip(all, head));
	return 0;
}
