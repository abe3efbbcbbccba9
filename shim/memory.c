#include "shim/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/words.h"
#include "shim/claude_front.h"

struct memory {
	const char *root;
	int dir;            /* of root */
	struct words files; /* canonical, in the order of their mention */
	struct buf text;
};

static void
memory_fini(struct memory *m)
{
	fd_closep(&m->dir);
	words_fini(&m->files);
	buf_fini(&m->text);
}

/* A path ends at white space that has no backslash. */
static struct str
path_at(struct str text)
{
	size_t n = 0;

	while (n < text.n &&
		(!isspace((unsigned char)text.p[n]) ||
			(text.p[n] == ' ' && n > 0 && text.p[n - 1] == '\\')))
		n++;
	return (struct str){ text.p, n };
}

/*
 * From the private folder a path leads out only by its beginning, by "..", or by the links to
 * what is the person's; @scope/package and a@b.c stay as they are. A hidden name is the login's.
 * claude takes comments (<!-- -->) out before it looks for paths, so one may hide a "..".
 */
static bool
leads_out(struct str path)
{
	static const char *const links[] = { "projects", "history", "plans", "todos",
		"file-history" };

	if (path.n == 0)
		return false;
	if (path.n >= MEMORY_WORD_MAX)
		return true;
	for (size_t i = 0; i < LEN(links); i++)
		if (str_starts(path, str_of(links[i])))
			return true;
	return strchr("./~\\\"'", path.p[0]) != NULL ||
	       memchr(path.p, '<', path.n) != NULL ||
	       memmem(path.p, path.n, "/.", 2) != NULL;
}

/* As much of the path behind an "@" as is looked at: a text can be one word of them. */
static struct str
start_of_path(struct str text)
{
	if (text.n > MEMORY_WORD_MAX)
		text.n = MEMORY_WORD_MAX;
	return path_at(text);
}

/* Another character: a backslash counts or not, by what Markdown sees in front of it. */
void
memory_put(struct buf *b, struct str text)
{
	static const char wide_at[] = "\xef\xbc\xa0"; /* U+FF20 */

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '@' && leads_out(start_of_path(str_skip(text, i + 1))))
			buf_puts(b, wide_at);
		else
			buf_putc(b, text.p[i]);
}

static bool
is_known(const struct memory *m, const char *path)
{
	for (size_t i = 0; i < m->files.n; i++)
		if (strcmp(m->files.v[i], path) == 0)
			return true;
	return false;
}

/* Notes the file when it is in the project; what is not there or not in it stays a word. */
static void
note_import(struct memory *m, const char *folder, struct str name)
{
	CLEANUP(buf_fini) struct buf plain = BUF_INIT(PATH_MAX);
	CLEANUP(mem_freep) char *path = NULL;
	char real[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < name.n && name.p[i] != '#'; i++)
		if (name.p[i] != '\\' || i + 1 == name.n || name.p[i + 1] != ' ')
			buf_putc(&plain, name.p[i]);
	path = path_is_absolute(buf_text(&plain)) ? mem_strdup(buf_text(&plain))
						  : path_join(folder, buf_text(&plain));
	if (plain.n == 0 || plain.over || realpath(path, real) == NULL ||
		!path_is_within(real, m->root) || stat(real, &st) < 0 ||
		!S_ISREG(st.st_mode) || is_known(m, real) ||
		m->files.n == MEMORY_FILES_MAX)
		return;
	words_add(&m->files, real);
}

static void
note_imports(struct memory *m, const char *file, struct str text)
{
	CLEANUP(mem_freep) char *folder = path_dir(file);

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '@' && (i == 0 || isspace((unsigned char)text.p[i - 1])))
			note_import(m, folder, path_at(str_skip(text, i + 1)));
}

static int
read_file(int fd, const char *file, struct buf *text, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", file);
	return fd_read_all(fd, text, e) < 0 ? err_wrap(e, "%s", file) : 0;
}

/* A name is the project's word too: "a @/etc/b.md" is a file in a folder. */
static void
put_head(struct memory *m, const char *name)
{
	buf_puts(&m->text, "\nContents of ");
	memory_put(&m->text, str_of(name));
	buf_puts(&m->text, ":\n\n");
}

/* A rule can be for certain files only: claude would show it when it reads one of them. */
static void
put_paths(struct memory *m, struct str text)
{
	CLEANUP(words_fini) struct words paths = WORDS_INIT;

	if (!claude_front_get(text, "paths", &paths) || paths.n == 0)
		return;
	buf_puts(&m->text, "For files that match");
	for (size_t i = 0; i < paths.n; i++) {
		buf_puts(&m->text, i == 0 ? " " : ", ");
		memory_put(&m->text, str_of(paths.v[i]));
	}
	buf_puts(&m->text, ":\n\n");
}

