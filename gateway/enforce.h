#ifndef GATEWAY_ENFORCE_H
#define GATEWAY_ENFORCE_H

/*
 * What policy does to the bytes of one exchange. Pure: bytes and a policy in; bytes, a
 * refusal and findings out. No sockets, no clock, no log; the rim (conn.c) does that.
 *
 * Anthropic Messages: messages.c. OpenAI Responses: responses.c. Both stand on jscan (strict
 * JSON, ranges) and sse (event framing). A byte that policy has no reason to change is
 * passed on unchanged.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

struct gw_offers;

enum gw_api { GW_MESSAGES, GW_RESPONSES, GW_APIS };

enum {
	GW_BODY_MAX = 32 << 20,  /* a request or a whole JSON answer, bytes */
	GW_EVENT_MAX = 16 << 20, /* one SSE event, bytes */
	GW_HELD_MAX = 16 << 20,  /* held events of undecided calls of one answer, bytes */
	GW_NAME_MAX = 200,       /* a name or id, decoded; claude cuts a tool's to this */
	GW_TOOLS_MAX = 4096,     /* definitions in one request */
	/*
	 * What all connections hold together: requests and what became of them, whole answers,
	 * held calls, messages of WebSockets, and what waits to be sent; bytes.
	 */
	GW_MEMORY_MAX = 512 << 20,
	GW_SHARE_MAX = GW_MEMORY_MAX / 2 /* ... of one run */
};

const char *gw_api_name(enum gw_api api); /* "messages" "responses" */
/* The file where a person sets [proxy] and [firewall]; otherwise: there is none. */
const char *gw_settings_file(const struct policy *p, const char *otherwise);

/*
 * The last responses of a run that passed unchanged, by id: of those the provider has what the
 * gateway saw, and a request may stand on them (previous_response_id).
 */
enum { GW_SEEN_MAX = 128 };

struct gw_seen {
	char *id[GW_SEEN_MAX];
	size_t next;
};

void gw_seen_fini(struct gw_seen *s);
void gw_seen_add(struct gw_seen *s, struct str id);
bool gw_seen_has(const struct gw_seen *s, struct str id);

struct gw_rules {
	const struct policy *policy;
	enum pol_agent agent;
	bool audit;             /* note what would be done, change nothing */
	enum pol_caller caller; /* whose request it is (caller.h) */
	struct gw_offers
		*offers; /* to note what a request offers (handshake.h), or NULL */
	bool body_fixed; /* subscription login: a request is passed as it is or refused */
	/*
	 * A request is a message of a WebSocket: {"type":"response.create",..}. Its whole input
	 * is there, or it stands on a response of `seen`.
	 */
	bool message;
	/*
	 * A request that stands on another response is refused (finding "unknown" of the tool
	 * "previous_response_id"). A client that is told so by the API's own code,
	 * previous_response_not_found, sends its whole input (API guide "WebSocket mode").
	 */
	struct gw_seen *seen;   /* of the run; borrowed; NULL: none is known */
	struct gw_meter *meter; /* usage.h; NULL: nobody counts */
	struct quota *memory;   /* where what is held is counted; NULL: nowhere */
};

/* One thing that was decided, for the decision log. Text is borrowed during the call. */
struct gw_finding {
	const char *
		what; /* "definition" "choice" "history" "call" "unknown" "request" "answer" */
	/*
	 * "passed" "stripped" "replaced" "refused" "audited"; "asked": passed to our server,
	 * "kept": an offer that stays in a body that must not be edited
	 */
	const char *done;
	struct pol_use use;
	struct pol_decision decision;
	struct str call_id; /* may be empty */
	struct str args;    /* raw JSON of the arguments; may be empty */
	struct str note;
};

/* Called for each finding, allowed calls included (not for allowed definitions). */
struct gw_sink {
	void (*found)(void *to, const struct gw_finding *f);
	void *to;
};

/*
 * A request body. 0: nothing has to change, the caller sends its own bytes; out is as it was.
 * 1: out holds what to send on instead. -1: refuse it with e->text (HTTP 400, see
 * gw_refusal_body); not JSON, not understood, or policy says refuse.
 */
int gw_request(enum gw_api api, const struct gw_rules *r, struct str body,
	struct buf *out, const struct gw_sink *sink, struct err *e);

/* A whole (not streamed) JSON answer; the same contract. Only for status 200 answers. */
int gw_answer(enum gw_api api, const struct gw_rules *r, struct str body, struct buf *out,
	const struct gw_sink *sink, struct err *e);

/*
 * A streamed answer. Bytes go in as they come, in any split; what may be sent on is appended
 * to out. Text flows at once, a call block is held until it is decided. -1: the stream must
 * end here; out then already ends with a well-formed error event of the dialect.
 */
struct gw_stream;

struct gw_stream *gw_stream_new(enum gw_api api, const struct gw_rules *r,
	const struct gw_sink *sink); /* all three borrowed */
int gw_stream_feed(struct gw_stream *s, struct str bytes, struct buf *out, struct err *e);
/*
 * The same for one message of a WebSocket of the Responses API (the JSON of an event, without
 * framing), on a stream made by gw_stream_new_messages: what may be sent on is appended to out
 * as whole messages, none or several, each with a NUL behind it, which no JSON text has.
 * gw_message_next takes them off: false when there is none left. -1: the connection's answer
 * must end here; out then ends with a message that says so. A connection carries one answer
 * after another: each takes a stream of its own, and is over with response.completed, .failed,
 * .incomplete, .cancelled or an error.
 */
struct gw_stream *gw_stream_new_messages(
	const struct gw_rules *r, const struct gw_sink *sink); /* both borrowed */
int gw_stream_message(
	struct gw_stream *s, struct str message, struct buf *out, struct err *e);
bool gw_message_next(struct str *rest, struct str *message);
/* Of such a stream: that event has come. */
bool gw_stream_is_over(const struct gw_stream *s);

/* The provider's end. What is held and undecided is never sent on. */
int gw_stream_end(struct gw_stream *s, struct buf *out, struct err *e);
void gw_stream_free(struct gw_stream *s);

/* The body of an HTTP refusal in the dialect's own shape, with its content type. */
const char *gw_refusal_body(enum gw_api api, const char *text, struct buf *out);
/* The same as the last event of a stream that must not go on. */
void gw_refusal_event(enum gw_api api, const char *text, struct buf *out);

#endif
