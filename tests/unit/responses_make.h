#ifndef TESTS_UNIT_RESPONSES_MAKE_H
#define TESTS_UNIT_RESPONSES_MAKE_H

/*
 * Random requests and answers of the Responses API, the same ones each time, as text: with
 * blanks and escapes wherever JSON takes them. Names come from short lists, so that what is
 * allowed and what is not stand side by side.
 */

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum {
	MAKE_MAX = 1 << 20,
	MAKE_ITEMS = 10,
	MAKE_DEPTH = 3, /* namespaces in one another */
	MAKE_EVENTS = 400,
};

static uint64_t make_state = 88172645463325252u;

static inline size_t
make_pick(size_t n)
{
	make_state ^= make_state << 13;
	make_state ^= make_state >> 7;
	make_state ^= make_state << 17;
	return (size_t)(make_state % n);
}

#define MAKE_ONE(list) (list)[make_pick(LEN(list))]

static const char *const make_spaces[] = { "mcp__pando_core", "mcp__pando_workspace",
	"mcp__pando_core", "mcp__evil", "functions", "mcp__pando_corex", "clock" };
static const char *const make_names[] = { "read_file", "replace", "exec_command",
	"apply_patch", "mcp__pando_core__read_file", "sh\\\"ell", "x" };
static const char *const make_types[] = { "web_search", "local_shell", "shell",
	"code_interpreter", "image_generation", "tool_search", "computer_use_preview" };
static const char *const make_hosted[] = { "web_search_call", "file_search_call",
	"code_interpreter_call", "image_generation_call" };

static inline void
make_blank(struct buf *b)
{
	static const char *const blanks[] = { "", "", "", "", " ", "\n", "\t ", "\r\n" };

	buf_puts(b, MAKE_ONE(blanks));
}

/* text: as inside of a JSON string; some of its plain letters become escapes. */
static inline void
make_string(struct buf *b, const char *text)
{
	const bool may_escape = make_pick(6) == 0;

	buf_putc(b, '"');
	for (; *text != '\0'; text++) {
		if (*text == '\\') {
			const size_t n = text[1] == 'u' ? 6 : 2;

			buf_put(b, text, n);
			text += n - 1;
		} else if (may_escape && make_pick(4) == 0) {
			buf_printf(b, "\\u%04x", (unsigned int)*text);
		} else {
			buf_putc(b, *text);
		}
	}
	buf_putc(b, '"');
}

/* "key": "text", with a comma in front unless it is the first member. */
static inline void
make_member(struct buf *b, const char *key, const char *text)
{
	if (b->n > 0 && b->p[b->n - 1] != '{')
		buf_putc(b, ',');
	make_blank(b);
	buf_printf(b, "\"%s\"", key);
	make_blank(b);
	buf_putc(b, ':');
	make_blank(b);
	make_string(b, text);
}

static inline void
make_comma(struct buf *b, size_t i)
{
	make_blank(b);
	if (i > 0)
		buf_putc(b, ',');
	make_blank(b);
}

/* --- tools --------------------------------------------------------------------------- */

static inline void make_tools(struct buf *b, size_t depth);

static inline void
make_tool(struct buf *b, size_t depth)
{
	const size_t kind = make_pick(depth < MAKE_DEPTH ? 8 : 4);

	buf_putc(b, '{');
	make_member(b, "type",
		kind > 3    ? "namespace"
		: kind == 0 ? MAKE_ONE(make_types)
		: kind == 1 ? "custom"
			    : "function");
	if (kind > 0)
		make_member(b, "name",
			kind > 3 ? MAKE_ONE(make_spaces) : MAKE_ONE(make_names));
	if (kind == 2)
		buf_puts(b,
			",\"parameters\":{\"properties\":{\"tools\":[{\"type\":\"x\"}]}}");
	if (kind > 3) {
		buf_puts(b, ",\"tools\":");
		make_tools(b, depth + 1);
	}
	buf_putc(b, '}');
}

static inline void
make_tools(struct buf *b, size_t depth)
{
	const size_t n = make_pick(4);

	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		make_comma(b, i);
		make_tool(b, depth);
	}
	make_blank(b);
	buf_putc(b, ']');
}

/* --- items ----------------------------------------------------------------------------- */

static inline void
make_ids(struct buf *b, const char *prefix, size_t id)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%s_%zu", prefix, id);
	make_member(b, "id", text);
	(void)snprintf(text, sizeof text, "call_%zu", id);
	make_member(b, "call_id", text);
}

static inline void
make_result(struct buf *b, const char *type, size_t id)
{
	char call[32];

	(void)snprintf(call, sizeof call, "call_%zu", id);
	buf_putc(b, '{');
	make_member(b, "type", type);
	make_member(b, "call_id", call);
	make_member(b, "output", "{\\\"type\\\":\\\"function_call\\\"}");
	buf_putc(b, '}');
}

