#include "keeper/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "keeper/hash.h"

enum { STAMP_MAX = 32, LEVELS = TREE_DEPTH_MAX + 2, MESSAGE_MAX = 4096 };

#define AUTHOR "pando-keeper"
#define AUTHOR_MAIL "pando-keeper@localhost"

static void
tree_freep(git_tree **t)
{
	git_tree_free(*t);
}

static void
commit_freep(git_commit **c)
{
	git_commit_free(*c);
}

static void
entry_freep(git_tree_entry **t)
{
	git_tree_entry_free(*t);
}

static void
signature_freep(git_signature **s)
{
	git_signature_free(*s);
}

/* The directories that are open while the list goes by; each is written when it ends. */
struct open_dir {
	struct buf raw;
	size_t entry, prefix; /* its place in the list, the length of its path */
};

struct builder {
	struct store *s;
	struct tree *t;
	struct open_dir dir[LEVELS];
	size_t depth;
};

static void
builder_fini(struct builder *b)
{
	for (size_t i = 0; i < LEVELS; i++)
		buf_fini(&b->dir[i].raw);
}

static void
put_raw(struct buf *raw, const char *mode, struct str name,
	const unsigned char oid[TREE_OID])
{
	buf_puts(raw, mode);
	buf_putc(raw, ' ');
	buf_put_str(raw, name);
	buf_putc(raw, '\0');
	buf_put(raw, oid, TREE_OID);
}

static int
close_dir(struct builder *b, unsigned char oid[TREE_OID], struct err *e)
{
	struct open_dir *d = &b->dir[b->depth];

	if (d->raw.over)
		return err_set(e, ERR_DATA, "a directory is too large for a snapshot");
	if (store_put_tree(b->s, buf_str(&d->raw), oid, e) < 0)
		return -1;
	buf_reset(&d->raw);
	return 0;
}

static int
close_sub(struct builder *b, struct err *e)
{
	struct tree_entry *it = &b->t->e[b->dir[b->depth].entry];
	struct str name = tree_path(b->t, it);

	if (close_dir(b, it->oid, e) < 0)
		return -1;
	b->depth--;
	name = str_skip(name, b->dir[b->depth].prefix);
	name.n--; /* its '/' */
	put_raw(&b->dir[b->depth].raw, "40000", name, it->oid);
	return 0;
}

static bool
is_in(const struct builder *b, struct str path)
{
	const struct open_dir *d = &b->dir[b->depth];

	return b->depth == 0 || str_starts(path, tree_path(b->t, &b->t->e[d->entry]));
}

static int
add_entry(struct builder *b, size_t i, struct err *e)
{
	const struct tree_entry *it = &b->t->e[i];
	const struct str path = tree_path(b->t, it);
	const char *mode = it->kind == TREE_LINK       ? "120000"
			   : (it->mode & S_IXUSR) != 0 ? "100755"
						       : "100644";

	while (!is_in(b, path))
		if (close_sub(b, e) < 0)
			return -1;
	if (it->kind != TREE_DIR) {
		put_raw(&b->dir[b->depth].raw, mode,
			str_skip(path, b->dir[b->depth].prefix), it->oid);
		return 0;
	}
	if (b->depth + 1 >= LEVELS)
		return err_set(e, ERR_DATA, "the project's directories nest too deep");
	b->depth++;
	b->dir[b->depth].entry = i;
	b->dir[b->depth].prefix = path.n;
	return 0;
}

static int
write_files(struct store *s, struct tree *t, unsigned char oid[TREE_OID], struct err *e)
{
	CLEANUP(builder_fini) struct builder b = { .s = s, .t = t };

	for (size_t i = 0; i < LEVELS; i++)
		b.dir[i].raw.max = SNAP_TEXT_MAX;
	for (size_t i = 0; i < t->n; i++)
		if (add_entry(&b, i, e) < 0)
			return -1;
	while (b.depth > 0)
		if (close_sub(&b, e) < 0)
			return -1;
	return close_dir(&b, oid, e);
}

