#include "shim/codex_options.h"

static const struct args_row allowed[] = {
	{ "--config", 'c', ARITY_ONE, CODEX_CONFIG },
	{ "--cd", 'C', ARITY_ONE, CODEX_DIR },
	{ "--help", 'h', ARITY_NONE, CODEX_HELP },
	{ "--version", 'V', ARITY_NONE, CODEX_HELP },
	{ "--image", 'i', ARITY_MANY, CODEX_PASSES },
	{ "--model", 'm', ARITY_ONE, CODEX_PASSES },
	{ "--profile", 'p', ARITY_ONE, CODEX_PROFILE },
	{ "--output-last-message", 'o', ARITY_ONE, CODEX_PASSES },
	{ "--sandbox", 's', ARITY_ONE, CODEX_SANDBOX },
	{ "--ask-for-approval", 'a', ARITY_ONE, CODEX_PASSES },
	{ "--add-dir", 0, ARITY_ONE, CODEX_PASSES },
	{ "--all", 0, ARITY_NONE, CODEX_PASSES },
	{ "--base", 0, ARITY_ONE, CODEX_PASSES },
	{ "--color", 0, ARITY_ONE, CODEX_PASSES },
	{ "--commit", 0, ARITY_ONE, CODEX_PASSES },
	{ "--cyber-access-program", 0, ARITY_ONE, CODEX_PASSES },
	{ "--disable", 0, ARITY_ONE, CODEX_PASSES },
	{ "--ephemeral", 0, ARITY_NONE, CODEX_PASSES },
	{ "--experimental-json", 0, ARITY_NONE, CODEX_ALIAS },
	{ "--include-non-interactive", 0, ARITY_NONE, CODEX_PASSES },
	{ "--json", 0, ARITY_NONE, CODEX_PASSES },
	{ "--last", 0, ARITY_NONE, CODEX_PASSES },
	{ "--no-alt-screen", 0, ARITY_NONE, CODEX_PASSES },
	{ "--no-daemon", 0, ARITY_NONE, CODEX_DROPPED },
	{ "--output-schema", 0, ARITY_ONE, CODEX_PASSES },
	{ "--search", 0, ARITY_NONE, CODEX_SEARCH },
	{ "--skip-git-repo-check", 0, ARITY_NONE, CODEX_PASSES },
	{ "--title", 0, ARITY_ONE, CODEX_PASSES },
	{ "--uncommitted", 0, ARITY_NONE, CODEX_PASSES },
};

#define WAY_TOOLS                                                                        \
	"put the tool that you need in [native_tools] allow of the policy; 'pando-ai "   \
	"policy explain codex TOOL' says what holds"
#define WAY_SERVERS                                                                      \
	"leave it out; 'codex mcp add' keeps a server, and [other_mcp] of the policy "   \
	"admits it"
#define WAY_PROVIDER                                                                      \
	"put its address in [proxy] openai_upstream of the policy, or set [proxy] codex " \
	"= \"off\" there"
#define WAY_SANDBOX                                                                      \
	"leave it out; rules for tools, and what commands may write, are said in the "   \
	"policy: see 'pando-ai policy learn' and 'pando-ai policy keys'"
#define WAY_NONE "leave it out"

#define OUTSIDE                                                                          \
	"the session would run where pando-ai cannot supervise it",                      \
		"start codex without it, in a terminal of its own"
#define PROVIDER "model traffic goes through pando-ai's gateway only", WAY_PROVIDER
#define SANDBOX "the policy decides what codex may do, not its own sandbox", WAY_SANDBOX
#define TOOLS "[native_tools] of the policy says which of codex's tools are on", WAY_TOOLS
#define TRUST                                                                            \
	"project settings and hooks are not loaded in a supervised session", WAY_NONE
#define CONFIG                                                                            \
	"a supervised session has a configuration of its own",                            \
		"put what chooses a model or a look in ~/.codex/config.toml, or give it " \
		"with -c"

const struct args_refusal codex_no_sandbox = { "--sandbox", SANDBOX };

static const struct args_refusal refused[] = {
	{ "--remote", OUTSIDE },
	{ "--remote-auth-token-env", OUTSIDE },
	{ "--oss", PROVIDER },
	{ "--local-provider", PROVIDER },
	{ "--enable", TOOLS },
	{ "--yolo", SANDBOX },
	{ "--not-so-yolo", SANDBOX },
	{ "--full-auto", SANDBOX },
	{ "--dangerously-bypass-approvals-and-sandbox", SANDBOX },
	{ "--approve-for-me", SANDBOX },
	{ "--ignore-rules", SANDBOX },
	{ "--dangerously-bypass-hook-trust", TRUST },
	{ "--trust", TRUST },
	{ "--ignore-user-config", CONFIG },
	{ "--strict-config", CONFIG },
	{ "--thread-source",
		"the gateway tells by it what codex asks for by itself, and looks at that "
		"less closely",
		WAY_NONE },
	{ "--worktree", "pando_workspace works in the project root, not in a copy of it",
		"make the copy with 'git worktree add' and start codex there" },
};

