#include "mcp/inside.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/fdio.h"
#include "base/path.h"

enum { PROC_MAX = 65536, HEADER_LINES = 2 };

static bool
next_line(struct str *text, struct str *line)
{
	const char *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	line->p = text->p;
	line->n = end == NULL ? text->n : (size_t)(end - text->p);
	*text = str_skip(*text, end == NULL ? text->n : line->n + 1);
	return true;
}

int
inside_check_interfaces(struct str dev, struct err *e)
{
	struct str line;
	int n = 0;

	while (next_line(&dev, &line)) {
		while (line.n > 0 && line.p[0] == ' ')
			line = str_skip(line, 1);
		if (++n <= HEADER_LINES || str_starts(line, STR("lo:")))
			continue;
		return err_set(
			e, ERR_SANDBOX, "there is a network interface besides loopback");
	}
	return n >= HEADER_LINES
		       ? 0
		       : err_set(e, ERR_SANDBOX, "the network interfaces are not known");
}

/* "Key:\tvalue" */
static bool
status_is(struct str status, const char *key, const char *want)
{
	struct str line;
	const size_t n = strlen(key);

	while (next_line(&status, &line)) {
		if (!str_starts(line, str_of(key)) || line.n <= n + 1 || line.p[n] != ':')
			continue;
		return str_is(str_skip(line, n + 2), want);
	}
	return false;
}

int
inside_check_status(struct str status, struct err *e)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd",
		"CapAmb" };

	for (size_t i = 0; i < LEN(sets); i++)
		if (!status_is(status, sets[i], "0000000000000000"))
			return err_set(
				e, ERR_SANDBOX, "there are capabilities (%s)", sets[i]);
	if (!status_is(status, "NoNewPrivs", "1"))
		return err_set(e, ERR_SANDBOX, "no_new_privs is not set");
	if (!status_is(status, "Seccomp", "2"))
		return err_set(e, ERR_SANDBOX, "there is no system call filter");
	return 0;
}

static int
check_proc(const char *path, int (*check)(struct str, struct err *), struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PROC_MAX);

	return path_read(path, &b, e) < 0 ? -1 : check(buf_str(&b), e);
}

static int
check_root(struct err *e)
{
	struct statfs fs;
	struct statvfs vfs;

	if (statfs("/", &fs) < 0 || statvfs("/", &vfs) < 0)
		return err_sys(e, "look at /");
	if (fs.f_type != TMPFS_MAGIC || (vfs.f_flag & ST_RDONLY) == 0)
		return err_set(e, ERR_SANDBOX, "/ is the host's");
	return 0;
}

static int
check_program(struct err *e)
{
	struct stat self;
	struct stat placed;

	if (stat("/proc/self/exe", &self) < 0 || stat(INSIDE_PROGRAM, &placed) < 0)
		return err_sys(e, "look at %s", INSIDE_PROGRAM);
	if (self.st_dev != placed.st_dev || self.st_ino != placed.st_ino)
		return err_set(e, ERR_SANDBOX, "this program is not %s", INSIDE_PROGRAM);
	return 0;
}

int
inside_verify(struct err *e)
{
	const char *told = getenv("PANDO_SANDBOX");

	if (told == NULL || strcmp(told, "1") != 0)
		(void)err_set(e, ERR_SANDBOX, "PANDO_SANDBOX is not 1");
	else if (check_root(e) == 0 && check_program(e) == 0 &&
		 check_proc("/proc/self/net/dev", inside_check_interfaces, e) == 0 &&
		 check_proc("/proc/self/status", inside_check_status, e) == 0)
		return 0;
	e->code = ERR_SANDBOX;
	return err_wrap(
		e, "not inside the sandbox: --sandboxed is for pando-sandbox alone");
}
