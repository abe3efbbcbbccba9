#include "shim/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "base/secret.h"
#include "policy/chain.h"

static const time_t unused_s = (time_t)KEPT_DAYS * 24 * 60 * 60;

static const char below[] = "claude/"; /* what every kept name begins with */
/* Beside the files, links for the runs' folders: hidden, or an "@path" could name them. */
static const char made[] = ".link.";

struct kept {
	const struct plan *plan;
	char digest[REC_SHA_HEX + 1];
	char *all; /* ~/.pando-data/claude */
	int all_fd;
	struct words dirs; /* of the kept files, each behind the one that it is in */
	struct words tops; /* first parts of their names */
	struct words links, targets; /* what the run's folder gets, below claude/ */
};

static void
kept_fini(struct kept *k)
{
	mem_freep((void *)&k->all);
	fd_closep(&k->all_fd);
	words_fini(&k->dirs);
	words_fini(&k->tops);
	words_fini(&k->links);
	words_fini(&k->targets);
}

bool
kept_has_link(const struct plan_link *l)
{
	return strncmp(l->name, below, sizeof below - 1) == 0;
}

static void
add_once(struct words *w, struct str s)
{
	for (size_t i = w->n; i > 0; i--)
		if (str_is(s, w->v[i - 1]))
			return;
	words_addf(w, STR_FMT, STR_ARG(s));
}

static const char *
name_of(const struct plan_file *f)
{
	return f->name + sizeof below - 1;
}

static void
note(struct kept *k, const struct plan_file *f)
{
	const char *name = name_of(f);

	add_once(&k->tops, (struct str){ name, strcspn(name, "/") });
	for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/'))
		add_once(&k->dirs, (struct str){ name, (size_t)(p - name) });
}

static void
name_all(struct kept *k)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(SIZE_MAX / 2);

	for (size_t i = 0; i < k->plan->nfiles; i++) {
		const struct plan_file *f = &k->plan->file[i];

		if (!f->kept)
			continue;
		note(k, f);
		buf_put(&b, f->name, strlen(f->name) + 1);
		buf_put(&b, f->text, strlen(f->text) + 1);
	}
	for (size_t i = 0; i < k->plan->nlinks; i++) {
		const struct plan_link *l = &k->plan->link[i];

		if (!kept_has_link(l))
			continue;
		buf_put(&b, l->name, strlen(l->name) + 1);
		buf_put(&b, l->target, strlen(l->target) + 1);
	}
	if (b.n > 0)
		rec_sha256(buf_str(&b), k->digest);
}

static bool
is_as_made(int dir, const char *name, bool is_file, size_t size)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mtim.tv_sec == KEPT_TIME && st.st_mtim.tv_nsec == 0 &&
	       (is_file ? S_ISREG(st.st_mode) && st.st_size == (off_t)size
			: S_ISDIR(st.st_mode));
}

static bool
leads_there(int dir, const char *link, const char *target)
{
	CLEANUP(mem_freep) char *name = mem_printf("%s%s", made, link);
	char have[PATH_MAX];
	const ssize_t n = readlinkat(dir, name, have, sizeof have);

	return n >= 0 && str_is((struct str){ have, (size_t)n }, target);
}

static bool
is_whole(const struct kept *k, int dir)
{
	for (size_t i = 0; i < k->links.n; i++)
		if (!leads_there(dir, k->links.v[i], k->targets.v[i]))
			return false;
	for (size_t i = 0; i < k->dirs.n; i++)
		if (!is_as_made(dir, k->dirs.v[i], false, 0))
			return false;
	for (size_t i = 0; i < k->plan->nfiles; i++) {
		const struct plan_file *f = &k->plan->file[i];

		if (f->kept && !is_as_made(dir, name_of(f), true, strlen(f->text)))
			return false;
	}
	return true;
}

/* True when it is there already; it is then marked as used. */
static bool
find_made(const struct kept *k)
{
	struct err none = ERR_INIT; /* it is made then */
	CLEANUP(fd_closep)
	int dir = path_open_beneath(
		k->all_fd, k->digest, O_RDONLY | O_DIRECTORY, 0, &none);

	return dir >= 0 && is_whole(k, dir) && futimens(dir, NULL) == 0;
}

/* --- making ---------------------------------------------------------------------------- */

static const struct timespec set_times[] = { { .tv_sec = KEPT_TIME },
	{ .tv_sec = KEPT_TIME } };

static int
write_one(int dir, const struct plan_file *f, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		dir, name_of(f), O_WRONLY | O_CREAT | O_EXCL, S_IRUSR, e);

	if (fd < 0 || fd_write_all(fd, str_of(f->text), e) < 0)
		return -1;
	return futimens(fd, set_times) < 0 ? err_sys(e, "set the time of %s", f->name)
					   : 0;
}

