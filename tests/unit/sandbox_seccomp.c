/*
 * The filter, loaded into a child that then makes the calls. Arguments are chosen so that
 * without the filter the answer is another one, for root as for anybody: each row is asked in
 * a child without it, too.
 */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "sandbox/seccomp.h"

#include <asm/ioctls.h>

enum { FILTER_MAX = 1 << 16, CANNOT = 254, NO_ERROR = 0 };

#define HIGH (1UL << 32)
#define CLONE_NEWUSER_FLAG 0x10000000UL

struct row {
	const char *what;
	long nr;
	unsigned long arg[3];
	int want;     /* errno inside the filter, or NO_ERROR */
	bool differs; /* another answer without it */
};

static const struct row rows[] = {
	{ "unshare", SYS_unshare, { 1 }, EPERM, true },
	{ "setns", SYS_setns, { ~0UL }, EPERM, true },
	{ "clone of a user namespace", SYS_clone, { CLONE_NEWUSER_FLAG | 0x200 }, EPERM,
		true },
	{ "clone3", SYS_clone3, { 0, 0 }, ENOSYS, true },
	{ "mount", SYS_mount, { 1, 1, 1 }, EPERM, true },
	{ "open_tree", 428, { ~0UL, 1, ~0UL }, ENOSYS, true },
	{ "fsopen", 430, { 1, ~0UL }, ENOSYS, true },
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 }, ENOSYS, true },
	{ "keyctl", SYS_keyctl, { 999 }, EPERM, true },
	{ "bpf", SYS_bpf, { 999, 0, ~0UL }, EPERM, false },
	{ "perf_event_open", SYS_perf_event_open, { 1 }, EPERM, true },
	{ "name_to_handle_at", SYS_name_to_handle_at, { ~0UL, 1, 1 }, EPERM, true },
	{ "pidfd_getfd", SYS_pidfd_getfd, { ~0UL, 0, 0 }, EPERM, true },
	{ "AF_PACKET", SYS_socket, { AF_PACKET, 999 }, EPERM, true },
	{ "AF_ALG", SYS_socket, { AF_ALG, 999 }, EPERM, true },
	{ "AF_VSOCK", SYS_socket, { AF_VSOCK, 999 }, EPERM, true },
	{ "AF_AX25", SYS_socket, { AF_AX25, 999 }, EPERM, true },
	{ "AF_ALG with a high word", SYS_socket, { HIGH | AF_ALG, 999 }, EPERM, true },
	{ "netlink, generic", SYS_socket, { AF_NETLINK, SOCK_RAW, 16 }, EPERM, true },
	{ "netlink, audit", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 }, EPERM, true },
	{ "netlink, route", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, NO_ERROR, false },
	{ "AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM }, NO_ERROR, false },
	{ "AF_INET", SYS_socket, { AF_INET, SOCK_STREAM }, NO_ERROR, false },
	{ "TIOCSTI", SYS_ioctl, { ~0UL, TIOCSTI }, EPERM, true },
	{ "TIOCSTI with a high word", SYS_ioctl, { ~0UL, HIGH | TIOCSTI }, EPERM, true },
	{ "TIOCLINUX", SYS_ioctl, { ~0UL, TIOCLINUX }, EPERM, true },
	{ "another ioctl", SYS_ioctl, { ~0UL, FIONREAD }, EBADF, false },
	{ "personality, query", SYS_personality, { 0xffffffff }, NO_ERROR, false },
	{ "personality, no randomizing", SYS_personality, { ADDR_NO_RANDOMIZE }, NO_ERROR,
		false },
	{ "personality, executable reads", SYS_personality, { READ_IMPLIES_EXEC }, EPERM,
		true },
	{ "personality, another", SYS_personality, { PER_LINUX32 }, EPERM, true },
	{ "a device", SYS_mknodat, { ~0UL, 1, S_IFCHR }, EPERM, true },
	{ "a disk", SYS_mknodat, { ~0UL, 1, S_IFBLK | 0600 }, EPERM, true },
	{ "a pipe", SYS_mknodat, { ~0UL, 1, S_IFIFO }, EFAULT, false },
	{ "ptrace", SYS_ptrace, { 0 /* PTRACE_TRACEME */ }, NO_ERROR, false },
};

static bool
load(int fd)
{
	static char bytes[FILTER_MAX];
	const ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	struct sock_fprog prog = { .filter = (void *)bytes };

	if (n <= 0)
		return false;
	prog.len = (unsigned short)((size_t)n / sizeof(struct sock_filter));
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

/* The errno of the call in a child, with the filter unless it is -1. */
static int
ask(const struct row *r, int filter)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (filter >= 0 && !load(filter))
			_exit(CANNOT);
		errno = 0;
		if (syscall(r->nr, r->arg[0], r->arg[1], r->arg[2], 0, 0) >= 0)
			_exit(NO_ERROR);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return CANNOT;
	return WEXITSTATUS(status);
}

static void
calls_answer_as_listed(int filter)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		ok_int(ask(&rows[i], filter), rows[i].want, rows[i].what);
		if (rows[i].differs)
			ok(ask(&rows[i], -1) != rows[i].want, rows[i].what);
	}
}

#ifdef __x86_64__
/* The call number of the other ABI on the same machine (x32): kills. */
static void
foreign_calls_kill(int filter)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (load(filter))
			(void)syscall(0x40000000 | SYS_getpid);
		_exit(0);
	}
	ok_int(waitpid(pid, &status, 0), pid, "the child ended");
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "by SIGSYS");
}
#endif

int
main(void)
{
	struct err e = ERR_INIT;
	size_t n = 0;
	CLEANUP(fd_closep) int filter = seccomp_filter_new(&n, &e);

	ok(filter >= 0, e.text);
	ok(n > 50 && n < 1000, "a filter of some hundred instructions");
	ok((fcntl(filter, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	calls_answer_as_listed(filter);
#ifdef __x86_64__
	foreign_calls_kill(filter);
#endif
	return test_done();
}
