/* The Messages dialect; see gateway_wire.h for what must hold. */

#include "tests/fuzz/gateway_wire.h"
#include "tests/unit/messages_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must_not(const char *wrong)
{
	assert(wrong == NULL);
}

/* A call of ours that is in a whole body passed with arguments that no rule denies. */
static const char *
whole_block(const json_t *b)
{
	if (text_is(b, "type", "tool_use") &&
		text_is(b, "name", "mcp__pando_core__read-file") &&
		json_object_get(b, "input") != NULL)
		check_args(json_object_get(b, "input"));
	return oracle_block(b);
}

static const char *
request_block(const json_t *b)
{
	if (text_is(b, "type", "tool_reference"))
		assert(oracle_allows(json_text_of(b, "tool_name")));
	return whole_block(b);
}

void
check_object(const json_t *object, enum wire_part part)
{
	const json_t *const messages = json_array_of(object, "messages");

	switch (part) {
	case WIRE_REQUEST:
		must_not(oracle_offers(object));
		must_not(oracle_deep(json_object_get(object, "system"), request_block));
		for (size_t i = 0; i < json_array_size(messages); i++)
			must_not(oracle_deep(
				json_object_get(json_array_get(messages, i), "content"),
				request_block));
		break;
	case WIRE_ANSWER:
		must_not(oracle_deep(json_object_get(object, "content"), whole_block));
		break;
	case WIRE_EVENT:
		if (text_is(object, "type", "content_block_start"))
			must_not(oracle_deep(
				json_object_of(object, "content_block"), oracle_block));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_wire(GW_MESSAGES, POL_CLAUDE, data, n);
}
