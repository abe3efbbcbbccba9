#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capture.h"
#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"

static char top[] = "/tmp/pando-base-XXXXXX";

static void
put(const char *name, const char *text)
{
	CLEANUP(mem_freep) char *path = path_join(top, name);
	struct err e = ERR_INIT;

	ok_int(path_write(path, str_of(text), 0644, &e), 0, e.text);
}

static void
paths_are_taken_apart_and_joined(void)
{
	static const struct {
		const char *path, *dir, *base;
	} rows[] = {
		{ "/a/b", "/a", "b" },
		{ "/a", "/", "a" },
		{ "a", ".", "a" },
		{ "/a/", "/a", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep) char *dir = path_dir(rows[i].path);

		ok_str(dir, rows[i].dir, rows[i].path);
		ok_str(path_base(rows[i].path), rows[i].base, rows[i].path);
	}
	ok(path_is_within("/a/b", "/a"), "below");
	ok(path_is_within("/a", "/a"), "itself");
	ok(!path_is_within("/ab", "/a"), "a longer name is not below");
	ok(path_is_within("/ab", "/"), "all is below /");
}

static void
nothing_leaves_a_root_by_links_or_dots(void)
{
	static const char *const bad[] = { "../x", "/etc/passwd", "link", "linkdir/file",
		"sub/../../x" };
	CLEANUP(mem_freep) char *sub = path_join(top, "sub");
	CLEANUP(mem_freep) char *link = path_join(top, "link");
	CLEANUP(mem_freep) char *linkdir = path_join(top, "linkdir");
	struct err e = ERR_INIT;
	CLEANUP(fd_closep) int dir = path_open_dir(top, &e);
	CLEANUP(fd_closep) int good = -1;

	put("file", "x");
	ok_int(mkdir(sub, 0700), 0, "make sub");
	ok_int(symlink("file", link), 0, "make a link");
	ok_int(symlink("sub", linkdir), 0, "make a link to a folder");
	good = path_open_beneath(dir, "sub/../file", O_RDONLY, 0, &e);
	ok(good >= 0, "dots that stay inside are fine");
	for (size_t i = 0; i < LEN(bad); i++)
		ok_int(path_open_beneath(dir, bad[i], O_RDONLY, 0, &e), -1, bad[i]);
}

static void
a_file_is_read_whole_or_not_at_all(void)
{
	CLEANUP(mem_freep) char *file = path_join(top, "ten");
	CLEANUP(mem_freep) char *fifo = path_join(top, "fifo");
	CLEANUP(mem_freep) char *link = path_join(top, "link");
	struct err e = ERR_INIT;

	put("ten", "0123456789");
	for (size_t max = 8; max <= 12; max++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(max);

		ok_int(path_read(file, &b, &e), max < 10 ? -1 : 0, "ceiling");
	}
	ok_int(mkfifo(fifo, 0600), 0, "make a FIFO");
	{
		CLEANUP(buf_fini) struct buf b = BUF_INIT(100);

		ok_int(path_read(fifo, &b, &e), -1,
			"a FIFO is refused and does not hang");
		ok_int(path_read(link, &b, &e), -1, "a link is refused");
	}
}

/* Its own owner may have closed it; root is not stopped by modes and so steps aside. */
static void
a_closed_tree_is_removed_too(void)
{
	enum { NOBODY = 65534 };
	char mine[] = "/tmp/pando-closed-XXXXXX";
	const bool is_root = geteuid() == 0;
	struct err e = ERR_INIT;
	static const struct {
		const char *path;
		mode_t mode;
	} closed[] = { { "t/shut/in", 0000 }, { "t/shut", 0000 }, { "t/fixed", 0555 } };

	ok(!is_root || seteuid(NOBODY) == 0, "as a person");
	ok(mkdtemp(mine) != NULL, "a directory");
	for (size_t i = 0; i < LEN(closed); i++) {
		CLEANUP(mem_freep) char *path = path_join(mine, closed[i].path);
		CLEANUP(mem_freep) char *file = path_join(path, "file");

		ok_int(path_mkdirs(path, 0700, &e), 0, e.text);
		ok_int(path_write(file, STR("x"), 0600, &e), 0, e.text);
	}
	for (size_t i = 0; i < LEN(closed); i++) {
		CLEANUP(mem_freep) char *path = path_join(mine, closed[i].path);

		ok_int(chmod(path, closed[i].mode), 0, path);
	}
	ok_int(path_remove_tree(AT_FDCWD, mine, &e), 0, e.text);
	ok(access(mine, F_OK) < 0, "it is gone");
	ok(!is_root || seteuid(0) == 0, "as before");
}

