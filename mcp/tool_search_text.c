#include "mcp/tool.h"

#include <ctype.h>

#include "base/clock.h"
#include "mcp/pathglob.h"

/* search-text: where a literal text stands, as file:line:column. */

enum {
	SHOWN_DEFAULT = 100,
	COUNTED_MAX = 100000,
	CONTEXT_MAX = 10,
	LINE_SHOWN_MAX = 400, /* bytes of one line */
	SEARCH_US_MAX = 20 * 1000 * 1000,
	END_ROOM = 1024
};

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"query\"],"
	"\"properties\":{"
	"\"query\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024,"
	"\"description\":\"Literal text within one line; no regular expression\"},"
	"\"case_insensitive\":{\"type\":\"boolean\","
	"\"description\":\"Treat A-Z and a-z alike\"},"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"Directory or file, relative to the project root\"},"
	"\"glob\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256,"
	"\"description\":\"Only files that match: *.c, src/**/*.{ts,tsx}\"},"
	"\"context\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10,"
	"\"description\":\"Lines to show around each hit\"},"
	"\"offset\":{\"type\":\"integer\",\"minimum\":0,"
	"\"description\":\"Leave out that many hits first\"},"
	"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
	"\"description\":\"How many lines with a hit, 100 when absent\"}}}";

struct search {
	const struct root *root;
	struct tool_result *r;
	json_t *hits; /* borrowed from r->data */
	const char *glob;
	struct str query; /* in small letters when fold */
	bool fold;
	const char *name; /* of the file that is being searched, for the text */
	int64_t context, offset, limit;
	int64_t found, shown, files, not_text, unreadable;
	bool cut;
};

static void
fold_case(struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] >= 'A' && b->p[i] <= 'Z')
			b->p[i] = (char)(b->p[i] - 'A' + 'a');
}

static void
put_line(struct buf *out, struct str line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n > LINE_SHOWN_MAX) {
		buf_put(out, line.p, LINE_SHOWN_MAX);
		buf_puts(out, " [cut]");
	} else {
		buf_put_str(out, line);
	}
	buf_putc(out, '\n');
}

/* The line around the byte at. */
static struct str
line_at(struct str text, size_t at)
{
	const char *before = memrchr(text.p, '\n', at);
	const size_t from = before == NULL ? 0 : (size_t)(before - text.p) + 1;
	const char *end = memchr(text.p + at, '\n', text.n - at);

	return (struct str){ text.p + from,
		(end == NULL ? text.n : (size_t)(end - text.p)) - from };
}

static void
put_context(struct search *s, struct str text, struct str hit, int64_t number, bool above)
{
	struct buf *out = &s->r->text;
	struct str lines[CONTEXT_MAX];
	int64_t n = 0;
	struct str at = hit;

	while (n < s->context) {
		if (above ? at.p == text.p : at.p + at.n + 1 >= text.p + text.n)
			break;
		at = line_at(text, above ? (size_t)(at.p - text.p) - 1
					 : (size_t)(at.p - text.p) + at.n + 1);
		lines[n++] = at;
	}
	for (int64_t i = 0; i < n; i++) {
		const int64_t k = above ? n - 1 - i : i;

		buf_printf(out, "%s-%lld- ", s->name,
			(long long)(above ? number - 1 - k : number + 1 + k));
		put_line(out, lines[k]);
	}
}

/* Columns count characters, from 1. */
static int64_t
column_of(struct str line, size_t at)
{
	int64_t column = 1;

	for (size_t i = 0; i < at; i++)
		if (((unsigned char)line.p[i] & 0xc0) != 0x80)
			column++;
	return column;
}

static void
show_hit(struct search *s, const char *rel, struct str text, size_t at, int64_t number)
{
	struct buf *out = &s->r->text;
	const struct str line = line_at(text, at);
	const int64_t column = column_of(line, (size_t)(text.p + at - line.p));
	const size_t before = out->n;

	put_context(s, text, line, number, true);
	buf_printf(out, "%s:%lld:%lld: ", s->name, (long long)number, (long long)column);
	put_line(out, line);
	put_context(s, text, line, number, false);
	if (s->context > 0)
		buf_puts(out, "--\n");
	if (out->over) { /* it comes whole on the next page */
		out->over = false;
		out->n = before;
		s->limit = s->shown;
		return;
	}
	s->shown++;
	(void)json_array_append_new(
		s->hits, json_pack("{s:s, s:I, s:I}", "path", rel, "line",
				 (json_int_t)number, "column", (json_int_t)column));
}

