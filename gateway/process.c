#include "gateway/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

enum { STAT_MAX = 1024, FIELDS_BEFORE_START = 19 };

uint64_t
gw_process_start(pid_t pid)
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
	for (int i = 0; p != NULL && i <= FIELDS_BEFORE_START; i++)
		p = strchr(p + 1, ' ');
	return p == NULL ? 0 : strtoull(p, NULL, 10);
}

int64_t
gw_process_age(uint64_t start)
{
	const long ticks = sysconf(_SC_CLK_TCK);
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec - (int64_t)(start / (uint64_t)ticks);
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
