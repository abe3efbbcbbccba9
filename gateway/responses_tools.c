#include "gateway/responses.h"

enum { NAMESPACES_MAX = 8 }; /* one inside another */

struct tool {
	struct gw_name type, name, server, space, connector;
	struct js tools, allowed, approval;
	struct gw_case c;
};

/* The namespaces around a tool, the inner one first. */
struct around {
	struct str name;
	const struct around *up;
	size_t depth;
};

static int
read_tool(struct js v, struct tool *t, struct err *e)
{
	enum { TYPE, NAME, LABEL, SPACE, CONNECTOR, TOOLS, ALLOWED, APPROVAL, N };
	struct js_field f[N] = {
		[TYPE] = JS_FIELD("type"),
		[NAME] = JS_FIELD("name"),
		[LABEL] = JS_FIELD("server_label"),
		[SPACE] = JS_FIELD("namespace"),
		[CONNECTOR] = JS_FIELD("connector_id"),
		[TOOLS] = JS_FIELD("tools"),
		[ALLOWED] = JS_FIELD("allowed_tools"),
		[APPROVAL] = JS_FIELD("require_approval"),
	};

	t->c = gw_case_of("definition");
	t->tools = t->allowed = t->approval = (struct js){ .type = JS_NONE };
	t->type.n = t->name.n = t->server.n = t->space.n = t->connector.n = 0;
	if (js_fields(v, f, N, e) < 0 || gw_name_read(f[TYPE].m.val, &t->type, e) < 0 ||
		gw_name_read(f[NAME].m.val, &t->name, e) < 0 ||
		gw_name_read(f[LABEL].m.val, &t->server, e) < 0 ||
		gw_name_read(f[SPACE].m.val, &t->space, e) < 0 ||
		gw_name_read(f[CONNECTOR].m.val, &t->connector, e) < 0)
		return err_wrap(e, "a tool definition");
	t->tools = f[TOOLS].m.val;
	t->allowed = f[ALLOWED].m.val;
	t->approval = f[APPROVAL].m.val;
	return 0;
}

/* --- one tool --------------------------------------------------------------------------- */

/* A tool that is its type must be allowed by it, and by its name if it has one. */
static void
decide_typed(const struct gw_judge *j, struct tool *t)
{
	t->c.use = gw_use(j, STR(""), gw_str(&t->type));
	gw_case_decide(j, &t->c, POL_OFFER);
	if (t->name.n == 0 || gw_case_is_off(&t->c))
		return;
	t->c.use.tool = gw_str(&t->name);
	gw_case_decide(j, &t->c, POL_OFFER);
}

/* A tool must be allowed in each namespace around it: readers may differ in which one counts. */
static void
decide_named(const struct gw_judge *j, struct tool *t, const struct around *in)
{
	const struct around *at = in;
	struct str space;

	do {
		space = at == NULL ? STR("") : at->name;
		t->c.use = pol_use_of_pair(j->rules->agent, space, gw_str(&t->name));
		gw_case_decide(j, &t->c, POL_OFFER);
		if (res_is_code_mode(gw_str(&t->type), space, gw_str(&t->name)))
			res_deny_code_mode(&t->c);
		at = at == NULL ? NULL : at->up;
	} while (at != NULL && !gw_case_is_off(&t->c));
}

/* t->name of the server, and of the connector behind it: both names must be allowed. */
static void
decide_of_server(const struct gw_judge *j, struct tool *t, enum pol_asking asking)
{
	t->c.use = gw_use(j, gw_str(&t->server), gw_str(&t->name));
	gw_case_decide(j, &t->c, asking);
	if (t->connector.n == 0 || gw_case_is_off(&t->c))
		return;
	t->c.use.server = gw_str(&t->connector);
	gw_case_decide(j, &t->c, asking);
}

/* allowed_tools: a list of names, or {"tool_names":[..],"read_only":..}. JS_NONE: any tool. */
static int
names_of(const struct tool *t, struct js *names, struct err *e)
{
	struct js_field f[] = { JS_FIELD("tool_names") };

	*names = t->allowed;
	if (t->allowed.type != JS_OBJECT)
		return 0;
	if (js_fields(t->allowed, f, LEN(f), e) < 0)
		return err_wrap(e, "allowed_tools");
	*names = f[0].m.val;
	return 0;
}

