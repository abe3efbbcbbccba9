#include <sys/stat.h>

#include "mcp/edit.h"
#include "mcp/edit_file.h"

/* insert: lines into a file, or a new file. */

enum { NEW_FILE_MODE = 0666 };

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,"
	"\"required\":[\"path\",\"text\"],\"properties\":{"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"File, relative to the project root\"},"
	"\"text\":{\"type\":\"string\",\"maxLength\":4194304},"
	"\"line\":{\"type\":\"integer\",\"minimum\":1,"
	"\"description\":\"Insert before this line, counted from 1\"},"
	"\"at_end\":{\"type\":\"boolean\",\"description\":\"Insert at the end\"},"
	"\"create\":{\"type\":\"boolean\","
	"\"description\":\"Make a new file, and its directories, with this text\"},"
	"\"expected_hash\":{\"type\":\"string\",\"minLength\":16,\"maxLength\":16,"
	"\"description\":\"Hash that read-file showed; refused when the file has changed\"}}}";

static mode_t
mode_of_new(void)
{
	const mode_t mask = umask(0);

	(void)umask(mask); /* there is no call that only reads it; no threads here */
	return NEW_FILE_MODE & ~mask;
}

static int
create(const struct tool_host *h, const json_t *args, struct tool_result *r,
	struct err *e)
{
	CLEANUP(mem_freep) char *rel = root_rel(&h->root, tool_text(args, "path", ""), e);
	const struct str text = str_of(tool_text(args, "text", ""));
	char hash[ROOT_HASH_HEX + 1];

	if (rel == NULL || root_make_parents(&h->root, rel, e) < 0)
		return -1;
	if (root_write(&h->root, rel, text, mode_of_new(), true, e) < 0)
		return err_wrap(
			e, "make a new file (for one that exists use line or at_end)");
	root_hash(text, hash);
	buf_printf(&r->text, "%s: made, hash is %s\n", rel, hash);
	r->data = json_pack("{s:s, s:s, s:b}", "path", rel, "hash", hash, "created", 1);
	return 0;
}

static int
add(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	CLEANUP(edit_file_fini) struct edit_file f = EDIT_FILE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(ROOT_FILE_MAX);
	int64_t line;

	if (edit_file_load(h, args, &f, e) < 0)
		return -1;
	line = tool_flag(args, "at_end") ? edit_lines(buf_str(&f.content)) + 1
					 : tool_number(args, "line", 1);
	if (edit_insert(buf_str(&f.content), line, str_of(tool_text(args, "text", "")),
		    &out, e) < 0)
		return err_wrap(e, "%s", f.rel);
	if (edit_file_store(h, &f, buf_str(&out), r, e) < 0)
		return -1;
	buf_printf(&r->text, "inserted at line %lld\n", (long long)line);
	(void)json_object_set_new(r->data, "line", json_integer(line)); /* or aborts */
	return 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	const bool new_file = tool_flag(args, "create");
	const int places = (json_object_get(args, "line") != NULL) +
			   tool_flag(args, "at_end") + new_file;

	if (places != 1)
		return err_set(e, ERR_DATA,
			"say where: exactly one of line, at_end: true and create: true");
	return new_file ? create(h, args, r, e) : add(h, args, r, e);
}

const struct tool tool_insert = {
	.name = "insert",
	.title = "Insert text or make a file",
	.description =
		"Inserts text before a line or at the end of a file of the project, or makes "
		"a new file (create: true). A snapshot is taken before; the answer names it.",
	.schema = schema,
	.role = TOOL_WORKSPACE,
	.mutates = true,
	.run = run,
};
