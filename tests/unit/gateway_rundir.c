#include "gateway/rundir.h"
#include "gateway/launch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "tests/unit/test.h"

#define RUN "0123456789abcdef"

static char home[] = "/tmp/gwrundirXXXXXX";

static void
one_holder_at_a_time(void)
{
	struct err e = ERR_INIT;
	struct gw_rundir a, b, c;

	ok_int(gw_rundir_open(&a, &e), 0, e.text);
	ok_int(gw_rundir_open(&b, &e), 0, e.text);
	ok_int(gw_rundir_open(&c, &e), 0, e.text);
	ok_int(gw_rundir_lock(&a, &e), 1, "the first gets it");
	ok_int(gw_rundir_lock(&b, &e), 0, "the second does not");
	gw_rundir_close(&b);
	ok_int(faccessat(a.fd, "gateway.lock", F_OK, 0), 0,
		"who has it not, removes it not");
	gw_rundir_close(&a);
	ok_int(faccessat(c.fd, "gateway.lock", F_OK, 0), -1, "who has it, removes it");
	ok_int(gw_rundir_lock(&c, &e), 1, "then another gets it");
	gw_rundir_close(&c);
	gw_rundir_close(&c);
	ok(c.path == NULL, "closing twice does no harm");
}

/* A crashed gateway leaves the file, but no lock on it. */
static void
a_left_file_locks_nothing(void)
{
	struct err e = ERR_INIT;
	struct gw_rundir d;
	CLEANUP(fd_closep) int fd = -1;

	ok_int(gw_rundir_open(&d, &e), 0, e.text);
	fd = openat(d.fd, "gateway.lock", O_CREAT | O_RDWR, 0600);
	ok(fd >= 0, "a file in the lock's place");
	ok_int(gw_rundir_lock(&d, &e), 1, "it does not count");
	gw_rundir_close(&d);
}

static void
only_runs_are_removed(void)
{
	static const char *const bad[] = { "", ".", "..", "../x", "gateway.lock",
		"0123456789abcdef0", "0123456789ABCDEF" };
	struct err e = ERR_INIT;
	struct gw_rundir d;

	ok_int(gw_rundir_open(&d, &e), 0, e.text);
	ok_int(mkdirat(d.fd, RUN, 0700), 0, "a run's folder");
	for (size_t i = 0; i < LEN(bad); i++)
		ok_int(gw_rundir_remove(&d, bad[i], &e), -1, bad[i]);
	ok_int(gw_rundir_remove(&d, RUN, &e), 0, "a run's folder goes");
	ok_int(faccessat(d.fd, RUN, F_OK, 0), -1, "it is gone");
	ok_int(gw_rundir_remove(&d, RUN, &e), 0, "none is none");
	gw_rundir_close(&d);
}

static void
a_large_log_is_emptied(void)
{
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	fd = gw_launch_log(&e);
	ok_int(write(fd, "x", 1), 1, "it can be written");
	fd_closep(&fd);
	fd = gw_launch_log(&e);
	ok_int(fstat(fd, &st) == 0 ? st.st_size : -1, 1, "a small one is kept");
	ok_int(ftruncate(fd, GW_LOG_MAX + 1), 0, "it becomes large");
	fd_closep(&fd);
	fd = gw_launch_log(&e);
	ok_int(fstat(fd, &st) == 0 ? st.st_size : -1, 0, "a large one is emptied");
	fd_closep(&fd);
}

int
main(void)
{
	struct err e = ERR_INIT;

	if (mkdtemp(home) == NULL)
		return 1;
	(void)setenv("HOME", home, 1);
	one_holder_at_a_time();
	a_left_file_locks_nothing();
	only_runs_are_removed();
	a_large_log_is_emptied();
	ok_int(path_remove_tree(AT_FDCWD, home, &e), 0, "the home goes");
	return test_done();
}
