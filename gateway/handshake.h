#ifndef GATEWAY_HANDSHAKE_H
#define GATEWAY_HANDSHAKE_H

/*
 * Has the supervision of a run checked in? Pure.
 *
 *   both agents   pando_core and pando_workspace are connected, and each has answered its
 *                 client once since the run began. One that has ended later is waited for,
 *                 but stops nobody: without it none of its calls is made, and claude starts it
 *                 again for the next one of them (2.1.329)
 *   claude        the hook has told the session of the request (x-claude-code-session-id, the
 *                 hook's session_id: equal in 2.1.197 and 2.1.329; /clear and resume make new
 *                 ones, with a SessionStart of their own). Its first request with tools offers
 *                 some of ours, which the person may choose from (--disallowedTools), and none
 *                 that the launch has switched off. Titles carry none (2.1.329).
 *   codex         its first request offers what our servers list, and no tool that the launch
 *                 has switched off. Requests for a thread's title and for compaction carry
 *                 other tools or none (x-codex-turn-metadata, 0.169.0), so they are not looked
 *                 at.
 *
 * What a gateway knows of this is written down line by line (GW_CHECKINS_NAME in the run's
 * folder), so that the next one knows it too, when this one is killed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

enum {
	GW_SESSION_MAX = 64,   /* characters of a session's id */
	GW_SESSIONS_MAX = 64,  /* the latest ones of a run */
	GW_CHECKIN_MS = 10000, /* how long a request waits for what is missing */
	GW_GAP_MS = 3000, /* and for a server that was there; mcp/dial.h tries each 2 s */
	GW_SESSIONS_EVER =
		10000, /* of a run; and how often a server may change its mind: */
	GW_PART_NEWS_MAX = 64,
	GW_CHECKINS_BYTES = 1 << 20, /* more than all of that can be */
	GW_STRANGE_MAX = 400,        /* of the names that came unasked, for the message */
};

#define GW_CHECKINS_NAME "checkins"
#define GW_OFFERED "offered"

enum gw_part { GW_CORE, GW_WORKSPACE, GW_PARTS };

/* Zeroed: nothing has checked in. */
struct gw_handshake {
	char session[GW_SESSIONS_MAX][GW_SESSION_MAX + 1];
	size_t nsessions; /* that were ever told */
	struct {
		unsigned int connections;
		bool was_up;   /* has answered its client */
		bool no_tools; /* and has none, since there is no sandbox */
		bool listed;   /* has told it which it has; only shim/ready.c asks */
		unsigned int news;
	} part[GW_PARTS];
	bool given_up; /* it was waited for in vain, and nothing has come or gone since */
	bool offers_seen; /* a request with the right tools has come */
};

const char *gw_part_name(enum gw_part p); /* "core" "workspace" */
/* GW_PARTS: none of both. */
enum gw_part gw_part_from(const char *name);
const char *gw_part_server(enum gw_part p); /* POL_SERVER_.. */

/*
 * A line of what has checked in: "session ID", "up core", "up workspace", "bare workspace",
 * "listed core", "listed workspace"; and GW_OFFERED, once a request with the right tools has
 * come: a later one may be of another kind (a subagent's, a search's), and is not compared.
 * Answers 1 when that is news, 0 when it was known. There is an end to news, since each is
 * written down and the workspace server is not trusted.
 */
int gw_handshake_take(struct gw_handshake *h, struct str line, struct err *e);
/* A server has connected, or its connection has ended. */
void gw_handshake_serve(struct gw_handshake *h, enum gw_part p, int connections);

/* The lines of a former gateway; one that is not understood, or half, says nothing. */
void gw_handshake_restore(struct gw_handshake *h, struct str lines);

/* head: of the request, "Name: value\n" lines. */
bool gw_handshake_is_complete(
	const struct gw_handshake *h, enum pol_agent a, struct str head);
/* All has checked in, and a server that has ended since is all that is missing. */
bool gw_handshake_has_gap(
	const struct gw_handshake *h, enum pol_agent a, struct str head);
/* What is not, as the end of a sentence: "pando_core has not started, ...". */
void gw_handshake_put_missing(
	const struct gw_handshake *h, enum pol_agent a, struct str head, struct buf *out);

/* --- the tools of the first request ----------------------------------------------- */

/* What a request offers to the model; zeroed: nothing yet. */
struct gw_offers {
	uint64_t ours; /* a bit for each of pol_pando_tools() */
	size_t all;    /* definitions of any tool */
	char strange[GW_STRANGE_MAX];
	size_t nstrange;
	bool resumed; /* the thread's past may offer what the launch does not */
};

/* Each definition of the request, whatever is done with it. */
void gw_offers_note(struct gw_offers *o, const struct policy *p, const struct pol_use *u);
/* False: nobody expects them to be right in this request. */
bool gw_handshake_wants_offers(
	const struct gw_handshake *h, enum pol_agent a, struct str head);
/* codex sends the lists of a resumed thread again (history_initialization, 0.169.0). */
bool gw_handshake_is_resumed(struct str head);
/* 0: they are right; -1: e says what is wrong, with the names of what came unasked. */
int gw_handshake_check_offers(struct gw_handshake *h, enum pol_agent a,
	const struct policy *p, const struct gw_offers *o, struct err *e);

#endif
