#ifndef GATEWAY_MESSAGES_H
#define GATEWAY_MESSAGES_H

/*
 * The Anthropic Messages API under policy: requests (messages.c, messages_tools.c,
 * messages_history.c; /v1/messages and /v1/messages/count_tokens have the same body) and
 * answers (messages_answer.c whole, messages_stream.c streamed).
 *
 * Where a tool can stand in a request:
 *   tools[]            by name and type: "custom" or none is the client's, every other type
 *                      is a tool at the provider and native, whatever its name says
 *   tool_choice.name   dropped when the tool is
 *   mcp_servers[], container   the provider's own connectors and code execution
 *   system, messages[].content   calls, results and references at any depth; tool_addition
 *                      and tool_removal (beta mid-conversation-tool-changes)
 * and in an answer: content[], or the events content_block_start .. content_block_stop.
 * A member that is not documented and could carry a tool is what [firewall] unknown is for.
 *
 * What the API asks of a transcript, which an edit must keep (platform.claude.com/docs: "Tool
 * use", "Extended thinking", "Prompt caching", "Tool search tool"):
 *   - each tool_use has its tool_result in the next message, and results come first there
 *   - thinking blocks of the latest assistant message are as they were, signature and all: no
 *     thinking block is touched or moved, what is taken out leaves a text at its place
 *   - no content and no text is empty; at most four cache_control marks: one that would go
 *     with its tool moves to the definition before
 *   - a tool_reference names a tool that is defined; not every tool has defer_loading
 */

#include "gateway/edit.h"
#include "gateway/judge.h"
#include "gateway/sse.h"

enum msg_kind {
	MSG_PLAIN,     /* text, thinking, images: nothing to decide */
	MSG_CALL,      /* tool_use, server_tool_use, mcp_tool_use */
	MSG_RESULT,    /* tool_result, *_tool_result */
	MSG_CHANGE,    /* tool_addition, tool_removal */
	MSG_REFERENCE, /* tool_reference: a search found this tool */
	MSG_UNKNOWN,   /* could carry a call */
	MSG_KINDS
};

struct msg_block {
	enum msg_kind kind;
	bool is_client_call; /* tool_use: the client runs it */
	bool is_tool_result; /* tool_result: the client's, not the provider's */
	struct gw_name type, name, server;
	struct gw_name id; /* of the call, also in its result */
	/* ranges of the text it was read from */
	struct js text, named, at_server, input, cache, tool, content, references;
	struct str odd; /* why it is MSG_UNKNOWN, when its type is known */
};

/* What stands in place of a result whose call was replaced. */
#define MSG_RESULT_GONE                                                                  \
	"[pando-ai] The result of a call that the policy does not allow stood here."

int msg_block_read(struct js v, struct msg_block *b, struct err *e);
/* The case of a MSG_CALL with this input, decided; its texts are views into both. */
struct gw_case msg_block_case(
	const struct gw_judge *j, const struct msg_block *b, struct js input);
/* 0: [firewall] lets it pass, -1: refused. */
int msg_judge_block(const struct gw_judge *j, const struct msg_block *b, struct err *e);
/* The same of a member: where is "a request", "a tool definition". */
int msg_judge_odd(
	const struct gw_judge *j, const char *where, struct str odd, struct err *e);
/* The case of an offer of the tool that is named so, decided. */
struct gw_case msg_offer_case(const struct gw_judge *j, struct str name);
/* {"type":"text",...} with the cache_control of what it stands for, if that had one. */
void msg_put_text(struct buf *out, struct str text, struct js cache);

/* The message of an answer, of message_start, or what changes of it with message_delta. */
enum {
	MSG_MESSAGE_CONTENT,
	MSG_MESSAGE_REASON,
	MSG_MESSAGE_MODEL,
	MSG_MESSAGE_USAGE,
	MSG_MESSAGE_SLOTS
};
int msg_message_read(
	struct js v, struct js slot[MSG_MESSAGE_SLOTS], struct str *odd, struct err *e);

/* What an answer has let through and what not, whole or streamed. */
struct msg_tally {
	struct gw_ids gone; /* calls that were replaced */
	size_t client_calls, server_calls, replaced;
};

/* A call of an answer: 0 it passes, 1 out holds the text that stands for it, -1 refused. */
int msg_answer_call(const struct gw_judge *j, struct msg_tally *t,
	const struct msg_block *b, struct js input, struct buf *out, struct err *e);
/* A result, or another block that is no call: calls inside it are unknown. */
int msg_answer_inside(const struct gw_judge *j, const struct msg_block *b, struct err *e);
/*
 * The client takes "tool_use" without a call for a call that it could not read, and asks
 * again; "pause_turn" asks it to send the same answer back. Either becomes "end_turn".
 */
int msg_fix_reason(
	const struct msg_tally *t, struct js reason, struct edits *ed, struct err *e);

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
