#include "mcp/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/path.h"

/* The part of root.h that goes over directories. */

enum { NAMES_MAX = 1 << 18 };

struct names {
	char **z;
	size_t n, cap;
};

static void
names_fini(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->z[i]);
	free(l->z);
}

static void
names_add(struct names *l, const char *z)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->z = mem_grow(l->z, l->cap * sizeof *l->z);
	}
	l->z[l->n++] = mem_strdup(z);
}

static int
by_bytes(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

static bool
is_left_out(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strcmp(name, ".git") == 0 || strcmp(name, ".pando-sandbox") == 0;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* The names in the directory, sorted; fd stays the caller's. */
static int
read_names(int fd, struct names *l)
{
	CLEANUP(closedirp) DIR *d = NULL;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	const struct dirent *ent;

	if (own < 0)
		return -1;
	d = fdopendir(own);
	if (d == NULL) {
		(void)close(own);
		return -1;
	}
	while (l->n < NAMES_MAX && (ent = readdir(d)) != NULL)
		if (!is_left_out(ent->d_name))
			names_add(l, ent->d_name);
	if (l->n > 0)
		qsort(l->z, l->n, sizeof *l->z, by_bytes);
	return 0;
}

static bool walk_dir(int dir, const char *rel, int depth, struct root_walk *w);

static bool
walk_below(int dir, const char *name, const char *rel, int depth, struct root_walk *w)
{
	struct err ignored = ERR_INIT; /* it is counted instead */
	CLEANUP(fd_closep)
	int fd = path_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0, &ignored);

	if (fd < 0) {
		w->unreadable++;
		return true;
	}
	if (depth >= ROOT_DEPTH_MAX) {
		w->cut = true;
		return true;
	}
	return walk_dir(fd, rel, depth + 1, w);
}

static bool
walk_entry(int dir, const char *name, const char *rel, int depth, struct root_walk *w)
{
	struct root_entry ent = { .rel = rel };
	struct stat st;

	w->late = clock_mono_us() > w->until_us;
	w->cut = w->cut || ++w->seen > ROOT_ENTRIES_MAX;
	if (w->late || w->seen > ROOT_ENTRIES_MAX)
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true; /* it went away meanwhile */
	if (S_ISDIR(st.st_mode))
		return walk_below(dir, name, rel, depth, w);
	ent.is_file = S_ISREG(st.st_mode);
	ent.is_link = S_ISLNK(st.st_mode);
	return w->visit(w->to, &ent);
}

static bool
walk_dir(int dir, const char *rel, int depth, struct root_walk *w)
{
	CLEANUP(names_fini) struct names l = { NULL, 0, 0 };

	if (read_names(dir, &l) < 0) {
		w->unreadable++;
		return true;
	}
	if (l.n == NAMES_MAX)
		w->cut = true;
	for (size_t i = 0; i < l.n; i++) {
		CLEANUP(mem_freep)
		char *below = strcmp(rel, ".") == 0 ? mem_strdup(l.z[i])
						    : path_join(rel, l.z[i]);

		if (!walk_entry(dir, l.z[i], below, depth, w))
			return false;
	}
	return true;
}

int
root_walk(const struct root *r, const char *rel, struct root_walk *w, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(r->fd, rel, O_RDONLY | O_DIRECTORY, 0, e);
	struct root_entry file = { .rel = rel, .is_file = true };

	if (fd < 0 && errno == ENOTDIR) {
		CLEANUP(fd_closep) int one = root_open(r, rel, NULL, e);

		if (one < 0)
			return -1;
		w->seen++;
		(void)w->visit(w->to, &file); /* there is nothing more to end */
		return 0;
	}
	if (fd < 0)
		return -1;
	(void)walk_dir(fd, rel, 0, w); /* false: the visitor has what it wants */
	return 0;
}
