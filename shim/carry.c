#include "shim/carry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/path.h"

static const struct carry_folder {
	const char *name, *ending;
	bool project_first, has_project;
} folders[CARRY_KINDS] = {
	[CARRY_COMMAND] = { "commands", ".md", false, true },
	[CARRY_SKILL] = { "skills", "", false, true },
	[CARRY_AGENT] = { "agents", ".md", true, true },
	[CARRY_STYLE] = { "output-styles", ".md", true, true },
	[CARRY_THEME] = { "themes", ".json", false, false },
	[CARRY_KEYS] = { "", "", false, false },
};

static const char rules[] = "rules";

/* Where a walk stands. */
struct walk {
	struct carry *c;
	enum carry_kind kind;
	bool rules;       /* only the paths are wanted */
	bool own;         /* the person's, not the project's */
	const char *root; /* of the project, canonical */
	int root_fd;
	int depth;
};

const char *
carry_folder(enum carry_kind kind)
{
	return folders[kind].name;
}

void
carry_fini(struct carry *c)
{
	for (size_t i = 0; i < c->n; i++) {
		mem_freep((void *)&c->item[i].name);
		mem_freep((void *)&c->item[i].dir);
		mem_freep((void *)&c->item[i].text);
	}
	mem_freep((void *)&c->item);
	mem_freep((void *)&c->first_left);
	words_fini(&c->rules);
	words_fini(&c->project_rules);
	c->n = c->cap = 0;
}

void
carry_leave_out(struct carry *c, const char *path)
{
	if (c->left_out++ == 0)
		c->first_left = mem_strdup(path);
}

/* --- opening --------------------------------------------------------------------------- */

/* A link inside of the project is followed by its canonical name, others are not. */
static int
open_linked(const struct walk *w, const char *rel, int flags)
{
	CLEANUP(mem_freep) char *path = path_join(w->root, rel);
	struct err none = ERR_INIT; /* the caller counts it */
	char real[PATH_MAX];

	if (realpath(path, real) == NULL || !path_is_within(real, w->root) ||
		strlen(real) <= strlen(w->root))
		return -1;
	return path_open_beneath(w->root_fd, real + strlen(w->root) + 1, flags, 0, &none);
}

/* O_NONBLOCK: a FIFO must not hang us. errno is ENOENT when there is no such name. */
static int
open_at(const struct walk *w, const char *path, int flags)
{
	struct err none = ERR_INIT; /* as above */
	int fd;

	flags |= O_RDONLY | O_NONBLOCK | O_CLOEXEC;
	if (w->own)
		return open(path, flags);
	fd = path_open_beneath(w->root_fd, path, flags, 0, &none);
	if (fd < 0 && errno == ELOOP)
		fd = open_linked(w, path, flags);
	return fd;
}

/* --- files ----------------------------------------------------------------------------- */

static bool
is_there(const struct carry *c, enum carry_kind kind, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->item[i].kind == kind && strcmp(c->item[i].name, name) == 0)
			return true;
	return false;
}

static struct carry_item *
new_item(struct carry *c)
{
	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 32 : c->cap * 2;
		c->item = mem_grow(c->item, c->cap * sizeof *c->item);
	}
	return &c->item[c->n++];
}

static bool
read_text(const struct walk *w, const char *path, struct buf *b)
{
	CLEANUP(fd_closep) int fd = open_at(w, path, 0);
	struct err none = ERR_INIT; /* as above */
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size <= CARRY_FILE_MAX && fd_read_all(fd, b, &none) == 0 &&
	       (b->n == 0 || memchr(b->p, '\0', b->n) == NULL);
}

/* False: not read. */
static bool
add_file(struct walk *w, const char *path, const char *name, bool has_more)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CARRY_FILE_MAX);
	struct carry *c = w->c;
	struct carry_item *t;

	if (is_there(c, w->kind, name))
		return true;
	if (c->n == CARRY_FILES_MAX || c->bytes >= CARRY_TEXT_MAX ||
		!read_text(w, path, &text)) {
		carry_leave_out(c, path);
		return false;
	}
	c->bytes += text.n;
	t = new_item(c);
	*t = (struct carry_item){ .kind = w->kind,
		.project = !w->own,
		.has_more = has_more,
		.name = mem_strdup(name),
		.dir = path_dir(path),
		.text = buf_take(&text) };
	return true;
}

/* --- folders --------------------------------------------------------------------------- */

static bool
is_carried(const char *name)
{
	if (*name == '.')
		return false;
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < ' ' || *name == '\\' || *name == 0x7f)
			return false;
	return true;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its names in order, so that the same files make the same plan. */
static bool
list(struct walk *w, const char *path, struct words *names)
{
	CLEANUP(fd_closep) int fd = open_at(w, path, O_DIRECTORY);
	const struct dirent *ent;
	DIR *d;

	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			carry_leave_out(w->c, path);
		return false;
	}
	d = fdopendir(fd);
	if (d == NULL)
		return false;
	(void)fd_take(&fd); /* it is the DIR's now */
	while ((ent = readdir(d)) != NULL && w->c->entries < CARRY_ENTRIES_MAX) {
		w->c->entries++;
		if (is_carried(ent->d_name))
			words_add(names, ent->d_name);
	}
	if (ent != NULL)
		carry_leave_out(w->c, path);
	(void)closedir(d);
	if (names->n > 0)
		qsort(names->v, names->n, sizeof *names->v, by_name);
	return true;
}

