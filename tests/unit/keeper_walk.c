#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "keeper/gitstate.h"
#include "keeper/hash.h"
#include "keeper/walk.h"

/* A scratch directory: root/ is the project, outside/ is what must never be seen. */
struct scratch {
	char top[64];
	int dir, root;
};

static void
put(int dir, const char *name, const char *text)
{
	CLEANUP(fd_closep)
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct err e = ERR_INIT;

	ok(fd >= 0 && fd_write_all(fd, str_of(text), &e) == 0, name);
}

static void
begin(struct scratch *s)
{
	struct err e = ERR_INIT;

	(void)snprintf(s->top, sizeof s->top, "/tmp/pando-walk-XXXXXX");
	ok(mkdtemp(s->top) != NULL, "mkdtemp");
	s->dir = path_open_dir(s->top, &e);
	ok(mkdirat(s->dir, "root", 0755) == 0 && mkdirat(s->dir, "outside", 0755) == 0,
		"mkdir");
	put(s->dir, "outside/secret", "secret");
	s->root = path_open_beneath(s->dir, "root", O_RDONLY | O_DIRECTORY, 0, &e);
}

static void
end(struct scratch *s)
{
	struct err e = ERR_INIT;

	fd_closep(&s->root);
	fd_closep(&s->dir);
	{
		CLEANUP(fd_closep) int tmp = path_open_dir("/tmp", &e);

		ok_int(path_remove_tree(tmp, path_base(s->top), &e), 0, "clean up");
	}
}

/* "a 0644 b/ 0755 ..." and "!fifo: a FIFO" */
static void
show(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_put_str(out, tree_path(t, &t->e[i]));
		buf_printf(out, " %04o ", (unsigned int)t->e[i].mode);
	}
	for (size_t i = 0; i < t->nskip; i++) {
		buf_putc(out, '!');
		buf_put_str(out, tree_skip_path(t, &t->skip[i]));
		buf_puts(out, ": ");
		buf_put_str(out, tree_skip_why(t, &t->skip[i]));
		buf_putc(out, ' ');
	}
}

static size_t
walk_shows(const struct scratch *s, const struct walk_sink *sink, struct cache *cache,
	const char *want, const char *what)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1 << 20);
	struct walk w = { .root = s->root, .cache = cache, .sink = sink };
	struct err e = ERR_INIT;

	ok_int(walk_run(&w, &t, &e), 0, e.text);
	show(&t, &out);
	ok_str(buf_text(&out), want, what);
	return w.nread;
}

static void
everything_is_listed_with_its_mode(void)
{
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	struct scratch s = { 0 };

	begin(&s);
	put(s.root, "f", "x");
	ok_int(mkdirat(s.root, "f-dir", 0700), 0, "mkdir");
	put(s.root, "f-dir/g", "x");
	ok_int(fchmodat(s.root, "f-dir/g", 04711, 0), 0, "chmod");
	ok_int(mkdirat(s.root, "empty", 0755), 0, "mkdir");
	put(s.root, "empty.txt", "");
	ok_int(symlinkat("../outside", s.root, "out"), 0, "symlink");
	ok_int(mkfifoat(s.root, "pipe", 0644), 0, "mkfifo");
	ok_int(mkdirat(s.root, ".git", 0755), 0, "mkdir");
	ok_int(mkdirat(s.root, ".pando-sandbox", 0755), 0, "mkdir");
	put(s.root, ".git/HEAD", "ref: refs/heads/main\n");
	put(s.root, ".gitignore", "*\n");
	put(s.root, "empty/.git", "gitdir: /elsewhere\n");
	walk_shows(&s, &hash_sink, &cache,
		".gitignore 0644 empty.txt 0644 empty/ 0755 f 0644 f-dir/ 0700 f-dir/g 4711 "
		"out 0777 !empty/.git: a nested repository's own data !pipe: a FIFO ",
		"the list");
	end(&s);
}

