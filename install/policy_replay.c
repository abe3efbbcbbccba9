/*
 * pando-ai policy replay: which calls of the decision log a changed policy would decide
 * otherwise.
 *
 * Each call is decided by the live layers of its own project, with the new file in the place
 * of one of them. What the log does not know (arguments, who called) gives two answers, the
 * mildest and the strictest; where they differ the outcome is not certain, and that is said.
 */

#include "install/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "install/history.h"
#include "install/options.h"
#include "install/policy_cli.h"
#include "install/since.h"
#include "install/term.h"
#include "policy/layers.h"

enum { ROOTS_MAX = 1024, HASHES_SHOWN_MAX = 1000, EXIT_CHANGES = 1 };

static const char command[] = "policy replay";

struct asked {
	bool json;
	const char *as, *root, *log, *file;
	enum pol_layer layer;
	struct history_filter filter;
};

/* The policy of one project with the new file in it; p NULL: it cannot be loaded. */
struct project {
	const char *root; /* borrowed from a call */
	struct policy *p;
	char *why;
	size_t calls;
};

/* What becomes of one call. */
struct outcome {
	const struct past_call *call;
	struct pol_decision mild, strict; /* the same: it is certain */
};

struct replay {
	struct asked a;
	char *here; /* the project of the working directory, NULL: none */
	struct policy *p;
	struct history h;
	struct project *project;
	size_t nprojects;
	struct outcome *changed, *unsure;
	size_t nchanged, nunsure, same, left_out;
};

static void
replay_fini(struct replay *r)
{
	free(r->here);
	pol_free(r->p);
	history_fini(&r->h);
	for (size_t i = 0; i < r->nprojects; i++) {
		pol_free(r->project[i].p);
		free(r->project[i].why);
	}
	free(r->project);
	free(r->changed);
	free(r->unsure);
}

static int
read_words(int argc, char **argv, struct asked *a, struct err *e)
{
	const char *since = NULL;
	const struct option_is option[] = { { "--as", NULL, &a->as },
		{ "--root", NULL, &a->root }, { "--since", NULL, &since },
		{ "--log", NULL, &a->log }, { "--json", &a->json, NULL } };
	const struct options o = { command, option, LEN(option), 1, 1 };

	a->filter.since_ms = INT64_MIN;
	if (options_read(&o, argc, argv, e) < 0 ||
		cli_layer(a->as, command, &a->layer, e) < 0)
		return -1;
	a->file = argv[0];
	return since == NULL
		       ? 0
		       : since_parse(str_of(since), since_now(), &a->filter.since_ms, e);
}

/* --- deciding -------------------------------------------------------------------------- */

/* A project that is gone has no file of its own any more. */
static void
load_project(const struct replay *r, struct project *to)
{
	const bool is_there = to->root[0] == '/' && access(to->root, F_OK) == 0;
	struct err e = ERR_INIT;

	to->p = pol_load_with(is_there ? to->root : NULL, r->a.layer, r->a.file, &e);
	if (to->p == NULL)
		to->why = mem_strdup(e.text);
}

static struct project *
project_of(struct replay *r, const char *root)
{
	struct project *to;

	for (size_t i = 0; i < r->nprojects; i++)
		if (strcmp(r->project[i].root, root) == 0)
			return &r->project[i];
	if (r->nprojects == ROOTS_MAX)
		return NULL;
	if (r->project == NULL)
		r->project = mem_alloc(ROOTS_MAX * sizeof *r->project);
	to = &r->project[r->nprojects++];
	to->root = root;
	load_project(r, to);
	return to;
}

static void
decide(const struct policy *p, struct outcome *o)
{
	struct pol_use u = history_use(p, o->call);

	if (u.args.p != NULL)
		o->mild = pol_decide(p, &u);
	u.caller = o->call->caller; /* unknown: as strict as for any */
	o->strict = pol_decide(p, &u);
	if (u.args.p != NULL)
		return;
	u.asking = POL_OFFER;
	o->mild = pol_decide(p, &u);
}

static void
sort_out(struct replay *r, const struct outcome *o)
{
	const enum pol_verdict was = o->call->verdict;

	if (o->mild.verdict != o->strict.verdict)
		r->unsure[r->nunsure++] = *o;
	else if (o->strict.verdict != was)
		r->changed[r->nchanged++] = *o;
	else
		r->same++;
}

