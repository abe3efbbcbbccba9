#ifndef TESTS_UNIT_MESSAGES_MAKE_H
#define TESTS_UNIT_MESSAGES_MAKE_H

/* Random conversations that the Messages API would take, some of them with what is off. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/json/json.h"

struct make {
	uint64_t seed;
	size_t ids;
	int marks; /* of the prompt cache, that are left: the API takes 4 */
};

enum { MAKE_MARKS = 4, MAKE_TOOLS = 9, MAKE_TURNS = 5, MAKE_CALLS = 5, MAKE_DEPTH = 3 };

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static inline uint64_t
make_next(struct make *m, uint64_t below)
{
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	return (m->seed * UINT64_C(2685821657736338717) >> 33) % below;
}

static inline bool
make_once_in(struct make *m, uint64_t n)
{
	return make_next(m, n) == 0;
}

static inline const char *
make_name(struct make *m)
{
	static const char *const names[] = { "mcp__pando_core__read-file",
		"mcp__pando_core__search-text", "mcp__pando_workspace__replace",
		"mcp__pando_workspace__shell-command", "StructuredOutput",
		"DeferredToolPlaceholder", "Bash", "Edit", "mcp__evil__x",
		"mcp__pando_core_evil__x" };

	return names[make_next(m, LEN(names))];
}

static inline json_t *
make_mark(struct make *m, json_t *to)
{
	if (m->marks > 0 && make_once_in(m, 6)) {
		m->marks--;
		json_object_set_new(
			to, "cache_control", json_pack("{ss}", "type", "ephemeral"));
	}
	return to;
}

static inline json_t *
make_text(struct make *m)
{
	static const char *const texts[] = { "plain", "caf\xc3\xa9 \"quoted\"", "\\ \n\t",
		"{\"type\":\"tool_use\"}", "\xf0\x9f\x98\x80" };

	return json_pack(
		"{ss,ss}", "type", "text", "text", texts[make_next(m, LEN(texts))]);
}

/* --- what is offered ------------------------------------------------------------------ */

static inline bool
make_has_tool(const json_t *tools, const char *name)
{
	for (size_t i = 0; i < json_array_size(tools); i++)
		if (strcmp(json_text_of(json_array_get(tools, i), "name"), name) == 0)
			return true;
	return false;
}

static inline json_t *
make_tools(struct make *m)
{
	json_t *tools = json_array();
	const size_t n = make_next(m, MAKE_TOOLS);
	bool loaded = false;

	for (size_t i = 0; i < n; i++) {
		const char *name = make_name(m);
		json_t *t;

		if (make_has_tool(tools, name))
			continue;
		t = json_pack("{ss,s{ss,s{s{ss}}}}", "name", name, "input_schema", "type",
			"object", "properties", "tools", "type", "array");
		if (make_once_in(m, 12))
			json_object_set_new(
				t, "type", json_string("code_execution_20260120"));
		if (loaded && make_once_in(m, 3))
			json_object_set_new(t, "defer_loading", json_true());
		else
			t = make_mark(m, t);
		loaded = true;
		json_array_append_new(tools, t);
	}
	return tools;
}

static inline void
make_choice(struct make *m, json_t *body, const json_t *tools)
{
	static const char *const kinds[] = { "auto", "any", "none", "tool" };
	const char *kind = kinds[make_next(m, LEN(kinds))];
	const json_t *t = json_array_get(tools, make_next(m, json_array_size(tools) + 1));
	json_t *choice;

	if (t == NULL)
		return;
	choice = json_pack("{ss}", "type", kind);
	if (strcmp(kind, "tool") == 0)
		json_object_set_new(choice, "name", json_string(json_text_of(t, "name")));
	if (make_once_in(m, 2))
		json_object_set_new(choice, "disable_parallel_tool_use", json_true());
	json_object_set_new(body, "tool_choice", choice);
}

static inline void
make_elsewhere(struct make *m, json_t *body)
{
	if (make_once_in(m, 8))
		json_object_set_new(body, "mcp_servers",
			json_pack("[{ss,ss,ss}]", "type", "url", "name", "evil", "url",
				"https://x.invalid"));
	if (make_once_in(m, 8))
		json_object_set_new(body, "container", json_string("container_1"));
	if (make_once_in(m, 4))
		json_object_set_new(body, "new_in_2031",
			json_pack("{s[{si}],ss}", "steps", "n", 1, "kind", "slow"));
	if (make_once_in(m, 4))
		json_object_set_new(body, "output_config",
			json_pack("{s{s{ss,s{s{ss}}}}}", "format", "schema", "type",
				"object", "properties", "tool_choice", "type",
				"tool_use"));
}

/* --- what was said -------------------------------------------------------------------- */

static inline json_t *
make_call(struct make *m, const char *type, const char *name)
{
	return make_mark(m, json_pack("{ss,so,ss,s{ss}}", "type", type, "id",
				    json_sprintf("id_%zu", m->ids++), "name", name,
				    "input", "path", "a/\xc3\xa9"));
}

