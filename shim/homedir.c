#include "shim/homedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/secret.h"
#include "shim/codex_files.h"
#include "shim/codex_kept.h"
#include "shim/person.h"

#define PROFILE_END ".config.toml"
#define RUNS_END ".runs"
#define KEPT CODEX_OURS "kept.toml"

enum {
	LEFT_MAX = 64, /* sessions looked at in one launch; the rest wait for the next */
	TREES_MAX = 2 * LEFT_MAX,
	NAME_SIZE = 256, /* of a target of ours, which are short */
	OPEN_TO_OTHERS = S_IWGRP | S_IWOTH,
	STRANGE_OLD_S = 30 * 24 * 3600, /* then a run of another home has ended too */
};

struct left {
	char run[ID_HEX + 1];
	struct timespec changed;
	bool over; /* its run has ended */
};

void
homedir_fini(struct homedir *h)
{
	mem_freep((void *)&h->path);
	fd_closep(&h->fd);
	toml_free(h->kept);
	h->kept = NULL;
	mem_freep((void *)&h->kept_text);
}

/* --- what earlier sessions have left ----------------------------------------------------- */

/* The tree of a file and its text, which it points into; NULL when there is none to be had. */
static struct toml_node *
read_tree(int dir, const char *name, char **text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	struct err none = ERR_INIT; /* what a session made unreadable is not kept */
	CLEANUP(fd_closep)
	int fd = path_open_beneath(dir, name, O_RDONLY | O_NONBLOCK, 0, &none);

	*text = NULL;
	if (fd < 0 || fd_read_all(fd, &b, &none) < 0)
		return NULL;
	*text = mem_strdup(buf_text(&b));
	return toml_parse(str_of(*text), name, &none);
}

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static int
by_time(const void *a, const void *b)
{
	const struct left *x = a;
	const struct left *y = b;

	return is_later(&x->changed, &y->changed) - is_later(&y->changed, &x->changed);
}

/* "pando-<run>.config.toml" */
static bool
is_profile(const char *name, char run[ID_HEX + 1])
{
	const size_t begin = sizeof CODEX_OURS - 1;
	const size_t n = strlen(name);

	if (n != begin + ID_HEX + sizeof PROFILE_END - 1 ||
		strncmp(name, CODEX_OURS, begin) != 0 ||
		strcmp(name + begin + ID_HEX, PROFILE_END) != 0 ||
		strspn(name + begin, "0123456789abcdef") < ID_HEX)
		return false;
	(void)snprintf(run, ID_HEX + 1, "%s", name + begin);
	return true;
}

/*
 * What codex would read beside the profile, or run: no session of ours needs it. The person's
 * own stand in the folder above and are not touched.
 */
