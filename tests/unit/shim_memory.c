/* What of a project's CLAUDE.md reaches the private folder, on a real disk. */

#include "shim/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/words.h"
#include "tests/unit/test.h"

#define WIDE "\xef\xbc\xa0"

static char top[PATH_MAX];

static void
put(const char *rel, const char *text)
{
	CLEANUP(mem_freep) char *path = path_join(top, rel);
	CLEANUP(mem_freep) char *dir = path_dir(path);
	struct err e = ERR_INIT;

	ok(path_mkdirs(dir, 0755, &e) == 0 &&
			path_write(path, str_of(text), 0644, &e) == 0,
		e.text);
}

static void
link_to(const char *target, const char *rel)
{
	CLEANUP(mem_freep) char *path = path_join(top, rel);

	(void)unlink(path);
	ok(symlink(target, path) == 0, rel);
}

static char *
read_memory(enum err_code *code)
{
	CLEANUP(mem_freep) char *root = path_join(top, "project");
	struct err e = ERR_INIT;
	char *text = NULL;
	const struct words rules = WORDS_INIT;
	const struct memory_of of = { .root = root, .cwd = root, .rules = &rules };
	const int got = memory_read(&of, &text, &e);

	*code = e.code;
	ok((got < 0) == (e.code != ERR_NONE), e.text);
	return text;
}

static void
ok_read(const char *want, const char *what)
{
	enum err_code code;
	CLEANUP(mem_freep) char *have = read_memory(&code);

	ok_int(code, ERR_NONE, what);
	ok_str(have, want, what);
}

