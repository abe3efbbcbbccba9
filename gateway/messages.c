#include "gateway/messages.h"

#include "gateway/edit.h"
#include "gateway/repeat.h"
#include "gateway/usage.h"

/* A request on its way through. Views point into the body. */
struct req {
	const struct gw_judge *j;
	struct edits ed;
	struct gw_ids gone; /* calls that were taken out of the transcript */
	bool tools_emptied;
	const char *cut[3]; /* starts of the body's members that go as a whole */
	size_t ncut;
};

struct tool {
	struct gw_name type, name, server;
	struct gw_case c;
};

/* "web_search_20250305" without its date. */
static struct str
undated(struct str type)
{
	enum { DATE = 9 };

	if (type.n <= DATE || type.p[type.n - DATE] != '_')
		return type;
	for (size_t i = type.n - DATE + 1; i < type.n; i++) {
		if (type.p[i] < '0' || type.p[i] > '9')
			return type;
	}
	return (struct str){ type.p, type.n - DATE };
}

/* A tool of the provider must be allowed by its name and by what its type says it is. */
static void
decide_typed(const struct gw_judge *j, struct tool *t)
{
	t->c.use = gw_use(j, STR(""), undated(gw_str(&t->type)));
	gw_case_decide(j, &t->c, POL_OFFER);
	if (t->name.n == 0 || gw_case_is_off(&t->c))
		return;
	t->c.use.tool = gw_str(&t->name);
	gw_case_decide(j, &t->c, POL_OFFER);
}

/* One definition, as it stands in tools[] or behind tool_addition. */
static int
read_tool(const struct gw_judge *j, struct js v, struct tool *t, struct err *e)
{
	enum { TYPE, NAME, SERVER, N };
	struct js_field f[N] = {
		[TYPE] = JS_FIELD("type"),
		[NAME] = JS_FIELD("name"),
		[SERVER] = JS_FIELD("mcp_server_name"),
	};

	t->c = gw_case_of("definition");
	t->type.n = t->name.n = t->server.n = 0;
	if (js_fields(v, f, N, e) < 0 || gw_name_read(f[TYPE].m.val, &t->type, e) < 0 ||
		gw_name_read(f[NAME].m.val, &t->name, e) < 0 ||
		gw_name_read(f[SERVER].m.val, &t->server, e) < 0)
		return err_wrap(e, "a tool definition");
	if (str_is(gw_str(&t->type), "mcp_toolset") && t->server.n > 0) {
		t->c.remote = true;
		t->c.use = gw_use(j, gw_str(&t->server), STR(""));
		gw_case_decide(j, &t->c, POL_OFFER);
		return 0;
	}
	if (t->type.n > 0 && !str_is(gw_str(&t->type), "custom")) {
		decide_typed(j, t);
		return 0;
	}
	if (t->name.n == 0)
		return err_set(e, ERR_DATA, "a tool definition without a name");
	t->c.use = pol_use_of_joined(j->rules->policy, j->rules->agent, gw_str(&t->name));
	gw_case_decide(j, &t->c, POL_OFFER);
	if (msg_is_harmless(gw_str(&t->name)))
		msg_allow_harmless(&t->c);
	return 0;
}

static enum pol_react
on_definition(const struct req *r)
{
	return pol_on_definition(r->j->rules->policy);
}

static int
filter_tools(struct req *r, struct js tools, struct err *e)
{
	struct js_iter it;
	struct js_item m;
	struct tool t;
	size_t n = 0;
	bool kept = false;
	bool any_cut = false;

	if (tools.type == JS_NONE || tools.type == JS_NULL)
		return 0;
	if (tools.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "tools is not an array");
	js_open(&it, tools);
	while (js_next(&it, &m)) {
		int act;

		if (++n > GW_TOOLS_MAX)
			return err_set(e, ERR_DATA, "more than %d tool definitions",
				(int)GW_TOOLS_MAX);
		if (read_tool(r->j, m.val, &t, e) < 0)
			return -1;
		act = gw_judge_part(r->j, &t.c, on_definition(r), "stripped", e);
		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(&r->ed, &m, kept);
		any_cut = any_cut || act > 0;
		kept = kept || act == 0;
	}
	r->tools_emptied = any_cut && !kept;
	return 0;
}

