#include "mcp/edit.h"
#include "mcp/edit_file.h"

/* replace: one exact text in a file for another. */

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,"
	"\"required\":[\"path\",\"old_text\",\"new_text\"],\"properties\":{"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"File, relative to the project root\"},"
	"\"old_text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4194304,"
	"\"description\":\"Exact text as it stands in the file, without line numbers\"},"
	"\"new_text\":{\"type\":\"string\",\"maxLength\":4194304},"
	"\"all\":{\"type\":\"boolean\","
	"\"description\":\"Replace every place; else there must be exactly one\"},"
	"\"expected_hash\":{\"type\":\"string\",\"minLength\":16,\"maxLength\":16,"
	"\"description\":\"Hash that read-file showed; refused when the file has changed\"}}}";

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(edit_file_fini) struct edit_file f = EDIT_FILE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(ROOT_FILE_MAX);
	const struct edit_swap swap = {
		.from = str_of(tool_text(args, "old_text", "")),
		.to = str_of(tool_text(args, "new_text", "")),
		.all = tool_flag(args, "all"),
	};
	int64_t places = 0;
	int64_t line = 0;

	if (edit_file_load(h, args, &f, e) < 0)
		return -1;
	if (str_eq(swap.from, swap.to))
		return err_set(e, ERR_DATA, "old_text and new_text are the same");
	if (edit_replace(buf_str(&f.content), &swap, &out, &places, &line, e) < 0)
		return err_wrap(e, "%s", f.rel);
	if (edit_file_store(h, &f, buf_str(&out), r, e) < 0)
		return -1;
	buf_printf(&r->text, "replaced %lld %s, the first at line %lld\n",
		(long long)places, places == 1 ? "place" : "places", (long long)line);
	(void)json_object_set_new(
		r->data, "places", json_integer(places)); /* or aborts */
	(void)json_object_set_new(r->data, "line", json_integer(line));
	return 0;
}

const struct tool tool_replace = {
	.name = "replace",
	.title = "Replace text in a file",
	.description =
		"Replaces an exact piece of text in a file of the project. The text must "
		"occur once, or all must be true. The file's mode is kept. A snapshot is "
		"taken before; the answer names it.",
	.schema = schema,
	.role = TOOL_WORKSPACE,
	.destructive = true,
	.mutates = true,
	.run = run,
};
