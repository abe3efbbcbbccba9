#include "policy/keys.h"

#include <stdlib.h>

/* --- settings ------------------------------------------------------------------------ */

static bool
says(const struct policy *p, int layer, enum pol_setting s)
{
	return p->file[layer] != NULL && p->file[layer]->at[s].line > 0;
}

/* Takes a layer's value over what is there. */
static void
take(struct policy *p, int layer, enum pol_setting s)
{
	const struct pol_values *v = &p->file[layer]->v;

	p->from[s] = (enum pol_layer)layer;
	if (pol_setting(s)->kind == POL_IS_URL) {
		const enum pol_provider to = pol_upstream_of(s);

		free(p->v.upstream[to]);
		p->v.upstream[to] = mem_strdup(v->upstream[to]);
	} else {
		pol_value_set(&p->v, s, pol_value(v, s));
	}
}

static int64_t
weight(int64_t value, enum pol_setting s)
{
	return value == 0 && pol_setting(s)->zero_is_none ? INT64_MAX : value;
}

static bool
is_stricter(const struct policy *p, int layer, enum pol_setting s)
{
	const int64_t have = weight(pol_value(&p->v, s), s);
	const int64_t other = weight(pol_value(&p->file[layer]->v, s), s);
	const int dir = pol_setting(s)->stricter;

	return dir > 0 ? other > have : dir < 0 && other < have;
}

/*
 * The managed file's value holds over the default, the person's over the default unless the
 * managed file is locked: then, and from there on down, a value is taken only when it is
 * stricter.
 */
static void
merge_setting(struct policy *p, enum pol_setting s)
{
	const bool locked = p->file[POL_MANAGED] != NULL && p->file[POL_MANAGED]->v.lock;
	const bool managed = says(p, POL_MANAGED, s);
	const bool by_authority = pol_setting(s)->by_authority;

	p->from[s] = POL_BUILT_IN;
	if (managed)
		take(p, POL_MANAGED, s);
	if (says(p, POL_USER, s) &&
		((!managed && !locked) ||
			((!managed || !by_authority) && is_stricter(p, POL_USER, s))))
		take(p, POL_USER, s);
	if (says(p, POL_PROJECT, s) && !by_authority && is_stricter(p, POL_PROJECT, s))
		take(p, POL_PROJECT, s);
}

/* --- lists of names ------------------------------------------------------------------ */

struct names {
	const char **v; /* NULL-terminated when it is done */
	size_t n, cap;
};

static void
add(struct names *to, const char *name)
{
	if (to->n + 1 >= to->cap) {
		to->cap = 2 * to->cap + 16;
		to->v = mem_grow((void *)to->v, to->cap * sizeof *to->v);
	}
	to->v[to->n++] = name;
	to->v[to->n] = NULL;
}

static void
add_plain(struct names *to, const char *name)
{
	if (strpbrk(name, "*?") == NULL)
		add(to, name);
}

static void
add_items(struct names *to, const struct pol_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		add_plain(to, l->item[i].name);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static size_t
settle(struct names *l, const char ***to)
{
	size_t n = 0;

	if (l->n == 0)
		return 0;
	qsort((void *)l->v, l->n, sizeof *l->v, by_text);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || strcmp(l->v[n - 1], l->v[i]) != 0)
			l->v[n++] = l->v[i];
	l->v[n] = NULL;
	*to = l->v;
	return n;
}

static void
add_rules(const struct pol_file *f, struct names *native, struct names *servers)
{
	for (size_t i = 0; i < f->nrules; i++) {
		const struct pol_rule *r = &f->rule[i];
		enum pol_agent own;

		if (pol_agent_from(str_of(r->server), &own))
			add_plain(native, r->tool);
		else
			add_plain(servers, r->server);
	}
}

void
pol_merge(struct policy *p)
{
	struct names native = { .n = 0 };
	struct names servers = { .n = 0 };
	struct names read_only = { .n = 0 };
	struct names writable = { .n = 0 };
	struct names subcommands = { .n = 0 };

	pol_values_default(&p->v);
	for (int s = 0; s < POL_SETTINGS; s++)
		merge_setting(p, (enum pol_setting)s);
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const struct pol_file *f = p->file[l];

		if (f == NULL)
			continue;
		add_items(&native, &f->native_allow);
		add_items(&native, &f->native_deny);
		add_items(&servers, &f->other_servers);
		add_rules(f, &native, &servers);
		add_items(&read_only, &f->read_only);
		if (l != POL_PROJECT) {
			add_items(&writable, &f->writable);
			add_items(&subcommands, &f->subcommands);
		}
	}
	p->nnative_names = settle(&native, &p->native_names);
	p->nservers = settle(&servers, &p->servers);
	p->nread_only = settle(&read_only, &p->read_only);
	p->nwritable = settle(&writable, &p->writable);
	p->nsubcommands = settle(&subcommands, &p->subcommands);
}
