#include "sandbox/tidy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/words.h"
#include "sandbox/guard.h"

enum { FD_SYNC = 3, FD_LOCK, FD_ROOT, FD_END };
enum { USUAL_DIR = 0755, USUAL_FILE = 0644 };

/* For the decision log, should it fail. */
static const char *const log_names[] = { "HOME", "PANDO_GATEWAY_LOG_FILE", "PANDO_RUN",
	"PANDO_AGENT", "PANDO_AGENT_VERSION", "PANDO_PROJECT_ROOT" };

int
tidy_start(const struct project *p, const struct state *s, int *sync, struct err *e)
{
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	CLEANUP(fd_closep) int ours = -1;
	CLEANUP(fd_closep) int theirs = -1;
	char *argv[] = { (char[]){ "pando-sandbox" }, (char[]){ "--tidy" }, NULL };
	struct child_spec spec = { .path = "/proc/self/exe",
		.argv = argv,
		.fd = { -1, -1, -1, -1, s->lock, p->fd },
		.nfds = FD_END,
		.new_session = true };
	pid_t pid;
	int ends[2];

	for (size_t i = 0; i < LEN(log_names); i++) {
		const char *value = getenv(log_names[i]);

		if (value != NULL)
			words_addf(&env, "%s=%s", log_names[i], value);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	theirs = ends[0];
	ours = ends[1];
	spec.fd[FD_SYNC] = theirs;
	spec.env = env.v;
	if (child_start(&spec, &pid, e) < 0)
		return -1;
	*sync = fd_take(&ours);
	return 0;
}

static int
wait_for_end(struct err *e)
{
	struct pollfd p = { .fd = FD_SYNC, .events = 0 }; /* the end alone, no data */

	for (;;) {
		if (poll(&p, 1, -1) >= 0)
			return 0;
		if (errno != EINTR)
			return err_sys(e, "wait for the sandbox to end");
	}
}

/*
 * Whoever removed the state folder meanwhile removed the lock with it, and a newer sandbox has
 * made and locked another one. 1 when there is such a sandbox.
 */
static int
is_succeeded(int *named, struct err *e)
{
	*named = path_open_beneath(
		FD_ROOT, STATE_NAME "/lock", O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, e);
	if (*named < 0)
		return errno == ENOENT ? 0 : -1;
	if (flock(*named, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : err_sys(e, "lock " STATE_NAME "/lock");
}

static int
tidy_unless_succeeded(struct err *e)
{
	CLEANUP(fd_closep) int turn = state_turn(FD_ROOT, LOCK_EX);
	CLEANUP(fd_closep) int named = -1;
	int succeeded;

	/* ours goes first: the named one may be the same file */
	if (flock(FD_LOCK, LOCK_UN) < 0)
		return err_sys(e, "unlock " STATE_NAME "/lock");
	succeeded = is_succeeded(&named, e);
	if (succeeded != 0)
		return succeeded < 0 ? -1 : 0; /* that sandbox tidies up */
	return tidy_root(FD_ROOT, e);
}

int
tidy_run(struct err *e)
{
	return wait_for_end(e) < 0 ? -1 : tidy_unless_succeeded(e);
}

/* What the person has put something into is theirs now, and gets the usual mode. */
static int
keep(int fd, mode_t mode, const char *name, struct err *e)
{
	return fchmod(fd, mode) < 0 ? err_sys(e, "set the mode of %s", name) : 0;
}

static int
remove_one(int root, const struct guard_rule *r, struct err *e)
{
	const char *name = r->name;
	CLEANUP(fd_closep)
	int fd = path_open_beneath(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, e);
	CLEANUP(fd_closep) int parent = -1;
	CLEANUP(mem_freep) char *dir = path_dir(name);
	const int flags = r->absent == GUARD_DIR ? AT_REMOVEDIR : 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !guard_is_placeholder(r, &st))
		return 0; /* whatever it is, it is not ours */
	if (r->absent == GUARD_FILE && st.st_size != (off_t)strlen(r->content))
		return keep(fd, USUAL_FILE, name, e);
	parent = path_open_beneath(root, dir, O_PATH | O_DIRECTORY, 0, e);
	if (parent < 0)
		return -1;
	if (unlinkat(parent, path_base(name), flags) == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY ? keep(fd, USUAL_DIR, name, e)
				  : err_sys(e, "remove the placeholder %s", name);
}

int
tidy_root(int root, struct err *e)
{
	const struct guard_rule *rules;

	for (size_t n = guard_rules(&rules); n > 0; n--)
		if (rules[n - 1].absent != GUARD_LEAVE &&
			remove_one(root, &rules[n - 1], e) < 0)
			return -1;
	return 0;
}
