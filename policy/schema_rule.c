#include "policy/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static const char id_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

static int
read_id(struct reader *r, const struct toml_node *n)
{
	CLEANUP(mem_freep) char *id = pol_read_text(r, n, KEY_RULE_ID, POL_ID_MAX);

	if (id == NULL)
		return -1;
	if (strspn(id, id_bytes) != strlen(id))
		return WRONG(r, n,
			"the id \"%s\" has other bytes than a-z 0-9 _ . -; "
			"write it with these",
			id);
	/* What decisions call the tables' own answers. */
	if (strcmp(id, "pando") == 0 || strncmp(id, "native_tools.", 13) == 0 ||
		strncmp(id, "other_mcp.", 10) == 0)
		return WRONG(r, n,
			"the id \"%s\" is what a built-in answer is called; "
			"choose another",
			id);
	for (const struct pol_rule *before = r->f->rule; before < r->rule; before++)
		if (strcmp(before->id, id) == 0)
			return WRONG(r, n,
				"the id \"%s\" is that of the rule in line %d "
				"too; choose another",
				id, before->line);
	free(r->rule->id);
	r->rule->id = id;
	id = NULL;
	return 0;
}

/* A tool of ours by its name alone, any tool as on the wire, or an agent's own. */
static int
no_server(struct reader *r, const struct toml_node *n, const char *text)
{
	static const char wire[] = "mcp__";
	const char *name; /* behind the server, which is not empty */
	size_t count;
	const struct pol_tool *tools = pol_pando_tools(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(tools[i].name, text) == 0)
			return WRONG(r, n,
				"the tool \"%s\" has no server; write \"%s/%s\"", text,
				tools[i].server, text);
	if (strncmp(text, wire, sizeof wire - 1) == 0 &&
		(name = strstr(text + sizeof wire, "__")) != NULL)
		return WRONG(r, n,
			"the tool \"%s\" is written as on the wire; write \"%.*s/%s\"",
			text, (int)(name - text - (ptrdiff_t)(sizeof wire - 1)),
			text + sizeof wire - 1, name + 2);
	return WRONG(r, n,
		"the tool \"%s\" has no server; write \"server/%s\", "
		"and \"claude/%s\" for claude's own tool",
		text, text, text);
}

/* "server/tool": the first slash parts them. */
static int
read_tool(struct reader *r, const struct toml_node *n)
{
	CLEANUP(mem_freep)
	char *text = pol_read_text(r, n, KEY_RULE_TOOL, (size_t)2 * POL_NAME_MAX + 1);
	const char *slash;

	if (text == NULL)
		return -1;
	slash = strchr(text, '/');
	if (slash == NULL)
		return no_server(r, n, text);
	if (slash == text || slash[1] == '\0')
		return WRONG(r, n,
			"the tool \"%s\" has an empty part; write "
			"\"server/tool\"",
			text);
	if (slash - text > POL_NAME_MAX || strlen(slash + 1) > POL_NAME_MAX)
		return WRONG(r, n,
			"a part of the tool's name is longer than %d bytes; "
			"shorten it",
			POL_NAME_MAX);
	r->rule->server = mem_strdup_str((struct str){ text, (size_t)(slash - text) });
	r->rule->tool = mem_strdup(slash + 1);
	return 0;
}

static int
read_agent_name(struct reader *r, const struct toml_node *n)
{
	static const struct pol_word agents[] = { { "claude", POL_CLAUDE },
		{ "codex", POL_CODEX }, { NULL, 0 } };
	int agent;

	if (pol_read_word(r, n, KEY_RULE_AGENT, agents, &agent) < 0)
		return -1;
	if ((r->rule->agents & 1u << agent) != 0)
		return WRONG(r, n, "rule.agent names \"%s\" twice; remove one",
			agents[agent].name);
	r->rule->agents |= 1u << agent;
	return 0;
}

static int
read_agent(struct reader *r, const struct toml_node *n)
{
	r->rule->agents = 0;
	if (n->type != TOML_ARRAY)
		return read_agent_name(r, n);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		if (read_agent_name(r, c) < 0)
			return -1;
	if (r->rule->agents == 0)
		return WRONG(r, n,
			"rule.agent is empty and would match nobody; remove "
			"it, or name an agent");
	return 0;
}

static int
read_decision(struct reader *r, const struct toml_node *n)
{
	static const struct pol_word verdicts[] = { { "allow", POL_ALLOW },
		{ "audit", POL_AUDITED }, { "ask", POL_ASK }, { "deny", POL_DENY },
		{ NULL, 0 } };
	int verdict;

	if (pol_read_word(r, n, KEY_RULE_DECISION, verdicts, &verdict) < 0)
		return -1;
	r->rule->verdict = (enum pol_verdict)verdict;
	return 0;
}

