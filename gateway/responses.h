#ifndef GATEWAY_RESPONSES_H
#define GATEWAY_RESPONSES_H

/*
 * The OpenAI Responses API under policy: requests (responses.c) and answers
 * (responses_answer.c).
 *
 * Where a tool can stand in a request:
 *   tools[]                          function, custom, mcp, and types that are tools themselves
 *   {"type":"namespace","name":"mcp__<server>","tools":[..]}   in any list of tools
 *   input[] additional_tools.tools, tool_search_output.tools
 *   tool_choice                      dropped when its tool is
 *   input[] *_call, custom_tool_call ..  and their *_output, paired by call_id
 * and in an answer: output[], or the events response.output_item.added .. .done, which is
 * when the client runs the call, and response.output[] of the last event.
 */

#include "gateway/judge.h"
#include "gateway/sse.h"

enum res_kind {
	RES_PLAIN,   /* messages, reasoning, compaction: nothing to decide */
	RES_CALL,    /* *_call, and what an MCP server at the provider says */
	RES_OUTPUT,  /* *_output */
	RES_TOOLS,   /* additional_tools */
	RES_UNKNOWN, /* could carry a call */
	RES_KINDS
};

struct res_item {
	enum res_kind kind;
	struct gw_name type, name, space, server;
	struct gw_name id;   /* of the item */
	struct gw_name pair; /* what a call and its output share: call_id, else the id */
	struct js args, tools; /* ranges of the text it was read from */
};

int res_item_read(struct js v, struct res_item *i, struct err *e);
/*
 * The case of a RES_CALL, decided; its texts are views into i, and into room, where arguments
 * are that stand as JSON in a string.
 */
int res_item_case(const struct gw_judge *j, const struct res_item *i, struct buf *room,
	struct gw_case *c, struct err *e);
/* The same of a call whose arguments are still to come. */
struct gw_case res_item_offer(const struct gw_judge *j, const struct res_item *i);

int res_request(
	const struct gw_judge *j, struct str body, struct buf *out, struct err *e);
int res_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e);

struct res_stream;

struct res_stream *res_stream_new(const struct gw_judge *j); /* borrowed */
void res_stream_free(struct res_stream *s);
int res_stream_event(
	struct res_stream *s, const struct sse_event *ev, struct buf *out, struct err *e);
/* -1 when a call was still held. */
int res_stream_end(struct res_stream *s, struct err *e);
/* The event that ends a stream which must not go on. */
void res_put_error_event(struct buf *out, const char *text);

#endif
