#include "policy/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "policy/upstream.h"
#include "policy/vet.h"

static int
unknown_key(struct reader *r, const struct toml_node *n, const char *section)
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT(ERR_TEXT_MAX);
	char names[POL_KEY_IDS][POL_KEY_MAX];
	const char *list[POL_KEY_IDS];
	const size_t count = pol_key_names(section, names);
	char shown[LOG_QUOTED_MAX];
	const char *in = section[0] != '\0' ? " in " : "";
	const char *near;

	if (r->arg != NULL) /* so that the argument is named */
		section = pol_read_label(r, KEY_RULE_ARGS);
	for (size_t i = 0; i < count; i++) {
		list[i] = names[i];
		buf_printf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	near = pol_nearest(n->key, list, count);
	(void)log_quoted(str_of(n->key), shown);
	if (near != NULL)
		return WRONG(r, n, "unknown key '%s'%s%s; did you mean '%s'?", shown, in,
			section, near);
	return WRONG(r, n, "unknown key '%s'%s%s; the keys here are %s", shown, in,
		section, buf_text(&all));
}

/* Why this file may not say what it says; NULL: it may. */
static const char *
too_loose(const struct reader *r, enum pol_tighten in_project, enum pol_tighten in_locked,
	bool strictest)
{
	const bool project = r->f->layer == POL_PROJECT;
	const enum pol_tighten rule = project ? in_project : in_locked;

	if (r->f->layer == POL_MANAGED || (!project && !r->locked))
		return NULL;
	if (rule == POL_ANY_VALUE || (rule == POL_STRICTEST_ONLY && strictest))
		return NULL;
	return project ? "a project's file can only tighten the policy; remove it, or say "
			 "it in ~/.pando/policy.toml"
		       : "the managed policy is locked, so this file can only tighten it; "
			 "remove it";
}

static int
read_number(struct reader *r, const struct toml_node *n, enum pol_setting s)
{
	const struct pol_setting_row *row = pol_setting(s);

	if (n->type != TOML_INT)
		return pol_read_kind(r, n, row->key);
	if ((n->integer < row->min || n->integer > row->max) &&
		!(n->integer == 0 && row->zero_is_none))
		return WRONG(r, n,
			"%s is %" PRId64 "; it must be from %" PRId64 " to %" PRId64,
			pol_read_label(r, row->key), n->integer, row->min, row->max);
	pol_value_set(&r->f->v, s, n->integer);
	return 0;
}

static int
read_url(struct reader *r, const struct toml_node *n, enum pol_setting s)
{
	char **to = &r->f->v.upstream[pol_upstream_of(s)];
	const char *why;

	if (n->type != TOML_STRING)
		return pol_read_kind(r, n, pol_setting(s)->key);
	why = upstream_fault(n->text);
	if (why != NULL)
		return WRONG(r, n, "%s %s; write a URL like https://example.com/v1",
			pol_read_label(r, pol_setting(s)->key), why);
	free(*to);
	*to = mem_strdup_str(upstream_trimmed(n->text));
	return 0;
}

static int
read_value(struct reader *r, const struct toml_node *n, enum pol_setting s)
{
	const struct pol_setting_row *row = pol_setting(s);
	int64_t usd;
	int word;

	switch (row->kind) {
	case POL_IS_BOOL:
		if (n->type != TOML_BOOL)
			return pol_read_kind(r, n, row->key);
		pol_value_set(&r->f->v, s, n->truth);
		return 0;
	case POL_IS_WORD:
		if (pol_read_word(r, n, row->key, row->words, &word) < 0)
			return -1;
		pol_value_set(&r->f->v, s, word);
		return 0;
	case POL_IS_NUMBER:
		return read_number(r, n, s);
	case POL_IS_USD:
		if (pol_read_usd(r, n, row->key, row->min, row->max, &usd) < 0)
			return -1;
		pol_value_set(&r->f->v, s, usd);
		return 0;
	case POL_IS_URL:
		return read_url(r, n, s);
	case POL_KINDS:
		break;
	}
	return pol_read_kind(r, n, row->key);
}

