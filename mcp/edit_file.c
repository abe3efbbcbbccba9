#include "mcp/edit_file.h"

enum { MODE_BITS = 07777 };

int
edit_file_load(
	const struct tool_host *h, const json_t *args, struct edit_file *f, struct err *e)
{
	const char *expected = tool_text(args, "expected_hash", NULL);

	f->rel = root_rel(&h->root, tool_text(args, "path", ""), e);
	if (f->rel == NULL || root_read(&h->root, f->rel, &f->content, &f->st, e) < 0)
		return -1;
	if (!root_is_text(buf_str(&f->content)))
		return err_set(e, ERR_DATA,
			"%s is not text in UTF-8: change it with shell-command", f->rel);
	root_hash(buf_str(&f->content), f->hash);
	if (expected != NULL && strcmp(expected, f->hash) != 0)
		return err_set(e, ERR_DATA,
			"%s has changed: its hash is %s now, you expected %.64s. Nothing was "
			"written; read the file again",
			f->rel, f->hash, expected);
	return 0;
}

int
edit_file_store(const struct tool_host *h, const struct edit_file *f, struct str text,
	struct tool_result *r, struct err *e)
{
	char hash[ROOT_HASH_HEX + 1];

	if (!root_is_text(text))
		return err_set(e, ERR_DATA, "the new text has a NUL or is not UTF-8");
	if (root_write(&h->root, f->rel, text, f->st.st_mode & MODE_BITS, false, e) < 0)
		return -1;
	root_hash(text, hash);
	buf_printf(&r->text, "%s: hash is now %s\n", f->rel, hash);
	r->data = json_pack(
		"{s:s, s:s, s:s}", "path", f->rel, "hash", hash, "hash_before", f->hash);
	return 0;
}

void
edit_file_fini(struct edit_file *f)
{
	mem_freep(&f->rel);
	buf_fini(&f->content);
}
