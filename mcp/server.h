#ifndef MCP_SERVER_H
#define MCP_SERVER_H

/*
 * The MCP server: one client on two descriptors, one message at a time.
 *
 *   initialize, ping, tools/list, tools/call; notifications are taken in silence; any other
 *   method is -32601 at once (claude asks for server/discover before it falls back).
 *
 * Revisions 2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25 differ in nothing that we
 * send but the number: fields that an older one does not have are ignored by its clients.
 *
 * While a command runs its input is read on, so that notifications/cancelled and the end of
 * the input end the command; and so while a person is asked (ask.h).
 */

#include "mcp/audit.h"
#include "mcp/rpc.h"
#include "mcp/tool.h"
#include "mcp/watch.h"
#include "policy/policy.h"

enum { SERVER_TOOLS_MAX = 32, SERVER_OUT_MAX = 16 << 20 };

struct server {
	enum tool_role role; /* TOOL_ROLES: both */
	struct tool_host host;
	const struct policy *policy; /* borrowed */
	enum pol_agent agent;
	struct audit *audit;     /* borrowed */
	const char *unavailable; /* why there are no tools; NULL: there are */
	int in_fd, out_fd;
	struct watch *watch;     /* borrowed; waits for the input, too */
	struct witness *witness; /* borrowed */

	/* the rest is server.c's */
	struct rpc_in in;
	bool eof;
	const json_t *running; /* id of the call that runs */
	bool can_ask;          /* the client said so at initialize */
	unsigned int requests; /* of ours, for their ids */
	const struct tool *tool[SERVER_TOOLS_MAX];
	json_t *schema[SERVER_TOOLS_MAX];
	size_t ntools;
};

/* Answers until the input ends: 0; -1 when the client cannot be read or written. */
int server_run(struct server *s, struct err *e);

/*
 * A request of ours, while a call runs. Hears the client until its answer is there, which is
 * the caller's then (*answer, the whole message). Pings and the call's cancellation are seen
 * to meanwhile, other messages wait their turn.
 */
enum server_heard { SERVER_ANSWER, SERVER_LATE, SERVER_CANCELLED, SERVER_GONE };
enum server_heard server_request(struct server *s, const char *method, struct str params,
	int64_t until_us, json_t **answer);

/* call.c: false when no call of the tool would pass. */
bool server_offers(const struct server *s, const struct tool *t);
/* call.c: the result object of tools/call, or an error code with e. */
int server_call(struct server *s, const json_t *params, struct buf *result,
	bool *cancelled, struct err *e);

#endif
