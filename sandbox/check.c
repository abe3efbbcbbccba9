#include "sandbox/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "base/words.h"
#include "sandbox/host.h"
#include "sandbox/project.h"
#include "sandbox/state.h"
#include "sandbox/tidy.h"

#define LOG_PREFIX "pando-sandbox: "

enum { SAID_MAX = 4096, PROBE_MS = 20 * 1000 };

/* Answers its exit status, and what it said on standard error. */
static int
probe(const char *root, const char *policy, struct buf *said, struct err *e)
{
	CLEANUP(words_fini) struct words argv = WORDS_INIT;
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	const char *sha256 = getenv("PANDO_POLICY_SHA256");
	CLEANUP(fd_closep) int out = memfd_create("probe", MFD_CLOEXEC);
	CLEANUP(mem_freep) char *home = place_home(e);
	struct child_spec spec = { .path = "/proc/self/exe",
		.fd = { -1, -1, out },
		.nfds = 3,
		.die_with_parent = true };
	int status;
	pid_t pid;

	if (home == NULL)
		return -1;
	if (out < 0)
		return err_sys(e, "make a memory file");
	words_addf(&env, "HOME=%s", home);
	if (sha256 != NULL)
		words_addf(&env, "PANDO_POLICY_SHA256=%s", sha256);
	words_add(&argv, "pando-sandbox");
	words_add(&argv, "--project-root");
	words_add(&argv, root);
	if (policy != NULL) {
		words_add(&argv, "--policy");
		words_add(&argv, policy);
	}
	words_add(&argv, "--probe");
	spec.argv = argv.v;
	spec.env = env.v;
	if (child_start(&spec, &pid, e) < 0)
		return -1;
	status = child_wait_ms(pid, PROBE_MS, e);
	if (status < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind what the probe said");
	return fd_read_all(out, said, e) < 0 ? -1 : status;
}

/* Not when another sandbox of this root runs: then it has use for all that is there. */
static int
leave_no_trace(const struct project *p, struct state *s, struct err *e)
{
	struct err busy = ERR_INIT;

	if (state_lock(s->lock, LOCK_EX, &busy) < 0)
		return 0;
	if (tidy_root(p->fd, e) < 0)
		return -1;
	return s->made ? path_remove_tree(p->fd, STATE_NAME, e) : 0;
}

static struct str
first_line(const struct buf *said)
{
	struct str line = buf_str(said);
	const char *end = line.n == 0 ? NULL : memchr(line.p, '\n', line.n);

	if (end != NULL)
		line.n = (size_t)(end - line.p);
	return line;
}

/* bwrap ends with 1 when it fails; what we say ourselves has the statuses of err.h. */
static int
explain(int status, const struct buf *said, struct err *e)
{
	const struct str own = STR(LOG_PREFIX);
	char quoted[LOG_QUOTED_MAX];
	struct str line = first_line(said);

	if (status == CHILD_RUNNING)
		return err_set(e, ERR_SANDBOX,
			"the sandbox does not start within %d seconds", PROBE_MS / 1000);
	for (int code = ERR_USAGE; str_starts(line, own) && code < ERR_CODES; code++) {
		const struct err known = { .code = (enum err_code)code };

		if (err_exit_status(&known) == status)
			return err_set(
				e, known.code, STR_FMT, STR_ARG(str_skip(line, own.n)));
	}
	return err_set(e, ERR_SANDBOX,
		"the sandbox cannot be made (status %d, \"%s\"): %s", status,
		log_quoted(line, quoted), host_remedy());
}

int
check_run(const char *root, const char *policy, struct err *e)
{
	CLEANUP(project_close) struct project p = { .fd = -1 };
	CLEANUP(state_close) struct state s = { -1, -1, -1, -1, -1, false };
	CLEANUP(buf_fini) struct buf said = BUF_INIT(SAID_MAX);
	int status;

	if (project_open(&p, root, e) < 0)
		return -1;
	if (state_open(&s, p.fd, e) < 0)
		return err_wrap(e, "project root %s", root);
	status = probe(root, policy, &said, e);
	if (leave_no_trace(&p, &s, e) < 0 || status < 0)
		return -1;
	return status == 0 ? 0 : explain(status, &said, e);
}