static int
put_text(struct store *s, struct buf *text, unsigned char oid[TREE_OID], struct err *e)
{
	if (text->over)
		return err_set(e, ERR_DATA, "the project has too many names or modes");
	return store_put_blob(s, buf_str(text), oid, e);
}

static int
write_top(struct store *s, struct tree *t, struct str gitstate,
	unsigned char top[TREE_OID], struct err *e)
{
	CLEANUP(buf_fini) struct buf modes = BUF_INIT(SNAP_TEXT_MAX);
	CLEANUP(buf_fini) struct buf skips = BUF_INIT(SNAP_TEXT_MAX);
	CLEANUP(buf_fini) struct buf raw = BUF_INIT(MESSAGE_MAX);
	unsigned char files[TREE_OID];
	unsigned char git[TREE_OID];
	unsigned char meta[TREE_OID];
	unsigned char skipped[TREE_OID];

	tree_put_modes(t, &modes);
	tree_put_skips(t, &skips);
	if (write_files(s, t, files, e) < 0 || store_put_blob(s, gitstate, git, e) < 0 ||
		put_text(s, &modes, meta, e) < 0 || put_text(s, &skips, skipped, e) < 0)
		return -1;
	put_raw(&raw, "40000", STR("files"), files);
	put_raw(&raw, "100644", STR("git"), git);
	put_raw(&raw, "100644", STR("meta"), meta);
	put_raw(&raw, "100644", STR("skipped"), skipped);
	return store_put_tree(s, buf_str(&raw), top, e);
}

static size_t
count_files(const struct tree *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->e[i].kind != TREE_DIR;
	return n;
}

static int
write_commit(struct store *s, const unsigned char top[TREE_OID], const char *msg,
	const git_commit *parent, git_oid *id, struct err *e)
{
	CLEANUP(signature_freep) git_signature *who = NULL;
	CLEANUP(tree_freep) git_tree *tree = NULL;
	git_oid tid;

	memcpy(tid.id, top, TREE_OID);
	if (git_tree_lookup(&tree, s->repo, &tid) < 0 ||
		git_signature_now(&who, AUTHOR, AUTHOR_MAIL) < 0 ||
		git_commit_create(id, s->repo, NULL, who, who, NULL, msg, tree,
			parent != NULL, &parent) < 0)
		return store_fail(e, "write the snapshot to %s", s->dir);
	s->wrote = true;
	return 0;
}

int
snap_write(struct store *s, struct tree *t, struct str gitstate,
	const struct snap_note *note, struct snap_taken *taken, struct err *e)
{
	CLEANUP(commit_freep) git_commit *last = NULL;
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(MESSAGE_MAX);
	unsigned char top[TREE_OID];
	git_oid head;
	const int none = store_head(s, &head, e);

	if (none < 0 || write_top(s, t, gitstate, top, e) < 0)
		return -1;
	if (none == 0 && git_commit_lookup(&last, s->repo, &head) < 0)
		return store_fail(e, "read the newest snapshot of %s", s->dir);
	taken->is_new = last == NULL ||
			memcmp(git_commit_tree_id(last)->id, top, TREE_OID) != 0;
	if (!taken->is_new) {
		taken->id = head;
		return 0;
	}
	buf_printf(&msg, "%s\n\ncall: %s\nfiles: %zu\nskipped: %zu\n", note->why,
		note->call, count_files(t), t->nskip);
	if (write_commit(s, top, buf_text(&msg), last, &taken->id, e) < 0)
		return -1;
	return store_advance(s, &taken->id, e);
}

static git_commit *
find_commit(struct store *s, const char *hex, struct err *e)
{
	git_commit *c = NULL;
	git_oid id;

	if (git_oid_fromstr(&id, hex) < 0)
		(void)err_set(e, ERR_DATA, "%s: not the id of a snapshot", hex);
	else if (git_commit_lookup(&c, s->repo, &id) < 0)
		(void)err_set(e, ERR_DATA,
			"%s: no such snapshot of this project: \"list\" names them", hex);
	return c;
}

