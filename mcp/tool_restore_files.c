#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/secret.h"
#include "keeper/client.h"
#include "mcp/mutate.h"
#include "mcp/tool.h"

/*
 * restore-files: makes the worktree, or some paths of it, what a snapshot has. The keeper
 * only tells and reads (it cannot write here); the work is done in its order, see diff.h
 * there: directories opened, surplus removed, missing made, directories closed.
 */

enum { PATHS_MAX = 200, SHOWN_MAX = 100, MODE_BITS = 07777, OWNER_ALL = 0700 };

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"snapshot\"],"
	"\"properties\":{"
	"\"snapshot\":{\"type\":\"string\",\"minLength\":40,\"maxLength\":40,"
	"\"description\":\"Id from a result or from snapshot-worktree\"},"
	"\"paths\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":200,"
	"\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096},"
	"\"description\":\"Files or directories, relative to the project root; all when "
	"absent\"}}}";

struct restore {
	const struct tool_host *h;
	const char *id;
	struct tool_result *r;
	char *path[PATHS_MAX];
	size_t npaths; /* 0: all */
	int64_t done, failed;
};

static void
restore_fini(struct restore *r)
{
	for (size_t i = 0; i < r->npaths; i++)
		mem_freep(&r->path[i]);
}

struct op {
	const char *status, *kind;
	mode_t mode;
	const char *rel;
};

/* A directory above a wanted path is needed for it, if it must be made or opened. */
static bool
is_wanted(const struct restore *r, const struct op *op)
{
	const bool above = strcmp(op->status, "mkdir") == 0 ||
			   strcmp(op->status, "mode") == 0;

	if (r->npaths == 0)
		return true;
	for (size_t i = 0; i < r->npaths; i++) {
		if (strcmp(r->path[i], ".") == 0 || path_is_within(op->rel, r->path[i]))
			return true;
		if (above && strcmp(op->kind, "dir") == 0 &&
			path_is_within(r->path[i], op->rel))
			return true;
	}
	return false;
}

static int
put_link(const struct restore *r, const char *rel, struct str target, struct err *e)
{
	const char *name;
	CLEANUP(fd_closep) int dir = root_open_parent(&r->h->root, rel, &name, e);
	CLEANUP(mem_freep) char *to = mem_strdup_str(target);
	char id[ID_HEX + 1];
	char tmp[ID_HEX + 16];

	if (dir < 0 || id_new(id, e) < 0)
		return -1;
	(void)snprintf(tmp, sizeof tmp, ".pando-%s.tmp", id);
	if (symlinkat(to, dir, tmp) < 0)
		return err_sys(e, "make the link %s", rel);
	if (renameat(dir, tmp, dir, name) < 0) {
		(void)err_sys(e, "put %s in place", rel);
		(void)unlinkat(dir, tmp, 0); /* the first error is the one to tell */
		return -1;
	}
	return 0;
}

struct mapped {
	void *p;
	size_t n;
};

static void
mapped_fini(struct mapped *m)
{
	if (m->n > 0)
		(void)munmap(m->p, m->n);
}

static int
op_write(const struct restore *r, const struct op *op, struct err *e)
{
	CLEANUP(keeper_file_fini) struct keeper_file f = KEEPER_FILE_INIT;
	CLEANUP(mapped_fini) struct mapped m = { NULL, 0 };
	struct stat st;
	struct str bytes = STR("");

	if (keeper_read(r->h->keeper, r->id, op->rel, &f, e) < 0)
		return -1;
	if (fstat(f.content, &st) < 0)
		return err_sys(e, "look at the content of %s", op->rel);
	if (st.st_size > 0) {
		m.p = mmap(
			NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, f.content, 0);
		if (m.p == MAP_FAILED)
			return err_sys(e, "read the content of %s", op->rel);
		m.n = (size_t)st.st_size;
		bytes = (struct str){ m.p, m.n };
	}
	if (f.is_link)
		return put_link(r, op->rel, bytes, e);
	return root_write(&r->h->root, op->rel, bytes, f.mode, false, e);
}

static int
op_mode(int dir, const char *name, const struct op *op, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at %s", op->rel);
	if (S_ISLNK(st.st_mode))
		return err_set(e, ERR_DATA, "%s is a link now", op->rel);
	if (fchmodat(dir, name, op->mode & MODE_BITS, 0) < 0)
		return err_sys(e, "set the mode of %s", op->rel);
	return 0;
}

