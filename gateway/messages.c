#include "gateway/messages.h"

#include "gateway/messages_members.h"
#include "gateway/messages_request.h"
#include "gateway/usage.h"

enum {
	TOOLS,
	CHOICE,
	SERVERS,
	CONTAINER,
	MESSAGES,
	SYSTEM,
	FALLBACKS,
	THINKING,
	CONTEXT,
	OUTPUT,
	MODEL,
	SLOTS
};

static const struct msg_member members[] = {
	MSG_MEMBER("model", MODEL),
	MSG_MEMBER("messages", MESSAGES),
	MSG_MEMBER("system", SYSTEM),
	MSG_MEMBER("tools", TOOLS),
	MSG_MEMBER("tool_choice", CHOICE),
	MSG_MEMBER("mcp_servers", SERVERS),
	MSG_MEMBER("container", CONTAINER),
	MSG_MEMBER("fallbacks", FALLBACKS),
	MSG_MEMBER("max_tokens", MSG_PASS),
	MSG_MEMBER("metadata", MSG_PASS),
	MSG_MEMBER("stream", MSG_PASS),
	MSG_MEMBER("thinking", THINKING),
	MSG_MEMBER("context_management", CONTEXT),
	MSG_MEMBER("output_config", OUTPUT),
	MSG_MEMBER("output_format", MSG_PASS),
	MSG_MEMBER("cache_control", MSG_PASS),
	MSG_MEMBER("diagnostics", MSG_PASS),
	MSG_MEMBER("fallback_credit_token", MSG_PASS),
	MSG_MEMBER("inference_geo", MSG_PASS),
	MSG_MEMBER("service_tier", MSG_PASS),
	MSG_MEMBER("speed", MSG_PASS),
	MSG_MEMBER("stop_sequences", MSG_PASS),
	MSG_MEMBER("temperature", MSG_PASS),
	MSG_MEMBER("top_k", MSG_PASS),
	MSG_MEMBER("top_p", MSG_PASS),
	MSG_MEMBER("betas", MSG_PASS),
	MSG_MEMBER("user_profile_id", MSG_PASS),
};
static const struct msg_shape shape = MSG_SHAPE(members);

/* One object whose documented members say nothing of tools; absent, or no object, it is none. */
static int
check_setting(const struct msg_req *r, struct js v, const struct msg_shape *known,
	const char *what, struct err *e)
{
	struct str odd;

	if (v.type != JS_OBJECT)
		return 0;
	if (msg_members(v, known, NULL, 0, &odd, e) < 0)
		return err_wrap(e, "%s", what);
	return odd.n > 0 ? msg_judge_odd(r->j, what, odd, e) : 0;
}

static int
check_settings(const struct msg_req *r, struct js list, const struct msg_shape *known,
	const char *what, struct err *e)
{
	struct js_iter it;
	struct js_item m;

	js_open(&it, list);
	while (js_next(&it, &m))
		if (check_setting(r, m.val, known, what, e) < 0)
			return -1;
	return 0;
}

/* What another model is asked with instead; the API takes these members and no other. */
static int
check_fallbacks(const struct msg_req *r, struct js fallbacks, struct err *e)
{
	static const struct msg_member fallback[] = {
		MSG_MEMBER("model", MSG_PASS),
		MSG_MEMBER("max_tokens", MSG_PASS),
		MSG_MEMBER("thinking", MSG_PASS),
		MSG_MEMBER("output_config", MSG_PASS),
		MSG_MEMBER("speed", MSG_PASS),
	};
	static const struct msg_shape known = MSG_SHAPE(fallback);

	return check_settings(r, fallbacks, &known, "a fallback", e);
}

