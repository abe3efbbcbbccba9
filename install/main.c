/* pando-ai: the command that a person types. See pando-ai(1). */

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "install/command.h"
#include "install/help.h"

#define PANDO_VERSION "0.1.0"

enum { USAGE_MAX = 4096 };

/* "policy" alone, or with a word behind it that it does not have. */
static int
no_command(char **argv, struct err *e)
{
	CLEANUP(buf_fini) struct buf have = BUF_INIT(USAGE_MAX);
	const struct str first = str_of(argv[0]);
	char shown[LOG_QUOTED_MAX];
	size_t n;
	const struct command *c = command_list(&n);

	for (size_t i = 0; i < n; i++) {
		const struct str name = str_of(c[i].name);

		if (first.n > 0 && str_starts(name, first) && name.p[first.n] == ' ')
			buf_printf(&have, "%s%s", have.n > 0 ? ", " : "",
				name.p + first.n + 1);
	}
	if (have.n > 0)
		return err_set(
			e, ERR_USAGE, "say what of %s: %s", argv[0], buf_text(&have));
	return err_set(e, ERR_USAGE,
		"there is no command '%s': 'pando-ai help' lists them",
		log_quoted(first, shown));
}

static int
run(int argc, char **argv, struct err *e)
{
	int used;
	const struct command *c = command_find(argc, argv, &used);

	if (c != NULL && used < argc && strcmp(argv[used], "--help") == 0) {
		help_print_command(stdout, c);
		return 0;
	}
	if (c != NULL)
		return c->run(argc - used + 1, argv + used - 1, e);
	if (strcmp(argv[0], "--help") == 0) {
		help_print(stdout);
		return 0;
	}
	if (strcmp(argv[0], "--version") == 0) {
		puts("pando-ai " PANDO_VERSION);
		return 0;
	}
	return no_command(argv, e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int status;

	log_name("pando-ai");
	if (argc < 2) {
		help_print(stderr);
		return err_exit_status(&(struct err){ .code = ERR_USAGE });
	}
	status = run(argc - 1, argv + 1, &e);
	if (status >= 0 && (fflush(stdout) != 0 || ferror(stdout) != 0))
		status = err_sys(&e, "%s: write to standard output", argv[1]);
	return status < 0 ? log_fail(&e) : status;
}