static int
read_setting(struct reader *r, const struct toml_node *n, enum pol_setting s)
{
	const struct pol_setting_row *row = pol_setting(s);
	CLEANUP(buf_fini) struct buf value = BUF_INIT(ERR_TEXT_MAX);
	const char *why;
	size_t nkeys;

	if (s == POL_SET_LOCK && r->f->layer != POL_MANAGED)
		return WRONG(
			r, n, "lock has a meaning in the managed file only; remove it");
	if (read_value(r, n, s) < 0)
		return -1;
	r->f->at[s] = (struct pol_place){ n->line, n->column };
	why = too_loose(r, row->in_project, row->in_locked,
		pol_is_strictest(s, pol_value(&r->f->v, s)));
	if (why == NULL)
		return 0;
	pol_value_put(&value, &r->f->v, s);
	return WRONG(r, n, "%s = %s is not for this file: %s",
		pol_keys(&nkeys)[row->key].name, buf_text(&value), why);
}

static int
read_name(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	r->item->name = pol_read_text(r, n, id, POL_NAME_MAX);
	return r->item->name == NULL ? -1 : 0;
}

/* "name" or { server = "name", tools = ["get_*"] } */
static int
read_server(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	if (n->type != TOML_TABLE)
		return read_name(r, n, id);
	if (pol_read_table(r, n, "other_mcp.servers") < 0)
		return -1;
	if (r->item->name == NULL)
		return WRONG(r, n,
			"the entry names no server; write { server = \"name\", tools = "
			"[...] }");
	return 0;
}

static int
read_inside_path(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	CLEANUP(mem_freep) char *text = pol_read_text(r, n, id, POL_NAME_MAX);
	CLEANUP(mem_freep) char *tidy = NULL;
	const char *why;

	if (text == NULL)
		return -1;
	if (text[0] == '/' || text[0] == '~')
		return WRONG(r, n,
			"'%s' is not below the project's root; write a path "
			"that begins there",
			text);
	if (strpbrk(text, "*?") != NULL)
		return WRONG(r, n, "'%s' is a pattern; write one path", text);
	tidy = pol_path_tidy(text, &why);
	if (tidy == NULL)
		return WRONG(r, n, "'%s' cannot be taken: %s", text, why);
	if (strcmp(tidy, ".") == 0)
		return WRONG(
			r, n, "'%s' is the whole project; write paths below it", text);
	r->item->name = tidy;
	tidy = NULL;
	return 0;
}

/* "claude word": the words of a subcommand that no table of the shim has. */
static int
read_subcommand(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	CLEANUP(mem_freep) char *text = pol_read_text(r, n, id, POL_NAME_MAX);
	const char *space = text == NULL ? NULL : strchr(text, ' ');
	enum pol_agent agent;

	if (text == NULL)
		return -1;
	if (space == NULL || space[1] == '\0' || space[1] == '-' ||
		space[1 + strspn(space + 1, letters)] != '\0' ||
		!pol_agent_from((struct str){ text, (size_t)(space - text) }, &agent))
		return WRONG(r, n,
			"'%s' is no subcommand; write an agent and one word, as \"claude "
			"word\"",
			text);
	r->item->name = text;
	text = NULL;
	return 0;
}

static int
read_list(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	struct pol_list *l,
	int (*read_item)(struct reader *, const struct toml_node *, enum pol_key_id))
{
	const size_t most = id == KEY_READ_ONLY ? POL_READ_ONLY_MAX : POL_LIST_MAX;
	size_t count, nkeys;

	if (pol_read_count(r, n, id, most, &count) < 0)
		return -1;
	l->item = mem_alloc(count * sizeof *l->item);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		struct pol_item *item = &l->item[l->n];

		item->line = c->line;
		item->column = c->column;
		item->rule = mem_printf("%s[%zu]", pol_keys(&nkeys)[id].name, l->n);
		l->n++; /* so that a failed item is freed with the list */
		r->item = item;
		if (read_item(r, c, id) < 0)
			return -1;
	}
	return 0;
}

/* Lists that open something: not for a project's file, nor below a lock. */
static int
read_opening(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	const char *why = too_loose(r, POL_NOT_HERE, POL_NOT_HERE, false);
	size_t nkeys;

	if (why != NULL)
		return WRONG(r, n, "%s is not for this file: %s",
			pol_keys(&nkeys)[id].name, why);
	if (id == KEY_SUBCOMMANDS)
		return read_list(r, n, id, &r->f->subcommands, read_subcommand);
	return read_list(r, n, id, &r->f->writable, read_inside_path);
}

