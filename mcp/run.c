#include "mcp/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "mcp/reap.h"

enum {
	US_PER_MS = 1000,
	READ_STEP = 16384,
	ENV_MAX = 256,
	DRAIN_MAX = 64 << 20,
	ORPHANS_MS = 1000
};

int
run_prepare(struct err *e)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0)
		return err_sys(e, "become the reaper of commands");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) <
		0) /* scope_of_signals needs it */
		return err_sys(e, "give up new privileges");
	return 0;
}

void
run_capture_add(struct run_capture *c, struct str bytes)
{
	const size_t room = c->head.max - c->head.n;
	const size_t n = bytes.n < room ? bytes.n : room;

	c->total += (int64_t)bytes.n;
	buf_put(&c->head, bytes.p, n);
	bytes = str_skip(bytes, n);
	if (bytes.n > c->part)
		bytes = str_skip(bytes, bytes.n - c->part);
	if (c->tail.n + bytes.n > c->tail.max)
		buf_drop_front(&c->tail, c->tail.n - c->part);
	buf_put(&c->tail, bytes.p, bytes.n);
}

void
run_capture_put(struct buf *out, const struct run_capture *c)
{
	struct str tail = buf_str(&c->tail);
	int64_t gone;

	if (tail.n > c->part)
		tail = str_skip(tail, tail.n - c->part);
	gone = c->total - (int64_t)c->head.n - (int64_t)tail.n;
	buf_put_str(out, buf_str(&c->head));
	if (gone > 0)
		buf_printf(out, "\n[%lld bytes left out here]\n", (long long)gone);
	buf_put_str(out, tail);
}

void
run_capture_fini(struct run_capture *c)
{
	buf_fini(&c->head);
	buf_fini(&c->tail);
}

void
run_report_fini(struct run_report *r)
{
	run_capture_fini(&r->out);
	run_capture_fini(&r->err);
}

/* What is ours to know is not the command's. */
static bool
is_for_command(const char *pair)
{
	return strncmp(pair, "PANDO_", 6) != 0 ||
	       strncmp(pair, "PANDO_SANDBOX=", 14) == 0;
}

/*
 * A command must not stop the server that bounds its time. The ruleset lets it signal only
 * what it has started itself (landlock(7), since Linux 6.12); -1 on an older kernel, where
 * the sandbox alone has to hold it.
 */
static int
scope_of_signals(void)
{
	/* the headers may be older than the kernel */
	static const struct {
		uint64_t fs, net, scoped;
	} attr = { .scoped = UINT64_C(1) << 1 }; /* LANDLOCK_SCOPE_SIGNAL */

	return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0U);
}

struct running {
	pid_t pid;
	int out, err, end; /* end: pidfd */
	int64_t until_us;
	bool asked; /* SIGTERM was sent */
};

static void
running_fini(struct running *g)
{
	fd_closep(&g->out);
	fd_closep(&g->err);
	fd_closep(&g->end);
}

static int
make_pipe(int *from, int *to, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*from = p[0];
	*to = p[1];
	if (fcntl(p[0], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "set a pipe's flags");
	return 0;
}

static int
start(const struct run_spec *s, struct running *g, struct err *e)
{
	CLEANUP(fd_closep) int out = -1;
	CLEANUP(fd_closep) int err = -1;
	CLEANUP(fd_closep) int scope = scope_of_signals();
	const char *shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
	CLEANUP(mem_freep) char *name = mem_strdup(shell);
	CLEANUP(mem_freep) char *command = mem_strdup(s->command);
	char flag[] = "-c";
	char *argv[] = { name, flag, command, NULL };
	char *env[ENV_MAX + 1];
	size_t n = 0;
	struct child_spec spec = { .path = shell,
		.argv = argv,
		.env = env,
		.dir = s->dir,
		.nfds = 3,
		.ruleset = scope < 0 ? NULL : &scope,
		.new_session = true,
		.die_with_parent = true };

	for (char **p = environ; *p != NULL && n < ENV_MAX; p++)
		if (is_for_command(*p))
			env[n++] = *p;
	env[n] = NULL;
	if (make_pipe(&g->out, &out, e) < 0 || make_pipe(&g->err, &err, e) < 0)
		return -1;
	spec.fd[0] = -1;
	spec.fd[1] = out;
	spec.fd[2] = err;
	return child_start(&spec, &g->pid, e);
}

/* Reads what is there; at the end of the stream closes it. */
static void
drain(int *fd, struct run_capture *c)
{
	char bytes[READ_STEP];

	for (size_t all = 0; *fd >= 0 && all < DRAIN_MAX;) {
		const ssize_t k = read(*fd, bytes, sizeof bytes);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0) {
			fd_closep(fd);
			return;
		}
		all += (size_t)k;
		run_capture_add(c, (struct str){ bytes, (size_t)k });
	}
}

