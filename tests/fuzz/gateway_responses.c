/* The Responses dialect; see gateway_wire.h for what must hold. */

#include "tests/fuzz/gateway_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_ours(const char *space)
{
	return space != NULL && (strcmp(space, "mcp__pando_core") == 0 ||
					strcmp(space, "mcp__pando_workspace") == 0);
}

static void
check_item(const json_t *item)
{
	const char *type = json_text_of(item, "type");

	if (type == NULL)
		return;
	if (strcmp(type, "function_call") == 0 || strcmp(type, "custom_tool_call") == 0)
		assert(is_ours(json_text_of(item, "namespace")));
	else
		assert(strstr(type, "call") == NULL || strstr(type, "_output") != NULL);
}

/* As a client would read them. */
static void
check_whole_item(const json_t *item)
{
	const char *text = json_text_of(item, "arguments");
	const char *name = json_text_of(item, "name");
	CLEANUP(json_freep) json_t *args = NULL;

	check_item(item);
	if (!text_is(item, "type", "function_call") || name == NULL || text == NULL ||
		(strcmp(name, "read_file") != 0 && strcmp(name, "read-file") != 0) ||
		!text_is(item, "namespace", "mcp__pando_core") ||
		text[strspn(text, " \t\r\n")] == '\0')
		return;
	args = json_loads(text, JSON_ALLOW_NUL, NULL);
	if (args != NULL) /* else one of jansson's own limits */
		check_args(args);
}

/* Outside of our namespaces there is no tool. */
static void
check_tools(const json_t *tools)
{
	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);

		assert(text_is(t, "type", "namespace"));
		assert(is_ours(json_text_of(t, "name")) ||
			json_array_size(json_array_of(t, "tools")) == 0);
	}
}

static void
check_list(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		check_whole_item(item);
		if (text_is(item, "type", "additional_tools") ||
			text_is(item, "type", "tool_search_output"))
			check_tools(json_array_of(item, "tools"));
	}
}

static void
check_object(const json_t *object, enum wire_part part)
{
	switch (part) {
	case WIRE_REQUEST:
		check_tools(json_array_of(object, "tools"));
		check_list(json_array_of(object, "input"));
		break;
	case WIRE_ANSWER:
		check_list(json_array_of(object, "output"));
		break;
	case WIRE_EVENT:
		if (text_is(object, "type", "response.output_item.added"))
			check_item(json_object_of(object, "item"));
		else if (text_is(object, "type", "response.output_item.done"))
			check_whole_item(json_object_of(object, "item"));
		else
			check_list(json_array_of(
				json_object_of(object, "response"), "output"));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(GW_RESPONSES, POL_CODEX, data, n);
}