/* 0 done, 1 a directory that still holds what no snapshot has, or must stay. */
static int
carry_out(const struct restore *r, const struct op *op, struct err *e)
{
	const char *name;
	CLEANUP(fd_closep) int dir = -1;

	if (strcmp(op->status, "write") == 0)
		return op_write(r, op, e);
	dir = root_open_parent(&r->h->root, op->rel, &name, e);
	if (dir < 0)
		return -1;
	if (strcmp(op->status, "mode") == 0)
		return op_mode(dir, name, op, e);
	if (strcmp(op->status, "delete") == 0)
		return unlinkat(dir, name, 0) < 0 ? err_sys(e, "remove %s", op->rel) : 0;
	if (strcmp(op->status, "rmdir") == 0) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
			return 0;
		/* EBUSY: the sandbox holds it in its place */
		return errno == ENOTEMPTY || errno == EBUSY
			       ? 1
			       : err_sys(e, "remove %s", op->rel);
	}
	if (strcmp(op->status, "mkdir") != 0)
		return err_set(e, ERR_DATA, "%s: unknown step %s", op->rel, op->status);
	if (mkdirat(dir, name, OWNER_ALL) < 0)
		return err_sys(e, "make directory %s", op->rel);
	if (fchmodat(dir, name, (op->mode & MODE_BITS) | OWNER_ALL, 0) < 0)
		return err_sys(e, "set the mode of %s", op->rel);
	return 0;
}

static const char *
told(const char *status)
{
	if (strcmp(status, "write") == 0)
		return "restored";
	if (strcmp(status, "mode") == 0)
		return "mode restored of";
	return strcmp(status, "mkdir") == 0 ? "made" : "removed";
}

static void
one_step(struct restore *r, const json_t *j)
{
	CLEANUP(mem_freep) char *path = mutate_path_of(j);
	const struct op op = {
		.status = tool_text(j, "status", ""),
		.kind = tool_text(j, "kind", ""),
		.mode = (mode_t)tool_number(j, "mode", 0),
		.rel = path,
	};
	struct err e = ERR_INIT;
	char shown[LOG_QUOTED_MAX];
	int got;

	if (path == NULL || !is_wanted(r, &op))
		return;
	(void)log_quoted(str_of(path), shown);
	got = carry_out(r, &op, &e);
	r->done += got == 0;
	r->failed += got < 0;
	if (r->done + r->failed > SHOWN_MAX)
		return;
	if (got < 0) {
		buf_puts(&r->r->text, "not restored: ");
		root_put_name(&r->r->text, str_of(e.text)); /* it has the path in it */
		buf_putc(&r->r->text, '\n');
	} else if (got > 0) {
		buf_printf(&r->r->text,
			"kept %s: it holds what no snapshot has, or is guarded\n", shown);
	} else {
		buf_printf(&r->r->text, "%s %s\n", told(op.status), shown);
	}
}

static int
take_paths(struct restore *r, const json_t *args, struct err *e)
{
	const json_t *paths = json_array_of(args, "paths");

	for (size_t i = 0; i < json_array_size(paths) && i < PATHS_MAX; i++) {
		r->path[i] = root_rel(
			&r->h->root, json_string_value(json_array_get(paths, i)), e);
		if (r->path[i] == NULL)
			return -1;
		r->npaths++;
	}
	return 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *to, struct err *e)
{
	CLEANUP(restore_fini)
	struct restore r = { .h = h, .id = tool_text(args, "snapshot", ""), .r = to };
	CLEANUP(buf_fini) struct buf text = BUF_INIT(KEEPER_BULK_MAX);
	CLEANUP(json_freep) json_t *ops = NULL;

	if (take_paths(&r, args, e) < 0 || keeper_diff(h->keeper, r.id, &text, e) < 0)
		return -1;
	ops = json_parse(buf_str(&text), e);
	if (ops == NULL)
		return -1;
	for (size_t i = 0; i < json_array_size(ops); i++)
		one_step(&r, json_array_get(ops, i));
	if (r.done + r.failed == 0)
		buf_puts(&to->text, "nothing to do: it is as the snapshot has it\n");
	else
		buf_printf(&to->text, "%lld done, %lld failed\n", (long long)r.done,
			(long long)r.failed);
	to->failed = r.failed > 0;
	to->data = json_pack("{s:I, s:I, s:s}", "done", (json_int_t)r.done, "failed",
		(json_int_t)r.failed, "snapshot", r.id);
	return 0;
}

const struct tool tool_restore_files = {
	.name = "restore-files",
	.title = "Restore files from a snapshot",
	.description =
		"Makes the project, or some paths of it, what a snapshot has: contents, "
		"modes, links; files added since are removed. The state before is kept as "
		"a snapshot too, so this can be undone.",
	.schema = schema,
	.role = TOOL_WORKSPACE,
	.destructive = true,
	.mutates = true,
	.run = run,
};
