#include "base/log.h"
#include "keeper/client.h"
#include "mcp/tool.h"

/* snapshot-worktree: a state to come back to, and the list of those there are. */

enum { LIST_DEFAULT = 20 };

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"why\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256,"
	"\"description\":\"One line that tells what this state is\"},"
	"\"list\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,"
	"\"description\":\"How many snapshots to show, newest first; 20 when absent\"}}}";

static int
put_list(const struct tool_host *h, int64_t max, struct tool_result *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(KEEPER_BULK_MAX);
	json_t *list;

	if (keeper_list(h->keeper, (int)max, &text, e) < 0)
		return -1;
	list = json_parse(buf_str(&text), e);
	if (list == NULL)
		return -1;
	(void)json_object_set_new(r->data, "snapshots", list); /* out of memory aborts */
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *id = json_text_of(one, "id");
		const char *time = json_text_of(one, "time");
		const char *why = json_text_of(one, "why");

		buf_printf(&r->text, "%s %s %s\n", id == NULL ? "?" : id,
			time == NULL ? "" : time, why == NULL ? "" : why);
	}
	return 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *r, struct err *e)
{
	char id[KEEPER_ID_HEX + 1];
	char why[KEEPER_WHY_MAX];
	bool is_new = false;

	(void)log_quoted(str_of(tool_text(args, "why", "asked for")), why);
	if (keeper_snapshot(h->keeper, why, "", id, &is_new, e) < 0)
		return -1;
	buf_printf(&r->text, "%s\n%s\n", id,
		is_new ? "taken now" : "nothing has changed since it was taken");
	r->data = json_pack("{s:s, s:b}", "snapshot", id, "new", (int)is_new);
	return put_list(h, tool_number(args, "list", LIST_DEFAULT), r, e);
}

const struct tool tool_snapshot_worktree = {
	.name = "snapshot-worktree",
	.title = "Take a snapshot",
	.description =
		"Records the state of all files of the project, outside of the sandbox's "
		"reach, and lists the newest snapshots. restore-files goes back to one. "
		"Every call that changes files takes its own snapshots anyway.",
	.schema = schema,
	.role = TOOL_WORKSPACE,
	.idempotent = true,
	.run = run,
};
