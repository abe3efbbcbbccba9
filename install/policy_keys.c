/* pando-ai policy keys: every key that a policy may have. */

#include "install/command.h"

#include <stdio.h>

#include "install/jout.h"
#include "install/options.h"
#include "install/term.h"
#include "policy/policy.h"

enum { COLUMNS_OF_TABLE = 170 };

static int
tell_json(const struct pol_key *k, size_t n, struct err *e)
{
	CLEANUP(jout_fini) struct jout j = JOUT_INIT;

	jout_open(&j, NULL, '[');
	for (size_t i = 0; i < n; i++) {
		jout_open(&j, NULL, '{');
		jout_text(&j, "name", k[i].name);
		jout_text(&j, "type", k[i].type);
		jout_text(&j, "default", k[i].value);
		jout_text(&j, "what", k[i].what);
		jout_close(&j, '}');
	}
	jout_close(&j, ']');
	return jout_print(&j, e);
}

/* Two lines each, where the table would be broken by the terminal. */
static void
tell_narrow(const struct pol_key *k, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%s%s  (%s)\n    %s\n", k[i].name,
			k[i].value == NULL ? "" : " = ",
			k[i].value == NULL ? "" : k[i].value, k[i].type, k[i].what);
}

int
command_policy_keys(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct option_is option[] = { { "--json", &json, NULL } };
	const struct options o = { "policy keys", option, LEN(option), 0, 0 };
	CLEANUP(term_table_fini) struct term_table t = TERM_TABLE(4, -1, "");
	size_t n;
	const struct pol_key *k = pol_keys(&n);

	if (options_read(&o, argc, argv, e) < 0)
		return -1;
	if (json)
		return tell_json(k, n, e);
	if (term_columns() > 0 && term_columns() < COLUMNS_OF_TABLE) {
		tell_narrow(k, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const char *row[] = { k[i].name, k[i].type,
			k[i].value == NULL ? "-" : k[i].value, k[i].what };

		term_row(&t, row);
	}
	term_table_print(&t);
	return 0;
}