static void
decide_all(struct replay *r)
{
	r->changed = mem_alloc((r->h.n + 1) * sizeof *r->changed);
	r->unsure = mem_alloc((r->h.n + 1) * sizeof *r->unsure);
	for (size_t i = 0; i < r->h.n; i++) {
		struct outcome o = { .call = &r->h.call[i] };
		const bool elsewhere = r->a.layer == POL_PROJECT &&
				       strcmp(o.call->root, r->here) != 0;
		struct project *in = elsewhere ? NULL : project_of(r, o.call->root);

		if (in == NULL) {
			r->left_out++;
			continue;
		}
		in->calls++;
		if (in->p == NULL) {
			r->left_out++;
			continue;
		}
		decide(in->p, &o);
		sort_out(r, &o);
	}
}

/* --- groups of equal outcomes ------------------------------------------------------------ */

static int
compare_decision(const struct pol_decision *a, const struct pol_decision *b)
{
	int c = (int)a->verdict - (int)b->verdict;

	if (c == 0)
		c = strcmp(a->rule, b->rule);
	return c != 0 ? c : strcmp(a->file, b->file);
}

static int
compare(const void *x, const void *y)
{
	const struct outcome *a = x;
	const struct outcome *b = y;
	const struct past_call *ca = a->call;
	const struct past_call *cb = b->call;
	int c = (int)ca->agent - (int)cb->agent;

	if (c == 0)
		c = strcmp(ca->server, cb->server);
	if (c == 0)
		c = strcmp(ca->tool, cb->tool);
	if (c == 0)
		c = (int)ca->verdict - (int)cb->verdict;
	if (c == 0)
		c = strcmp(ca->rule, cb->rule);
	if (c == 0)
		c = compare_decision(&a->mild, &b->mild);
	return c != 0 ? c : compare_decision(&a->strict, &b->strict);
}

/* How many from o on are equal; n > 0. */
static size_t
group(const struct outcome *o, size_t n)
{
	size_t k = 1;

	while (k < n && compare(&o[0], &o[k]) == 0)
		k++;
	return k;
}

/* --- for people ------------------------------------------------------------------------ */

static void
add_row(struct term_table *t, const struct outcome *o, size_t n, bool certain)
{
	const struct pol_use u = history_use(NULL, o->call);
	CLEANUP(mem_freep) char *count = mem_printf("%zu", n);
	CLEANUP(mem_freep) char *name = cli_call_name(&u);
	CLEANUP(mem_freep)
	char *was = mem_printf(
		"%s (%s)", pol_verdict_name(o->call->verdict), o->call->rule);
	CLEANUP(mem_freep) char *at = cli_at(&o->strict);
	CLEANUP(mem_freep) char *by = mem_printf("%s, %s", o->strict.rule, at);
	CLEANUP(mem_freep)
	char *now = certain ? mem_strdup(pol_verdict_name(o->strict.verdict))
			    : mem_printf("%s or %s", pol_verdict_name(o->mild.verdict),
				      pol_verdict_name(o->strict.verdict));
	const char *row[] = { count, name, was, "->", now, by };

	term_row(t, row);
}

static void
print_groups(const struct outcome *o, size_t n, bool certain)
{
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(6, 4, "  ");

	for (size_t i = 0; i < n;) {
		const size_t k = group(&o[i], n - i);

		add_row(&t, &o[i], k, certain);
		i += k;
	}
	term_table_print(&t);
}

static void
print_left_out(const struct replay *r)
{
	if (r->left_out > 0)
		printf("\n%zu calls of other projects were left out.\n", r->left_out);
	for (size_t i = 0; i < r->nprojects; i++) {
		CLEANUP(mem_freep) char *why = term_text(str_of(r->project[i].why));

		if (r->project[i].why != NULL)
			printf("  %zu calls: %s\n", r->project[i].calls, why);
	}
	if (r->h.unread > 0)
		printf("\n%zu lines of the log could not be read.\n", r->h.unread);
}