static void
cut_member(struct req *r, const struct js_item *m)
{
	r->cut[r->ncut++] = m->start;
}

static int
filter_servers(struct req *r, const struct js_item *servers, struct err *e)
{
	const size_t mark = r->ed.n;
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	if (servers->val.type == JS_NONE || servers->val.type == JS_NULL)
		return 0;
	if (servers->val.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "mcp_servers is not an array");
	js_open(&it, servers->val);
	while (js_next(&it, &m)) {
		struct js_field f[] = { JS_FIELD("name") };
		struct gw_name name;
		struct gw_case c = gw_case_of("definition");
		int act;

		if (js_fields(m.val, f, LEN(f), e) < 0 ||
			gw_name_read(f[0].m.val, &name, e) < 0)
			return err_wrap(e, "mcp_servers");
		if (name.n == 0)
			return err_set(
				e, ERR_DATA, "an entry of mcp_servers without a name");
		c.remote = true;
		c.use = gw_use(r->j, gw_str(&name), STR(""));
		gw_case_decide(r->j, &c, POL_OFFER);
		act = gw_judge_part(r->j, &c, on_definition(r), "stripped", e);
		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(&r->ed, &m, kept);
		kept = kept || act == 0;
	}
	if (!kept && r->ed.n > mark) {
		edits_back_to(&r->ed, mark);
		cut_member(r, servers);
	}
	return 0;
}

/* Where the provider runs code for the model. */
static int
filter_container(struct req *r, const struct js_item *container, struct err *e)
{
	struct gw_case c = gw_case_of("definition");
	int act;

	if (container->val.type == JS_NONE || container->val.type == JS_NULL)
		return 0;
	c.use = gw_use(r->j, STR(""), STR("container"));
	gw_case_decide(r->j, &c, POL_OFFER);
	act = gw_judge_part(r->j, &c, on_definition(r), "stripped", e);
	if (act > 0)
		cut_member(r, container);
	return act < 0 ? -1 : 0;
}

/* A choice makes sense only while the tool, and any tool, is there. */
static int
filter_choice(struct req *r, const struct js_item *choice, struct err *e)
{
	struct js_field f[] = { JS_FIELD("type"), JS_FIELD("name") };
	struct gw_name name;
	struct gw_case c = gw_case_of("choice");
	int act = 0;

	if (choice->val.type == JS_NONE || choice->val.type == JS_NULL)
		return 0;
	if (js_fields(choice->val, f, LEN(f), e) < 0 ||
		gw_name_read(f[1].m.val, &name, e) < 0)
		return err_wrap(e, "tool_choice");
	if (name.n > 0 && !msg_is_harmless(gw_str(&name))) {
		c.use = pol_use_of_joined(
			r->j->rules->policy, r->j->rules->agent, gw_str(&name));
		gw_case_decide(r->j, &c, POL_OFFER);
		act = gw_judge_part(r->j, &c, on_definition(r), "stripped", e);
	}
	if (act > 0 || (act == 0 && r->tools_emptied))
		cut_member(r, choice);
	return act < 0 ? -1 : 0;
}

static void
replace_by_text(struct req *r, struct js v, struct str text, struct js cache)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(EDITS_TEXT_MAX);

	msg_put_text(&b, text, cache);
	edits_replace(&r->ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&b));
}

