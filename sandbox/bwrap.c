#include "sandbox/bwrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/layers.h"
#include "sandbox/audit.h"
#include "sandbox/fds.h"
#include "sandbox/host.h"
#include "sandbox/limits.h"
#include "sandbox/plan.h"
#include "sandbox/project.h"
#include "sandbox/seccomp.h"
#include "sandbox/state.h"
#include "sandbox/tidy.h"

enum { LAYERS_MAX = 1024 };

/* Everything that is open for the plan. What exec does not need, exec closes. */
struct launch {
	struct project project;
	struct host host;
	struct state state;
	struct guards guards;
	struct plan_fds fd;
	struct plan plan;
	struct policy *policy; /* NULL: none was given */
	char *log, *log_head;  /* the decision log, and the lock of its writers */
	size_t filter;         /* instructions */
};

static void
launch_fini(struct launch *l)
{
	int *const own[] = { &l->fd.self, &l->fd.program, &l->fd.policy, &l->fd.passwd,
		&l->fd.group, &l->fd.hosts, &l->fd.nsswitch, &l->fd.seccomp,
		&l->fd.sync };

	for (size_t i = 0; i < LEN(own); i++)
		fd_closep(own[i]);
	plan_fini(&l->plan);
	pol_freep(&l->policy);
	guards_close(&l->guards);
	mem_freep(&l->log);
	mem_freep(&l->log_head);
	state_close(&l->state);
	host_fini(&l->host);
	project_close(&l->project);
}

static int
open_program(const char *path, int *fd, struct err *e)
{
	struct stat st;

	if (path == NULL)
		return 0;
	*fd = open(path, O_PATH | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return err_set(e, ERR_USAGE, "the program %s cannot be opened: %s", path,
			strerror(errno));
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return err_set(
			e, ERR_USAGE, "%s is not a program that you may run", path);
	return 0;
}

/* A copy: the sandbox needs no way to the folder in which the person keeps it. */
static int
take_policy(struct launch *l, const char *path, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_BUNDLE_MAX);
	const char *root;

	if (path == NULL)
		return 0;
	l->policy = pol_bundle_load(path, getenv("PANDO_POLICY_SHA256"), e);
	if (l->policy == NULL)
		return -1;
	root = pol_root(l->policy);
	if (root != NULL && strcmp(root, l->project.path) != 0)
		return err_set(e, ERR_POLICY, "%s: the policy of a run in %s, not in %s",
			path, root, l->project.path);
	pol_bundle(l->policy, &text);
	l->fd.policy = fds_of_text("policy", buf_text(&text), e);
	return l->fd.policy < 0 ? -1 : 0;
}

static int
open_texts(struct launch *l, struct err *e)
{
	CLEANUP(mem_freep)
	char *passwd = plan_passwd(geteuid(), getegid(), l->project.path);
	CLEANUP(mem_freep) char *group = plan_group(getegid());
	const struct {
		const char *name, *text;
		int *fd;
	} files[] = {
		{ "passwd", passwd, &l->fd.passwd },
		{ "group", group, &l->fd.group },
		{ "hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n", &l->fd.hosts },
		{ "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n",
			&l->fd.nsswitch },
	};

	for (size_t i = 0; i < LEN(files); i++) {
		*files[i].fd = fds_of_text(files[i].name, files[i].text, e);
		if (*files[i].fd < 0)
			return -1;
	}
	return 0;
}

static int
guard_file(struct launch *l, const char *rel, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(l->project.fd, rel, O_WRONLY | O_CREAT | O_NONBLOCK,
		S_IRUSR | S_IWUSR, e);

	return fd < 0 ? -1 : guards_add(&l->guards, l->project.fd, rel, e);
}

/*
 * Inside, the log stands in the place of its head: who could open the head, if only to read,
 * could hold the lock of all writers.
 */
static int
guard_head(struct launch *l, const char *rel, struct err *e)
{
	const struct guard *log = &l->guards.at[l->guards.n - 1];
	struct guard *head;
	int fd;

	l->log_head = mem_printf("%s.head", rel);
	if (guard_file(l, l->log_head, e) < 0)
		return -1;
	fd = fcntl(log->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "duplicate a descriptor");
	head = &l->guards.at[l->guards.n - 1];
	fd_closep(&head->fd);
	head->fd = fd;
	return 0;
}

/* A person may keep the decision log in the project; what it tells about must not write it. */
static int
guard_log(struct launch *l, struct err *e)
{
	const char *rel;

	l->log = place_decision_log(e);
	if (l->log == NULL) {
		e->code = ERR_SPACE;
		return err_wrap(e, "no sandbox without a decision log");
	}
	if (!path_is_within(l->log, l->project.path))
		return 0;
	rel = l->log + strlen(l->project.path) + 1;
	if (guard_file(l, rel, e) < 0 || guard_head(l, rel, e) < 0)
		return err_wrap(e, "the decision log");
	return 0;
}

