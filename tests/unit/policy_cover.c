/*
 * A rule that is called dead has to be: random pairs of rules and random calls, and with or
 * without the second rule the answer is the same. A pattern that is said to cover another one
 * matches all that it matches.
 */

#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "policy/glob.h"
#include "policy/vet.h"

enum { PAIRS = 60000, CALLS = 30, GLOBS = 200000, WORD_MAX = 8, HIDDEN_LEAST = 500 };

static uint64_t state = 0x9e3779b97f4a7c15u;

/* xorshift64: the same cases each time. */
static size_t
pick(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

#define PICK(list) (list)[pick(LEN(list))]

static struct str
word(const char *alphabet, char out[WORD_MAX])
{
	const size_t n = pick(WORD_MAX);

	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[pick(strlen(alphabet))];
	return (struct str){ out, n };
}

static void
a_wider_pattern_matches_all_that_the_narrower_does(void)
{
	size_t covered = 0;
	size_t left = SIZE_MAX;

	for (size_t i = 0; i < GLOBS; i++) {
		char room[2][WORD_MAX], name[WORD_MAX];
		CLEANUP(mem_freep) char *wide = mem_strdup_str(word("ab**?", room[0]));
		CLEANUP(mem_freep) char *narrow = mem_strdup_str(word("aab*?", room[1]));

		if (!pol_glob_covers(wide, narrow, &left))
			continue;
		covered++;
		for (size_t k = 0; k < CALLS; k++) {
			const struct str s = word("ab", name);

			if (glob_match(str_of(narrow), s) && !glob_match(str_of(wide), s))
				ok(false, narrow);
		}
	}
	ok(covered > HIDDEN_LEAST, "some patterns cover others");
}

static void
put_rule(struct buf *out)
{
	static const char *const tools[] = { "claude/Bash", "claude/*", "*/Bash", "*/*",
		"codex/exec_command", "a/x-y", "a/x*", "a*/x?y", "?/*" };
	static const char *const callers[] = { "", "", "", "subagent = \"*\"\n",
		"subagent = \"re*\"\n", "subagent = \"review\"\n",
		"agent = \"claude\"\n" };
	static const char *const args[] = { "", "", "", "args.command = \"git push\"\n",
		"args.command = { glob = \"git*\" }\n",
		"args.command = { glob = \"*\" }\n",
		"args.command = { prefix = [\"git\"] }\n",
		"args.command = { prefix = [\"git\", \"push\"] }\n",
		"args.command = { prefix = [\"g*\", \"push\"] }\n",
		"args.command = \"git push; ls\"\n",
		"args.command = { glob = \"git push; ls\" }\n",
		"args.path = { path_under = \".\" }\n",
		"args.path = { path_under = \"src\" }\n",
		"args.path = { path_under = \"src/a\" }\n",
		"args.path = { path_under = \"srcs\" }\n",
		"args.path = { path_under = \"/\" }\n",
		"args.path = { path_under = \"/etc\" }\n",
		"args.path = { glob = \"src*\" }\n", "args.path = \"src/a\"\n" };
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	const char *first = PICK(args);
	const char *second = PICK(args);

	buf_printf(out, "[[rule]]\ntool = \"%s\"\ndecision = \"%s\"\n%s%s", PICK(tools),
		PICK(verdicts), PICK(callers), first);
	if (strncmp(first, second, sizeof "args.c" - 1) != 0)
		buf_puts(out, second);
}

static struct pol_use
any_call(void)
{
	static const struct {
		const char *server, *tool;
	} tools[] = { { "", "Bash" }, { "", "exec_command" }, { "", "Read" },
		{ "a", "x-y" }, { "a", "x_y" }, { "ab", "xzy" }, { "b", "Bash" } };
	static const char *const args[] = { "{}", "{\"command\":\"git push\"}",
		"{\"command\":\"git push; ls\",\"path\":\"src/a/b\"}",
		"{\"command\":\"git push; ls\"}",
		"{\"command\":\"git pull\",\"path\":\"src\"}",
		"{\"command\":\"ls $(git push)\",\"path\":\"/etc/x\"}",
		"{\"command\":\"g$x push\",\"path\":\"src/*.c\"}",
		"{\"command\":[\"git\",\"push\"],\"path\":[\"src/a\",\"doc\"]}",
		"{\"command\":\"env A=b git -C . push\"}",
		"{\"command\":\"bash -c 'git push'; git-push\"}",
		"{\"command\":\"git \\\"$x\\\"; echo git push\"}",
		"{\"command\":\"git --no-pager pu*\"}", "{\"command\":\"git push (\"}",
		"{\"path\":\"/home/u/p/src/a\"}", "{\"path\":\"..\"}",
		"{\"path\":\"src/a\"}", "{\"path\":\"srcs/b\"}",
		"{\"command\":7,\"path\":{}}", "[]" };
	const size_t t = pick(LEN(tools));
	struct pol_use u = {
		.agent = (enum pol_agent)pick(POL_AGENTS),
		.server = str_of(tools[t].server),
		.tool = str_of(tools[t].tool),
		.caller = (enum pol_caller)pick(POL_CALLER_ELSEWHERE + 1),
		.subagent = pick(2) > 0 ? STR("review") : STR("other"),
	};

	if (pick(LEN(args) + 1) > 0)
		u.args = str_of(PICK(args));
	return u;
}

/* What the file says for itself; POL_VERDICTS: nothing. */
static enum pol_verdict
verdict(struct pol_file *f, const char *root, const struct pol_use *u)
{
	CLEANUP(mem_freep) char *copy = mem_strdup(root);
	struct policy p = { .root = copy };
	struct pol_decision d;

	p.file[f->layer] = f;
	return pol_decide_layer(&p, f->layer, u, &d) ? d.verdict : POL_VERDICTS;
}

/* The file has both rules the other way around, so that it could be loaded. */
static bool
check_pair(struct pol_file *f)
{
	const struct pol_rule first = f->rule[1];
	size_t left = COVER_STEPS;
	struct pol_file alone;

	f->rule[1] = f->rule[0];
	f->rule[0] = first;
	if (!pol_rule_hides(&f->rule[0], &f->rule[1], &left))
		return false;
	pol_index_free(f->index);
	f->index = pol_index_new(f);
	alone = *f;
	alone.nrules = 1;
	alone.index = pol_index_new(&alone);
	for (size_t i = 0; i < CALLS; i++) {
		const struct pol_use u = any_call();

		ok_int(verdict(f, "/home/u/p", &u), verdict(&alone, "/home/u/p", &u),
			f->text.p);
	}
	pol_index_free(alone.index);
	return true;
}

static void
a_dead_rule_changes_nothing(void)
{
	size_t hidden = 0;

	for (size_t i = 0; i < PAIRS; i++) {
		struct buf text = BUF_INIT(4096);
		struct err e = ERR_INIT;
		struct pol_file *f;

		put_rule(&text);
		put_rule(&text);
		f = pol_file_read(POL_USER, "p", buf_str(&text), false, &e);
		hidden += f != NULL && check_pair(f);
		pol_file_free(f);
		buf_fini(&text);
	}
	ok(hidden > HIDDEN_LEAST, "some rules are dead");
}

/* As a hostile file may have them: thousands of patterns that nearly cover each other. */
static void
comparing_has_an_end(void)
{
	char wide[] = "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab1*";
	char narrow[] = "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab2*";
	size_t left = 1000;
	size_t n = 0;

	ok(pol_glob_covers("a*", "ab*", &left), "covered");
	ok(left < 1000, "what was compared is counted");
	while (left > 0 && n++ < 1000)
		if (pol_glob_covers(wide, narrow, &left))
			ok(false, "the one does not cover the other");
	ok_int(left, 0, "there is an end");
	ok(!pol_glob_covers("a*", "ab*", &left), "then only equal ones are covered");
	ok(pol_glob_covers("a*", "a*", &left), "as these are");
}

int
main(void)
{
	comparing_has_an_end();
	a_wider_pattern_matches_all_that_the_narrower_does();
	a_dead_rule_changes_nothing();
	return test_done();
}
