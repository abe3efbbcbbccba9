#include "keeper/tree.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/utf8.h"

enum { TREE_FIRST = 64, MODE_DIGITS = 4 };

const char *
tree_kind_name(enum tree_kind k)
{
	static const char *const name[TREE_KINDS] = { "file", "link", "dir" };

	return name[k];
}

void
tree_fini(struct tree *t)
{
	free(t->e);
	free(t->skip);
	buf_fini(&t->names);
	t->e = NULL;
	t->skip = NULL;
	t->n = t->cap = t->nskip = t->skip_cap = 0;
}

static size_t
next_cap(size_t cap)
{
	return cap == 0 ? TREE_FIRST : cap * 2;
}

static int
keep_text(struct tree *t, struct str text, size_t *at, struct err *e)
{
	*at = t->names.n;
	buf_put_str(&t->names, text);
	if (t->names.over)
		return err_set(e, ERR_DATA,
			"the names of the project's files are longer than %d bytes "
			"together, the most that a snapshot holds",
			(int)TREE_NAMES_MAX);
	return 0;
}

struct tree_entry *
tree_add(struct tree *t, struct str path, enum tree_kind kind, mode_t mode, struct err *e)
{
	struct tree_entry *it;
	size_t at;

	if (t->n >= TREE_ENTRIES_MAX) {
		(void)err_set(e, ERR_DATA,
			"the project has more than %d files, the most that a snapshot holds",
			(int)TREE_ENTRIES_MAX);
		return NULL;
	}
	if (keep_text(t, path, &at, e) < 0)
		return NULL;
	if (t->n == t->cap) {
		t->cap = next_cap(t->cap);
		t->e = mem_grow(t->e, t->cap * sizeof t->e[0]);
	}
	it = &t->e[t->n++];
	*it = (struct tree_entry){
		.at = at, .len = path.n, .kind = kind, .mode = mode & TREE_MODE_BITS
	};
	return it;
}

int
tree_add_skip(struct tree *t, struct str path, const char *why, struct err *e)
{
	struct tree_skip s = { .len = path.n, .why_len = strlen(why) };

	if (t->nskip >= TREE_SKIPPED_MAX)
		return err_set(e, ERR_DATA,
			"more than %d files cannot be kept in a snapshot; the last is " STR_FMT
			": %s",
			(int)TREE_SKIPPED_MAX, STR_ARG(path), why);
	if (keep_text(t, path, &s.at, e) < 0 ||
		keep_text(t, str_of(why), &s.why_at, e) < 0)
		return -1;
	if (t->nskip == t->skip_cap) {
		t->skip_cap = next_cap(t->skip_cap);
		t->skip = mem_grow(t->skip, t->skip_cap * sizeof t->skip[0]);
	}
	t->skip[t->nskip++] = s;
	return 0;
}

struct str
tree_path(const struct tree *t, const struct tree_entry *e)
{
	return (struct str){ t->names.p + e->at, e->len };
}

struct str
tree_skip_path(const struct tree *t, const struct tree_skip *s)
{
	return (struct str){ t->names.p + s->at, s->len };
}

struct str
tree_skip_why(const struct tree *t, const struct tree_skip *s)
{
	return (struct str){ t->names.p + s->why_at, s->why_len };
}