/* What the provider leaves out of a long transcript. */
static int
check_context(const struct msg_req *r, struct js context, struct err *e)
{
	enum { EDITS, N };
	static const struct msg_member management[] = { MSG_MEMBER("edits", EDITS) };
	static const struct msg_shape known = MSG_SHAPE(management);
	static const struct msg_member edit[] = {
		MSG_MEMBER("type", MSG_PASS),
		MSG_MEMBER("trigger", MSG_PASS),
		MSG_MEMBER("keep", MSG_PASS),
		MSG_MEMBER("clear_at_least", MSG_PASS),
		MSG_MEMBER("clear_tool_inputs", MSG_PASS),
		MSG_MEMBER("exclude_tools", MSG_PASS),
		MSG_MEMBER("instructions", MSG_PASS),
		MSG_MEMBER("pause_after_compaction", MSG_PASS),
	};
	static const struct msg_shape known_edit = MSG_SHAPE(edit);
	struct js m[N];
	struct str odd;

	if (context.type != JS_OBJECT)
		return 0;
	if (msg_members(context, &known, m, N, &odd, e) < 0)
		return err_wrap(e, "context_management");
	if (odd.n > 0 && msg_judge_odd(r->j, "context_management", odd, e) < 0)
		return -1;
	return check_settings(r, m[EDITS], &known_edit, "an edit of the context", e);
}

/* The schema of an answer may have members of any name. */
static int
check_output(const struct msg_req *r, struct js output, struct err *e)
{
	static const struct msg_member config[] = {
		MSG_MEMBER("effort", MSG_PASS),
		MSG_MEMBER("format", MSG_PASS),
		MSG_MEMBER("task_budget", MSG_PASS),
	};
	static const struct msg_shape known = MSG_SHAPE(config);

	return check_setting(r, output, &known, "output_config", e);
}

static int
check_thinking(const struct msg_req *r, struct js thinking, struct err *e)
{
	static const struct msg_member config[] = {
		MSG_MEMBER("type", MSG_PASS),
		MSG_MEMBER("budget_tokens", MSG_PASS),
		MSG_MEMBER("display", MSG_PASS),
	};
	static const struct msg_shape known = MSG_SHAPE(config);

	return check_setting(r, thinking, &known, "thinking", e);
}

/* The members of the body that go as a whole. */
static void
cut_members(struct msg_req *r, struct js root)
{
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	if (r->ncut == 0)
		return;
	js_open(&it, root);
	while (js_next(&it, &m)) {
		bool gone = false;

		for (size_t i = 0; i < r->ncut; i++)
			gone = gone || r->cut[i] == m.val.raw.p;
		if (gone)
			edits_cut_item(&r->ed, &m, kept);
		kept = kept || !gone;
	}
}

static int
filter_body(struct msg_req *r, struct js root, struct err *e)
{
	struct js m[SLOTS];
	struct str odd;

	if (msg_members(root, &shape, m, SLOTS, &odd, e) < 0)
		return -1;
	if (odd.n > 0 && msg_judge_odd(r->j, "a request", odd, e) < 0)
		return -1;
	if (msg_filter_tools(r, m[TOOLS], e) < 0 ||
		msg_filter_choice(r, m[CHOICE], e) < 0 ||
		msg_filter_servers(r, m[SERVERS], e) < 0 ||
		msg_filter_container(r, m[CONTAINER], e) < 0 ||
		check_fallbacks(r, m[FALLBACKS], e) < 0 ||
		check_context(r, m[CONTEXT], e) < 0 ||
		check_output(r, m[OUTPUT], e) < 0 ||
		check_thinking(r, m[THINKING], e) < 0 ||
		msg_filter_system(r, m[SYSTEM], e) < 0 ||
		msg_filter_messages(r, m[MESSAGES], e) < 0)
		return -1;
	gw_meter_asked(r->j->rules->meter, m[MODEL]);
	cut_members(r, root);
	return 0;
}

static void
req_fini(struct msg_req *r)
{
	edits_fini(&r->ed);
	gw_ids_fini(&r->gone);
	gw_ids_fini(&r->undefined);
}

int
msg_request(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(req_fini) struct msg_req r = { .j = j };
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&r.ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 || filter_body(&r, root, e) < 0)
		return -1;
	if (r.ed.n > 0 && (j->rules->body_fixed || j->rules->audit))
		return err_set(e, ERR_DATA, "an edit of a body that must stay as it is");
	return edits_apply(&r.ed, out, e);
}
