/* Three files, one policy: whose value of each setting holds, and what `policy show` says. */

#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "policy/keys.h"

struct shown {
	const char *key;
	struct buf out;
};

/* "<value> <layer>:<line>" of the key that is asked for, several behind each other. */
static void
on_shown(void *to, const struct pol_shown *s)
{
	struct shown *w = to;
	const size_t n = strlen(w->key);

	if (strncmp(s->key, w->key, n) == 0 && (s->key[n] == '\0' || s->key[n] == '['))
		buf_printf(&w->out, "%s%s %s:%d", w->out.n > 0 ? ", " : "", s->value,
			pol_layer_name(s->layer), s->line);
}

static struct policy *
merged(const char *managed, const char *user, const char *project)
{
	const struct pol_text all[] = { { POL_MANAGED, "m", str_of(managed) },
		{ POL_USER, "u", str_of(user) }, { POL_PROJECT, "p", str_of(project) } };
	struct pol_text t[LEN(all)];
	struct err e = ERR_INIT;
	struct policy *p;
	size_t n = 0;

	for (size_t i = 0; i < LEN(all); i++)
		if (all[i].text.p != NULL)
			t[n++] = all[i];
	p = pol_of_texts(t, n, NULL, &e);
	ok_str(e.text, "", "the files are good");
	return p;
}

