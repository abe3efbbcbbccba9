#ifndef GATEWAY_RESPONSES_H
#define GATEWAY_RESPONSES_H

/*
 * The OpenAI Responses API under policy, as of 2026. Sources: API reference, "Responses"
 * (create, the response object) and "Streaming events" at
 * platform.openai.com/docs/api-reference/responses; what codex 0.169.0 sends and takes was
 * measured.
 *
 *   responses.c          a request: its members, its input
 *   responses_tools.c    lists of tools, and choices among them
 *   responses_item.c     items of input and output, and the case that a call is
 *   responses_carry.c    what is not known: could it carry a tool or a call?
 *   responses_event.c    the events of a stream by name
 *   responses_answer.c   an answer, streamed or not
 *   responses_held.c     the calls of a stream that are not decided yet
 *   responses_instead.c  the message that stands in place of a call
 *
 * Where a tool can stand in a request:
 *   tools[]              function, custom, mcp, namespace {name, tools[]}, and types that are
 *                        tools themselves (web_search, shell, ..)
 *   input[]              additional_tools.tools, tool_search_output.tools, mcp_list_tools
 *   tool_choice          a word, one tool, or allowed_tools {mode, tools[]}
 *   input[]              *_call and their *_output, paired by call_id
 *   prompt, conversation, previous_response_id, item_reference: kept at the provider, where
 *                        it cannot be seen
 * and in an answer: output[], or the events response.output_item.added .. .done, which is when
 * codex runs the call, and response.output[] of the last event. Definitions that a response
 * echoes (response.tools) are none.
 *
 * A reasoning item must be followed by the item that came of it (API reference, "Reasoning"),
 * so a call that is taken out becomes a message in its place and leaves no hole.
 */

#include <stdint.h>

#include "gateway/edit.h"
#include "gateway/judge.h"
#include "gateway/sse.h"

/* --- items ------------------------------------------------------------------------- */

enum res_kind {
	RES_PLAIN,   /* messages, reasoning, compaction: nothing to decide */
	RES_CALL,    /* *_call, and what an MCP server at the provider wants */
	RES_LISTED,  /* mcp_list_tools: the offer of such a server */
	RES_OUTPUT,  /* *_output */
	RES_TOOLS,   /* additional_tools */
	RES_HIDDEN,  /* item_reference: kept at the provider */
	RES_UNKNOWN, /* could carry a call */
	RES_KINDS
};

struct res_item {
	enum res_kind kind;
	const struct res_type *known; /* NULL: the type is not one of the API's */
	struct gw_name type, name, space, server;
	struct gw_name id;   /* of the item */
	struct gw_name pair; /* what a call and its output share: call_id, else the id */
	/* ranges of the text it was read from */
	struct js args, tools, named, spaced, role, output;
};

int res_item_read(struct js v, struct res_item *i, struct err *e);
/*
 * The case of a RES_CALL or RES_LISTED, decided; its texts are views into i, and into room,
 * where arguments are that stand as JSON in a string.
 */
int res_item_case(const struct gw_judge *j, const struct res_item *i, struct buf *room,
	struct gw_case *c, struct err *e);
/* The same of a call whose arguments are still to come. */
struct gw_case res_item_offer(const struct gw_judge *j, const struct res_item *i);
/* The arguments stand in pieces before the item ends: they are its own, as one string. */
bool res_item_has_pieces(const struct res_item *i);

/*
 * What is not known: an object in it looks like a tool, a call or a list of them. v: checked.
 * key: the name it stands under; empty: none.
 */
bool res_could_carry(struct str key, struct js v);
/* The same of a member of a request, whose name alone may ask for a tool of the provider. */
bool res_could_enable(struct str key, struct js v);

#define CODE_MODE "gateway.code_mode" /* the rule's id */
/* Code mode's tool, in whose JavaScript all other calls are hidden. */
bool res_is_code_mode(struct str type, struct str space, struct str name);
void res_deny_code_mode(struct gw_case *c);

/* --- lists of tools ------------------------------------------------------------------ */

/* What became of the tools of a request, and of its last list. */
struct res_tools {
	const struct gw_judge *j;
	struct edits *ed;
	size_t read, kept, cut; /* of the request; a namespace counts as one tool */
	size_t list_kept, list_cut;
	bool code_mode; /* its tool was taken out */
};

/* JS_NONE and null are empty lists. */
int res_tools_filter(struct res_tools *t, struct js list, struct err *e);
/*
 * Behind all lists. A session that was begun in code mode, without supervision, has its list in
 * its past, and goes on with ours; one that is in code mode has none but that, and is refused.
 */
int res_tools_check(const struct res_tools *t, struct err *e);
/* Behind all lists. 1: the choice goes as a whole. */
int res_choice_filter(struct res_tools *t, struct js choice, struct err *e);

/* --- what stands in place of a call ------------------------------------------------- */

/* The message, as an item of output[]. status: "completed" .. */
void res_put_message(struct buf *b, const struct res_item *instead_of, const char *status,
	struct str text);

/* A place among the events of a stream. */
struct res_place {
	struct str index; /* output_index as written */
	bool has_sequence;
	uint64_t sequence; /* of the event that ends the item .. */
	size_t room;       /* .. and how many are free up to and with it */
	bool bare;         /* of a WebSocket: see gw_stream_message */
};

/* The message as events: as many as there are numbers for, at most the API's six. */
void res_put_message_events(struct buf *out, const struct res_place *at,
	const struct res_item *instead_of, struct str text);
/* The event that ends a stream which must not go on. */
void res_put_error_event(struct buf *out, const char *text, bool bare);

extern const char res_result_gone[]; /* what the message of a result says */

/* --- events ------------------------------------------------------------------------- */

/* By the name of the type (API reference, "Streaming events"). */
enum res_event {
	RES_EV_FLOWS, /* text, reasoning */
	RES_EV_ERROR, /* the same, and is the last */
	RES_EV_PIECE, /* of a call, or how far it is */
	RES_EV_ADDED,
	RES_EV_DONE,
	RES_EV_STATE, /* has a response */
	RES_EV_END,   /* the same, and is the last, too */
	RES_EV_UNKNOWN,
	RES_EVENTS
};

enum res_event res_event_of(struct str type);

/* --- requests and answers ------------------------------------------------------------ */

int res_request(
	const struct gw_judge *j, struct str body, struct buf *out, struct err *e);
int res_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e);

struct res_stream;

/* bare: what goes out are messages, each with a NUL behind it, instead of events. */
struct res_stream *res_stream_new(const struct gw_judge *j, bool bare); /* borrowed */
void res_stream_free(struct res_stream *s);
int res_stream_event(
	struct res_stream *s, const struct sse_event *ev, struct buf *out, struct err *e);
/* Its last event has come. */
bool res_stream_is_over(const struct res_stream *s);
/* -1 when a call was still held. */
int res_stream_end(struct res_stream *s, struct err *e);

#endif
