#include "gateway/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

/* Fields of /proc/<pid>/stat, counted from the state, which is the third. */
enum { FIELD_PARENT = 1, FIELD_START = 19 };

enum { STAT_MAX = 1024, GENERATIONS_MAX = 64 };

/* 0: there is no such process. */
static uint64_t
field_of(pid_t pid, int field)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(STAT_MAX);
	char path[sizeof "/proc//stat" + 20];
	struct err e = ERR_INIT;
	const char *p;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (path_read(path, &text, &e) < 0)
		return 0; /* no such process */
	/* the name in field 2 may hold anything, so count from its last ')' */
	p = strrchr(buf_text(&text), ')');
	for (int i = 0; p != NULL && i <= field; i++)
		p = strchr(p + 1, ' ');
	return p == NULL ? 0 : strtoull(p, NULL, 10);
}

uint64_t
gw_process_start(pid_t pid)
{
	return field_of(pid, FIELD_START);
}

int64_t
gw_process_age(uint64_t start)
{
	const long ticks = sysconf(_SC_CLK_TCK);
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec - (int64_t)(start / (uint64_t)ticks);
}

bool
gw_process_is_below(pid_t pid, pid_t above)
{
	for (int i = 0; pid > 0 && i < GENERATIONS_MAX; i++) {
		if (pid == above)
			return true;
		pid = (pid_t)field_of(pid, FIELD_PARENT);
	}
	return false;
}

int
gw_process_close(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "keep other processes out of this one");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "switch cores off");
	return 0;
}
