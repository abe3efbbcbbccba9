#include "tests/unit/test.h"

#include "keeper/cache.h"
#include "keeper/diff.h"
#include "keeper/tree.h"

/* "kind mode path content": one letter of content becomes an id. */
struct row {
	enum tree_kind kind;
	mode_t mode;
	const char *path;
	char content;
};

enum { TEXT_MAX = 65536 };

static void
fill(struct tree *t, const struct row *rows, size_t n)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		struct tree_entry *it = tree_add(
			t, str_of(rows[i].path), rows[i].kind, rows[i].mode, &e);

		memset(it->oid, rows[i].content, TREE_OID);
		it->stat = (struct tree_stat){ .size = rows[i].content,
			.mtime_ns = 5,
			.ctime_ns = 1000,
			.dev = 7,
			.ino = i };
	}
}

static const struct row some[] = {
	{ TREE_FILE, 0644, "a", 'A' },
	{ TREE_FILE, 0600, "b-c", 'B' },
	{ TREE_DIR, 0755, "b/", 0 },
	{ TREE_LINK, 0777, "b/l", 'L' },
	{ TREE_DIR, 0700, "b/x/", 0 },
	{ TREE_FILE, 0755, "b/x/run", 'R' },
	{ TREE_FILE, 04755, "b0", 'S' },
};

static void
paths_order_as_git_orders_them(void)
{
	for (size_t i = 0; i + 1 < LEN(some); i++)
		ok(tree_cmp(str_of(some[i].path), str_of(some[i + 1].path)) < 0,
			some[i].path);
	ok_int(tree_cmp(STR("a/"), STR("a/")), 0, "equal paths");
	ok(tree_cmp(STR("a"), STR("a\xff")) < 0, "bytes above 127 come last");
}

static void
only_odd_modes_are_kept(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	const struct str want = STR("0600 b-c\0000700 b/x/\0004755 b0\0");

	fill(&t, some, LEN(some));
	tree_put_modes(&t, &text);
	ok_bytes(buf_str(&text), want, "modes that git does not tell");
}

static void
modes_come_back(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(tree_fini) struct tree back = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;
	mode_t mode = 1;

	fill(&t, some, LEN(some));
	fill(&back, some, LEN(some));
	for (size_t i = 0; i < back.n; i++)
		back.e[i].mode = tree_implied_mode(
			back.e[i].kind, (some[i].mode & 0100) != 0);
	tree_put_modes(&t, &text);
	ok_int(tree_take_modes(&back, buf_str(&text), &e), 0, "modes are read");
	for (size_t i = 0; i < back.n; i++)
		ok_int(back.e[i].mode, some[i].mode, some[i].path);
	ok_int(tree_find_mode(buf_str(&text), STR("b/x/"), &mode, &e), 0, "one mode");
	ok_int(mode, 0700, "one mode");
	mode = 0123;
	ok_int(tree_find_mode(buf_str(&text), STR("a"), &mode, &e), 0, "no mode");
	ok_int(mode, 0123, "no mode leaves what was there");
}

