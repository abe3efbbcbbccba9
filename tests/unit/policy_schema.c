/* Keys and values of a policy file, and the exact words for what it may not say. */

#include "tests/unit/policy_file.h"

#include "base/buf.h"

static const struct row values[] = {
	{ "lock = true\n",
		"p:1:1: lock has a meaning in the managed file only; remove it" },
	{ "nativ_tools = 1\n",
		"p:1:1: unknown key 'nativ_tools'; did you mean 'native_tools'?" },
	{ "zzz = 1\n",
		"p:1:1: unknown key 'zzz'; the keys here are lock, native_tools, other_mcp, proxy, firewall, log, limits, price, sandbox, security, rule" },
	{ "\"native_tools.default\" = \"deny\"\n",
		"p:1:1: unknown key 'native_tools.default'; the keys here are lock, native_tools, other_mcp, proxy, firewall, log, limits, price, sandbox, security, rule" },
	{ "native_tools = 1\n",
		"p:1:1: native_tools is a whole number; it must be a table: [native_tools]" },
	{ "[native_tools]\n"
	  "defualt = \"deny\"\n",
		"p:2:1: unknown key 'defualt' in native_tools; did you mean 'default'?" },
	{ "[native_tools]\n"
	  "qqqqq = 1\n",
		"p:2:1: unknown key 'qqqqq' in native_tools; the keys here are default, allow, deny" },
	{ "[native_tools]\n"
	  "default = true\n",
		"p:2:1: native_tools.default is true; it must be: deny | allow" },
	{ "[native_tools]\n"
	  "default = \"alow\"\n",
		"p:2:1: native_tools.default is \"alow\"; did you mean \"allow\"?" },
	{ "[native_tools]\n"
	  "default = \"maybe\"\n",
		"p:2:1: native_tools.default is \"maybe\"; it must be: deny | allow" },
	{ "[native_tools]\n"
	  "allow = \"Bash\"\n",
		"p:2:1: native_tools.allow is a string; it must be: list of names" },
	{ "[native_tools]\n"
	  "allow = [\"Bash\", 7]\n",
		"p:2:18: native_tools.allow is a whole number; it must be: list of names" },
	{ "[native_tools]\n"
	  "allow = [\"\"]\n",
		"p:2:10: native_tools.allow is empty; it must be: list of names" },
	{ "[native_tools]\n"
	  "allow = [\"a\\u001b[1m\"]\n",
		"p:2:10: native_tools.allow has a byte that cannot be shown; write one line of plain text" },
	{ "[native_tools]\n"
	  "allow = [\"claude/Bash\"]\n",
		"p:2:10: native_tools.allow[0] = \"claude/Bash\" is no tool of an agent's own; write its plain name here, and rules for other tools as [[rule]]" },
	{ "[native_tools]\n"
	  "allow = [\"mcp__a__b\"]\n",
		"p:2:10: native_tools.allow[0] = \"mcp__a__b\" is no tool of an agent's own; write its plain name here, and rules for other tools as [[rule]]" },
	{ "[native_tools]\n"
	  "allow = [\"Read\", \"Edit\", \"Read\"]\n",
		"p:2:26: native_tools.allow[2] = \"Read\" stands there twice (line 2); write it once" },
	{ "[native_tools]\n"
	  "deny = [\"Web*\"]\n"
	  "allow = [\"Read\", \"WebFetch\"]\n",
		"p:3:18: native_tools.allow[1] = \"WebFetch\" has no effect: native_tools.deny covers it (line 2); remove one of them" },
	{ "[native_tools]\n"
	  "allow = [\"Web?etch*\"]\n"
	  "deny = [\"W*\"]\n",
		"p:2:10: native_tools.allow[0] = \"Web?etch*\" has no effect: native_tools.deny covers it (line 3); remove one of them" },
	{ "[native_tools]\n"
	  "allow = []\n"
	  "allow = []\n",
		"p:3:9: Error while parsing key-value pair: cannot redefine existing array 'allow'; remove one of the two" },
	{ "[other_mcp]\n"
	  "mode = \"deny\"\n",
		"p:2:1: other_mcp.mode is \"deny\"; it must be: deny_all | allow_list | deny_list" },
	{ "[other_mcp]\n"
	  "servers = [\"github\"]\n",
		"p:2:12: other_mcp.servers[0] has no effect while other_mcp.mode is \"deny_all\"; set mode to \"allow_list\" or \"deny_list\", or remove it" },
	{ "[other_mcp]\n"
	  "mode = \"allow_list\"\n"
	  "servers = [{ tools = [\"a\"] }]\n",
		"p:3:12: the entry names no server; write { server = \"name\", tools = [...] }" },
	{ "[other_mcp]\n"
	  "mode = \"allow_list\"\n"
	  "servers = [{ server = \"a\", tool = [\"a\"] }]\n",
		"p:3:28: unknown key 'tool' in other_mcp.servers; did you mean 'tools'?" },
	{ "[other_mcp]\n"
	  "mode = \"allow_list\"\n"
	  "servers = [{ server = \"a\", tools = [] }]\n",
		"p:3:28: other_mcp.servers.tools is empty and would match nothing; it must be: list of names" },
	{ "[other_mcp]\n"
	  "mode = \"deny_list\"\n"
	  "servers = [{ server = \"a\", tools = [\"x\", \"y\", \"x\"] }]\n",
		"p:3:12: other_mcp.servers[0] has the tool \"x\" twice; write it once" },
	{ "[other_mcp]\n"
	  "mode = \"allow_list\"\n"
	  "servers = [\"a\", \"a\"]\n",
		"p:3:17: other_mcp.servers[1] = \"a\" stands there twice (line 3); write it once" },
	{ "[other_mcp]\n"
	  "mode = \"deny_list\"\n"
	  "servers = [\"pando_core\"]\n",
		"p:3:12: other_mcp.servers[0] = \"pando_core\" is a server of pando-ai, and this list is for others; write a [[rule]] with tool = \"pando_core/*\"" },
	{ "[other_mcp]\n"
	  "mode = \"allow_list\"\n"
	  "servers = [3]\n",
		"p:3:12: other_mcp.servers is a whole number; it must be: list of servers" },
	{ "[proxy]\n"
	  "claude = \"on\"\n",
		"p:2:1: proxy.claude is \"on\"; it must be: enforce | audit | off" },
	{ "[proxy]\n"
	  "openai_upstream = 1\n",
		"p:2:1: proxy.openai_upstream is a whole number; it must be: URL" },
	{ "[proxy]\n"
	  "openai_upstream = \"http://example.org\"\n",
		"p:2:1: proxy.openai_upstream must use https: a key would cross the network in the clear; write a URL like https://example.com/v1" },
	{ "[firewall]\n"
	  "call = \"strip\"\n",
		"p:2:1: firewall.call is \"strip\"; it must be: replace | refuse" },
	{ "[log]\n"
	  "max_bytes = 100\n",
		"p:2:1: log.max_bytes is 100; it must be from 65536 to 1099511627776" },
	{ "[log]\n"
	  "max_days = \"30\"\n",
		"p:2:1: log.max_days is a string; it must be: whole number from 1 to 3650" },
	{ "[log]\n"
	  "keep = 101\n",
		"p:2:1: log.keep is 101; it must be from 0 to 100" },
	{ "[limits]\ntokens_per_run = -1\n",
		"p:2:1: limits.tokens_per_run is -1; it must be from 1 to 1000000000000" },
	{ "[limits]\nsame_call = 1\n",
		"p:2:1: limits.same_call is 1; it must be from 2 to 1000" },
	{ "[limits]\ncalls_per_minute = 1001\n",
		"p:2:1: limits.calls_per_minute is 1001; it must be from 1 to 1000" },
	{ "[limits]\nusd_per_run = 0.001\n",
		"p:2:1: limits.usd_per_run is out of range; it must be: number from 0.01 to 1000000, 0: no limit" },
	{ "[limits]\nusd_per_run = nan\n",
		"p:2:1: limits.usd_per_run is out of range; it must be: number from 0.01 to 1000000, 0: no limit" },
	{ "[limits]\nusd_per_run = inf\n",
		"p:2:1: limits.usd_per_run is out of range; it must be: number from 0.01 to 1000000, 0: no limit" },
	{ "[limits]\nusd_per_run = -2\n",
		"p:2:1: limits.usd_per_run is out of range; it must be: number from 0.01 to 1000000, 0: no limit" },
	{ "[limits]\nusd_per_run = \"5\"\n",
		"p:2:1: limits.usd_per_run is a string; it must be: number from 0.01 to 1000000, 0: no limit" },
	{ "[price]\nmodel = \"a\"\n",
		"p:1:2: price is a table; prices are written below [[price]], with two brackets" },
	{ "[[price]]\ninput = 1\noutput = 2\n",
		"p:2:1: the price has no model; write model = \"name or pattern\"" },
	{ "[[price]]\nmodel = \"a\"\ninput = 1\n",
		"p:2:1: the price of \"a\" is not complete; write input = and output =, in USD for a million tokens" },
	{ "[[price]]\nmodel = \"a\"\ninput = 10001\n",
		"p:3:1: price.input is out of range; it must be: number from 0 to 10000" },
	{ "[[price]]\nmodel = \"a\"\ninputs = 1\n",
		"p:3:1: unknown key 'inputs' in price; did you mean 'input'?" },
	{ "[limits]\n"
	  "command_seconds = 0\n",
		"p:2:1: limits.command_seconds is 0; it must be from 1 to 86400" },
	{ "[limits]\n"
	  "command_output_bytes = 1.5\n",
		"p:2:1: limits.command_output_bytes is a number with a fraction; it must be: whole number from 1024 to 98304" },
	{ "[sandbox]\n"
	  "read_only = [\"/etc\"]\n",
		"p:2:14: '/etc' is not below the project's root; write a path that begins there" },
	{ "[sandbox]\n"
	  "read_only = [\"../x\"]\n",
		"p:2:14: '../x' cannot be taken: where \"..\" leads depends on links; write the path without it" },
	{ "[sandbox]\n"
	  "read_only = [\"./\"]\n",
		"p:2:14: './' is the whole project; write paths below it" },
	{ "[sandbox]\n"
	  "read_only = [\"a/\", \"./a\"]\n",
		"p:2:20: sandbox.read_only[1] = \"a\" stands there twice (line 2); write it once" },
	{ "[sandbox]\n"
	  "writable = [\".vscod\"]\n",
		"p:2:13: sandbox.writable: \".vscod\" is not a name that the sandbox guards and may open (did you mean \".vscode\"?); policy.toml(5) lists them" },
	{ "[sandbox]\n"
	  "writable = [\".pando\"]\n",
		"p:2:13: sandbox.writable: \".pando\" is not a name that the sandbox guards and may open; policy.toml(5) lists them" },
	{ "[sandbox]\n"
	  "writable = [\".git\"]\n",
		"p:2:13: sandbox.writable: \".git\" is not a name that the sandbox guards and may open; policy.toml(5) lists them" },
	{ "[sandbox]\n"
	  "read_only = [\"p0\",\"p1\",\"p2\",\"p3\",\"p4\",\"p5\",\"p6\",\"p7\",\"p8\",\"p9\",\"p10\",\"p11\",\"p12\",\"p13\",\"p14\",\"p15\",\"p16\",\"p17\",\"p18\",\"p19\",\"p20\",\"p21\",\"p22\",\"p23\",\"p24\",\"p25\",\"p26\",\"p27\",\"p28\",\"p29\",\"p30\",]\n",
		"p:2:1: sandbox.read_only has 31 entries; at most 30 are taken" },
	{ "[security]\n"
	  "subcommands = [\"swarm\"]\n",
		"p:2:16: 'swarm' is no subcommand; write an agent and one word, as \"claude word\"" },
	{ "[security]\n"
	  "subcommands = [\"gemini swarm\"]\n",
		"p:2:16: 'gemini swarm' is no subcommand; write an agent and one word, as \"claude word\"" },
	{ "[security]\n"
	  "subcommands = [\"claude --bare\"]\n",
		"p:2:16: 'claude --bare' is no subcommand; write an agent and one word, as \"claude word\"" },
	{ "[security]\n"
	  "subcommands = [\"claude a b\"]\n",
		"p:2:16: 'claude a b' is no subcommand; write an agent and one word, as \"claude word\"" },
	{ "[security]\n"
	  "subcommands = [\"claude a\", \"claude a\"]\n",
		"p:2:28: security.subcommands[1] = \"claude a\" stands there twice (line 2); write it once" },
	{ "[sandbox]\n"
	  "read_only = [\"a*\"]\n",
		"p:2:14: 'a*' is a pattern; write one path" },
	{ "[security]\n"
	  "require_helper = \"yes\"\n",
		"p:2:1: security.require_helper is a string; it must be: true | false" },
	{ "a = 1979-05-27\n", "p:1:5: dates and times are not used here" },
};

