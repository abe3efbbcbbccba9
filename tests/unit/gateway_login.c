#include "gateway/login.h"

#include "tests/unit/test.h"

#define ACCOUNT "ChatGPT-Account-ID: acc\n"
#define JWT "authorization: Bearer eyJhbGciOi.eyJz.c2ln\n"

/* Which route a row is about. */
enum path { MESSAGES, RESPONSES, BELOW_ACCOUNT, USAGE, PATHS };

static struct gw_route
route_of(enum path path)
{
	static const struct {
		enum pol_agent agent;
		enum gw_method method;
		const char *rest;
	} rows[PATHS] = {
		[MESSAGES] = { POL_CLAUDE, GW_POST, "/v1/messages?beta=true" },
		[RESPONSES] = { POL_CODEX, GW_POST, "/v1/responses" },
		[BELOW_ACCOUNT] = { POL_CODEX, GW_GET, "/backend-api/codex/models" },
		[USAGE] = { POL_CODEX, GW_GET, "/backend-api/wham/usage" },
	};

	return gw_route(rows[path].agent, rows[path].method, str_of(rows[path].rest));
}

/* Every way that a key may arrive, and the one address that it may go to. */
static const struct {
	enum path path;
	const char *head;
	const char *url; /* NULL: refused */
	const char *why; /* part of the refusal */
} keys[] = {
	{ MESSAGES, "x-api-key: sk-ant-api03-K\n", "https://a/v1/messages?beta=true",
		NULL },
	{ MESSAGES, "Authorization: Bearer sk-ant-oat01-K\n",
		"https://a/v1/messages?beta=true", NULL },
	{ MESSAGES, "Authorization: Bearer company-token\n",
		"https://a/v1/messages?beta=true", NULL },
	{ MESSAGES, "Authorization: Bearer K\nX-Api-Key: sk-ant-api03-K\n",
		"https://a/v1/messages?beta=true", NULL },
	{ MESSAGES, "", "https://a/v1/messages?beta=true", NULL },
	{ MESSAGES, JWT ACCOUNT, NULL, "a ChatGPT account" },
	{ MESSAGES, "Authorization: Bearer sk-proj-K\n", NULL, "a key of OpenAI's" },
	{ MESSAGES, "x-api-key: sk-svcacct-K\n", NULL, "a key of OpenAI's" },
	{ MESSAGES, "x-api-key: K\nX-API-Key: L\n", NULL, "more than one x-api-key" },
	{ RESPONSES, "Authorization: Bearer sk-proj-K\n", "https://o/v1/responses",
		NULL },
	{ RESPONSES, "", "https://o/v1/responses", NULL },
	{ RESPONSES, JWT, "https://o/v1/responses", NULL },
	{ RESPONSES, JWT ACCOUNT, "https://c/b/codex/responses", NULL },
	{ RESPONSES, "authorization:bearer   sk-proj-K\n" ACCOUNT, NULL,
		"an API key, which may not go to ChatGPT" },
	{ RESPONSES, "authorization: Bearer\tsk-proj-K\n" ACCOUNT, NULL,
		"an API key, which may not go to ChatGPT" },
	{ RESPONSES, "authorization: Bearer x,sk-ant-K\n", NULL, "a key of Anthropic's" },
	{ RESPONSES, "authorization: Bearer desk-ant-K\n", "https://o/v1/responses",
		NULL },
	{ RESPONSES, "Authorization: Bearer sk-ant-api03-K\n", NULL,
		"a key of Anthropic's" },
	{ RESPONSES, "Authorization: Bearer sk-ant-oat01-K\n" ACCOUNT, NULL,
		"a key of Anthropic's" },
	{ RESPONSES, "x-api-key: K\n", NULL, "an x-api-key header" },
	{ RESPONSES, "x-api-key: K\n" JWT ACCOUNT, NULL, "an x-api-key header" },
	{ RESPONSES, JWT "Authorization: Bearer sk-proj-K\n" ACCOUNT, NULL,
		"more than one authorization" },
	{ RESPONSES, JWT ACCOUNT ACCOUNT, NULL, "more than one chatgpt-account-id" },
	{ BELOW_ACCOUNT, JWT ACCOUNT, "https://c/b/codex/models", NULL },
	{ BELOW_ACCOUNT, "Authorization: Bearer sk-proj-K\n", NULL, "an API key" },
	{ USAGE, JWT ACCOUNT, "https://c/b/wham/usage", NULL },
	{ USAGE, JWT, "https://c/b/wham/usage", NULL },
	{ USAGE, "Authorization: sk-proj-K\n", NULL, "an API key" },
	{ USAGE, "x-api-key: K\n", NULL, "an x-api-key header" },
};

static void
a_key_goes_to_its_own_provider_only(void)
{
	struct err none = ERR_INIT;
	struct policy *p = pol_parse(
		STR("[proxy]\nanthropic_upstream = \"https://a\"\n"
		    "openai_upstream = \"https://o/v1\"\nchatgpt_upstream = \"https://c/b\"\n"),
		"p", &none);

	for (size_t i = 0; i < LEN(keys); i++) {
		CLEANUP(buf_fini) struct buf url = BUF_INIT(POL_URL_MAX);
		const struct gw_route r = route_of(keys[i].path);
		struct err e = ERR_INIT;
		enum pol_provider to;
		const int got = gw_login_of(&r, str_of(keys[i].head), &to, &e);

		ok_int(got, keys[i].url != NULL ? 0 : -1, keys[i].head);
		if (keys[i].url == NULL) {
			ok(strstr(e.text, keys[i].why) != NULL, e.text);
			ok(strstr(e.text, "sk-") == NULL, "no key in the refusal");
			continue;
		}
		gw_login_url(pol_upstream(p, to), to, &r, &url);
		ok_str(buf_text(&url), keys[i].url, keys[i].head);
	}
	pol_free(p);
}

int
main(void)
{
	a_key_goes_to_its_own_provider_only();
	return test_done();
}
