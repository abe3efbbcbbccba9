#include "keeper/diff.h"

#include <stdlib.h>
#include <sys/stat.h>

enum phase { OPEN_DIRS, REMOVE, MAKE, CLOSE_DIRS, PHASES };

struct op {
	enum phase phase;
	const char *status;
	const struct tree *t;
	const struct tree_entry *e;
};

struct ops {
	struct op *op;
	size_t n, cap;
	const struct tree *want;
};

enum { OPS_FIRST = 64 };

static void
ops_fini(struct ops *o)
{
	free(o->op);
}

static void
add(struct ops *o, enum phase phase, const char *status, const struct tree *t,
	const struct tree_entry *e)
{
	if (tree_is_skipped(o->want, tree_path(t, e)))
		return;
	if (o->n == o->cap) {
		o->cap = o->cap == 0 ? OPS_FIRST : o->cap * 2;
		o->op = mem_grow(o->op, o->cap * sizeof o->op[0]);
	}
	o->op[o->n++] = (struct op){ phase, status, t, e };
}

/* What cannot be brought back is no difference once the rest is. */
static bool
is_same_mode(const struct tree_entry *have, const struct tree_entry *want)
{
	return have->mode == want->mode ||
	       have->mode == tree_restored_mode(want->kind, want->mode);
}

static bool
is_open(const struct tree_entry *dir)
{
	return (dir->mode & S_IRWXU) == S_IRWXU;
}

static void
add_missing(struct ops *o, const struct tree *want, const struct tree_entry *e)
{
	if (e->kind != TREE_DIR) {
		add(o, MAKE, "write", want, e);
		return;
	}
	add(o, MAKE, "mkdir", want, e);
	if (!is_open(e))
		add(o, CLOSE_DIRS, "mode", want, e);
}

static void
add_surplus(struct ops *o, const struct tree *now, const struct tree_entry *e)
{
	add(o, REMOVE, e->kind == TREE_DIR ? "rmdir" : "delete", now, e);
}

static void
add_changed(struct ops *o, const struct tree *want, const struct tree_entry *have,
	const struct tree_entry *e)
{
	const bool same_mode = is_same_mode(have, e);

	if (e->kind == TREE_DIR) {
		if (!same_mode)
			add(o, is_open(e) ? OPEN_DIRS : CLOSE_DIRS, "mode", want, e);
	} else if (have->kind != e->kind || memcmp(have->oid, e->oid, TREE_OID) != 0) {
		add(o, MAKE, "write", want, e);
	} else if (!same_mode) {
		add(o, MAKE, "mode", want, e);
	}
}

static void
compare(struct ops *o, const struct tree *now, const struct tree *want)
{
	size_t i = 0;
	size_t k = 0;

	while (i < now->n || k < want->n) {
		int c = i == now->n ? 1 : k == want->n ? -1 : 0;

		if (c == 0)
			c = tree_cmp(
				tree_path(now, &now->e[i]), tree_path(want, &want->e[k]));
		if (c < 0) {
			add_surplus(o, now, &now->e[i++]);
		} else if (c > 0) {
			add_missing(o, want, &want->e[k++]);
		} else {
			add_changed(o, want, &now->e[i], &want->e[k]);
			i++;
			k++;
		}
	}
}

static void
put_op(struct buf *out, const struct op *o)
{
	struct str path = tree_path(o->t, o->e);

	if (o->e->kind == TREE_DIR)
		path.n--; /* its '/' */
	buf_puts(out, out->n > 1 ? ",{" : "{");
	tree_put_json_path(out, path);
	buf_printf(out, ",\"status\":\"%s\",\"kind\":\"%s\",\"mode\":%u}", o->status,
		tree_kind_name(o->e->kind),
		(unsigned int)tree_restored_mode(o->e->kind, o->e->mode));
}

int
diff_put(struct buf *out, const struct tree *now, const struct tree *want, struct err *e)
{
	CLEANUP(ops_fini) struct ops o = { .want = want };
	static const bool from_below[PHASES] = { [REMOVE] = true, [CLOSE_DIRS] = true };

	compare(&o, now, want);
	buf_putc(out, '[');
	for (int p = 0; p < PHASES; p++) {
		for (size_t i = 0; i < o.n && !out->over; i++) {
			const struct op *op = &o.op[from_below[p] ? o.n - 1 - i : i];

			if ((int)op->phase == p)
				put_op(out, op);
		}
	}
	buf_putc(out, ']');
	return out->over
		       ? err_set(e, ERR_DATA,
				 "the worktree differs in too many files to tell them all")
		       : 0;
}