static git_tree *
find_top(struct store *s, const char *hex, struct err *e)
{
	CLEANUP(commit_freep) git_commit *c = find_commit(s, hex, e);
	git_tree *t = NULL;

	if (c != NULL && git_commit_tree(&t, c) < 0)
		(void)store_fail(e, "read the snapshot %s", hex);
	return t;
}

/* A part of the snapshot: "meta", "skipped". */
static int
get_part(struct store *s, const git_tree *top, const char *name, struct buf *out,
	struct err *e)
{
	const git_tree_entry *it = git_tree_entry_byname(top, name);

	if (it == NULL)
		return err_set(e, ERR_DATA, "the snapshot has no part \"%s\"", name);
	return store_get_blob(s, git_tree_entry_id(it)->id, out, e);
}

static int
kind_of(const git_tree_entry *it, enum tree_kind *kind, mode_t *mode, struct err *e)
{
	switch (git_tree_entry_filemode(it)) {
	case GIT_FILEMODE_TREE:
		*kind = TREE_DIR;
		break;
	case GIT_FILEMODE_LINK:
		*kind = TREE_LINK;
		break;
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		*kind = TREE_FILE;
		break;
	case GIT_FILEMODE_COMMIT:
	case GIT_FILEMODE_UNREADABLE:
		return err_set(e, ERR_DATA, "the snapshot has an entry of unknown kind");
	}
	*mode = tree_implied_mode(
		*kind, git_tree_entry_filemode(it) == GIT_FILEMODE_BLOB_EXECUTABLE);
	return 0;
}

struct loader {
	struct store *s;
	struct tree *out;
	struct buf path;
	int depth;
};

static int load_tree(struct loader *l, const git_oid *id, struct err *e);

static int
load_entry(struct loader *l, const git_tree_entry *it, struct err *e)
{
	enum tree_kind kind = TREE_FILE;
	struct tree_entry *new;
	mode_t mode = 0;

	buf_puts(&l->path, git_tree_entry_name(it));
	if (kind_of(it, &kind, &mode, e) < 0)
		return -1;
	if (kind == TREE_DIR)
		buf_putc(&l->path, '/');
	if (l->path.over)
		return err_set(e, ERR_DATA, "the snapshot has a path that is too long");
	new = tree_add(l->out, buf_str(&l->path), kind, mode, e);
	if (new == NULL)
		return -1;
	memcpy(new->oid, git_tree_entry_id(it)->id, TREE_OID);
	return kind == TREE_DIR ? load_tree(l, git_tree_entry_id(it), e) : 0;
}

static int
load_tree(struct loader *l, const git_oid *id, struct err *e)
{
	CLEANUP(tree_freep) git_tree *t = NULL;
	const size_t len = l->path.n;

	if (l->depth >= LEVELS)
		return err_set(e, ERR_DATA, "the snapshot nests too deep");
	if (git_tree_lookup(&t, l->s->repo, id) < 0)
		return store_fail(
			e, "read the snapshot's directory %s", buf_text(&l->path));
	l->depth++;
	for (size_t i = 0; i < git_tree_entrycount(t); i++) {
		if (load_entry(l, git_tree_entry_byindex(t, i), e) < 0)
			return -1;
		l->path.n = len;
	}
	l->depth--;
	return 0;
}

