#include "gateway/login.h"

#include "gateway/head.h"

#define ACCOUNT "chatgpt-account-id"

/* What the keys of each company begin with; a list ends with an empty one. */
static const struct str anthropic_forms[] = { { "sk-ant-", 7 }, { NULL, 0 } };
static const struct str openai_forms[] = { { "sk-proj-", 8 }, { "sk-svcacct-", 11 },
	{ "sk-admin-", 9 }, { NULL, 0 } };
/* A ChatGPT token is a JWT; every key of the API begins like this. */
static const struct str key_forms[] = { { "sk-", 3 }, { NULL, 0 } };

/* Whether any word of the value, such as that behind "Bearer", has one of the forms. */
static bool
has_form(struct str value, const struct str *forms)
{
	for (; value.n > 0; value = str_skip(value, 1)) {
		for (const struct str *f = forms; f->p != NULL; f++)
			if (str_starts(value, *f))
				return true;
		while (value.n > 1 && strchr(" \t,", value.p[0]) == NULL)
			value = str_skip(value, 1);
	}
	return false;
}

static int
check_single(struct str head, struct err *e)
{
	static const char *const names[] = { "authorization", "x-api-key", ACCOUNT };

	for (size_t i = 0; i < LEN(names); i++)
		if (gw_head_count(head, names[i]) > 1)
			return err_set(e, ERR_REFUSED,
				"pando-ai: the request has more than one %s header, so it is "
				"not clear whose login it carries: send one",
				names[i]);
	return 0;
}

static int
refuse(const char *what, const char *where, struct err *e)
{
	return err_set(e, ERR_REFUSED,
		"pando-ai: the request carries %s, which may not go to %s: log the agent in "
		"again, or take that header out of its configuration",
		what, where);
}

static int
login_of_claude(struct str head, struct str token, struct err *e)
{
	if (gw_head_count(head, ACCOUNT) > 0)
		return refuse("a ChatGPT account", "the Messages API", e);
	if (has_form(token, openai_forms) ||
		has_form(gw_head_get(head, "x-api-key"), openai_forms))
		return refuse("a key of OpenAI's", "the Messages API", e);
	return 0;
}

static int
login_of_codex(struct str head, struct str token, bool chatgpt, struct err *e)
{
	const char *where = chatgpt ? "ChatGPT" : "the Responses API";

	if (gw_head_count(head, "x-api-key") > 0)
		return refuse("an x-api-key header", where, e);
	if (has_form(token, anthropic_forms))
		return refuse("a key of Anthropic's", where, e);
	if (chatgpt && has_form(token, key_forms))
		return refuse("an API key", where, e);
	return 0;
}

int
gw_login_of(
	const struct gw_route *r, struct str head, enum pol_provider *to, struct err *e)
{
	const struct str token = gw_head_get(head, "authorization");

	if (check_single(head, e) < 0)
		return -1;
	if (r->api == GW_MESSAGES) {
		*to = POL_ANTHROPIC;
		return login_of_claude(head, token, e);
	}
	*to = r->chatgpt || gw_head_count(head, ACCOUNT) > 0 ? POL_CHATGPT : POL_OPENAI;
	return login_of_codex(head, token, *to == POL_CHATGPT, e);
}

void
gw_login_url(
	const char *base, enum pol_provider to, const struct gw_route *r, struct buf *url)
{
	buf_puts(url, base);
	/* below the account's base, the API has a folder of its own */
	if (to == POL_CHATGPT && r->kind != GW_TO_ACCOUNT)
		buf_puts(url, "/codex");
	buf_put_str(url, r->up);
}
