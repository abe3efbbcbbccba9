/*
 * The arguments of codex, as its parser (clap) takes them: -mX, -m=X, --model=X and
 * --model X alike, no abbreviations, subcommands two levels deep. Each option comes out in its
 * long spelling with "=", each subcommand where it stood, so that ours can follow at the
 * deepest level, where the last -c wins.
 */

#include "shim/args.h"

#include <stddef.h>

#include "shim/codex_files.h"

static const char agent[] = "codex";

enum check {
	CHECK_NOTHING,
	CHECK_CONFIG,
	CHECK_DIR,
	CHECK_HELP,
	CHECK_SEARCH,
	CHECK_DROP,
	CHECKS
};

static const struct args_row allowed[] = {
	{ "--config", 'c', ARITY_ONE, CHECK_CONFIG },
	{ "--cd", 'C', ARITY_ONE, CHECK_DIR },
	{ "--help", 'h', ARITY_NONE, CHECK_HELP },
	{ "--version", 'V', ARITY_NONE, CHECK_HELP },
	{ "--image", 'i', ARITY_MANY, CHECK_NOTHING },
	{ "--model", 'm', ARITY_ONE, CHECK_NOTHING },
	{ "--output-last-message", 'o', ARITY_ONE, CHECK_NOTHING },
	{ "--add-dir", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--all", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--base", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--color", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--commit", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--disable", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--ephemeral", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--include-non-interactive", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--json", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--last", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--no-alt-screen", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--no-daemon", 0, ARITY_NONE, CHECK_DROP },
	{ "--output-schema", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--search", 0, ARITY_NONE, CHECK_SEARCH },
	{ "--skip-git-repo-check", 0, ARITY_NONE, CHECK_NOTHING },
	{ "--title", 0, ARITY_ONE, CHECK_NOTHING },
	{ "--uncommitted", 0, ARITY_NONE, CHECK_NOTHING },
};

#define WHY_OUTSIDE "the session would run where pando-ai cannot supervise it"
#define WHY_PROVIDER "model traffic goes through pando-ai's gateway only"
#define WHY_SANDBOX "the policy decides what codex may do, not its own sandbox"
#define WHY_TOOLS "[native_tools] of the policy says which of codex's tools are on"
#define WHY_TRUST "project settings and hooks are not loaded in a supervised session"
#define WHY_CONFIG "a supervised session has a configuration of its own"

static const struct args_refusal refused[] = {
	{ "--remote", WHY_OUTSIDE },
	{ "--remote-auth-token-env", WHY_OUTSIDE },
	{ "--oss", WHY_PROVIDER },
	{ "--local-provider", WHY_PROVIDER },
	{ "--enable", WHY_TOOLS },
	{ "--sandbox", WHY_SANDBOX },
	{ "-s", WHY_SANDBOX },
	{ "--yolo", WHY_SANDBOX },
	{ "--full-auto", WHY_SANDBOX },
	{ "--dangerously-bypass-approvals-and-sandbox", WHY_SANDBOX },
	{ "--approve-for-me", WHY_SANDBOX },
	{ "--ask-for-approval", WHY_SANDBOX },
	{ "-a", WHY_SANDBOX },
	{ "--ignore-rules", WHY_SANDBOX },
	{ "--dangerously-bypass-hook-trust", WHY_TRUST },
	{ "--trust", WHY_TRUST },
	{ "--profile", WHY_CONFIG },
	{ "-p", WHY_CONFIG },
	{ "--ignore-user-config", WHY_CONFIG },
	{ "--strict-config", WHY_CONFIG },
	{ "--worktree",
		"pando_workspace works in the project root, not in a copy of it" },
};

static const struct args_table table = {
	.agent = agent,
	.rows = allowed,
	.refused = refused,
	.nrows = LEN(allowed),
	.nrefused = LEN(refused),
};

enum level { AT_ROOT, AT_EXEC, AT_LEAF, LEVELS };
enum kind { KIND_AGENT, KIND_INERT, KIND_OUT, KINDS };

static const struct command {
	enum level at;
	const char *name;
	enum kind kind;
	enum level to;
	bool tui;
} commands[] = {
	{ AT_ROOT, "exec", KIND_AGENT, AT_EXEC, false },
	{ AT_ROOT, "e", KIND_AGENT, AT_EXEC, false },
	{ AT_ROOT, "review", KIND_AGENT, AT_LEAF, false },
	{ AT_ROOT, "resume", KIND_AGENT, AT_LEAF, true },
	{ AT_ROOT, "fork", KIND_AGENT, AT_LEAF, true },
	{ AT_ROOT, "agents", KIND_AGENT, AT_LEAF, true },
	{ AT_EXEC, "resume", KIND_AGENT, AT_LEAF, false },
	{ AT_EXEC, "fork", KIND_AGENT, AT_LEAF, false },
	{ AT_EXEC, "review", KIND_AGENT, AT_LEAF, false },
	{ AT_EXEC, "help", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "archive", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "completion", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "delete", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "doctor", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "features", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "help", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "login", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "logout", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "mcp", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "unarchive", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "update", KIND_INERT, AT_LEAF, false },
	{ AT_ROOT, "a", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "app", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "app-server", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "apply", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "cloud", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "cloud-tasks", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "debug", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "exec-server", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "execpolicy", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "mcp-server", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "migrate-nfs-db", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "migrate-rollouts", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "plugin", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "queue", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "remote-control", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "responses-api-proxy", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "sandbox", KIND_OUT, AT_LEAF, false },
	{ AT_ROOT, "stdio-to-uds", KIND_OUT, AT_LEAF, false },
};

struct reader {
	struct args *a;
	char *const *next;
	enum level level;
};

static int
check_config(const char *value, struct err *e)
{
	const char *equals = strchr(value, '=');
	const struct str key = { value,
		equals == NULL ? strlen(value) : (size_t)(equals - value) };
	CLEANUP(mem_freep) char *shown = mem_printf("-c " STR_FMT, STR_ARG(key));

	for (size_t i = 0; codex_own_keys[i] != NULL; i++)
		if (str_is(key, codex_own_keys[i]))
			return 0;
	return args_refuse(agent, shown,
		"of the configuration only what chooses a model or a look may be set", e);
}

static int
put(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	switch ((enum check)r->check) {
	case CHECK_CONFIG:
		if (check_config(value == NULL ? "" : value, e) < 0)
			return -1;
		break;
	case CHECK_DIR:
		mem_freep((void *)&in->a->dir);
		in->a->dir = mem_strdup(value == NULL ? "" : value);
		break;
	case CHECK_HELP:
		in->a->inert = true; /* clap prints and ends as soon as it reads this */
		break;
	case CHECK_SEARCH:
		args_add_wish(
			in->a, (struct args_wish){ r->name, "web_search",
				       "it needs codex's tool web_search: put that in "
				       "[native_tools] allow of the policy" });
		break;
	case CHECK_DROP:
		return 0;
	case CHECK_NOTHING:
	case CHECKS:
		break;
	}
	if (value == NULL)
		words_add(&in->a->flags, r->name);
	else
		words_addf(&in->a->flags, "%s=%s", r->name, value);
	return 0;
}

static int
take_value(struct reader *in, const struct args_row *r, const char *value, struct err *e)
{
	if (r->arity == ARITY_NONE) {
		if (value != NULL)
			return args_refuse(agent, r->name, "it takes no value", e);
		return put(in, r, NULL, e);
	}
	if (value != NULL)
		return put(in, r, value, e);
	if (*in->next == NULL || args_is_option(*in->next))
		return args_refuse(agent, r->name, "its value is missing", e);
	if (put(in, r, *in->next++, e) < 0)
		return -1;
	while (r->arity == ARITY_MANY && *in->next != NULL && !args_is_option(*in->next))
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

/* No two letters without a value do harm together, so a cluster of them is not worth it. */
static int
take_letter(struct reader *in, const char *word, struct err *e)
{
	const char name[] = { '-', word[1], '\0' };
	const struct args_row *r = args_row_of_letter(&table, word[1]);
	const char *value = word + 2;

	if (r == NULL)
		return args_refuse_option(&table, word, str_of(name), e);
	if (*value == '=')
		value++;
	return take_value(in, r, *value == '\0' ? NULL : value, e);
}

static const struct command *
command_at(enum level level, const char *word)
{
	for (size_t i = 0; i < LEN(commands); i++)
		if (commands[i].at == level && strcmp(word, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int
take_word(struct reader *in, const char *word, struct err *e)
{
	const struct command *c = command_at(in->level, word);

	if (c == NULL || in->a->operands.n > 0) {
		words_add(&in->a->operands, word);
		return 0;
	}
	if (c->kind == KIND_OUT)
		return args_refuse(agent, word, WHY_OUTSIDE, e);
	if (c->kind == KIND_INERT) {
		in->a->inert = true;
		if (in->level == AT_ROOT)
			in->a->command = c->name;
	}
	words_add(&in->a->flags, c->name);
	in->a->tui = c->tui;
	in->level = c->to;
	return 0;
}

/* What follows an inert subcommand is its own, but a session elsewhere it may not touch. */
static int
take_inert_rest(struct reader *in, struct err *e)
{
	static const char *const servers[] = { "list", "get", "add", "remove", "login",
		"logout", "help", "--help", "-h" };
	const bool mcp = in->a->command != NULL && strcmp(in->a->command, "mcp") == 0;
	bool known = !mcp || *in->next == NULL;

	for (size_t i = 0; !known && i < LEN(servers); i++)
		known = strcmp(*in->next, servers[i]) == 0;
	if (!known)
		return args_refuse(agent, *in->next,
			"of mcp only what starts no server may pass", e);
	for (; *in->next != NULL; in->next++)
		if (strncmp(*in->next, "--remote", sizeof "--remote" - 1) == 0)
			return args_refuse(agent, "--remote", WHY_OUTSIDE, e);
	return 0;
}

static int
take_next(struct reader *in, bool *options, struct err *e)
{
	const char *word = *in->next++;

	if (!*options) {
		words_add(&in->a->operands, word);
		return 0;
	}
	if (strcmp(word, "--") == 0) {
		*options = false;
		return 0;
	}
	if (!args_is_option(word))
		return take_word(in, word, e);
	return word[1] == '-' ? take_long(in, word, e) : take_letter(in, word, e);
}

int
args_of_codex(struct args *a, char *const *argv, struct err *e)
{
	struct reader in = { .a = a, .next = argv + 1, .level = AT_ROOT };
	bool options = true;

	a->tui = true;
	/* codex looks at this word before it parses */
	if (argv[1] != NULL && strncmp(argv[1], "--codex-run-as", 14) == 0)
		return args_refuse(agent, argv[1], WHY_OUTSIDE, e);
	while (*in.next != NULL && !a->inert)
		if (take_next(&in, &options, e) < 0)
			return -1;
	return a->inert ? take_inert_rest(&in, e) : 0;
}
