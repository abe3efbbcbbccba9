#include "shim/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/policy.h"

enum { NS_PER_MS = 1000000, MS_PER_S = 1000 };

static bool
holds(struct str line, const char *what)
{
	return line.n > 0 && memmem(line.p, line.n, what, strlen(what)) != NULL;
}

bool
ready_in(struct str log, const char *run)
{
	CLEANUP(mem_freep) char *mark = mem_printf("\"run\":\"%s\"", run);
	bool core = false;
	bool workspace = false;

	while (log.n > 0) {
		const char *end = memchr(log.p, '\n', log.n);
		const struct str line = { log.p,
			end == NULL ? 0 : (size_t)(end - log.p) };

		if (holds(line, mark) &&
			(holds(line, "\"event\":\"mcp_started\"") ||
				holds(line, "\"event\":\"sandbox_unavailable\""))) {
			core = core || holds(line, "\"server\":\"" POL_SERVER_CORE "\"");
			workspace = workspace ||
				    holds(line,
					    "\"server\":\"" POL_SERVER_WORKSPACE "\"");
		}
		log = str_skip(log, end == NULL ? log.n : line.n + 1);
	}
	return core && workspace;
}

static int
add_tail(struct buf *tail, const char *path, struct err *e)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (st.st_size > READY_TAIL_MAX &&
		lseek(fd, st.st_size - READY_TAIL_MAX, SEEK_SET) < 0)
		return err_sys(e, "read %s", path);
	return fd_read_all(fd, tail, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

/* The log may be rotated between the lines of the two servers. */
static int
look(const char *path, const char *run, struct err *e)
{
	CLEANUP(buf_fini) struct buf tail = BUF_INIT((size_t)4 * READY_TAIL_MAX);
	CLEANUP(mem_freep) char *rotated = mem_printf("%s.1", path);

	if (add_tail(&tail, rotated, e) < 0 || add_tail(&tail, path, e) < 0)
		return -1;
	return ready_in(buf_str(&tail), run) ? 1 : 0;
}

static void
sleep_ms(int ms)
{
	const struct timespec t = { ms / MS_PER_S, (long)(ms % MS_PER_S) * NS_PER_MS };

	(void)nanosleep(&t, NULL); /* a signal only makes it shorter */
}

/* The descriptor of the run's folder. */
static int
open_run(const char *run, struct err *e)
{
	CLEANUP(mem_freep) char *all = place_run(e);
	CLEANUP(fd_closep) int dir = all == NULL ? -1 : path_open_dir(all, e);

	if (dir < 0)
		return -1;
	return path_open_beneath(dir, run, O_RDONLY | O_DIRECTORY, 0, e);
}

int
ready_wait(const char *run, const char *log, struct err *e)
{
	CLEANUP(fd_closep) int dir = open_run(run, e);
	CLEANUP(fd_closep) int mark = -1;
	int got = 0;

	if (dir < 0)
		return err_wrap(e, "the run's folder");
	if (faccessat(dir, "ready", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	for (int ms = 0; got == 0 && ms < READY_WAIT_MS; ms += READY_STEP_MS) {
		got = look(log, run, e);
		if (got < 0)
			return -1;
		if (got == 0)
			sleep_ms(READY_STEP_MS);
	}
	sleep_ms(READY_GRACE_MS);
	mark = path_open_beneath(dir, "ready", O_WRONLY | O_CREAT, S_IRUSR | S_IWUSR, e);
	if (mark < 0)
		return -1;
	return got > 0 ? 0 : 1;
}