static int
filter_call(struct req *r, struct js v, const struct msg_block *b, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_REFUSAL_MAX);
	struct gw_case c = msg_block_case(r->j, b, b->input);
	int act;

	c.what = "history";
	act = gw_judge_part(r->j, &c, pol_on_history(r->j->rules->policy), "replaced", e);
	if (act <= 0)
		return act;
	gw_put_gone(&text, &c);
	replace_by_text(r, v, buf_str(&text), b->cache);
	return gw_ids_add(&r->gone, gw_str(&b->id), e);
}

/*
 * tool_addition and tool_removal; their "tool" is {"type":"tool_reference","name":..} or
 * {"type":"tool_definition","definition":{..}}.
 */
static int
filter_change(struct req *r, struct js v, const struct msg_block *b, struct err *e)
{
	static const char note[] =
		"[pando-ai] A change of a tool stood here; the policy does not allow the tool.";
	struct js_field f[] = { JS_FIELD("definition"), JS_FIELD("type"),
		JS_FIELD("name") };
	struct gw_name kind;
	struct tool t;
	int act;

	if (js_fields(b->tool, f, LEN(f), e) < 0 ||
		gw_name_read(f[1].m.val, &kind, e) < 0)
		return err_wrap(e, "a tool change");
	if (f[0].m.val.type != JS_NONE) {
		if (read_tool(r->j, f[0].m.val, &t, e) < 0)
			return err_wrap(e, "a tool change");
	} else if (str_is(gw_str(&kind), "tool_reference")) {
		if (gw_name_read(f[2].m.val, &t.name, e) < 0)
			return err_wrap(e, "a tool change");
		t.c = gw_case_of("definition");
		t.c.use = pol_use_of_joined(
			r->j->rules->policy, r->j->rules->agent, gw_str(&t.name));
		gw_case_decide(r->j, &t.c, POL_OFFER);
		if (msg_is_harmless(gw_str(&t.name)))
			msg_allow_harmless(&t.c);
	} else {
		return gw_judge_unknown(r->j, gw_str(&b->type), e);
	}
	act = gw_judge_part(r->j, &t.c, on_definition(r), "stripped", e);
	if (act > 0)
		replace_by_text(r, v, STR(note), b->cache);
	return act < 0 ? -1 : 0;
}

/*
 * The result of a call that is gone. The API wants the results that stay first in their
 * message, so the note goes to the end of the content: moved collects it.
 */
static void
filter_result(struct req *r, const struct js_item *m, const struct msg_block *b,
	bool kept, struct buf *moved)
{
	const struct str note = STR(
		"[pando-ai] The result of a call that the policy does not allow stood here.");

	if (!str_is(gw_str(&b->type), "tool_result")) {
		replace_by_text(r, m->val, note, b->cache);
		return;
	}
	edits_cut_item(&r->ed, m, kept);
	if (moved->n > 0)
		buf_putc(moved, ',');
	msg_put_text(moved, note, b->cache);
}

/* One block; *gone says that it is no longer at its place. */
static int
filter_block(struct req *r, const struct js_item *m, bool kept, struct buf *moved,
	bool *gone, struct err *e)
{
	struct msg_block b;

	*gone = false;
	if (msg_block_read(m->val, &b, e) < 0)
		return -1;
	gw_repeat_block(gw_meter_repeat(r->j->rules->meter), m->val, &b);
	switch (b.kind) {
	case MSG_PLAIN:
		return 0;
	case MSG_CALL:
		return filter_call(r, m->val, &b, e);
	case MSG_RESULT:
		if (!gw_ids_have(&r->gone, gw_str(&b.id)))
			return 0;
		*gone = str_is(gw_str(&b.type), "tool_result");
		filter_result(r, m, &b, kept, moved);
		return 0;
	case MSG_CHANGE:
		return filter_change(r, m->val, &b, e);
	case MSG_UNKNOWN:
	case MSG_KINDS:
		break;
	}
	return gw_judge_unknown(r->j, gw_str(&b.type), e);
}