static const struct {
	const char *managed, *user, *project, *key, *want;
} settings[] = {
	{ NULL, NULL, NULL, "proxy.claude", "\"enforce\" built-in:0" },
	{ NULL, "[proxy]\nclaude = \"off\"\n", NULL, "proxy.claude", "\"off\" user:2" },
	{ "[proxy]\nclaude = \"audit\"\n", "[proxy]\n\nclaude = \"off\"\n", NULL,
		"proxy.claude", "\"audit\" managed:2" },
	{ "[proxy]\nclaude = \"audit\"\n", "[proxy]\n\nclaude = \"enforce\"\n", NULL,
		"proxy.claude", "\"enforce\" user:3" },
	{ "[proxy]\nclaude = \"audit\"\n", NULL, "[proxy]\n\n\nclaude = \"enforce\"\n",
		"proxy.claude", "\"enforce\" project:4" },
	{ "[proxy]\nclaude = \"off\"\n", NULL, NULL, "proxy.codex",
		"\"enforce\" built-in:0" },
	{ "[firewall]\ncall = \"replace\"\n", "[firewall]\n\ncall = \"refuse\"\n", NULL,
		"firewall.call", "\"refuse\" user:3" },
	{ "[firewall]\nunknown = \"audit\"\n", NULL, "[firewall]\nunknown = \"refuse\"\n",
		"firewall.unknown", "\"refuse\" project:2" },
	{ "[native_tools]\ndefault = \"allow\"\n", NULL, NULL, "native_tools.default",
		"\"allow\" managed:2" },
	{ "[native_tools]\ndefault = \"allow\"\n", NULL,
		"[native_tools]\ndefault = \"deny\"\n", "native_tools.default",
		"\"deny\" project:2" },
	/* the smallest limit; a larger one than the default is the person's right */
	{ NULL, "[limits]\ncommand_seconds = 900\n", NULL, "limits.command_seconds",
		"900 user:2" },
	{ NULL, "[limits]\ncommand_seconds = 900\n", "[limits]\n\ncommand_seconds = 60\n",
		"limits.command_seconds", "60 project:3" },
	{ NULL, NULL, "[limits]\ncommand_seconds = 900\n", "limits.command_seconds",
		"600 built-in:0" },
	{ "[limits]\ncommand_seconds = 100\n", "[limits]\n\ncommand_seconds = 200\n",
		NULL, "limits.command_seconds", "100 managed:2" },
	/* under a lock the default is as mild as it gets */
	{ "lock = true\n", "[limits]\ncommand_seconds = 900\n", NULL,
		"limits.command_seconds", "600 built-in:0" },
	{ "lock = true\n", "[limits]\ncommand_seconds = 90\n", NULL,
		"limits.command_seconds", "90 user:2" },
	{ "lock = true\n[limits]\ncommand_seconds = 900\n",
		"[limits]\ncommand_seconds = 800\n", NULL, "limits.command_seconds",
		"800 user:2" },
	/* a budget: 0 is none, and the mildest */
	{ NULL, NULL, NULL, "limits.tokens_per_run", "0 built-in:0" },
	{ NULL, NULL, "[limits]\ntokens_per_run = 5\n", "limits.tokens_per_run",
		"5 project:2" },
	{ "[limits]\ntokens_per_run = 5\n", "[limits]\ntokens_per_run = 0\n", NULL,
		"limits.tokens_per_run", "5 managed:2" },
	{ "[limits]\ntokens_per_run = 0\n", "[limits]\ntokens_per_run = 7\n",
		"[limits]\n\ntokens_per_run = 9\n", "limits.tokens_per_run", "7 user:2" },
	{ "lock = true\n", "[limits]\nsame_call = 30\n", NULL, "limits.same_call",
		"30 user:2" },
	{ NULL, "[limits]\nusd_per_run = 5\n", "[limits]\nusd_per_run = 0.255\n",
		"limits.usd_per_run", "0.255 project:2" },
	{ NULL, "[limits]\nusd_per_run = 1234567e-2\n", NULL, "limits.usd_per_run",
		"12345.67 user:2" },
	{ NULL, "[[price]]\nmodel = \"a*\"\ninput = 3\noutput = 0.0375\n", NULL, "price",
		"{ model = \"a*\", input = 3.00, output = 0.0375 } user:2" },
	{ "lock = true\n", "[log]\nkeep = 2\n", NULL, "log.keep", "8 built-in:0" },
	{ "lock = true\n", "[log]\nkeep = 20\n", NULL, "log.keep", "20 user:2" },
	{ "lock = true\n", NULL, NULL, "lock", "true managed:1" },
	/* by authority */
	{ "[log]\nkeep = 3\n", "[log]\nkeep = 20\n", NULL, "log.keep", "3 managed:2" },
	{ NULL, "[log]\nkeep = 2\n", NULL, "log.keep", "2 user:2" },
	{ "[log]\narguments = true\n", "[log]\n\narguments = false\n", NULL,
		"log.arguments", "false user:3" },
	{ "[log]\narguments = false\n", "[log]\narguments = true\n", NULL,
		"log.arguments", "false managed:2" },
	{ NULL, "[log]\narguments = true\n", NULL, "log.arguments", "true user:2" },
	{ "[proxy]\nopenai_upstream = \"https://m.example/v1/\"\n",
		"[proxy]\nopenai_upstream = \"https://u.example\"\n", NULL,
		"proxy.openai_upstream", "\"https://m.example/v1\" managed:2" },
	{ NULL, "[proxy]\nopenai_upstream = \"https://u.example\"\n", NULL,
		"proxy.openai_upstream", "\"https://u.example\" user:2" },
	{ "[proxy]\nchatgpt_upstream = \"https://m.example/b/\"\n",
		"[proxy]\nopenai_upstream = \"https://u.example\"\n", NULL,
		"proxy.chatgpt_upstream", "\"https://m.example/b\" managed:2" },
	{ NULL, "[proxy]\nopenai_upstream = \"https://u.example\"\n", NULL,
		"proxy.chatgpt_upstream",
		"\"https://chatgpt.com/backend-api\" built-in:0" },
	{ "[security]\nrequire_helper = false\n", NULL,
		"[security]\nrequire_helper = true\n", "security.require_helper",
		"true project:2" },
	{ "[security]\nhandshake = \"off\"\n", "[security]\nwitness = \"off\"\n", NULL,
		"security.handshake", "\"off\" managed:2" },
	{ "[security]\nwitness = \"off\"\n", NULL, "[security]\nwitness = \"require\"\n",
		"security.witness", "\"require\" project:2" },
	/* lists of all files */
	{ "[sandbox]\nread_only = [\"a\"]\n", "[sandbox]\nread_only = [\"b\"]\n",
		"[sandbox]\nread_only = [\"a\", \"c\"]\n", "sandbox.read_only",
		"\"a\" managed:2, \"b\" user:2, \"a\" project:2, \"c\" "
		"project:2" },
	{ "[native_tools]\ndeny = [\"A\"]\n", NULL, "[native_tools]\ndeny = [\"A\"]\n",
		"native_tools.deny", "\"A\" managed:2, \"A\" project:2" },
};