static void
tell(const struct replay *r)
{
	printf("%zu calls: %zu would change, %zu would not, %zu are not certain.\n",
		r->h.n, r->nchanged, r->same, r->nunsure);
	if (r->nchanged > 0)
		puts("\nWould change:");
	print_groups(r->changed, r->nchanged, true);
	if (r->nunsure > 0)
		puts("\nDepend on arguments that were not kept ([log] arguments = true keeps "
		     "them), or on\nwhich subagent called:");
	print_groups(r->unsure, r->nunsure, false);
	print_left_out(r);
}

/* --- for programs ---------------------------------------------------------------------- */

static void
json_group(struct jout *j, const struct outcome *o, size_t n, bool certain)
{
	const struct past_call *c = o->call;

	jout_open(j, NULL, '{');
	jout_int(j, "calls", (int64_t)n);
	jout_text(j, "agent", pol_agent_name(c->agent));
	jout_text(j, "server", c->server);
	jout_text(j, "tool", c->tool);
	jout_open(j, "was", '{');
	jout_text(j, "verdict", pol_verdict_name(c->verdict));
	jout_text(j, "rule", c->rule);
	jout_text(j, "at", c->at);
	jout_close(j, '}');
	if (certain) {
		cli_json_decision(j, "now", &o->strict);
	} else {
		cli_json_decision(j, "mildest", &o->mild);
		cli_json_decision(j, "strictest", &o->strict);
	}
	jout_open(j, "args_sha256", '[');
	for (size_t i = 0; i < n && i < HASHES_SHOWN_MAX; i++)
		if (o[i].call->args_sha256[0] != '\0')
			jout_text(j, NULL, o[i].call->args_sha256);
	jout_close(j, ']');
	jout_close(j, '}');
}

static void
json_groups(struct jout *j, const char *key, const struct outcome *o, size_t n)
{
	jout_open(j, key, '[');
	for (size_t i = 0; i < n;) {
		const size_t k = group(&o[i], n - i);

		json_group(j, &o[i], k, strcmp(key, "changed") == 0);
		i += k;
	}
	jout_close(j, ']');
}

static int
tell_json(const struct replay *r, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	jout_text(&j, "file", r->a.file);
	jout_text(&j, "as", pol_layer_name(r->a.layer));
	jout_int(&j, "calls", (int64_t)r->h.n);
	jout_int(&j, "same", (int64_t)r->same);
	jout_int(&j, "left_out", (int64_t)r->left_out);
	jout_int(&j, "unread_lines", (int64_t)r->h.unread);
	json_groups(&j, "changed", r->changed, r->nchanged);
	json_groups(&j, "uncertain", r->unsure, r->nunsure);
	jout_open(&j, "projects", '[');
	for (size_t i = 0; i < r->nprojects; i++) {
		jout_open(&j, NULL, '{');
		jout_text(&j, "root", r->project[i].root);
		jout_int(&j, "calls", (int64_t)r->project[i].calls);
		jout_text(&j, "error", r->project[i].why);
		jout_close(&j, '}');
	}
	jout_close(&j, ']');
	jout_close(&j, '}');
	return jout_print(&j, e);
}

/* A mistake in the new file itself ends it here, with its place. */
static int
load(struct replay *r, struct err *e)
{
	if (cli_root(r->a.root, &r->here, e) < 0)
		return -1;
	if (r->a.layer == POL_PROJECT && r->here == NULL)
		return options_wrong(command, e,
			"a project's file needs a project: name one with --root");
	r->p = pol_load_with(r->here, r->a.layer, r->a.file, e);
	return r->p == NULL ? -1 : history_load(&r->h, r->a.log, &r->a.filter, e);
}

int
command_policy_replay(int argc, char **argv, struct err *e)
{
	CLEANUP(replay_fini) struct replay r = { .here = NULL };

	if (read_words(argc, argv, &r.a, e) < 0 || load(&r, e) < 0)
		return -1;
	decide_all(&r);
	qsort(r.changed, r.nchanged, sizeof *r.changed, compare);
	qsort(r.unsure, r.nunsure, sizeof *r.unsure, compare);
	if (r.a.json && tell_json(&r, e) < 0)
		return -1;
	if (!r.a.json)
		tell(&r);
	return r.nchanged + r.nunsure > 0 ? EXIT_CHANGES : 0;
}
