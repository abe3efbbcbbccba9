#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "policy/record.h"
#include "policy/ruleset.h"
#include "policy/toml.h"
#include "policy/upstream.h"

enum { SUGGEST_DISTANCE = 3, KEY_CEILING = 64 };

struct reader {
	struct policy *p;
	struct err *e;
};

struct key {
	const char *name;
	int (*read)(struct reader *r, const struct toml_node *n);
};

static int
wrong(const struct reader *r, const struct toml_node *n, const char *what)
{
	return err_set(
		r->e, ERR_POLICY, "%s:%d:%d: %s", r->p->file, n->line, n->column, what);
}

/* Levenshtein distance of short words, for "did you mean". */
static size_t
distance(const char *a, const char *b)
{
	size_t row[KEY_CEILING + 1];
	const size_t n = strlen(b);

	if (strlen(a) > KEY_CEILING || n > KEY_CEILING)
		return KEY_CEILING;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			const size_t swap = diagonal + (a[i - 1] != b[j - 1]);
			const size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) +
					   1;

			diagonal = row[j];
			row[j] = swap < gap ? swap : gap;
		}
	}
	return row[n];
}

static int
unknown_key(
	struct reader *r, const struct toml_node *n, const struct key *keys, size_t nkeys)
{
	CLEANUP(mem_freep) char *text = NULL;
	const char *near = NULL;
	size_t best = SUGGEST_DISTANCE;
	char shown[LOG_QUOTED_MAX];

	for (size_t i = 0; i < nkeys; i++) {
		const size_t d = distance(n->key, keys[i].name);

		if (d < best) {
			best = d;
			near = keys[i].name;
		}
	}
	(void)log_quoted(str_of(n->key), shown);
	text = near == NULL
		       ? mem_printf("unknown key '%s'", shown)
		       : mem_printf("unknown key '%s' (did you mean '%s'?)", shown, near);
	return wrong(r, n, text);
}

static int
read_keys(struct reader *r, const struct toml_node *table, const struct key *keys,
	size_t nkeys)
{
	if (table->type != TOML_TABLE)
		return wrong(r, table, "must be a table");
	for (const struct toml_node *n = table->child; n != NULL; n = n->next) {
		size_t i = 0;

		while (i < nkeys && strcmp(keys[i].name, n->key) != 0)
			i++;
		if (i == nkeys)
			return unknown_key(r, n, keys, nkeys);
		if (keys[i].read(r, n) < 0)
			return -1;
	}
	return 0;
}

/* One of a few words; answers its place in the list, -1 with the choices in the error. */
static int
read_word(struct reader *r, const struct toml_node *n, const char *const *words)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(ERR_TEXT_MAX);

	for (int i = 0; n->type == TOML_STRING && words[i] != NULL; i++)
		if (str_is(n->text, words[i]))
			return i;
	buf_puts(&text, "must be one of");
	for (int i = 0; words[i] != NULL; i++)
		buf_printf(&text, "%s \"%s\"", i > 0 ? "," : "", words[i]);
	return wrong(r, n, buf_text(&text));
}

static char *
read_name(struct reader *r, const struct toml_node *n)
{
	if (n->type != TOML_STRING || n->text.n == 0 || n->text.n > POL_NAME_MAX ||
		memchr(n->text.p, '\0', n->text.n) != NULL) {
		(void)wrong(r, n, "must be a name or pattern of 1 to 256 bytes");
		return NULL;
	}
	return mem_strdup_str(n->text);
}

static int
list_size(struct reader *r, const struct toml_node *n, size_t *count)
{
	*count = 0;
	if (n->type != TOML_ARRAY)
		return wrong(r, n, "must be an array");
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		(*count)++;
	return *count > POL_LIST_MAX ? wrong(r, n, "more than 1024 entries") : 0;
}

static int
read_list(struct reader *r, const struct toml_node *n, const char *rule,
	struct pol_list *l,
	int (*read_item)(struct reader *, const struct toml_node *, struct pol_item *))
{
	size_t count;

	if (list_size(r, n, &count) < 0)
		return -1;
	l->item = mem_alloc(count * sizeof *l->item);
	l->names = mem_alloc(count * sizeof *l->names);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		struct pol_item *item = &l->item[l->n];

		item->line = c->line;
		item->rule = mem_printf("%s[%zu]", rule, l->n);
		l->n++; /* so that a failed item is freed with the list */
		if (read_item(r, c, item) < 0)
			return -1;
		l->names[l->n - 1] = item->name;
	}
	return 0;
}

