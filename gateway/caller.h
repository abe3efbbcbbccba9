#ifndef GATEWAY_CALLER_H
#define GATEWAY_CALLER_H

/*
 * Who speaks in a request: the agent or a subagent of it, by the client's own headers. Pure.
 *
 * Measured with both clients and the stand-in provider:
 *
 *   claude 2.1.329   x-claude-code-session-id in every request; in a subagent's also
 *                    x-claude-code-agent-id (and -parent-agent-id when nested). It sends them
 *                    since 2.1.139; an older one says nothing of subagents.
 *   codex 0.169.0    session-id and thread-id, which are the same for the agent; a
 *                    subagent's has a thread of its own, x-openai-subagent and
 *                    x-codex-parent-thread-id.
 *
 * The kind of a claude subagent is not on the wire, and the name of a codex one is chosen by
 * the model, so a subagent never has a name here. Whatever holds the run's token could send
 * any header; that is the agent's own process.
 */

#include "base/str.h"
#include "policy/policy.h"

/* version: of the agent; head: "Name: value\n" lines. */
enum pol_caller gw_caller_of(enum pol_agent a, const char *version, struct str head);

#endif
