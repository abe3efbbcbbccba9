#include "sandbox/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"

enum {
	LOCK_TRIES = 100,
	LOCK_PAUSE_NS = 20 * 1000 * 1000,
	PROC_FD_MAX = 64,
	OTHERS = S_IRWXG | S_IRWXO
};

static int
own_dir(int parent, const char *name, bool *made, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (mkdirat(parent, name, S_IRWXU) == 0)
		*made = true;
	else if (errno != EEXIST)
		return err_sys(e, "make %s", name);
	fd = path_open_beneath(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return err_set(e, ERR_REFUSED,
			"%s is not a directory, or a link: remove it; what is kept there "
			"belongs to the sandbox alone",
			name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", name);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED, "%s belongs to user %u: remove it", name,
			st.st_uid);
	return fd_take(&fd);
}

/* What runs inside owns its home and may have changed the mode of it. */
static int
inner_dir(const struct state *s, const char *name, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	char self[PROC_FD_MAX];
	bool made = false;

	fd = own_dir(s->top, name, &made, e);
	if (fd < 0)
		return err_wrap(e, STATE_NAME);
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd); /* fits */
	if (chmod(self, S_IRWXU) < 0)
		return err_sys(e, "set the mode of " STATE_NAME "/%s", name);
	return fd_take(&fd);
}

static int
ignore_itself(const struct state *s, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = openat(s->top, ".gitignore",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make " STATE_NAME "/.gitignore");
	return fd_write_all(fd, STR("*\n"), e);
}

static int
open_top(struct state *s, int root, struct err *e)
{
	struct stat st;

	s->top = own_dir(root, STATE_NAME, &s->made, e);
	if (s->top < 0)
		return -1;
	if (fstat(s->top, &st) < 0)
		return err_sys(e, "look at " STATE_NAME);
	if ((st.st_mode & OTHERS) != 0)
		return err_set(e, ERR_REFUSED,
			STATE_NAME
			" is open to others: remove it, or run 'chmod 700' on it");
	return ignore_itself(s, e);
}

int
state_turn(int root, int what)
{
	CLEANUP(fd_closep)
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT; /* going on without is the answer to each error here */

	if (fd < 0 || state_lock(fd, what, &e) < 0)
		return -1;
	return fd_take(&fd);
}

int
state_open(struct state *s, int root, struct err *e)
{
	CLEANUP(fd_closep) int turn = state_turn(root, LOCK_SH);

	*s = (struct state){ .top = -1, .home = -1, .tmp = -1, .cache = -1, .lock = -1 };
	if (open_top(s, root, e) < 0)
		return -1;
	s->home = inner_dir(s, "home", e);
	if (s->home < 0)
		return -1;
	s->tmp = inner_dir(s, "tmp", e);
	if (s->tmp < 0)
		return -1;
	s->cache = inner_dir(s, "cache", e);
	if (s->cache < 0)
		return -1;
	s->lock = path_open_beneath(
		s->top, "lock", O_RDWR | O_CREAT | O_NONBLOCK, S_IRUSR | S_IWUSR, e);
	return s->lock < 0 ? err_wrap(e, STATE_NAME) : state_lock(s->lock, LOCK_SH, e);
}

void
state_close(struct state *s)
{
	fd_closep(&s->top);
	fd_closep(&s->home);
	fd_closep(&s->tmp);
	fd_closep(&s->cache);
	fd_closep(&s->lock);
}

int
state_lock(int lock, int what, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(lock, what | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock " STATE_NAME "/lock");
		(void)nanosleep(&pause, NULL); /* cut short: one more try */
	}
	return err_set(e, ERR_SANDBOX,
		STATE_NAME "/lock is held by another process: end it and try again");
}