static void
a_tree_is_removed_without_following_links(void)
{
	CLEANUP(mem_freep) char *deep = path_join(top, "tree/a/b");
	CLEANUP(mem_freep) char *link = path_join(top, "tree/a/out");
	CLEANUP(mem_freep) char *kept = path_join(top, "sub/kept");
	CLEANUP(mem_freep) char *tree = path_join(top, "tree");
	struct err e = ERR_INIT;
	CLEANUP(fd_closep) int dir = path_open_dir(top, &e);

	ok_int(path_mkdirs(deep, 0700, &e), 0, e.text);
	put("sub/kept", "x");
	put("tree/a/b/file", "x");
	ok_int(symlink("../../sub", link), 0, "make a link out");
	ok_int(path_remove_tree(dir, "tree", &e), 0, e.text);
	ok_int(access(tree, F_OK), -1, "the tree is gone");
	ok_int(access(kept, F_OK), 0, "what the link led to is kept");
	ok_int(path_remove_tree(dir, "tree", &e), 0, "nothing to remove is no error");
}

static int
run(const char *script, int out)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	const char *env[] = { "ONLY=this", NULL };
	const struct child_spec s = { .path = "/bin/sh",
		.argv = (char *const *)(uintptr_t)argv,
		.env = (char *const *)(uintptr_t)env,
		.fd = { -1, out, out },
		.nfds = 3 };
	struct err e = ERR_INIT;
	pid_t pid;

	return child_start(&s, &pid, &e) < 0 ? -1 : child_wait(pid, &e);
}

static void
children_get_exactly_what_they_are_given(void)
{
	CLEANUP(fd_closep)
	int stray = open("/etc/passwd", O_RDONLY); /* inherited, were it let */
	CLEANUP(buf_fini) struct buf out = BUF_INIT(4096);
	struct err e = ERR_INIT;
	int p[2];

	ok_int(pipe2(p, O_CLOEXEC), 0, "make a pipe");
	ok_int(run("env | grep -v -e ^PWD= -e ^_= -e ^OLDPWD= -e ^SHLVL=; "
		   "ls /proc/self/fd | wc -l; exit 7",
		       p[1]),
		7, "exit status");
	(void)close(p[1]);
	ok_int(fd_read_all(p[0], &out, &e), 0, e.text);
	(void)close(p[0]);
	/* 0, 1, 2 and the one with which ls reads the folder */
	ok_bytes(buf_str(&out), STR("ONLY=this\n4\n"), "environment and descriptors");
	ok_int(run("kill -TERM $$", -1), 128 + SIGTERM, "death by a signal");
}

static void
a_detached_one_is_nobodys_child(void)
{
	const char *argv[] = { "sh", "-c", "cat /proc/$$/stat", NULL };
	struct child_spec s = { .path = "/bin/sh",
		.argv = (char *const *)(uintptr_t)argv,
		.env = environ,
		.fd = { -1, -1, -1 },
		.nfds = 3,
		.detached = true };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(4096);
	struct err e = ERR_INIT;
	int p[2], self, parent, group, session;
	pid_t between;

	ok_int(pipe2(p, O_CLOEXEC), 0, "make a pipe");
	s.fd[1] = p[1];
	ok_int(child_start(&s, &between, &e), 0, e.text);
	(void)close(p[1]);
	ok_int(child_wait(between, &e), 0, "the one between has ended");
	ok_int(fd_read_all(p[0], &out, &e), 0, e.text);
	(void)close(p[0]);
	ok_int(sscanf(buf_text(&out), "%d (sh) %*c %d %d %d", &self, &parent, &group,
		       &session),
		4, "it goes on");
	ok(parent != getpid() && parent != between, "somebody else's child");
	ok_int(session, self, "a session of its own");
	ok_int(group, self, "and a group");
}

