#include "gateway/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/place.h"
#include "gateway/process.h"
#include "gateway/runs.h"

enum { LOCK_TRIES = 16, PID_FILE_MAX = 64 };

#define LOCK_NAME "gateway.lock"
#define SOCKET_NAME "gateway.sock"
#define HTTP_SOCKET_NAME "http.sock"

int
gw_rundir_open(struct gw_rundir *d, struct err *e)
{
	*d = (struct gw_rundir){ .fd = -1, .lock = -1 };
	d->path = place_run(e);
	if (d->path == NULL)
		return -1;
	d->socket = path_join(d->path, SOCKET_NAME);
	d->http_socket = path_join(d->path, HTTP_SOCKET_NAME);
	d->fd = path_open_dir(d->path, e);
	return d->fd < 0 ? -1 : 0;
}

/* False when the name means another file by now: its owner removed it as it ended. */
static bool
is_still_named(const struct gw_rundir *d, int fd)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 &&
	       fstatat(d->fd, LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

int
gw_rundir_lock(struct gw_rundir *d, struct err *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		CLEANUP(fd_closep)
		int fd = path_open_beneath(
			d->fd, LOCK_NAME, O_RDWR | O_CREAT, S_IRUSR | S_IWUSR, e);

		if (fd < 0)
			return err_wrap(e, "%s", d->path);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
				       ? 0
				       : err_sys(e, "lock %s/%s", d->path, LOCK_NAME);
		if (is_still_named(d, fd)) {
			d->lock = fd_take(&fd);
			return 1;
		}
	}
	return err_set(e, ERR_GATEWAY, "%s/%s changes all the time", d->path, LOCK_NAME);
}

int
gw_rundir_adopt(struct gw_rundir *d, int lock, struct err *e)
{
	d->lock = lock;
	if (is_still_named(d, lock))
		return 0;
	fd_closep(&d->lock);
	return err_set(
		e, ERR_GATEWAY, "%s/%s is another file by now", d->path, LOCK_NAME);
}

void
gw_rundir_yield(struct gw_rundir *d)
{
	fd_closep(
		&d->lock); /* the flock is the open file's, which the other one has too */
}

void
gw_rundir_close(struct gw_rundir *d)
{
	if (d->lock >= 0) {
		if (!d->keeps_socket) /* absent when we never listened */
			(void)unlinkat(d->fd, SOCKET_NAME, 0);
		(void)unlinkat(d->fd, HTTP_SOCKET_NAME, 0);
		(void)unlinkat(d->fd, LOCK_NAME, 0); /* a leftover file locks nothing */
	}
	fd_closep(&d->lock);
	fd_closep(&d->fd);
	free(d->socket);
	free(d->http_socket);
	free(d->path);
	d->socket = d->http_socket = d->path = NULL;
}

int
gw_rundir_remove(struct gw_rundir *d, const char *run, struct err *e)
{
	if (!gw_run_id_is_sound(run))
		return err_set(e, ERR_DATA, "remove a run's folder: not a run id");
	return path_remove_tree(d->fd, run, e);
}

static bool
is_owned(int dirfd)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PID_FILE_MAX);
	struct err e = ERR_INIT;
	CLEANUP(fd_closep)
	int fd = path_open_beneath(dirfd, "pid", O_RDONLY | O_NONBLOCK, 0, &e);
	uint64_t start;
	int pid;

	if (fd < 0 || fd_read_all(fd, &text, &e) < 0 ||
		sscanf(buf_text(&text), "%d %" SCNu64, &pid, &start) != 2)
		return false;
	return pid > 0 && start != 0 && gw_process_start(pid) == start;
}

static bool
is_leftover(struct gw_rundir *d, const char *name)
{
	struct err e = ERR_INIT;
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (!gw_run_id_is_sound(name))
		return false;
	fd = path_open_beneath(d->fd, name, O_RDONLY | O_DIRECTORY, 0, &e);
	return fd >= 0 && fstat(fd, &st) == 0 &&
	       time(NULL) - st.st_mtime > GW_SWEEP_AGE_S && !is_owned(fd);
}

static void
closedirp(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

void
gw_rundir_sweep(struct gw_rundir *d)
{
	CLEANUP(closedirp) DIR *dir = opendir(d->path);
	const struct dirent *ent;

	while (dir != NULL && (ent = readdir(dir)) != NULL) {
		struct err e = ERR_INIT;

		if (is_leftover(d, ent->d_name) &&
			gw_rundir_remove(d, ent->d_name, &e) < 0)
			log_error("sweep %s: %s", d->path, e.text);
	}
}
