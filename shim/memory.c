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
 * From the private folder a path leads out only by its beginning, by "..", or by the link to
 * the sessions; @scope/package and a@b.c stay as they are. A hidden name is the login's.
 */
static bool
leads_out(struct str path)
{
	static const char sessions[] = "projects";

	if (path.n == 0)
		return false;
	return strchr("./~\\\"'<", path.p[0]) != NULL ||
	       memmem(path.p, path.n, "/.", 2) != NULL ||
	       str_starts(path, (struct str){ sessions, sizeof sessions - 1 });
}

/* Another character: a backslash counts or not, by what Markdown sees in front of it. */
void
memory_put(struct buf *b, struct str text)
{
	static const char wide_at[] = "\xef\xbc\xa0"; /* U+FF20 */

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '@' && leads_out(path_at(str_skip(text, i + 1))))
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

/* file is canonical and in the project; one that becomes a link meanwhile is not followed. */
static int
add_file(struct memory *m, const char *file, bool first, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(MEMORY_TEXT_MAX);
	const char *rel = file + strlen(m->root) + 1;
	CLEANUP(fd_closep)
	int fd = path_open_beneath(m->dir, rel, O_RDONLY | O_NONBLOCK, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", file);
	if (fd_read_all(fd, &text, e) < 0)
		return err_wrap(e, "%s", file);
	if (!first)
		buf_printf(&m->text, "\nContents of %s:\n\n", rel);
	memory_put(&m->text, buf_str(&text));
	buf_putc(&m->text, '\n');
	note_imports(m, file, buf_str(&text));
	return 0;
}

int
memory_read(const char *root, char **text, struct err *e)
{
	CLEANUP(memory_fini)
	struct memory m = { .root = root,
		.dir = -1,
		.files = WORDS_INIT,
		.text = BUF_INIT(MEMORY_TEXT_MAX) };
	CLEANUP(mem_freep) char *first = path_join(root, "CLAUDE.md");
	char real[PATH_MAX];

	*text = NULL;
	if (realpath(first, real) == NULL)
		return errno == ENOENT ? 0 : err_sys(e, "look at %s", first);
	if (!path_is_within(real, root))
		return err_set(e, ERR_REFUSED,
			"%s is a link to %s, outside the project, and would be sent to the model: "
			"put a copy in its place, or remove it",
			first, real);
	m.dir = path_open_dir(root, e);
	if (m.dir < 0)
		return -1;
	words_add(&m.files, real);
	for (size_t i = 0; i < m.files.n; i++)
		if (add_file(&m, m.files.v[i], i == 0, e) < 0)
			return -1;
	if (m.text.over)
		return err_set(e, ERR_DATA,
			"%s and what it imports have more than %d KiB together: shorten them",
			first, MEMORY_TEXT_MAX >> 10);
	*text = buf_take(&m.text);
	return 0;
}
