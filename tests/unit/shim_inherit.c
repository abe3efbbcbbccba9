#include "shim/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { STD_FDS = 3, WELL = 0, OPENED_AS_STD, NOT_CLOEXEC, NOT_DEAD, NOT_BACK };

/* In a process without these descriptors of the first three; bits. */
static int
try_without(unsigned int missing)
{
	struct inherit i;
	char byte = 'x';
	int fd;

	for (int n = 0; n < STD_FDS; n++)
		if ((missing & (1U << n)) != 0)
			(void)close(n);
	inherit_take(&i);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < STD_FDS)
		return OPENED_AS_STD;
	for (int n = 0; n < STD_FDS; n++) {
		if ((missing & (1U << n)) == 0)
			continue;
		if (fcntl(n, F_GETFD) != FD_CLOEXEC)
			return NOT_CLOEXEC;
		errno = 0;
		if ((n == 0 ? read(n, &byte, 1) : write(n, &byte, 1)) >= 0 ||
			errno != EBADF)
			return NOT_DEAD;
	}
	return WELL;
}

static int
status_of(int (*question)(unsigned int), unsigned int with)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(question(with));
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
a_closed_descriptor_is_nobodys(void)
{
	static const char *const names[] = { "none", "0", "1", "0 1", "2", "0 2", "1 2",
		"0 1 2" };

	for (unsigned int missing = 0; missing < LEN(names); missing++)
		ok_int(status_of(try_without, missing), WELL, names[missing]);
}

static int
take_and_give(unsigned int ignored)
{
	struct inherit i;
	struct sigaction now;
	void (*const was)(int) = ignored != 0 ? SIG_IGN : SIG_DFL;
	static const int numbers[] = { SIGCHLD, SIGXFSZ, SIGPIPE };

	(void)umask(S_IRWXU | S_IRWXG | S_IRWXO);
	for (size_t s = 0; s < LEN(numbers); s++)
		(void)signal(numbers[s], was);
	inherit_take(&i);
	if (umask(S_IRWXG | S_IRWXO) != (S_IRWXG | S_IRWXO))
		return NOT_BACK;
	if (sigaction(SIGCHLD, NULL, &now) < 0 || now.sa_handler != SIG_DFL)
		return NOT_BACK;
	if (sigaction(SIGPIPE, NULL, &now) < 0 || now.sa_handler != SIG_IGN)
		return NOT_BACK;
	inherit_give_back(&i);
	for (size_t s = 0; s < LEN(numbers); s++)
		if (sigaction(numbers[s], NULL, &now) < 0 || now.sa_handler != was)
			return NOT_BACK;
	return umask(0) == (S_IRWXU | S_IRWXG | S_IRWXO) ? WELL : NOT_BACK;
}

static void
what_was_put_aside_comes_back(void)
{
	ok_int(status_of(take_and_give, 0), WELL, "at their default");
	ok_int(status_of(take_and_give, 1), WELL, "ignored");
}

int
main(void)
{
	a_closed_descriptor_is_nobodys();
	what_was_put_aside_comes_back();
	return test_done();
}
