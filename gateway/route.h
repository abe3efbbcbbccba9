#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

/*
 * Which requests of an agent pass, each known by method and path. Pure.
 *
 * A run's base URL is http://127.0.0.1:PORT/run/TOKEN (codex: .../run/TOKEN/v1, and
 * .../run/TOKEN/backend-api/ as its chatgpt_base_url). Paths are compared as they came, never
 * decoded: another spelling of a path is another path.
 *
 * Of the ChatGPT account's paths those pass, by name, that codex 0.169.0 asks for with its
 * own tools off; what serves hosted tools, plugins, search and images does not.
 */

#include <stdbool.h>

#include "base/str.h"
#include "gateway/enforce.h"

enum { GW_ACCOUNT_MAX = 4 << 20 }; /* an answer about the ChatGPT account, bytes */

enum gw_method { GW_GET, GW_HEAD, GW_POST, GW_OTHER_METHOD, GW_METHODS };

enum gw_route_kind {
	GW_TO_CALL,    /* a model call: request and answer are inspected */
	GW_TO_COUNT,   /* the same request, the answer is a number */
	GW_TO_MODELS,  /* nothing in it for policy */
	GW_TO_ACCOUNT, /* of the ChatGPT account: JSON of a bounded size, not inspected */
	GW_TO_PROBE,   /* claude asks whether we are there; answered here */
	GW_TO_NONE,    /* not for an agent of this kind */
	GW_ROUTE_KINDS
};

struct gw_route {
	enum gw_route_kind kind;
	enum gw_api api;
	bool post;
	bool socket;   /* a WebSocket is asked for, or it is no route */
	bool chatgpt;  /* the path is one of the ChatGPT account's */
	struct str up; /* what follows the upstream's URL, query included */
};

/* Takes "/run/<token>" off; false when the target has another form. */
bool gw_route_split(struct str target, struct str *token, struct str *rest);
/* The whole decision for what is left. Text is borrowed from rest. */
struct gw_route gw_route(enum pol_agent agent, enum gw_method method, struct str rest);
enum gw_api gw_route_api(enum pol_agent agent);
/* The dialect of a request whose run is unknown, as far as its path tells. */
enum gw_api gw_route_guess_api(struct str target);

#endif