static void
who_does_not_end_is_not_waited_for(void)
{
	enum { ENOUGH_MS = 60000, SHORT_MS = 200, OUT_MAX = 2 * CAPTURE_STEP };
	static const struct {
		const char *script;
		int ms, want;
		const char *said, *why;
	} rows[] = {
		{ "echo hi; exit 7", ENOUGH_MS, 7, "hi\n", "" },
		{ "exec >&-; exec sleep 60", SHORT_MS, -1, "", "does not answer" },
		{ "echo hi; exec sleep 60", SHORT_MS, -1, "hi\n", "does not answer" },
		{ "exec cat /dev/zero", ENOUGH_MS, -1, NULL, "prints too much" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const char *argv[] = { "sh", "-c", rows[i].script, NULL };
		const struct child_spec s = { .path = "/bin/sh",
			.argv = (char *const *)(uintptr_t)argv,
			.env = environ,
			.fd = { -1, -1, -1 },
			.nfds = 3 };
		CLEANUP(buf_fini) struct buf out = BUF_INIT(OUT_MAX);
		struct err e = ERR_INIT;

		ok_int(capture(&s, rows[i].ms, &out, &e), rows[i].want, rows[i].script);
		if (rows[i].said != NULL)
			ok_bytes(buf_str(&out), str_of(rows[i].said), rows[i].script);
		ok(strstr(e.text, rows[i].why) != NULL, e.text);
		ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left");
	}
}

static void
a_failed_exec_says_why(bool detached)
{
	const char *argv[] = { "x", NULL };
	const struct child_spec s = { .detached = detached,
		.path = "/nonexistent",
		.argv = (char *const *)(uintptr_t)argv,
		.env = (char *const *)(uintptr_t)(argv + 1),
		.fd = { -1, -1, -1 },
		.nfds = 3 };
	struct err e = ERR_INIT;
	pid_t pid;

	ok_int(child_start(&s, &pid, &e), -1, "fails");
	ok_str(e.text, "start /nonexistent: No such file or directory",
		"with the reason");
}

static void
descriptors_pass_and_peers_are_known(void)
{
	struct err e = ERR_INIT;
	char msg[8];
	int fds[FD_PASS_MAX], s[2];
	size_t n;
	pid_t pid;
	uid_t uid;
	CLEANUP(fd_closep) int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ok_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0,
		"make a pair");
	ok_int(fd_send(s[0], STR("hello"), &file, 1, &e), 0, e.text);
	ok_int(fd_recv(s[1], msg, sizeof msg, fds, &n, &e), 5, "message");
	ok_int(n, 1, "one descriptor");
	ok_int(fcntl(fds[0], F_GETFD), FD_CLOEXEC, "it is close-on-exec");
	fd_closep(&fds[0]);
	ok_int(fd_send(s[0], STR("too long for it"), NULL, 0, &e), 0, e.text);
	ok_int(fd_recv(s[1], msg, sizeof msg, fds, &n, &e), -1,
		"a cut message is an error");
	ok_int(fd_peer(s[0], &pid, &uid, &e), 0, e.text);
	ok_int(pid, getpid(), "peer");
	(void)close(s[0]);
	ok_int(fd_recv(s[1], msg, sizeof msg, fds, &n, &e), 0, "the end");
	(void)close(s[1]);
}

static void
places_are_below_home_and_private(void)
{
	CLEANUP(mem_freep) char *home = path_join(top, "home");
	CLEANUP(mem_freep) char *data = path_join(top, "home/.pando-data");
	CLEANUP(mem_freep) char *got = NULL;
	CLEANUP(mem_freep) char *refused = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	ok_int(mkdir(home, 0700), 0, "make a home");
	(void)setenv("HOME", home, 1);
	got = place_data(&e);
	ok_str(got == NULL ? e.text : got, data, "place");
	ok_int(stat(data, &st), 0, "it is made");
	ok_int(st.st_mode & 0777, 0700, "private");
	ok_int(chmod(data, 0755), 0, "open it");
	refused = place_data(&e);
	ok(refused == NULL, "an open data folder is refused");
	ok_int(e.code, ERR_REFUSED, "as a refusal");
}

int
main(void)
{
	struct err e = ERR_INIT;

	if (mkdtemp(top) == NULL)
		return 1;
	paths_are_taken_apart_and_joined();
	nothing_leaves_a_root_by_links_or_dots();
	a_file_is_read_whole_or_not_at_all();
	a_tree_is_removed_without_following_links();
	a_closed_tree_is_removed_too();
	children_get_exactly_what_they_are_given();
	a_detached_one_is_nobodys_child();
	who_does_not_end_is_not_waited_for();
	a_failed_exec_says_why(false);
	a_failed_exec_says_why(true);
	descriptors_pass_and_peers_are_known();
	places_are_below_home_and_private();
	ok_int(path_remove_tree(AT_FDCWD, top, &e), 0, e.text);
	return test_done();
}
