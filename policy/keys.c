#include "policy/keys.h"

#include <ctype.h>
#include <stdio.h>

#define PRICE_TYPE "number from 0 to 10000"

enum { NEAREST_WORD_MAX = 64, NEAR_MAX = 2 };

static const struct pol_key keys[POL_KEY_IDS] = {
	[KEY_LOCK] = { "lock", "true | false", "false",
		"managed file only: the other files can then only tighten" },
	[KEY_NATIVE_DEFAULT] = { "native_tools.default", "deny | allow", "\"deny\"",
		"what holds for a tool of the agent's own that nothing names" },
	[KEY_NATIVE_ALLOW] = { "native_tools.allow", "list of names", "[]",
		"the agent's own tools that are allowed" },
	[KEY_NATIVE_DENY] = { "native_tools.deny", "list of names", "[]",
		"the agent's own tools that are denied; beats allow" },
	[KEY_OTHER_MODE] = { "other_mcp.mode", "deny_all | allow_list | deny_list",
		"\"deny_all\"", "which MCP servers other than Pando's may be used" },
	[KEY_OTHER_SERVERS] = { "other_mcp.servers", "list of servers", "[]",
		"names, or { server = ..., tools = [...] }" },
	[KEY_SERVER_NAME] = { "other_mcp.servers.server", "name", NULL,
		"the server of an entry that is a table" },
	[KEY_SERVER_TOOLS] = { "other_mcp.servers.tools", "list of names", NULL,
		"its tools that are meant; without: all" },
	[KEY_MODE_CLAUDE] = { "proxy.claude", "enforce | audit | off", "\"enforce\"",
		"whether the policy is enforced for claude" },
	[KEY_MODE_CODEX] = { "proxy.codex", "enforce | audit | off", "\"enforce\"",
		"whether the policy is enforced for codex" },
	[KEY_UPSTREAM_ANTHROPIC] = { "proxy.anthropic_upstream", "URL",
		"\"https://api.anthropic.com\"", "where requests of claude go" },
	[KEY_UPSTREAM_OPENAI] = { "proxy.openai_upstream", "URL",
		"\"https://api.openai.com/v1\"",
		"where requests of codex with an API key go" },
	[KEY_UPSTREAM_CHATGPT] = { "proxy.chatgpt_upstream", "URL",
		"\"https://chatgpt.com/backend-api\"",
		"where requests of codex with a ChatGPT account go" },
	[KEY_LINGER] = { "proxy.linger_seconds", "whole number from 0 to 86400", "10",
		"how long the gateway stays behind its last agent" },
	[KEY_WEBSOCKET] = { "proxy.websocket", "true | false", "false",
		"codex may speak to the gateway over a WebSocket" },
	[KEY_DEFINITION] = { "firewall.definition", "strip | refuse", "\"strip\"",
		"an off-policy tool that is offered to the model" },
	[KEY_HISTORY] = { "firewall.history", "strip | refuse", "\"strip\"",
		"an off-policy call or result in the transcript" },
	[KEY_CALL] = { "firewall.call", "replace | refuse", "\"replace\"",
		"an off-policy call by the model" },
	[KEY_UNKNOWN] = { "firewall.unknown", "refuse | audit", "\"refuse\"",
		"an unknown item that may be a call" },
	[KEY_LOG_ARGUMENTS] = { "log.arguments", "true | false", "false",
		"keep the arguments of calls in the decision log" },
	[KEY_LOG_MAX_BYTES] = { "log.max_bytes", "whole number from 65536", "67108864",
		"a decision log that is larger is rotated" },
	[KEY_LOG_MAX_DAYS] = { "log.max_days", "whole number from 1 to 3650", "30",
		"a decision log that is older is rotated" },
	[KEY_LOG_KEEP] = { "log.keep", "whole number from 0 to 100", "8",
		"how many rotated decision logs are kept" },
	[KEY_COMMAND_SECONDS] = { "limits.command_seconds",
		"whole number from 1 to 86400", "600",
		"longest time of a shell-command" },
	[KEY_COMMAND_OUTPUT] = { "limits.command_output_bytes",
		"whole number from 1024 to 98304", "98304",
		"most that is kept of the outputs of a shell-command" },
	[KEY_TOKENS_PER_RUN] = { "limits.tokens_per_run",
		"whole number up to 1000000000000, 0: no limit", "0",
		"a run that has used so many tokens is stopped" },
	[KEY_USD_PER_RUN] = { "limits.usd_per_run",
		"number from 0.01 to 1000000, 0: no limit", "0",
		"a run that has cost so much by [[price]] is stopped" },
	[KEY_CALLS_PER_MINUTE] = { "limits.calls_per_minute",
		"whole number up to 1000, 0: no limit", "0",
		"most calls of tools that a run may make in any minute" },
	[KEY_SAME_CALL] = { "limits.same_call",
		"whole number from 2 to 1000, 0: no limit", "0",
		"the same call with the same result so often in a row stops the run" },
	[KEY_PRICE_MODEL] = { "price.model", "pattern", NULL,
		"which models cost this; the first that matches" },
	[KEY_PRICE_INPUT] = { "price.input", PRICE_TYPE, NULL,
		"USD for a million tokens of input" },
	[KEY_PRICE_OUTPUT] = { "price.output", PRICE_TYPE, NULL,
		"the same of output, reasoning included" },
	[KEY_PRICE_CACHE_READ] = { "price.cache_read", PRICE_TYPE, NULL,
		"of input read from the cache; without: as input" },
	[KEY_PRICE_CACHE_WRITE] = { "price.cache_write", PRICE_TYPE, NULL,
		"of input written to the cache; without: as input" },
	[KEY_PRICE_CACHE_WRITE_1H] = { "price.cache_write_1h", PRICE_TYPE, NULL,
		"of input written to it for an hour; without: as cache_write" },
	[KEY_READ_ONLY] = { "sandbox.read_only", "list of paths", "[]",
		"what cannot be changed inside the sandbox, below the root" },
	[KEY_WRITABLE] = { "sandbox.writable", "list of paths", "[]",
		"protected names that may be changed inside, below the root" },
	[KEY_REQUIRE_HELPER] = { "security.require_helper", "true | false", "false",
		"nothing is launched without the helper daemon" },
	[KEY_HANDSHAKE] = { "security.handshake", "require | off", "\"require\"",
		"an agent's requests pass only when its hook and servers are there" },
	[KEY_WITNESS] = { "security.witness", "require | off", "\"require\"",
		"our servers make only calls that the gateway let through" },
	[KEY_CODEX_REQUIREMENTS] = { "security.codex_requirements",
		"auto | require | off", "\"auto\"",
		"codex is shown requirements of its own, where the kernel lets" },
	[KEY_SUBCOMMANDS] = { "security.subcommands", "list of \"agent word\"", "[]",
		"subcommands that pando-shim does not know and passes on" },
	[KEY_RULE_ID] = { "rule.id", "name of a-z 0-9 _ . -", NULL,
		"what decisions and logs call the rule" },
	[KEY_RULE_TOOL] = { "rule.tool", "\"server/tool\"", NULL,
		"which tools: patterns; claude/Bash is claude's own Bash" },
	[KEY_RULE_AGENT] = { "rule.agent", "claude | codex, or a list of them", NULL,
		"whose calls; without: of any agent" },
	[KEY_RULE_SUBAGENT] = { "rule.subagent", "pattern", NULL,
		"only calls of such subagents; \"*\": of any" },
	[KEY_RULE_ARGS] = { "rule.args",
		"table of text | true | false | whole number | matcher", NULL,
		"what the arguments must be; all of them" },
	[KEY_ARG_GLOB] = { "rule.args.NAME.glob", "pattern", NULL,
		"the argument matches the pattern" },
	[KEY_ARG_PREFIX] = { "rule.args.NAME.prefix", "list of 1 to 16 words", NULL,
		"the argument is a shell command that begins like this" },
	[KEY_ARG_UNDER] = { "rule.args.NAME.path_under", "path", NULL,
		"the argument is a path in that folder, or the folder" },
	[KEY_RULE_DECISION] = { "rule.decision", "allow | ask | deny | audit", NULL,
		"what holds for calls that the rule meets" },
	[KEY_RULE_MESSAGE] = { "rule.message", "one line of at most 512 bytes", NULL,
		"what person and model are told" },
	[KEY_RULE_MATCH] = { "rule.match", "list of texts | tables", NULL,
		"tests: arguments that this rule must decide" },
	[KEY_RULE_NOT_MATCH] = { "rule.not_match", "list of texts | tables", NULL,
		"tests: arguments that this rule must not meet" },
};

