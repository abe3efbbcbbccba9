#include "sandbox/plan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

#define HOME_INSIDE "/home/sandbox"
#define ROOT_TMPFS "16777216"
#define SHM_TMPFS "268435456"
#define TMP_TMPFS "268435456"
#define STATE_TMPFS "4096"
#define STATE_HIDDEN ".pando-sandbox"

enum { ENV_VALUE_MAX = 64 };

const char *const plan_top_names[PLAN_TOPS_MAX] = { "/bin", "/sbin", "/lib", "/lib32",
	"/lib64", "/libx32" };

/* A list of words with a ceiling; what is too much sets nothing and is found at the end. */
struct words {
	char **at;
	size_t n, max;
};

static void
add_own(struct words *w, char *word)
{
	if (w->n >= w->max) {
		free(word);
		w->n = w->max + 1;
		return;
	}
	w->at[w->n++] = word;
}

static void
add(struct words *w, const char *word)
{
	add_own(w, mem_strdup(word));
}

static void
add_all(struct words *w, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		add(w, list[i]);
}

static void
add_mount(struct words *w, const char *how, const char *from, const char *to)
{
	add(w, how);
	add(w, from);
	add(w, to);
}

static void
add_fd(struct words *w, const char *how, int fd, const char *to)
{
	add(w, how);
	add_own(w, mem_printf("%d", fd));
	if (to != NULL)
		add(w, to);
}

static void
add_tmpfs(struct words *w, const char *size, const char *mode, const char *to)
{
	const char *const list[] = { "--size", size, "--perms", mode, "--tmpfs", to,
		NULL };

	add_all(w, list);
}

static bool
is_within(const char *path, const char *dir)
{
	return str_starts(str_of(path), str_of(dir)) &&
	       (path[strlen(dir)] == '/' || path[strlen(dir)] == '\0');
}

const char *
plan_home(const char *root)
{
	/* a project below it would be mounted into what a former run has prepared */
	return is_within(root, HOME_INSIDE) ? PLAN_AT "/home" : HOME_INSIDE;
}

static void
add_namespaces(struct words *w)
{
	static const char *const list[] = { "--unshare-user", "--disable-userns",
		"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
		"--unshare-cgroup", "--hostname", "sandbox", "--die-with-parent",
		"--new-session", "--cap-drop", "ALL", NULL };

	add_all(w, list);
}

static void
add_system(struct words *w, const struct plan_in *in)
{
	add_tmpfs(w, ROOT_TMPFS, "0755", "/");
	add_mount(w, "--ro-bind", "/usr", "/usr");
	for (size_t i = 0; i < PLAN_TOPS_MAX; i++) {
		const char *link = in->tops[i];

		if (link == NULL)
			continue;
		if (link[0] == '\0')
			add_mount(w, "--ro-bind", plan_top_names[i], plan_top_names[i]);
		else
			add_mount(w, "--symlink", link, plan_top_names[i]);
	}
	if (in->nix)
		add_mount(w, "--ro-bind", "/nix/store", "/nix/store");
	for (size_t i = 0; i < in->netc; i++)
		add_mount(w, "--ro-bind", in->etc[i], in->etc[i]);
	add_fd(w, "--ro-bind-data", in->fd.passwd, "/etc/passwd");
	add_fd(w, "--ro-bind-data", in->fd.group, "/etc/group");
	add_fd(w, "--ro-bind-data", in->fd.hosts, "/etc/hosts");
	add_fd(w, "--ro-bind-data", in->fd.nsswitch, "/etc/nsswitch.conf");
}

/*
 * For uid 0 outside, files of /proc/sys are its own, and writing core_pattern would be a way out
 * without any capability: then all of /proc is read-only.
 */
static void
add_devices(struct words *w, const struct plan_in *in)
{
	static const char *const before[] = { "--dev", "/dev", NULL };
	static const char *const after[] = { "--remount-ro", "/dev", "--proc", "/proc",
		NULL };
	static const char *const shut[] = { "--remount-ro", "/proc", NULL };

	add_all(w, before);
	add_tmpfs(w, SHM_TMPFS, "1777", "/dev/shm");
	add_all(w, after);
	if (in->is_root_user)
		add_all(w, shut);
}

static void
add_ours(struct words *w, const struct plan_in *in)
{
	add_fd(w, "--ro-bind-fd", in->fd.self, PLAN_SELF);
	if (in->fd.program >= 0)
		add_fd(w, "--ro-bind-fd", in->fd.program, PLAN_PROGRAM);
	if (in->fd.policy >= 0)
		add_fd(w, "--ro-bind-data", in->fd.policy, PLAN_POLICY);
	add_fd(w, "--bind-fd", in->fd.cache, PLAN_CACHE);
	add_fd(w, "--bind-fd", in->fd.home, plan_home(in->root));
}

/*
 * A project below /tmp is mounted into an empty one: the kept one was in the hands of a
 * former run, which may have put a link where the mount point will be (CVE-2026-87766).
 */
static void
add_tmp(struct words *w, const struct plan_in *in)
{
	if (is_within(in->root, "/tmp"))
		add_tmpfs(w, TMP_TMPFS, "1777", "/tmp");
	else
		add_fd(w, "--bind-fd", in->fd.tmp, "/tmp");
}

