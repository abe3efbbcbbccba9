#include "base/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"

enum { MS_PER_S = 1000, US_PER_MS = 1000 };

/* Until its end, but not for ever. */
static int
read_until(int fd, const char *file, int ms, struct buf *out, struct err *e)
{
	const int64_t until = clock_mono_us() + (int64_t)ms * US_PER_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		const int64_t left = (until - clock_mono_us()) / US_PER_MS;
		char *to = buf_room(out, CAPTURE_STEP);
		ssize_t k;

		if (to == NULL)
			return err_set(e, ERR_DATA, "%s prints too much", file);
		if (left <= 0)
			return err_set(e, ERR_SYS, "%s does not answer within %d s", file,
				ms / MS_PER_S);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		k = read(fd, to, CAPTURE_STEP);
		if (k == 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return err_sys(e, "read from %s", file);
		out->n += k > 0 ? (size_t)k : 0;
	}
}

int
capture(const struct child_spec *spec, int ms, struct buf *out, struct err *e)
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
	if (read_until(from, spec->path, ms, out, e) < 0) {
		struct err none = ERR_INIT; /* what came first is the one to tell */

		(void)kill(pid, SIGKILL);
		(void)child_wait(pid, &none);
		return -1;
	}
	return child_wait(pid, e);
}