static void
read_skills(struct walk *w, const char *top)
{
	CLEANUP(words_fini) struct words names = WORDS_INIT;

	if (!list(w, top, &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(words_fini) struct words inside = WORDS_INIT;
		CLEANUP(mem_freep) char *dir = path_join(top, names.v[i]);
		CLEANUP(mem_freep) char *file = path_join(dir, "SKILL.md");
		CLEANUP(mem_freep) char *name = path_join(names.v[i], "SKILL.md");
		bool has = false;

		if (!list(w, dir, &inside))
			continue;
		for (size_t k = 0; k < inside.n; k++)
			has |= strcmp(inside.v[k], "SKILL.md") == 0;
		if (has)
			(void)add_file(w, file, name, inside.n > 1); /* counted there */
	}
}

static void
note_rule(struct walk *w, const char *path)
{
	struct words *to = w->own ? &w->c->rules : &w->c->project_rules;
	char real[PATH_MAX];
	/* the person's are imported as they are, so a session must not be able to change them */
	const bool fits = !w->own || (realpath(path, real) != NULL &&
					     !path_is_within(real, w->root));

	if (to->n < CARRY_RULES_MAX && fits)
		words_add(to, path);
	else
		carry_leave_out(w->c, path);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as CARRY_DEPTH_MAX */
static void
read_tree(struct walk *w, const char *top, const char *below)
{
	CLEANUP(mem_freep)
	char *dir = *below == '\0' ? mem_strdup(top) : path_join(top, below);
	const struct str ending = str_of(w->rules ? ".md" : folders[w->kind].ending);
	CLEANUP(words_fini) struct words names = WORDS_INIT;

	if (w->depth == CARRY_DEPTH_MAX) {
		carry_leave_out(w->c, dir);
		return;
	}
	if (!list(w, dir, &names))
		return;
	w->depth++;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(mem_freep) char *path = path_join(dir, names.v[i]);
		CLEANUP(mem_freep)
		char *name = *below == '\0' ? mem_strdup(names.v[i])
					    : path_join(below, names.v[i]);

		if (!str_ends(str_of(name), ending))
			read_tree(w, top, name);
		else if (!w->rules)
			(void)add_file(w, path, name, false); /* counted there */
		else
			note_rule(w, path);
	}
	w->depth--;
}

static void
read_folder(struct walk *w, const char *dir)
{
	CLEANUP(mem_freep)
	char *top = path_join(dir, w->rules ? rules : folders[w->kind].name);

	if (!w->rules && w->kind == CARRY_SKILL)
		read_skills(w, top);
	else
		read_tree(w, top, "");
}

/* From the working directory up to the root: ".claude" of each. */
static void
read_project(struct walk *w, const char *cwd)
{
	CLEANUP(mem_freep) char *at = mem_strdup(cwd);

	for (int i = 0; i < CARRY_LEVELS_MAX; i++) {
		const char *rel = at + strlen(w->root);
		CLEANUP(mem_freep) char *dir = NULL;
		char *up;

		while (*rel == '/')
			rel++;
		dir = *rel == '\0' ? mem_strdup(".claude") : path_join(rel, ".claude");
		read_folder(w, dir);
		if (*rel == '\0')
			return;
		up = path_dir(at);
		mem_freep((void *)&at);
		at = up;
	}
}

static void
read_kind(struct walk own, struct walk theirs, const char *own_dir, const char *cwd)
{
	const struct carry_folder *f = &folders[own.kind];

	if (!f->project_first)
		read_folder(&own, own_dir);
	if (f->has_project && theirs.root_fd >= 0)
		read_project(&theirs, cwd);
	if (f->project_first)
		read_folder(&own, own_dir);
}

void
carry_read(struct carry *c, const char *own_dir, const char *root, const char *cwd)
{
	struct err none = ERR_INIT; /* a root that cannot be opened has no files for us */
	CLEANUP(fd_closep) int fd = path_open_dir(root, &none);
	CLEANUP(mem_freep) char *keys = path_join(own_dir, "keybindings.json");
	const struct walk own = { .c = c, .own = true, .root = root, .root_fd = -1 };
	const struct walk theirs = { .c = c, .root = root, .root_fd = fd };
	const char *from = path_is_within(cwd, root) ? cwd : root;
	struct walk w = own;
	struct walk in = theirs;

	for (int k = 0; k < CARRY_KEYS; k++) {
		struct walk o = own;
		struct walk t = theirs;

		o.kind = t.kind = (enum carry_kind)k;
		read_kind(o, t, own_dir, from);
	}
	w.kind = CARRY_KEYS;
	if (access(keys, F_OK) == 0)
		(void)add_file(&w, keys, "keybindings.json", false); /* counted there */
	w.rules = in.rules = true;
	read_folder(&w, own_dir);
	if (fd >= 0)
		read_project(&in, from);
}
