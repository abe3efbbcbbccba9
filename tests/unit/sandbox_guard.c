/* Guarded names and the state folder, in a folder of our own on a real file system. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "policy/policy.h"
#include "sandbox/guard.h"
#include "sandbox/state.h"
#include "sandbox/tidy.h"

enum { DIR_MODE = 0755, FILE_MODE = 0644, MARKED_DIR = 01700, MARKED_FILE = 01600 };

static const struct guard_opened nothing = { .n = 0 };

struct place {
	char path[64];
	int fd;
};

static struct place
place_new(void)
{
	struct place p = { .path = "/tmp/pando-guard-XXXXXX" };

	if (mkdtemp(p.path) == NULL)
		abort();
	p.fd = open(p.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p;
}

static void
place_gone(struct place *p)
{
	struct err e = ERR_INIT;

	ok_int(path_remove_tree(AT_FDCWD, p->path, &e), 0, e.text);
	fd_closep(&p->fd);
}

static void
put(const struct place *p, const char *name, const char *text)
{
	CLEANUP(fd_closep)
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	struct err e = ERR_INIT;

	ok_int(fd_write_all(fd, str_of(text), &e), 0, e.text);
}

static void
folder(const struct place *p, const char *name)
{
	ok_int(mkdirat(p->fd, name, DIR_MODE), 0, name);
}

/* Its whole mode, 0 when it is not there. */
static mode_t
mode_of(const struct place *p, const char *name)
{
	struct stat st;

	return fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static const struct guard *
find(const struct guards *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->at[i].name, name) == 0)
			return &g->at[i];
	return NULL;
}

static void
a_repository_is_pinned_and_its_configuration_shut(void)
{
	CLEANUP(place_gone) struct place p = place_new();
	CLEANUP(guards_close) struct guards g = { .n = 0 };
	struct err e = ERR_INIT;

	folder(&p, ".git");
	put(&p, ".git/config", "[core]\n");
	folder(&p, ".git/modules");
	put(&p, ".envrc", "x\n");
	ok_int(guards_open(&g, p.fd, &nothing, &e), 0, e.text);
	ok(find(&g, ".git") != NULL && !find(&g, ".git")->shut, ".git itself is open");
	for (size_t i = 1; i < g.n; i++)
		ok(g.at[i].shut && g.at[i].fd >= 0, g.at[i].name);
	ok(find(&g, ".git/config") != NULL, "its configuration is not");
	ok(find(&g, ".git/modules") != NULL, "nor submodules");
	ok(find(&g, ".git/worktrees") == NULL, "linked worktrees there are none");
	ok(find(&g, ".envrc") != NULL, "a file that exists");
	ok(find(&g, ".npmrc") == NULL, "not one that does not");
	ok_int(mode_of(&p, ".claude"), S_IFDIR | MARKED_DIR, "a placeholder");
	ok_int(mode_of(&p, ".git/commondir"), S_IFREG | MARKED_FILE, "a file of git's");
}

static void
other_kinds_of_git_are_shut_as_a_whole(void)
{
	for (int kind = 0; kind < 3; kind++) {
		CLEANUP(place_gone) struct place p = place_new();
		CLEANUP(guards_close) struct guards g = { .n = 0 };
		struct err e = ERR_INIT;

		if (kind == 1)
			put(&p, ".git", "gitdir: /x\n");
		if (kind == 2)
			folder(&p, ".git"); /* without a configuration */
		ok_int(guards_open(&g, p.fd, &nothing, &e), 0, e.text);
		ok(find(&g, ".git") != NULL && find(&g, ".git")->shut, "read-only");
		ok(find(&g, ".git/config") == NULL && find(&g, ".git/hooks") == NULL,
			"and nothing in it");
	}
}

