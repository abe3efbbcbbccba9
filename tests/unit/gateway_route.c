#include "gateway/route.h"

#include "tests/unit/test.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
a_target_is_run_token_and_rest(void)
{
	static const struct {
		const char *target, *rest; /* NULL: refused */
	} rows[] = {
		{ "/run/" TOKEN "/v1/messages", "/v1/messages" },
		{ "/run/" TOKEN, "" },
		{ "/run/" TOKEN "?x", "?x" },
		{ "/run/" TOKEN "0/v1", NULL },
		{ "/run/0123/v1/messages", NULL },
		{ "/Run/" TOKEN "/v1", NULL },
		{ "//run/" TOKEN "/v1", NULL },
		{ "http://127.0.0.1/run/" TOKEN "/v1", NULL },
		{ "/run/", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct str token, rest;
		const bool got = gw_route_split(str_of(rows[i].target), &token, &rest);

		ok_int(got, rows[i].rest != NULL, rows[i].target);
		if (!got || rows[i].rest == NULL)
			continue;
		ok_bytes(token, STR(TOKEN), rows[i].target);
		ok_bytes(rest, str_of(rows[i].rest), rows[i].target);
	}
}

static const struct {
	enum pol_agent agent;
	enum gw_method method;
	const char *rest;
	enum gw_route_kind want;
	const char *up;
} paths[] = {
	{ POL_CLAUDE, GW_POST, "/v1/messages", GW_TO_CALL, "/v1/messages" },
	{ POL_CLAUDE, GW_POST, "/v1/messages?beta=true", GW_TO_CALL,
		"/v1/messages?beta=true" },
	{ POL_CLAUDE, GW_POST, "/v1/messages/count_tokens?b", GW_TO_COUNT,
		"/v1/messages/count_tokens?b" },
	{ POL_CLAUDE, GW_GET, "/v1/models", GW_TO_MODELS, "/v1/models" },
	{ POL_CLAUDE, GW_HEAD, "", GW_TO_PROBE, "" },
	{ POL_CLAUDE, GW_HEAD, "/", GW_TO_PROBE, "/" },
	{ POL_CODEX, GW_POST, "/v1/responses", GW_TO_CALL, "/responses" },
	{ POL_CODEX, GW_GET, "/v1/responses", GW_TO_CALL, "/responses" },
	{ POL_CLAUDE, GW_GET, "/v1/responses", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/v1/models?v=1", GW_TO_MODELS, "/models?v=1" },
	{ POL_CLAUDE, GW_GET, "/v1/messages", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_OTHER_METHOD, "/v1/messages", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/messages/", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/V1/messages", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/%6dessages", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/messages#x", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/messages?a b", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/complete", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_POST, "/v1/responses", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/v1/messages", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/accounts/check", GW_TO_ACCOUNT,
		"/wham/accounts/check" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/settings/user", GW_TO_ACCOUNT,
		"/wham/settings/user" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/usage?a=b", GW_TO_ACCOUNT,
		"/wham/usage?a=b" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/rate-limit-reset-credits", GW_TO_ACCOUNT,
		"/wham/rate-limit-reset-credits" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/security-setup", GW_TO_ACCOUNT,
		"/wham/security-setup" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/config/bundle", GW_TO_ACCOUNT,
		"/wham/config/bundle" },
	{ POL_CODEX, GW_GET, "/backend-api/codex/models?v=1", GW_TO_MODELS,
		"/models?v=1" },
	{ POL_CODEX, GW_POST, "/backend-api/codex/responses", GW_TO_CALL, "/responses" },
	{ POL_CODEX, GW_POST, "/backend-api/wham/usage", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/backend-api/wham/rate-limit-reset-credits/consume",
		GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/backend-api/ps/mcp", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api/ps/plugins/installed", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api/ps/plugins/suggested/codex", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/backend-api/codex/alpha/search", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/backend-api/codex/images/generations", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/backend-api/codex/analytics-events/events", GW_TO_NONE,
		"" },
	{ POL_CODEX, GW_GET, "/backend-api/", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/usage/", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api/wham/../ps/mcp", GW_TO_NONE, "" },
	{ POL_CODEX, GW_GET, "/backend-api//wham/usage", GW_TO_NONE, "" },
	{ POL_CLAUDE, GW_GET, "/backend-api/wham/usage", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/v1/alpha/search", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/v1/images/generations", GW_TO_NONE, "" },
	{ POL_CODEX, GW_POST, "/responses", GW_TO_NONE, "" },
	{ POL_CODEX, GW_HEAD, "/", GW_TO_NONE, "" },
};

static void
only_known_paths_of_the_agent_pass(void)
{
	for (size_t i = 0; i < LEN(paths); i++) {
		const struct gw_route r = gw_route(
			paths[i].agent, paths[i].method, str_of(paths[i].rest));

		ok_int(r.kind, paths[i].want, paths[i].rest);
		ok_int(r.api, paths[i].agent == POL_CODEX ? GW_RESPONSES : GW_MESSAGES,
			paths[i].rest);
		ok_int(r.socket, r.kind == GW_TO_CALL && paths[i].method == GW_GET,
			"a GET of a call is a WebSocket's");
		if (r.kind != GW_TO_NONE)
			ok_bytes(r.up, str_of(paths[i].up), paths[i].rest);
	}
}

int
main(void)
{
	a_target_is_run_token_and_rest();
	only_known_paths_of_the_agent_pass();
	return test_done();
}
