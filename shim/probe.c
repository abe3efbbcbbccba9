#include "shim/probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/words.h"

enum { READ_STEP = 65536, US_PER_MS = 1000 };

/* Until its end, but not for ever. */
static int
read_until(int fd, struct buf *out, const char *file, struct err *e)
{
	const int64_t until = clock_mono_us() + (int64_t)PROBE_MS * US_PER_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		const int64_t left = (until - clock_mono_us()) / US_PER_MS;
		char *to = buf_room(out, READ_STEP);
		ssize_t k;

		if (to == NULL)
			return err_set(e, ERR_DATA, "%s prints too much", file);
		if (left <= 0)
			return err_set(e, ERR_SYS, "%s does not answer within %d s", file,
				PROBE_MS / 1000);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		k = read(fd, to, READ_STEP);
		if (k == 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return err_sys(e, "read from %s", file);
		out->n += k > 0 ? (size_t)k : 0;
	}
}

static int
run(const struct child_spec *spec, struct buf *out, int *status, struct err *e)
{
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	struct child_spec s = *spec;
	pid_t pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	from = p[0];
	to = p[1];
	s.fd[1] = to;
	if (child_start(&s, &pid, e) < 0)
		return -1;
	fd_closep(&to);
	if (read_until(from, out, spec->path, e) < 0) {
		struct err none = ERR_INIT; /* what came first is the one to tell */

		(void)kill(pid, SIGKILL);
		(void)child_wait(pid, &none);
		return -1;
	}
	*status = child_wait(pid, e);
	return *status < 0 ? -1 : 0;
}

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
	int status = -1;

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
	if (run(&s, out, &status, e) < 0)
		return -1;
	if (status == 0)
		return 0;
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
