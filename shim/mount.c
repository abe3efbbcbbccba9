#include "shim/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/path.h"

enum { MOUNTINFO_MAX = 1 << 20, MAP_MAX = 64, FIELDS_BEFORE_POINT = 4 };

enum step { STEP_NAMESPACE, STEP_MAP, STEP_PRIVATE, STEP_OVERLAY, STEP_BELOW, STEPS };

static const char *const step_names[STEPS] = { "no namespace can be made",
	"no user can be mapped", "mounts cannot be made private",
	"nothing can be laid over /etc", "a mount below it cannot be kept" };

/* What is laid over what; made before anything is changed. */
struct cover {
	char *options; /* of the overlay */
	char *target;  /* /etc/codex itself, or /etc when there is no such folder */
	char *below[MOUNT_BELOW_MAX];
	size_t nbelow;
};

struct report {
	int error; /* 0: it stands */
	enum step step;
	int flags; /* the namespaces to join */
};

static void
cover_fini(struct cover *c)
{
	mem_freep((void *)&c->options);
	mem_freep((void *)&c->target);
	for (size_t i = 0; i < c->nbelow; i++)
		mem_freep((void *)&c->below[i]);
}

/* --- what is there ----------------------------------------------------------------------- */

/* mountinfo writes what is no plain character behind a backslash (proc_pid_mountinfo(5)). */
static int
keep_below(struct cover *c, struct str point, struct err *e)
{
	if (c->nbelow == MOUNT_BELOW_MAX || memchr(point.p, '\\', point.n) != NULL)
		return err_set(e, ERR_REFUSED,
			"the mount " STR_FMT " below %s cannot be kept", STR_ARG(point),
			c->target);
	c->below[c->nbelow++] = mem_strdup_str(point);
	return 0;
}

/* An overlay shows no mounts of what it covers: resolv.conf of a container is one. */
static int
find_below(struct cover *c, struct err *e)
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT(MOUNTINFO_MAX);
	CLEANUP(mem_freep) char *text = NULL;
	const size_t n = strlen(c->target);
	char *save = NULL;

	if (path_read("/proc/self/mountinfo", &all, e) < 0)
		return -1;
	text = mem_strdup(buf_text(&all));
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		const char *p = line;

		for (int i = 0; p != NULL && i < FIELDS_BEFORE_POINT; i++)
			p = (p = strchr(p, ' ')) == NULL ? NULL : p + 1;
		if (p == NULL || strncmp(p, c->target, n) != 0 || p[n] != '/')
			continue;
		if (keep_below(c, (struct str){ p, strcspn(p, " ") }, e) < 0)
			return -1;
	}
	return 0;
}

static int
cover_plan(struct cover *c, const char *dir, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	const bool has = realpath("/etc/codex", real) != NULL;

	if (lstat(MOUNT_TARGET, &st) == 0 || errno != ENOENT)
		return err_set(e, ERR_REFUSED,
			MOUNT_TARGET " is there already and stays as it is");
	c->target = mem_strdup(has ? real : "/etc");
	if (strpbrk(dir, ":,\\\"") != NULL || strpbrk(c->target, ":,\\\"") != NULL)
		return err_set(
			e, ERR_REFUSED, "%s cannot be mounted over %s", dir, c->target);
	c->options = mem_printf(
		"lowerdir=%s/etc%s:%s", dir, has ? "/codex" : "", c->target);
	return find_below(c, e);
}

/* --- in a child of our own: system calls only -------------------------------------------- */

static bool
write_to(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool done = fd >= 0 &&
			  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return done;
}

static bool
map_self(uid_t uid, gid_t gid)
{
	char uids[MAP_MAX], gids[MAP_MAX];

	(void)snprintf(uids, sizeof uids, "%u %u 1", uid, uid);
	(void)snprintf(gids, sizeof gids, "%u %u 1", gid, gid);
	/* without "deny" the kernel takes no gid_map from us (user_namespaces(7)) */
	return write_to("/proc/self/setgroups", "deny") &&
	       write_to("/proc/self/uid_map", uids) &&
	       write_to("/proc/self/gid_map", gids);
}

static enum step
make_namespaces(struct report *r)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	r->flags = CLONE_NEWNS;
	if (unshare(r->flags) == 0)
		return STEPS;
	r->flags |= CLONE_NEWUSER;
	if (unshare(r->flags) < 0)
		return STEP_NAMESPACE;
	return map_self(uid, gid) ? STEPS : STEP_MAP;
}

