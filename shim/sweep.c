#include "shim/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/secret.h"
#include "shim/rundir.h"

enum { PID_FILE_MAX = 64 };

static bool
is_run(const char *name)
{
	return strlen(name) == ID_HEX && name[strspn(name, "0123456789abcdef")] == '\0';
}

/* True when the process that the folder names is still the one that made it. */
static bool
is_alive(int run)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PID_FILE_MAX);
	CLEANUP(mem_freep) char *start = NULL;
	CLEANUP(mem_freep) char *want = NULL;
	struct err none = ERR_INIT; /* what cannot be read names nobody */
	CLEANUP(fd_closep)
	int fd = path_open_beneath(run, "pid", O_RDONLY | O_NONBLOCK, 0, &none);
	int pid;

	if (fd < 0 || fd_read_all(fd, &text, &none) < 0 ||
		sscanf(buf_text(&text), "%d", &pid) != 1 || pid <= 0)
		return false;
	start = rundir_start_time(pid, &none);
	if (start == NULL)
		return false;
	want = mem_printf("%d %s\n", pid, start);
	return strcmp(buf_text(&text), want) == 0;
}

static bool
is_leftover(int runs, const char *name)
{
	struct err none = ERR_INIT; /* what is no folder is not ours to remove */
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (!is_run(name))
		return false;
	fd = path_open_beneath(runs, name, O_RDONLY | O_DIRECTORY, 0, &none);
	return fd >= 0 && fstat(fd, &st) == 0 && time(NULL) - st.st_mtime > SWEEP_AGE_S &&
	       !is_alive(fd);
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

void
sweep_runs(int runs_fd)
{
	struct err e = ERR_INIT;
	CLEANUP(fd_closep)
	int fd = path_open_beneath(runs_fd, ".", O_RDONLY | O_DIRECTORY, 0, &e);
	CLEANUP(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (d != NULL)
		(void)fd_take(&fd); /* it is the DIR's now */
	while (d != NULL && (ent = readdir(d)) != NULL)
		if (is_leftover(runs_fd, ent->d_name) &&
			path_remove_tree(runs_fd, ent->d_name, &e) < 0)
			log_debug("sweep: %s", e.text);
}
