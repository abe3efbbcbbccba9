#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "install/logs.h"
#include "install/since.h"

enum { LOOK_MS = 1000, EVENTS_MAX = 4096 };

/* The file that is read now; in time it becomes a rotated one. */
struct tail {
	int fd;
	struct rec_reader reader;
};

static void
tail_fini(struct tail *t)
{
	rec_reader_fini(&t->reader);
	fd_closep(&t->fd);
}

static void
tail_take(struct tail *t, int fd, uint64_t from)
{
	tail_fini(t);
	t->fd = fd;
	t->reader = rec_reader_at(fd, from, UINT64_MAX);
	t->reader.waits = true;
}

/* A folder tells of every change of its files. Without it we look once a second. */
static int
watch_folder(const char *path)
{
	CLEANUP(mem_freep) char *dir = path_dir(path);
	CLEANUP(fd_closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return -1;
	return fd_take(&fd);
}

static void
await(int notify)
{
	char events[EVENTS_MAX];
	struct pollfd p = { .fd = notify, .events = POLLIN };

	if (poll(&p, 1, LOOK_MS) > 0)
		while (read(notify, events, sizeof events) > 0)
			continue; /* what changed is seen by looking */
}

static int
show_new(struct logs *l, struct tail *t, struct err *e)
{
	struct str line;
	int got = 0;

	l->view.now_ms = since_now();
	while (t->fd >= 0 && (got = rec_reader_next(&t->reader, &line, e)) == 1)
		logs_show(l, line);
	return got < 0 ? -1 : logs_flush(e);
}

static bool
is_same_file(int a, int b)
{
	struct stat x;
	struct stat y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Which of the files comes behind ours; f->n: none yet. */
static size_t
behind(const struct rec_files *f, int ours)
{
	for (size_t i = 0; ours >= 0 && i < f->n; i++)
		if (is_same_file(f->at[i].fd, ours))
			return i + 1;
	if (ours >= 0 && f->n > 0)
		log_error(
			"the file that was shown has been rotated away: lines may be left out");
	return 0;
}

/* 1: there is another file to read on in. */
static int
go_on(struct logs *l, struct tail *t, struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;
	struct stat named;
	struct stat ours;
	size_t i;

	if (stat(l->path, &named) < 0)
		return 0;
	if (t->fd >= 0 && fstat(t->fd, &ours) == 0 && ours.st_ino == named.st_ino &&
		ours.st_dev == named.st_dev)
		return 0;
	if (rec_files_open(&f, l->path, e) < 0)
		return -1;
	i = behind(&f, t->fd);
	if (i >= f.n)
		return 0;
	/* what came since we looked: from now on nobody writes there */
	if (show_new(l, t, e) < 0)
		return -1;
	tail_take(t, fd_take(&f.at[i].fd), 0);
	return 1;
}

int
logs_follow(struct logs *l, int fd, uint64_t from, struct err *e)
{
	CLEANUP(tail_fini) struct tail t = { .fd = -1 };
	CLEANUP(fd_closep) int notify = watch_folder(l->path);
	int got;

	if (fd >= 0)
		tail_take(&t, fd, from);
	for (;;) {
		if (show_new(l, &t, e) < 0)
			return -1;
		got = go_on(l, &t, e);
		if (got < 0)
			return -1;
		if (got == 0)
			await(notify);
	}
}
