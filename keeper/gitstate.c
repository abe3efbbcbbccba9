#include "keeper/gitstate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "keeper/walk.h"

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d); /* only read from */
}

struct names {
	char **z;
	size_t n;
};

static void
names_fini(struct names *ns)
{
	for (size_t i = 0; i < ns->n; i++)
		free(ns->z[i]);
	free(ns->z);
}

static int
cmp_names(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

static void
put_record(struct buf *out, const char *name, struct str content)
{
	if (content.n > 0 && memchr(content.p, '\0', content.n) != NULL)
		return; /* no reference has one */
	buf_puts(out, name);
	buf_putc(out, '\0');
	buf_put_str(out, content);
	buf_putc(out, '\0');
}

static bool
is_out_of_room(int no)
{
	return no == EMFILE || no == ENFILE || no == ENOMEM;
}

/* 1 when it is a directory: then *dir is open. */
static int
put_file(int at, const char *name, const char *shown, int *dir, struct buf *out,
	struct err *e)
{
	CLEANUP(fd_closep) int fd = walk_open(at, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GITSTATE_FILE_MAX);
	struct err why = ERR_INIT;
	struct stat st;

	if (fd < 0)
		return is_out_of_room(errno) ? err_sys(e, "open %s", shown) : 0;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", shown);
	if (S_ISDIR(st.st_mode)) {
		*dir = fd_take(&fd);
		return 1;
	}
	if (S_ISREG(st.st_mode) && fd_read_all(fd, &text, &why) == 0)
		put_record(out, shown, buf_str(&text));
	return 0;
}

static int
read_names(int fd, struct names *ns, struct err *e)
{
	CLEANUP(fd_closep) int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	CLEANUP(closedirp) DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *ent;

	if (d == NULL)
		return err_sys(e, "read the repository's references");
	(void)fd_take(&again); /* now it is d's */
	ns->z = mem_alloc(GITSTATE_NAMES_MAX * sizeof ns->z[0]);
	while (ns->n < GITSTATE_NAMES_MAX && (ent = readdir(d)) != NULL)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			ns->z[ns->n++] = mem_strdup(ent->d_name);
	qsort(ns->z, ns->n, sizeof ns->z[0], cmp_names);
	return 0;
}

static int
put_refs(int fd, const char *above, int depth, struct buf *out, struct err *e)
{
	CLEANUP(names_fini) struct names ns = { 0 };

	if (depth >= GITSTATE_DEPTH_MAX)
		return 0;
	if (read_names(fd, &ns, e) < 0)
		return -1;
	for (size_t i = 0; i < ns.n && !out->over; i++) {
		CLEANUP(mem_freep) char *shown = mem_printf("%s/%s", above, ns.z[i]);
		CLEANUP(fd_closep) int dir = -1;
		const int got = put_file(fd, ns.z[i], shown, &dir, out, e);

		if (got < 0 || (got == 1 && put_refs(dir, shown, depth + 1, out, e) < 0))
			return -1;
	}
	return 0;
}

static int
put_repo(int git, struct buf *out, struct err *e)
{
	static const char *const files[] = { "HEAD", "packed-refs" };
	CLEANUP(fd_closep) int refs = -1;
	int got;

	for (size_t i = 0; i < LEN(files); i++) {
		CLEANUP(fd_closep) int dir = -1;

		if (put_file(git, files[i], files[i], &dir, out, e) < 0)
			return -1;
	}
	got = put_file(git, "refs", "refs", &refs, out, e);
	return got == 1 ? put_refs(refs, "refs", 0, out, e) : got;
}

int
gitstate_read(int root, struct buf *out, struct err *e)
{
	CLEANUP(fd_closep) int dir = -1;
	char target[PATH_MAX];
	ssize_t n = readlinkat(root, ".git", target, sizeof target);
	int got = 0;

	if (n >= 0)
		put_record(out, ".git -> link", (struct str){ target, (size_t)n });
	else
		got = put_file(root, ".git", ".git", &dir, out, e);
	if (got == 1)
		got = put_repo(dir, out, e);
	if (out->over) {
		buf_reset(out);
		buf_puts(out, "too large");
		buf_putc(out, '\0');
	}
	return got < 0 ? -1 : 0;
}