const struct pol_key *
pol_keys(size_t *n)
{
	*n = POL_KEY_IDS;
	return keys;
}

/* The part of a key's name below the section, NULL when it is of another one. */
static const char *
below(const char *name, const char *section)
{
	const size_t n = strlen(section);

	if (n == 0)
		return name;
	return strncmp(name, section, n) == 0 && name[n] == '.' ? name + n + 1 : NULL;
}

enum pol_key_id
pol_key_find(const char *section, const char *key)
{
	int id = 0;

	for (; id < POL_KEY_IDS; id++) {
		const char *name = below(keys[id].name, section);

		if (name != NULL && strchr(name, '.') == NULL && strcmp(name, key) == 0)
			break;
	}
	return (enum pol_key_id)id;
}

size_t
pol_key_names(const char *section, char names[POL_KEY_IDS][POL_KEY_MAX])
{
	size_t n = 0;

	for (int id = 0; id < POL_KEY_IDS; id++) {
		const char *name = below(keys[id].name, section);

		if (name == NULL)
			continue;
		(void)snprintf(
			names[n], POL_KEY_MAX, "%.*s", (int)strcspn(name, "."), name);
		if (n == 0 || strcmp(names[n - 1], names[n]) != 0)
			n++;
	}
	return n;
}

/* Levenshtein distance of short words, without regard to case. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NEAREST_WORD_MAX + 1];
	const size_t n = strlen(b);

	if (strlen(a) > NEAREST_WORD_MAX || n > NEAREST_WORD_MAX)
		return NEAREST_WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			const bool same = tolower((unsigned char)a[i - 1]) ==
					  tolower((unsigned char)b[j - 1]);
			const size_t swap = diagonal + !same;
			const size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) +
					   1;

			diagonal = row[j];
			row[j] = swap < gap ? swap : gap;
		}
	}
	return row[n];
}

/* Of a short word less may be wrong, or everything would be near. */
const char *
pol_nearest(const char *name, const char *const *names, size_t n)
{
	const size_t half = strlen(name) / 2;
	size_t best = (half < NEAR_MAX ? half : NEAR_MAX) + 1;
	const char *near = NULL;

	for (size_t i = 0; i < n; i++) {
		const size_t d = distance(name, names[i]);

		if (d < best) {
			best = d;
			near = names[i];
		}
	}
	return near;
}
