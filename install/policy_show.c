/* pando-ai policy show: the merged policy, each value with its origin. */

#include "install/command.h"

#include "base/mem.h"
#include "install/options.h"
#include "install/policy_cli.h"
#include "install/term.h"

static void
on_row(void *to, const struct pol_shown *s)
{
	struct term_table *t = to;
	CLEANUP(mem_freep)
	char *at = s->line > 0 ? mem_printf("%s:%d", s->file, s->line)
			       : mem_strdup(s->file);
	const char *row[] = { s->key, s->value, pol_layer_name(s->layer),
		s->layer == POL_BUILT_IN ? "" : at };

	term_row(t, row);
}

static void
on_json(void *to, const struct pol_shown *s)
{
	struct jout *j = to;

	jout_open(j, NULL, '{');
	jout_text(j, "key", s->key);
	jout_text(j, "value", s->value);
	jout_text(j, "layer", pol_layer_name(s->layer));
	jout_text(j, "file", s->file);
	jout_int(j, "line", s->line);
	jout_close(j, '}');
}

static int
tell_json(const struct policy *p, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '{');
	cli_json_layers(&j, p);
	jout_open(&j, "values", '[');
	pol_show(p, on_json, &j);
	jout_close(&j, ']');
	jout_close(&j, '}');
	return jout_print(&j, e);
}

int
command_policy_show(int argc, char **argv, struct err *e)
{
	bool json = false;
	const char *named = NULL;
	const struct option_is option[] = { { "--root", NULL, &named },
		{ "--json", &json, NULL } };
	const struct options o = { "policy show", option, LEN(option), 0, 0 };
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(4, -1, "");
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(pol_freep) struct policy *p = NULL;

	if (options_read(&o, argc, argv, e) < 0)
		return -1;
	p = cli_policy(named, &root, e);
	if (p == NULL)
		return -1;
	if (json)
		return tell_json(p, e);
	cli_print_layers(p);
	pol_show(p, on_row, &t);
	term_table_print(&t);
	return 0;
}
