#include "mcp/tool.h"

#include "base/clock.h"
#include "mcp/lang/lang.h"
#include "mcp/pathglob.h"

/* find-nodes: where things are defined, by name, kind and place. */

enum {
	SHOWN_DEFAULT = 200,
	COUNTED_MAX = 200000,
	SCAN_US_MAX = 30 * 1000 * 1000,
	NAME_SHOWN_MAX = 256,
	END_ROOM = 1024
};

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256,"
	"\"description\":\"Name, or a glob such as parse_*\"},"
	"\"kind\":{\"type\":\"string\",\"enum\":[\"function\",\"method\",\"class\",\"struct\","
	"\"union\",\"enum\",\"interface\",\"type\",\"namespace\",\"macro\",\"variable\","
	"\"prototype\",\"field\",\"constant\",\"import\"],"
	"\"description\":\"Absent: all but field, constant and import\"},"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"Directory or file, relative to the project root\"},"
	"\"language\":{\"type\":\"string\",\"enum\":[\"c\",\"javascript\",\"typescript\",\"tsx\","
	"\"python\"]},"
	"\"offset\":{\"type\":\"integer\",\"minimum\":0,"
	"\"description\":\"Leave out that many definitions first\"},"
	"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":2000,"
	"\"description\":\"How many, 200 when absent\"}}}";

struct find {
	const struct root *root;
	struct tool_result *r;
	json_t *nodes;    /* borrowed from r->data */
	const char *name; /* glob, or NULL */
	bool any_kind, any_lang;
	enum lang_kind kind;
	enum lang lang;
	const char *file; /* that is being scanned, and its name for the text */
	const char *shown_file;
	int64_t offset, limit;
	int64_t found, shown, files, unread, broken;
};

/* What nobody means who asks for "the definitions". */
static bool
is_detail(enum lang_kind k)
{
	return k == LANG_FIELD || k == LANG_CONSTANT || k == LANG_IMPORT;
}

static bool
is_wanted(const struct find *f, const struct lang_def *d)
{
	if (f->any_kind ? is_detail(d->kind) : d->kind != f->kind)
		return false;
	if (f->name == NULL || str_is(d->name, f->name))
		return true;
	return pathglob_match(str_of(f->name), d->name);
}

/* A source may hold names of any length; they must not fill the answer. */
static struct str
short_name(struct str name)
{
	if (name.n <= NAME_SHOWN_MAX)
		return name;
	name.n = NAME_SHOWN_MAX;
	while ((name.p[name.n] & 0xc0) == 0x80)
		name.n--; /* not within a character */
	return name;
}

static void
on_found(void *to, const struct lang_def *d)
{
	struct find *f = to;
	struct buf *out = &f->r->text;
	const size_t before = out->n;
	const struct str name = short_name(d->name);
	const struct str within = short_name(d->within);

	if (!is_wanted(f, d) || f->found++ < f->offset || f->shown == f->limit)
		return;
	buf_printf(out, "%s:%u-%u %s ", f->shown_file, d->line, d->end_line,
		lang_kind_name(d->kind));
	root_put_name(out, name);
	buf_puts(out, within.n > 0 ? " in " : "");
	root_put_name(out, within);
	buf_putc(out, '\n');
	if (out->over) { /* it comes whole on the next page */
		out->over = false;
		out->n = before;
		f->limit = f->shown;
		return;
	}
	f->shown++;
	(void)json_array_append_new(
		f->nodes, json_pack("{s:s, s:i, s:i, s:s, s:s%, s:s%}", "path", f->file,
				  "line", (int)d->line, "end_line", (int)d->end_line,
				  "kind", lang_kind_name(d->kind), "name", name.p, name.n,
				  "within", within.n > 0 ? within.p : "", within.n));
}

