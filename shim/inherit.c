#include "shim/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	int number;
	void (*meanwhile)(int);
} signals[INHERIT_SIGNALS] = { { SIGCHLD, SIG_DFL }, { SIGXFSZ, SIG_IGN },
	{ SIGPIPE, SIG_IGN } };

/* Each is the lowest free number when it is opened, so it becomes the missing one. */
static void
hold(int fd)
{
	const int wrong_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

	if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		open("/dev/null", wrong_way | O_CLOEXEC) != fd)
		_exit(1); /* no /dev/null: then there is nowhere to say so either */
}

void
inherit_take(struct inherit *i)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		hold(fd);
	for (size_t s = 0; s < INHERIT_SIGNALS; s++) {
		const struct sigaction a = { .sa_handler = signals[s].meanwhile };

		(void)sigaction(signals[s].number, &a, &i->was[s]);
	}
	i->mask = umask(S_IRWXG | S_IRWXO);
}

void
inherit_give_back(const struct inherit *i)
{
	(void)umask(i->mask);
	for (size_t s = 0; s < INHERIT_SIGNALS; s++)
		(void)sigaction(signals[s].number, &i->was[s], NULL);
}
