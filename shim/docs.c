#include "shim/docs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/path.h"
#include "shim/codex_keys.h"

struct docs {
	const struct toml_node *names; /* more names, NULL */
	struct buf text;
	size_t max;
};

/* False: there is no such file. Of one that is too large the beginning, as codex does it. */
static bool
add_file(struct docs *d, int dir, const char *name)
{
	struct err none = ERR_INIT; /* what cannot be read is not there */
	CLEANUP(fd_closep)
	int fd = path_open_beneath(dir, name, O_RDONLY | O_NONBLOCK, 0, &none);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(DOCS_MOST);
	struct stat st;
	struct str s;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size > DOCS_MOST || fd_read_all(fd, &text, &none) < 0)
		return false;
	s = buf_str(&text);
	if (s.n > d->max)
		s.n = d->max;
	d->max -= s.n;
	if (d->text.n > 0 && s.n > 0)
		buf_puts(&d->text, "\n\n");
	buf_put_str(&d->text, s);
	return true;
}

static void
add_folder(struct docs *d, const char *folder)
{
	struct err none = ERR_INIT; /* a folder that is closed to us is so to codex */
	CLEANUP(fd_closep) int dir = path_open_dir(folder, &none);
	const struct toml_node *n = d->names == NULL ? NULL : d->names->child;

	if (dir < 0 || add_file(d, dir, "AGENTS.override.md") ||
		add_file(d, dir, "AGENTS.md"))
		return;
	for (; n != NULL; n = n->next)
		if (n->type == TOML_STRING && strchr(n->text.p, '/') == NULL &&
			add_file(d, dir, n->text.p))
			return;
}

/* From the top down to cwd. */
static void
add_folders(struct docs *d, const char *top, const char *cwd)
{
	CLEANUP(buf_fini) struct buf at = BUF_INIT(DOCS_MOST);
	const char *rest = cwd + strlen(top);

	buf_puts(&at, top);
	add_folder(d, buf_text(&at));
	for (int i = 0; *rest == '/' && i < DOCS_LEVELS_MAX; i++) {
		const size_t n = 1 + strcspn(rest + 1, "/");

		buf_put(&at, rest, n);
		rest += n;
		add_folder(d, buf_text(&at));
	}
}

char *
docs_read(const struct place_root *root, const struct toml_node *config)
{
	const char *top = root->git_root != NULL ? root->git_root : root->cwd;
	const struct toml_node *names = codex_get(
		config, "project_doc_fallback_filenames");
	const struct toml_node *max = codex_get(config, "project_doc_max_bytes");
	struct docs d = { .text = BUF_INIT(DOCS_MOST + DOCS_MAX), .max = DOCS_MAX };
	char *text = NULL;

	if (names != NULL && names->type == TOML_ARRAY)
		d.names = names;
	if (max != NULL && max->type == TOML_INT && max->integer >= 0)
		d.max = max->integer < DOCS_MOST ? (size_t)max->integer : DOCS_MOST;
	if (path_is_within(root->cwd, top))
		add_folders(&d, top, root->cwd);
	if (d.text.n > 0 && !d.text.over)
		text = mem_printf(
			"# AGENTS.md instructions for %s\n\n<INSTRUCTIONS>\n%s\n"
			"</INSTRUCTIONS>",
			root->cwd, buf_text(&d.text));
	buf_fini(&d.text);
	return text;
}