static bool
on_entry(void *to, const struct root_entry *ent)
{
	struct find *f = to;
	CLEANUP(buf_fini) struct buf content = BUF_INIT(ROOT_FILE_MAX);
	CLEANUP(buf_fini) struct buf name = BUF_INIT(ROOT_NAME_MAX);
	struct err ignored =
		ERR_INIT; /* a file that cannot be read or parsed is counted */
	const struct lang_sink sink = { .found = on_found, .to = f };
	bool has_errors = false;
	enum lang l;

	if (f->found >= COUNTED_MAX)
		return false;
	if (!ent->is_file || !lang_of_path(str_of(ent->rel), &l) ||
		(!f->any_lang && l != f->lang))
		return true;
	root_put_name(&name, str_of(ent->rel));
	f->file = ent->rel;
	f->shown_file = buf_text(&name);
	if (root_read(f->root, ent->rel, &content, NULL, &ignored) < 0 ||
		!root_is_text(buf_str(&content)) ||
		lang_scan(l, buf_str(&content), &sink, &has_errors, &ignored) < 0)
		f->unread++;
	f->files++;
	f->broken += has_errors;
	return true;
}

static void
put_end(const struct find *f, const struct root_walk *w)
{
	struct buf *out = &f->r->text;
	const int64_t next = f->offset + f->shown;
	const int64_t left = f->found - next;
	const bool partial = w->late || w->cut || f->found >= COUNTED_MAX;

	buf_printf(out, "%s%lld definitions in %lld source files\n",
		partial ? "at least " : "", (long long)f->found, (long long)f->files);
	if (left > 0)
		buf_printf(out, "%lld more: ask with offset %lld\n", (long long)left,
			(long long)next);
	if (f->unread > 0)
		buf_printf(out, "%lld files could not be read or parsed\n",
			(long long)f->unread);
	if (f->broken > 0)
		buf_printf(out,
			"%lld files have text that the grammar does not understand (macros, "
			"syntax errors): near it definitions may be missing\n",
			(long long)f->broken);
	if (partial)
		buf_puts(out, "the scan ended early: narrow it with path or language\n");
}

static int
find_below(struct find *f, const char *rel, struct err *e)
{
	struct root_walk w = {
		.visit = on_entry, .to = f, .until_us = clock_mono_us() + SCAN_US_MAX
	};

	f->r->data = json_object();
	f->nodes = json_array();
	(void)json_object_set_new(
		f->r->data, "nodes", f->nodes); /* out of memory aborts */
	f->r->text.max -= END_ROOM;
	if (root_walk(f->root, rel, &w, e) < 0)
		return -1;
	f->r->text.max += END_ROOM;
	put_end(f, &w);
	(void)json_object_set_new(
		f->r->data, "found", json_integer(f->found)); /* as above */
	return 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(mem_freep)
	char *rel = root_rel(&h->root, tool_text(args, "path", "."), e);
	const char *kind = tool_text(args, "kind", NULL);
	const char *lang = tool_text(args, "language", NULL);
	struct find f = {
		.root = &h->root,
		.r = r,
		.name = tool_text(args, "name", NULL),
		.any_kind = kind == NULL,
		.any_lang = lang == NULL,
		.offset = tool_number(args, "offset", 0),
		.limit = tool_number(args, "limit", SHOWN_DEFAULT),
	};

	if (rel == NULL)
		return -1;
	if ((kind != NULL && !lang_kind_from_name(str_of(kind), &f.kind)) ||
		(lang != NULL && !lang_from_name(str_of(lang), &f.lang)))
		return err_set(e, ERR_DATA, "unknown kind or language");
	return find_below(&f, rel, e);
}

const struct tool tool_find_nodes = {
	.name = "find-nodes",
	.title = "Find definitions",
	.description =
		"Finds definitions by name and kind in C, JavaScript, TypeScript, TSX and "
		"Python, from the syntax tree: path:first-last kind name. With only a path "
		"it is the outline of that file or directory.",
	.schema = schema,
	.role = TOOL_CORE,
	.read_only = true,
	.idempotent = true,
	.run = run,
};
