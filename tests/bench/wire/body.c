#include "tests/bench/wire/body.h"

#include <stdlib.h>

#include "base/hash.h"

enum {
	TOOLS = 20,
	USED_TOOLS = 7,  /* how many of them the history calls */
	SPARE = 1 << 16, /* of the buffer: what one call adds to a body at most */
	LINE_MAX_BYTES = 200,
	LAST_MIN = 4096 /* with less left, the result is the last */
};

static const char *const words[] = { "the", "a", "file", "module", "request", "function",
	"returns", "value", "when", "buffer", "is", "not", "empty", "after", "each",
	"change", "run", "tests", "and", "read", "output", "carefully", "before",
	"editing", "it", "keep", "small", "prefer", "existing", "helpers", "over", "new",
	"ones", "explain", "why", "path", "must", "be", "absolute", "error", "handling",
	"should", "close", "descriptor", "timeout", "retry", "connection", "worker",
	"queue", "parse", "header", "stream" };
static const char *const joints[] = { ".\\n\\n", ". ", ", ", " \\\"", "\\\" ", "\\n- ",
	" `conn.c` ", " \xc3\xa9t\xc3\xa9 ", " \xe2\x86\x92 ",
	" \xe4\xb8\xad\xe6\x96\x87 " };
static const char *const names[] = { "conn", "buf", "len", "ctx", "req", "state", "node",
	"parse_header", "read_chunk", "flush_queue", "on_event", "cfg", "count",
	"offset" };
static const char *const paths[] = { "src/net/stream.c", "src/core/config.py",
	"lib/util/queue.ts", "tests/test_parser.py", "include/wire/frame.h" };
static const char *const tools[TOOLS] = { "bash", "read_file", "write_file", "edit_file",
	"list_dir", "glob", "grep", "web_fetch", "web_search", "todo_write", "task",
	"git_status", "git_diff", "git_commit", "apply_patch", "notebook_edit",
	"kill_job", "job_output", "ask_user", "memory" };

/* What stands between the texts, in the order in which it is written. */
static const struct dialect {
	const char *open, *limits, *instructions, *instructions_end;
	const char *tool, *schema;
	const char *first, *first_end;
	const char *say, *call_id, *call_name, *call_path, *result_id, *result,
		*result_end, *end;
} dialects[] = {
	[API_MESSAGES] = { .open = "{\"model\":\"claude-bench-1\",\"metadata\":{\"user_id\":\"",
		.limits = "\"},\"max_tokens\":32000,\"stream\":",
		.instructions = ",\"system\":[{\"type\":\"text\",\"text\":\"Session ",
		.instructions_end =
			"\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"tools\":[",
		.tool = "{\"name\":\"",
		.schema = "\",\"input_schema\":",
		.first =
			",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"",
		.first_end = "\"}]}",
		.say = ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"",
		.call_id = "\"},{\"type\":\"tool_use\",\"id\":\"toolu_",
		.call_name = "\",\"name\":\"",
		.call_path = "\",\"input\":{\"limit\":200,\"path\":\"",
		.result_id =
			"\"}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"toolu_",
		.result = "\",\"content\":\"",
		.result_end = "\"}]}",
		.end = "]}" },
	[API_RESPONSES] = { .open = "{\"model\":\"gpt-bench-1\",\"metadata\":{\"bench\":\"",
		.limits =
			"\"},\"max_output_tokens\":32000,\"store\":false,\"tool_choice\":\"auto\","
			"\"parallel_tool_calls\":true,\"stream\":",
		.instructions = ",\"instructions\":\"Session ",
		.instructions_end = "\",\"tools\":[",
		.tool = "{\"type\":\"function\",\"name\":\"",
		.schema = "\",\"parameters\":",
		.first =
			",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
			"\"input_text\",\"text\":\"",
		.first_end = "\"}]}",
		.say = ",{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
		       "\"output_text\",\"text\":\"",
		.call_id = "\"}]},{\"type\":\"function_call\",\"call_id\":\"call_",
		.call_name = "\",\"name\":\"",
		.call_path = "\",\"arguments\":\"{\\\"limit\\\":200,\\\"path\\\":\\\"",
		.result_id =
			"\\\"}\"},{\"type\":\"function_call_output\",\"call_id\":\"call_",
		.result = "\",\"output\":\"",
		.result_end = "\"}",
		.end = "]}" },
};

static size_t
below(struct body *b, size_t n)
{
	return wire_random(&b->random) % n;
}

#define PICK(b, table) (table)[below(b, LEN(table))]

static void
put(struct body *b, const char *z)
{
	buf_puts(&b->text, z);
}

static void
put_slot(struct body *b)
{
	if (b->nslot < BODY_SLOTS)
		b->slot[b->nslot++] = b->text.n;
	put(b, "0000000000000000");
}

/* Texts are written as they stand in a JSON string. */
static void
put_prose(struct body *b, size_t n)
{
	const size_t end = b->text.n + n;

	while (b->text.n < end) {
		put(b, PICK(b, words));
		put(b, below(b, 5) > 0 ? " " : PICK(b, joints));
	}
}