static int
read_key(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	const enum pol_setting s = pol_setting_of(id);

	if (s != POL_SETTINGS)
		return read_setting(r, n, s);
	if (id == KEY_NATIVE_ALLOW)
		return read_list(r, n, id, &r->f->native_allow, read_name);
	if (id == KEY_NATIVE_DENY)
		return read_list(r, n, id, &r->f->native_deny, read_name);
	if (id == KEY_OTHER_SERVERS)
		return read_list(r, n, id, &r->f->other_servers, read_server);
	if (id == KEY_SERVER_NAME)
		return read_name(r, n, id);
	if (id == KEY_SERVER_TOOLS)
		return pol_read_texts(r, n, id, POL_LIST_MAX, &r->item->tools);
	if (id == KEY_READ_ONLY)
		return read_list(r, n, id, &r->f->read_only, read_inside_path);
	if (id == KEY_WRITABLE || id == KEY_SUBCOMMANDS)
		return read_opening(r, n, id);
	if (id >= KEY_PRICE_MODEL && id <= KEY_PRICE_CACHE_WRITE_1H)
		return pol_read_price_key(r, n, id);
	return pol_read_rule_key(r, n, id);
}

static bool
is_section(const char *name)
{
	char below[POL_KEY_IDS][POL_KEY_MAX];

	return strchr(name, '.') == NULL && pol_key_names(name, below) > 0;
}

int
pol_read_table(struct reader *r, const struct toml_node *n, const char *section)
{
	if (n->type != TOML_TABLE)
		return WRONG(r, n, "%s is %s; it must be a table: [%s]", section,
			toml_type_name(n->type), section);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		const enum pol_key_id id = pol_key_find(section, c->key);
		int status;

		if (id != POL_KEY_IDS)
			status = read_key(r, c, id);
		else if (section[0] != '\0' || !is_section(c->key))
			status = unknown_key(r, c, section);
		else if (strcmp(c->key, "rule") == 0)
			status = pol_read_rules(r, c);
		else if (strcmp(c->key, "price") == 0)
			status = pol_read_prices(r, c);
		else
			status = pol_read_table(r, c, c->key);
		if (status < 0)
			return -1;
	}
	return 0;
}

static void
tomlp_free(struct toml_node **n)
{
	toml_free(*n);
}

static void
filep_free(struct pol_file **f)
{
	pol_file_free(*f);
}

struct pol_file *
pol_file_read(enum pol_layer layer, const char *path, struct str text, bool locked,
	struct err *e)
{
	CLEANUP(tomlp_free) struct toml_node *root = toml_parse(text, path, e);
	CLEANUP(filep_free) struct pol_file *f = NULL;
	struct reader r = { .locked = locked, .e = e };
	struct pol_file *got;

	if (root == NULL)
		return NULL;
	f = mem_alloc(sizeof *f);
	f->layer = layer;
	f->path = mem_strdup(path);
	f->text = (struct str){ mem_strdup_str(text), text.n };
	pol_values_default(&f->v);
	r.f = f;
	if (pol_read_table(&r, root, "") < 0 || pol_vet_names(f, e) < 0)
		return NULL;
	f->index = pol_index_new(f);
	if (pol_file_vet(f, e) < 0)
		return NULL;
	got = f;
	f = NULL;
	return got;
}

static void
list_fini(struct pol_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		pol_texts_free(l->item[i].tools);
		free(l->item[i].name);
		free(l->item[i].rule);
	}
	free(l->item);
}

void
pol_file_free(struct pol_file *f)
{
	if (f == NULL)
		return;
	pol_index_free(f->index);
	list_fini(&f->native_allow);
	list_fini(&f->native_deny);
	list_fini(&f->other_servers);
	list_fini(&f->read_only);
	list_fini(&f->writable);
	list_fini(&f->subcommands);
	for (size_t i = 0; i < f->nprices; i++)
		free(f->price[i].model);
	free(f->price);
	for (size_t i = 0; i < f->nrules; i++)
		pol_rule_fini(&f->rule[i]);
	free(f->rule);
	pol_values_fini(&f->v);
	free((void *)(uintptr_t)f->text.p);
	free(f->path);
	free(f);
}
