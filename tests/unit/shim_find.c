/* Where the real agent and the project root are found, on a real disk. */

#include "shim/find.h"

#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/place_root.h"
#include "tests/unit/test.h"

static char top[PATH_MAX];

static char *
at(const char *rel)
{
	return mem_printf("%s/%s", top, rel);
}

static void
make(const char *rel, mode_t mode)
{
	CLEANUP(mem_freep) char *path = at(rel);
	CLEANUP(mem_freep) char *dir = path_dir(path);
	struct err e = ERR_INIT;

	ok(path_mkdirs(dir, 0755, &e) == 0 &&
			path_write(path, STR("#!/bin/sh\n"), mode, &e) == 0,
		e.text);
}

static void
make_dir(const char *rel)
{
	CLEANUP(mem_freep) char *path = at(rel);
	struct err e = ERR_INIT;

	ok(path_mkdirs(path, 0755, &e) == 0, e.text);
}

static void
link_to(const char *target, const char *rel)
{
	CLEANUP(mem_freep) char *path = at(rel);

	ok(symlink(target, path) == 0, rel);
}

/* "a:b" below top. */
static char *
search_path(const char *dirs)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);

	for (const char *p = dirs; *p != '\0';) {
		const size_t n = strcspn(p, ":");

		buf_printf(&b, "%s%s/%.*s", b.n > 0 ? ":" : "", top, (int)n, p);
		p += p[n] == ':' ? n + 1 : n;
	}
	return mem_strdup(buf_text(&b));
}

static void
the_agent_is_the_next_that_is_not_ourselves(void)
{
	static const struct {
		const char *path, *want, *says;
	} rows[] = {
		{ "real", "real/claude", NULL },
		{ "shims:real", "real/claude", NULL },
		{ "hard:real", "real/claude", NULL },
		{ "other:real", "real/claude", NULL },
		{ "folder:plain:real", "real/claude", NULL },
		{ "linked:real", "linked/claude", NULL },
		{ "missing:dangling:real", "real/claude", NULL },
		{ "shims:shims", NULL, "only pando-ai's own claude" },
		{ "folder:plain", NULL, "no claude on PATH" },
		{ "", NULL, "npm install -g @anthropic-ai/claude-code" },
	};
	char self[PATH_MAX];

	ok(realpath("/proc/self/exe", self) != NULL, "our own file");
	make("real/claude", 0755);
	make("plain/claude", 0644);
	make_dir("folder/claude");
	make_dir("shims");
	make_dir("hard");
	make_dir("linked");
	make_dir("dangling");
	link_to(self, "shims/claude");
	make("elsewhere/pando-shim", 0755);
	make_dir("other");
	link_to("../elsewhere/pando-shim", "other/claude");
	link_to("../real/claude", "linked/claude");
	link_to("nowhere", "dangling/claude");
	link_to("../shims/claude", "hard/claude");
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *path = search_path(rows[i].path);
		CLEANUP(mem_freep)
		char *want = rows[i].want == NULL ? NULL : at(rows[i].want);
		struct err e = ERR_INIT;
		CLEANUP(mem_freep) char *have = find_agent(path, "claude", &e);

		ok_str(have, want, rows[i].path);
		ok_int(e.code, rows[i].says == NULL ? ERR_NONE : ERR_NOAGENT, "code");
		ok(rows[i].says == NULL || strstr(e.text, rows[i].says) != NULL, e.text);
	}
}

static void
a_relative_folder_of_path_is_not_searched(void)
{
	struct err e = ERR_INIT;

	ok(chdir(top) == 0, "chdir");
	ok(find_agent("real:.:", "claude", &e) == NULL, "relative");
	ok_int(e.code, ERR_NOAGENT, e.text);
}

static void
the_path_of_an_agent_has_nothing_from_the_project(void)
{
	static const char *const rows[][2] = {
		{ "real:project/bin:folder", "real:folder" },
		{ "project", "" },
		{ "to-project:real", "real" },
		{ "project/to-real:real", "real" },
		{ "missing:real:real", "real:real" },
		{ "projects:real/../project/bin", "projects" },
	};
	CLEANUP(mem_freep) char *root = at("project");
	CLEANUP(mem_freep) char *all = NULL;

	make_dir("project/bin");
	make_dir("projects");
	link_to("project/bin", "to-project");
	link_to("../real", "project/to-real");
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *path = search_path(rows[i][0]);
		CLEANUP(mem_freep) char *want = search_path(rows[i][1]);
		CLEANUP(mem_freep) char *have = find_path_outside(path, root);

		ok_str(have, want, rows[i][0]);
	}
	ok(chdir(top) == 0, "chdir");
	all = find_path_outside(".:real::/usr:project/bin:/", NULL);
	ok_str(all, "/usr:/", "relative ones are never in it");
}

