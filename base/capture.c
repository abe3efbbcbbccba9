#include "base/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"

enum { MS_PER_S = 1000, US_PER_MS = 1000 };

struct deadline {
	const char *file;
	int ms;
	int64_t until;
};

static int
ms_left(const struct deadline *d)
{
	const int64_t left = (d->until - clock_mono_us()) / US_PER_MS;

	return left > 0 ? (int)left : 0;
}

static int
too_late(const struct deadline *d, struct err *e)
{
	return err_set(
		e, ERR_SYS, "%s does not answer within %d s", d->file, d->ms / MS_PER_S);
}

/* Until its end, but not for ever. */
static int
read_until(int fd, const struct deadline *d, struct buf *out, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		const int left = ms_left(d);
		char *to = buf_room(out, CAPTURE_STEP);
		ssize_t k;

		if (to == NULL)
			return err_set(e, ERR_DATA, "%s prints too much", d->file);
		if (left == 0)
			return too_late(d, e);
		if (poll(&p, 1, left) <= 0)
			continue;
		k = read(fd, to, CAPTURE_STEP);
		if (k == 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return err_sys(e, "read from %s", d->file);
		out->n += k > 0 ? (size_t)k : 0;
	}
}

/* One that has closed its output may still go on. */
static int
end_until(pid_t pid, const struct deadline *d, struct err *e)
{
	int got, left;

	do {
		left = ms_left(d);
		got = child_wait_ms(pid, left, e);
	} while (got == CHILD_RUNNING && left > 0);
	return got == CHILD_RUNNING ? too_late(d, e) : got;
}

int
capture(const struct child_spec *spec, int ms, struct buf *out, struct err *e)
{
	const struct deadline d = { spec->path, ms,
		clock_mono_us() + (int64_t)ms * US_PER_MS };
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	struct err none = ERR_INIT; /* what came first is the one to tell */
	struct child_spec s = *spec;
	pid_t pid;
	int p[2], got;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	from = p[0];
	to = p[1];
	s.fd[1] = to;
	if (child_start(&s, &pid, e) < 0)
		return -1;
	fd_closep(&to);
	got = read_until(from, &d, out, e);
	if (got == 0)
		got = end_until(pid, &d, e);
	if (got < 0) {
		(void)kill(pid, SIGKILL);
		(void)child_wait(pid, &none);
	}
	return got;
}
