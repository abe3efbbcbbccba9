#include "gateway/responses.h"

static const struct {
	struct str name;
	enum res_event kind;
} events[] = {
	/* the frequent ones first */
	{ STR("response.output_text.delta"), RES_EV_FLOWS },
	{ STR("response.reasoning_summary_text.delta"), RES_EV_FLOWS },
	{ STR("response.reasoning_text.delta"), RES_EV_FLOWS },
	{ STR("response.function_call_arguments.delta"), RES_EV_PIECE },
	{ STR("response.custom_tool_call_input.delta"), RES_EV_PIECE },
	{ STR("response.output_item.added"), RES_EV_ADDED },
	{ STR("response.output_item.done"), RES_EV_DONE },
	{ STR("response.created"), RES_EV_STATE },
	{ STR("response.in_progress"), RES_EV_STATE },
	{ STR("response.queued"), RES_EV_STATE },
	{ STR("response.completed"), RES_EV_END },
	{ STR("response.incomplete"), RES_EV_END },
	{ STR("response.failed"), RES_EV_END },
	{ STR("response.cancelled"), RES_EV_END },
	{ STR("response.output_text.done"), RES_EV_FLOWS },
	{ STR("response.output_text.annotation.added"), RES_EV_FLOWS },
	{ STR("response.content_part.added"), RES_EV_FLOWS },
	{ STR("response.content_part.done"), RES_EV_FLOWS },
	{ STR("response.refusal.delta"), RES_EV_FLOWS },
	{ STR("response.refusal.done"), RES_EV_FLOWS },
	{ STR("response.reasoning_text.done"), RES_EV_FLOWS },
	{ STR("response.reasoning_summary_text.done"), RES_EV_FLOWS },
	{ STR("response.reasoning_summary_part.added"), RES_EV_FLOWS },
	{ STR("response.reasoning_summary_part.done"), RES_EV_FLOWS },
	{ STR("error"), RES_EV_ERROR },
};

/* What the names of all events of a kind of call begin with. */
static const struct str pieces[] = {
	STR("response.function_call_arguments."),
	STR("response.custom_tool_call_input."),
	STR("response.mcp_call_arguments."),
	STR("response.mcp_call."),
	STR("response.mcp_list_tools."),
	STR("response.web_search_call."),
	STR("response.file_search_call."),
	STR("response.code_interpreter_call."),
	STR("response.code_interpreter_call_code."),
	STR("response.image_generation_call."),
	STR("response.local_shell_call."),
	STR("response.shell_call"),
	STR("response.apply_patch_call"),
	STR("response.computer_call."),
	STR("response.tool_search_call."),
};

enum res_event
res_event_of(struct str type)
{
	for (size_t i = 0; i < LEN(events); i++)
		if (str_eq(type, events[i].name))
			return events[i].kind;
	for (size_t i = 0; i < LEN(pieces); i++)
		if (str_starts(type, pieces[i]))
			return RES_EV_PIECE;
	return RES_EV_UNKNOWN;
}