static void
damaged_modes_are_refused(void)
{
	static const struct {
		struct str text;
		const char *what;
	} rows[] = {
		{ STR("0600 absent\0"), "a path that is not there" },
		{ STR("0600 b0\0000600 a\0"), "out of order" },
		{ STR("0600 a\0000600 a\0"), "twice" },
		{ STR("0900 a\0"), "not octal" },
		{ STR("600 a\0"), "three digits" },
		{ STR("0600\0"), "no path" },
		{ STR("0600 a"), "no end" },
		{ STR("\0"), "an empty record" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(tree_fini) struct tree t = TREE_INIT;
		struct err e = ERR_INIT;

		fill(&t, some, LEN(some));
		ok_int(tree_take_modes(&t, rows[i].text, &e), -1, rows[i].what);
	}
}

static void
skips_cover_what_is_below(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(tree_fini) struct tree back = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;
	static const struct {
		const char *path;
		bool want;
	} rows[] = {
		{ "fifo", true },
		{ "fifo2", false },
		{ "fif", false },
		{ "deep/dir/", true },
		{ "deep/dir/a/b", true },
		{ "deep/", false },
		{ "deep/dir2", false },
		{ "odd: name", true },
	};

	ok_int(tree_add_skip(&t, STR("odd: name"), "a socket", &e), 0, "skip");
	ok_int(tree_add_skip(&t, STR("fifo"), "a FIFO", &e), 0, "skip");
	ok_int(tree_add_skip(&t, STR("deep/dir"), "not readable", &e), 0, "skip");
	tree_sort_skips(&t);
	tree_put_skips(&t, &text);
	ok_int(tree_take_skips(&back, buf_str(&text), &e), 0, "skips are read");
	for (size_t i = 0; i < LEN(rows); i++) {
		ok_int(tree_is_skipped(&t, str_of(rows[i].path)), rows[i].want,
			rows[i].path);
		ok_int(tree_is_skipped(&back, str_of(rows[i].path)), rows[i].want,
			rows[i].path);
	}
	ok_int(tree_take_skips(&back, STR("no colon\0"), &e), -1, "a damaged skip");
	ok_int(tree_take_skips(&back, STR("a: b"), &e), -1, "a skip that is cut off");
}

static void
too_many_skips_are_an_error(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	struct err e = ERR_INIT;
	int got = 0;

	for (int i = 0; i < TREE_SKIPPED_MAX && got == 0; i++)
		got = tree_add_skip(&t, STR("x"), "a FIFO", &e);
	ok_int(got, 0, "up to the limit");
	ok_int(tree_add_skip(&t, STR("x"), "a FIFO", &e), -1, "one more");
}

static void
cache_knows_what_is_old_and_same(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(cache_fini) struct cache c = CACHE_INIT;
	struct tree_stat st;
	struct err e = ERR_INIT;
	unsigned char oid[TREE_OID];

	fill(&t, some, LEN(some));
	cache_put(&text, &t, CACHE_RACY_NS + 1001);
	ok_int(cache_parse(&c, buf_str(&text), &e), 0, "the cache is read");
	ok_int(c.known.n, 5, "files and links only");
	st = t.e[1].stat;
	ok(cache_find(&c, STR("b-c"), TREE_FILE, &st, oid), "same stat");
	ok_int(oid[0], 'B', "its id");
	ok(!cache_find(&c, STR("b-c"), TREE_LINK, &st, oid), "another kind");
	ok(!cache_find(&c, STR("b-cc"), TREE_FILE, &st, oid), "another path");
	for (int i = 0; i < 5; i++) {
		st = t.e[3].stat;
		st.size += i == 0;
		st.mtime_ns += i == 1;
		st.ctime_ns -= i == 2;
		st.dev += i == 3;
		st.ino += i == 4;
		ok(!cache_find(&c, STR("b/l"), TREE_LINK, &st, oid), "another stat");
	}
	c.taken_ns--;
	st = t.e[6].stat;
	ok(!cache_find(&c, STR("b0"), TREE_FILE, &st, oid), "too young to be trusted");
}

static void
damaged_caches_are_empty(void)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;
	int wrong = 0;

	fill(&t, some, LEN(some));
	cache_put(&text, &t, 1);
	for (size_t n = 0; n < text.n; n++) {
		CLEANUP(cache_fini) struct cache c = CACHE_INIT;

		wrong += cache_parse(&c, (struct str){ text.p, n }, &e) == 0 ||
			 c.known.n != 0;
	}
	ok_int(wrong, 0, "every prefix is refused");
	for (size_t i = 0; i < text.n; i++) {
		CLEANUP(cache_fini) struct cache c = CACHE_INIT;

		text.p[i] = (char)~text.p[i];
		(void)cache_parse(&c, buf_str(&text), &e);
		ok(c.known.n == 0 || c.known.n == 5, "a flipped byte");
		text.p[i] = (char)~text.p[i];
	}
	buf_putc(&text, 'x');
	{
		CLEANUP(cache_fini) struct cache c = CACHE_INIT;

		ok_int(cache_parse(&c, buf_str(&text), &e), -1, "bytes behind the end");
	}
}