/*
 * A server at the provider. Where each of its calls comes here to be approved (the API's
 * default), it is decided then. Else the provider runs them before anybody could decide: then
 * what it may run has to be named, and to be allowed whatever the arguments are.
 */
static int
decide_remote(const struct gw_judge *j, struct tool *t, struct err *e)
{
	const bool asks = t->approval.type == JS_NONE || t->approval.type == JS_NULL ||
			  str_is(t->approval.raw, "\"always\"");
	struct js_iter it;
	struct js_item m;
	struct js names;

	if (t->server.n == 0)
		return err_set(e, ERR_DATA, "an mcp tool without a server_label");
	if (names_of(t, &names, e) < 0)
		return -1;
	t->c.remote = true;
	js_open(&it, names);
	if (it.next == NULL || t->name.n > 0) /* a choice may name the tool */
		decide_of_server(j, t, POL_OFFER);
	if (names.type != JS_ARRAY && !asks && !gw_case_is_off(&t->c))
		gw_case_deny(&t->c, "gateway.strict",
			"the provider would run its tools before pando-ai could decide: name "
			"them in allowed_tools, or set require_approval to always");
	while (js_next(&it, &m) && !gw_case_is_off(&t->c)) {
		if (gw_name_read(m.val, &t->name, e) < 0)
			return err_wrap(e, "allowed_tools");
		decide_of_server(j, t, asks ? POL_OFFER : POL_CALL);
	}
	return 0;
}

/* One definition. Not for a namespace. */
static int
decide_tool(
	const struct gw_judge *j, struct tool *t, const struct around *in, struct err *e)
{
	const struct str type = gw_str(&t->type);

	if (str_is(type, "mcp"))
		return decide_remote(j, t, e);
	if (type.n > 0 && !str_is(type, "function") && !str_is(type, "custom")) {
		decide_typed(j, t);
		return 0;
	}
	if (t->name.n == 0)
		return err_set(e, ERR_DATA, "a tool definition without a name");
	decide_named(j, t, in);
	return 0;
}

static int
judge_tool(const struct gw_judge *j, struct tool *t, const struct around *in,
	const char *what, struct err *e)
{
	if (t->tools.type != JS_NONE)
		return gw_judge_unknown(j, gw_str(&t->type), e);
	if (decide_tool(j, t, in, e) < 0)
		return -1;
	t->c.what = what;
	return gw_judge_part(
		j, &t->c, pol_on_definition(j->rules->policy), "stripped", e);
}

/* --- lists ------------------------------------------------------------------------------- */

/* What became of a list: what stays in it, what of that is or has a tool, what is gone. */
struct tally {
	size_t kept, tools, cut;
};

enum { STAYS, GOES, STAYS_EMPTY };

static int filter_list(struct res_tools *r, struct js list, const struct around *in,
	struct tally *t, struct err *e);

/* A namespace goes with the last tool in it; one that had none stays. */
static int
filter_namespace(struct res_tools *r, const struct tool *space, const struct around *up,
	struct err *e)
{
	const struct around in = {
		.name = gw_str(&space->name),
		.up = up,
		.depth = up == NULL ? 1 : up->depth + 1,
	};
	const size_t mark = r->ed->n;
	struct tally t = { 0 };

	if (in.depth > NAMESPACES_MAX)
		return err_set(e, ERR_DATA,
			"more than %d namespaces of tools, one inside another",
			(int)NAMESPACES_MAX);
	if (filter_list(r, space->tools, &in, &t, e) < 0)
		return -1;
	if (t.tools > 0)
		return STAYS;
	if (t.cut == 0)
		return STAYS_EMPTY;
	edits_back_to(r->ed, mark);
	return GOES;
}

/* One element; -1: refused. */
static int
filter_tool(struct res_tools *r, struct js v, const struct around *in, struct err *e)
{
	struct tool t;
	int act;

	if (++r->read > GW_TOOLS_MAX)
		return err_set(
			e, ERR_DATA, "more than %d tool definitions", (int)GW_TOOLS_MAX);
	if (read_tool(v, &t, e) < 0)
		return -1;
	if (str_is(gw_str(&t.type), "namespace"))
		return filter_namespace(r, &t, in, e);
	act = judge_tool(r->j, &t, in, "definition", e);
	r->code_mode = r->code_mode ||
		       (act > 0 && str_is(str_of(t.c.decision.rule), CODE_MODE));
	return act;
}