static void
add_project(struct words *w, const struct plan_in *in)
{
	CLEANUP(mem_freep) char *hidden = mem_printf("%s/" STATE_HIDDEN, in->root);

	add_fd(w, "--bind-fd", in->fd.root, in->root);
	for (size_t i = 0; i < in->guards->n; i++) {
		const struct guard *g = &in->guards->at[i];
		CLEANUP(mem_freep) char *to = mem_printf("%s/%s", in->root, g->name);

		add_fd(w, g->shut ? "--ro-bind-fd" : "--bind-fd", g->fd, to);
	}
	add_tmpfs(w, STATE_TMPFS, "0555", hidden);
	add(w, "--remount-ro");
	add(w, hidden);
}

static void
add_command(struct words *w, const struct plan_in *in)
{
	const char *const rest[] = { "--remount-ro", "/", "--chdir", in->root, NULL };
	const char *name;

	add_all(w, rest);
	add_fd(w, "--seccomp", in->fd.seccomp, NULL);
	add_fd(w, "--sync-fd", in->fd.sync, NULL);
	add(w, "--");
	add(w, PLAN_SELF);
	add(w, "--inside");
	for (size_t i = 0; i < in->nkeep; i++)
		add_fd(w, "--keep-fd", in->keep[i], NULL);
	if (in->program[0] == NULL)
		return;
	name = strrchr(in->program[0], '/');
	add(w, "--");
	add(w, name == NULL ? in->program[0] : name + 1);
	for (char *const *arg = in->program + 1; *arg != NULL; arg++)
		add(w, *arg);
}

static bool
is_plain(const char *value)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_.@/+-";
	const size_t n = strlen(value);

	return n > 0 && n <= ENV_VALUE_MAX && strspn(value, good) == n;
}

/* Whether a variable of the caller's goes on: its name is on the list, its value plain. */
static bool
may_pass(const char *var)
{
	static const char *const names[] = { "LANG=", "TZ=", "TERM=", "COLUMNS=",
		"LINES=", "NO_COLOR=", "CI=", "PANDO_RUN=", "PANDO_AGENT=",
		"PANDO_AGENT_VERSION=", "PANDO_PROCESS_ROLE=", "PANDO_POLICY_SHA256=" };
	const char *value = strchr(var, '=');

	if (value == NULL || !is_plain(value + 1))
		return false;
	if (strncmp(var, "LC_", 3) == 0)
		return strspn(var + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") ==
		       (size_t)(value - var - 3);
	for (size_t i = 0; i < LEN(names); i++)
		if (str_starts(str_of(var), str_of(names[i])))
			return true;
	return false;
}

static void
add_env(struct words *w, const struct plan_in *in)
{
	const char *user = in->is_root_user ? "root" : "sandbox";
	static const char *const fixed[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"SHELL=/bin/sh", "TMPDIR=/tmp", "XDG_CACHE_HOME=" PLAN_CACHE,
		"npm_config_cache=" PLAN_CACHE "/npm", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "PANDO_SANDBOX=1", NULL
	};

	add_all(w, fixed);
	add_own(w, mem_printf("HOME=%s", plan_home(in->root)));
	add_own(w, mem_printf("USER=%s", user));
	add_own(w, mem_printf("LOGNAME=%s", user));
	add_own(w, mem_printf("PANDO_PROJECT_ROOT=%s", in->root));
	if (in->fd.policy >= 0)
		add(w, "PANDO_POLICY=" PLAN_POLICY);
	for (char *const *var = in->caller_env; *var != NULL; var++)
		if (may_pass(*var))
			add(w, *var);
}

int
plan_make(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct words argv = { .max = PLAN_WORDS_MAX };
	struct words env = { .max = PLAN_ENV_MAX };

	argv.at = mem_alloc((PLAN_WORDS_MAX + 1) * sizeof *argv.at);
	env.at = mem_alloc((PLAN_ENV_MAX + 1) * sizeof *env.at);
	*p = (struct plan){ .argv = argv.at, .env = env.at };
	add(&argv, "bwrap");
	add_namespaces(&argv);
	add_system(&argv, in);
	add_devices(&argv, in);
	add_ours(&argv, in);
	add_tmp(&argv, in);
	add_project(&argv, in);
	add_command(&argv, in);
	add_env(&env, in);
	if (argv.n > argv.max)
		return err_set(e, ERR_USAGE, "more than %d words for the program inside",
			PLAN_WORDS_MAX);
	if (env.n > env.max)
		return err_set(e, ERR_REFUSED, "more than %d variables for inside",
			PLAN_ENV_MAX);
	p->nargv = argv.n;
	p->nenv = env.n;
	return 0;
}

static void
free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void
plan_fini(struct plan *p)
{
	free_list(p->argv);
	free_list(p->env);
	*p = (struct plan){ .argv = NULL };
}

char *
plan_passwd(uid_t uid, gid_t gid, const char *root)
{
	const char *home = plan_home(root);

	if (uid == 0)
		return mem_printf("root:x:0:%u:root:%s:/bin/sh\n", gid, home);
	return mem_printf(
		"root:x:0:0:root:/:/bin/sh\nsandbox:x:%u:%u:sandbox:%s:/bin/sh\n", uid,
		gid, home);
}

char *
plan_group(gid_t gid)
{
	return gid == 0 ? mem_strdup("root:x:0:\n")
			: mem_printf("root:x:0:\nsandbox:x:%u:\n", gid);
}
