#ifndef TESTS_UNIT_RESPONSES_ORACLE_H
#define TESTS_UNIT_RESPONSES_ORACLE_H

/*
 * Looks at what came out of the filter, under the built-in policy and for codex, with jansson
 * and by rules of its own: no tool and no call but of pando_core and pando_workspace in any
 * place where the Responses API takes one, no call without its result nor the other way round
 * where both went in, and a stream whose items begin, end and are repeated as the same. Each
 * answers NULL, or what is wrong.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json/json.h"
#include "base/str.h"

enum { ORACLE_ITEMS_MAX = 256 };

static inline bool
oracle_is(const json_t *object, const char *key, const char *want)
{
	const char *have = json_text_of(object, key);

	return have != NULL && strcmp(have, want) == 0;
}

static inline bool
text_ends(const char *text, const char *tail)
{
	const size_t n = text == NULL ? 0 : strlen(text);

	return n >= strlen(tail) && strcmp(text + n - strlen(tail), tail) == 0;
}

static inline const char *
oracle_said(const char *why)
{
	return why == NULL ? "" : why;
}

static inline bool
oracle_is_ours(const char *space)
{
	return space != NULL && (strcmp(space, "mcp__pando_core") == 0 ||
					strcmp(space, "mcp__pando_workspace") == 0);
}

/* --- definitions ------------------------------------------------------------------- */

/* ours: there are namespaces around, all of them ours. */
static inline const char *
oracle_tools(const json_t *list, bool ours, size_t depth)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *t = json_array_get(list, i);
		const json_t *in = json_object_get(t, "tools");
		const char *why = NULL;

		if (oracle_is(t, "type", "namespace"))
			why = oracle_tools(in,
				(ours || depth == 0) &&
					oracle_is_ours(json_text_of(t, "name")),
				depth + 1);
		else if (!ours || in != NULL)
			why = "a tool outside of our namespaces";
		else if (json_object_get(t, "type") != NULL &&
			 !oracle_is(t, "type", "function") &&
			 !oracle_is(t, "type", "custom") && !oracle_is(t, "type", ""))
			why = "a tool of the provider";
		if (why != NULL)
			return why;
	}
	return NULL;
}

static inline const char *
oracle_choice(const json_t *choice)
{
	const json_t *list = json_object_get(choice, "tools");

	if (!json_is_object(choice))
		return NULL;
	if (!oracle_is(choice, "type", "allowed_tools"))
		return oracle_is_ours(json_text_of(choice, "namespace"))
			       ? NULL
			       : "a choice of a foreign tool";
	for (size_t i = 0; i < json_array_size(list); i++)
		if (oracle_choice(json_array_get(list, i)) != NULL)
			return "a choice among foreign tools";
	return NULL;
}

/* --- items --------------------------------------------------------------------------- */

static inline bool
oracle_is_call(const json_t *item)
{
	const char *type = json_text_of(item, "type");

	return text_ends(type, "_call") || text_ends(type, "mcp_list_tools") ||
	       text_ends(type, "mcp_approval_request");
}

static inline const char *
oracle_item(const json_t *item)
{
	const char *type = json_text_of(item, "type");

	if (!json_is_object(item))
		return NULL;
	if (oracle_is(item, "type", "function_call") ||
		oracle_is(item, "type", "custom_tool_call"))
		return oracle_is_ours(json_text_of(item, "namespace"))
			       ? NULL
			       : "a call of a foreign tool";
	if (oracle_is_call(item))
		return "a call of a tool of the provider";
	if (oracle_is(item, "type", "item_reference"))
		return "an item that nobody saw";
	if (oracle_is(item, "type", "additional_tools") || text_ends(type, "_output"))
		return oracle_tools(json_object_get(item, "tools"), false, 0);
	if (json_is_array(json_object_get(item, "tools")))
		return "tools in an item of another kind";
	if (json_is_string(json_object_get(item, "name")) &&
		json_is_string(json_object_get(item, "arguments")))
		return "a call without its type";
	return NULL;
}

static inline const char *
oracle_items(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *why = oracle_item(json_array_get(list, i));

		if (why != NULL)
			return why;
	}
	return NULL;
}

/* --- requests ------------------------------------------------------------------------- */

