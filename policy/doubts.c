/* What is in a policy without a mistake, and may not be meant. */

#include "policy/ruleset.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "policy/glob.h"
#include "policy/vet.h"

enum { DOUBT_MAX = 2048 };

struct doubter {
	void (*each)(void *to, const struct pol_doubt *d);
	void *to;
	const struct pol_file *f;
};

__attribute__((format(printf, 3, 4))) static void
doubt(const struct doubter *w, int line, const char *fmt, ...)
{
	char what[DOUBT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	w->each(w->to,
		&(struct pol_doubt){ .file = w->f->path, .line = line, .what = what });
}

static bool
is_stricter(const struct pol_rule *r)
{
	return r->verdict == POL_ASK || r->verdict == POL_DENY;
}

static bool
meets(const struct pol_rule *r, const struct pol_tool *t)
{
	return glob_match(str_of(r->server), str_of(t->server)) &&
	       glob_match(str_of(r->tool), str_of(t->name));
}

static bool
has_argument(const struct pol_tool *t, const char *key)
{
	for (size_t i = 0; t->args[i] != NULL; i++)
		if (strcmp(t->args[i], key) == 0)
			return true;
	return false;
}

/* A path that a call does not name may be any: of a tool without that argument, always. */
static void
look_at_tools(const struct doubter *w, const struct pol_rule *r)
{
	CLEANUP(buf_fini) struct buf which = BUF_INIT(DOUBT_MAX);
	size_t n;
	const struct pol_tool *tool = pol_pando_tools(&n);

	if (!is_stricter(r) || r->nargs != 1 || r->arg[0].kind != POL_UNDER)
		return;
	for (size_t i = 0; i < n; i++)
		if (meets(r, &tool[i]) && !has_argument(&tool[i], r->arg[0].key))
			buf_printf(&which, "%s%s", which.n > 0 ? ", " : "", tool[i].name);
	if (which.n > 0)
		doubt(w, r->line,
			"the rule \"%s\" holds for every call of %s: without an argument "
			"\"%s\" no path is certain; in tool, name those that have it",
			r->id, buf_text(&which), r->arg[0].key);
}

static void
look_at_command(const struct doubter *w, const struct pol_rule *r)
{
	for (size_t i = 0; is_stricter(r) && i < r->nargs; i++) {
		const struct pol_matcher *m = &r->arg[i];

		if (m->is_command && (m->kind == POL_GLOB || m->kind == POL_LITERAL))
			doubt(w, m->line,
				"the rule \"%s\" compares a command as it is spelt, and env, "
				"sudo or a program's path slip past it; { prefix = [...] } "
				"looks through them",
				r->id);
	}
}

static void
look_before(const struct doubter *w, const struct pol_rule *r, size_t *left)
{
	for (const struct pol_rule *first = w->f->rule; first < r; first++)
		if (first->verdict < r->verdict && pol_rule_covers(first, r, left)) {
			doubt(w, r->line,
				"the rule \"%s\" is met only by calls that are not certain: "
				"\"%s\" (line %d) stands before it and is milder; move it up",
				r->id, first->id, first->line);
			return;
		}
}

static void
look_at_prices(const struct doubter *w, size_t *left)
{
	for (size_t i = 1; i < w->f->nprices; i++)
		for (size_t k = 0; k < i; k++) {
			const struct pol_price_row *p = &w->f->price[i];
			const struct pol_price_row *first = &w->f->price[k];

			if (!glob_covers(str_of(first->model), str_of(p->model), left))
				continue;
			doubt(w, p->line,
				"the price of \"%s\" is never used: \"%s\" (line %d) stands "
				"before it; move it up",
				p->model, first->model, first->line);
			break;
		}
}

/* Then every request is refused, since nothing has a price. */
static void
look_at_budget(const struct policy *p, const struct doubter *w)
{
	size_t prices = 0;

	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		prices += p->file[l] == NULL ? 0 : p->file[l]->nprices;
	if (p->v.limits.microusd_per_run > 0 && prices == 0 &&
		p->file[p->from[POL_SET_USD_PER_RUN]] == w->f)
		doubt(w, w->f->at[POL_SET_USD_PER_RUN].line,
			"limits.usd_per_run is set and no model has a price, so every request "
			"is refused; add [[price]] tables");
}

void
pol_doubts(const struct policy *p, void (*each)(void *to, const struct pol_doubt *d),
	void *to)
{
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const struct doubter w = { each, to, p->file[l] };
		size_t left = COVER_STEPS;

		if (w.f != NULL) {
			look_at_budget(p, &w);
			look_at_prices(&w, &left);
		}
		for (size_t i = 0; w.f != NULL && i < w.f->nrules; i++) {
			look_at_tools(&w, &w.f->rule[i]);
			look_at_command(&w, &w.f->rule[i]);
			look_before(&w, &w.f->rule[i], &left);
		}
	}
}
