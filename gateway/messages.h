#ifndef GATEWAY_MESSAGES_H
#define GATEWAY_MESSAGES_H

/*
 * The Anthropic Messages API under policy: requests (messages.c; /v1/messages and
 * /v1/messages/count_tokens have the same body) and answers (messages_answer.c).
 *
 * Where a tool can stand in a request:
 *   tools[]            by name and type: "custom" or none is the client's, every other type
 *                      is a tool at the provider and native, whatever its name says
 *   tool_choice.name   dropped when the tool is
 *   mcp_servers[], container   the provider's own connectors and code execution
 *   messages[].content[]       calls and results; tool_addition / tool_removal (beta
 *                      mid-conversation-tool-changes) hold definitions
 * and in an answer: content[], or the events content_block_start .. content_block_stop.
 */

#include "gateway/judge.h"
#include "gateway/sse.h"

enum msg_kind {
	MSG_PLAIN,   /* text, thinking, images: nothing to decide */
	MSG_CALL,    /* tool_use, server_tool_use, mcp_tool_use */
	MSG_RESULT,  /* tool_result, *_tool_result */
	MSG_CHANGE,  /* tool_addition, tool_removal */
	MSG_UNKNOWN, /* could carry a call */
	MSG_KINDS
};

struct msg_block {
	enum msg_kind kind;
	struct gw_name type, name, server;
	struct gw_name id;            /* of the call, also in its result */
	struct js input, cache, tool; /* ranges of the text it was read from */
};

int msg_block_read(struct js v, struct msg_block *b, struct err *e);
/* The case of a MSG_CALL with this input, decided; its texts are views into both. */
struct gw_case msg_block_case(
	const struct gw_judge *j, const struct msg_block *b, struct js input);
/* Tools of the client's own protocol, which pass whatever the policy says. */
bool msg_is_harmless(struct str name);
void msg_allow_harmless(struct gw_case *c);
/* {"type":"text",...} with the cache_control of what it stands for, if that had one. */
void msg_put_text(struct buf *out, struct str text, struct js cache);

int msg_request(
	const struct gw_judge *j, struct str body, struct buf *out, struct err *e);
int msg_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e);

struct msg_stream;

struct msg_stream *msg_stream_new(const struct gw_judge *j); /* borrowed */
void msg_stream_free(struct msg_stream *s);
int msg_stream_event(
	struct msg_stream *s, const struct sse_event *ev, struct buf *out, struct err *e);
/* -1 when a call was still held. */
int msg_stream_end(struct msg_stream *s, struct err *e);
/* The event that ends a stream which must not go on. */
void msg_put_error_event(struct buf *out, const char *text);
const char *msg_refusal_body(const char *text, struct buf *out);

#endif
