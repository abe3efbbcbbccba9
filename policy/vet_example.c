#include "policy/vet.h"

#include "policy/index.h"

/* Where a made-up project stands, so that examples may have whole paths. */
static char example_root[] = "/project";

/* One call that a rule could meet. */
struct stand_in {
	char server[POL_NAME_MAX + 1], tool[POL_NAME_MAX + 1], caller[POL_NAME_MAX + 1];
	struct pol_use use;
};

static bool
applies(const struct pol_rule *r, const struct pol_use *u)
{
	enum cmd_match got;

	/* Most rules are for other tools, and pol_rule_match() has room for a whole line. */
	if ((r->agents & 1u << u->agent) == 0 || !index_names(r, u))
		return false;
	got = pol_rule_match(r, u, example_root);
	return got == CMD_YES || (got == CMD_UNSURE && r->verdict > POL_AUDITED);
}

/* A name that the pattern matches. */
static struct str
any_name(const char *pattern, char out[POL_NAME_MAX + 1])
{
	size_t n = 0;

	for (; n < POL_NAME_MAX && pattern[n] != '\0'; n++)
		out[n] = strchr("*?", pattern[n]) != NULL ? 'x' : pattern[n];
	out[n] = '\0';
	return (struct str){ out, n };
}

/*
 * The number-th call for an example: one for each of Pando's tools, then one of another
 * server, or a native one. False: there are no more.
 */
static bool
stand_in(struct stand_in *s, const struct pol_rule *r, size_t number)
{
	size_t n;
	const struct pol_tool *tools = pol_pando_tools(&n);
	enum pol_agent own;

	if (number > n)
		return false;
	if (number < n) {
		s->use.server = str_of(tools[number].server);
		s->use.tool = str_of(tools[number].name);
		return true;
	}
	s->use.tool = any_name(r->tool, s->tool);
	s->use.server = pol_agent_from(str_of(r->server), &own)
				? (struct str){ NULL, 0 }
				: any_name(r->server, s->server);
	return true;
}

static void
begin(struct stand_in *s, const struct pol_rule *r, int agent,
	const struct pol_example *x)
{
	s->use = (struct pol_use){
		.agent = (enum pol_agent)agent,
		.asking = POL_CALL,
		.args = str_of(x->args),
		.caller = POL_CALLER_MAIN,
	};
	if (r->subagent == NULL)
		return;
	s->use.caller = POL_CALLER_SUBAGENT;
	s->use.subagent = any_name(r->subagent, s->caller);
}

static const struct pol_rule *
first_of(const struct pol_file *f, const struct pol_rule *r, const struct pol_use *u)
{
	const struct pol_rule *first = f->rule;

	while (first < r && !applies(first, u))
		first++;
	return first;
}

/*
 * Which rule decides first of the calls that the rule could meet and applies to: itself, if it
 * does for one of them. NULL: it applies to none.
 */
static const struct pol_rule *
who_decides(const struct policy *p, const struct pol_file *f, const struct pol_rule *r,
	const struct pol_example *x)
{
	const struct pol_rule *who = NULL;
	struct pol_decision d;
	struct stand_in s;

	for (int agent = 0; agent < POL_AGENTS; agent++) {
		begin(&s, r, agent, x);
		for (size_t i = 0; who != r && stand_in(&s, r, i); i++) {
			if (!applies(r, &s.use))
				continue;
			/* The quick way; a line's other commands may have other answers. */
			if (pol_decide_layer(p, f->layer, &s.use, &d) && d.rule == r->id)
				return r;
			who = first_of(f, r, &s.use);
		}
	}
	return who;
}

static int
vet_match(const struct policy *p, const struct pol_file *f, const struct pol_rule *r,
	const struct pol_example *x, struct err *e)
{
	const struct pol_rule *who = who_decides(p, f, r, x);

	if (who == NULL)
		return pol_wrong(f, x->line, x->column, e,
			"the rule \"%s\" does not match its example %s; mend the rule or "
			"the example",
			r->id, x->shown);
	if (who != r)
		return pol_wrong(f, x->line, x->column, e,
			"\"%s\" (line %d) decides the example %s, and not \"%s\"; change "
			"their order, or mend the example",
			who->id, who->line, x->shown, r->id);
	return 0;
}

static int
vet_not_match(const struct policy *p, const struct pol_file *f, const struct pol_rule *r,
	const struct pol_example *x, struct err *e)
{
	if (who_decides(p, f, r, x) == NULL)
		return 0;
	return pol_wrong(f, x->line, x->column, e,
		"the rule \"%s\" matches %s, which is under not_match; mend the rule or the "
		"example",
		r->id, x->shown);
}

int
pol_vet_examples(struct pol_file *f, struct err *e)
{
	struct policy p = { .root = example_root };

	p.file[f->layer] = f;
	for (size_t i = 0; i < f->nrules; i++) {
		const struct pol_rule *r = &f->rule[i];

		for (size_t k = 0; k < r->match.n; k++)
			if (vet_match(&p, f, r, &r->match.item[k], e) < 0)
				return -1;
		for (size_t k = 0; k < r->not_match.n; k++)
			if (vet_not_match(&p, f, r, &r->not_match.item[k], e) < 0)
				return -1;
	}
	return 0;
}