static void
ids_are_those_of_git(void)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{ "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" },
		{ "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a" },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < LEN(rows); i++) {
		unsigned char oid[TREE_OID];
		char hex[KEEPER_ID_HEX + 1];

		ok_int(hash_bytes(NULL, str_of(rows[i].text), oid, &e), 0, "hash");
		hash_hex(oid, hex);
		ok_str(hex, rows[i].id, rows[i].text);
	}
}

/* What a hostile process does between our look at a name and our use of it. */
static struct scratch *victim;

static int
swap_and_hash(void *to, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e)
{
	(void)to;
	ok_int(renameat(victim->root, "dir", victim->dir, "moved"), 0, "move");
	ok_int(symlinkat("../outside", victim->root, "dir"), 0, "swap a directory");
	ok_int(unlinkat(victim->root, "file", 0), 0, "unlink");
	ok_int(symlinkat("../outside/secret", victim->root, "file"), 0, "swap a file");
	ok_int(unlinkat(victim->root, "fifo", 0), 0, "unlink");
	ok_int(mkfifoat(victim->root, "fifo", 0644), 0, "swap a file for a FIFO");
	ok_int(unlinkat(victim->root, "gone", 0), 0, "unlink");
	ok_int(unlinkat(victim->root, "link", 0), 0, "unlink");
	ok_int(mkdirat(victim->root, "link", 0755), 0, "swap a link for a directory");
	return hash_file(NULL, fd, size, oid, e);
}

static void
swapped_names_are_not_followed(void)
{
	static const struct walk_sink sink = { swap_and_hash, hash_bytes, NULL };
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	struct scratch s = { 0 };

	begin(&s);
	victim = &s;
	put(s.root, "a", "first: the swap happens while it is read");
	ok_int(mkdirat(s.root, "dir", 0755), 0, "mkdir");
	put(s.root, "dir/inside", "x");
	put(s.root, "file", "x");
	put(s.root, "fifo", "x");
	put(s.root, "gone", "x");
	ok_int(symlinkat("a", s.root, "link"), 0, "symlink");
	walk_shows(&s, &sink, &cache,
		"a 0644 !dir: changed or failed while it was read "
		"!fifo: changed or failed while it was read "
		"!file: changed or failed while it was read "
		"!link: changed or failed while it was read ",
		"nothing from outside, nothing that hangs");
	end(&s);
}

static int
always_short(void *to, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e)
{
	int *count = to;

	(void)fd, (void)size, (void)oid, (void)e;
	(*count)++;
	return 1;
}

static void
a_file_that_keeps_shrinking_is_skipped(void)
{
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	int count = 0;
	const struct walk_sink sink = { always_short, hash_bytes, &count };
	struct scratch s = { 0 };

	begin(&s);
	put(s.root, "f", "x");
	walk_shows(&s, &sink, &cache, "!f: keeps changing while it is read ", "skipped");
	ok_int(count, WALK_TRIES, "tries");
	end(&s);
}

static void
a_lease_does_not_hold_us_up(void)
{
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	CLEANUP(fd_closep) int fd = -1;
	struct scratch s = { 0 };

	begin(&s);
	put(s.root, "f", "x");
	fd = openat(s.root, "f", O_WRONLY | O_CLOEXEC);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		(void)fcntl(fd, F_SETSIG, SIGURG); /* ignored, unlike SIGIO */
		walk_shows(&s, &hash_sink, &cache, "!f: held by a lease ", "a lease");
	} else {
		test_skip("a lease", "this file system has none");
	}
	end(&s);
}