static void
keys_and_values_say_what_they_must_be(void)
{
	refused(values, LEN(values));
}

#define IN_PROJECT                                                                         \
	" is not for this file: a project's file can only tighten the policy; remove it, " \
	"or say it in ~/.pando/policy.toml"
#define UNDER_LOCK                                                                       \
	" is not for this file: the managed policy is locked, so this file can only "    \
	"tighten it; remove it"

static void
what_loosens_is_refused_below(void)
{
	static const struct {
		const char *text, *project, *locked; /* NULL: it is taken */
	} rows[] = {
		{ "[native_tools]\ndefault = \"allow\"\n",
			"p:2:1: native_tools.default = \"allow\"" IN_PROJECT,
			"p:2:1: native_tools.default = \"allow\"" UNDER_LOCK },
		{ "[native_tools]\ndefault = \"deny\"\n", NULL, NULL },
		{ "[other_mcp]\nmode = \"deny_list\"\n", NULL, NULL },
		{ "[proxy]\nclaude = \"audit\"\n",
			"p:2:1: proxy.claude = \"audit\"" IN_PROJECT,
			"p:2:1: proxy.claude = \"audit\"" UNDER_LOCK },
		{ "[proxy]\ncodex = \"off\"\n", "p:2:1: proxy.codex = \"off\"" IN_PROJECT,
			"p:2:1: proxy.codex = \"off\"" UNDER_LOCK },
		{ "[proxy]\nclaude = \"enforce\"\n", NULL, NULL },
		{ "[proxy]\nopenai_upstream = \"https://a.example\"\n",
			"p:2:1: proxy.openai_upstream = \"https://a.example\"" IN_PROJECT,
			"p:2:1: proxy.openai_upstream = \"https://a.example\"" UNDER_LOCK },
		{ "[firewall]\ndefinition = \"strip\"\n",
			"p:2:1: firewall.definition = \"strip\"" IN_PROJECT,
			"p:2:1: firewall.definition = \"strip\"" UNDER_LOCK },
		{ "[firewall]\nunknown = \"audit\"\n",
			"p:2:1: firewall.unknown = \"audit\"" IN_PROJECT,
			"p:2:1: firewall.unknown = \"audit\"" UNDER_LOCK },
		{ "[firewall]\nhistory = \"refuse\"\ncall = \"refuse\"\n", NULL, NULL },
		{ "[log]\narguments = true\n", "p:2:1: log.arguments = true" IN_PROJECT,
			"p:2:1: log.arguments = true" UNDER_LOCK },
		{ "[log]\nkeep = 3\n", "p:2:1: log.keep = 3" IN_PROJECT, NULL },
		{ "[limits]\ncommand_seconds = 9999\n", NULL, NULL },
		{ "[sandbox]\nread_only = [\"a\"]\n", NULL, NULL },
		{ "[sandbox]\nwritable = [\".git/hooks\"]\n",
			"p:2:1: sandbox.writable" IN_PROJECT,
			"p:2:1: sandbox.writable" UNDER_LOCK },
		{ "[security]\nsubcommands = [\"claude a\"]\n",
			"p:2:1: security.subcommands" IN_PROJECT,
			"p:2:1: security.subcommands" UNDER_LOCK },
		{ "[security]\nrequire_helper = false\n",
			"p:2:1: security.require_helper = false" IN_PROJECT,
			"p:2:1: security.require_helper = false" UNDER_LOCK },
		{ "[security]\nrequire_helper = true\n", NULL, NULL },
		{ "[security]\nhandshake = \"off\"\n",
			"p:2:1: security.handshake = \"off\"" IN_PROJECT,
			"p:2:1: security.handshake = \"off\"" UNDER_LOCK },
		{ "[security]\nwitness = \"off\"\n",
			"p:2:1: security.witness = \"off\"" IN_PROJECT,
			"p:2:1: security.witness = \"off\"" UNDER_LOCK },
		{ "lock = false\n",
			"p:1:1: lock has a meaning in the managed file only; remove it",
			"p:1:1: lock has a meaning in the managed file only; remove it" },
		{ "[[rule]]\ntool = \"claude/Bash\"\ndecision = \"allow\"\n", NULL,
			NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err in_project = ERR_INIT;
		struct err under_lock = ERR_INIT;

		pol_free(load(POL_PROJECT, NULL, rows[i].text, &in_project));
		pol_free(load(POL_USER, "lock = true\n", rows[i].text, &under_lock));
		ok_str(in_project.text, rows[i].project != NULL ? rows[i].project : "",
			rows[i].text);
		ok_str(under_lock.text, rows[i].locked != NULL ? rows[i].locked : "",
			rows[i].text);
	}
}

struct size_row {
	const char *before, *part; /* the part has a number for each time */
	size_t n;
	const char *behind, *want;
};

static void
check_size(const struct size_row *row)
{
	struct buf b = BUF_INIT((size_t)2 * POL_FILE_MAX);
	struct err e = ERR_INIT;

	buf_puts(&b, row->before);
	for (size_t i = 0; i < row->n; i++) {
		const char *hole = strchr(row->part, '#');

		buf_put(&b, row->part, (size_t)(hole - row->part));
		buf_printf(&b, "%zu%s", i, hole + 1);
	}
	buf_puts(&b, row->behind);
	pol_free(load(POL_USER, NULL, buf_text(&b), &e));
	ok_str(e.text, row->want, row->before);
	buf_fini(&b);
}

static void
sizes_have_an_end(void)
{
#define RULE "[[rule]]\ntool = \"a/b\"\ndecision = \"deny\"\n"
	static const struct size_row rows[] = {
		{ "[native_tools]\nallow = [", "\"y#\",", 1024, "]\n", "" },
		{ "[native_tools]\nallow = [", "\"y#\",", 1025, "]\n",
			"p:2:1: native_tools.allow has 1025 entries; at most 1024 are "
			"taken" },
		{ "", "[[rule]]\ntool = \"a/b#\"\ndecision = \"deny\"\n", 4096, "", "" },
		{ "", "[[rule]]\ntool = \"a/b#\"\ndecision = \"deny\"\n", 4097, "",
			"p:1:3: the file has 4097 rules; at most 4096 are taken" },
		{ RULE "args.k = { glob = \"*\" }\nmatch = [", "\"#\",", 64, "]\n", "" },
		{ RULE "args.k = { glob = \"*\" }\nmatch = [", "\"#\",", 65, "]\n",
			"p:5:1: rule.match has 65 entries; at most 64 are taken" },
		{ RULE "args.k = { prefix = [", "\"#\",", 16, "] }\n", "" },
		{ RULE "args.k = { prefix = [", "\"#\",", 17, "] }\n",
			"p:4:12: rule.args.k.prefix has 17 entries; at most 16 are "
			"taken" },
		{ RULE, "args.k# = true\n", 8, "", "" },
		{ RULE, "args.k# = true\n", 9, "",
			"p:4:1: rule.args has 9 arguments; at most 8 are taken" },
		{ "", "[[rule]]\ntool = \"a/b\"\nargs.k# = 1\ndecision = \"deny\"\n", 64,
			"", "" },
		{ "", "[[rule]]\ntool = \"a/b\"\nargs.k# = 1\ndecision = \"deny\"\n", 65,
			"",
			"p:259:6: the rules name more than 64 different arguments; use "
			"fewer" },
		{ "", "# comment #\n", 90000, "", "p:1:1: longer than 1048576 bytes" },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		check_size(&rows[i]);
}

int
main(void)
{
	keys_and_values_say_what_they_must_be();
	what_loosens_is_refused_below();
	sizes_have_an_end();
	return test_done();
}