static void
texts_freep(char ***texts)
{
	pol_texts_free(*texts);
}

static int
read_prefix(struct reader *r, const struct toml_node *n)
{
	CLEANUP(texts_freep) char **tokens = NULL;
	size_t count = 0;

	if (pol_read_texts(r, n, KEY_ARG_PREFIX, CMD_TOKENS_MAX, &tokens) < 0)
		return -1;
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		count++;
	if (strchr(tokens[0], '/') != NULL)
		return WRONG(r, n,
			"the program \"%s\" has a folder, but prefix compares "
			"the last part of a program's path; write that only",
			tokens[0]);
	if (strpbrk(tokens[0], " \t") != NULL)
		return WRONG(r, n,
			"\"%s\" is more than one word; write "
			"[\"git\", \"push\"], one word an entry",
			tokens[0]);
	cmd_prefix_init(&r->arg->prefix, (const char *const *)tokens, count);
	return 0;
}

static int
read_under(struct reader *r, const struct toml_node *n)
{
	CLEANUP(mem_freep) char *text = pol_read_text(r, n, KEY_ARG_UNDER, POL_TEXT_MAX);
	const char *why;

	if (text == NULL)
		return -1;
	if (strpbrk(text, "*?") != NULL)
		return WRONG(r, n,
			"path_under takes a folder and no pattern; write the "
			"folder, or { glob = ... }");
	r->arg->text = pol_path_tidy(text, &why);
	if (r->arg->text == NULL)
		return WRONG(r, n, "the path \"%s\" cannot be taken: %s", text, why);
	return 0;
}

/* { glob | prefix | path_under = ... }, exactly one. */
static int
read_matcher(struct reader *r, const struct toml_node *n)
{
	if (n->child == NULL || n->child->next != NULL)
		return WRONG(r, n,
			"a matcher has exactly one of glob, prefix and "
			"path_under; write one");
	return pol_read_table(r, n, "rule.args.NAME");
}

static int
read_literal(struct reader *r, const struct toml_node *n)
{
	r->arg->kind = POL_LITERAL;
	if (n->type == TOML_BOOL)
		r->arg->text = mem_strdup(n->truth ? "true" : "false");
	else if (n->type == TOML_INT)
		r->arg->text = mem_printf("%" PRId64, n->integer);
	else if (n->type != TOML_STRING)
		return WRONG(r, n,
			"%s is %s; it must be: text | true | false | whole "
			"number | { glob, prefix or path_under = ... }",
			pol_read_label(r, KEY_RULE_ARGS), toml_type_name(n->type));
	else if (n->text.n > POL_TEXT_MAX || memchr(n->text.p, '\0', n->text.n) != NULL)
		return WRONG(r, n,
			"the value is longer than %d bytes or has a NUL in it; "
			"write a shorter text",
			POL_TEXT_MAX);
	else
		r->arg->text = mem_strdup_str(n->text);
	return 0;
}

static int
read_arg(struct reader *r, const struct toml_node *n)
{
	char shown[LOG_QUOTED_MAX];

	if (n->key[0] == '\0' || strlen(n->key) > POL_NAME_MAX)
		return WRONG(r, n, "an argument's name has 1 to %d bytes; write such one",
			POL_NAME_MAX);
	r->arg->key = mem_strdup(n->key);
	r->arg->line = n->line;
	r->arg->column = n->column;
	if ((n->type == TOML_TABLE ? read_matcher(r, n) : read_literal(r, n)) < 0)
		return -1;
	for (const struct pol_matcher *m = r->rule->arg; m < r->arg; m++)
		if (m->kind == POL_PREFIX && r->arg->kind == POL_PREFIX)
			return WRONG(r, n,
				"args.%s is a second prefix; write two rules, "
				"since a call has one command",
				log_quoted(str_of(n->key), shown));
	return 0;
}

static int
read_args(struct reader *r, const struct toml_node *n)
{
	size_t count = 0;

	if (n->type != TOML_TABLE)
		return pol_read_kind(r, n, KEY_RULE_ARGS);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		count++;
	if (count == 0)
		return WRONG(r, n,
			"rule.args is empty; remove it, or write args.<name> = "
			"...");
	if (count > POL_ARGS_MAX)
		return WRONG(r, n, "rule.args has %zu arguments; at most %d are taken",
			count, POL_ARGS_MAX);
	r->rule->arg = mem_alloc(count * sizeof *r->rule->arg);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		r->arg = &r->rule->arg[r->rule->nargs++]; /* so that it is freed */
		if (read_arg(r, c) < 0)
			return -1;
	}
	r->arg = NULL;
	return 0;
}