/* folded has the same length as text; it is text itself when case matters. */
static void
search_text(struct search *s, const char *rel, struct str text, struct str folded)
{
	size_t from = 0;
	size_t counted = 0;
	int64_t number = 1;
	const int64_t found = s->found;

	while (from < text.n && s->found < COUNTED_MAX) {
		const char *hit = memmem(
			folded.p + from, folded.n - from, s->query.p, s->query.n);
		const char *end;
		size_t at;

		if (hit == NULL)
			break;
		at = (size_t)(hit - folded.p);
		for (; counted < at; counted++)
			number += text.p[counted] == '\n';
		if (s->found++ >= s->offset && s->shown < s->limit)
			show_hit(s, rel, text, at, number);
		end = memchr(text.p + at, '\n', text.n - at);
		from = end == NULL ? text.n : (size_t)(end - text.p) + 1;
	}
	s->files += s->found > found;
}

static bool
on_entry(void *to, const struct root_entry *ent)
{
	struct search *s = to;
	CLEANUP(buf_fini) struct buf content = BUF_INIT(ROOT_FILE_MAX);
	CLEANUP(buf_fini) struct buf folded = BUF_INIT(ROOT_FILE_MAX);
	CLEANUP(buf_fini) struct buf name = BUF_INIT(ROOT_NAME_MAX);
	struct err ignored = ERR_INIT; /* it is counted instead */

	if (!ent->is_file ||
		(s->glob != NULL && !pathglob_match(str_of(s->glob), str_of(ent->rel))))
		return true;
	s->cut = s->found >= COUNTED_MAX;
	if (s->cut)
		return false;
	if (root_read(s->root, ent->rel, &content, NULL, &ignored) < 0) {
		s->unreadable++;
		return true;
	}
	if (!root_is_text(buf_str(&content))) {
		s->not_text++;
		return true;
	}
	if (s->fold) {
		buf_put_str(&folded, buf_str(&content));
		fold_case(&folded);
	}
	root_put_name(&name, str_of(ent->rel));
	s->name = buf_text(&name);
	search_text(
		s, ent->rel, buf_str(&content), buf_str(s->fold ? &folded : &content));
	return true;
}

static void
put_end(const struct search *s, const struct root_walk *w)
{
	struct buf *out = &s->r->text;
	const int64_t next = s->offset + s->shown;
	const int64_t left = s->found - next;

	buf_printf(out, "%s%lld lines in %lld files\n",
		w->late || s->cut ? "at least " : "", (long long)s->found,
		(long long)s->files);
	if (left > 0)
		buf_printf(out, "%lld more: ask with offset %lld\n", (long long)left,
			(long long)next);
	if (s->not_text > 0)
		buf_printf(out, "%lld files that are not text were not searched\n",
			(long long)s->not_text);
	if (s->unreadable > 0 || w->unreadable > 0)
		buf_printf(out,
			"%lld files (unreadable, or larger than %d MiB) and %zu directories "
			"were not searched\n",
			(long long)s->unreadable, ROOT_FILE_MAX >> 20, w->unreadable);
	if (w->late || s->cut || w->cut)
		buf_puts(out, "the search ended early: narrow it with path or glob\n");
}

static int
search_below(struct search *s, const char *rel, struct err *e)
{
	struct root_walk w = {
		.visit = on_entry, .to = s, .until_us = clock_mono_us() + SEARCH_US_MAX
	};

	s->r->data = json_object();
	s->hits = json_array();
	(void)json_object_set_new(s->r->data, "hits", s->hits); /* out of memory aborts */
	s->r->text.max -= END_ROOM;
	if (root_walk(s->root, rel, &w, e) < 0)
		return -1;
	s->r->text.max += END_ROOM;
	put_end(s, &w);
	(void)json_object_set_new(
		s->r->data, "found", json_integer(s->found)); /* as above */
	return 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(mem_freep)
	char *rel = root_rel(&h->root, tool_text(args, "path", "."), e);
	CLEANUP(buf_fini) struct buf query = BUF_INIT(ROOT_PATH_MAX);
	struct search s = {
		.root = &h->root,
		.r = r,
		.glob = tool_text(args, "glob", NULL),
		.fold = tool_flag(args, "case_insensitive"),
		.context = tool_number(args, "context", 0),
		.offset = tool_number(args, "offset", 0),
		.limit = tool_number(args, "limit", SHOWN_DEFAULT),
	};

	if (rel == NULL || (s.glob != NULL && pathglob_check(str_of(s.glob), e) < 0))
		return -1;
	buf_puts(&query, tool_text(args, "query", ""));
	if (memchr(query.p, '\n', query.n) != NULL)
		return err_set(e, ERR_DATA,
			"the query spans lines: search for one line of it at a time");
	if (s.fold)
		fold_case(&query);
	s.query = buf_str(&query);
	return search_below(&s, rel, e);
}

const struct tool tool_search_text = {
	.name = "search-text",
	.title = "Search for text",
	.description = "Finds a literal text in the project's files and answers "
		       "file:line:column: line, one entry for each line. All files are "
		       "searched but .git, .pando-sandbox and what is not text.",
	.schema = schema,
	.role = TOOL_CORE,
	.read_only = true,
	.idempotent = true,
	.run = run,
};
