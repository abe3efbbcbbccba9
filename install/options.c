#include "install/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "install/command.h"

int
options_wrong(const char *command, struct err *e, const char *fmt, ...)
{
	char what[ERR_TEXT_MAX];
	size_t n;
	const struct command *c = command_list(&n);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap); /* what is too long is cut */
	va_end(ap);
	(void)err_set(e, ERR_USAGE, "%s: %s", command, what);
	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, command) == 0)
			(void)err_hint(e, "usage: pando-ai %s %s", c[i].name, c[i].words);
	return -1;
}

static const struct option_is *
find(const struct options *o, struct str name)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_is(name, o->option[i].name))
			return &o->option[i];
	return NULL;
}

/* One option at argv[*at]; *at is left at its last word. */
static int
take(const struct options *o, int argc, char **argv, int *at, struct err *e)
{
	struct str name = str_of(argv[*at]);
	const char *eq = strncmp(name.p, "--", 2) == 0 ? strchr(name.p, '=') : NULL;
	char shown[LOG_QUOTED_MAX];
	const struct option_is *is;

	if (eq != NULL)
		name.n = (size_t)(eq - name.p);
	is = find(o, name);
	if (is == NULL)
		return options_wrong(o->command, e, "there is no option '%s'",
			log_quoted(name, shown));
	if (is->flag != NULL) {
		*is->flag = true;
		return eq == NULL ? 0
				  : options_wrong(
					    o->command, e, "%s takes no value", is->name);
	}
	if (eq == NULL && *at + 1 >= argc)
		return options_wrong(o->command, e, "%s wants a value", is->name);
	*is->value = eq != NULL ? eq + 1 : argv[++*at];
	return 0;
}

int
options_read(const struct options *o, int argc, char **argv, struct err *e)
{
	bool ended = false;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		const bool is_option = !ended && argv[i][0] == '-' && argv[i][1] != '\0';

		if (is_option && strcmp(argv[i], "--") == 0)
			ended = true;
		else if (!is_option)
			argv[n++] = argv[i];
		else if (take(o, argc, argv, &i, e) < 0)
			return -1;
	}
	if (n < o->least)
		return options_wrong(o->command, e, "a word is missing");
	if (n > o->most) {
		char shown[LOG_QUOTED_MAX];

		return options_wrong(o->command, e, "'%s' is one word too many",
			log_quoted(str_of(argv[o->most]), shown));
	}
	return n;
}
