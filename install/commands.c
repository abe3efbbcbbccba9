#include "install/command.h"

#include "base/str.h"

#define LAYER_WORDS "[--as managed|user|project] [--root DIR]"

static const struct command commands[] = {
	{ "install", "", "put the claude and codex shims in ~/.pando/bin",
		command_install },
	{ "uninstall", "", "take them away again", command_uninstall },
	{ "status", "", "tell what is supervised and what is not", command_status },
	{ "top", "[--json]", "show the runs that are there, and what they use",
		command_top },
	{ "report", "[--since TIME] [--run ID] [--log FILE] [--json]",
		"show what runs used, by day, model and run", command_report },
	{ "logs verify", "[--json] [FILE]",
		"tell whether a line was removed, changed, moved, inserted or cut off",
		command_logs_verify },
	{ "logs",
		"[-f] [-n COUNT] [--since TIME] [--run ID] [--verdict VERDICT] "
		"[--agent AGENT] [--layer LAYER] [--json]",
		"show the last decisions", command_logs },
	{ "policy check", LAYER_WORDS " [--json] [FILE]",
		"check the policy that holds here, or a file", command_policy_check },
	{ "policy keys", "[--json]", "list every key that a policy may have",
		command_policy_keys },
	{ "policy explain", "[--root DIR] [--subagent NAME] [--json] AGENT TOOL [ARGS]",
		"tell what the policy says of a call, and why", command_policy_explain },
	{ "policy test", "[--root DIR] [--calls FILE] [--json]",
		"run the examples of the rules, and calls of a file",
		command_policy_test },
	{ "policy show", "[--root DIR] [--json]",
		"show the merged policy, each value with its origin",
		command_policy_show },
	{ "policy replay", LAYER_WORDS " [--since TIME] [--log FILE] [--json] FILE",
		"tell which past calls a changed policy would decide otherwise",
		command_policy_replay },
	{ "policy learn",
		"[--run ID] [--since TIME] [--log FILE] [--exact] [--root DIR] [--json]",
		"propose a least policy from what agents did", command_policy_learn },
	{ "gateway", "[--policy FILE] [--upstream URL] [--listen ADDRESS:PORT]",
		"a gateway in the foreground for any HTTP client, to debug a policy",
		command_gateway },
	{ "proxy status", "", "look at the gateway", command_proxy_status },
	{ "proxy stop", "", "end it", command_proxy_stop },
	{ "demo", "[--agent claude|codex]", "show the real agents under supervision",
		command_demo },
	{ "help", "", "print this", command_help },
};

const struct command *
command_list(size_t *n)
{
	*n = LEN(commands);
	return commands;
}

/* How many of the words are the command's name; 0: it is another. */
static int
match(const struct command *c, int argc, char *const *argv)
{
	struct str rest = str_of(c->name);

	for (int i = 0; i < argc; i++) {
		const struct str word = str_of(argv[i]);

		if (word.n == 0 || !str_starts(rest, word) ||
			memchr(word.p, ' ', word.n) != NULL)
			return 0;
		rest = str_skip(rest, word.n);
		if (rest.n == 0)
			return i + 1;
		if (rest.p[0] != ' ')
			return 0;
		rest = str_skip(rest, 1);
	}
	return 0;
}

const struct command *
command_find(int argc, char *const *argv, int *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (size_t i = 0; i < LEN(commands); i++) {
		const int k = match(&commands[i], argc, argv);

		if (k <= *used)
			continue;
		*used = k;
		best = &commands[i];
	}
	return best;
}
