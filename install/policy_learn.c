/* pando-ai policy learn: a least policy from what agents did, as TOML on standard output. */

#include "install/command.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "install/jout.h"
#include "install/learn.h"
#include "install/options.h"
#include "install/policy_cli.h"
#include "install/since.h"
#include "install/term.h"

static const char command[] = "policy learn";

struct asked {
	bool json, exact;
	const char *root, *log;
	struct history_filter filter;
};

static int
read_words(int argc, char **argv, struct asked *a, struct err *e)
{
	const char *since = NULL;
	const struct option_is option[] = { { "--run", NULL, &a->filter.run },
		{ "--since", NULL, &since }, { "--log", NULL, &a->log },
		{ "--exact", &a->exact, NULL }, { "--root", NULL, &a->root },
		{ "--json", &a->json, NULL } };
	const struct options o = { command, option, LEN(option), 0, 0 };

	a->filter.since_ms = INT64_MIN;
	if (options_read(&o, argc, argv, e) < 0)
		return -1;
	return since == NULL
		       ? 0
		       : since_parse(str_of(since), since_now(), &a->filter.since_ms, e);
}

/* Foreign names are in it: nothing of them may end the comment. */
static void
print_notes(const char *head, const struct words *notes)
{
	if (notes->n > 0)
		printf("#\n# %s\n", head);
	for (size_t i = 0; i < notes->n; i++) {
		CLEANUP(mem_freep) char *safe = term_text(str_of(notes->v[i]));

		printf("#   %s\n", safe);
	}
}

static void
tell(const struct learn *l)
{
	char now[CLOCK_STAMP_MAX];

	clock_stamp(now);
	printf("# Proposed at %s, to be read before it is used. Calls: %zu.\n"
	       "# To see what it would change: pando-ai policy replay THIS-FILE\n"
	       "# These are rules only: your other settings ([proxy], [log] ...) are not here.\n"
	       "# Calls of Pando's own tools, which need no rule: %zu.\n",
		now, l->ncalls, l->own);
	if (l->ncalls + l->own + l->denied.n == 0)
		puts("# There is no such call in the decision log: is --run or --since what was "
		     "meant?");
	print_notes("Not proposed:", &l->denied);
	print_notes("Denied even so:", &l->beyond);
	(void)fwrite(
		l->toml.p, 1, l->toml.n, stdout); /* main looks at the stream's state */
}

static void
json_notes(struct jout *j, const char *key, const struct words *notes)
{
	jout_open(j, key, '[');
	for (size_t i = 0; i < notes->n; i++)
		jout_text(j, NULL, notes->v[i]);
	jout_close(j, ']');
}

static int
tell_json(const struct learn *l, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	jout_int(&j, "calls", (int64_t)l->ncalls);
	jout_int(&j, "own_calls", (int64_t)l->own);
	jout_int(&j, "rules", (int64_t)l->rules);
	jout_str(&j, "toml", buf_str(&l->toml));
	json_notes(&j, "not_proposed", &l->denied);
	json_notes(&j, "beyond", &l->beyond);
	jout_close(&j, '}');
	return jout_print(&j, e);
}

int
command_policy_learn(int argc, char **argv, struct err *e)
{
	struct asked a = { .json = false };
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(pol_freep) struct policy *p = NULL;
	CLEANUP(history_fini) struct history h = { .call = NULL };
	CLEANUP(learn_fini) struct learn l = { .denied = WORDS_INIT };

	if (read_words(argc, argv, &a, e) < 0)
		return -1;
	p = cli_policy(a.root, &root, e);
	if (p == NULL || history_load(&h, a.log, &a.filter, e) < 0)
		return -1;
	l.live = p;
	l.exact = a.exact;
	if (learn_propose(&l, &h, e) < 0)
		return -1;
	if (a.json)
		return tell_json(&l, e);
	tell(&l);
	return 0;
}
