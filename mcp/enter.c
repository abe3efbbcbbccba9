#include "mcp/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "base/log.h"
#include "base/words.h"
#include "mcp/dial.h"

static struct str
first_line(struct buf *b)
{
	struct str s = buf_str(b);
	const char *end = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;

	if (end != NULL)
		s.n = (size_t)(end - s.p);
	return s;
}

/* What it says on standard error is the reason. */
static int
ask(const char *program, const char *root, const char *policy, struct err *e)
{
	CLEANUP(words_fini) struct words a = WORDS_INIT;
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	CLEANUP(buf_fini) struct buf said = BUF_INIT(ENTER_CHECK_TEXT_MAX);
	struct child_spec s = { .path = program, .env = environ, .nfds = 3 };
	pid_t pid;
	int status;
	int p[2];

	words_add(&a, program);
	words_add(&a, "--project-root");
	words_add(&a, root);
	words_add(&a, "--policy");
	words_add(&a, policy);
	words_add(&a, "--check");
	s.argv = a.v;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	from = p[0];
	to = p[1];
	s.fd[0] = s.fd[1] = -1;
	s.fd[2] = to;
	if (child_start(&s, &pid, e) < 0)
		return -1;
	fd_closep(&to);
	/* too long a text is cut: what counts is the status */
	(void)fd_read_all(from, &said, e);
	fd_closep(&from);
	status = child_wait(pid, e);
	if (status == 0)
		return 0;
	if (status > 0 && said.n > 0)
		return err_set(e, ERR_SANDBOX, STR_FMT, STR_ARG(first_line(&said)));
	return err_set(
		e, ERR_SANDBOX, "%s --check ended with status %d", program, status);
}

static int
start_keeper(const char *root, int sock, pid_t *pid, struct err *e)
{
	CLEANUP(mem_freep) char *program = place_program("pando-keeper", e);
	CLEANUP(words_fini) struct words a = WORDS_INIT;
	struct child_spec s = {
		.env = environ,
		.nfds = ENTER_KEEPER_FD + 1,
		/* it ends by end of file, and no earlier by somebody's Ctrl-C */
		.new_session = true,
	};

	if (program == NULL)
		return -1;
	words_add(&a, program);
	words_add(&a, "--project-root");
	words_add(&a, root);
	s.path = program;
	s.argv = a.v;
	s.fd[0] = s.fd[1] = -1;
	s.fd[2] = STDERR_FILENO;
	s.fd[ENTER_KEEPER_FD] = sock;
	return child_start(&s, pid, e);
}

static char *
own_path(struct err *e)
{
	char path[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof path);

	if (n <= 0 || (size_t)n == sizeof path) {
		(void)err_sys(e, "find this program's own path");
		return NULL;
	}
	return mem_strdup_str((struct str){ path, (size_t)n });
}

static int
sandbox_args(struct words *a, const char *program, const struct enter *in, struct err *e)
{
	CLEANUP(mem_freep) char *self = own_path(e);

	if (self == NULL)
		return -1;
	words_add(a, program);
	words_add(a, "--project-root");
	words_add(a, in->root);
	words_add(a, "--keep-fd");
	words_addf(a, "%d", ENTER_KEEPER_FD);
	if (in->run != NULL) {
		words_add(a, "--keep-fd");
		words_addf(a, "%d", ENTER_GATEWAY_FD);
	}
	words_add(a, "--policy");
	words_add(a, in->policy);
	words_add(a, "--");
	words_add(a, self);
	words_add(a, "--project-root");
	words_add(a, in->root);
	words_add(a, "--sandboxed");
	words_add(a, "--keeper-fd");
	words_addf(a, "%d", ENTER_KEEPER_FD);
	if (in->run != NULL) {
		words_add(a, "--gateway-fd");
		words_addf(a, "%d", ENTER_GATEWAY_FD);
	}
	return 0;
}

/* Ends when the sandbox has: then its end of the socket is closed. */
static void
bury_keeper(pid_t keeper)
{
	CLEANUP(fd_closep) int end = (int)syscall(SYS_pidfd_open, keeper, 0);
	struct pollfd p = { .fd = end, .events = POLLIN };

	if (end >= 0 && poll(&p, 1, ENTER_KEEPER_MS) == 1)
		(void)waitpid(keeper, NULL, 0); /* it has ended: this does not block */
}

