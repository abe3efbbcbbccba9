#include "mcp/mutate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fdio.h"
#include "base/log.h"

enum { HEX_PER_BYTE = 2 };

static int
take(const struct tool_host *h, const struct mutation *m, const char *when,
	char id[KEEPER_ID_HEX + 1], struct err *e)
{
	char why[KEEPER_WHY_MAX];
	char shown[LOG_QUOTED_MAX];
	bool is_new;

	(void)snprintf(why, sizeof why, "%s %s%s%s", when, m->what,
		m->path == NULL ? "" : " ",
		m->path == NULL ? "" : log_quoted(str_of(m->path), shown));
	return keeper_snapshot(h->keeper, why, m->call, id, &is_new, e);
}

int
mutate_begin(const struct tool_host *h, const struct tool *t, const json_t *args,
	const char *call, struct mutation *m, struct err *e)
{
	*m = (struct mutation){
		.what = t->name, .path = tool_text(args, "path", NULL), .call = call
	};
	if (take(h, m, "before", m->before, e) < 0)
		return err_wrap(e,
			"nothing was changed, since no snapshot could be taken before");
	return 0;
}

static char *
bytes_of_hex(const char *hex)
{
	const size_t n = strlen(hex) / HEX_PER_BYTE;
	char *out = mem_alloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned int byte = 0;

		if (sscanf(hex + i * HEX_PER_BYTE, "%2x", &byte) != 1 || byte == 0) {
			mem_freep(&out);
			return NULL;
		}
		out[i] = (char)byte;
	}
	return out;
}

char *
mutate_path_of(const json_t *entry)
{
	const char *path = json_text_of(entry, "path");
	const char *hex = json_text_of(entry, "path_hex");

	if (path != NULL)
		return mem_strdup(path);
	return hex == NULL ? NULL : bytes_of_hex(hex);
}

static bool
is_there(const struct tool_host *h, const char *rel)
{
	struct err ignored = ERR_INIT; /* not there, or not reachable: the same here */
	const char *name;
	struct stat st;
	CLEANUP(fd_closep) int dir = root_open_parent(&h->root, rel, &name, &ignored);

	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The diff tells the way back; a reader wants to know what happened. */
static const char *
happened(const struct tool_host *h, const char *status, const char *rel)
{
	if (strcmp(status, "delete") == 0)
		return "added";
	if (strcmp(status, "rmdir") == 0)
		return "added directory";
	if (strcmp(status, "mkdir") == 0)
		return "removed directory";
	if (strcmp(status, "mode") == 0)
		return "changed the mode of";
	return is_there(h, rel) ? "changed" : "removed";
}

static void
put_changes(const struct tool_host *h, const json_t *ops, struct tool_result *r)
{
	json_t *changes = json_array();
	const size_t n = json_array_size(ops);

	for (size_t i = 0; i < n && i < MUTATE_SHOWN_MAX; i++) {
		const json_t *op = json_array_get(ops, i);
		CLEANUP(mem_freep) char *path = mutate_path_of(op);
		const char *status = json_text_of(op, "status");
		const char *what;
		char shown[LOG_QUOTED_MAX];

		if (path == NULL || status == NULL)
			continue;
		what = happened(h, status, path);
		(void)log_quoted(str_of(path), shown);
		buf_printf(&r->text, "%s %s\n", what, shown);
		(void)json_array_append_new(
			changes, json_pack("{s:s, s:s}", "what", what, "path", shown));
	}
	if (n == 0 && !r->failed)
		buf_puts(&r->text, "no file changed\n");
	if (n > MUTATE_SHOWN_MAX)
		buf_printf(&r->text, "and %zu more\n", n - MUTATE_SHOWN_MAX);
	if (r->data == NULL)
		r->data = json_object();
	(void)json_object_set_new(r->data, "changes", changes); /* out of memory aborts */
	(void)json_object_set_new(r->data, "changed", json_integer((json_int_t)n));
}

static void
tell_failure(struct tool_result *r, const char *what, const struct err *e)
{
	buf_printf(&r->text, "%s: %s\n", what, e->text);
	r->failed = true;
}

void
mutate_end(const struct tool_host *h, const struct mutation *m, struct tool_result *r)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(KEEPER_BULK_MAX);
	CLEANUP(json_freep) json_t *ops = NULL;
	struct err e = ERR_INIT;
	char after[KEEPER_ID_HEX + 1];

	if (take(h, m, "after", after, &e) < 0)
		tell_failure(r,
			"the call was made, but no snapshot could be taken after it", &e);
	if (keeper_diff(h->keeper, m->before, &text, &e) == 0)
		ops = json_parse(buf_str(&text), &e);
	if (json_is_array(ops))
		put_changes(h, ops, r);
	else
		tell_failure(r, "what changed cannot be told", &e);
	if (!json_is_array(ops) || json_array_size(ops) > 0)
		buf_printf(
			&r->text, "to undo: restore-files with snapshot %s\n", m->before);
	if (r->data != NULL)
		(void)json_object_set_new(
			r->data, "undo", json_string(m->before)); /* or aborts */
}