static bool
configures(const char *name)
{
	static const char *const names[] = { ".env", "agents", "app-server-control",
		"config.toml", "environments.toml", "hooks", "hooks.json",
		"managed_config.toml", "packages", "plugins", "requirements.toml",
		"rules" };
	const size_t n = strlen(name);
	const size_t end = sizeof PROFILE_END - 1;

	for (size_t i = 0; i < LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return n > end && strcmp(name + n - end, PROFILE_END) == 0;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* Of this home: another one, as a container's, may have the folder in common with it. */
static bool
is_of(const struct homedir *h, const char *run)
{
	CLEANUP(mem_freep) char *name = mem_printf(CODEX_OURS "%s" RUNS_END, run);
	char runs[NAME_SIZE];
	const ssize_t n = readlinkat(h->fd, name, runs, sizeof runs);

	return n >= 0 && str_is((struct str){ runs, (size_t)n }, h->runs);
}

/* Only a home's own folder of runs tells which of them go on. */
static bool
is_over(const struct homedir *h, const char *run, const struct stat *profile, int runs)
{
	if (!is_of(h, run))
		return time(NULL) - profile->st_mtim.tv_sec > STRANGE_OLD_S;
	return faccessat(runs, run, F_OK, 0) < 0 && errno == ENOENT;
}

static int
look(const struct homedir *h, int runs, struct left *left, size_t *n, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(h->fd, ".", O_RDONLY | O_DIRECTORY, 0, e);
	CLEANUP(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	struct stat st;

	if (d == NULL)
		return fd < 0 ? -1 : err_sys(e, "read %s", h->path);
	(void)fd_take(&fd); /* it is the DIR's now */
	while ((ent = readdir(d)) != NULL) {
		struct left *l = &left[*n];

		if (*n < LEFT_MAX && is_profile(ent->d_name, l->run) &&
			fstatat(h->fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			l->changed = st.st_mtim;
			l->over = is_over(h, l->run, &st, runs);
			(*n)++;
		} else if (configures(ent->d_name) &&
			   !is_profile(ent->d_name, (char[ID_HEX + 1]){ 0 }) &&
			   path_remove_tree(h->fd, ent->d_name, e) < 0) {
			return err_wrap(e, "%s", h->path);
		}
	}
	return 0;
}

/* With the time of the latest of them, so that what is written later counts as later. */
static int
write_kept(const struct homedir *h, struct str text, const struct timespec *at,
	struct err *e)
{
	const struct timespec times[] = { *at, *at };
	CLEANUP(mem_freep) char *tmp = mem_printf(KEPT ".%d.tmp", (int)getpid());
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		h->fd, tmp, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR, e);

	if (fd < 0 || fd_write_all(fd, text, e) < 0)
		return -1;
	if (futimens(fd, times) < 0 || renameat(h->fd, tmp, h->fd, KEPT) < 0)
		return err_sys(e, "write " KEPT);
	return 0;
}

struct trees {
	struct codex_left v[LEFT_MAX];
	struct toml_node *tree[TREES_MAX];
	char *text[TREES_MAX];
	size_t n;
};

static void
trees_free(struct trees **t)
{
	for (size_t i = 0; i < TREES_MAX; i++) {
		toml_free((*t)->tree[i]);
		mem_freep((void *)&(*t)->text[i]);
	}
	mem_freep((void *)t);
}

static void
add_trees(const struct homedir *h, const struct left *l, struct trees *t)
{
	CLEANUP(mem_freep) char *now = mem_printf(CODEX_OURS "%s" PROFILE_END, l->run);
	CLEANUP(mem_freep) char *was = mem_printf(CODEX_OURS "%s.was", l->run);
	const size_t i = 2 * t->n;

	t->tree[i] = read_tree(h->fd, was, &t->text[i]);
	t->tree[i + 1] = read_tree(h->fd, now, &t->text[i + 1]);
	if (t->tree[i] != NULL && t->tree[i + 1] != NULL)
		t->v[t->n] = (struct codex_left){ t->tree[i], t->tree[i + 1] };
	else
		t->v[t->n] = (struct codex_left){ NULL, NULL };
	t->n++;
}

/* Sessions that have changed something since, in their order. */
static int
take_changes(struct homedir *h, const struct toml_node *config, struct left *left,
	size_t n, struct err *e)
{
	CLEANUP(trees_free) struct trees *t = mem_alloc(sizeof *t);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PLAN_FILE_MAX);
	struct stat st;
	const bool is_new = fstatat(h->fd, KEPT, &st, AT_SYMLINK_NOFOLLOW) < 0;

	qsort(left, n, sizeof *left, by_time);
	for (size_t i = 0; i < n; i++)
		if (is_new || is_later(&left[i].changed, &st.st_mtim))
			add_trees(h, &left[i], t);
	if (t->n == 0)
		return 0;
	codex_kept_after(&text, h->kept, config, t->v, t->n);
	if (text.over || (h->kept == NULL && text.n == 0))
		return 0;
	if (h->kept_text != NULL && str_eq(buf_str(&text), str_of(h->kept_text)))
		return 0;
	if (write_kept(h, buf_str(&text), &left[n - 1].changed, e) < 0)
		return -1;
	toml_free(h->kept);
	mem_freep((void *)&h->kept_text);
	h->kept = read_tree(h->fd, KEPT, &h->kept_text);
	return 0;
}

static void
forget(const struct homedir *h, const struct left *l)
{
	static const char *const ends[] = { RUNS_END, ".was", PROFILE_END };

	for (size_t i = 0; i < LEN(ends); i++) {
		CLEANUP(mem_freep)
		char *name = mem_printf(CODEX_OURS "%s%s", l->run, ends[i]);

		(void)unlinkat(h->fd, name, 0); /* else the next launch does it */
	}
}

static int
take_earlier(struct homedir *h, int runs, const struct toml_node *config, struct err *e)
{
	struct left left[LEFT_MAX + 1];
	size_t n = 0;

	h->kept = read_tree(h->fd, KEPT, &h->kept_text);
	if (look(h, runs, left, &n, e) < 0 || take_changes(h, config, left, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (left[i].over)
			forget(h, &left[i]);
	return 0;
}

int
homedir_open(struct homedir *h, const char *own_dir, const char *root, int runs,
	const struct toml_node *config, struct err *e)
{
	struct stat st, own;

	h->path = path_join(own_dir, CODEX_HOME_NAME);
	for (size_t i = 0; codex_links[i].name != NULL; i++) {
		CLEANUP(mem_freep) char *dir = path_join(own_dir, codex_links[i].name);

		if (codex_links[i].dir && path_mkdirs(dir, S_IRWXU, e) < 0)
			return -1;
	}
	if (path_mkdirs(h->path, S_IRWXU, e) < 0 ||
		person_check_outside(POL_CODEX, h->path, root, e) < 0)
		return -1;
	h->fd = open(h->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (h->fd < 0 || fstat(h->fd, &st) < 0 || fstat(runs, &own) < 0)
		return err_sys(e, "open %s", h->path);
	(void)snprintf(h->runs, sizeof h->runs, "%ju:%ju", (uintmax_t)own.st_dev,
		(uintmax_t)own.st_ino);
	if (st.st_uid != geteuid() || (st.st_mode & OPEN_TO_OTHERS) != 0)
		return err_set(e, ERR_REFUSED,
			"%s is not yours alone: pando-ai keeps codex's configuration there, "
			"so make it yours with mode 0700, or remove it",
			h->path);
	return take_earlier(h, runs, config, e);
}

/* --- a session's own --------------------------------------------------------------------- */

static bool
is_link_to(int dir, const struct plan_link *l)
{
	char target[NAME_SIZE];
	const ssize_t n = readlinkat(dir, l->name, target, sizeof target);

	return n >= 0 && str_is((struct str){ target, (size_t)n }, l->target);
}

static int
make_link(int dir, const struct plan_link *l, struct err *e)
{
	if (is_link_to(dir, l))
		return 0;
	/* another session may be doing the same */
	if (path_remove_tree(dir, l->name, e) < 0)
		return -1;
	if (symlinkat(l->target, dir, l->name) < 0 && !is_link_to(dir, l))
		return err_sys(e, "link %s", l->name);
	return 0;
}

/* Those of the list that this plan has not: the person has removed them. */
static void
drop_links(int dir, const struct plan *p)
{
	for (size_t i = 0; codex_links[i].name != NULL; i++) {
		bool planned = false;
		struct stat st;

		for (size_t k = 0; k < p->nlinks; k++)
			planned = planned ||
				  strcmp(p->link[k].name, codex_links[i].name) == 0;
		if (!planned &&
			fstatat(dir, codex_links[i].name, &st, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			S_ISLNK(st.st_mode))
			(void)unlinkat(dir, codex_links[i].name, 0);
	}
}

/* Before the profile, so that none is there that nobody knows the run of. */
static int
tell_runs(const struct homedir *h, const struct plan *p, struct err *e)
{
	char run[ID_HEX + 1];

	for (size_t i = 0; i < p->nfiles; i++) {
		CLEANUP(mem_freep) char *name = NULL;

		if (!is_profile(p->file[i].name, run))
			continue;
		name = mem_printf(CODEX_OURS "%s" RUNS_END, run);
		if (symlinkat(h->runs, h->fd, name) < 0)
			return err_sys(e, "link %s", name);
	}
	return 0;
}

int
homedir_fill(const struct homedir *h, const struct plan *p, struct err *e)
{
	drop_links(h->fd, p);
	if (tell_runs(h, p, e) < 0)
		return err_wrap(e, "%s", h->path);
	for (size_t i = 0; i < p->nlinks; i++)
		if (make_link(h->fd, &p->link[i], e) < 0)
			return err_wrap(e, "%s", h->path);
	for (size_t i = 0; i < p->nfiles; i++) {
		CLEANUP(fd_closep)
		int fd = path_open_beneath(h->fd, p->file[i].name,
			O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, e);

		if (fd < 0 || fd_write_all(fd, str_of(p->file[i].text), e) < 0)
			return err_wrap(e, "%s", h->path);
	}
	return 0;
}

void
homedir_drop(const struct homedir *h, const struct plan *p)
{
	struct left l;

	for (size_t i = 0; h->fd >= 0 && i < p->nfiles; i++)
		if (is_profile(p->file[i].name, l.run))
			forget(h, &l);
}