int
snap_load(struct store *s, const char *hex, struct tree *out, struct err *e)
{
	CLEANUP(tree_freep) git_tree *top = find_top(s, hex, e);
	CLEANUP(buf_fini) struct buf modes = BUF_INIT(SNAP_TEXT_MAX);
	CLEANUP(buf_fini) struct buf skips = BUF_INIT(SNAP_TEXT_MAX);
	struct loader l = { .s = s, .out = out, .path = BUF_INIT(KEEPER_PATH_MAX) };
	const git_tree_entry *files;
	int got;

	if (top == NULL)
		return -1;
	files = git_tree_entry_byname(top, "files");
	if (files == NULL)
		return err_set(e, ERR_DATA, "%s: not a snapshot of ours", hex);
	got = load_tree(&l, git_tree_entry_id(files), e);
	buf_fini(&l.path);
	if (got < 0 || get_part(s, top, "meta", &modes, e) < 0 ||
		get_part(s, top, "skipped", &skips, e) < 0)
		return -1;
	if (tree_take_modes(out, buf_str(&modes), e) < 0)
		return -1;
	return tree_take_skips(out, buf_str(&skips), e);
}

int
snap_find(struct store *s, const char *hex, struct str path, struct snap_file *out,
	struct err *e)
{
	CLEANUP(tree_freep) git_tree *top = find_top(s, hex, e);
	CLEANUP(entry_freep) git_tree_entry *it = NULL;
	CLEANUP(mem_freep) char *z = mem_strdup_str(path);
	CLEANUP(mem_freep) char *below = mem_printf("files/%s", z);
	CLEANUP(buf_fini) struct buf modes = BUF_INIT(SNAP_TEXT_MAX);

	if (top == NULL)
		return -1;
	if (git_tree_entry_bypath(&it, top, below) < 0)
		return err_set(e, ERR_DATA, "%s: not in the snapshot %s", z, hex);
	if (kind_of(it, &out->kind, &out->mode, e) < 0)
		return -1;
	if (out->kind == TREE_DIR)
		return err_set(e, ERR_DATA, "%s: a directory in the snapshot %s", z, hex);
	memcpy(out->oid, git_tree_entry_id(it)->id, TREE_OID);
	if (get_part(s, top, "meta", &modes, e) < 0)
		return -1;
	return tree_find_mode(buf_str(&modes), path, &out->mode, e);
}

/* The line "<name>: <value>" of the message; empty when it has none. */
static struct str
line_of(const char *msg, const char *name)
{
	CLEANUP(mem_freep) char *head = mem_printf("\n%s: ", name);
	const char *at = strstr(msg, head);

	if (at == NULL)
		return STR("");
	at += strlen(head);
	return (struct str){ at, strcspn(at, "\n") };
}

static void
put_listed(struct buf *out, const git_commit *c)
{
	const char *msg = git_commit_message(c);
	const struct str files = line_of(msg, "files");
	const time_t when = git_commit_time(c);
	char hex[KEEPER_ID_HEX + 1];
	char stamp[STAMP_MAX] = "";
	struct tm tm;

	hash_hex(git_commit_id(c)->id, hex);
	if (gmtime_r(&when, &tm) != NULL)
		(void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(out, "{\"id\":\"%s\",\"time\":\"%s\",\"why\":", hex, stamp);
	buf_put_json(out, (struct str){ msg, strcspn(msg, "\n") });
	buf_puts(out, ",\"call\":");
	buf_put_json(out, line_of(msg, "call"));
	buf_printf(
		out, ",\"files\":%lu}", files.n > 0 ? strtoul(files.p, NULL, 10) : 0UL);
}

int
snap_list(struct store *s, int max, struct buf *out, struct err *e)
{
	git_oid id;
	int none = store_head(s, &id, e);

	if (none < 0)
		return -1;
	buf_putc(out, '[');
	for (int i = 0; i < max && none == 0; i++) {
		CLEANUP(commit_freep) git_commit *c = NULL;

		if (git_commit_lookup(&c, s->repo, &id) < 0)
			return store_fail(e, "read the snapshots of %s", s->dir);
		if (i > 0)
			buf_putc(out, ',');
		put_listed(out, c);
		none = git_commit_parentcount(c) == 0;
		if (none == 0)
			id = *git_commit_parent_id(c, 0);
	}
	buf_putc(out, ']');
	return out->over ? err_set(e, ERR_DATA, "the list is too long: ask for fewer")
			 : 0;
}
