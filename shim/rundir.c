#include "shim/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "shim/kept.h"

enum { STAT_MAX = 4096, FIELDS_BEFORE_START = 19 };

char *
rundir_start_time(pid_t pid, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(STAT_MAX);
	CLEANUP(mem_freep) char *path = mem_printf("/proc/%d/stat", (int)pid);
	const char *p;

	if (path_read(path, &text, e) < 0)
		return NULL;
	/* the name in field 2 may hold anything, so count from its last ')' (proc(5)) */
	p = strrchr(buf_text(&text), ')');
	for (int i = 0; p != NULL && i <= FIELDS_BEFORE_START; i++)
		p = strchr(p + 1, ' ');
	if (p == NULL) {
		(void)err_set(e, ERR_SYS, "%s is not as expected", path);
		return NULL;
	}
	return mem_strdup_str((struct str){ p + 1, strcspn(p + 1, " ") });
}

/* Not synced: after a crash of the machine nobody needs it. */
static int
write_new(int dir, const char *name, struct str text, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		dir, name, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, e);

	return fd < 0 ? -1 : fd_write_all(fd, text, e);
}

static int
write_pid(int dir, struct err *e)
{
	CLEANUP(mem_freep) char *start = rundir_start_time(getpid(), e);
	CLEANUP(mem_freep) char *line = NULL;

	if (start == NULL)
		return -1;
	line = mem_printf("%d %s\n", (int)getpid(), start);
	return write_new(dir, "pid", str_of(line), e);
}

int
rundir_make(struct rundir *d, const char *run, struct err *e)
{
	CLEANUP(mem_freep) char *all = place_run(e);
	CLEANUP(fd_closep) int fd = -1;

	if (all == NULL)
		return -1;
	d->parent = path_open_dir(all, e);
	if (d->parent < 0)
		return -1;
	/* a gateway has made it, for its record of the run; our own file in it is new */
	if (mkdirat(d->parent, run, S_IRWXU) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", all, run);
	d->run = run;
	d->path = path_join(all, run);
	fd = path_open_beneath(d->parent, run, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0 || write_pid(fd, e) < 0)
		return err_wrap(e, "%s", d->path);
	return 0;
}

/* made: the folder that was made last, since files of one folder come together. */
static int
make_folder_of(int dir, const char *name, char **made, struct err *e)
{
	CLEANUP(mem_freep) char *folder = path_dir(name);

	if (strcmp(folder, ".") == 0 || (*made != NULL && strcmp(folder, *made) == 0))
		return 0;
	for (char *p = strchr(folder, '/');; p = strchr(p + 1, '/')) {
		if (p != NULL)
			*p = '\0';
		if (mkdirat(dir, folder, S_IRWXU) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s", folder);
		if (p == NULL)
			break;
		*p = '/';
	}
	mem_freep((void *)made);
	*made = folder;
	folder = NULL;
	return 0;
}

static int
fill(int dir, const struct plan *p, struct err *e)
{
	CLEANUP(mem_freep) char *made = NULL;

	for (size_t i = 0; i < p->nfiles; i++)
		if (!p->file[i].kept &&
			(make_folder_of(dir, p->file[i].name, &made, e) < 0 ||
				write_new(dir, p->file[i].name, str_of(p->file[i].text),
					e) < 0))
			return err_wrap(e, "%s", p->file[i].name);
	for (size_t i = 0; i < p->nlinks; i++) {
		if (kept_has_link(&p->link[i]))
			continue;
		if (make_folder_of(dir, p->link[i].name, &made, e) < 0)
			return -1;
		if (symlinkat(p->link[i].target, dir, p->link[i].name) < 0)
			return err_sys(e, "link %s", p->link[i].name);
	}
	return kept_link(dir, p, e);
}

int
rundir_fill(const struct rundir *d, const struct plan *p, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(d->parent, d->run, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0 || fill(fd, p, e) < 0)
		return err_wrap(e, "%s", d->path);
	return 0;
}

void
rundir_drop(struct rundir *d)
{
	struct err e = ERR_INIT;

	if (d->path != NULL && path_remove_tree(d->parent, d->run, &e) < 0)
		log_debug("%s: %s", d->path, e.text); /* the gateway sweeps it later */
	rundir_fini(d);
}

void
rundir_fini(struct rundir *d)
{
	fd_closep(&d->parent);
	mem_freep((void *)&d->path);
	d->path = NULL;
}