static int
read_tool_item(struct reader *r, const struct toml_node *n, struct pol_item *item)
{
	item->name = read_name(r, n);
	return item->name == NULL ? -1 : 0;
}

static int
read_native_default(struct reader *r, const struct toml_node *n)
{
	static const char *const words[] = { "deny", "allow", NULL };
	const int w = read_word(r, n, words);

	r->p->native_default_allow = w == 1;
	r->p->native_default_line = n->line;
	return w < 0 ? -1 : 0;
}

static int
read_native_allow(struct reader *r, const struct toml_node *n)
{
	return read_list(r, n, "native_tools.allow", &r->p->native_allow, read_tool_item);
}

static int
read_native_deny(struct reader *r, const struct toml_node *n)
{
	return read_list(r, n, "native_tools.deny", &r->p->native_deny, read_tool_item);
}

static int
read_native_tools(struct reader *r, const struct toml_node *n)
{
	static const struct key keys[] = {
		{ "default", read_native_default },
		{ "allow", read_native_allow },
		{ "deny", read_native_deny },
	};

	return read_keys(r, n, keys, LEN(keys));
}

static int
read_other_mode(struct reader *r, const struct toml_node *n)
{
	static const char *const words[] = { "deny_all", "allow_list", "deny_list",
		NULL };
	const int w = read_word(r, n, words);

	if (w < 0)
		return -1;
	r->p->other_mode = (enum pol_other_mode)w;
	r->p->other_mode_line = n->line;
	return 0;
}

static int
read_server_tools(struct reader *r, const struct toml_node *n, struct pol_item *item)
{
	size_t count;

	if (list_size(r, n, &count) < 0)
		return -1;
	item->tools = mem_alloc((count + 1) * sizeof *item->tools);
	count = 0;
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		item->tools[count] = read_name(r, c);
		if (item->tools[count++] == NULL)
			return -1;
	}
	return 0;
}

/* "name" or { server = "name", tools = ["get_*"] } */
static int
read_server_item(struct reader *r, const struct toml_node *n, struct pol_item *item)
{
	const struct toml_node *server;

	if (n->type == TOML_STRING)
		return read_tool_item(r, n, item);
	if (n->type != TOML_TABLE)
		return wrong(
			r, n, "must be a name or { server = \"...\", tools = [...] }");
	server = toml_get(n, "server");
	if (server == NULL)
		return wrong(r, n, "the key 'server' is missing");
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		if (strcmp(c->key, "tools") == 0) {
			if (read_server_tools(r, c, item) < 0)
				return -1;
		} else if (c != server) {
			static const struct key keys[] = { { "server", NULL },
				{ "tools", NULL } };

			return unknown_key(r, c, keys, LEN(keys));
		}
	}
	return read_tool_item(r, server, item);
}

static int
read_other_servers(struct reader *r, const struct toml_node *n)
{
	return read_list(
		r, n, "other_mcp.servers", &r->p->other_servers, read_server_item);
}

static int
read_other_mcp(struct reader *r, const struct toml_node *n)
{
	static const struct key keys[] = {
		{ "mode", read_other_mode },
		{ "servers", read_other_servers },
	};
	const struct toml_node *servers = toml_get(n, "servers");

	if (read_keys(r, n, keys, LEN(keys)) < 0)
		return -1;
	if (servers != NULL && servers->child != NULL && r->p->other_mode == POL_DENY_ALL)
		return wrong(r, servers,
			"has no effect while mode is \"deny_all\": set mode "
			"to \"allow_list\" or \"deny_list\", or remove it");
	return 0;
}

static int
read_mode(struct reader *r, const struct toml_node *n, enum pol_agent a)
{
	static const char *const words[] = { "enforce", "audit", "off", NULL };
	const int w = read_word(r, n, words);

	if (w < 0)
		return -1;
	r->p->mode[a] = (enum pol_mode)w;
	return 0;
}

static int
read_mode_claude(struct reader *r, const struct toml_node *n)
{
	return read_mode(r, n, POL_CLAUDE);
}

static int
read_mode_codex(struct reader *r, const struct toml_node *n)
{
	return read_mode(r, n, POL_CODEX);
}

static int
read_upstream(struct reader *r, const struct toml_node *n, enum pol_agent a)
{
	const char *why;

	if (n->type != TOML_STRING)
		return wrong(r, n, "must be a URL");
	why = upstream_fault(n->text);
	if (why != NULL)
		return wrong(r, n, why);
	free(r->p->upstream[a]);
	r->p->upstream[a] = mem_strdup_str(upstream_trimmed(n->text));
	return 0;
}

