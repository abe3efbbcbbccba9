#ifndef SHIM_HOOK_H
#define SHIM_HOOK_H

/*
 * One call of a claude hook: its JSON in, a decision, the JSON to answer. Pure.
 *
 * Clients carry on when a hook answers nothing or something cut off with status 0. So an
 * answer is made whole before any of it is written, and everything else ends with HOOK_BLOCK,
 * which does stop the call. The hook is the second layer; the gateway decides first.
 *
 * Input as claude 2.1.197 and 2.1.329 send it: session_id, hook_event_name and, with tools,
 * tool_name, tool_input, tool_use_id; in a subagent also agent_id and agent_type. More
 * members may come with any version.
 *
 * Other events of 2.1.329, tried at a terminal, close nothing and are not subscribed:
 * UserPromptExpansion (can block) comes after a UserPromptSubmit with the same "/name";
 * DirectoryAdded cannot keep the folder out, whose skills --setting-sources=user does;
 * PreModelSwitch (can block) is about what no policy says; PermissionRequest comes after
 * PreToolUse, for what that let pass; SubagentStart after the PreToolUse of Agent.
 */

#include <stdbool.h>

#include "base/json/json.h"
#include "policy/policy.h"
#include "policy/record.h"

enum { HOOK_INPUT_MAX = 32 << 20, HOOK_ANSWER_MAX = 16384, HOOK_BLOCK = 2 };

/* How long claude waits for it, and when it gives up by itself, which is to come first. */
enum { HOOK_TIMEOUT_S = 20, HOOK_DEADLINE_S = 18 };

enum hook_event {
	HOOK_SESSION_START,
	HOOK_PROMPT,
	HOOK_PRE_TOOL,
	HOOK_POST_TOOL,
	HOOK_CONFIG_CHANGE,
	HOOK_SESSION_END,
	HOOK_EVENTS
};

struct hook_call {
	enum hook_event event;
	json_t *root;
	struct str tool, call_id; /* of root; empty without a tool */
	char *args;               /* tool_input, compact; NULL without a tool */
	bool in_subagent;
	struct str subagent; /* of root: its name; empty when it is not known */
	struct pol_use use;
	struct pol_decision decision;
	enum pol_mode mode;
	bool checks_in; /* the gateway waits for its session */
	bool goes_on;
};

#define HOOK_CALL_INIT                                                                   \
	{                                                                                \
		.event = HOOK_EVENTS, .root = NULL                                       \
	}

/* event: the name that the generated settings gave this hook; the input must agree. */
int hook_read(struct hook_call *c, const char *event, struct str json, struct err *e);
void hook_decide(struct hook_call *c, const struct policy *p);
void hook_call_fini(struct hook_call *c); /* for CLEANUP too */

/* What goes to standard output with status 0. */
int hook_put_answer(const struct hook_call *c, struct buf *out, struct err *e);
/* Why a change of settings is stopped: for standard error, with HOOK_BLOCK. */
#define HOOK_CONFIG_WHY                                                                     \
	"settings stay as they are while pando-ai supervises this session: end it, change " \
	"them, start again"

/*
 * The session that this call shows to be supervised, for the gateway (gateway/client.h,
 * "checkin"); NULL: it is about something else. A session's begin tells of it, and each prompt:
 * nothing is asked of the model before one of them.
 */
const char *hook_session(const struct hook_call *c);

/* The line for the decision log; it borrows from the call. */
struct rec hook_rec(const struct hook_call *c);

#endif