int
tree_cmp(struct str a, struct str b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

static int
cmp_skips(const void *a, const void *b, void *names)
{
	const struct tree *t = names;

	return tree_cmp(tree_skip_path(t, a), tree_skip_path(t, b));
}

void
tree_sort_skips(struct tree *t)
{
	if (t->nskip > 1)
		qsort_r(t->skip, t->nskip, sizeof t->skip[0], cmp_skips, t);
}

static bool
has_skip(const struct tree *t, struct str path)
{
	size_t lo = 0;
	size_t hi = t->nskip;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int c = tree_cmp(tree_skip_path(t, &t->skip[mid]), path);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool
tree_is_skipped(const struct tree *t, struct str path)
{
	if (t->nskip == 0)
		return false;
	for (size_t i = 1; i <= path.n; i++)
		if ((i == path.n ? path.p[i - 1] != '/' : path.p[i] == '/') &&
			has_skip(t, (struct str){ path.p, i }))
			return true;
	return false;
}

mode_t
tree_implied_mode(enum tree_kind kind, bool executable)
{
	static const mode_t implied[TREE_KINDS] = { 0644, 0777, 0755 };

	return kind == TREE_FILE && executable ? 0755 : implied[kind];
}

mode_t
tree_restored_mode(enum tree_kind kind, mode_t mode)
{
	/* of a directory setgid only names the group of what is made in it */
	static const mode_t lent[TREE_KINDS] = { S_ISUID | S_ISGID, S_ISUID | S_ISGID,
		S_ISUID };

	return mode & ~lent[kind];
}

void
tree_put_modes(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_entry *e = &t->e[i];

		if (e->mode == tree_implied_mode(e->kind, (e->mode & S_IXUSR) != 0))
			continue;
		buf_printf(out, "%04o ", (unsigned int)e->mode);
		buf_put_str(out, tree_path(t, e));
		buf_putc(out, '\0');
	}
}

/* The next record without its NUL; false at the end, *bad when there is no NUL. */
static bool
next_record(struct str *text, struct str *record, bool *bad)
{
	const char *nul;

	if (text->n == 0)
		return false;
	nul = memchr(text->p, '\0', text->n);
	if (nul == NULL) {
		*bad = true;
		return false;
	}
	*record = (struct str){ text->p, (size_t)(nul - text->p) };
	*text = str_skip(*text, record->n + 1);
	return true;
}

static bool
take_octal(struct str *r, mode_t *mode)
{
	*mode = 0;
	if (r->n <= MODE_DIGITS || r->p[MODE_DIGITS] != ' ')
		return false;
	for (int i = 0; i < MODE_DIGITS; i++) {
		if (r->p[i] < '0' || r->p[i] > '7')
			return false;
		*mode = *mode << 3 | (mode_t)(r->p[i] - '0');
	}
	*r = str_skip(*r, MODE_DIGITS + 1);
	return true;
}

int
tree_take_modes(struct tree *t, struct str text, struct err *e)
{
	struct str r;
	bool bad = false;
	size_t i = 0;

	while (next_record(&text, &r, &bad)) {
		mode_t mode;

		if (!take_octal(&r, &mode))
			return err_set(e, ERR_DATA, "the snapshot's modes are damaged");
		while (i < t->n && tree_cmp(tree_path(t, &t->e[i]), r) < 0)
			i++;
		if (i == t->n || !str_eq(tree_path(t, &t->e[i]), r))
			return err_set(e, ERR_DATA,
				"the snapshot's modes name a file that it does not have");
		t->e[i++].mode = mode;
	}
	return bad ? err_set(e, ERR_DATA, "the snapshot's modes are cut off") : 0;
}

int
tree_find_mode(struct str text, struct str path, mode_t *mode, struct err *e)
{
	struct str r;
	bool bad = false;

	while (next_record(&text, &r, &bad)) {
		mode_t m;

		if (!take_octal(&r, &m))
			return err_set(e, ERR_DATA, "the snapshot's modes are damaged");
		if (str_eq(r, path))
			*mode = m;
	}
	return bad ? err_set(e, ERR_DATA, "the snapshot's modes are cut off") : 0;
}

void
tree_put_skips(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->nskip; i++) {
		buf_put_str(out, tree_skip_why(t, &t->skip[i]));
		buf_puts(out, ": ");
		buf_put_str(out, tree_skip_path(t, &t->skip[i]));
		buf_putc(out, '\0');
	}
}

int
tree_take_skips(struct tree *t, struct str text, struct err *e)
{
	struct str r;
	bool bad = false;

	while (next_record(&text, &r, &bad)) {
		const char *colon = memmem(r.p, r.n, ": ", 2);
		CLEANUP(mem_freep) char *why = NULL;

		if (colon == NULL)
			return err_set(e, ERR_DATA,
				"the snapshot's list of skipped files is damaged");
		why = mem_strdup_str((struct str){ r.p, (size_t)(colon - r.p) });
		r = str_skip(r, strlen(why) + 2);
		if (tree_add_skip(t, r, why, e) < 0)
			return -1;
	}
	if (bad)
		return err_set(
			e, ERR_DATA, "the snapshot's list of skipped files is cut off");
	tree_sort_skips(t);
	return 0;
}

void
tree_put_json_path(struct buf *out, struct str path)
{
	if (utf8_is_valid(path)) {
		buf_puts(out, "\"path\":");
		buf_put_json(out, path);
		return;
	}
	buf_puts(out, "\"path_hex\":\"");
	for (size_t i = 0; i < path.n; i++)
		buf_printf(out, "%02x", (unsigned int)(unsigned char)path.p[i]);
	buf_putc(out, '"');
}
