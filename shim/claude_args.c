/*
 * The arguments of claude, as its parser (commander) takes them: no abbreviations, options
 * anywhere before "--", -pc is -p -c, an option with a value eats the next word whatever it
 * is. Each option comes out in its long spelling with "=", so that none can eat another.
 */

#include "shim/args.h"

#include <ctype.h>
#include <stddef.h>

static const char agent[] = "claude";

enum check {
	CHECK_NOTHING,
	CHECK_INPUT,
	CHECK_MODE,
	CHECK_SCHEMA,
	CHECK_TOOLS,
	CHECK_BRIEF,
	CHECK_DROP,
	CHECKS
};

static const struct args_row allowed[] = {
	{ "--print", 'p', ARITY_NONE, CHECK_NOTHING },
	{ "--continue", 'c', ARITY_NONE, CHECK_NOTHING },
	{ "--resume", 'r', ARITY_MAYBE, CHECK_NOTHING },
	{ "--debug", 'd', ARITY_MAYBE, CHECK_NOTHING },
	{ "--help", 'h', ARITY_NONE, CHECK_NOTHING },
	{ "--version", 'v', ARITY_NONE, CHECK_NOTHING },
	{ "--name", 'n', ARITY_ONE, CHECK_NOTHING },
	{ "--add-dir", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--allowedTools", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--allowed-tools", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--append-system-prompt", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--append-system-prompt-file", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--autocompact", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--ax-screen-reader", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--betas", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--brief", 0, ARITY_NONE, CHECK_BRIEF },
	{ "--debug-file", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--debug-to-stderr", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--disable-slash-commands", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--disallowedTools", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--disallowed-tools", 0, ARITY_MANY, CHECK_NOTHING },
	{ "--effort", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--exclude-dynamic-system-prompt-sections", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--fallback-model", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--fork-session", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--forward-subagent-text", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--include-hook-events", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--include-partial-messages", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--input-format", 0, ARITY_ONE, CHECK_INPUT },
	{ "--json-schema", 0, ARITY_ONE, CHECK_SCHEMA },
	{ "--max-budget-usd", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--max-thinking-tokens", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--max-turns", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--model", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--no-chrome", 0, ARITY_NONE, CHECK_DROP },
	{ "--no-session-persistence", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--output-format", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--permission-mode", 0, ARITY_ONE, CHECK_MODE },
	{ "--permission-prompts", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--prompt-suggestions", 0, ARITY_MAYBE, CHECK_NOTHING },
	{ "--replay-user-messages", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--restricted", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--session-id", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--strict-mcp-config", 0, ARITY_NONE, CHECK_DROP },
	{ "--system-prompt", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--system-prompt-file", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--system-prompt-snapshot", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--task-budget", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--thinking", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--thinking-display", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--tools", 0, ARITY_MANY, CHECK_TOOLS },
	{ "--verbose", 0, ARITY_NONE, CHECK_NOTHING },
};

#define WHY_OUTSIDE "the session would run where pando-ai cannot supervise it"
#define WHY_SETTINGS "it would change the settings that keep the session supervised"
#define WHY_SERVERS "only pando_core and pando_workspace may be connected"
#define WHY_TOOLS "[native_tools] of the policy says which of claude's tools are on"
#define WHY_PLUGINS "plugins bring hooks, agents and servers of their own"
#define WHY_AGENTS "agents bring tools, hooks and servers of their own"
#define WHY_HOOKS "it switches pando-ai's hooks off"
#define WHY_PERMISSIONS "it lifts claude's own permission checks"
#define WHY_WORKTREE "pando_workspace works in the project root, not in a copy of it"

/* Refused with a reason of their own; what stands nowhere is refused as unknown. */
static const struct args_refusal refused[] = {
	{ "--settings", WHY_SETTINGS },
	{ "--setting-sources", WHY_SETTINGS },
	{ "--managed-settings", WHY_SETTINGS },
	{ "--init", WHY_SETTINGS },
	{ "--init-only", WHY_SETTINGS },
	{ "--maintenance", WHY_SETTINGS },
	{ "--mcp-config", WHY_SERVERS },
	{ "--ide", WHY_SERVERS },
	{ "--chrome", WHY_SERVERS },
	{ "--channels", WHY_SERVERS },
	{ "--dangerously-load-development-channels", WHY_SERVERS },
	{ "--permission-prompt-tool", "it takes the tool away from the session" },
	{ "--agent", WHY_AGENTS },
	{ "--agents", WHY_AGENTS },
	{ "--agent-id", WHY_AGENTS },
	{ "--agent-name", WHY_AGENTS },
	{ "--agent-type", WHY_AGENTS },
	{ "--team-name", WHY_AGENTS },
	{ "--teammate-mode", WHY_AGENTS },
	{ "--parent-session-id", WHY_AGENTS },
	{ "--plugin-dir", WHY_PLUGINS },
	{ "--plugin-dir-no-mcp", WHY_PLUGINS },
	{ "--plugin-url", WHY_PLUGINS },
	{ "--bare", WHY_HOOKS },
	{ "--safe-mode", WHY_HOOKS },
	{ "--dangerously-skip-permissions", WHY_PERMISSIONS },
	{ "--allow-dangerously-skip-permissions", WHY_PERMISSIONS },
	{ "--enable-auto-mode", WHY_PERMISSIONS },
	{ "--sdk-url", WHY_OUTSIDE },
	{ "--remote-control", WHY_OUTSIDE },
	{ "--remote-control-session-name-prefix", WHY_OUTSIDE },
	{ "--rc", WHY_OUTSIDE },
	{ "--cloud", WHY_OUTSIDE },
	{ "--remote", WHY_OUTSIDE },
	{ "--environment", WHY_OUTSIDE },
	{ "--desktop", WHY_OUTSIDE },
	{ "--teleport", WHY_OUTSIDE },
	{ "--bg", WHY_OUTSIDE },
	{ "--background", WHY_OUTSIDE },
	{ "--tmux", WHY_OUTSIDE },
	{ "--handle-uri", WHY_OUTSIDE },
	{ "--from-pr", "claude would fetch it by itself" },
	{ "--file", "claude would download files into the project by itself" },
	{ "--rewind-files", "claude would change files of the project by itself" },
	{ "--worktree", WHY_WORKTREE },
	{ "-w", WHY_WORKTREE },
};

static const struct args_table table = {
	.agent = agent,
	.rows = allowed,
	.refused = refused,
	.nrows = LEN(allowed),
	.nrefused = LEN(refused),
};

/* Subcommands that start no model and no tool, and the words that may follow. */
static const struct {
	const char *command;
	const char *words[18];
} inert[] = {
	{ "auth", { "login", "logout", "status", "help", "--help", "-h" } },
	{ "doctor", { "", "--help", "-h" } },
	{ "install", { "", "stable", "latest", "--help", "-h" } },
	{ "mcp", { "", "list", "get", "add", "add-json", "add-from-claude-desktop",
			 "remove", "login", "logout", "reset-project-choices", "help",
			 "--help", "-h" } },
	{ "plugin",
		{ "", "list", "install", "uninstall", "remove", "enable", "disable",
			"update", "marketplace", "validate", "help", "--help", "-h" } },
	{ "plugins", { "", "list", "help", "--help", "-h" } },
	{ "setup-token", { "", "--help", "-h" } },
	{ "update", { "", "--help", "-h" } },
	{ "upgrade", { "", "--help", "-h" } },
};

/* Subcommands, listed and hidden, that run an agent, a tool server or a daemon. */
static const char *const commands_out[] = { "agents", "attach", "auto-mode", "bridge",
	"daemon", "gateway", "import", "import-conversations", "kill", "logs", "project",
	"purge", "rc", "remote", "remote-control", "respawn", "rm", "server", "stop",
	"sync", "ultrareview" };

static int
refuse_value(const struct args_row *r, const char *value, const char *why, struct err *e)
{
	CLEANUP(mem_freep) char *both = mem_printf("%s %s", r->name, value);

	return args_refuse(agent, both, why, e);
}

static int
check_mode(struct args *a, const struct args_row *r, const char *value, struct err *e)
{
	static const char *const modes[] = { "default", "manual", "plan", "dontAsk" };

	a->has_mode = true;
	for (size_t i = 0; i < LEN(modes); i++)
		if (strcmp(value, modes[i]) == 0)
			return 0;
	return refuse_value(r, value, WHY_PERMISSIONS, e);
}

/* Structured output is one more tool of claude's own, and refused unless policy has it. */
static void
wish_schema(struct args *a, const struct args_row *r)
{
	args_add_wish(a, (struct args_wish){ r->name, "StructuredOutput",
				 "it needs claude's tool StructuredOutput: put that in "
				 "[native_tools] allow of the policy" });
}

static int
check(struct args *a, const struct args_row *r, const char *value, struct err *e)
{
	switch ((enum check)r->check) {
	case CHECK_INPUT:
		if (strcmp(value, "text") == 0)
			return 0;
		return refuse_value(r, value,
			"its control messages could replace settings and servers", e);
	case CHECK_MODE:
		return check_mode(a, r, value, e);
	case CHECK_SCHEMA:
		wish_schema(a, r);
		break;
	case CHECK_TOOLS:
		a->has_tools = true;
		args_add_wish(a, (struct args_wish){ r->name, NULL, WHY_TOOLS });
		break;
	case CHECK_BRIEF:
		args_add_wish(a, (struct args_wish){ r->name, NULL, WHY_TOOLS });
		break;
	case CHECK_NOTHING:
	case CHECK_DROP:
	case CHECKS:
		break;
	}
	return 0;
}

/* Where the parser stands; value is what came with the option, after "=" or a letter. */
struct reader {
	struct args *a;
	char *const *next;
};

static int
put(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	if (check(in->a, r, value == NULL ? "" : value, e) < 0)
		return -1;
	if (r->check == CHECK_DROP)
		return 0;
	if (value == NULL)
		words_add(&in->a->flags, r->name);
	else
		words_addf(&in->a->flags, "%s=%s", r->name, value);
	return 0;
}

static int
take_value(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	switch (r->arity) {
	case ARITY_NONE:
		if (value != NULL)
			return args_refuse(agent, r->name, "it takes no value", e);
		return put(in, r, NULL, e);
	case ARITY_ONE:
		if (value == NULL)
			value = *in->next != NULL ? *in->next++ : NULL;
		if (value == NULL)
			return args_refuse(agent, r->name, "its value is missing", e);
		return put(in, r, value, e);
	case ARITY_MAYBE:
		if (value == NULL && *in->next != NULL && !args_is_option(*in->next))
			value = *in->next++;
		return put(in, r, value, e);
	case ARITY_MANY:
	case ARITIES:
		break;
	}
	if (value == NULL && (*in->next == NULL || args_is_option(*in->next)))
		return args_refuse(agent, r->name, "its value is missing", e);
	if (value != NULL)
		return put(in, r, value, e);
	while (*in->next != NULL && !args_is_option(*in->next))
		if (put(in, r, *in->next++, e) < 0)
			return -1;
	return 0;
}

static int
take_long(struct reader *in, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	const struct str name = { word,
		equals == NULL ? strlen(word) : (size_t)(equals - word) };
	const struct args_row *r = args_row_of(&table, name);

	if (r == NULL)
		return args_refuse_option(&table, word, name, e);
	return take_value(in, r, equals == NULL ? NULL : equals + 1, e);
}

static int
take_letters(struct reader *in, const char *word, struct err *e)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		const char name[] = { '-', *p, '\0' };
		const struct args_row *r = args_row_of_letter(&table, *p);

		if (r == NULL)
			return args_refuse_option(&table, word, str_of(name), e);
		if (r->arity != ARITY_NONE)
			return take_value(in, r, p[1] == '\0' ? NULL : p + 1, e);
		if (put(in, r, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_all(struct reader *in, struct err *e)
{
	bool options = true;

	while (*in->next != NULL) {
		const char *word = *in->next++;
		int got = 0;

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (!options || !args_is_option(word))
			words_add(&in->a->operands, word);
		else if (word[1] == '-')
			got = take_long(in, word, e);
		else
			got = take_letters(in, word, e);
		if (got < 0)
			return -1;
	}
	return 0;
}

/* claude looks for these before it parses, wherever they stand, even behind "--". */
static int
refuse_anywhere(char *const *argv, struct err *e)
{
	for (char *const *w = argv + 1; *w != NULL; w++)
		if (strcmp(*w, "--bg") == 0 || strcmp(*w, "--background") == 0)
			return args_refuse(agent, *w, WHY_OUTSIDE, e);
	return 0;
}

static bool
is_lone_inert(char *const *argv)
{
	static const char *const flags[] = { "--version", "-v", "--help", "-h" };

	for (size_t i = 0; argv[1] != NULL && argv[2] == NULL && i < LEN(flags); i++)
		if (strcmp(argv[1], flags[i]) == 0)
			return true;
	return false;
}

/* 1: an inert subcommand, 0: none at this place. */
static int
take_inert(struct args *a, char *const *argv, struct err *e)
{
	const char *next = argv[1] == NULL || argv[2] == NULL ? "" : argv[2];

	for (size_t i = 0; argv[1] != NULL && i < LEN(inert); i++) {
		if (strcmp(argv[1], inert[i].command) != 0)
			continue;
		for (size_t k = 0; k < LEN(inert[i].words); k++) {
			if (inert[i].words[k] == NULL ||
				strcmp(next, inert[i].words[k]) != 0)
				continue;
			a->inert = true;
			a->command = inert[i].command;
			return 1;
		}
		{
			CLEANUP(mem_freep)
			char *both = mem_printf("%s %s", argv[1], next);

			return args_refuse(agent, both,
				"of this subcommand only what starts no tools may pass",
				e);
		}
	}
	return 0;
}

static bool
is_command(const char *word)
{
	for (size_t i = 0; i < LEN(inert); i++)
		if (strcmp(word, inert[i].command) == 0)
			return true;
	for (size_t i = 0; i < LEN(commands_out); i++)
		if (strcmp(word, commands_out[i]) == 0)
			return true;
	return false;
}

static bool
is_one_word(const char *z)
{
	if (!isalpha((unsigned char)*z))
		return false;
	for (; *z != '\0'; z++)
		if (!isalnum((unsigned char)*z) && *z != '-' && *z != '_')
			return false;
	return true;
}

/*
 * claude takes the first operand for a subcommand when it is the name of one. A name that we
 * know is refused; any other lone word gets a space at its end and is a prompt for sure.
 */
static int
settle_operands(struct args *a, struct err *e)
{
	CLEANUP(mem_freep) char *first = NULL;

	for (size_t i = 0; i < a->operands.n; i++)
		if (strcmp(a->operands.v[i], "agents") == 0)
			return args_refuse(agent, "agents", WHY_OUTSIDE, e);
	if (a->operands.n == 0 || !is_one_word(a->operands.v[0]))
		return 0;
	if (is_command(a->operands.v[0]))
		return args_refuse(agent, a->operands.v[0],
			"claude takes this word for a subcommand that pando-ai does not "
			"supervise; if it is a prompt, say it in more words",
			e);
	first = a->operands.v[0];
	a->operands.v[0] = mem_printf("%s ", first);
	return 0;
}

int
args_of_claude(struct args *a, char *const *argv, struct err *e)
{
	struct reader in = { .a = a, .next = argv + 1 };
	int got;

	if (refuse_anywhere(argv, e) < 0)
		return -1;
	a->inert = is_lone_inert(argv);
	if (a->inert)
		return 0;
	got = take_inert(a, argv, e);
	if (got != 0)
		return got < 0 ? -1 : 0;
	if (take_all(&in, e) < 0)
		return -1;
	return settle_operands(a, e);
}
