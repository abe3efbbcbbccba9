#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"

enum { EXIT_BY_SIGNAL = 128, SIGNALS_END = 65 };

/* Only async-signal-safe calls from here to exec. */

void
child_default_signals(void)
{
	sigset_t none;

	for (int i = 1; i < SIGNALS_END; i++)
		(void)signal(i, SIG_DFL); /* KILL and STOP refuse, as they should */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Above the targets first, so that no source is overwritten before its turn. */
static int
place_fds(const struct child_spec *s, int *report)
{
	int high[CHILD_FDS_MAX];

	*report = fcntl(*report, F_DUPFD_CLOEXEC, CHILD_FDS_MAX + CHILD_FDS_MAX);
	if (*report < 0)
		return -1;
	for (size_t i = 0; i < s->nfds; i++) {
		int from = s->fd[i];

		if (from < 0)
			from = open("/dev/null", O_RDWR | O_CLOEXEC);
		high[i] = fcntl(from, F_DUPFD_CLOEXEC, CHILD_FDS_MAX);
		if (high[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < s->nfds; i++)
		if (dup2(high[i], (int)i) < 0)
			return -1;
	return (int)syscall(
		SYS_close_range, (unsigned int)s->nfds, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int
put_on(const int *ruleset)
{
	return ruleset == NULL ? 0
			       : (int)syscall(SYS_landlock_restrict_self, *ruleset, 0U);
}

/* By a child of the child, whose parent ends. */
static bool
is_left(void)
{
	const pid_t pid = _Fork();

	if (pid > 0)
		_exit(0);
	return pid == 0 && setsid() >= 0;
}

static void
become(const struct child_spec *s, pid_t parent, int report)
{
	int no;

	child_default_signals();
	if (s->new_session)
		(void)setsid();
	if (s->die_with_parent &&
		(prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(EXIT_BY_SIGNAL + SIGKILL);
	if ((!s->detached || is_left()) && (s->dir == NULL || chdir(s->dir) == 0) &&
		put_on(s->ruleset) == 0 && place_fds(s, &report) == 0)
		(void)execve(s->path, s->argv, s->env);
	no = errno;
	if (write(report, &no, sizeof no) < 0)
		_exit(EXIT_BY_SIGNAL); /* the parent then sees an end without errno */
	_exit(EXIT_BY_SIGNAL - 1);
}

static int
exec_result(int from, pid_t pid, const char *path, struct err *e)
{
	int no = 0;
	ssize_t k;

	do
		k = read(from, &no, sizeof no);
	while (k < 0 && errno == EINTR);
	if (k == 0)
		return 0;
	(void)waitpid(pid, NULL, 0); /* it has said why and is gone */
	errno = no;
	return err_sys(e, "start %s", path);
}

int
child_start(const struct child_spec *s, pid_t *pid, struct err *e)
{
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	const pid_t parent = getpid();
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	from = p[0];
	to = p[1];
	*pid = fork();
	if (*pid < 0)
		return err_sys(e, "fork");
	if (*pid == 0)
		become(s, parent, to);
	fd_closep(&to);
	return exec_result(from, *pid, s->path, e);
}

int
child_wait(pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for process %d", (int)pid);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : EXIT_BY_SIGNAL + WTERMSIG(status);
}

int
child_wait_ms(pid_t pid, int ms, struct err *e)
{
	CLEANUP(fd_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	if (fd < 0)
		return err_sys(e, "watch process %d", (int)pid);
	n = poll(&p, 1, ms);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "watch process %d", (int)pid);
	return n > 0 ? child_wait(pid, e) : CHILD_RUNNING;
}
