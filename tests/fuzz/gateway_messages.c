/* The Messages dialect; see gateway_wire.h for what must hold. */

#include "tests/fuzz/gateway_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_ours(const char *name)
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

static void
check_block(const json_t *b)
{
	if (text_is(b, "type", "tool_use"))
		assert(is_ours(json_text_of(b, "name")));
	assert(!text_is(b, "type", "server_tool_use") &&
		!text_is(b, "type", "mcp_tool_use"));
}

static void
check_whole_block(const json_t *b)
{
	check_block(b);
	if (text_is(b, "type", "tool_use") &&
		text_is(b, "name", "mcp__pando_core__read-file") &&
		json_object_get(b, "input") != NULL)
		check_args(json_object_get(b, "input"));
}

static void
check_list(const json_t *list, bool definitions)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const char *type = json_text_of(v, "type");

		if (!definitions) {
			check_whole_block(v);
			continue;
		}
		assert(is_ours(json_text_of(v, "name")));
		assert(type == NULL || type[0] == '\0' || strcmp(type, "custom") == 0);
	}
}

static void
check_object(const json_t *object, enum wire_part part)
{
	const json_t *const messages = json_array_of(object, "messages");

	switch (part) {
	case WIRE_REQUEST:
		check_list(json_array_of(object, "tools"), true);
		for (size_t i = 0; i < json_array_size(messages); i++)
			check_list(json_array_of(json_array_get(messages, i), "content"),
				false);
		assert(json_object_of(object, "container") == NULL);
		break;
	case WIRE_ANSWER:
		check_list(json_array_of(object, "content"), false);
		break;
	case WIRE_EVENT:
		if (text_is(object, "type", "content_block_start"))
			check_block(json_object_of(object, "content_block"));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(GW_MESSAGES, POL_CLAUDE, data, n);
}