static void
the_root_is_the_nearest_marked_folder_of_ours(void)
{
	static const struct {
		const char *from, *want, *git;
	} rows[] = {
		{ "home/plain", "home/plain", NULL },
		{ "home/plain/deep/er", "home/plain/deep/er", NULL },
		{ "home/git", "home/git", "home/git" },
		{ "home/git/a/b", "home/git", "home/git" },
		{ "home/git/package/src", "home/git/package", "home/git" },
		{ "home/marked/x", "home/marked", NULL },
		/* the home has marks too (dotfiles in git, ~/.pando): it never counts */
		{ "home/loose/x", "home/loose/x", NULL },
		/* anybody could put a mark into a folder like /tmp */
		{ "open/mine/x", "open/mine/x", NULL },
	};

	make_dir("home/plain/deep/er");
	make_dir("home/git/.git");
	make_dir("home/git/a/b");
	make("home/git/package/package.json", 0644);
	make_dir("home/git/package/src");
	make_dir("home/marked/.pando");
	make_dir("home/marked/x");
	make_dir("home/.pando");
	make_dir("home/.git");
	make_dir("home/loose/x");
	make("open/package.json", 0644);
	make_dir("open/mine/x");
	{
		CLEANUP(mem_freep) char *open_dir = at("open");
		CLEANUP(mem_freep) char *home = at("home");

		ok(chmod(open_dir, 01777) == 0 && setenv("HOME", home, 1) == 0, "set up");
	}
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(place_root_fini) struct place_root r = { .path = NULL };
		CLEANUP(mem_freep) char *from = at(rows[i].from);
		CLEANUP(mem_freep) char *want = at(rows[i].want);
		CLEANUP(mem_freep)
		char *git = rows[i].git == NULL ? NULL : at(rows[i].git);
		struct err e = ERR_INIT;

		ok_int(place_root_find(&r, from, NULL, &e), 0, e.text);
		ok_str(r.path, want, rows[i].from);
		ok_str(r.cwd, from, "cwd");
		ok_str(r.git_root, git, "git root");
	}
}

static void
what_is_no_project_is_refused(void)
{
	static const struct {
		const char *from, *named, *says;
	} rows[] = {
		{ "/", NULL, "whole machine" },
		{ "home", NULL, "home directory" },
		{ "open", NULL, "everybody may write" },
		{ "home/plain", "/", "whole machine" },
		{ "home/plain", "home", "home directory" },
		{ "home/plain", "", "holds your home" },
		{ "home/.pando", NULL, "keeps what supervises" },
		{ "home/.pando-data/agents", NULL, "keeps what supervises" },
		{ "home/plain", "home/.pando-data", "keeps what supervises" },
		{ "home/plain", "relative", "absolute path" },
		{ "home/plain", "nowhere", "PANDO_PROJECT_ROOT" },
		{ "home/git/package/package.json", NULL, "no directory" },
	};

	make_dir("home/.pando-data/agents");
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(place_root_fini) struct place_root r = { .path = NULL };
		CLEANUP(mem_freep) char *from = at(rows[i].from);
		CLEANUP(mem_freep)
		char *named = rows[i].named == NULL ? NULL : at(rows[i].named);
		const char *name = named;
		struct err e = ERR_INIT;

		if (name != NULL && (rows[i].named[0] == '/' || rows[i].named[0] == 'r'))
			name = rows[i].named;
		ok_int(place_root_find(&r, rows[i].from[0] == '/' ? "/" : from, name, &e),
			-1, rows[i].says);
		ok(strstr(e.text, rows[i].says) != NULL, e.text);
	}
}

static void
anothers_folder_only_when_it_is_named(void)
{
	CLEANUP(place_root_fini) struct place_root r = { .path = NULL };
	CLEANUP(place_root_fini) struct place_root named = { .path = NULL };
	const char *theirs = geteuid() == 0 ? NULL : "/usr/share";
	CLEANUP(mem_freep) char *made = at("theirs");
	struct err e = ERR_INIT;

	if (theirs == NULL) {
		make_dir("theirs");
		ok(chown(made, 65534, 65534) == 0, "chown");
		theirs = made;
	}
	ok_int(place_root_find(&r, theirs, NULL, &e), -1, "not named");
	ok_int(e.code, ERR_REFUSED, e.text);
	ok(strstr(e.text, theirs) != NULL && strstr(e.text, "PANDO_PROJECT_ROOT") != NULL,
		e.text);
	e = (struct err)ERR_INIT;
	ok_int(place_root_find(&named, theirs, theirs, &e), 0, e.text);
	ok_str(named.path, theirs, "named");
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *w)
{
	(void)st; /* a callback has what nftw gives it */
	(void)kind;
	(void)w;
	return remove(path);
}

int
main(void)
{
	char template[] = "/tmp/shim_find.XXXXXX";

	if (mkdtemp(template) == NULL || realpath(template, top) == NULL)
		return 1;
	the_agent_is_the_next_that_is_not_ourselves();
	a_relative_folder_of_path_is_not_searched();
	the_path_of_an_agent_has_nothing_from_the_project();
	the_root_is_the_nearest_marked_folder_of_ours();
	what_is_no_project_is_refused();
	anothers_folder_only_when_it_is_named();
	if (chdir("/") < 0 || nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		printf("%s is left behind\n", top);
	return test_done();
}