const struct args_table codex_options = {
	.agent = "codex",
	.rows = allowed,
	.refused = refused,
	.nrows = LEN(allowed),
	.nrefused = LEN(refused),
};

static const struct {
	const char *key, *instead;
} ways[] = {
	{ "agents", WAY_TOOLS },
	{ "approval_policy", WAY_SANDBOX },
	{ "apps", WAY_SERVERS },
	{ "chatgpt_base_url", WAY_PROVIDER },
	{ "default_permissions", WAY_SANDBOX },
	{ "features", WAY_TOOLS },
	{ "mcp_servers", WAY_SERVERS },
	{ "model_provider", WAY_PROVIDER },
	{ "model_providers", WAY_PROVIDER },
	{ "openai_base_url", WAY_PROVIDER },
	{ "permissions", WAY_SANDBOX },
	{ "plugins", WAY_SERVERS },
	{ "sandbox_mode", WAY_SANDBOX },
	{ "sandbox_workspace_write", WAY_SANDBOX },
	{ "tools", WAY_TOOLS },
	{ "web_search", WAY_TOOLS },
};

const char *
codex_instead_of(struct str key)
{
	const char *dot = memchr(key.p, '.', key.n);
	const struct str first = { key.p, dot == NULL ? key.n : (size_t)(dot - key.p) };

	for (size_t i = 0; i < LEN(ways); i++)
		if (str_is(first, ways[i].key))
			return ways[i].instead;
	return WAY_NONE;
}

#define AGENT(level, name, to, tui)                                                      \
	{                                                                                \
		CODEX_AT_##level, name, CODEX_AGENT, CODEX_AT_##to, tui, NULL            \
	}
#define PASSES(level, name, words)                                                       \
	{                                                                                \
		CODEX_AT_##level, name, CODEX_INERT, CODEX_AT_LEAF, false, words         \
	}
#define OUT(name)                                                                        \
	{                                                                                \
		CODEX_AT_ROOT, name, CODEX_OUT, CODEX_AT_LEAF, false, NULL               \
	}

static const struct codex_command commands[] = {
	AGENT(ROOT, "exec", EXEC, false),
	AGENT(ROOT, "e", EXEC, false),
	AGENT(ROOT, "review", LEAF, false),
	AGENT(ROOT, "resume", LEAF, true),
	AGENT(ROOT, "fork", LEAF, true),
	AGENT(ROOT, "agents", LEAF, true),
	AGENT(EXEC, "resume", EXEC_LEAF, false),
	AGENT(EXEC, "fork", EXEC_LEAF, false),
	AGENT(EXEC, "review", EXEC_LEAF, false),
	PASSES(EXEC, "help", NULL),
	PASSES(ROOT, "archive", NULL),
	PASSES(ROOT, "completion", NULL),
	PASSES(ROOT, "debug", "models help --help -h"),
	PASSES(ROOT, "delete", NULL),
	PASSES(ROOT, "doctor", NULL),
	PASSES(ROOT, "features", NULL),
	PASSES(ROOT, "help", NULL),
	PASSES(ROOT, "login", NULL),
	PASSES(ROOT, "logout", NULL),
	PASSES(ROOT, "mcp", "list get add remove login logout help --help -h"),
	PASSES(ROOT, "migrate-nfs-db", NULL),
	PASSES(ROOT, "migrate-rollouts", NULL),
	PASSES(ROOT, "plugin", "add list marketplace remove help --help -h"),
	PASSES(ROOT, "unarchive", NULL),
	PASSES(ROOT, "update", NULL),
	OUT("a"),
	OUT("app"),
	OUT("app-server"),
	OUT("apply"),
	OUT("cloud"),
	OUT("cloud-tasks"),
	OUT("exec-server"),
	OUT("execpolicy"),
	OUT("mcp-server"),
	OUT("queue"),
	OUT("remote-control"),
	OUT("responses-api-proxy"),
	OUT("sandbox"),
	OUT("stdio-to-uds"),
};

const struct codex_command *
codex_command_at(enum codex_level level, const char *word)
{
	for (size_t i = 0; i < LEN(commands); i++)
		if (commands[i].at == level && strcmp(word, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}