/* Time is over: first ask, then end. True: end it now. */
static bool
time_is_over(struct running *g, struct run_report *r)
{
	if (clock_mono_us() < g->until_us)
		return false;
	r->timed_out = true;
	if (g->asked)
		return true;
	g->asked = true;
	g->until_us = clock_mono_us() + (int64_t)RUN_TERM_MS * US_PER_MS;
	(void)kill(-g->pid, SIGTERM); /* it may be gone; the poll will tell */
	return false;
}

static int
time_left(const struct running *g)
{
	const int64_t ms = (g->until_us - clock_mono_us()) / US_PER_MS + 1;

	return ms < 0 ? 0 : ms < ORPHANS_MS ? (int)ms : ORPHANS_MS;
}

static int
wait_for_end(
	const struct run_spec *s, struct running *g, struct run_report *r, struct err *e)
{
	for (;;) {
		const int wait_ms = time_left(g);
		struct pollfd p[] = {
			{ .fd = g->end, .events = POLLIN },
			{ .fd = g->out, .events = POLLIN },
			{ .fd = g->err, .events = POLLIN },
			{ .fd = s->watch->fd, .events = POLLIN },
		};

		if (poll(p, LEN(p), wait_ms) < 0 && errno != EINTR)
			return err_sys(e, "wait for the command");
		if (p[1].revents != 0)
			drain(&g->out, &r->out);
		if (p[2].revents != 0)
			drain(&g->err, &r->err);
		if (p[0].revents != 0)
			return 0;
		reap_orphans(g->pid);
		if (p[3].revents != 0 && s->watch->on_ready(s->watch->to)) {
			r->stopped = true;
			return 0;
		}
		if (time_is_over(g, r))
			return 0;
	}
}

static void
limit_output(const struct run_spec *s, struct run_report *r)
{
	const int64_t part = s->output_max / RUN_PARTS;

	if (s->output_max <= 0 || part >= RUN_PART_MAX)
		return;
	r->out = (struct run_capture)RUN_CAPTURE_OF((size_t)part);
	r->err = (struct run_capture)RUN_CAPTURE_OF((size_t)part);
}

int
run_command(const struct run_spec *s, struct run_report *r, struct err *e)
{
	CLEANUP(running_fini) struct running g = { .out = -1, .err = -1, .end = -1 };
	const int64_t began = clock_mono_us();
	int got;

	limit_output(s, r);
	g.until_us = began + s->timeout_ms * US_PER_MS;
	if (start(s, &g, e) < 0)
		return -1;
	g.end = (int)syscall(SYS_pidfd_open, g.pid, 0);
	got = g.end < 0 ? err_sys(e, "watch the command") : wait_for_end(s, &g, r, e);
	r->left_over = !reap_all(g.pid, RUN_REAP_MS, &r->status, &r->killed);
	drain(&g.out, &r->out);
	drain(&g.err, &r->err);
	r->elapsed_ms = (clock_mono_us() - began) / US_PER_MS;
	return got;
}
