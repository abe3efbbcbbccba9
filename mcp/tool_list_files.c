#include "mcp/tool.h"

#include "base/clock.h"
#include "mcp/pathglob.h"

/* list-files: the paths below a directory, sorted, in pages. */

enum { SHOWN_DEFAULT = 500, COUNTED_MAX = 200000, LIST_US_MAX = 20 * 1000 * 1000 };

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"Directory, relative to the project root; the root when absent\"},"
	"\"glob\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256,"
	"\"description\":\"Only files that match: *.c, src/**/*.{ts,tsx}\"},"
	"\"offset\":{\"type\":\"integer\",\"minimum\":0,"
	"\"description\":\"Leave out that many files first\"},"
	"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":5000,"
	"\"description\":\"How many files, 500 when absent\"}}}";

struct listing {
	struct tool_result *r;
	json_t *files;    /* borrowed from r->data */
	const char *glob; /* or NULL */
	int64_t offset, limit;
	int64_t found, shown;
	bool cut;
};

static bool
on_entry(void *to, const struct root_entry *ent)
{
	struct listing *l = to;
	struct buf *out = &l->r->text;
	const size_t before = out->n;
	const char *kind = ent->is_link   ? " (link)"
			   : ent->is_file ? ""
					  : " (special file)";

	if (l->glob != NULL && !pathglob_match(str_of(l->glob), str_of(ent->rel)))
		return true;
	if (l->found == COUNTED_MAX) {
		l->cut = true;
		return false;
	}
	if (l->found++ < l->offset || l->shown == l->limit)
		return true;
	root_put_name(out, str_of(ent->rel));
	buf_printf(out, "%s\n", kind);
	if (out->over) { /* very long paths: this one comes on the next page */
		out->over = false;
		out->n = before;
		l->limit = l->shown;
		return true;
	}
	(void)json_array_append_new(
		l->files, json_string(ent->rel)); /* NULL: not UTF-8 */
	l->shown++;
	return true;
}

static void
put_end(const struct listing *l, const struct root_walk *w)
{
	struct buf *out = &l->r->text;
	const int64_t next = l->offset + l->shown;
	const int64_t left = l->found - next;

	if (l->found == 0)
		buf_puts(out, w->late ? "" : "no files\n");
	else if (l->shown == 0)
		buf_printf(out, "only %lld files: offset is behind their end\n",
			(long long)l->found);
	if (left > 0)
		buf_printf(out, "%s%lld more: ask with offset %lld\n",
			l->cut || w->late ? "at least " : "", (long long)left,
			(long long)next);
	if (w->unreadable > 0)
		buf_printf(out, "%zu directories could not be read\n", w->unreadable);
	if (w->late)
		buf_puts(out, "the list ended early: ask for a directory of the tree\n");
	if (w->cut)
		buf_puts(out,
			"the tree is too large or too deep to be listed as a whole: "
			"ask for a directory of it\n");
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(mem_freep)
	char *rel = root_rel(&h->root, tool_text(args, "path", "."), e);
	struct listing l = {
		.r = r,
		.glob = tool_text(args, "glob", NULL),
		.offset = tool_number(args, "offset", 0),
		.limit = tool_number(args, "limit", SHOWN_DEFAULT),
	};
	struct root_walk w = {
		.visit = on_entry, .to = &l, .until_us = clock_mono_us() + LIST_US_MAX
	};

	if (rel == NULL || (l.glob != NULL && pathglob_check(str_of(l.glob), e) < 0))
		return -1;
	r->data = json_object();
	l.files = json_array();
	(void)json_object_set_new(r->data, "files", l.files); /* out of memory aborts */
	r->text.max -= ROOT_PATH_MAX;                         /* room for the end */
	if (root_walk(&h->root, rel, &w, e) < 0)
		return -1;
	r->text.max += ROOT_PATH_MAX;
	put_end(&l, &w);
	(void)json_object_set_new(r->data, "found", json_integer(l.found)); /* as above */
	return 0;
}

const struct tool tool_list_files = {
	.name = "list-files",
	.title = "List files",
	.description =
		"Lists the files below a directory of the project, all levels, sorted. "
		".git and .pando-sandbox are left out; links are shown, not followed.",
	.schema = schema,
	.role = TOOL_CORE,
	.read_only = true,
	.idempotent = true,
	.run = run,
};