/* in: NULL outside of a namespace. */
static int
filter_list(struct res_tools *r, struct js list, const struct around *in, struct tally *t,
	struct err *e)
{
	struct js_iter it;
	struct js_item m;

	if (list.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "a list of tools is not an array");
	js_open(&it, list);
	while (js_next(&it, &m)) {
		const int act = filter_tool(r, m.val, in, e);

		if (act < 0)
			return -1;
		if (act == GOES)
			edits_cut_item(r->ed, &m, t->kept > 0);
		t->cut += act == GOES;
		t->kept += act != GOES;
		t->tools += act == STAYS;
	}
	return 0;
}

int
res_tools_filter(struct res_tools *r, struct js list, struct err *e)
{
	struct tally t = { 0 };

	r->list_kept = r->list_cut = 0;
	if (list.type == JS_NONE || list.type == JS_NULL)
		return 0;
	if (filter_list(r, list, NULL, &t, e) < 0)
		return -1;
	r->list_kept = t.tools;
	r->list_cut = t.cut;
	r->kept += t.tools;
	r->cut += t.cut;
	return 0;
}

int
res_tools_check(const struct res_tools *r, struct err *e)
{
	struct gw_case c = { .what = "definition" };

	if (!r->code_mode || r->kept > 0)
		return 0;
	c.use = pol_use_of_pair(r->j->rules->agent, STR("functions"), STR("exec"));
	res_deny_code_mode(&c);
	return gw_judge_part(r->j, &c, POL_REFUSE, "refused", e);
}

/* --- choices ----------------------------------------------------------------------------- */

/* One tool that a choice names: 1 when policy takes it out. */
static int
judge_choice(const struct res_tools *r, struct js v, struct err *e)
{
	struct around in = { .depth = 1 };
	struct tool t;
	int got;

	if (read_tool(v, &t, e) < 0)
		return err_wrap(e, "tool_choice");
	in.name = gw_str(&t.space);
	if (str_is(gw_str(&t.type), "mcp") && t.name.n > 0)
		t.allowed = t.approval = (struct js){ .type = JS_NONE };
	got = judge_tool(r->j, &t, &in, "choice", e);
	return got < 0 && e->code != ERR_REFUSED ? err_wrap(e, "tool_choice") : got;
}

/* {"type":"allowed_tools","mode":..,"tools":[..]}: 1 when none of them stays. */
static int
filter_choices(struct res_tools *r, struct js tools, struct err *e)
{
	const size_t mark = r->ed->n;
	struct tally t = { 0 };
	struct js_iter it;
	struct js_item m;

	if (tools.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "tool_choice: allowed_tools without a list");
	js_open(&it, tools);
	while (js_next(&it, &m)) {
		const int act = judge_choice(r, m.val, e);

		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(r->ed, &m, t.kept > 0);
		t.cut += act > 0;
		t.kept += act == 0;
	}
	if (t.kept > 0 || t.cut == 0)
		return 0;
	edits_back_to(r->ed, mark);
	return 1;
}

int
res_choice_filter(struct res_tools *r, struct js choice, struct err *e)
{
	/* with its last tool goes any demand for one */
	const bool emptied = r->cut > 0 && r->kept == 0;
	const size_t mark = r->ed->n;
	struct gw_name word;
	struct tool t;
	int act;

	if (choice.type == JS_NONE || choice.type == JS_NULL)
		return 0;
	if (choice.type == JS_STRING) {
		if (gw_name_read(choice, &word, e) < 0)
			return err_wrap(e, "tool_choice");
		return emptied && str_is(gw_str(&word), "required");
	}
	if (read_tool(choice, &t, e) < 0)
		return err_wrap(e, "tool_choice");
	if (str_is(gw_str(&t.type), "allowed_tools"))
		act = filter_choices(r, t.tools, e);
	else
		act = judge_choice(r, choice, e);
	if (act == 0 && emptied)
		edits_back_to(r->ed, mark);
	return act < 0 ? -1 : act > 0 || emptied;
}