static void
placeholders_go_and_what_a_person_put_there_stays(void)
{
	CLEANUP(place_gone) struct place p = place_new();
	CLEANUP(guards_close) struct guards g = { .n = 0 };
	struct err e = ERR_INIT;
	const struct guard_rule *rules;
	size_t left = 0;

	folder(&p, ".git");
	put(&p, ".git/config", "[core]\n");
	folder(&p, ".idea");
	ok_int(guards_open(&g, p.fd, &nothing, &e), 0, e.text);
	put(&p, ".vscode/tasks.json", "{}");
	put(&p, ".git/config.worktree", "[core]\n");
	ok_int(tidy_root(p.fd, &e), 0, e.text);
	for (size_t n = guard_rules(&rules), i = 0; i < n; i++)
		left += mode_of(&p, rules[i].name) != 0;
	ok_int(left, 5, ".git, config, config.worktree, .idea, .vscode");
	ok_int(mode_of(&p, ".idea"), S_IFDIR | DIR_MODE,
		"an empty folder of the person's");
	ok_int(mode_of(&p, ".vscode"), S_IFDIR | DIR_MODE, "a used one, as usual");
	ok_int(mode_of(&p, ".git/config.worktree"), S_IFREG | FILE_MODE, "a used file");
}

static void
links_and_special_files_are_refused_by_name(void)
{
	static const char *const names[] = { ".git", ".claude", ".mcp.json", ".envrc" };

	for (size_t i = 0; i < LEN(names); i++) {
		CLEANUP(place_gone) struct place p = place_new();
		struct err e = ERR_INIT;
		struct guards g = { .n = 0 };

		ok_int(symlinkat("/etc", p.fd, names[i]), 0, names[i]);
		ok_int(guards_open(&g, p.fd, &nothing, &e), -1, "a link");
		ok_int(e.code, ERR_REFUSED, e.text);
		ok(strstr(e.text, names[i]) != NULL, "named");
		guards_close(&g);
		e = (struct err)ERR_INIT;
		ok_int(unlinkat(p.fd, names[i], 0), 0, names[i]);
		ok_int(mkfifoat(p.fd, names[i], FILE_MODE), 0, names[i]);
		ok_int(guards_open(&g, p.fd, &nothing, &e), -1, "a pipe");
		ok_int(e.code, ERR_REFUSED, e.text);
		guards_close(&g);
	}
}

/*
 * `.pando` holds the project's policy. The others have no use in being written, and would lead
 * the person's next git command to hooks and a configuration made inside.
 */
static bool
is_never_opened(const char *name)
{
	static const char *const never[] = { ".pando", ".git", ".git/commondir", "HEAD" };

	for (size_t i = 0; i < LEN(never); i++)
		if (strcmp(name, never[i]) == 0)
			return true;
	return false;
}

static void
a_policy_opens_guarded_names_but_not_all(void)
{
	const struct guard_rule *rules;
	const size_t n = guard_rules(&rules);
	size_t nopen;
	const char *const *open_names = pol_openable(&nopen);
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		bool openable = false;

		for (size_t k = 0; k < nopen; k++)
			openable |= strcmp(open_names[k], rules[i].name) == 0;
		ok_int(openable, !is_never_opened(rules[i].name), rules[i].name);
		found += openable;
	}
	ok_int(found, nopen, "what is not guarded is not listed");
}

static void
an_opened_name_is_not_held_and_gets_no_placeholder(void)
{
	CLEANUP(place_gone) struct place p = place_new();
	CLEANUP(guards_close) struct guards g = { .n = 0 };
	static const char *const names[] = { ".vscode", ".envrc", ".git/hooks" };
	const struct guard_opened o = { names, LEN(names) };
	struct err e = ERR_INIT;

	folder(&p, ".git");
	put(&p, ".git/config", "[core]\n");
	put(&p, ".envrc", "x\n");
	ok_int(guards_open(&g, p.fd, &o, &e), 0, e.text);
	for (size_t i = 0; i < LEN(names); i++)
		ok(find(&g, names[i]) == NULL, names[i]);
	ok_int(mode_of(&p, ".vscode"), 0, "no placeholder");
	ok(find(&g, ".pando") != NULL && find(&g, ".git/config") != NULL,
		"the others are held");
}