/* Opened in the new namespace, since mounts of another one cannot be bound. */
static enum step
cover_etc(const struct cover *c)
{
	int fd[MOUNT_BELOW_MAX];
	char from[sizeof "/proc/self/fd/" + 11];

	/* what is mounted later on the machine is seen, and ours is not seen there */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return STEP_PRIVATE;
	for (size_t i = 0; i < c->nbelow; i++) {
		fd[i] = open(c->below[i], O_PATH | O_CLOEXEC);
		if (fd[i] < 0)
			return STEP_BELOW;
	}
	if (mount("pando", c->target, "overlay", MS_NODEV | MS_NOSUID, c->options) < 0)
		return STEP_OVERLAY;
	for (size_t i = 0; i < c->nbelow; i++) {
		(void)snprintf(from, sizeof from, "/proc/self/fd/%d", fd[i]);
		if (mount(from, c->below[i], NULL, MS_BIND | MS_REC, NULL) < 0)
			return STEP_BELOW;
	}
	return STEPS;
}

/* Stays until its parent has joined the namespaces, and kills it. */
_Noreturn static void
be_child(const struct cover *c, pid_t parent, int tell)
{
	struct report r = { .error = 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1); /* it has ended before it could be noticed */
	errno = 0;
	r.step = make_namespaces(&r);
	if (r.step == STEPS)
		r.step = cover_etc(c);
	if (r.step != STEPS)
		r.error = errno == 0 ? EINVAL : errno;
	if (write(tell, &r, sizeof r) == (ssize_t)sizeof r && r.error == 0)
		for (;;)
			(void)pause();
	_exit(0);
}

/* --- joining it -------------------------------------------------------------------------- */

static int
join(pid_t child, int flags, struct err *e)
{
	CLEANUP(fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	char cwd[PATH_MAX];

	if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/')
		return err_set(
			e, ERR_REFUSED, "the working folder has no name to come back to");
	if (pidfd < 0 || setns(pidfd, flags) < 0)
		return err_set(e, ERR_REFUSED, "the namespace cannot be joined: %s",
			strerror(errno));
	/* the working folder of a process that joins is the root */
	return chdir(cwd) < 0 ? err_sys(e, "go back to %s", cwd) : 0;
}

static int
take(pid_t child, int from, struct err *e)
{
	struct report r;
	ssize_t n;

	while ((n = read(from, &r, sizeof r)) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof r || r.step > STEPS)
		return err_set(e, ERR_REFUSED, "the namespace was not made");
	if (r.error != 0)
		return err_set(
			e, ERR_REFUSED, "%s: %s", step_names[r.step], strerror(r.error));
	return join(child, r.flags, e);
}

int
mount_requirements(const char *dir, struct err *e)
{
	CLEANUP(cover_fini) struct cover c = { .nbelow = 0 };
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	const pid_t parent = getpid();
	pid_t child;
	int p[2], got;

	if (cover_plan(&c, dir, e) < 0)
		return -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, ERR_REFUSED, "make a pipe: %s", strerror(errno));
	from = p[0];
	to = p[1];
	child = fork();
	if (child < 0)
		return err_set(e, ERR_REFUSED, "start a process: %s", strerror(errno));
	if (child == 0)
		be_child(&c, parent, to);
	fd_closep(&to);
	got = take(child, from, e);
	(void)kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return got;
}

/* --- for status -------------------------------------------------------------------------- */

static int
try_in(const char *dir, struct err *e)
{
	CLEANUP(mem_freep) char *file = path_join(dir, MOUNT_FILE);
	CLEANUP(mem_freep) char *folder = path_dir(file);

	if (path_mkdirs(folder, S_IRWXU, e) < 0 ||
		path_write(file, str_of("\n"), S_IRUSR | S_IWUSR, e) < 0)
		return -1;
	return mount_requirements(dir, e);
}

int
mount_tell(void)
{
	char dir[] = "/tmp/pando-status-XXXXXX";
	struct err e = ERR_INIT;
	struct err none =
		ERR_INIT; /* what stays is a file of ours without content, in /tmp */
	int got = -1;

	if (mkdtemp(dir) == NULL)
		(void)err_sys(&e, "make %s", dir);
	else {
		got = try_in(dir, &e);
		(void)path_remove_tree(AT_FDCWD, dir, &none);
	}
	if (got == 0)
		puts("         requirements that no argument or file beats are shown to it");
	else
		printf("         no requirements can be shown to it: %s\n", e.text);
	return got == 0 ? 0 : 1;
}
