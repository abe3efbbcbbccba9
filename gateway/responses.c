#include "gateway/responses.h"

#include "gateway/repeat.h"
#include "gateway/usage.h"

enum { NOTE_MAX = 8192 }; /* the message that stands for a call or a result, bytes */

/* A request on its way through. Views point into the body. */
struct req {
	const struct gw_judge *j;
	struct edits ed;
	struct gw_ids gone; /* calls that were taken out of the transcript */
	struct res_tools tools;
};

/* --- input --------------------------------------------------------------------------- */

static void
replace_by_message(
	struct req *r, struct js v, const char *role, const char *part, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(NOTE_MAX);

	buf_printf(&b,
		"{\"type\":\"message\",\"role\":\"%s\",\"content\":[{\"type\":\"%s\",\"text\":",
		role, part);
	buf_put_json(&b, text);
	buf_puts(&b, "}]}");
	edits_replace(&r->ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&b));
}

/* Also for what a server at the provider has to offer: its list of tools is no call. */
static int
filter_call(struct req *r, struct js v, const struct res_item *i, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_REFUSAL_MAX);
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_BODY_MAX);
	struct gw_case c;
	int act;

	if (res_item_case(r->j, i, &room, &c, e) < 0)
		return -1;
	c.what = "history";
	act = gw_judge_part(r->j, &c, pol_on_history(r->j->rules->policy), "replaced", e);
	if (act <= 0)
		return act;
	gw_put_gone(&text, &c);
	replace_by_message(r, v, "assistant", "output_text", buf_str(&text));
	return gw_ids_add(&r->gone, gw_str(&i->pair), e);
}

static int
filter_output(struct req *r, struct js v, const struct res_item *i, struct err *e)
{
	if (!gw_ids_have(&r->gone, gw_str(&i->pair)))
		return res_tools_filter(&r->tools, i->tools, e);
	replace_by_message(r, v, "user", "input_text", str_of(res_result_gone));
	return 0;
}

/* 1: nothing of the item stays, the caller takes it out. */
static int
filter_more_tools(struct req *r, const struct res_item *i, struct err *e)
{
	const size_t mark = r->ed.n;

	if (res_tools_filter(&r->tools, i->tools, e) < 0)
		return -1;
	if (r->tools.list_kept > 0 || r->tools.list_cut == 0)
		return 0;
	edits_back_to(&r->ed, mark);
	return 1;
}

/* 0: it stays in its place, 1: the caller takes it out, -1: refused. */
static int
filter_item(struct req *r, struct js v, struct err *e)
{
	struct res_item i;

	if (res_item_read(v, &i, e) < 0)
		return -1;
	gw_repeat_item(gw_meter_repeat(r->j->rules->meter), &i);
	switch (i.kind) {
	case RES_PLAIN:
		return 0;
	case RES_CALL:
	case RES_LISTED:
		return filter_call(r, v, &i, e);
	case RES_OUTPUT:
		return filter_output(r, v, &i, e);
	case RES_TOOLS:
		return filter_more_tools(r, &i, e);
	case RES_HIDDEN:
		return gw_judge_unseen(r->j, gw_str(&i.type),
			"it stands for an item that is kept at the provider and cannot be "
			"seen here: send the item itself",
			e);
	case RES_UNKNOWN:
	case RES_KINDS:
		break;
	}
	return gw_judge_unknown(r->j, gw_str(&i.type), e);
}

static int
filter_items(struct req *r, struct js list, struct err *e)
{
	size_t kept = 0;
	size_t cut = 0;
	struct js_iter it;
	struct js_item m;

	js_open(&it, list);
	while (js_next(&it, &m)) {
		const int act = filter_item(r, m.val, e);

		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(&r->ed, &m, kept > 0);
		cut += act > 0;
		kept += act == 0;
	}
	if (kept == 0 && cut > 0)
		return err_set(e, ERR_DATA,
			"nothing of the input would be left: all of it offers tools that the "
			"policy does not allow");
	return 0;
}

/* input and instructions: a text, or a list of items. */
static int
filter_input(struct req *r, const char *name, struct js v, struct err *e)
{
	switch (v.type) {
	case JS_NONE:
	case JS_NULL:
	case JS_STRING:
		return 0;
	case JS_ARRAY:
		return filter_items(r, v, e);
	case JS_OBJECT:
	case JS_NUMBER:
	case JS_BOOL:
	case JS_TYPES:
		break;
	}
	return err_set(e, ERR_DATA, "%s is %s", name,
		v.type == JS_OBJECT ? "an object" : "neither a text nor a list");
}

/* --- the members of a request ---------------------------------------------------------- */

enum {
	MODEL,
	TYPE,
	TOOLS,
	CHOICE,
	INPUT,
	INSTRUCTIONS,
	PROMPT,
	CONVERSATION,
	PREVIOUS,
	BACKGROUND,
	FIELDS
};

/* What carries no tool, whatever it holds; the rest is looked at (res_could_enable). */
static bool
is_harmless(struct str key)
{
	static const char *const names[] = { "stream", "store", "include",
		"parallel_tool_calls", "max_tool_calls", "text", "metadata",
		"client_metadata", "prompt_cache_key", "user", "safety_identifier" };

	for (size_t i = 0; i < LEN(names); i++)
		if (str_is(key, names[i]))
			return true;
	return false;
}

