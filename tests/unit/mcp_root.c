#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "mcp/root.h"
#include "tests/unit/test.h"

enum { TEXT_MAX = 65536 };

static void
names_never_pass_for_lines(void)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{ "", "" },
		{ "src/d\xc3\xa9j\xc3\xa0 vu.c", "src/d\xc3\xa9j\xc3\xa0 vu.c" },
		{ "a\"b\\c", "a\"b\\c" },
		{ "a\nsrc/b.c:1:1: x", "\"a\\x0asrc/b.c:1:1: x\"" },
		{ "a\x1b[2J\"", "\"a\\x1b[2J\\\"\"" },
		{ "a\xc2\x9b"
		  "2J\\",
			"\"a\\xc2\\x9b2J\\\\\"" },
		{ "a\xff", "\"a\\xff\"" },
		{ "a\x7f", "\"a\\x7f\"" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);

		root_put_name(&out, str_of(rows[i].name));
		ok_str(buf_text(&out), rows[i].shown, rows[i].shown);
	}
}

static void
a_long_name_is_cut(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_fini) struct buf name = BUF_INIT(TEXT_MAX);

	for (int i = 0; i < ROOT_PATH_MAX + 1; i++)
		buf_putc(&name, '\n');
	root_put_name(&out, buf_str(&name));
	ok_int(out.n, 4 * ROOT_PATH_MAX + 2 + (int)strlen(" [cut]"),
		"four bytes for each");
	ok(out.n < ROOT_NAME_MAX, "it fits into the room for one");
}

static bool
on_entry(void *to, const struct root_entry *ent)
{
	(void)ent; /* they are only counted */
	++*(int *)to;
	return true;
}

static void
a_walk_has_an_end_in_time(void)
{
	static const struct {
		int64_t until_us;
		int seen;
		bool late;
		const char *what;
	} rows[] = {
		{ INT64_MAX, 2, false, "in time" },
		{ 0, 0, true, "too late" },
	};
	char top[] = "/tmp/mcp-root-XXXXXX";
	struct err e = ERR_INIT;

	ok(mkdtemp(top) != NULL, "a directory");
	for (const char *const *n = (const char *const[]){ "a", "b", NULL }; *n != NULL;
		n++) {
		CLEANUP(mem_freep) char *path = path_join(top, *n);

		ok_int(path_write(path, STR("x"), 0600, &e), 0, e.text);
	}
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct root r = { .fd = path_open_dir(top, &e), .path = top };
		int seen = 0;
		struct root_walk w = {
			.visit = on_entry, .to = &seen, .until_us = rows[i].until_us
		};

		ok_int(root_walk(&r, ".", &w, &e), 0, e.text);
		ok_int(seen, rows[i].seen, rows[i].what);
		ok_int(w.late, rows[i].late, rows[i].what);
		(void)close(r.fd); /* only read from */
	}
	ok_int(path_remove_tree(AT_FDCWD, top, &e), 0, e.text);
}

int
main(void)
{
	names_never_pass_for_lines();
	a_long_name_is_cut();
	a_walk_has_an_end_in_time();
	return test_done();
}