static void
put_code(struct body *b, size_t n)
{
	const size_t end = b->text.n + n;

	for (unsigned line = 1; b->text.n < end; line++) {
		buf_printf(&b->text, "%6u\\t\\t", line);
		switch (below(b, 4)) {
		case 0:
			buf_printf(&b->text, "if (%s->%s < %zu)\\n", PICK(b, names),
				PICK(b, names), below(b, 1000));
			break;
		case 1:
			buf_printf(&b->text, "log_debug(\\\"%s: %%d\\\\n\\\", %s);\\n",
				PICK(b, names), PICK(b, names));
			break;
		case 2:
			buf_printf(&b->text, "return %s(%s, %s);\\n", PICK(b, names),
				PICK(b, names), PICK(b, names));
			break;
		default:
			buf_printf(&b->text, "/* %s the %s of %s */\\n", PICK(b, words),
				PICK(b, names), PICK(b, words));
		}
	}
}

static void
put_tools(struct body *b, const struct dialect *d, size_t description)
{
	for (size_t i = 0; i < TOOLS; i++) {
		put(b, i > 0 ? "," : "");
		put(b, d->tool);
		put(b, tools[i]);
		put(b, "\",\"description\":\"");
		put_prose(b, description);
		put(b, d->schema);
		put(b, "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}}}}");
	}
	put(b, "]");
}

/* One call and the start of its result, up to the result's text. */
static void
put_call(struct body *b, const struct dialect *d, unsigned number)
{
	put(b, d->say);
	put_prose(b, 80);
	put(b, d->call_id);
	put_slot(b);
	buf_printf(&b->text, "%05u", number);
	put(b, d->call_name);
	put(b, tools[below(b, USED_TOOLS)]);
	put(b, d->call_path);
	put(b, PICK(b, paths));
	put(b, d->result_id);
	put_slot(b);
	buf_printf(&b->text, "%05u", number);
	put(b, d->result);
}

static void
put_history(struct body *b, const struct dialect *d, size_t size)
{
	const size_t end = size - strlen(d->result_end) - strlen(d->end);
	unsigned number = 0;

	for (;;) {
		const size_t text = 800 + below(b, 8000);

		put_call(b, d, number++);
		if (b->text.n + text + LAST_MIN > end || number == BODY_SLOTS / 2 - 2)
			break;
		if (below(b, 2) == 0)
			put_code(b, text);
		else
			put_prose(b, text);
		put(b, d->result_end);
	}
	if (end > b->text.n + LINE_MAX_BYTES)
		put_code(b, end - b->text.n - LINE_MAX_BYTES);
	while (b->text.n < end)
		buf_putc(&b->text, '.');
	put(b, d->result_end);
	put(b, d->end);
}

struct body *
body_new(enum wire_api api, size_t size, uint64_t seed, const struct ask *a)
{
	const struct dialect *d = &dialects[api];
	char mark[ASK_TEXT + 1];
	struct body *b;

	if (size < BODY_MIN || size > BODY_MAX)
		return NULL;
	b = mem_alloc(sizeof *b);
	b->text = (struct buf)BUF_INIT(size + SPARE);
	b->random = seed;
	ask_print(mark, a);
	put(b, d->open);
	put(b, mark);
	b->slot[b->nslot++] = b->text.n - ASK_TEXT + 7;
	put(b, d->limits);
	put(b, a->mode == 's' ? "true" : "false");
	put(b, d->instructions);
	put_slot(b);
	put(b, ". You are a coding agent. ");
	put_prose(b, size < 32768 ? 200 : size / 9 < 24000 ? size / 9 : 24000);
	put(b, d->instructions_end);
	put_tools(b, d, size < 32768 ? 20 : size / 64 < 1500 ? size / 64 : 1500);
	put(b, d->first);
	put_prose(b, 100);
	put(b, d->first_end);
	put_history(b, d, size);
	if (b->text.n == size && !b->text.over)
		return b;
	body_free(b);
	return NULL;
}

void
body_free(struct body *b)
{
	if (b == NULL)
		return;
	buf_fini(&b->text);
	free(b);
}

struct str
body_piece(const struct body *b, size_t i, const char *id)
{
	const size_t k = i / 2;
	size_t from, to;

	if (i % 2 == 1 && k < b->nslot)
		return (struct str){ id, WIRE_ID };
	if (i % 2 == 1 || k > b->nslot)
		return (struct str){ NULL, 0 };
	from = k > 0 ? b->slot[k - 1] + WIRE_ID : 0;
	to = k < b->nslot ? b->slot[k] : b->text.n;
	return (struct str){ b->text.p + from, to - from };
}

uint64_t
body_hash(const struct body *b, const char *id)
{
	uint64_t h = HASH_FIRST;

	for (size_t i = 0; i <= 2 * b->nslot; i++)
		h = hash_more(h, body_piece(b, i, id));
	return h;
}
