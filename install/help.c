/* pando-ai help: the commands, for a person or, with --complete, for a shell's completion. */

#include "install/help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/jscan.h"
#include "base/place.h"
#include "install/complete.h"
#include "install/options.h"

enum {
	USAGE_COLUMN = 42,
	TAIL_BYTES = 256 * 1024,
	TAIL_MAX = 2 * TAIL_BYTES,
	RUNS_MAX = 20,
	RUN_ID_MAX = 64
};

void
help_print_command(FILE *to, const struct command *c)
{
	const int n = fprintf(
		to, "  %s%s%s", c->name, c->words[0] == '\0' ? "" : " ", c->words);

	if (n >= USAGE_COLUMN)
		(void)fprintf(to, "\n%*s%s\n", USAGE_COLUMN, "", c->does);
	else
		(void)fprintf(to, "%*s%s\n", USAGE_COLUMN - n, "", c->does);
}

void
help_print(FILE *to)
{
	size_t n;
	const struct command *c = command_list(&n);

	(void)fputs("usage: pando-ai COMMAND\n\n", to);
	for (size_t i = 0; i < n; i++)
		help_print_command(to, &c[i]);
	(void)fputs("\nAfterwards type claude and codex as always.\n", to);
}

/* --- ids of the last runs ----------------------------------------------------------------- */

/* Ours are; what else stands in the log is not offered to a shell. */
static bool
is_run_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789-_",
			    s.p[i]) == NULL ||
			s.p[i] == '\0')
			return false;
	return s.n > 0 && s.n <= RUN_ID_MAX && s.p[0] != '-';
}

static void
offer_run(struct words *runs, struct str line)
{
	struct js_field f[] = { JS_FIELD("run"), JS_FIELD("agent") };
	struct err none = ERR_INIT; /* then the line names no run */
	struct str id, agent;
	struct js root;

	if (runs->n == RUNS_MAX || js_check(line, &root, &none) < 0 ||
		root.type != JS_OBJECT || js_fields(root, f, LEN(f), &none) < 0)
		return;
	id = js_inside(f[0].m.val);
	agent = js_inside(f[1].m.val);
	for (size_t i = 0; i < runs->n; i++)
		if (str_starts(str_of(runs->v[i]), id) && runs->v[i][id.n] == '\t')
			return;
	if (is_run_id(id))
		words_addf(runs, STR_FMT "\t" STR_FMT, STR_ARG(id),
			(int)(is_run_id(agent) ? agent.n : 0), agent.p);
}

/* From the last lines of the log, the latest run first; a completion must not take long. */
static void
read_runs(struct words *runs)
{
	CLEANUP(buf_fini) struct buf tail = BUF_INIT(TAIL_MAX);
	struct err none = ERR_INIT; /* then there is nothing to offer */
	CLEANUP(mem_freep) char *path = place_decision_log(&none);
	CLEANUP(fd_closep)
	int fd = path == NULL
			 ? -1
			 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	size_t end;

	if (size < 0 ||
		lseek(fd, size > TAIL_BYTES ? size - TAIL_BYTES : 0, SEEK_SET) < 0 ||
		fd_read_all(fd, &tail, &none) < 0)
		return;
	for (end = tail.n; end > 0;) {
		const char *nl = memrchr(tail.p, '\n', end - 1);
		const size_t at = nl == NULL ? 0 : (size_t)(nl - tail.p) + 1;

		offer_run(runs, (struct str){ tail.p + at, end - at });
		end = at;
	}
}

/* --- completion ----------------------------------------------------------------------- */

/* One a line; a name with a colon is for the shell to complete. */
static void
print_completion(int argc, char *const *argv)
{
	CLEANUP(completion_fini) struct completion c = { .word = WORDS_INIT };

	complete(&c, argc, argv);
	if (c.runs)
		read_runs(&c.word);
	for (size_t i = 0; i < c.word.n; i++)
		puts(c.word.v[i]);
	if (c.files)
		puts(":files");
	if (c.folders)
		puts(":folders");
}

int
command_help(int argc, char **argv, struct err *e)
{
	static const struct options none = { "help", NULL, 0, 0, 0 };

	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		print_completion(argc - 2, argv + 2);
		return 0;
	}
	if (options_read(&none, argc, argv, e) < 0)
		return -1;
	help_print(stdout);
	return 0;
}