/* The inner ends of both sockets; gateway negative: that there is none. */
static int
start_sandbox(const struct words *a, int keeper, int gateway, pid_t *pid, struct err *e)
{
	struct child_spec s = {
		.path = a->v[0],
		.argv = a->v,
		.env = environ,
		.fd = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, keeper, gateway },
		.nfds = gateway >= 0 ? ENTER_GATEWAY_FD + 1 : ENTER_KEEPER_FD + 1,
		.die_with_parent = true,
	};

	return child_start(&s, pid, e);
}

/* A pair of them: what is one message at the one end is one at the other. */
static int
make_pair(int *one, int *other, struct err *e)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return err_sys(e, "make a socket pair");
	*one = s[0];
	*other = s[1];
	return 0;
}

/* Connections to the gateway, and the end of a socket over which they go inside. */
struct feed {
	struct dial dial; /* without a run: none */
	int to;
};

static void
feed_fini(struct feed *f)
{
	dial_fini(&f->dial);
	fd_closep(&f->to);
}

static void
feed_step(struct feed *f)
{
	struct err e = ERR_INIT;

	if (f->to < 0 || !dial_step(&f->dial))
		return;
	/* never waits: inside may not read */
	if (fd_send(f->to, STR("+"), &f->dial.fd, 1, &e) < 0)
		log_error("a connection to the gateway: %s", e.text);
}

/* Until the sandbox has ended: its status. */
static int
wait_and_feed(pid_t sandbox, struct feed *f, struct err *e)
{
	CLEANUP(fd_closep) int end = (int)syscall(SYS_pidfd_open, sandbox, 0);

	if (end < 0)
		return err_sys(e, "watch the sandbox");
	for (;;) {
		struct pollfd p[] = { { .fd = end, .events = POLLIN },
			{ .fd = f->dial.fd } };

		if (poll(p, LEN(p), f->to < 0 ? -1 : dial_wait_ms(&f->dial)) < 0 &&
			errno != EINTR)
			return err_sys(e, "wait for the sandbox");
		if (p[0].revents != 0)
			return child_wait(sandbox, e);
		feed_step(f);
	}
}

/* The inner ends are its own copies. */
static int
run_sandbox(const struct words *a, int keeper, struct feed *f, int inner, int *status,
	struct err *e)
{
	pid_t sandbox;

	feed_step(f); /* there already when the server inside looks for it */
	if (start_sandbox(a, keeper, inner, &sandbox, e) < 0)
		return -1;
	(void)close(keeper);
	if (inner >= 0)
		(void)close(inner);
	/* the conversation is the sandbox's: here its pipes would only be held open */
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	*status = wait_and_feed(sandbox, f, e);
	return *status < 0 ? -1 : 0;
}

static int
open_feed(struct feed *f, const char *run, int *inner, struct err *e)
{
	if (run == NULL)
		return 0;
	f->dial.run = run;
	f->dial.role = "workspace";
	if (make_pair(&f->to, inner, e) < 0)
		return -1;
	return fcntl(f->to, F_SETFL, O_NONBLOCK) < 0 ? err_sys(e, "a socket pair") : 0;
}

int
enter_sandbox(const struct enter *in, int *status, struct err *e)
{
	CLEANUP(words_fini) struct words a = WORDS_INIT;
	CLEANUP(mem_freep) char *program = place_program("pando-sandbox", e);
	CLEANUP(feed_fini) struct feed feed = { .dial = DIAL_INIT, .to = -1 };
	CLEANUP(fd_closep) int ours = -1;
	CLEANUP(fd_closep) int theirs = -1;
	CLEANUP(fd_closep) int inner = -1;
	pid_t keeper;
	int got;

	if (program == NULL || ask(program, in->root, in->policy, e) < 0 ||
		sandbox_args(&a, program, in, e) < 0)
		return -1;
	if (make_pair(&ours, &theirs, e) < 0 || open_feed(&feed, in->run, &inner, e) < 0)
		return -1;
	if (start_keeper(in->root, theirs, &keeper, e) < 0)
		return -1;
	fd_closep(&theirs);
	got = run_sandbox(&a, fd_take(&ours), &feed, fd_take(&inner), status, e);
	bury_keeper(keeper);
	return got;
}