static void
each_setting_says_whose_it_is(void)
{
	for (size_t i = 0; i < LEN(settings); i++) {
		struct policy *p = merged(
			settings[i].managed, settings[i].user, settings[i].project);
		struct shown w = { settings[i].key, BUF_INIT(4096) };

		pol_show(p, on_shown, &w);
		ok_str(buf_text(&w.out), settings[i].want, settings[i].want);
		buf_fini(&w.out);
		pol_free(p);
	}
}

static void
rules_are_shown_as_toml(void)
{
	static const struct {
		const char *rule, *want;
	} rows[] = {
		{ "id = \"x\"\ntool = \"claude/Bash\"\ndecision = \"deny\"\n"
		  "args.command = { prefix = [\"git\", \"push\"] }\nmessage = \"No \\\"x\\\"\"\n",
			"{ tool = \"claude/Bash\", agent = \"claude\", args.command = { "
			"prefix = [\"git\", \"push\"] }, decision = \"deny\", message = "
			"\"No \\\"x\\\"\" } user:2" },
		{ "id = \"x\"\ntool = \"*/a\"\nsubagent = \"r*\"\ndecision = \"audit\"\n"
		  "args.\"a b\" = { glob = \"*\" }\nargs.p = { path_under = \"./s/\" }\n"
		  "args.n = 3\n",
			"{ tool = \"*/a\", subagent = \"r*\", args.\"a b\" = { glob = "
			"\"*\" }, args.p = { path_under = \"s\" }, args.n = \"3\", "
			"decision = \"audit\" } user:2" },
		{ "id = \"x\"\ntool = \"a/b\"\ndecision = \"deny\"\n"
		  "args.k = \"\\u009b2J \\u202e\\u007f \\u00e9\\n\"\n",
			"{ tool = \"a/b\", args.k = \"\\u009b2J \\u202e\\u007f \xc3\xa9\\n\", "
			"decision = \"deny\" } user:2" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *text = mem_printf("[[rule]]\n%s", rows[i].rule);
		struct policy *p = merged(NULL, text, NULL);
		struct shown w = { "rule.x", BUF_INIT(4096) };

		pol_show(p, on_shown, &w);
		ok_str(buf_text(&w.out), rows[i].want, rows[i].want);
		buf_fini(&w.out);
		pol_free(p);
	}
}

static void
check_names(const char *const *have, size_t n, const char *want, const char *what)
{
	struct buf out = BUF_INIT(4096);

	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s", i > 0 ? " " : "", have[i]);
	ok_str(buf_text(&out), want, what);
	buf_fini(&out);
}

static void
plain_names_of_all_files_are_collected(void)
{
	struct policy *p = merged(
		"[native_tools]\nallow = [\"Read\", \"Web*\"]\n"
		"[sandbox]\nread_only = [\"a\"]\nwritable = [\".vscode\"]\n",
		"[other_mcp]\nmode = \"deny_list\"\nservers = [\"docs\", \"x*\"]\n"
		"[[rule]]\ntool = \"codex/apply_patch\"\ndecision = \"deny\"\n"
		"[[rule]]\ntool = \"gh/get_*\"\ndecision = \"deny\"\n"
		"[[rule]]\ntool = \"claude/We?\"\ndecision = \"deny\"\n"
		"[sandbox]\nwritable = [\".idea\"]\n"
		"[security]\nsubcommands = [\"claude swarm\", \"codex voice\"]\n",
		"[native_tools]\ndeny = [\"Read\", \"Edit\"]\n"
		"[sandbox]\nread_only = [\"b/\", \"a\"]\n");
	const char *const *names;
	size_t n = pol_native_names(p, &names);

	check_names(names, n, "Edit Read apply_patch", "native names");
	check_names(p->servers, p->nservers, "docs gh", "servers");
	n = pol_read_only(p, &names);
	check_names(names, n, "a b", "read-only paths");
	n = pol_writable(p, &names);
	check_names(names, n, ".idea .vscode", "writable paths");
	ok(pol_passes_subcommand(p, POL_CLAUDE, "swarm"), "claude swarm");
	ok(pol_passes_subcommand(p, POL_CODEX, "voice"), "codex voice");
	ok(!pol_passes_subcommand(p, POL_CODEX, "swarm"), "not codex swarm");
	ok(!pol_passes_subcommand(p, POL_CLAUDE, "swar"), "no part of one");
	pol_free(p);
}

#define PRICE(model, in, rest)                                                           \
	"[[price]]\nmodel = \"" model "\"\ninput = " in "\noutput = 1.5\n" rest

/* in out cache_read cache_write cache_write_1h of "opus-4", in USD for a million; or none */
static const struct {
	const char *name, *managed, *user, *project, *want;
} prices[] = {
	{ "none", NULL, "", NULL, "none" },
	{ "another model", NULL, PRICE("sonnet*", "1", ""), NULL, "none" },
	{ "what is not said is as input", NULL, PRICE("op?s*", "3", ""), NULL,
		"3.00 1.50 3.00 3.00 3.00" },
	{ "all is said", NULL,
		PRICE("opus-4", "3",
			"cache_read = 0\ncache_write = 3.75\ncache_write_1h = 6\n"),
		NULL, "3.00 1.50 0 3.75 6.00" },
	{ "an hour as any writing", NULL, PRICE("*", "3", "cache_write = 4\n"), NULL,
		"3.00 1.50 3.00 4.00 4.00" },
	{ "the first of a file", NULL, PRICE("opus-*", "1", "") PRICE("*", "9", ""), NULL,
		"1.00 1.50 1.00 1.00 1.00" },
	{ "of each number the largest of the files", PRICE("*", "2", "cache_read = 1\n"),
		PRICE("*", "1", ""), PRICE("*", "0", "cache_read = 5\n"),
		"2.00 1.50 5.00 2.00 2.00" },
	{ "a project's file gives no price", NULL, NULL, PRICE("*", "0", ""), "none" },
	{ "under a lock the user's does not either", "lock = true\n", PRICE("*", "0", ""),
		NULL, "none" },
	{ "but it raises one", "lock = true\n" PRICE("*", "2", ""), PRICE("*", "7", ""),
		NULL, "7.00 1.50 7.00 7.00 7.00" },
};

static void
prices_are_the_strictest(void)
{
	for (size_t i = 0; i < LEN(prices); i++) {
		struct policy *p = merged(
			prices[i].managed, prices[i].user, prices[i].project);
		CLEANUP(buf_fini) struct buf have = BUF_INIT(4096);
		struct pol_price is;
		const bool known = pol_price_of(p, STR("opus-4"), &is);
		const int64_t all[] = { is.in, is.out, is.cache_read, is.cache_write,
			is.cache_write_1h };

		for (size_t k = 0; known && k < LEN(all); k++) {
			buf_puts(&have, k > 0 ? " " : "");
			pol_usd_put(&have, all[k]);
		}
		ok_str(known ? buf_text(&have) : "none", prices[i].want, prices[i].name);
		pol_free(p);
	}
}

static void
a_budget_names_its_place(void)
{
	struct policy *p = merged("[limits]\n\ntokens_per_run = 9\n",
		"[limits]\ntokens_per_run = 5\n", NULL);
	struct pol_decision d = pol_budget_decision(p, POL_TOKENS);

	ok_str(d.rule, "limits.tokens_per_run", "rule");
	ok_str(d.file, "u", "file");
	ok_int(d.line, 2, "line");
	ok_int(d.verdict, POL_DENY, "verdict");
	d = pol_budget_decision(p, POL_SAME);
	ok_str(d.file, "built-in", "nobody said it");
	pol_free(p);
}

int
main(void)
{
	each_setting_says_whose_it_is();
	rules_are_shown_as_toml();
	plain_names_of_all_files_are_collected();
	prices_are_the_strictest();
	a_budget_names_its_place();
	return test_done();
}
