#include "install/learn.h"

#include <stdlib.h>

#include "base/json/json.h"
#include "base/mem.h"
#include "install/policy_advice.h"
#include "install/policy_cli.h"

enum { ROUNDS_MAX = 3, NOTES_MAX = 1000 };

void
learn_fini(struct learn *l)
{
	for (size_t i = 0; i < l->ntools; i++)
		learn_shell_fini(&l->tool[i].shell);
	free(l->tool);
	free((void *)l->call);
	words_fini(&l->denied);
	words_fini(&l->beyond);
	buf_fini(&l->toml);
}

/* --- which calls ----------------------------------------------------------------------- */

/* A rule has no other way to name them; "claude" and "codex" as servers are native tools. */
static bool
can_be_named(const struct past_call *c)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-.";
	enum pol_agent a;

	return c->tool[0] != '\0' && c->tool[strspn(c->tool, good)] == '\0' &&
	       c->server[strspn(c->server, good)] == '\0' &&
	       !pol_agent_from(str_of(c->server), &a);
}

/* Denied only because nothing speaks for it. */
static bool
is_by_default(const struct past_call *c)
{
	return strcmp(c->rule, "native_tools.default") == 0 ||
	       strcmp(c->rule, "other_mcp.mode") == 0;
}

/* NULL: it is proposed. */
static const char *
why_not(const struct past_call *c)
{
	if (c->verdict >= POL_ASK && !is_by_default(c))
		return "a rule says so; keep it, this proposal does not repeat your rules";
	if (c->joined != NULL)
		return "the log cannot tell server and tool apart; name both in a rule";
	if (!can_be_named(c) && !pol_is_pando(str_of(c->server)))
		return "a rule cannot name this tool";
	return NULL;
}

static int
compare(const void *x, const void *y)
{
	const struct past_call *a = *(const struct past_call *const *)x;
	const struct past_call *b = *(const struct past_call *const *)y;
	int c = (int)a->agent - (int)b->agent;

	if (c == 0)
		c = strcmp(a->server, b->server);
	if (c == 0)
		c = strcmp(a->tool, b->tool);
	if (c == 0)
		c = strcmp(a->rule, b->rule);
	if (c == 0)
		c = strcmp(a->at, b->at);
	return c != 0 ? c
		      : strcmp(a->args == NULL ? "" : a->args,
				b->args == NULL ? "" : b->args);
}

static bool
is_same_tool(const struct past_call *a, const struct past_call *b)
{
	return a->agent == b->agent && strcmp(a->server, b->server) == 0 &&
	       strcmp(a->tool, b->tool) == 0;
}

static void
note(struct words *to, const struct past_call *c, size_t calls, const char *rule,
	const char *at, const char *why)
{
	const struct pol_use u = history_use(NULL, c);
	CLEANUP(mem_freep) char *name = cli_call_name(&u);

	if (to->n == NOTES_MAX)
		words_add(to, "... and more");
	if (to->n >= NOTES_MAX)
		return;
	words_addf(to, "%s, calls: %zu, %s by %s (%s): %s", name, calls,
		pol_verdict_name(c->verdict), rule, at, why);
}

/* Calls that are not proposed, one line for each tool and rule. */
static void
note_denied(struct learn *l, const struct past_call **call, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = 1;

		while (i + k < n && is_same_tool(call[i], call[i + k]) &&
			strcmp(call[i]->rule, call[i + k]->rule) == 0 &&
			strcmp(call[i]->at, call[i + k]->at) == 0)
			k++;
		note(&l->denied, call[i], k, call[i]->rule, call[i]->at,
			why_not(call[i]));
		i += k;
	}
}

static void
choose(struct learn *l, const struct history *h)
{
	CLEANUP(mem_freep)
	const struct past_call **not = mem_alloc((h->n + 1) * sizeof(struct past_call *));
	size_t nnot = 0;

	l->call = mem_alloc((h->n + 1) * sizeof(struct past_call *));
	for (size_t i = 0; i < h->n; i++) {
		const struct past_call *c = &h->call[i];

		if (why_not(c) != NULL)
			not [nnot++] = c;
		else if (pol_is_pando(str_of(c->server)))
			l->own++;
		else
			l->call[l->ncalls++] = c;
	}
	qsort((void *)not, nnot, sizeof(struct past_call *), compare);
	qsort((void *)l->call, l->ncalls, sizeof(struct past_call *), compare);
	note_denied(l, not, nnot);
}

/* --- tools ----------------------------------------------------------------------------- */

/* Yours; NULL: not known, or it cannot stand in a rule. */
static char *
shell_text(const struct past_call *c)
{
	struct err none = ERR_INIT; /* then the line is not known */
	CLEANUP(json_freep)
	json_t *j = c->args == NULL ? NULL : json_parse(str_of(c->args), &none);
	const char *text = learn_shell_key(c) == NULL
				   ? NULL
				   : json_text_of(j, learn_shell_key(c));

	return text == NULL || text[0] == '\0' ? NULL : mem_strdup(text);
}

static void
add_call(struct learn *l, struct learn_tool *t, const struct past_call *c)
{
	CLEANUP(mem_freep) char *text = shell_text(c);

	t->calls++;
	if (learn_shell_key(c) == NULL)
		return;
	if (text == NULL)
		t->unkept++;
	else
		learn_shell_add(&t->shell, text, l->exact);
}

