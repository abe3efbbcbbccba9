#include "sandbox/guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/str.h"
#include "policy/policy.h"

enum {
	MAKE_TRIES = 4,
	GUARD_LOG_MAX = 4, /* a log in the project, and what belongs to it */
	MARK = S_ISVTX,
	DIR_MODE = MARK | S_IRWXU,
	FILE_MODE = MARK | S_IRUSR | S_IWUSR
};

#define GIT ".git"
#define GIT_IN ".git/"
#define BARE_HEAD "HEAD"

/*
 * Left when absent: names that a program outside reads badly when they are directories, and
 * that start nothing by themselves, or only after a question (direnv).
 *
 * In .git: `commondir` would send git to another folder for its configuration and hooks; "."
 * is where it looks anyway. `config.worktree` counts when an extension is on. `modules` and
 * `worktrees` hold the configuration of submodules and linked worktrees. Where there is no
 * repository, HEAD beside some folders would make the root itself one.
 */
static const struct guard_rule rules[] = {
	{ GIT, GUARD_DIR, NULL },
	{ GIT_IN "config", GUARD_LEAVE, NULL },
	{ GIT_IN "hooks", GUARD_DIR, NULL },
	{ GIT_IN "commondir", GUARD_FILE, ".\n" },
	{ GIT_IN "config.worktree", GUARD_FILE, "" },
	{ GIT_IN "modules", GUARD_LEAVE, NULL },
	{ GIT_IN "worktrees", GUARD_LEAVE, NULL },
	{ BARE_HEAD, GUARD_DIR, NULL },
	{ ".claude", GUARD_DIR, NULL },
	{ ".codex", GUARD_DIR, NULL },
	{ ".agents", GUARD_DIR, NULL },
	{ ".cursor", GUARD_DIR, NULL },
	{ ".mcp.json", GUARD_DIR, NULL },
	{ ".pando", GUARD_DIR, NULL },
	{ ".vscode", GUARD_DIR, NULL },
	{ ".idea", GUARD_DIR, NULL },
	{ ".devcontainer", GUARD_DIR, NULL },
	{ ".husky", GUARD_DIR, NULL },
	{ ".bashrc", GUARD_DIR, NULL },
	{ ".bash_profile", GUARD_DIR, NULL },
	{ ".bash_login", GUARD_DIR, NULL },
	{ ".profile", GUARD_DIR, NULL },
	{ ".zshrc", GUARD_DIR, NULL },
	{ ".zshenv", GUARD_DIR, NULL },
	{ ".zprofile", GUARD_DIR, NULL },
	{ ".gitconfig", GUARD_DIR, NULL },
	{ ".gitmodules", GUARD_LEAVE, NULL },
	{ ".envrc", GUARD_LEAVE, NULL },
	{ ".npmrc", GUARD_LEAVE, NULL },
	{ ".yarnrc.yml", GUARD_LEAVE, NULL },
	{ ".ripgreprc", GUARD_LEAVE, NULL },
};

size_t
guard_rules(const struct guard_rule **all)
{
	*all = rules;
	return LEN(rules);
}

bool
guard_is_placeholder(const struct guard_rule *r, const struct stat *st)
{
	const mode_t want = r->absent == GUARD_DIR ? S_IFDIR | DIR_MODE
						   : S_IFREG | FILE_MODE;

	return r->absent != GUARD_LEAVE && st->st_uid == geteuid() && st->st_mode == want;
}

static int
make_file(int root, const struct guard_rule *r, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		root, r->name, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, e);

	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	if (fd_write_all(fd, str_of(r->content), e) < 0)
		return err_wrap(e, "%s", r->name);
	return fchmod(fd, FILE_MODE) < 0 ? err_sys(e, "set the mode of %s", r->name) : 0;
}

/* EEXIST: another sandbox of this root was faster, or the person. */
static int
make_dir(int root, const struct guard_rule *r, struct err *e)
{
	return mkdirat(root, r->name, DIR_MODE) < 0 && errno != EEXIST
		       ? err_sys(e, "make %s", r->name)
		       : 0;
}