static void
no_path_leads_out(void)
{
	static const char *const rows[][2] = {
		{ "@/etc/passwd", WIDE "/etc/passwd" },
		{ "see @~/.ssh/id.", "see " WIDE "~/.ssh/id." },
		{ "a\\@/x", "a\\" WIDE "/x" },
		{ "<!-- c -->@/x", "<!-- c -->" WIDE "/x" },
		{ "@.credentials.json", WIDE ".credentials.json" },
		{ "@a/../../mcp.json", WIDE "a/../../mcp.json" },
		{ "@a\\ b/../x", WIDE "a\\ b/../x" },
		{ "@\"/x\" @'/x' @</x", WIDE "\"/x\" " WIDE "'/x' " WIDE "</x" },
		{ "@\\/x", WIDE "\\/x" },
		{ "<!-- a -->@b<!-- c -->/../x", "<!-- a -->" WIDE "b<!-- c -->/../x" },
		{ "<!-- a -->@b/<!---->../x", "<!-- a -->" WIDE "b/<!---->../x" },
		{ "<!-- a -->@hist<!---->ory.jsonl",
			"<!-- a -->" WIDE "hist<!---->ory.jsonl" },
		{ "@projects/a.jsonl", WIDE "projects/a.jsonl" },
		{ "@/a@/b", WIDE "/a" WIDE "/b" },
		{ "a@b.cz @scope/name @Test @", "a@b.cz @scope/name @Test @" },
		{ "", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(4096);

		memory_put(&b, str_of(rows[i][0]));
		ok_str(buf_text(&b), rows[i][1], rows[i][0]);
	}
}

/* Not in the square of its length, which would be for ever. */
static void
a_word_of_many_paths_is_quick(void)
{
	CLEANUP(buf_fini) struct buf in = BUF_INIT(MEMORY_TEXT_MAX);
	CLEANUP(buf_fini) struct buf out = BUF_INIT((size_t)4 * MEMORY_TEXT_MAX);

	while (in.n < MEMORY_TEXT_MAX)
		buf_putc(&in, '@');
	memory_put(&out, buf_str(&in));
	ok_int((long)out.n, 3L * (MEMORY_TEXT_MAX - MEMORY_WORD_MAX) + MEMORY_WORD_MAX,
		"all but the last, which are too short");
}

static void
imports_from_the_project_are_put_in(void)
{
	ok_read(NULL, "no CLAUDE.md");
	put("outside.md", "SECRET\n");
	put("project/docs/a b.md", "A @../b.md\n");
	put("project/b.md", "B @docs/a\\ b.md @../outside.md\n");
	link_to("../outside.md", "project/link.md");
	put("project/CLAUDE.md",
		"Rules\n@docs/a\\ b.md#part\n@../outside.md @link.md @none.md\nx@b.md\n");
	ok_read("Rules\n@docs/a\\ b.md#part\n" WIDE
		"../outside.md @link.md @none.md\nx@b.md\n\n\n"
		"Contents of docs/a b.md:\n\nA " WIDE "../b.md\n\n\n"
		"Contents of b.md:\n\nB @docs/a\\ b.md " WIDE "../outside.md\n\n",
		"each once, none from outside");
	put("project/a @/etc/b.md", "B\n");
	put("project/CLAUDE.md", "@a\\ @/etc/b.md\n");
	ok_read("@a\\ " WIDE "/etc/b.md\n\n\nContents of a " WIDE "/etc/b.md:\n\nB\n\n",
		"nor by the name of a file");
}

static void
each_folder_has_its_say(void)
{
	char *rule[] = { (char[]){ ".claude/rules/r.md" } };
	const struct words rules = { .v = rule, .n = LEN(rule) };
	CLEANUP(mem_freep) char *root = path_join(top, "levels");
	CLEANUP(mem_freep) char *cwd = path_join(top, "levels/src/a");
	CLEANUP(mem_freep)
	char *above = mem_printf(
		"\nContents of %s/CLAUDE.md:\n\nAbove " WIDE "/x\n\n", top);
	CLEANUP(mem_freep) char *want = NULL;
	CLEANUP(mem_freep) char *text = NULL;
	const struct memory_of of = { .root = root, .cwd = cwd, .rules = &rules };
	struct err e = ERR_INIT;

	put("CLAUDE.md", "Above @/x\n");
	put("levels/AGENTS.md", "Agents\n");
	put("levels/src/a/.claude/AGENTS.md", "Deep\n");
	put("levels/.claude/rules/r.md", "---\npaths: [a/**, b]\n---\nRule\n");
	ok_int(memory_read(&of, &text, &e), 0, e.text);
	want = mem_printf(
		"%s\nContents of AGENTS.md:\n\nAgents\n\n"
		"\nContents of src/a/.claude/AGENTS.md:\n\nDeep\n\n"
		"\nContents of .claude/rules/r.md:\n\nFor files that match a/**, b:\n\n"
		"Rule\n\n",
		above);
	ok_str(text, want, "no CLAUDE.md in the project");
	mem_freep((void *)&text);
	mem_freep((void *)&want);
	put("levels/src/CLAUDE.local.md", "Local\n");
	put("levels/.claude/CLAUDE.md", "Root\n");
	put("levels/src/a/CLAUDE.md", "Near\n");
	ok_int(memory_read(&of, &text, &e), 0, e.text);
	want = mem_printf(
		"%s\nContents of .claude/CLAUDE.md:\n\nRoot\n\n"
		"\nContents of src/CLAUDE.local.md:\n\nLocal\n\n"
		"\nContents of src/a/CLAUDE.md:\n\nNear\n\n"
		"\nContents of .claude/rules/r.md:\n\nFor files that match a/**, b:\n\n"
		"Rule\n\n",
		above);
	ok_str(text, want, "from the root down");
}

static void
what_leads_outside_is_refused(void)
{
	CLEANUP(mem_freep) char *path = path_join(top, "project/CLAUDE.md");
	enum err_code code;

	link_to("b.md", "project/CLAUDE.md");
	mem_freep((void *)&(char *){ read_memory(&code) });
	ok_int(code, ERR_NONE, "a link inside");
	link_to("../outside.md", "project/CLAUDE.md");
	ok(read_memory(&code) == NULL && code == ERR_REFUSED, "a link outside");
	link_to("CLAUDE.md", "project/CLAUDE.md");
	ok(read_memory(&code) == NULL && code == ERR_SYS, "a link to itself");
	link_to("nowhere", "project/CLAUDE.md");
	ok_read(NULL, "a link to nothing");
	ok(unlink(path) == 0 && mkfifo(path, 0600) == 0, "set up");
	ok(read_memory(&code) == NULL && code == ERR_DATA, "a FIFO");
}

int
main(void)
{
	CLEANUP(mem_freep) char *project = NULL;
	struct err e = ERR_INIT;
	char made[] = "/tmp/pando-memory-XXXXXX";
	int parent;

	if (mkdtemp(made) == NULL || realpath(made, top) == NULL)
		return 1;
	project = path_join(top, "project");
	ok(mkdir(project, 0755) == 0, "set up");
	no_path_leads_out();
	a_word_of_many_paths_is_quick();
	imports_from_the_project_are_put_in();
	what_leads_outside_is_refused();
	each_folder_has_its_say();
	parent = path_open_dir("/tmp", &e);
	ok(path_remove_tree(parent, path_base(made), &e) == 0, e.text);
	(void)close(parent);
	return test_done();
}
