#include "policy/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"

enum { READ_BYTES = 65536, NAP_NS = 10000, NAP_MAX_NS = 1000000, US_PER_MS = 1000 };

char *
rec_file_name(const char *path, int number)
{
	return number == 0 ? mem_strdup(path) : mem_printf("%s.%d", path, number);
}

size_t
rec_file_numbers(const char *path, int out[REC_KEEP_MAX])
{
	size_t n = 0;

	for (int i = 1; i <= REC_KEEP_MAX; i++) {
		CLEANUP(mem_freep) char *name = rec_file_name(path, i);
		struct stat st;

		if (lstat(name, &st) == 0 && S_ISREG(st.st_mode))
			out[n++] = i;
	}
	return n;
}

/* Bounded: a writer that was stopped in its turn must not stop all others for ever. */
int
rec_lock(int fd, int how, const char *path, struct err *e)
{
	const int64_t end = clock_mono_us() + (int64_t)REC_LOCK_MS * US_PER_MS;
	struct timespec nap = { .tv_nsec = NAP_NS };

	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock %s", path);
		if (clock_mono_us() > end)
			return err_set(e, ERR_SPACE,
				"%s: another process has held its lock for %d seconds",
				path, REC_LOCK_MS / 1000);
		(void)nanosleep(&nap, NULL); /* a signal only makes it shorter */
		if (nap.tv_nsec < NAP_MAX_NS)
			nap.tv_nsec *= 2;
	}
	return 0;
}

/* --- all of them ------------------------------------------------------------------ */

static int
open_reading(const char *path)
{
	return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int
add_file(struct rec_files *f, const char *path, int number, struct err *e)
{
	CLEANUP(mem_freep) char *name = rec_file_name(path, number);
	CLEANUP(fd_closep) int fd = open_reading(name);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, "open %s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", name);
	f->at = mem_grow(f->at, (f->n + 1) * sizeof *f->at);
	f->at[f->n++] = (struct rec_file){
		.path = name, .fd = fd_take(&fd), .size = (uint64_t)st.st_size
	};
	name = NULL;
	return 0;
}

int
rec_head_from(int fd, const char *name, struct rec_head *h, struct err *e)
{
	char text[REC_HEAD_BYTES + 1];
	const ssize_t n = pread(fd, text, sizeof text, 0);

	if (n < 0)
		return err_sys(e, "read %s", name);
	return rec_head_read((struct str){ text, (size_t)n }, h) ? 1 : 0;
}

/* Someone has opened the log and not written yet. */
static bool
is_empty(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == 0;
}

int
rec_head_load(const char *path, struct rec_head *h, struct err *e)
{
	CLEANUP(mem_freep) char *name = mem_printf("%s.head", path);
	CLEANUP(fd_closep) int fd = open_reading(name);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", name);
	return rec_head_from(fd, name, h, e);
}

int
rec_files_one(struct rec_files *f, const char *path, struct err *e)
{
	return add_file(f, path, 0, e);
}

int
rec_files_list(struct rec_files *f, const char *path, struct err *e)
{
	int numbers[REC_KEEP_MAX];
	size_t n = rec_file_numbers(path, numbers);

	while (n > 0)
		if (add_file(f, path, numbers[--n], e) < 0)
			return -1;
	return add_file(f, path, 0, e);
}

int
rec_files_open(struct rec_files *f, const char *path, struct err *e)
{
	CLEANUP(mem_freep) char *name = mem_printf("%s.head", path);
	CLEANUP(fd_closep) int head = open_reading(name);
	int got;

	if (head < 0 && errno != ENOENT)
		return err_sys(e, "open %s", name);
	if (head >= 0) {
		if (rec_lock(head, LOCK_SH, name, e) < 0)
			return -1;
		got = rec_head_from(head, name, &f->head, e);
		if (got < 0)
			return -1;
		f->state = got == 1         ? REC_HEAD_GOOD
			   : is_empty(head) ? REC_HEAD_NONE
					    : REC_HEAD_BAD;
	}
	return rec_files_list(f, path, e); /* the lock goes with the descriptor */
}

void
rec_files_close(struct rec_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].path);
		fd_closep(&f->at[i].fd);
	}
	free(f->at);
	*f = (struct rec_files)REC_FILES_INIT;
}

/* --- lines ------------------------------------------------------------------------ */

struct rec_reader
rec_reader_at(int fd, uint64_t from, uint64_t end)
{
	return (struct rec_reader){ .fd = fd, .next = from, .end = end, .line_at = from };
}

void
rec_reader_fini(struct rec_reader *r)
{
	free(r->p);
	r->p = NULL;
	r->begin = r->n = 0;
}

/* More bytes behind those that are there: how many, 0 at the end. */
static ssize_t
fill(struct rec_reader *r, struct err *e)
{
	const uint64_t left = r->end - r->next;
	size_t room;
	ssize_t k;

	if (r->p == NULL)
		r->p = mem_alloc(READ_BYTES);
	memmove(r->p, r->p + r->begin, r->n);
	r->begin = 0;
	room = READ_BYTES - r->n;
	if (room > left)
		room = (size_t)left;
	k = room == 0 ? 0 : pread(r->fd, r->p + r->n, room, (off_t)r->next);
	if (k < 0)
		return err_sys(e, "read the decision log");
	r->n += (size_t)k;
	r->next += (uint64_t)k;
	return k;
}

static void
give(struct rec_reader *r, size_t n, bool torn, struct str *line)
{
	const size_t used = torn ? n : n + 1;

	r->offset = r->line_at;
	r->torn = torn;
	r->too_long = n >= REC_LINE_MAX;
	*line = (struct str){ r->p + r->begin, n < REC_LINE_MAX ? n : REC_LINE_MAX };
	r->begin += used;
	r->n -= used;
	r->line_at = r->next - r->n;
}

/* Of a line that is larger than what can be held, only the beginning is kept. */
static void
shorten(struct rec_reader *r)
{
	r->n = REC_LINE_MAX;
}

int
rec_reader_next(struct rec_reader *r, struct str *line, struct err *e)
{
	size_t seen = 0;

	for (;;) {
		const char *at = r->p == NULL ? NULL : r->p + r->begin;
		const char *nl = at == NULL || seen == r->n
					 ? NULL
					 : memchr(at + seen, '\n', r->n - seen);
		ssize_t k;

		if (nl != NULL) {
			give(r, (size_t)(nl - at), false, line);
			return 1;
		}
		if (r->n == READ_BYTES)
			shorten(r);
		seen = r->n;
		k = fill(r, e);
		if (k < 0)
			return -1;
		if (k > 0)
			continue;
		if (r->n == 0 || r->waits)
			return 0;
		give(r, r->n, true, line);
		return 1;
	}
}
