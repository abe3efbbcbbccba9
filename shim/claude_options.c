#include "shim/claude_options.h"

static const struct args_row allowed[] = {
	{ "--print", 'p', ARITY_NONE, CLAUDE_PASSES },
	{ "--continue", 'c', ARITY_NONE, CLAUDE_PASSES },
	{ "--resume", 'r', ARITY_MAYBE, CLAUDE_PASSES },
	{ "--debug", 'd', ARITY_MAYBE, CLAUDE_PASSES },
	{ "--help", 'h', ARITY_NONE, CLAUDE_PASSES },
	{ "--version", 'v', ARITY_NONE, CLAUDE_PASSES },
	{ "--name", 'n', ARITY_ONE, CLAUDE_PASSES },
	{ "--add-dir", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--agent", 0, ARITY_ONE, CLAUDE_AGENT },
	{ "--agents", 0, ARITY_ONE, CLAUDE_AGENTS },
	{ "--allowedTools", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--allowed-tools", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--append-subagent-system-prompt", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--append-subagent-system-prompt-file", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--append-system-prompt", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--append-system-prompt-file", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--autocompact", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--ax-screen-reader", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--betas", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--brief", 0, ARITY_NONE, CLAUDE_BRIEF },
	{ "-d2e", 0, ARITY_NONE, CLAUDE_ALIAS },
	{ "--debug-file", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--debug-to-stderr", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--disable-slash-commands", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--disallowedTools", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--disallowed-tools", 0, ARITY_MANY, CLAUDE_PASSES },
	{ "--effort", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--exclude-dynamic-system-prompt-sections", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--fallback-model", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--fast-mode", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--fork-session", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--forward-subagent-text", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--include-hook-events", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--include-partial-messages", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--include-unsupported-models", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--input-format", 0, ARITY_ONE, CLAUDE_INPUT },
	{ "--json-schema", 0, ARITY_ONE, CLAUDE_SCHEMA },
	{ "--max-budget-usd", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--max-thinking-tokens", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--max-turns", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--model", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--no-chrome", 0, ARITY_NONE, CLAUDE_DROPPED },
	{ "--no-session-persistence", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--output-format", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--permission-mode", 0, ARITY_ONE, CLAUDE_MODE },
	{ "--permission-prompts", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--plan-mode-instructions", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--prefill", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--prefill-b64", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--prompt-suggestions", 0, ARITY_MAYBE, CLAUDE_PASSES },
	{ "--replay-user-messages", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--reply-on-resume", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--restricted", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--resume-drops-turn", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--resume-session-at", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--session-id", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--settings", 0, ARITY_ONE, CLAUDE_SETTINGS },
	{ "--strict-mcp-config", 0, ARITY_NONE, CLAUDE_DROPPED },
	{ "--system-prompt", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--system-prompt-file", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--system-prompt-snapshot", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--task-budget", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--thinking", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--thinking-display", 0, ARITY_ONE, CLAUDE_PASSES },
	{ "--tools", 0, ARITY_MANY, CLAUDE_TOOLS },
	{ "--verbose", 0, ARITY_NONE, CLAUDE_PASSES },
	{ "--workload", 0, ARITY_ONE, CLAUDE_PASSES },
};

#define OUTSIDE                                                                          \
	"the session would run where pando-ai cannot supervise it",                      \
		"start claude without it, in a terminal of its own"
#define SETTINGS                                                                             \
	"it would change the settings that keep the session supervised",                     \
		"what chooses a model or a look is taken from ~/.claude/settings.json, and " \
		"what tools may do is said in the policy: see 'pando-ai policy keys'"
#define SERVERS                                                                          \
	"only pando_core, pando_workspace and servers of your own that the policy "      \
	"admits are connected",                                                          \
		"leave it out; 'claude mcp add' keeps a server, and [other_mcp] of the " \
		"policy admits it"
#define PLUGINS                                                                          \
	"plugins bring hooks, agents and servers of their own",                          \
		"leave it out; give instructions with --append-system-prompt-file"
#define TEAMS                                                                            \
	"claude starts its own agents so, and pando-ai none",                            \
		"leave it out; --agents takes agents of a description, a prompt and a model"
#define HOOKS                                                                             \
	"it switches pando-ai's hooks off",                                               \
		"leave it out; a supervised session loads no plugin, hook or server but " \
		"pando-ai's anyway"
#define PERMISSIONS                                                                         \
	"it lifts claude's own permission checks",                                          \
		"leave it out; what may be done without asking is said in the policy: see " \
		"'pando-ai policy learn' and 'pando-ai policy explain'"
#define WORKTREE                                                                         \
	"pando_workspace works in the project root, not in a copy of it",                \
		"make the copy with 'git worktree add' and start claude there"
#define CONTROL                                                                          \
	"it lets the program that starts claude replace settings, servers or models",    \
		"give the prompt as text, by -p or on standard input"
#define BY_ITSELF                                                                        \
	"claude would fetch or change files by itself",                                  \
		"let the session do it with pando_workspace's tools, or do it before"
#define LINKS                                                                            \
	"claude's own links to a session start it so",                                   \
		"start claude in the folder, and type or paste the prompt"

const struct args_refusal claude_no_permissions = { "--permission-mode", PERMISSIONS };
const struct args_refusal claude_no_control = { "--input-format", CONTROL };
const struct args_refusal claude_no_agents = { "--agents",
	"agents bring tools, hooks and servers of their own",
	"give them as JSON whose agents have description, prompt, model, effort and color "
	"alone" };

/* Refused with a reason of their own; what stands nowhere is refused as unknown. */
static const struct args_refusal refused[] = {
	{ "--setting-sources", SETTINGS },
	{ "--managed-settings", SETTINGS },
	{ "--managed-settings-in-initialize", SETTINGS },
	{ "--initialize-fields", SETTINGS },
	{ "--project-config-root", SETTINGS },
	{ "--init", SETTINGS },
	{ "--init-only", SETTINGS },
	{ "--maintenance", SETTINGS },
	{ "--mcp-config", SERVERS },
	{ "--ide", SERVERS },
	{ "--chrome", SERVERS },
	{ "--channels", SERVERS },
	{ "--dangerously-load-development-channels", SERVERS },
	{ "--permission-prompt-tool", "it takes the tool away from the session",
		"write a rule with decision = \"ask\" in the policy: the person is asked" },
	{ "--advisor", "the provider would run a tool that is not in the policy",
		"leave it out, and choose the model with --model" },
	{ "--agent-id", TEAMS },
	{ "--agent-name", TEAMS },
	{ "--agent-color", TEAMS },
	{ "--agent-type", TEAMS },
	{ "--team-name", TEAMS },
	{ "--teammate-mode", TEAMS },
	{ "--parent-session-id", TEAMS },
	{ "--plan-mode-required", TEAMS },
	{ "--lead-verify-key", TEAMS },
	{ "--cowork", TEAMS },
	{ "--proactivity", TEAMS },
	{ "--plugin-dir", PLUGINS },
	{ "--plugin-dir-no-mcp", PLUGINS },
	{ "--plugin-url", PLUGINS },
	{ "--bare", HOOKS },
	{ "--safe-mode", HOOKS },
	{ "--dangerously-skip-permissions", PERMISSIONS },
	{ "--allow-dangerously-skip-permissions", PERMISSIONS },
	{ "--enable-auto-mode", PERMISSIONS },
	{ "--inherit-permission-mode", PERMISSIONS },
	{ "--await-initialize", CONTROL },
	{ "--await-claim", CONTROL },
	{ "--session-mirror", CONTROL },
	{ "--enable-auth-status", CONTROL },
	{ "--allow-other-models", CONTROL },
	{ "--host-auth-is-org-sign-in", CONTROL },
	{ "--messaging-socket-path", OUTSIDE },
	{ "--session-tunnel", OUTSIDE },
	{ "--sdk-url", OUTSIDE },
	{ "--client-data-url", OUTSIDE },
	{ "--attach-serve", OUTSIDE },
	{ "--runner-declares", OUTSIDE },
	{ "--hold-repository-while-parked", OUTSIDE },
	{ "--session-began-as-copy", OUTSIDE },
	{ "--watch-artifact", OUTSIDE },
	{ "--watch-artifact-no-autoreact", OUTSIDE },
	{ "--remote-control", OUTSIDE },
	{ "--remote-control-session-name-prefix", OUTSIDE },
	{ "--rc", OUTSIDE },
	{ "--cloud", OUTSIDE },
	{ "--remote", OUTSIDE },
	{ "--environment", OUTSIDE },
	{ "--pool", OUTSIDE },
	{ "--ref", OUTSIDE },
	{ "--on-branch", OUTSIDE },
	{ "--correlation-id", OUTSIDE },
	{ "--metadata", OUTSIDE },
	{ "--project", OUTSIDE },
	{ "--forward-home-settings", OUTSIDE },
	{ "--desktop", OUTSIDE },
	{ "--teleport", OUTSIDE },
	{ "--bg", OUTSIDE },
	{ "--background", OUTSIDE },
	{ "--routine", OUTSIDE },
	{ "--exec", OUTSIDE },
	{ "--agents-view-if-allowed", OUTSIDE },
	{ "--daemon-worker", OUTSIDE },
	{ "--bg-pty-host", OUTSIDE },
	{ "--bg-spare", OUTSIDE },
	{ "--preload", OUTSIDE },
	{ "--claude-in-chrome-mcp", OUTSIDE },
	{ "--chrome-native-host", OUTSIDE },
	{ "--computer-use-mcp", OUTSIDE },
	{ "--eval-mock-server", OUTSIDE },
	{ "--tmux", OUTSIDE },
	{ "--handle-uri", LINKS },
	{ "--deep-link-origin", LINKS },
	{ "--deep-link-repo", LINKS },
	{ "--deep-link-last-fetch", LINKS },
	{ "--deep-link-cwd-b64", LINKS },
	{ "--ignore-persisted-trust", LINKS },
	{ "--from-pr", BY_ITSELF },
	{ "--file", BY_ITSELF },
	{ "--rewind-files", BY_ITSELF },
	{ "--worktree", WORKTREE },
	{ "-w", WORKTREE },
	{ "--update", "it is none of claude's options", "type 'claude update'" },
	{ "--upgrade", "it is none of claude's options", "type 'claude update'" },
};

const struct args_table claude_options = {
	.agent = "claude",
	.rows = allowed,
	.refused = refused,
	.nrows = LEN(allowed),
	.nrefused = LEN(refused),
};

#define HELP "help", "--help", "-h"
#define PLUGIN_WORDS                                                                     \
	"", "configure", "details", "disable", "enable", "init", "new", "install", "i",  \
		"list", "marketplace", "prune", "autoremove", "restore-set-aside",       \
		"tag", "uninstall", "remove", "update", "validate", HELP

static const struct claude_inert inert[] = {
	{ "auth", { "login", "logout", "status", HELP } },
	{ "auto-mode", { "", "config", "defaults", "reset", HELP } },
	{ "doctor", { "", "--help", "-h" } },
	{ "import", { "*" } },
	{ "install", { "*" } },
	{ "mcp", { "", "list", "get", "add", "add-json", "add-from-claude-desktop",
			 "remove", "login", "logout", "reset-project-choices", HELP } },
	{ "plugin", { PLUGIN_WORDS } },
	{ "plugins", { PLUGIN_WORDS } },
	{ "project", { "", "purge", HELP } },
	{ "purge", { "*" } },
	{ "setup-token", { "", "--help", "-h" } },
	{ "update", { "", "--help", "-h" } },
	{ "upgrade", { "", "--help", "-h" } },
};

/* Listed and hidden. */
static const char *const outside[] = { "agents", "attach", "bridge", "daemon",
	"design-login", "edit-chrome-settings", "edit-memory-settings",
	"edit-permission-rules", "edit-sandbox-settings", "edit-skill-overrides",
	"gateway", "import-conversations", "kill", "logs", "rc", "remote",
	"remote-control", "respawn", "rm", "server", "stop", "sync", "ultrareview" };

const struct claude_inert *
claude_inert_of(const char *command)
{
	for (size_t i = 0; i < LEN(inert); i++)
		if (strcmp(command, inert[i].command) == 0)
			return &inert[i];
	return NULL;
}

bool
claude_runs_outside(const char *command)
{
	for (size_t i = 0; i < LEN(outside); i++)
		if (strcmp(command, outside[i]) == 0)
			return true;
	return false;
}
