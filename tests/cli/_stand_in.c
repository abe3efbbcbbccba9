/*
 * A stand-in for claude and codex: answers what the shim asks of an agent, and writes all that
 * a process can know of how it was started to the file that $STAND_IN_REPORT names, a line a
 * fact. Numbers of processes are left out; what is left must be the same for every start that
 * is meant to be the same. With $STAND_IN_SIGNAL it then ends by that signal.
 */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, PATH_ROOM = 4096, STD_FDS = 3 };

static char text[TEXT_MAX];

static size_t
slurp(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t k;

	while (fd >= 0 && (k = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)k;
	if (fd >= 0)
		(void)close(fd);
	text[n] = '\0';
	return n;
}

/* NUL-separated words, each in hexadecimal: they may hold anything. */
static void
put_words(FILE *out, const char *name)
{
	const size_t n = slurp(name);

	for (size_t i = 0, at = 0; i < n; i++) {
		if (text[i] != '\0')
			continue;
		fprintf(out, "%s ", name);
		for (size_t k = at; k < i; k++)
			fprintf(out, "%02x", (unsigned char)text[k]);
		fputc('\n', out);
		at = i + 1;
	}
}

static void
put_whole(FILE *out, const char *name)
{
	char *save = NULL;

	(void)slurp(name);
	for (char *l = strtok_r(text, "\n", &save); l != NULL;
		l = strtok_r(NULL, "\n", &save))
		fprintf(out, "%s %s\n", name, l);
}

static void
put_status(FILE *out)
{
	static const char *const changing[] = { "Pid:", "Tgid:", "Ngid:", "PPid:",
		"NStgid:", "NSpid:", "NSpgid:", "NSsid:", "Vm", "Rss", "Hugetlb",
		"FDSize:", "voluntary", "nonvoluntary", "Mems_",
		"SigQ:", "State:", "untag_", "x86_" };
	char *save = NULL;

	(void)slurp("/proc/self/status");
	for (char *l = strtok_r(text, "\n", &save); l != NULL;
		l = strtok_r(NULL, "\n", &save)) {
		bool skip = false;

		for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
			skip = skip || strncmp(l, changing[i], strlen(changing[i])) == 0;
		if (!skip)
			fprintf(out, "status %s\n", l);
	}
}

static void
put_fds(FILE *out)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *ent;

	while (d != NULL && (ent = readdir(d)) != NULL) {
		const int fd = atoi(ent->d_name);
		char to[PATH_ROOM];
		ssize_t n;

		if (ent->d_name[0] == '.' || fd == dirfd(d) || fd == fileno(out))
			continue;
		n = readlinkat(dirfd(d), ent->d_name, to, sizeof to - 1);
		to[n < 0 ? 0 : n] = '\0';
		fprintf(out, "fd %d %s flags %o %o at %lld\n", fd, to,
			(unsigned int)fcntl(fd, F_GETFL),
			(unsigned int)fcntl(fd, F_GETFD),
			(long long)lseek(fd, 0, SEEK_CUR));
	}
	if (d != NULL)
		(void)closedir(d);
}

static void
put_namespaces(FILE *out)
{
	static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "time",
		"user", "uts" };
	char path[64], to[PATH_ROOM];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		ssize_t n;

		(void)snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		n = readlink(path, to, sizeof to - 1);
		to[n < 0 ? 0 : n] = '\0';
		fprintf(out, "namespace %s\n", to);
	}
}

static void
put_terminals(FILE *out)
{
	for (int fd = 0; fd < STD_FDS; fd++) {
		struct termios t = { 0 };
		struct winsize w = { 0 };

		if (tcgetattr(fd, &t) < 0 || ioctl(fd, TIOCGWINSZ, &w) < 0)
			continue;
		fprintf(out, "tty %d %x %x %x %x %u %u foreground %d session %d ", fd,
			t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, w.ws_row, w.ws_col,
			tcgetpgrp(fd) == getpgrp(), tcgetsid(fd) == getsid(0));
		for (size_t i = 0; i < NCCS; i++)
			fprintf(out, "%02x", t.c_cc[i]);
		fputc('\n', out);
	}
}

static void
put_process(FILE *out)
{
	static const int questions[] = { PR_GET_DUMPABLE, PR_GET_KEEPCAPS,
		PR_GET_NO_NEW_PRIVS, PR_GET_SECUREBITS, PR_GET_TIMERSLACK };
	char cwd[PATH_ROOM];
	struct itimerval left = { 0 };
	int deathsig = 0;
	int reaper = 0;
	ssize_t n = readlink("/proc/self/cwd", cwd, sizeof cwd - 1);

	cwd[n < 0 ? 0 : n] = '\0';
	fprintf(out, "cwd %s\n", cwd);
	n = readlink("/proc/self/exe", cwd, sizeof cwd - 1);
	cwd[n < 0 ? 0 : n] = '\0';
	fprintf(out, "exe %s\n", cwd);
	fprintf(out, "leads group %d session %d parent %d\n", getpgrp() == getpid(),
		getsid(0) == getpid(), getppid() == getpgid(getppid()));
	(void)prctl(PR_GET_PDEATHSIG, &deathsig);
	(void)prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	fprintf(out, "dies with parent %d, reaps %d\n", deathsig, reaper);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		fprintf(out, "prctl %d %d\n", questions[i],
			prctl(questions[i], 0, 0, 0, 0));
	(void)getitimer(ITIMER_REAL, &left);
	fprintf(out, "alarm %d\n", left.it_value.tv_sec > 0);
}

static void
report(const char *path)
{
	FILE *out = fopen(path, "we");

	if (out == NULL)
		exit(1);
	put_fds(out);
	put_words(out, "/proc/self/cmdline");
	put_words(out, "/proc/self/environ");
	put_status(out);
	put_whole(out, "/proc/self/limits");
	put_whole(out, "/proc/self/cgroup");
	put_whole(out, "/proc/self/oom_score_adj");
	put_whole(out, "/proc/self/personality");
	put_whole(out, "/proc/self/coredump_filter");
	put_whole(out, "/proc/thread-self/children");
	put_namespaces(out);
	put_terminals(out);
	put_process(out);
	if (fclose(out) != 0)
		exit(1);
}

static bool
answer(int argc, char **argv)
{
	static const struct {
		const char *first, *second, *said;
	} known[] = {
		{ "--version", NULL, "stand-in 9.8.7" },
		{ "--help", NULL, "Commands:\n  mcp  Manage\n  login  Log in" },
		{ "features", "list", "shell_tool stable true\nhooks stable true" },
		{ "debug", "models", "{\"models\": [{\"slug\": \"a\"}]}" },
	};

	for (size_t i = 0; argc > 1 && i < sizeof known / sizeof *known; i++)
		if (strcmp(argv[1], known[i].first) == 0 &&
			(known[i].second == NULL ||
				(argc > 2 && strcmp(argv[2], known[i].second) == 0))) {
			(void)puts(known[i].said);
			return true;
		}
	return false;
}

int
main(int argc, char **argv)
{
	const char *to = getenv("STAND_IN_REPORT");
	const char *number = getenv("STAND_IN_SIGNAL");

	if (to == NULL)
		return answer(argc, argv) ? 0 : 1;
	report(to);
	if (number != NULL)
		(void)raise(atoi(number));
	return 0;
}
