/* pando-ai: the command that a person types. See pando-ai(1). */

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "install/command.h"

#define PANDO_VERSION "0.1.0"

enum { USAGE_COLUMN = 42, USAGE_MAX = 4096 };

static void
print_command(FILE *to, const struct command *c)
{
	const int n = fprintf(
		to, "  %s%s%s", c->name, c->words[0] == '\0' ? "" : " ", c->words);

	if (n >= USAGE_COLUMN)
		(void)fprintf(to, "\n%*s%s\n", USAGE_COLUMN, "", c->does);
	else
		(void)fprintf(to, "%*s%s\n", USAGE_COLUMN - n, "", c->does);
}

static void
print_usage(FILE *to)
{
	size_t n;
	const struct command *c = command_list(&n);

	(void)fputs("usage: pando-ai COMMAND\n\n", to);
	for (size_t i = 0; i < n; i++)
		print_command(to, &c[i]);
	(void)fputs("\n  help                                    print this\n"
		    "  --version                               print the version\n"
		    "\nAfterwards type claude and codex as always.\n",
		to);
}

/* How many of the words are the command's name; 0: it is another. */
static int
match(const struct command *c, int argc, char **argv)
{
	struct str rest = str_of(c->name);

	for (int i = 0; i < argc; i++) {
		const struct str word = str_of(argv[i]);

		if (!str_starts(rest, word) || word.n == 0)
			return 0;
		rest = str_skip(rest, word.n);
		if (rest.n == 0)
			return i + 1;
		if (rest.p[0] != ' ')
			return 0;
		rest = str_skip(rest, 1);
	}
	return 0;
}

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
	size_t n;
	const struct command *c = command_list(&n);

	for (size_t i = 0; i < n; i++) {
		const int k = match(&c[i], argc, argv);

		if (k > 0 && k < argc && strcmp(argv[argc - 1], "--help") == 0) {
			print_command(stdout, &c[i]);
			return 0;
		}
		if (k > 0)
			return c[i].run(argc - k + 1, argv + k - 1, e);
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		print_usage(stdout);
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
		print_usage(stderr);
		return err_exit_status(&(struct err){ .code = ERR_USAGE });
	}
	status = run(argc - 1, argv + 1, &e);
	if (status >= 0 && (fflush(stdout) != 0 || ferror(stdout) != 0))
		status = err_sys(&e, "%s: write to standard output", argv[1]);
	return status < 0 ? log_fail(&e) : status;
}
