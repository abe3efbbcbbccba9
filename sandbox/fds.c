#include "sandbox/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"

static int
fill_stdio(struct err *e)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", O_RDWR) != fd)
			return err_sys(e, "open /dev/null as descriptor %d", fd);
	}
	return 0;
}

static int
check_kind(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0 && errno == EBADF)
		return err_set(e, ERR_USAGE, "descriptor %d is not open", fd);
	if (fcntl(fd, F_GETFL) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "look at descriptor %d", fd);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_REFUSED,
			"descriptor %d is a directory: through it the sandbox could be left",
			fd);
	return 0;
}

int
fds_keep_only(const int *keep, size_t n, struct err *e)
{
	if (fill_stdio(e) < 0)
		return -1;
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(e, "mark descriptors close-on-exec (Linux 5.11 or newer)");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (check_kind(fd, e) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (check_kind(keep[i], e) < 0 || fd_set_cloexec(keep[i], false, e) < 0)
			return -1;
	return 0;
}

int
fds_of_text(const char *name, const char *text, struct err *e)
{
	CLEANUP(fd_closep) int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "make a memory file for %s", name);
	if (fd_write_all(fd, str_of(text), e) < 0)
		return err_wrap(e, "%s", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind %s", name);
	return fd_take(&fd);
}