static bool
is_field(const struct js_field *f, const char *start)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (f[i].m.start == start)
			return true;
	return false;
}

/* The members that no field has. */
static int
check_others(const struct req *r, struct js root, const struct js_field *f, struct err *e)
{
	struct js_iter it;
	struct js_item m;

	js_open(&it, root);
	while (js_next(&it, &m)) {
		if (is_field(f, m.start) || is_harmless(m.key))
			continue;
		if (res_could_enable(m.key, m.val) &&
			gw_judge_unknown(r->j, m.key, e) < 0)
			return -1;
	}
	return 0;
}

static bool
is_set(struct js v)
{
	return v.type != JS_NONE && v.type != JS_NULL;
}

/* What an earlier answer left at the provider is known only if it came through here as it is. */
static int
check_previous(const struct req *r, struct js v, struct err *e)
{
	struct gw_name id;

	if (!is_set(v))
		return 0;
	if (gw_name_read(v, &id, e) < 0)
		return err_wrap(e, "previous_response_id");
	if (r->j->rules->seen != NULL && gw_seen_has(r->j->rules->seen, gw_str(&id)))
		return 0;
	return gw_judge_unseen(r->j, STR("previous_response_id"),
		"it stands for a conversation at the provider that did not pass here in this "
		"run, or not unchanged: send the whole input instead",
		e);
}

static int
check_hidden(const struct req *r, const struct js_field *f, struct err *e)
{
	if (is_set(f[PROMPT].m.val) &&
		gw_judge_unseen(r->j, STR("a stored prompt"),
			"its tools and messages are kept at the provider and cannot be seen "
			"here: send them in the request",
			e) < 0)
		return -1;
	if (is_set(f[CONVERSATION].m.val) &&
		gw_judge_unseen(r->j, STR("a stored conversation"),
			"it is kept at the provider and cannot be seen here: send the whole "
			"input instead",
			e) < 0)
		return -1;
	if (f[BACKGROUND].m.val.type != JS_NONE &&
		!str_is(f[BACKGROUND].m.val.raw, "false") &&
		is_set(f[BACKGROUND].m.val) &&
		gw_judge_unseen(r->j, STR("a background request"),
			"its answer would be fetched where nobody looks at its calls: send it "
			"without background",
			e) < 0)
		return -1;
	return check_previous(r, f[PREVIOUS].m.val, e);
}

/* A message of a WebSocket says what it is (API guide "WebSocket mode"), a body does not. */
static int
check_type(const struct req *r, struct js v, struct err *e)
{
	struct gw_name type;

	if (gw_name_read(v, &type, e) < 0)
		return -1;
	if (r->j->rules->message ? str_is(gw_str(&type), "response.create") : type.n == 0)
		return 0;
	return gw_judge_unknown(r->j, gw_str(&type), e);
}

static void
cut_member(struct req *r, struct js root, const char *start)
{
	struct js_iter it;
	struct js_item m;

	js_open(&it, root);
	while (js_next(&it, &m)) {
		if (m.start == start)
			edits_cut_item(&r->ed, &m, m.prev_end != NULL);
	}
}

static int
filter_body(struct req *r, struct js root, struct err *e)
{
	struct js_field f[FIELDS] = {
		[MODEL] = JS_FIELD("model"),
		[TYPE] = JS_FIELD("type"),
		[TOOLS] = JS_FIELD("tools"),
		[CHOICE] = JS_FIELD("tool_choice"),
		[INPUT] = JS_FIELD("input"),
		[INSTRUCTIONS] = JS_FIELD("instructions"),
		[PROMPT] = JS_FIELD("prompt"),
		[CONVERSATION] = JS_FIELD("conversation"),
		[PREVIOUS] = JS_FIELD("previous_response_id"),
		[BACKGROUND] = JS_FIELD("background"),
	};
	int act;

	if (js_fields(root, f, FIELDS, e) < 0 || check_type(r, f[TYPE].m.val, e) < 0 ||
		check_hidden(r, f, e) < 0 || check_others(r, root, f, e) < 0 ||
		res_tools_filter(&r->tools, f[TOOLS].m.val, e) < 0 ||
		filter_input(r, "input", f[INPUT].m.val, e) < 0 ||
		filter_input(r, "instructions", f[INSTRUCTIONS].m.val, e) < 0 ||
		res_tools_check(&r->tools, e) < 0)
		return -1;
	gw_meter_asked(r->j->rules->meter, f[MODEL].m.val);
	act = res_choice_filter(&r->tools, f[CHOICE].m.val, e);
	if (act > 0)
		cut_member(r, root, f[CHOICE].m.start);
	return act < 0 ? -1 : 0;
}

static void
req_fini(struct req *r)
{
	edits_fini(&r->ed);
	gw_ids_fini(&r->gone);
}

int
res_request(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(req_fini) struct req r = { .j = j };
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&r.ed, body);
	r.tools = (struct res_tools){ .j = j, .ed = &r.ed };
	if (js_check_index(body, &ix, &root, e) < 0 || filter_body(&r, root, e) < 0)
		return -1;
	return edits_apply(&r.ed, out, e);
}