static inline size_t
oracle_count(const json_t *list, bool results, const char *call_id)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const bool of_kind = results ? text_ends(json_text_of(item, "type"),
						       "_output")
					     : oracle_is_call(item);

		n += of_kind && oracle_is(item, "call_id", call_id);
	}
	return n;
}

/* What was a pair stays one, or both are gone. */
static inline const char *
oracle_pairs(const json_t *before, const json_t *after)
{
	for (size_t i = 0; i < json_array_size(before); i++) {
		const char *id = json_text_of(json_array_get(before, i), "call_id");

		if (id == NULL || oracle_count(before, false, id) != 1 ||
			oracle_count(before, true, id) != 1)
			continue;
		if (oracle_count(after, false, id) != oracle_count(after, true, id))
			return "a pair was broken";
	}
	return NULL;
}

/* before: what went in; NULL: not known. */
static inline const char *
oracle_request(const json_t *after, const json_t *before)
{
	static const char *const hidden[] = { "prompt", "conversation",
		"previous_response_id", "mcp_servers", "functions" };
	const json_t *input = json_object_get(after, "input");
	const char *why = oracle_tools(json_object_get(after, "tools"), false, 0);

	if (why == NULL)
		why = oracle_choice(json_object_get(after, "tool_choice"));
	if (why == NULL)
		why = oracle_items(input);
	if (why == NULL && json_is_array(input) && before != NULL)
		why = oracle_pairs(json_object_get(before, "input"), input);
	for (size_t i = 0; why == NULL && i < LEN(hidden); i++) {
		const json_t *v = json_object_get(after, hidden[i]);

		if (v != NULL && !json_is_null(v))
			why = "what is kept at the provider";
	}
	return why;
}

/* --- streams -------------------------------------------------------------------------- */

struct oracle_stream {
	json_t *begun[ORACLE_ITEMS_MAX], *ended[ORACLE_ITEMS_MAX]; /* by output_index */
};

static inline void
oracle_stream_fini(struct oracle_stream *s)
{
	for (size_t i = 0; i < ORACLE_ITEMS_MAX; i++) {
		json_decref(s->begun[i]);
		json_decref(s->ended[i]);
	}
}

static inline bool
oracle_same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key);
	const json_t *y = json_object_get(b, key);

	return x == NULL || y == NULL || json_equal(x, y);
}

static inline const char *
oracle_event_item(struct oracle_stream *s, const json_t *event, bool ends)
{
	json_t *item = json_object_get(event, "item");
	const json_t *index = json_object_get(event, "output_index");
	const json_int_t at = json_is_integer(index) ? json_integer_value(index) : -1;
	const char *why = oracle_item(item);

	if (why != NULL || at < 0 || at >= ORACLE_ITEMS_MAX)
		return why;
	if (ends && s->begun[at] != NULL && !oracle_same(s->begun[at], item, "type"))
		return "an item ends as another than it began";
	json_decref(ends ? s->ended[at] : s->begun[at]);
	*(ends ? &s->ended[at] : &s->begun[at]) = json_incref(item);
	return NULL;
}

/* The last event repeats what ended at each index (only where a stream is so tidy). */
static inline const char *
oracle_repeats(const struct oracle_stream *s, const json_t *output)
{
	for (size_t i = 0; i < json_array_size(output) && i < ORACLE_ITEMS_MAX; i++) {
		const json_t *item = json_array_get(output, i);

		if (s->ended[i] != NULL && oracle_same(s->ended[i], item, "call_id") &&
			!oracle_same(s->ended[i], item, "type"))
			return "the last event repeats an item as another";
	}
	return NULL;
}

static inline const char *
oracle_event(struct oracle_stream *s, const json_t *event, bool tidy)
{
	const json_t *output = json_object_get(
		json_object_get(event, "response"), "output");
	const char *why;

	if (oracle_is(event, "type", "response.output_item.added"))
		return oracle_event_item(s, event, false);
	if (oracle_is(event, "type", "response.output_item.done"))
		return oracle_event_item(s, event, true);
	why = oracle_items(output);
	return why == NULL && tidy && oracle_is(event, "type", "response.completed")
		       ? oracle_repeats(s, output)
		       : why;
}

#endif