static int
read_arg_text(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	r->arg->text = pol_read_text(r, n, id, POL_TEXT_MAX);
	return r->arg->text == NULL ? -1 : 0;
}

static int
read_into(struct reader *r, const struct toml_node *n, enum pol_key_id id, size_t max,
	char **to)
{
	*to = pol_read_text(r, n, id, max);
	return *to == NULL ? -1 : 0;
}

int
pol_read_rule_key(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	if (id == KEY_RULE_ID)
		return read_id(r, n);
	if (id == KEY_RULE_TOOL)
		return read_tool(r, n);
	if (id == KEY_RULE_AGENT)
		return read_agent(r, n);
	if (id == KEY_RULE_SUBAGENT)
		return read_into(r, n, id, POL_NAME_MAX, &r->rule->subagent);
	if (id == KEY_RULE_ARGS)
		return read_args(r, n);
	if (id == KEY_ARG_GLOB) {
		r->arg->kind = POL_GLOB;
		return read_arg_text(r, n, id);
	}
	if (id == KEY_ARG_PREFIX) {
		r->arg->kind = POL_PREFIX;
		return read_prefix(r, n);
	}
	if (id == KEY_ARG_UNDER) {
		r->arg->kind = POL_UNDER;
		return read_under(r, n);
	}
	if (id == KEY_RULE_DECISION)
		return read_decision(r, n);
	if (id == KEY_RULE_MESSAGE)
		return read_into(r, n, id, POL_MESSAGE_MAX, &r->rule->message);
	/* Examples need the rule's arguments, which may stand behind them. */
	return 0;
}

static int
read_rule(struct reader *r, const struct toml_node *n)
{
	const struct toml_node *match = toml_get(n, "match");
	const struct toml_node *not_match = toml_get(n, "not_match");
	struct pol_rule *rule = r->rule;

	rule->line = n->child != NULL ? n->child->line : n->line;
	rule->column = n->child != NULL ? n->child->column : n->column;
	rule->agents = (1u << POL_AGENTS) - 1;
	if (pol_read_table(r, n, "rule") < 0)
		return -1;
	if (rule->tool == NULL)
		return pol_wrong(r->f, rule->line, rule->column, r->e,
			"the rule has no tool; write tool = \"server/tool\"");
	if (toml_get(n, "decision") == NULL)
		return pol_wrong(r->f, rule->line, rule->column, r->e,
			"the rule has no decision; write decision = \"deny\" (or allow, "
			"ask, audit)");
	if (match != NULL &&
		pol_read_examples(r, match, KEY_RULE_MATCH, &rule->match) < 0)
		return -1;
	if (not_match != NULL &&
		pol_read_examples(r, not_match, KEY_RULE_NOT_MATCH, &rule->not_match) < 0)
		return -1;
	return pol_check_rule(r, n);
}

int
pol_read_rules(struct reader *r, const struct toml_node *n)
{
	size_t count = 0;

	if (n->type != TOML_ARRAY)
		return WRONG(r, n,
			"rule is %s; rules are written below [[rule]], with "
			"two brackets",
			toml_type_name(n->type));
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		count++;
	if (count > POL_RULES_MAX)
		return WRONG(r, n, "the file has %zu rules; at most %d are taken", count,
			POL_RULES_MAX);
	r->f->rule = mem_alloc(count * sizeof *r->f->rule);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		r->rule = &r->f->rule[r->f->nrules];
		r->rule->id = mem_printf("rule[%zu]", r->f->nrules);
		r->f->nrules++; /* so that a failed rule is freed with the file */
		if (read_rule(r, c) < 0)
			return -1;
	}
	return 0;
}

void
pol_rule_fini(struct pol_rule *rule)
{
	for (size_t i = 0; i < rule->nargs; i++) {
		if (rule->arg[i].prefix.n > 0)
			cmd_prefix_fini(&rule->arg[i].prefix);
		free(rule->arg[i].text);
		free(rule->arg[i].key);
	}
	free(rule->arg);
	free(rule->id);
	free(rule->subagent);
	free(rule->server);
	free(rule->tool);
	free(rule->message);
	pol_examples_fini(&rule->match);
	pol_examples_fini(&rule->not_match);
}
