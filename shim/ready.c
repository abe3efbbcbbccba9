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

static struct str
line_of(struct str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	const struct str line = { rest->p, end == NULL ? 0 : (size_t)(end - rest->p) };

	*rest = str_skip(*rest, end == NULL ? rest->n : line.n + 1);
	return line;
}

bool
ready_in_checkins(struct str notes)
{
	bool core = false;
	bool workspace = false;

	while (notes.n > 0) {
		const struct str line = line_of(&notes);

		core = core || str_is(line, "listed core");
		workspace = workspace || str_is(line, "listed workspace");
	}
	return core && workspace;
}

bool
ready_in_log(struct str log, const char *run)
{
	CLEANUP(mem_freep) char *mark = mem_printf("\"run\":\"%s\"", run);
	bool core = false;
	bool workspace = false;

	while (log.n > 0) {
		const struct str line = line_of(&log);

		if (holds(line, mark) &&
			(holds(line, "\"event\":\"mcp_started\"") ||
				holds(line, "\"event\":\"sandbox_unavailable\""))) {
			core = core || holds(line, "\"server\":\"" POL_SERVER_CORE "\"");
			workspace = workspace ||
				    holds(line,
					    "\"server\":\"" POL_SERVER_WORKSPACE "\"");
		}
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
look_in_log(const char *path, const char *run, struct err *e)
{
	CLEANUP(buf_fini) struct buf tail = BUF_INIT((size_t)4 * READY_TAIL_MAX);
	CLEANUP(mem_freep) char *rotated = mem_printf("%s.1", path);

	if (add_tail(&tail, rotated, e) < 0 || add_tail(&tail, path, e) < 0)
		return -1;
	return ready_in_log(buf_str(&tail), run) ? 1 : 0;
}

int
ready_grace_ms(int64_t up_ms, int64_t since_ms)
{
	int64_t grace = up_ms / READY_GRACE_PART;

	if (since_ms < 0 || up_ms < 0) /* the clock was put back */
		return READY_GRACE_MS;
	if (grace < READY_GRACE_MS)
		grace = READY_GRACE_MS;
	if (grace > READY_GRACE_MAX_MS)
		grace = READY_GRACE_MAX_MS;
	return since_ms < grace ? (int)(grace - since_ms) : 0;
}

static int64_t
ms_between(const struct timespec *from, const struct timespec *to)
{
	return (int64_t)(to->tv_sec - from->tv_sec) * MS_PER_S +
	       (to->tv_nsec - from->tv_nsec) / NS_PER_MS;
}

/* *grace_ms: what is left of it since the last note. The file `pid` is as old as the run. */
static int
look_in_checkins(int dir, int *grace_ms, struct err *e)
{
	CLEANUP(buf_fini) struct buf notes = BUF_INIT(READY_CHECKINS_MAX);
	CLEANUP(fd_closep)
	int fd = path_open_beneath(dir, "checkins", O_RDONLY | O_NONBLOCK, 0, e);
	struct timespec now;
	struct stat run, st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fd_read_all(fd, &notes, e) < 0)
		return err_wrap(e, "the gateway's notes on this run");
	if (fstat(fd, &st) < 0 || fstatat(dir, "pid", &run, AT_SYMLINK_NOFOLLOW) < 0 ||
		clock_gettime(CLOCK_REALTIME, &now) < 0)
		return err_sys(e, "look at the gateway's notes on this run");
	*grace_ms = ready_grace_ms(
		ms_between(&run.st_mtim, &st.st_mtim), ms_between(&st.st_mtim, &now));
	return ready_in_checkins(buf_str(&notes)) ? 1 : 0;
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
	int grace_ms = READY_GRACE_MS;
	int got = 0;

	if (dir < 0)
		return err_wrap(e, "the run's folder");
	if (faccessat(dir, "ready", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	for (int ms = 0; got == 0 && ms < READY_WAIT_MS; ms += READY_STEP_MS) {
		got = log == NULL ? look_in_checkins(dir, &grace_ms, e)
				  : look_in_log(log, run, e);
		if (got < 0)
			return -1;
		if (got == 0)
			sleep_ms(READY_STEP_MS);
	}
	sleep_ms(grace_ms);
	mark = path_open_beneath(dir, "ready", O_WRONLY | O_CREAT, S_IRUSR | S_IWUSR, e);
	if (mark < 0)
		return -1;
	return got > 0 ? 0 : 1;
}