/* file is canonical and in the project; one that becomes a link meanwhile is not followed. */
static int
add_file(struct memory *m, const char *file, bool first, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(MEMORY_TEXT_MAX);
	const char *rel = file + strlen(m->root) + 1;
	CLEANUP(fd_closep)
	int fd = path_open_beneath(m->dir, rel, O_RDONLY | O_NONBLOCK, 0, e);

	if (fd < 0 || read_file(fd, file, &text, e) < 0)
		return -1;
	if (!first || m->text.n > 0 || strcmp(rel, "CLAUDE.md") != 0)
		put_head(m, rel);
	put_paths(m, buf_str(&text));
	memory_put(&m->text, claude_front_body(buf_str(&text)));
	buf_putc(&m->text, '\n');
	note_imports(m, file, buf_str(&text));
	return 0;
}

/* Notes root/rel, where it is; one that leads out of the project is refused. */
static int
note_file(struct memory *m, const char *rel, struct err *e)
{
	CLEANUP(mem_freep) char *path = path_join(m->root, rel);
	char real[PATH_MAX];

	if (realpath(path, real) == NULL)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_sys(e, "look at %s", path);
	if (!path_is_within(real, m->root))
		return err_set(e, ERR_REFUSED,
			"%s is a link to %s, outside the project, and would be sent to the model: "
			"put a copy in its place, or remove it",
			path, real);
	if (is_known(m, real))
		return 0;
	if (m->files.n == MEMORY_FILES_MAX)
		return err_set(e, ERR_DATA,
			"the project has more than %d files of instructions for claude",
			MEMORY_FILES_MAX);
	words_add(&m->files, real);
	return 0;
}

/* The folders from the root down to cwd, relative to the root: "", "src", "src/a". */
static int
note_levels(struct memory *m, const char *cwd, const char *const *names, struct err *e)
{
	const char *rest = path_is_within(cwd, m->root) ? cwd + strlen(m->root) : "";

	for (const char *end = rest;; end += strcspn(end + 1, "/") + 1) {
		const int n = (int)(end - rest);

		for (size_t i = 0; names[i] != NULL; i++) {
			CLEANUP(mem_freep)
			char *rel = n == 0 ? mem_strdup(names[i])
					   : mem_printf("%.*s/%s", n - 1, rest + 1,
						     names[i]);

			if (note_file(m, rel, e) < 0)
				return -1;
		}
		if (*end == '\0')
			return 0;
	}
}

/* Above the root: the person's own files, as they are, with nothing imported. */
static void
put_above(struct memory *m, const char *dir)
{
	static const char *const names[] = { "CLAUDE.md", "CLAUDE.local.md" };

	for (size_t i = 0; i < LEN(names); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(MEMORY_TEXT_MAX);
		CLEANUP(mem_freep) char *path = path_join(dir, names[i]);
		CLEANUP(fd_closep)
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		struct err none = ERR_INIT; /* nobody has to have one there */
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != getuid() ||
			(st.st_mode & S_IWOTH) != 0 ||
			read_file(fd, path, &text, &none) < 0)
			continue;
		put_head(m, path);
		memory_put(&m->text, buf_str(&text));
		buf_putc(&m->text, '\n');
	}
}

static void
put_all_above(struct memory *m)
{
	CLEANUP(words_fini) struct words up = WORDS_INIT;
	CLEANUP(mem_freep) char *at = path_dir(m->root);

	for (int i = 0; i < MEMORY_LEVELS_MAX && strcmp(at, "/") != 0; i++) {
		char *next = path_dir(at);

		words_add(&up, at);
		mem_freep((void *)&at);
		at = next;
	}
	for (size_t i = up.n; i > 0; i--)
		put_above(m, up.v[i - 1]);
}

/* claude takes AGENTS.md only where a project has no instructions of claude's own. */
static int
note_all(struct memory *m, const struct memory_of *of, struct err *e)
{
	static const char *const own[] = { "CLAUDE.md", ".claude/CLAUDE.md",
		"CLAUDE.local.md", NULL };
	static const char *const agents[] = { "AGENTS.md", ".claude/AGENTS.md", NULL };

	if (note_levels(m, of->cwd, own, e) < 0)
		return -1;
	if (m->files.n == 0 && note_levels(m, of->cwd, agents, e) < 0)
		return -1;
	for (size_t i = 0; i < of->rules->n; i++)
		if (note_file(m, of->rules->v[i], e) < 0)
			return -1;
	return 0;
}

int
memory_read(const struct memory_of *of, char **text, struct err *e)
{
	CLEANUP(memory_fini)
	struct memory m = { .root = of->root,
		.dir = -1,
		.files = WORDS_INIT,
		.text = BUF_INIT(MEMORY_TEXT_MAX) };

	*text = NULL;
	put_all_above(&m);
	if (note_all(&m, of, e) < 0)
		return -1;
	if (m.files.n > 0)
		m.dir = path_open_dir(of->root, e);
	if (m.files.n > 0 && m.dir < 0)
		return -1;
	for (size_t i = 0; i < m.files.n && !m.text.over; i++)
		if (add_file(&m, m.files.v[i], i == 0, e) < 0)
			return -1;
	if (m.text.over)
		return err_set(e, ERR_DATA,
			"%s/CLAUDE.md and what comes with it have more than %d KiB together: "
			"shorten them",
			of->root, MEMORY_TEXT_MAX >> 10);
	if (m.text.n > 0)
		*text = buf_take(&m.text);
	return 0;
}