static int
filter_content(struct req *r, struct js content, struct err *e)
{
	CLEANUP(buf_fini) struct buf moved = BUF_INIT(EDITS_TEXT_MAX);
	CLEANUP(buf_fini) struct buf tail = BUF_INIT(EDITS_TEXT_MAX);
	const char *const end = content.raw.p + content.raw.n - 1;
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	js_open(&it, content);
	while (js_next(&it, &m)) {
		bool gone;

		if (filter_block(r, &m, kept, &moved, &gone, e) < 0)
			return -1;
		kept = kept || !gone;
	}
	if (moved.n == 0)
		return 0;
	if (kept)
		buf_putc(&tail, ',');
	buf_put_str(&tail, buf_str(&moved));
	edits_replace(&r->ed, end, end, buf_str(&tail));
	if (tail.over)
		r->ed.over = true;
	return 0;
}

static int
filter_messages(struct req *r, struct js messages, struct err *e)
{
	enum { CONTENT, TOOLS, CHANGES, N };
	struct js_iter it;
	struct js_item m;

	if (messages.type != JS_ARRAY)
		return messages.type == JS_NONE
			       ? 0
			       : err_set(e, ERR_DATA, "messages is not an array");
	js_open(&it, messages);
	while (js_next(&it, &m)) {
		struct js_field f[N] = {
			[CONTENT] = JS_FIELD("content"),
			[TOOLS] = JS_FIELD("tools"),
			[CHANGES] = JS_FIELD("tool_changes"),
		};

		if (js_fields(m.val, f, N, e) < 0)
			return err_wrap(e, "a message");
		gw_repeat_message(gw_meter_repeat(r->j->rules->meter), m.val);
		if ((f[TOOLS].m.val.type != JS_NONE ||
			    f[CHANGES].m.val.type != JS_NONE) &&
			gw_judge_unknown(r->j, STR("a message that holds tools"), e) < 0)
			return -1;
		if (f[CONTENT].m.val.type == JS_ARRAY &&
			filter_content(r, f[CONTENT].m.val, e) < 0)
			return -1;
		if (f[CONTENT].m.val.type == JS_OBJECT)
			return err_set(e, ERR_DATA, "a message's content is an object");
	}
	return 0;
}

/* The members of the body that go as a whole. */
static void
cut_members(struct req *r, struct js root)
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
			gone = gone || r->cut[i] == m.start;
		if (gone)
			edits_cut_item(&r->ed, &m, kept);
		kept = kept || !gone;
	}
}

static int
filter_body(struct req *r, struct js root, struct err *e)
{
	enum { TOOLS, CHOICE, SERVERS, CONTAINER, MESSAGES, MODEL, N };
	struct js_field f[N] = {
		[TOOLS] = JS_FIELD("tools"),
		[CHOICE] = JS_FIELD("tool_choice"),
		[SERVERS] = JS_FIELD("mcp_servers"),
		[CONTAINER] = JS_FIELD("container"),
		[MESSAGES] = JS_FIELD("messages"),
		[MODEL] = JS_FIELD("model"),
	};

	if (js_fields(root, f, N, e) < 0 || filter_tools(r, f[TOOLS].m.val, e) < 0 ||
		filter_choice(r, &f[CHOICE].m, e) < 0 ||
		filter_servers(r, &f[SERVERS].m, e) < 0 ||
		filter_container(r, &f[CONTAINER].m, e) < 0 ||
		filter_messages(r, f[MESSAGES].m.val, e) < 0)
		return -1;
	gw_meter_asked(r->j->rules->meter, f[MODEL].m.val);
	cut_members(r, root);
	return 0;
}

static void
req_fini(struct req *r)
{
	edits_fini(&r->ed);
	gw_ids_fini(&r->gone);
}

int
msg_request(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(req_fini) struct req r = { .j = j };
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&r.ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 || filter_body(&r, root, e) < 0)
		return -1;
	return edits_apply(&r.ed, out, e);
}
