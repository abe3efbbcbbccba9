#include "mcp/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"

enum { STAT_MAX = 512, US_PER_MS = 1000, ROUND_NS = 1000 * 1000, ORPHANS_MAX = 1024 };

/* /proc/<pid>/stat: "12 (any name) S 7 ...": state and parent follow the last ')'. */
static bool
is_our_child(const char *pid_text)
{
	char path[64];
	char text[STAT_MAX];
	CLEANUP(fd_closep) int fd = -1;
	const char *at;
	ssize_t n;
	char state;
	int parent;

	(void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid_text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strrchr(text, ')');
	return at != NULL && sscanf(at + 1, " %c %d", &state, &parent) == 2 &&
	       parent == getpid() && state != 'Z';
}

static void
kill_children(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *ent;

	if (d == NULL)
		return;
	while ((ent = readdir(d)) != NULL) {
		if (ent->d_name[0] < '1' || ent->d_name[0] > '9' ||
			!is_our_child(ent->d_name))
			continue;
		(void)kill((pid_t)strtol(ent->d_name, NULL, 10), SIGKILL); /* or gone */
	}
	(void)closedir(d);
}

struct reaped {
	pid_t first;
	int *status;
	int killed; /* others that died of our signal */
	bool have_status, none_left;
};

static void
reap_dead(struct reaped *r)
{
	for (;;) {
		int status;
		const pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR)
			continue;
		r->none_left = pid < 0 && errno == ECHILD;
		if (pid <= 0)
			return;
		if (pid != r->first) {
			r->killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
			continue;
		}
		*r->status = status;
		r->have_status = true;
	}
}

void
reap_orphans(pid_t first)
{
	for (int i = 0; i < ORPHANS_MAX; i++) {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid == 0 || info.si_pid == first)
			return;
		(void)waitpid(info.si_pid, NULL, 0); /* it is dead, as we have seen */
	}
}

bool
reap_all(pid_t first, int64_t within_ms, int *status, int *killed)
{
	const int64_t until = clock_mono_us() + within_ms * US_PER_MS;
	struct reaped r = { .first = first, .status = status };
	const struct timespec a_moment = { .tv_nsec = ROUND_NS };

	*killed = 0;
	*status = 0;
	/* its group in one stroke, while its zombie keeps the number; the rest one by one */
	(void)kill(-first, SIGKILL);
	while (!r.none_left) {
		kill_children();
		reap_dead(&r);
		*killed = r.killed;
		if (!r.none_left && clock_mono_us() > until)
			return false;
		if (!r.none_left)
			(void)nanosleep(&a_moment, NULL); /* they need time to die */
	}
	return true;
}