static inline json_t *make_inside(struct make *m, int depth);

/* A block without calls, or with one hidden where the API takes none. */
static inline json_t *
make_deep(struct make *m, int depth)
{
	switch (make_next(m, depth > 0 ? 5 : 2)) {
	case 0:
		return make_text(m);
	case 1:
		return json_pack("{ss,s{ss,ss,ss}}", "type", "image", "source", "type",
			"base64", "media_type", "image/png", "data", "aVZC");
	case 2:
		return json_pack("{ss,s{ss,so}}", "type", "document", "source", "type",
			"content", "content", make_inside(m, depth - 1));
	case 3:
		return json_pack("{ss,ss,ss,so}", "type", "search_result", "source", "s",
			"title", "t", "content", make_inside(m, depth - 1));
	default:
		return make_once_in(m, 3) ? make_call(m, "tool_use", make_name(m))
					  : make_text(m);
	}
}

static inline json_t *
make_inside(struct make *m, int depth)
{
	json_t *list = json_array();
	const size_t n = 1 + make_next(m, 3);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, make_deep(m, depth));
	return list;
}

static inline json_t *
make_references(struct make *m, const json_t *tools)
{
	json_t *list = json_array();
	size_t i;
	json_t *t;

	json_array_foreach((json_t *)(uintptr_t)tools, i, t) if (make_once_in(m, 2))
		json_array_append_new(
			list, json_pack("{ss,ss}", "type", "tool_reference", "tool_name",
				      json_text_of(t, "name")));
	if (json_array_size(list) == 0)
		json_array_append_new(list, make_text(m));
	return list;
}

static inline json_t *
make_result(struct make *m, const json_t *call, const json_t *tools)
{
	json_t *r = json_pack("{ss,ss}", "type", "tool_result", "tool_use_id",
		json_text_of(call, "id"));

	if (make_once_in(m, 3))
		json_object_set_new(r, "content", json_string("done"));
	else if (make_once_in(m, 3))
		json_object_set_new(r, "content", make_references(m, tools));
	else if (!make_once_in(m, 4))
		json_object_set_new(r, "content", make_inside(m, MAKE_DEPTH));
	return make_mark(m, r);
}

static inline void
make_provider_call(struct make *m, json_t *content)
{
	json_t *call = make_call(m, "server_tool_use", "web_search");

	json_array_append_new(content, call);
	json_array_append_new(content,
		json_pack("{ss,ss,s[{ss,ss,ss}]}", "type", "web_search_tool_result",
			"tool_use_id", json_text_of(call, "id"), "content", "type",
			"web_search_result", "title", "t", "encrypted_content", "ZQ=="));
}

/* What a model says: thinking, text, calls. */
static inline json_t *
make_said(struct make *m)
{
	json_t *content = json_array();
	const size_t calls = make_next(m, MAKE_CALLS);

	if (make_once_in(m, 2))
		json_array_append_new(
			content, json_pack("{ss,ss,ss}", "type", "thinking", "thinking",
					 "Hm.", "signature", "c2ln"));
	if (calls == 0 || make_once_in(m, 2))
		json_array_append_new(content, make_text(m));
	if (make_once_in(m, 6))
		make_provider_call(m, content);
	for (size_t i = 0; i < calls; i++)
		json_array_append_new(content, make_call(m, "tool_use", make_name(m)));
	return content;
}

static inline json_t *
make_heard(struct make *m, const json_t *said, const json_t *tools)
{
	json_t *content = json_array();
	size_t i;
	json_t *b;

	json_array_foreach((json_t *)(uintptr_t)said, i,
		b) if (strcmp(json_text_of(b, "type"), "tool_use") == 0)
		json_array_append_new(content, make_result(m, b, tools));
	if (json_array_size(content) == 0 || make_once_in(m, 3))
		json_array_append_new(content, make_mark(m, make_text(m)));
	return content;
}

static inline json_t *
make_request(struct make *m)
{
	json_t *tools = make_tools(m);
	json_t *messages = json_pack("[{ssss}]", "role", "user", "content", "go");
	json_t *body = json_pack("{ss,si}", "model", "m", "max_tokens", 9);
	const size_t turns = make_next(m, MAKE_TURNS);

	json_object_set_new(body, "system", json_pack("[o]", make_mark(m, make_text(m))));
	make_choice(m, body, tools);
	make_elsewhere(m, body);
	for (size_t i = 0; i < turns; i++) {
		json_t *said = make_said(m);

		json_array_append_new(messages,
			json_pack("{ssso}", "role", "assistant", "content", said));
		json_array_append_new(
			messages, json_pack("{ssso}", "role", "user", "content",
					  make_heard(m, said, tools)));
	}
	if (json_array_size(tools) > 0 || make_once_in(m, 2))
		json_object_set_new(body, "tools", tools);
	else
		json_decref(tools);
	json_object_set_new(body, "messages", messages);
	return body;
}

#endif