static int
make_absent(int root, const struct guard_rule *r, struct err *e)
{
	switch (r->absent) {
	case GUARD_DIR:
		return make_dir(root, r, e);
	case GUARD_FILE:
		return make_file(root, r, e);
	case GUARD_LEAVE:
	case GUARD_ABSENTS:
		break;
	}
	return 0;
}

/* 1 and st when it is there, 0 when it is not. */
static int
look(int root, const char *name, int *fd, struct stat *st, struct err *e)
{
	*fd = path_open_beneath(root, name, O_PATH | O_NOFOLLOW, 0, e);
	if (*fd < 0 && errno == ENOENT)
		return 0;
	if (*fd < 0 && errno != ELOOP)
		return -1;
	if (*fd < 0 || fstat(*fd, st) < 0 || S_ISLNK(st->st_mode))
		return err_set(e, ERR_REFUSED,
			"%s is reached by a symbolic link: what may not be changed from "
			"inside must be a file or directory itself; replace the link",
			name);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return err_set(e, ERR_REFUSED, "%s is neither file nor directory", name);
	return 1;
}

/* Made, and gone again before it was opened: somebody clears the folder meanwhile. */
static int
look_or_make(
	int root, const struct guard_rule *r, int *fd, struct stat *st, struct err *e)
{
	for (int i = 0; i < MAKE_TRIES; i++) {
		const int there = look(root, r->name, fd, st, e);

		if (there != 0 || r->absent == GUARD_LEAVE)
			return there;
		if (make_absent(root, r, e) < 0)
			return -1;
	}
	return err_set(e, ERR_SANDBOX, "%s vanishes while the sandbox starts: try again",
		r->name);
}

static int
guard_one(struct guards *g, int root, const struct guard_rule *r, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat st = { .st_mode = 0 };
	const int there = look_or_make(root, r, &fd, &st, e);

	if (there < 0)
		return -1;
	if (there == 1)
		g->at[g->n++] = (struct guard){ r->name, fd_take(&fd), true };
	return 0;
}

/* A .git that is a folder and has a configuration of its own is one that is worked in. */
static int
is_repository(int root, struct err *e)
{
	CLEANUP(fd_closep) int git = -1;
	CLEANUP(fd_closep) int config = -1;
	struct stat st = { .st_mode = 0 };
	const int there = look(root, GIT, &git, &st, e);

	if (there <= 0 || !S_ISDIR(st.st_mode))
		return there < 0 ? -1 : 0;
	return look(root, GIT "/config", &config, &st, e);
}

static bool
applies(const struct guard_rule *r, bool repository)
{
	if (str_starts(str_of(r->name), STR(GIT_IN)))
		return repository;
	return strcmp(r->name, BARE_HEAD) != 0 || !repository;
}

int
guards_open(struct guards *g, int root, const struct guard_opened *o, struct err *e)
{
	const int repository = is_repository(root, e);

	static_assert(
		LEN(rules) + (size_t)3 * POL_READ_ONLY_MAX + GUARD_LOG_MAX <= GUARD_MAX,
		"room for all, the three files' and the log");
	if (repository < 0)
		return -1;
	for (size_t i = 0; i < LEN(rules); i++) {
		if (str_is_any(str_of(rules[i].name), o->names, o->n))
			continue;
		if (applies(&rules[i], repository != 0) &&
			guard_one(g, root, &rules[i], e) < 0)
			return -1;
	}
	g->at[0].shut = repository == 0; /* .git is the first rule, and always there */
	return 0;
}

int
guards_add(struct guards *g, int root, const char *name, struct err *e)
{
	const struct guard_rule r = { name, GUARD_LEAVE, NULL };
	const size_t before = g->n;

	if (g->n == GUARD_MAX)
		return err_set(e, ERR_REFUSED, "more than %d guarded names", GUARD_MAX);
	if (guard_one(g, root, &r, e) < 0)
		return -1;
	return g->n > before
		       ? 0
		       : err_set(e, ERR_REFUSED,
				 "%s is not there, so it cannot be kept read-only: make "
				 "it, or take it off the list [sandbox] read_only of the "
				 "policy",
				 name);
}

void
guards_close(struct guards *g)
{
	for (size_t i = 0; i < g->n; i++)
		fd_closep(&g->at[i].fd);
	g->n = 0;
}
