#ifndef BASE_CHILD_H
#define BASE_CHILD_H

/*
 * The one place that forks. A child gets an absolute path, exact argv and environment, exact
 * descriptors and default signals; what else is open is closed. A failed exec comes back
 * with its errno through a pipe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { CHILD_FDS_MAX = 8 };

struct child_spec {
	const char *path;
	char *const *argv;
	char *const *env;
	int fd[CHILD_FDS_MAX]; /* fd[i] becomes descriptor i; -1: /dev/null */
	size_t nfds;           /* at least 3 */
	const char *dir;       /* working directory, NULL: ours */
	bool new_session;
	/*
	 * Nobody's child, and in a session of its own; *pid is one that ends as soon as it is
	 * started. Without die_with_parent.
	 */
	bool detached;
	const int
		*ruleset; /* of Landlock, to be put on; needs no_new_privs. NULL: none */
	bool die_with_parent; /* SIGKILL when the thread that started it ends */
};

/* Every signal at its default and none blocked; async-signal-safe. For who execs itself. */
void child_default_signals(void);

int child_start(const struct child_spec *s, pid_t *pid, struct err *e);
/* Waits; answers the exit status, 128 + signal when it was killed, -1 on error. */
int child_wait(pid_t pid, struct err *e);
/* Waits at most so long; CHILD_RUNNING when it has not ended by then, or a signal came. */
enum { CHILD_RUNNING = 1000 };
int child_wait_ms(pid_t pid, int ms, struct err *e);

#endif