static int
read_upstream_anthropic(struct reader *r, const struct toml_node *n)
{
	return read_upstream(r, n, POL_CLAUDE);
}

static int
read_upstream_openai(struct reader *r, const struct toml_node *n)
{
	return read_upstream(r, n, POL_CODEX);
}

static int
read_proxy(struct reader *r, const struct toml_node *n)
{
	static const struct key keys[] = {
		{ "claude", read_mode_claude },
		{ "codex", read_mode_codex },
		{ "anthropic_upstream", read_upstream_anthropic },
		{ "openai_upstream", read_upstream_openai },
	};

	return read_keys(r, n, keys, LEN(keys));
}

static int
read_react(struct reader *r, const struct toml_node *n, enum pol_react mild,
	enum pol_react *to)
{
	static const char *const names[POL_REACTS] = { "strip", "replace", "refuse",
		"audit" };
	const char *const words[] = { names[mild], names[POL_REFUSE], NULL };
	const int w = read_word(r, n, words);

	*to = w == 0 ? mild : POL_REFUSE;
	return w < 0 ? -1 : 0;
}

static int
read_definition(struct reader *r, const struct toml_node *n)
{
	return read_react(r, n, POL_STRIP, &r->p->definition);
}

static int
read_history(struct reader *r, const struct toml_node *n)
{
	return read_react(r, n, POL_STRIP, &r->p->history);
}

static int
read_call(struct reader *r, const struct toml_node *n)
{
	return read_react(r, n, POL_REPLACE, &r->p->call);
}

static int
read_unknown(struct reader *r, const struct toml_node *n)
{
	return read_react(r, n, POL_NOTE, &r->p->unknown);
}

static int
read_firewall(struct reader *r, const struct toml_node *n)
{
	static const struct key keys[] = {
		{ "definition", read_definition },
		{ "history", read_history },
		{ "call", read_call },
		{ "unknown", read_unknown },
	};

	return read_keys(r, n, keys, LEN(keys));
}

struct policy *
pol_default(void)
{
	struct policy *p = mem_alloc(sizeof *p);

	p->file = mem_strdup("built-in");
	p->upstream[POL_CLAUDE] = mem_strdup("https://api.anthropic.com");
	p->upstream[POL_CODEX] = mem_strdup("https://api.openai.com/v1");
	p->definition = p->history = POL_STRIP;
	p->call = POL_REPLACE;
	p->unknown = POL_REFUSE;
	rec_sha256(STR(""), p->digest);
	return p;
}

static void
tomlp_free(struct toml_node **n)
{
	toml_free(*n);
}

struct policy *
pol_parse(struct str text, const char *name, struct err *e)
{
	static const struct key keys[] = {
		{ "native_tools", read_native_tools },
		{ "other_mcp", read_other_mcp },
		{ "proxy", read_proxy },
		{ "firewall", read_firewall },
	};
	CLEANUP(tomlp_free) struct toml_node *root = toml_parse(text, name, e);
	CLEANUP(pol_freep) struct policy *p = NULL;
	struct policy *got;

	if (root == NULL)
		return NULL;
	p = pol_default();
	free(p->file);
	p->file = mem_strdup(name);
	rec_sha256(text, p->digest);
	if (read_keys(&(struct reader){ p, e }, root, keys, LEN(keys)) < 0)
		return NULL;
	got = p;
	p = NULL;
	return got;
}

struct policy *
pol_load(const char *path, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_FILE_MAX);

	if (path_read(path, &text, e) < 0) {
		e->code = ERR_POLICY;
		(void)err_wrap(e, "cannot read the policy");
		return NULL;
	}
	return pol_parse(buf_str(&text), path, e);
}

struct policy *
pol_load_or_default(const char *path, struct err *e)
{
	/* ENOENT alone means "there is none": what cannot be looked at is not absent. */
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return pol_default();
	return pol_load(path, e);
}

static void
list_fini(struct pol_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		char **tools = l->item[i].tools;

		for (size_t k = 0; tools != NULL && tools[k] != NULL; k++)
			free(tools[k]);
		free(tools);
		free(l->item[i].name);
		free(l->item[i].rule);
	}
	free(l->item);
	free((void *)l->names);
}

void
pol_free(struct policy *p)
{
	if (p == NULL)
		return;
	list_fini(&p->native_allow);
	list_fini(&p->native_deny);
	list_fini(&p->other_servers);
	for (int a = 0; a < POL_AGENTS; a++)
		free(p->upstream[a]);
	free(p->file);
	free(p);
}

void
pol_freep(struct policy **p)
{
	pol_free(*p);
	*p = NULL;
}