static int
fill(const struct kept *k, int dir, struct err *e)
{
	for (size_t i = 0; i < k->dirs.n; i++)
		if (mkdirat(dir, k->dirs.v[i], S_IRWXU) < 0)
			return err_sys(e, "make directory %s", k->dirs.v[i]);
	for (size_t i = 0; i < k->plan->nfiles; i++)
		if (k->plan->file[i].kept && write_one(dir, &k->plan->file[i], e) < 0)
			return -1;
	for (size_t i = 0; i < k->links.n; i++) {
		CLEANUP(mem_freep) char *name = mem_printf("%s%s", made, k->links.v[i]);

		if (symlinkat(k->targets.v[i], dir, name) < 0)
			return err_sys(e, "link %s", name);
	}
	for (size_t i = k->dirs.n; i > 0; i--)
		if (fchmodat(dir, k->dirs.v[i - 1], S_IRUSR | S_IXUSR, 0) < 0 ||
			utimensat(dir, k->dirs.v[i - 1], set_times, 0) < 0)
			return err_sys(e, "close directory %s", k->dirs.v[i - 1]);
	return 0;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static void
sweep(const struct kept *k)
{
	struct err e = ERR_INIT; /* what cannot be removed is tried again */
	CLEANUP(fd_closep)
	int fd = path_open_beneath(k->all_fd, ".", O_RDONLY | O_DIRECTORY, 0, &e);
	CLEANUP(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	struct stat st;

	if (d != NULL)
		(void)fd_take(&fd); /* it is the DIR's now */
	while (d != NULL && (ent = readdir(d)) != NULL)
		if (ent->d_name[0] != '.' &&
			fstatat(k->all_fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			time(NULL) - st.st_mtime > unused_s)
			(void)path_remove_tree(k->all_fd, ent->d_name, &e);
}

/* Beside its name first, so that nobody finds half of it. */
static int
make(const struct kept *k, struct err *e)
{
	CLEANUP(mem_freep) char *name = NULL;
	CLEANUP(fd_closep) int dir = -1;
	struct err none = ERR_INIT; /* the sweep of a later launch removes it */
	char id[ID_HEX + 1];

	if (id_new(id, e) < 0)
		return -1;
	sweep(k);
	name = mem_printf("%s.%s", k->digest, id);
	if (mkdirat(k->all_fd, name, S_IRWXU) < 0)
		return err_sys(e, "make directory %s/%s", k->all, name);
	dir = path_open_beneath(k->all_fd, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0 || fill(k, dir, e) < 0) {
		(void)path_remove_tree(k->all_fd, name, &none);
		return err_wrap(e, "%s", k->all);
	}
	if (renameat(k->all_fd, name, k->all_fd, k->digest) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, "rename %s/%s", k->all, name);
	/* another launch made it meanwhile, or it was changed since it was made */
	if (!find_made(k) && (path_remove_tree(k->all_fd, k->digest, e) < 0 ||
				     renameat(k->all_fd, name, k->all_fd, k->digest) < 0))
		return err_sys(e, "replace %s/%s", k->all, k->digest);
	(void)path_remove_tree(k->all_fd, name, &none);
	return 0;
}

static int
open_all(struct kept *k, struct err *e)
{
	CLEANUP(mem_freep) char *data = place_data(e);

	if (data == NULL)
		return -1;
	k->all = path_join(data, "claude");
	if (mkdir(k->all, S_IRWXU) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s", k->all);
	k->all_fd = open(k->all, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return k->all_fd < 0 ? err_sys(e, "open directory %s", k->all) : 0;
}

static void
list_links(struct kept *k)
{
	for (size_t i = 0; i < k->tops.n; i++) {
		words_add(&k->links, k->tops.v[i]);
		words_addf(&k->targets, "%s/%s/%s", k->all, k->digest, k->tops.v[i]);
	}
	for (size_t i = 0; i < k->plan->nlinks; i++) {
		const struct plan_link *l = &k->plan->link[i];

		if (!kept_has_link(l))
			continue;
		words_add(&k->links, l->name + sizeof below - 1);
		words_add(&k->targets, l->target);
	}
}

/*
 * A second name for the link that was made with the files: a new one would be a new inode. On
 * another file system it is made anew.
 */
static int
link_one(int kept, int run_dir, const char *link, const char *target, struct err *e)
{
	CLEANUP(mem_freep) char *from = mem_printf("%s%s", made, link);
	CLEANUP(mem_freep) char *name = mem_printf("%s%s", below, link);

	if (linkat(kept, from, run_dir, name, 0) == 0 ||
		symlinkat(target, run_dir, name) == 0)
		return 0;
	return err_sys(e, "link %s", name);
}

int
kept_link(int run_dir, const struct plan *p, struct err *e)
{
	CLEANUP(kept_fini)
	struct kept k = { .plan = p, .all_fd = -1 };
	CLEANUP(fd_closep) int dir = -1;

	name_all(&k);
	if (k.digest[0] == '\0')
		return 0;
	if (open_all(&k, e) < 0)
		return -1;
	list_links(&k);
	if (!find_made(&k) && make(&k, e) < 0)
		return -1;
	dir = path_open_beneath(k.all_fd, k.digest, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	for (size_t i = 0; i < k.links.n; i++)
		if (link_one(dir, run_dir, k.links.v[i], k.targets.v[i], e) < 0)
			return -1;
	return 0;
}
