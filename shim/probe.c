#include "shim/probe.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/capture.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/words.h"

static int
run_at(const char *home, const char *file, const char *const *words, struct buf *out,
	struct err *e)
{
	const char *path = getenv("PATH");
	CLEANUP(words_fini) struct words argv = WORDS_INIT;
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	struct child_spec s = { .path = file,
		.fd = { -1, -1, -1 },
		.nfds = 3,
		.dir = home,
		.die_with_parent = true };
	int status;

	words_add(&argv, file);
	for (; *words != NULL; words++)
		words_add(&argv, *words);
	words_addf(&env, "HOME=%s", home);
	words_addf(&env, "CODEX_HOME=%s", home);
	words_addf(&env, "CLAUDE_CONFIG_DIR=%s", home);
	words_addf(&env, "PATH=%s", path == NULL ? "/usr/bin:/bin" : path);
	words_add(&env, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1");
	words_add(&env, "DISABLE_AUTOUPDATER=1");
	words_add(&env, "TERM=dumb");
	words_add(&env, "NO_COLOR=1");
	words_add(&env, "LANG=C.UTF-8");
	words_add(&env, PROBE_MARK "=1");
	s.argv = argv.v;
	s.env = env.v;
	status = capture(&s, PROBE_MS, out, e);
	if (status <= 0)
		return status;
	if (status == PROBE_AGAIN)
		return err_set(e, ERR_NOAGENT,
			"%s is no agent, it starts pando-ai's own again: take its folder from "
			"PATH, or let it start the real one by its full path",
			file);
	return err_set(e, ERR_REFUSED,
		"%s %s ends with status %d: this version of it is not supported", file,
		argv.v[1], status);
}

int
probe_run(const char *folder, const char *file, const char *const *words, struct buf *out,
	struct err *e)
{
	CLEANUP(mem_freep) char *home = mem_printf("%s/" PROBE_FOLDER "XXXXXX", folder);
	CLEANUP(fd_closep) int dir = path_open_dir(folder, e);
	struct err none = ERR_INIT; /* what stays is swept: see agent.c */
	int got;

	if (dir < 0)
		return -1;
	if (mkdtemp(home) == NULL)
		return err_sys(e, "make directory %s", home);
	got = run_at(home, file, words, out, e);
	(void)path_remove_tree(dir, path_base(home), &none);
	return got;
}