static void
diff_tells_each_change_in_order(void)
{
	static const struct row now_rows[] = {
		{ TREE_FILE, 0644, "changed", 'x' },
		{ TREE_DIR, 0755, "closed/", 0 },
		{ TREE_FILE, 0600, "mode", 'M' },
		{ TREE_FILE, 0644, "new", 'N' },
		{ TREE_DIR, 0755, "newdir/", 0 },
		{ TREE_FILE, 0644, "newdir/f", 'f' },
		{ TREE_DIR, 0500, "opened/", 0 },
		{ TREE_FILE, 0644, "same", 'S' },
		{ TREE_FILE, 0644, "skipped", 'k' },
		{ TREE_FILE, 0644, "to-dir", 'd' },
		{ TREE_LINK, 0777, "to-file", 'F' },
	};
	static const struct row want_rows[] = {
		{ TREE_FILE, 0644, "changed", 'X' },
		{ TREE_DIR, 0500, "closed/", 0 },
		{ TREE_DIR, 0555, "gone/", 0 },
		{ TREE_LINK, 0777, "gone/l", 'l' },
		{ TREE_FILE, 0755, "mode", 'M' },
		{ TREE_DIR, 0755, "opened/", 0 },
		{ TREE_FILE, 0644, "same", 'S' },
		{ TREE_DIR, 0755, "to-dir/", 0 },
		{ TREE_FILE, 0644, "to-file", 'F' },
	};
	static const char want_text[] =
		"[{\"path\":\"opened\",\"status\":\"mode\",\"kind\":\"dir\",\"mode\":493},"
		"{\"path\":\"to-dir\",\"status\":\"delete\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"newdir/f\",\"status\":\"delete\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"newdir\",\"status\":\"rmdir\",\"kind\":\"dir\",\"mode\":493},"
		"{\"path\":\"new\",\"status\":\"delete\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"changed\",\"status\":\"write\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"gone\",\"status\":\"mkdir\",\"kind\":\"dir\",\"mode\":365},"
		"{\"path\":\"gone/l\",\"status\":\"write\",\"kind\":\"link\",\"mode\":511},"
		"{\"path\":\"mode\",\"status\":\"mode\",\"kind\":\"file\",\"mode\":493},"
		"{\"path\":\"to-dir\",\"status\":\"mkdir\",\"kind\":\"dir\",\"mode\":493},"
		"{\"path\":\"to-file\",\"status\":\"write\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"gone\",\"status\":\"mode\",\"kind\":\"dir\",\"mode\":365},"
		"{\"path\":\"closed\",\"status\":\"mode\",\"kind\":\"dir\",\"mode\":320}]";
	CLEANUP(tree_fini) struct tree now = TREE_INIT;
	CLEANUP(tree_fini) struct tree want = TREE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_fini) struct buf tiny = BUF_INIT(64);
	struct err e = ERR_INIT;

	fill(&now, now_rows, LEN(now_rows));
	fill(&want, want_rows, LEN(want_rows));
	(void)tree_add_skip(&want, STR("skipped"), "not readable", &e);
	tree_sort_skips(&want);
	ok_int(diff_put(&out, &now, &want, &e), 0, "diff");
	ok_str(buf_text(&out), want_text, "diff");
	ok_int(diff_put(&tiny, &now, &want, &e), -1, "a diff that does not fit");
	buf_reset(&out);
	ok_int(diff_put(&out, &want, &want, &e), 0, "no difference");
	ok_str(buf_text(&out), "[]", "no difference");
}

static void
going_back_gives_no_setuid(void)
{
	static const struct row now_rows[] = {
		{ TREE_FILE, 04755, "added", 'A' },
		{ TREE_FILE, 06755, "same", 'S' },
		{ TREE_FILE, 0755, "without", 'W' },
		{ TREE_FILE, 04700, "wrong", 'X' },
	};
	static const struct row want_rows[] = {
		{ TREE_FILE, 0755, "added", 'A' },
		{ TREE_DIR, 06755, "dir/", 0 },
		{ TREE_FILE, 06755, "gone", 'G' },
		{ TREE_FILE, 06755, "same", 'S' },
		{ TREE_FILE, 04755, "without", 'W' },
		{ TREE_FILE, 02755, "wrong", 'X' },
	};
	static const char want_text[] =
		"[{\"path\":\"added\",\"status\":\"mode\",\"kind\":\"file\",\"mode\":493},"
		"{\"path\":\"dir\",\"status\":\"mkdir\",\"kind\":\"dir\",\"mode\":1517},"
		"{\"path\":\"gone\",\"status\":\"write\",\"kind\":\"file\",\"mode\":493},"
		"{\"path\":\"wrong\",\"status\":\"mode\",\"kind\":\"file\",\"mode\":493}]";
	CLEANUP(tree_fini) struct tree now = TREE_INIT;
	CLEANUP(tree_fini) struct tree want = TREE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;

	fill(&now, now_rows, LEN(now_rows));
	fill(&want, want_rows, LEN(want_rows));
	ok_int(diff_put(&out, &now, &want, &e), 0, "diff");
	ok_str(buf_text(&out), want_text, "only taken away, never given");
}

static void
names_that_are_not_utf8_are_in_hexadecimal(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);

	tree_put_json_path(&out, STR("\xff/\"a"));
	buf_putc(&out, ' ');
	tree_put_json_path(&out, STR("d\xc3\xa9j\xc3\xa0\n"));
	ok_str(buf_text(&out),
		"\"path_hex\":\"ff2f2261\" \"path\":\"d\xc3\xa9j\xc3\xa0\\n\"",
		"both ways of a path");
}

int
main(void)
{
	paths_order_as_git_orders_them();
	only_odd_modes_are_kept();
	modes_come_back();
	damaged_modes_are_refused();
	skips_cover_what_is_below();
	too_many_skips_are_an_error();
	cache_knows_what_is_old_and_same();
	damaged_caches_are_empty();
	diff_tells_each_change_in_order();
	going_back_gives_no_setuid();
	names_that_are_not_utf8_are_in_hexadecimal();
	return test_done();
}