static void
group_tools(struct learn *l)
{
	l->tool = mem_alloc((l->ncalls + 1) * sizeof *l->tool);
	for (size_t i = 0; i < l->ncalls; i++) {
		if (i == 0 || !is_same_tool(l->call[i - 1], l->call[i]))
			l->tool[l->ntools++] = (struct learn_tool){ .first = l->call[i] };
		add_call(l, &l->tool[l->ntools - 1], l->call[i]);
	}
	for (size_t i = 0; i < l->ntools; i++)
		learn_shell_group(&l->tool[i].shell);
}

/* --- does it hold? --------------------------------------------------------------------- */

/* The proposal between the managed and the project's file. */
static struct policy *
compile(struct learn *l, struct err *e)
{
	struct pol_text text[POL_LAYERS];
	struct pol_text with[POL_LAYERS];
	const size_t have = pol_texts(l->live, text);
	bool is_in = false;
	size_t n = 0;

	for (size_t i = 0; i <= have; i++) {
		if (!is_in && (i == have || text[i].layer >= POL_USER)) {
			with[n++] = (struct pol_text){ .layer = POL_USER,
				.path = "proposal",
				.text = { buf_text(&l->toml), l->toml.n } };
			is_in = true;
		}
		if (i < have && text[i].layer != POL_USER)
			with[n++] = text[i];
	}
	return pol_of_texts(with, n, pol_root(l->live), e);
}

/* The line of a call that is not allowed although a prefix covers it becomes exact. */
static bool
make_exact(struct learn *l, const struct past_call *c)
{
	CLEANUP(mem_freep) char *text = shell_text(c);

	for (size_t i = 0; i < l->ntools && text != NULL; i++) {
		struct learn_shell *s = &l->tool[i].shell;

		if (!is_same_tool(l->tool[i].first, c))
			continue;
		for (size_t k = 0; k < s->nlines; k++)
			if (!s->line[k].exact && strcmp(s->line[k].text, text) == 0)
				return s->line[k].exact = true;
	}
	return false;
}

static struct pol_decision
decide(const struct policy *p, const struct past_call *c)
{
	const struct pol_use u = history_use(p, c);

	return pol_decide(p, &u);
}

/* True when lines became exact, so that it has to be written again. */
static bool
mend(struct learn *l, const struct policy *p)
{
	bool changed = false;

	for (size_t i = 0; i < l->ncalls; i++)
		if (decide(p, l->call[i]).verdict >= POL_ASK)
			changed = make_exact(l, l->call[i]) || changed;
	for (size_t i = 0; i < l->ntools && changed; i++)
		learn_shell_group(&l->tool[i].shell);
	return changed;
}

/*
 * Rules without effect would get one when somebody else's file is changed. True when there are
 * some, so that it has to be written again.
 */
static bool
drop_vain(struct learn *l, const struct policy *p)
{
	bool changed = false;
	size_t i = 0;

	/* the calls are in the order of the tools */
	for (size_t k = 0; k < l->ntools; k++) {
		struct learn_tool *t = &l->tool[k];
		bool any = false;

		for (; i < l->ncalls && is_same_tool(t->first, l->call[i]); i++)
			any = any || decide(p, l->call[i]).verdict < POL_ASK;
		changed = changed || (!any && !t->is_vain);
		t->is_vain = t->is_vain || !any;
	}
	return changed;
}

static const char *
why_beyond(const struct policy *p, const struct pol_decision *d)
{
	if (d->layer == POL_MANAGED || (d->layer == POL_BUILT_IN && advice_is_locked(p)))
		return "only the machine's administrator can change that";
	return d->layer == POL_PROJECT ? "the project's own file says so"
				       : "no rule here allows it";
}

static void
note_beyond(struct learn *l, const struct policy *p)
{
	for (size_t i = 0; i < l->ncalls;) {
		const struct pol_decision d = decide(p, l->call[i]);
		CLEANUP(mem_freep) char *at = cli_at(&d);
		size_t k = 1;

		while (i + k < l->ncalls && is_same_tool(l->call[i], l->call[i + k])) {
			const struct pol_decision other = decide(p, l->call[i + k]);

			if (other.verdict != d.verdict || strcmp(other.rule, d.rule) != 0)
				break;
			k++;
		}
		if (d.verdict >= POL_ASK)
			note(&l->beyond, l->call[i], k, d.rule, at, why_beyond(p, &d));
		i += k;
	}
}

/* What is told is what loads. */
static struct policy *
write_down(struct learn *l, struct err *e)
{
	struct policy *p;

	learn_put_toml(l);
	if (l->toml.over) {
		(void)err_set(e, ERR_DATA,
			"the proposal would be too long for a policy: choose fewer calls with "
			"--run or --since");
		return NULL;
	}
	p = compile(l, e);
	if (p == NULL)
		(void)err_wrap(e, "the proposal would not load");
	return p;
}

int
learn_propose(struct learn *l, const struct history *h, struct err *e)
{
	CLEANUP(pol_freep) struct policy *p = NULL;
	bool is_good = false;

	l->toml = (struct buf)BUF_INIT(LEARN_TEXT_MAX);
	choose(l, h);
	group_tools(l);
	for (int round = 0; !is_good; round++) {
		pol_free(p);
		p = write_down(l, e);
		if (p == NULL)
			return -1;
		is_good = round == ROUNDS_MAX || !mend(l, p);
	}
	note_beyond(l, p);
	if (drop_vain(l, p)) {
		pol_free(p);
		p = write_down(l, e);
	}
	return p == NULL ? -1 : 0;
}