static struct guard_opened
opened(const struct launch *l)
{
	struct guard_opened o = { .n = 0 };

	if (l->policy != NULL)
		o.n = pol_writable(l->policy, &o.names);
	return o;
}

/* [sandbox] read_only */
static int
guard_more(struct launch *l, struct err *e)
{
	const char *const *names = NULL;
	const size_t n = l->policy == NULL ? 0 : pol_read_only(l->policy, &names);

	for (size_t i = 0; i < n; i++)
		if (guards_add(&l->guards, l->project.fd, names[i], e) < 0)
			return -1;
	return 0;
}

/* From here on somebody waits for the end of us to remove the placeholders. */
static int
open_project(struct launch *l, struct err *e)
{
	const struct guard_opened o = opened(l);

	if (state_open(&l->state, l->project.fd, e) < 0 ||
		tidy_start(&l->project, &l->state, &l->fd.sync, e) < 0 ||
		guards_open(&l->guards, l->project.fd, &o, e) < 0 || guard_more(l, e) < 0)
		return err_wrap(e, "project root %s", l->project.path);
	l->fd.root = l->project.fd;
	l->fd.home = l->state.home;
	l->fd.tmp = l->state.tmp;
	l->fd.cache = l->state.cache;
	return 0;
}

static int
open_all(struct launch *l, const struct options *o, struct err *e)
{
	if (fds_keep_only(o->keep, o->nkeep, e) < 0 ||
		project_open(&l->project, o->root, e) < 0 ||
		open_program(o->program[0], &l->fd.program, e) < 0 ||
		take_policy(l, o->policy, e) < 0 || host_probe(&l->host, e) < 0 ||
		open_project(l, e) < 0 || open_texts(l, e) < 0)
		return -1;
	if (o->mode == OPT_RUN && guard_log(l, e) < 0)
		return -1;
	l->fd.self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (l->fd.self < 0)
		return err_sys(e, "open this program itself");
	l->fd.seccomp = seccomp_filter_new(&l->filter, e);
	return l->fd.seccomp < 0 ? -1 : 0;
}

static int
make_plan(struct launch *l, const struct options *o, struct err *e)
{
	const struct plan_in in = {
		.root = l->project.path,
		.tops = l->host.tops,
		.etc = l->host.etc,
		.netc = l->host.netc,
		.nix = l->host.nix,
		.guards = &l->guards,
		.fd = l->fd,
		.program = o->program,
		.keep = o->keep,
		.nkeep = o->nkeep,
		.caller_env = environ,
		.is_root_user = geteuid() == 0,
	};

	return plan_make(&l->plan, &in, e);
}

static int
hand_on(const struct launch *l, struct err *e)
{
	const int given[] = { l->fd.root, l->fd.home, l->fd.tmp, l->fd.cache, l->fd.self,
		l->fd.program, l->fd.policy, l->fd.passwd, l->fd.group, l->fd.hosts,
		l->fd.nsswitch, l->fd.seccomp, l->fd.sync };

	for (size_t i = 0; i < LEN(given); i++)
		if (given[i] >= 0 && fd_set_cloexec(given[i], false, e) < 0)
			return -1;
	for (size_t i = 0; i < l->guards.n; i++)
		if (fd_set_cloexec(l->guards.at[i].fd, false, e) < 0)
			return -1;
	return 0;
}

static int
note_start(const struct launch *l, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(LAYERS_MAX);
	const struct guard_opened o = opened(l);

	buf_printf(&b,
		"bwrap %s; namespaces user pid net ipc uts cgroup; seccomp %zu "
		"instructions; guarded names %zu; limits ",
		l->host.version, l->filter, l->guards.n);
	limits_put(&b);
	for (size_t i = 0; i < o.n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "; opened by policy " : " ", o.names[i]);
	return audit_started(l->project.path, buf_str(&b), e);
}

int
bwrap_run(const struct options *o, struct err *e)
{
	CLEANUP(launch_fini)
	struct launch l = { .project = { .fd = -1 },
		.state = { -1, -1, -1, -1, -1, false },
		.fd = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } };

	if (open_all(&l, o, e) < 0 || make_plan(&l, o, e) < 0 || hand_on(&l, e) < 0)
		return -1;
	if (o->mode == OPT_RUN && note_start(&l, e) < 0)
		return -1;
	/* an ignored SIGCHLD would keep bwrap from seeing the end of its child */
	child_default_signals();
	(void)execve(l.host.bwrap, l.plan.argv, l.plan.env);
	(void)err_sys(e, "start %s", l.host.bwrap);
	e->code = ERR_SANDBOX;
	return -1;
}
