#include "gateway/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "base/words.h"
#include "gateway/record.h"

enum { READY_FD = 3 };

#define LOG_NAME "gateway.log"

static void
env_put(struct words *env, const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		words_addf(env, "%s=%s", name, value);
}

/*
 * What the gateway needs of this launch: where its files are, and how this person reaches
 * the network.
 */
static void
env_fill(struct words *env)
{
	env_put(env, "HOME");
	env_put(env, "PANDO_GATEWAY_LOG_FILE");
	env_put(env, "PANDO_DEBUG");
	for (size_t i = 0; i < GW_NETWORK_NAMES; i++)
		env_put(env, gw_network_names[i]);
}

/* All that the gateway says, until it closes the pipe. */
static int
listen_to(int from, int wait_ms, struct buf *said, struct err *e)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	int got;

	do {
		got = poll(&p, 1, wait_ms);
	} while (got < 0 && errno == EINTR);
	if (got == 0)
		return err_set(e, ERR_GATEWAY,
			"it is not ready after %d ms: see ~/.pando/run/gateway.log",
			wait_ms);
	if (got < 0)
		return err_sys(e, "wait for it");
	return fd_read_all(from, said, e);
}

static int
understand(struct buf *said, struct err *e)
{
	if (str_is(buf_str(said), "ready\n"))
		return GW_LAUNCH_READY;
	if (str_is(buf_str(said), "busy\n"))
		return GW_LAUNCH_BUSY;
	while (said->n > 0 && said->p[said->n - 1] == '\n')
		said->n--;
	if (said->n == 0)
		return err_set(e, ERR_GATEWAY,
			"it ended without a word: see ~/.pando/run/gateway.log");
	return err_set(e, ERR_GATEWAY, "%s", buf_text(said));
}

int
gw_launch_log(struct err *e)
{
	CLEANUP(mem_freep) char *run = place_run(e);
	CLEANUP(fd_closep) int dir = run == NULL ? -1 : path_open_dir(run, e);
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (dir < 0)
		return -1;
	fd = path_open_beneath(dir, LOG_NAME, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK,
		S_IRUSR | S_IWUSR, e);
	if (fd < 0)
		return err_wrap(e, "%s", run);
	if (fstat(fd, &st) < 0 || (st.st_size > GW_LOG_MAX && ftruncate(fd, 0) < 0))
		return err_sys(e, "%s/%s", run, LOG_NAME);
	return fd_take(&fd);
}

/* Loading it is half of what its start costs, so that it must not be loaded to detach itself. */
static int
start(int ready, struct err *e)
{
	CLEANUP(mem_freep) char *path = place_program("pando-gateway", e);
	CLEANUP(fd_closep) int log = path == NULL ? -1 : gw_launch_log(e);
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	char name[] = "pando-gateway", ready_fd[] = "--ready-fd";
	char number[] = "3"; /* READY_FD */
	char *const argv[] = { name, ready_fd, number, NULL };
	struct child_spec spec = { .path = path,
		.argv = argv,
		.fd = { -1, -1, log, ready },
		.nfds = READY_FD + 1,
		.dir = "/",
		.detached = true };
	pid_t pid;

	if (log < 0)
		return -1;
	env_fill(&env);
	spec.env = env.v;
	if (child_start(&spec, &pid, e) < 0)
		return -1;
	/* the one between; how it went comes by the pipe */
	return child_wait(pid, e) < 0 ? -1 : 0;
}

/* What a caller can do nothing about but tell it. */
static int
not_started(struct err *e)
{
	(void)err_wrap(e, "the gateway cannot be started");
	(void)err_hint(
		e, "mend that, or move ~/.pando/run away if nothing of it is in use");
	e->code = ERR_GATEWAY;
	return -1;
}

int
gw_launch_begin(int *ready, struct err *e)
{
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0) {
		(void)err_sys(e, "make a pipe");
		return not_started(e);
	}
	from = p[0];
	to = p[1];
	if (start(to, e) < 0)
		return not_started(e);
	*ready = fd_take(&from);
	return 0;
}

int
gw_launch_end(int ready, int wait_ms, struct err *e)
{
	CLEANUP(buf_fini) struct buf said = BUF_INIT(ERR_TEXT_MAX);
	int got = listen_to(ready, wait_ms, &said, e);

	if (got == 0)
		got = understand(&said, e);
	return got < 0 ? not_started(e) : got;
}

int
gw_launch(int wait_ms, struct err *e)
{
	CLEANUP(fd_closep) int ready = -1;

	if (gw_launch_begin(&ready, e) < 0)
		return -1;
	return gw_launch_end(ready, wait_ms, e);
}

int
gw_reach(int *fd, struct err *e)
{
	CLEANUP(mem_freep) char *run = place_run(e);
	CLEANUP(mem_freep) char *path = NULL;

	if (run == NULL)
		return -1;
	path = path_join(run, "gateway.sock");
	errno = 0;
	*fd = fd_unix_connect(path, e);
	if (*fd >= 0)
		return 1;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return 0;
	e->code = ERR_GATEWAY;
	return -1;
}
