#ifndef TESTS_UNIT_MESSAGES_ORACLE_H
#define TESTS_UNIT_MESSAGES_ORACLE_H

/*
 * What must be true of a Messages body that has passed, looked at with jansson and not with
 * our own scanner: nothing off the built-in policy is defined, chosen or called anywhere, and
 * the API would take it. Each answers what is wrong, NULL: nothing.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/json/json.h"

static inline bool
oracle_is(const json_t *v, const char *key, const char *want)
{
	const char *have = json_text_of(v, key);

	return have != NULL && strcmp(have, want) == 0;
}

/* Of the built-in policy. */
static inline bool
oracle_allows(const char *name)
{
	static const char *const ok[] = { "mcp__pando_core", "mcp__pando_workspace",
		"StructuredOutput", "DeferredToolPlaceholder" };

	for (size_t i = 0; name != NULL && i < LEN(ok); i++) {
		const size_t k = strlen(ok[i]);

		if (strncmp(name, ok[i], k) == 0 &&
			(name[k] == '\0' || strncmp(name + k, "__", 2) == 0))
			return true;
	}
	return false;
}

/* One object, whatever is around it. */
static inline const char *
oracle_block(const json_t *v)
{
	if (oracle_is(v, "type", "tool_use") && !oracle_allows(json_text_of(v, "name")))
		return "a call that is off";
	if (oracle_is(v, "type", "server_tool_use") ||
		oracle_is(v, "type", "mcp_tool_use"))
		return "a call at the provider";
	return NULL;
}

/* Of a request, or of any answer that we did not get as bytes of no sense. */
static inline const char *
oracle_strict_block(const json_t *v)
{
	const char *wrong = oracle_block(v);

	if (wrong == NULL && oracle_is(v, "type", "tool_reference") &&
		!oracle_allows(json_text_of(v, "tool_name")))
		return "a reference to a tool that is off";
	if (wrong == NULL && oracle_is(v, "type", "text") &&
		(json_text_of(v, "text") == NULL || json_text_of(v, "text")[0] == '\0'))
		return "an empty text";
	return wrong;
}

/* All blocks that stand in one another. */
static inline const char *
oracle_deep(const json_t *v, const char *(*look)(const json_t *block))
{
	static const char *const inside[] = { "content", "source", "tool_references" };
	const char *wrong = json_is_object(v) ? look(v) : NULL;

	for (size_t i = 0; wrong == NULL && i < json_array_size(v); i++)
		wrong = oracle_deep(json_array_get(v, i), look);
	for (size_t i = 0; json_is_object(v) && wrong == NULL && i < LEN(inside); i++)
		wrong = oracle_deep(json_object_get(v, inside[i]), look);
	return wrong;
}

/* What is offered. */
static inline const char *
oracle_offers(const json_t *body)
{
	const json_t *tools = json_array_of(body, "tools");

	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);
		const char *type = json_text_of(t, "type");

		if (!oracle_allows(json_text_of(t, "name")))
			return "a definition that is off";
		if (type != NULL && type[0] != '\0' && strcmp(type, "custom") != 0)
			return "a tool of the provider";
	}
	if (json_array_size(json_array_of(body, "mcp_servers")) > 0 ||
		json_object_of(body, "container") != NULL ||
		json_text_of(body, "container") != NULL)
		return "a connector or a container";
	return NULL;
}

static inline const char *
oracle_tools(const json_t *body)
{
	const json_t *tools = json_array_of(body, "tools");
	const json_t *choice = json_object_of(body, "tool_choice");
	size_t loaded = 0;
	bool chosen = choice == NULL || json_text_of(choice, "name") == NULL;

	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);
		const char *name = json_text_of(t, "name");

		loaded += !json_is_true(json_object_get(t, "defer_loading"));
		chosen = chosen || (name != NULL && oracle_is(choice, "name", name));
	}
	if (json_array_size(tools) > 0 && loaded == 0)
		return "only deferred tools";
	if (choice != NULL && json_array_size(tools) == 0)
		return "a choice without tools";
	return chosen ? oracle_offers(body) : "a choice of no tool";
}

static inline size_t
oracle_results(const json_t *content, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *b = json_array_get(content, i);

		n += oracle_is(b, "type", "tool_result") &&
		     (id == NULL || oracle_is(b, "tool_use_id", id));
	}
	return n;
}

/* Each call has its one result in the next message, and there are no others. */
static inline const char *
oracle_pairs(const json_t *content, const json_t *next)
{
	size_t calls = 0;

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *b = json_array_get(content, i);

		if (!oracle_is(b, "type", "tool_use"))
			continue;
		calls++;
		if (oracle_results(next, json_text_of(b, "id")) != 1)
			return "a call without its result";
	}
	return oracle_results(next, NULL) != calls ? "a result without its call" : NULL;
}

static inline const char *
oracle_results_first(const json_t *content)
{
	bool other = false;

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *b = json_array_get(content, i);
		const bool result = oracle_is(b, "type", "tool_result");

		if (result && other)
			return "a result behind something else";
		other = other || !result;
	}
	return NULL;
}

static inline const char *
oracle_messages(const json_t *messages)
{
	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *content = json_object_get(
			json_array_get(messages, i), "content");
		const json_t *next = json_object_get(
			json_array_get(messages, i + 1), "content");
		const char *wrong = NULL;

		if (json_is_array(content) && json_array_size(content) == 0)
			return "an empty content";
		if (oracle_is(json_array_get(messages, i), "role", "assistant"))
			wrong = oracle_pairs(content, next);
		if (wrong == NULL)
			wrong = oracle_results_first(content);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static inline const char *
oracle_request(const json_t *body)
{
	const char *wrong = oracle_tools(body);

	if (wrong == NULL)
		wrong = oracle_deep(
			json_object_get(body, "messages"), oracle_strict_block);
	if (wrong == NULL)
		wrong = oracle_deep(json_object_get(body, "system"), oracle_strict_block);
	return wrong == NULL ? oracle_messages(json_array_of(body, "messages")) : wrong;
}

static inline const char *
oracle_answer(const json_t *body)
{
	const json_t *content = json_array_of(body, "content");
	bool call = false;

	for (size_t i = 0; i < json_array_size(content); i++)
		call = call || oracle_is(json_array_get(content, i), "type", "tool_use");
	if (oracle_is(body, "stop_reason", "tool_use") && !call)
		return "a stop for calls without one";
	return oracle_deep(content, oracle_strict_block);
}

/* Marks of the prompt cache, at any depth. */
static inline size_t
oracle_marks(const json_t *v)
{
	size_t n = json_object_get(v, "cache_control") != NULL;
	const char *key;
	json_t *inner;
	size_t i;

	if (json_is_array(v))
		json_array_foreach(v, i, inner) n += oracle_marks(inner);
	if (json_is_object(v))
		json_object_foreach((json_t *)(uintptr_t)v, key, inner)
			n += oracle_marks(inner);
	return n;
}

#endif