static const char make_args[] = "{\\\"path\\\":\\\"a\\u00e9\\\"}";

/* Answers the type of its result; NULL: it has none. */
static inline const char *
make_call(struct buf *b, size_t id)
{
	const size_t kind = make_pick(5);

	buf_putc(b, '{');
	make_member(b, "type",
		kind == 0   ? MAKE_ONE(make_hosted)
		: kind == 1 ? "custom_tool_call"
		: kind == 2 ? "shell_call"
			    : "function_call");
	make_ids(b, "fc", id);
	if (kind == 1 || kind > 2) {
		make_member(b, "name", MAKE_ONE(make_names));
		if (make_pick(4) > 0)
			make_member(b, "namespace", MAKE_ONE(make_spaces));
		make_member(b, kind == 1 ? "input" : "arguments", make_args);
	} else if (kind == 2) {
		buf_puts(b, ",\"action\":{\"commands\":[\"ls\"]}");
	}
	buf_putc(b, '}');
	return kind == 0   ? NULL
	       : kind == 1 ? "custom_tool_call_output"
	       : kind == 2 ? "shell_call_output"
			   : "function_call_output";
}

static inline void
make_plain(struct buf *b, size_t id)
{
	static const char *const plain[] = { "message", "message", "reasoning",
		"compaction" };
	const char *type = MAKE_ONE(plain);
	char text[32];

	(void)snprintf(text, sizeof text, "it_%zu", id);
	buf_putc(b, '{');
	make_member(b, "type", type);
	make_member(b, "id", text);
	if (strcmp(type, "message") == 0)
		buf_puts(b,
			",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
			"\"text\":\"{\\\"name\\\":\\\"shell\\\"}\"}]");
	else
		make_member(b, "encrypted_content", "gAAAA_-=");
	buf_putc(b, '}');
}

/* input[]: calls with their results anywhere behind them, more tools, and the rest. */
static inline void
make_input(struct buf *b)
{
	const char *waits[MAKE_ITEMS] = { NULL };
	const size_t n = make_pick(MAKE_ITEMS);
	size_t item = 0;

	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		const size_t done = make_pick(MAKE_ITEMS);

		make_comma(b, item++);
		if (make_pick(3) == 0)
			waits[i] = make_call(b, i);
		else if (make_pick(6) == 0) {
			buf_puts(b, "{\"type\":\"additional_tools\",\"tools\":");
			make_tools(b, 0);
			buf_putc(b, '}');
		} else
			make_plain(b, i);
		if (waits[done] == NULL)
			continue;
		make_comma(b, item++);
		make_result(b, waits[done], done);
		waits[done] = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (waits[i] == NULL)
			continue;
		make_comma(b, item++);
		make_result(b, waits[i], i);
	}
	make_comma(b, item);
	make_plain(b, MAKE_ITEMS);
	buf_putc(b, ']');
}

static inline void
make_choice(struct buf *b)
{
	switch (make_pick(4)) {
	case 0:
		buf_puts(b, "\"required\"");
		return;
	case 1:
		buf_puts(b, "{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[");
		break;
	default:
		buf_puts(b, "\"auto\"");
		return;
	}
	for (size_t i = 0; i < make_pick(4); i++) {
		make_comma(b, i);
		buf_putc(b, '{');
		make_member(b, "type", "function");
		make_member(b, "name", MAKE_ONE(make_names));
		make_member(b, "namespace", MAKE_ONE(make_spaces));
		buf_putc(b, '}');
	}
	buf_puts(b, "]}");
}

static inline void
make_request(struct buf *b)
{
	make_blank(b);
	buf_putc(b, '{');
	make_member(b, "model", "gpt");
	if (make_pick(5) > 0) {
		buf_puts(b, ",\"tools\":");
		make_tools(b, 0);
	}
	buf_puts(b, ",\"tool_choice\":");
	make_choice(b);
	make_comma(b, 1);
	buf_puts(b, "\"input\":");
	make_input(b);
	buf_puts(b, ",\"metadata\":{\"tools\":\"[]\"}");
	make_blank(b);
	buf_putc(b, '}');
}

/* --- answers ------------------------------------------------------------------------------ */

/*
 * The items of an answer, one after another, each with a NUL behind it; answers how many, and
 * whether results of the provider are among them.
 */
static inline size_t
make_output(struct buf *b, bool *results)
{
	const size_t n = make_pick(6);
	size_t items = 0;

	*results = false;
	for (size_t i = 0; i < n; i++) {
		const char *result = NULL;

		if (make_pick(2) == 0)
			result = make_call(b, i);
		else
			make_plain(b, i);
		buf_putc(b, '\0');
		items++;
		if (result == NULL || strcmp(result, "shell_call_output") != 0)
			continue;
		make_result(b, result, i);
		buf_putc(b, '\0');
		*results = true;
		items++;
	}
	return items;
}

#endif