static void
deep_and_long_paths_are_skipped(void)
{
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	struct walk w = { .cache = &cache, .sink = &hash_sink };
	struct err e = ERR_INIT;
	struct scratch s = { 0 };
	int at;

	begin(&s);
	at = dup(s.root);
	for (int i = 0; i < TREE_DEPTH_MAX + 3; i++) {
		int next;

		ok(mkdirat(at, "d", 0755) == 0, "mkdir");
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd_closep(&at);
		at = next;
	}
	fd_closep(&at);
	w.root = s.root;
	ok_int(walk_run(&w, &t, &e), 0, "a deep tree");
	ok_int(t.n, TREE_DEPTH_MAX, "directories down to the limit");
	ok_int(t.nskip, 1, "and one is skipped");
	ok_bytes(tree_skip_why(&t, &t.skip[0]), STR("nested too deep"), "why");
	/* two halves, each of which path_remove_tree() takes */
	ok_int(renameat(s.root, "d/d/d/d/d/d/d/d", s.dir, "half"), 0, "rename");
	end(&s);
}

static void
the_repositorys_references_are_kept(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GITSTATE_MAX);
	struct err e = ERR_INIT;
	struct scratch s = { 0 };

	begin(&s);
	ok_int(gitstate_read(s.root, &out, &e), 0, "no repository");
	ok_int(out.n, 0, "no repository");
	ok_int(mkdirat(s.root, ".git", 0755), 0, "mkdir");
	ok_int(mkdirat(s.root, ".git/refs", 0755), 0, "mkdir");
	ok_int(mkdirat(s.root, ".git/refs/heads", 0755), 0, "mkdir");
	put(s.root, ".git/HEAD", "ref: refs/heads/main\n");
	put(s.root, ".git/refs/heads/main", "1111\n");
	put(s.root, ".git/refs/heads/feature", "2222\n");
	ok_int(symlinkat("../../../../outside/secret", s.root, ".git/refs/heads/evil"), 0,
		"symlink");
	ok_int(mkfifoat(s.root, ".git/packed-refs", 0644), 0, "mkfifo");
	ok_int(gitstate_read(s.root, &out, &e), 0, "a repository");
	ok_bytes(buf_str(&out),
		STR("HEAD\0ref: refs/heads/main\n\0refs/heads/feature\0"
		    "2222\n\0refs/heads/main\0"
		    "1111\n\0"),
		"its references, sorted, no link followed");
	end(&s);
}

static void
a_known_tree_is_not_read_again(void)
{
	CLEANUP(cache_fini) struct cache none = CACHE_INIT;
	CLEANUP(cache_fini) struct cache known = CACHE_INIT;
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(1 << 20);
	struct walk w = { .cache = &none, .sink = &hash_sink };
	struct err e = ERR_INIT;
	struct scratch s = { 0 };
	size_t n;

	begin(&s);
	put(s.root, "a", "1");
	put(s.root, "b", "2");
	ok_int(symlinkat("a", s.root, "l"), 0, "symlink");
	w.root = s.root;
	ok_int(walk_run(&w, &t, &e), 0, "first walk");
	ok_int(w.nread, 3, "the first walk reads all");
	cache_put(&text, &t, cache_now_ns() + 2 * CACHE_RACY_NS);
	ok_int(cache_parse(&known, buf_str(&text), &e), 0, "cache");
	n = walk_shows(&s, &hash_sink, &known, "a 0644 b 0644 l 0777 ", "second walk");
	ok_int(n, 0, "the second walk reads nothing");
	put(s.root, "b", "3");
	n = walk_shows(&s, &hash_sink, &known, "a 0644 b 0644 l 0777 ", "third walk");
	ok_int(n, 1, "the third walk reads what changed");
	end(&s);
}

int
main(void)
{
	(void)umask(022);
	everything_is_listed_with_its_mode();
	ids_are_those_of_git();
	swapped_names_are_not_followed();
	a_file_that_keeps_shrinking_is_skipped();
	a_lease_does_not_hold_us_up();
	deep_and_long_paths_are_skipped();
	the_repositorys_references_are_kept();
	a_known_tree_is_not_read_again();
	return test_done();
}
