#include "gateway/route.h"

#include "base/secret.h"

#define ACCOUNT "/backend-api"

/* Everything that an agent can reach through us. */
static const struct {
	enum pol_agent agent;
	enum gw_method method;
	const char *path;
	size_t skip; /* leading bytes that the upstream's URL already ends with */
	enum gw_route_kind kind;
} routes[] = {
	{ POL_CLAUDE, GW_POST, "/v1/messages", 0, GW_TO_CALL },
	{ POL_CLAUDE, GW_POST, "/v1/messages/count_tokens", 0, GW_TO_COUNT },
	{ POL_CLAUDE, GW_GET, "/v1/models", 0, GW_TO_MODELS },
	{ POL_CLAUDE, GW_HEAD, "/", 0, GW_TO_PROBE },
	{ POL_CLAUDE, GW_HEAD, "", 0, GW_TO_PROBE },
	{ POL_CODEX, GW_POST, "/v1/responses", sizeof "/v1" - 1, GW_TO_CALL },
	{ POL_CODEX, GW_GET, "/v1/responses", sizeof "/v1" - 1, GW_TO_CALL },
	{ POL_CODEX, GW_GET, "/v1/models", sizeof "/v1" - 1, GW_TO_MODELS },
	{ POL_CODEX, GW_POST, ACCOUNT "/codex/responses", sizeof ACCOUNT "/codex" - 1,
		GW_TO_CALL },
	{ POL_CODEX, GW_GET, ACCOUNT "/codex/responses", sizeof ACCOUNT "/codex" - 1,
		GW_TO_CALL },
	{ POL_CODEX, GW_GET, ACCOUNT "/codex/models", sizeof ACCOUNT "/codex" - 1,
		GW_TO_MODELS },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/accounts/check", sizeof ACCOUNT - 1,
		GW_TO_ACCOUNT },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/settings/user", sizeof ACCOUNT - 1,
		GW_TO_ACCOUNT },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/usage", sizeof ACCOUNT - 1, GW_TO_ACCOUNT },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/rate-limit-reset-credits", sizeof ACCOUNT - 1,
		GW_TO_ACCOUNT },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/security-setup", sizeof ACCOUNT - 1,
		GW_TO_ACCOUNT },
	{ POL_CODEX, GW_GET, ACCOUNT "/wham/config/bundle", sizeof ACCOUNT - 1,
		GW_TO_ACCOUNT },
};

enum gw_api
gw_route_api(enum pol_agent agent)
{
	return agent == POL_CODEX ? GW_RESPONSES : GW_MESSAGES;
}

bool
gw_route_split(struct str target, struct str *token, struct str *rest)
{
	const struct str head = STR("/run/");

	if (!str_starts(target, head) || target.n < head.n + SECRET_HEX)
		return false;
	*token = (struct str){ target.p + head.n, SECRET_HEX };
	*rest = str_skip(target, head.n + SECRET_HEX);
	return rest->n == 0 || rest->p[0] == '/' || rest->p[0] == '?';
}

/* What curl would cut off, re-spell or refuse has no place in a target. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return true;
}

struct gw_route
gw_route(enum pol_agent agent, enum gw_method method, struct str rest)
{
	struct gw_route r = { .kind = GW_TO_NONE, .api = gw_route_api(agent) };
	const char *query = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
	const struct str path = { rest.p,
		query != NULL ? (size_t)(query - rest.p) : rest.n };

	if (!is_plain(rest))
		return r;
	for (size_t i = 0; i < LEN(routes); i++) {
		if (routes[i].agent != agent || routes[i].method != method ||
			!str_is(path, routes[i].path))
			continue;
		r.kind = routes[i].kind;
		r.post = method == GW_POST;
		r.socket = method == GW_GET && r.kind == GW_TO_CALL;
		r.chatgpt = str_starts(path, STR(ACCOUNT "/"));
		r.up = str_skip(rest, routes[i].skip);
		break;
	}
	return r;
}

enum gw_api
gw_route_guess_api(struct str target)
{
	const struct str word = STR("/responses");

	if (target.n >= word.n && memmem(target.p, target.n, word.p, word.n) != NULL)
		return GW_RESPONSES;
	return GW_MESSAGES;
}
