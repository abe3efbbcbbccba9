/* The command line, and which paths can be a project root at all. */

#include "tests/unit/test.h"

#include "base/mem.h"
#include "sandbox/options.h"
#include "sandbox/project.h"

enum { WORDS_MAX = 12 };

static void
command_lines_are_understood_or_refused(void)
{
	static const struct {
		const char *words[WORDS_MAX];
		int want; /* mode, or -1 */
	} rows[] = {
		{ { "--project-root", "/p", "--", "/bin/x", "--check" }, OPT_RUN },
		{ { "--project-root", "/p", "--keep-fd", "3", "--policy", "f", "--",
			  "/x" },
			OPT_RUN },
		{ { "--project-root", "/p", "--check" }, OPT_CHECK },
		{ { "--check", "--project-root", "/p" }, OPT_CHECK },
		{ { "--check", "--project-root", "/p", "--policy", "f" }, OPT_CHECK },
		{ { "--project-root", "/p", "--probe" }, OPT_PROBE },
		{ { "--inside", "--keep-fd", "3", "--", "x" }, OPT_INSIDE },
		{ { "--inside" }, OPT_INSIDE },
		{ { "--tidy" }, OPT_TIDY },
		{ { NULL }, -1 },
		{ { "--project-root" }, -1 },
		{ { "--project-root", "/p" }, -1 },
		{ { "--project-root", "/p", "--" }, -1 },
		{ { "--project-root", "/p", "--", "sh" }, -1 },
		{ { "--project-root", "/p", "/bin/x" }, -1 },
		{ { "--project-root", "/p", "--project-root", "/q", "--", "/x" }, -1 },
		{ { "--project-root", "/p", "--check", "--tidy" }, -1 },
		{ { "--project-root", "/p", "--check", "--keep-fd", "3" }, -1 },
		{ { "--project-root", "/p", "--check", "--", "/x" }, -1 },
		{ { "--project-root=/p", "--", "/x" }, -1 },
		{ { "--project-root", "/p", "--keep-fd", "2", "--", "/x" }, -1 },
		{ { "--project-root", "/p", "--keep-fd", "3x", "--", "/x" }, -1 },
		{ { "--project-root", "/p", "--keep-fd", "", "--", "/x" }, -1 },
		{ { "--project-root", "/p", "--keep-fd", "4294967299", "--", "/x" }, -1 },
		{ { "--tidy", "--project-root", "/p" }, -1 },
		{ { "--inside", "--policy", "f" }, -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		char *argv[WORDS_MAX + 2] = { (char[]){ "pando-sandbox" } };
		struct options o;
		struct err e = ERR_INIT;
		int have;

		for (size_t k = 0; k < WORDS_MAX && rows[i].words[k] != NULL; k++)
			argv[k + 1] = mem_strdup(rows[i].words[k]);
		have = opt_parse(&o, argv, &e) < 0 ? -1 : (int)o.mode;
		ok_int(have, rows[i].want,
			rows[i].words[0] == NULL ? "nothing" : rows[i].words[0]);
		ok_int(e.code, have < 0 ? ERR_USAGE : ERR_NONE, "status 64 or none");
		for (size_t k = 1; argv[k] != NULL; k++)
			mem_freep(&argv[k]);
	}
}

static void
what_follows_the_dashes_is_the_programs(void)
{
	char *argv[] = { (char[]){ "pando-sandbox" }, (char[]){ "--project-root" },
		(char[]){ "/p" }, (char[]){ "--keep-fd" }, (char[]){ "7" },
		(char[]){ "--" }, (char[]){ "/x" }, (char[]){ "--" }, NULL };
	struct options o;
	struct err e = ERR_INIT;

	ok_int(opt_parse(&o, argv, &e), 0, e.text);
	ok(o.program == argv + 6, "from the first word after them");
	ok_str(o.root, "/p", "root");
	ok_int(o.nkeep, 1, "one descriptor");
	ok_int(o.keep[0], 7, "number 7");
}

static void
paths_that_cannot_be_a_project(void)
{
	static const char *const homes[] = { "/home/u", "/srv/people/u", NULL };
	static const struct {
		const char *path, *want; /* part of the fault, NULL: none */
	} rows[] = {
		{ "/home/u/p", NULL },
		{ "/home/u2", NULL },
		{ "/home/u/.pandoo", NULL },
		{ "/tmp/p", NULL },
		{ "/var/tmp/p", NULL },
		{ "/usrlocal", NULL },
		{ "/p/..x/...", NULL },
		{ "/", "whole file system" },
		{ "", "canonical" },
		{ "p", "canonical" },
		{ "/p/", "canonical" },
		{ "//p", "canonical" },
		{ "/p//q", "canonical" },
		{ "/p/./q", "canonical" },
		{ "/p/..", "canonical" },
		{ "/home/u/../v", "canonical" },
		{ "/home/u", "home" },
		{ "/home", "holds" },
		{ "/srv/people/u", "home" },
		{ "/srv/people", "home" },
		{ "/root", "holds" },
		{ "/tmp", "holds" },
		{ "/home/u/.pando", "pando-ai itself" },
		{ "/home/u/.pando/run/x", "pando-ai itself" },
		{ "/home/u/.pando-data", "pando-ai itself" },
		{ "/usr/local/src/p", "system" },
		{ "/run/user/1000/p", "system" },
		{ "/dev/shm/p", "system" },
		{ "/proc/1/cwd", "system" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const char *have = project_path_fault(rows[i].path, homes);

		if (rows[i].want == NULL || have == NULL)
			ok_str(have, rows[i].want, rows[i].path);
		else
			ok(strstr(have, rows[i].want) != NULL, rows[i].path);
	}
}

int
main(void)
{
	command_lines_are_understood_or_refused();
	what_follows_the_dashes_is_the_programs();
	paths_that_cannot_be_a_project();
	return test_done();
}