static void
what_shall_be_read_only_must_be_there(void)
{
	CLEANUP(place_gone) struct place p = place_new();
	CLEANUP(guards_close) struct guards g = { .n = 0 };
	struct err e = ERR_INIT;

	folder(&p, "vendor");
	put(&p, "vendor/x.c", "");
	ok_int(guards_add(&g, p.fd, "vendor", &e), 0, e.text);
	ok_int(guards_add(&g, p.fd, "vendor/x.c", &e), 0, e.text);
	ok(g.n == 2 && g.at[0].shut && g.at[1].shut, "both are");
	ok_int(guards_add(&g, p.fd, "vendor/y.c", &e), -1, "not there");
	ok(e.code == ERR_REFUSED && strstr(e.text, "vendor/y.c is not there") != NULL,
		e.text);
	ok_int(symlinkat("vendor", p.fd, "link"), 0, "a link");
	ok_int(guards_add(&g, p.fd, "link/x.c", &e), -1, "by a link");
	for (size_t i = g.n; i < GUARD_MAX; i++)
		ok_int(guards_add(&g, p.fd, "vendor", &e), 0, "up to the limit");
	ok_int(guards_add(&g, p.fd, "vendor", &e), -1, "no more");
}

static void
the_state_is_private_and_one_lock_is_shared(void)
{
	CLEANUP(place_gone) struct place p = place_new();
	CLEANUP(state_close) struct state a = { -1, -1, -1, -1, -1, false };
	CLEANUP(state_close) struct state b = { -1, -1, -1, -1, -1, false };
	struct err e = ERR_INIT;

	ok_int(state_open(&a, p.fd, &e), 0, e.text);
	ok(a.made, "made by the first");
	ok_int(state_open(&b, p.fd, &e), 0, e.text);
	ok(!b.made, "found by the second");
	ok_int(mode_of(&p, STATE_NAME), S_IFDIR | S_IRWXU, "closed to others");
	ok(flock(b.lock, LOCK_EX | LOCK_NB) < 0, "neither has the lock alone");
	state_close(&a);
	ok_int(state_lock(b.lock, LOCK_EX, &e), 0, e.text);
}

static void
a_link_in_the_place_of_the_state_is_refused(void)
{
	static const char *const names[] = { STATE_NAME, STATE_NAME "/home",
		STATE_NAME "/tmp", STATE_NAME "/cache", STATE_NAME "/lock" };

	for (size_t i = 0; i < LEN(names); i++) {
		CLEANUP(place_gone) struct place p = place_new();
		CLEANUP(state_close) struct state s = { -1, -1, -1, -1, -1, false };
		struct err e = ERR_INIT;

		if (i > 0)
			ok_int(mkdirat(p.fd, STATE_NAME, S_IRWXU), 0, "its folder");
		ok_int(symlinkat("/tmp", p.fd, names[i]), 0, names[i]);
		ok_int(state_open(&s, p.fd, &e), -1, names[i]);
		ok(e.code == ERR_REFUSED || e.code == ERR_SYS, e.text);
	}
}

int
main(void)
{
	(void)umask(S_IWGRP | S_IWOTH);
	a_repository_is_pinned_and_its_configuration_shut();
	other_kinds_of_git_are_shut_as_a_whole();
	placeholders_go_and_what_a_person_put_there_stays();
	links_and_special_files_are_refused_by_name();
	a_policy_opens_guarded_names_but_not_all();
	an_opened_name_is_not_held_and_gets_no_placeholder();
	what_shall_be_read_only_must_be_there();
	the_state_is_private_and_one_lock_is_shared();
	a_link_in_the_place_of_the_state_is_refused();
	return test_done();
}
