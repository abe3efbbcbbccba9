#include "mcp/tool.h"

/* read-file: the exact text of some lines, and the hash that an edit must name. */

enum {
	LINES_DEFAULT = 2000,
	LINES_MAX = 20000,
	SHOWN_MAX = 96 << 10, /* of one answer; clients cut what is much longer */
};

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"path\"],"
	"\"properties\":{"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"File, relative to the project root\"},"
	"\"offset\":{\"type\":\"integer\",\"minimum\":1,"
	"\"description\":\"First line to show, from 1\"},"
	"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20000,"
	"\"description\":\"How many lines, 2000 when absent\"}}}";

struct lines {
	struct str rest;
	int64_t number; /* of the line that next_line answers next */
};

static bool
next_line(struct lines *l, struct str *line)
{
	const char *end;

	if (l->rest.n == 0)
		return false;
	end = memchr(l->rest.p, '\n', l->rest.n);
	line->p = l->rest.p;
	line->n = end == NULL ? l->rest.n : (size_t)(end - l->rest.p) + 1;
	l->rest = str_skip(l->rest, line->n);
	l->number++;
	return true;
}

static int64_t
count_lines(struct str text)
{
	struct lines l = { text, 1 };
	struct str line;

	while (next_line(&l, &line))
		;
	return l.number - 1;
}

/* Answers the number of the last line that was shown. */
static int64_t
put_lines(struct buf *out, struct str text, int64_t from, int64_t limit)
{
	struct lines l = { text, 1 };
	struct str line;
	int64_t last = from - 1;
	const size_t start = out->n;

	while (last - from + 1 < limit && next_line(&l, &line)) {
		if (l.number - 1 < from)
			continue;
		if (out->n - start + line.n > SHOWN_MAX && last >= from)
			break;
		buf_printf(out, "%6lld\t", (long long)(l.number - 1));
		if (line.n > SHOWN_MAX) {
			buf_put(out, line.p, SHOWN_MAX);
			buf_puts(out, " [the rest of this long line is left out]\n");
		} else {
			buf_put_str(out, line);
		}
		last = l.number - 1;
	}
	if (out->n > start && out->p[out->n - 1] != '\n')
		buf_puts(out, "\n[no newline at the end of the file]\n");
	return last;
}

static bool
has_crlf(struct str text)
{
	const char *end = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;

	return end != NULL && end > text.p && end[-1] == '\r';
}

static void
put_rest(struct tool_result *r, int64_t last, int64_t total)
{
	if (last < total)
		buf_printf(&r->text, "%lld more lines: ask with offset %lld\n",
			(long long)(total - last), (long long)(last + 1));
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(mem_freep) char *rel = root_rel(&h->root, tool_text(args, "path", ""), e);
	CLEANUP(buf_fini) struct buf content = BUF_INIT(ROOT_FILE_MAX);
	const int64_t from = tool_number(args, "offset", 1);
	char hash[ROOT_HASH_HEX + 1];
	int64_t total;
	int64_t last;

	if (rel == NULL || root_read(&h->root, rel, &content, NULL, e) < 0)
		return -1;
	root_hash(buf_str(&content), hash);
	if (!root_is_text(buf_str(&content)))
		return err_set(e, ERR_DATA,
			"%s is not text: %zu bytes that are not UTF-8, hash %s; use "
			"shell-command (file, xxd) to look into it",
			rel, content.n, hash);
	total = count_lines(buf_str(&content));
	if (from > total && from > 1)
		return err_set(e, ERR_DATA,
			"%s has %lld lines: offset %lld is behind its end", rel,
			(long long)total, (long long)from);
	buf_printf(&r->text, "%s: %lld lines, hash %s%s\n", rel, (long long)total, hash,
		has_crlf(buf_str(&content)) ? ", lines end in CR LF" : "");
	last = put_lines(&r->text, buf_str(&content), from,
		tool_number(args, "limit", LINES_DEFAULT));
	put_rest(r, last, total);
	r->data = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "path", rel, "hash", hash,
		"lines", (json_int_t)total, "first", (json_int_t)from, "last",
		(json_int_t)last, "bytes", (json_int_t)content.n);
	return 0;
}

const struct tool tool_read_file = {
	.name = "read-file",
	.title = "Read a file",
	.description =
		"Shows a text file of the project: each line after its number and a tab. "
		"The first line of the answer has the number of lines and the hash that "
		"replace and insert take as expected_hash. Long files: ask with offset and "
		"limit.",
	.schema = schema,
	.role = TOOL_CORE,
	.read_only = true,
	.idempotent = true,
	.run = run,
};
