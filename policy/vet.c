#include "policy/vet.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/argument.h"

/* --- lists --------------------------------------------------------------------------- */

static int
item_wrong(const struct pol_file *f, const struct pol_item *i, struct err *e,
	const char *why, const char *what, int line)
{
	return pol_wrong(f, i->line, i->column, e, "%s = \"%s\" %s (line %d); %s",
		i->rule, i->name, why, line, what);
}

static int
by_name(const void *a, const void *b)
{
	const struct pol_item *x = a;
	const struct pol_item *y = b;
	const int d = strcmp(x->name, y->name);

	if (d != 0)
		return d;
	return x->line != y->line ? x->line - y->line : x->column - y->column;
}

static int
vet_twice(const struct pol_file *f, const struct pol_list *l, struct err *e)
{
	CLEANUP(mem_freep) struct pol_item *sorted = mem_alloc(l->n * sizeof *sorted);

	if (l->n < 2)
		return 0;
	memcpy(sorted, l->item, l->n * sizeof *sorted);
	qsort(sorted, l->n, sizeof *sorted, by_name);
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
			return item_wrong(f, &sorted[i], e, "stands there twice",
				"write it once", sorted[i - 1].line);
	return 0;
}

static int
vet_native(const struct pol_file *f, const struct pol_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct pol_item *item = &l->item[i];

		if (strchr(item->name, '/') == NULL &&
			strncmp(item->name, "mcp__", 5) != 0)
			continue;
		return pol_wrong(f, item->line, item->column, e,
			"%s = \"%s\" is no tool of an agent's own; write its plain name "
			"here, and rules for other tools as [[rule]]",
			item->rule, item->name);
	}
	return vet_twice(f, l, e);
}

static int
vet_denied(const struct pol_file *f, struct err *e)
{
	size_t left = COVER_STEPS;

	for (size_t i = 0; i < f->native_allow.n; i++) {
		const struct pol_item *allow = &f->native_allow.item[i];

		for (size_t k = 0; k < f->native_deny.n; k++)
			if (pol_glob_covers(
				    f->native_deny.item[k].name, allow->name, &left))
				return item_wrong(f, allow, e,
					"has no effect: native_tools.deny covers it",
					"remove one of them",
					f->native_deny.item[k].line);
	}
	return 0;
}

static int
vet_tools(const struct pol_file *f, const struct pol_item *item, struct err *e)
{
	for (size_t i = 0; item->tools != NULL && item->tools[i] != NULL; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(item->tools[i], item->tools[k]) == 0)
				return pol_wrong(f, item->line, item->column, e,
					"%s has the tool \"%s\" twice; write it once",
					item->rule, item->tools[i]);
	return 0;
}

static int
vet_servers(const struct pol_file *f, struct err *e)
{
	const struct pol_list *l = &f->other_servers;

	for (size_t i = 0; i < l->n; i++) {
		const struct pol_item *item = &l->item[i];

		if (f->v.other_mode == POL_DENY_ALL)
			return pol_wrong(f, item->line, item->column, e,
				"%s has no effect while other_mcp.mode is \"deny_all\"; "
				"set mode to \"allow_list\" or \"deny_list\", or remove "
				"it",
				item->rule);
		if (pol_is_pando(str_of(item->name)))
			return pol_wrong(f, item->line, item->column, e,
				"%s = \"%s\" is a server of pando-ai, and this list is "
				"for others; write a [[rule]] with tool = \"%s/*\"",
				item->rule, item->name, item->name);
		if (vet_tools(f, item, e) < 0)
			return -1;
	}
	return vet_twice(f, l, e);
}

/* --- rules --------------------------------------------------------------------------- */

static int
vet_dead(const struct pol_file *f, struct err *e)
{
	size_t left = COVER_STEPS;

	for (size_t i = 1; i < f->nrules; i++) {
		const struct pol_rule *then = &f->rule[i];

		for (size_t k = 0; k < i; k++)
			if (pol_rule_hides(&f->rule[k], then, &left))
				return pol_wrong(f, then->line, then->column, e,
					"the rule \"%s\" has no effect: \"%s\" (line %d) "
					"decides all of its calls before it; move it up, "
					"or remove it",
					then->id, f->rule[k].id, f->rule[k].line);
	}
	return 0;
}

/* What the sandbox does not guard it cannot open. */
static int
vet_writable(const struct pol_file *f, struct err *e)
{
	size_t n;
	const char *const *names = pol_openable(&n);

	for (size_t i = 0; i < f->writable.n; i++) {
		const struct pol_item *item = &f->writable.item[i];
		const char *near;

		if (str_is_any(str_of(item->name), names, n))
			continue;
		near = pol_nearest(item->name, names, n);
		return pol_wrong(f, item->line, item->column, e,
			"sandbox.writable: \"%s\" is not a name that the sandbox guards and may "
			"open%s%s%s; policy.toml(5) lists them",
			item->name, near == NULL ? "" : " (did you mean \"",
			near == NULL ? "" : near, near == NULL ? "" : "\"?)");
	}
	return 0;
}

int
pol_vet_names(const struct pol_file *f, struct err *e)
{
	const char *names[ARG_NAMES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < f->nrules; i++)
		for (size_t a = 0; a < f->rule[i].nargs; a++) {
			const struct pol_matcher *m = &f->rule[i].arg[a];
			size_t k = 0;

			while (k < n && strcmp(names[k], m->key) != 0)
				k++;
			if (k == ARG_NAMES_MAX)
				return pol_wrong(f, m->line, m->column, e,
					"the rules name more than %d different arguments; "
					"use fewer",
					ARG_NAMES_MAX);
			if (k == n)
				names[n++] = m->key;
		}
	return 0;
}

int
pol_file_vet(struct pol_file *f, struct err *e)
{
	if (vet_native(f, &f->native_allow, e) < 0 ||
		vet_native(f, &f->native_deny, e) < 0 || vet_denied(f, e) < 0 ||
		vet_servers(f, e) < 0 || vet_twice(f, &f->read_only, e) < 0 ||
		vet_twice(f, &f->writable, e) < 0 || vet_writable(f, e) < 0 ||
		vet_twice(f, &f->subcommands, e) < 0)
		return -1;
	if (vet_dead(f, e) < 0)
		return -1;
	return pol_vet_examples(f, e);
}
