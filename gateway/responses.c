#include "gateway/responses.h"

#include "gateway/edit.h"
#include "gateway/repeat.h"
#include "gateway/usage.h"

enum { NOTE_MAX = 8192 }; /* the message that stands for a call or a result, bytes */

/* A request on its way through. Views point into the body. */
struct req {
	const struct gw_judge *j;
	struct edits ed;
	struct gw_ids gone; /* calls that were taken out of the transcript */
	size_t tools_read, tools_kept, tools_cut;
};

struct tool {
	struct gw_name type, name, server;
	struct js tools;
	struct gw_case c;
};

/* What became of a list. */
struct tally {
	size_t kept, cut;
};

static bool
ends_with(struct str s, const char *tail)
{
	const struct str t = str_of(tail);

	return s.n >= t.n && memcmp(s.p + s.n - t.n, t.p, t.n) == 0;
}

static bool
is_one_of(struct str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_is(s, names[i]))
			return true;
	}
	return false;
}

static enum res_kind
kind_of(struct str type, bool could_carry)
{
	static const char *const calls[] = { "function_call", "custom_tool_call",
		"local_shell_call", "shell_call", "apply_patch_call", "web_search_call",
		"file_search_call", "code_interpreter_call", "image_generation_call",
		"computer_call", "tool_search_call", "mcp_call", "mcp_list_tools",
		"mcp_approval_request" };
	static const char *const plain[] = { "message", "reasoning", "compaction",
		"compaction_summary", "compaction_trigger", "context_compaction",
		"configuration_update", "item_reference" };

	if (is_one_of(type, calls, LEN(calls)))
		return RES_CALL;
	if (ends_with(type, "_output") || str_is(type, "mcp_approval_response"))
		return RES_OUTPUT;
	if (str_is(type, "additional_tools"))
		return RES_TOOLS;
	if (is_one_of(type, plain, LEN(plain)))
		return RES_PLAIN;
	if (could_carry || memmem(type.p, type.n, "call", 4) != NULL)
		return RES_UNKNOWN;
	return RES_PLAIN;
}

static bool
has_pair(const struct gw_name *type)
{
	return str_is(gw_str(type), "function_call") ||
	       str_is(gw_str(type), "custom_tool_call");
}

static bool
is_remote(const struct gw_name *type)
{
	return str_starts(gw_str(type), STR("mcp_"));
}

static bool
is_there(struct js v)
{
	return v.type != JS_NONE && v.type != JS_NULL;
}

/* Of two it is not known which one a client takes. */
static int
take_args(struct res_item *i, const struct js_field *args, const struct js_field *input,
	const struct js_field *action, struct err *e)
{
	if (is_there(args->m.val) + is_there(input->m.val) + is_there(action->m.val) > 1)
		return err_set(
			e, ERR_DATA, "an item with two of arguments, input and action");
	i->args = args->m.val;
	if (!is_there(i->args))
		i->args = input->m.val;
	if (!is_there(i->args))
		i->args = action->m.val;
	return 0;
}

int
res_item_read(struct js v, struct res_item *i, struct err *e)
{
	enum {
		TYPE,
		NAME,
		SPACE,
		LABEL,
		ID,
		CALL,
		REQUEST,
		ARGS,
		INPUT,
		ACTION,
		TOOLS,
		N
	};
	struct js_field f[N] = {
		[TYPE] = JS_FIELD("type"),
		[NAME] = JS_FIELD("name"),
		[SPACE] = JS_FIELD("namespace"),
		[LABEL] = JS_FIELD("server_label"),
		[ID] = JS_FIELD("id"),
		[CALL] = JS_FIELD("call_id"),
		[REQUEST] = JS_FIELD("approval_request_id"),
		[ARGS] = JS_FIELD("arguments"),
		[INPUT] = JS_FIELD("input"),
		[ACTION] = JS_FIELD("action"),
		[TOOLS] = JS_FIELD("tools"),
	};
	const struct js *pair = &f[CALL].m.val;

	if (js_fields(v, f, N, e) < 0 || gw_name_read(f[TYPE].m.val, &i->type, e) < 0)
		return err_wrap(e, "an item");
	if (take_args(i, &f[ARGS], &f[INPUT], &f[ACTION], e) < 0)
		return -1;
	i->tools = f[TOOLS].m.val;
	i->kind = kind_of(gw_str(&i->type),
		i->tools.type != JS_NONE ||
			(f[NAME].m.val.type != JS_NONE &&
				(f[ARGS].m.val.type != JS_NONE ||
					f[INPUT].m.val.type != JS_NONE)));
	i->name.n = i->space.n = i->server.n = i->id.n = i->pair.n = 0;
	if (i->kind != RES_CALL && i->kind != RES_OUTPUT)
		return 0;
	if (pair->type == JS_NONE || pair->type == JS_NULL)
		pair = i->kind == RES_CALL ? &f[ID].m.val : &f[REQUEST].m.val;
	if (gw_name_read(*pair, &i->pair, e) < 0)
		return -1;
	if (i->kind == RES_OUTPUT)
		return 0;
	if (gw_name_read(f[NAME].m.val, &i->name, e) < 0 ||
		gw_name_read(f[SPACE].m.val, &i->space, e) < 0 ||
		gw_name_read(f[LABEL].m.val, &i->server, e) < 0 ||
		gw_name_read(f[ID].m.val, &i->id, e) < 0)
		return -1;
	if ((has_pair(&i->type) && i->name.n == 0) ||
		(is_remote(&i->type) && i->server.n == 0))
		return err_set(e, ERR_DATA, "a " STR_FMT " item without a name",
			STR_ARG(gw_str(&i->type)));
	return 0;
}

/* "web_search_call" is a call of the tool that is defined as "web_search". */
static struct str
tool_of(struct str type)
{
	if (ends_with(type, "_call"))
		type.n -= sizeof "_call" - 1;
	return type;
}

static struct gw_case
name_case(const struct gw_judge *j, const struct res_item *i)
{
	struct gw_case c = gw_case_of("call");

	c.call_id = gw_str(&i->pair);
	c.remote = is_remote(&i->type);
	if (c.remote)
		c.use = gw_use(j, gw_str(&i->server), gw_str(&i->name));
	else if (has_pair(&i->type))
		c.use = pol_use_of_pair(
			j->rules->agent, gw_str(&i->space), gw_str(&i->name));
	else
		c.use = gw_use(j, STR(""), tool_of(gw_str(&i->type)));
	return c;
}

static bool
is_blank(struct str s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL && s.p[0] != '\0')
		s = str_skip(s, 1);
	return s.n == 0;
}

/* A client takes no text for no arguments. */
static int
decode_args(struct js written, struct buf *room, struct js *args, struct err *e)
{
	struct err no_json = ERR_INIT; /* policy says what becomes of such a call */

	if (js_decode(js_inside(written), room, e) < 0)
		return err_wrap(e, "a call's arguments");
	if (is_blank(buf_str(room))) {
		buf_reset(room);
		buf_puts(room, "{}");
	}
	if (js_check(buf_str(room), args, &no_json) < 0)
		*args = (struct js){ .raw = buf_str(room) };
	return 0;
}

/* Of other types it is not known which member says what will be done. */
static bool
has_known_args(const struct gw_name *type)
{
	static const char *const types[] = { "function_call", "custom_tool_call",
		"mcp_call", "mcp_approval_request", "local_shell_call",
		"tool_search_call", "web_search_call" };

	return is_one_of(gw_str(type), types, LEN(types));
}

static enum gw_args
args_of(const struct res_item *i)
{
	if (str_is(gw_str(&i->type), "custom_tool_call"))
		return GW_ARGS_TEXT;
	return has_pair(&i->type) || is_remote(&i->type) ? GW_ARGS_OBJECT : GW_ARGS_ANY;
}

int
res_item_case(const struct gw_judge *j, const struct res_item *i, struct buf *room,
	struct gw_case *c, struct err *e)
{
	const enum gw_args want = args_of(i);
	struct js args = i->args;

	*c = name_case(j, i);
	if (args.type == JS_STRING && want != GW_ARGS_TEXT &&
		decode_args(i->args, room, &args, e) < 0)
		return -1;
	gw_case_take_args(c, args, want);
	if (!has_known_args(&i->type))
		c->use.args = (struct str){ NULL, 0 };
	gw_case_decide(j, c, POL_CALL);
	return 0;
}

struct gw_case
res_item_offer(const struct gw_judge *j, const struct res_item *i)
{
	struct gw_case c = name_case(j, i);

	gw_case_decide(j, &c, POL_OFFER);
	return c;
}

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

/* One definition; space is the name of the namespace around it. Not for a namespace. */
static int
decide_tool(const struct gw_judge *j, struct tool *t, struct str space, struct err *e)
{
	const struct str type = gw_str(&t->type);

	if (str_is(type, "mcp")) {
		if (t->server.n == 0)
			return err_set(e, ERR_DATA, "an mcp tool without a server_label");
		t->c.remote = true;
		t->c.use = gw_use(j, gw_str(&t->server), STR(""));
		gw_case_decide(j, &t->c, POL_OFFER);
		return 0;
	}
	if (type.n > 0 && !str_is(type, "function") && !str_is(type, "custom")) {
		decide_typed(j, t);
		return 0;
	}
	if (t->name.n == 0)
		return err_set(e, ERR_DATA, "a tool definition without a name");
	t->c.use = pol_use_of_pair(j->rules->agent, space, gw_str(&t->name));
	gw_case_decide(j, &t->c, POL_OFFER);
	return 0;
}

static int
read_tool(struct js v, struct tool *t, struct err *e)
{
	enum { TYPE, NAME, LABEL, TOOLS, N };
	struct js_field f[N] = {
		[TYPE] = JS_FIELD("type"),
		[NAME] = JS_FIELD("name"),
		[LABEL] = JS_FIELD("server_label"),
		[TOOLS] = JS_FIELD("tools"),
	};

	t->c = gw_case_of("definition");
	t->type.n = t->name.n = t->server.n = 0;
	t->tools = (struct js){ .type = JS_NONE };
	if (js_fields(v, f, N, e) < 0 || gw_name_read(f[TYPE].m.val, &t->type, e) < 0 ||
		gw_name_read(f[NAME].m.val, &t->name, e) < 0 ||
		gw_name_read(f[LABEL].m.val, &t->server, e) < 0)
		return err_wrap(e, "a tool definition");
	t->tools = f[TOOLS].m.val;
	return 0;
}

/* 0: it stays, 1: the caller takes it out, -1: refused. */
static int
filter_tool(struct req *r, struct tool *t, struct str space, struct err *e)
{
	if (t->tools.type != JS_NONE)
		return gw_judge_unknown(r->j, gw_str(&t->type), e);
	if (decide_tool(r->j, t, space, e) < 0)
		return -1;
	return gw_judge_part(
		r->j, &t->c, pol_on_definition(r->j->rules->policy), "stripped", e);
}

static int filter_list(struct req *r, struct js list, const struct str *space,
	struct tally *t, struct err *e);

/* A namespace goes when nothing in it stays. */
static int
filter_namespace(struct req *r, const struct tool *space, struct err *e)
{
	const struct str name = gw_str(&space->name);
	const size_t mark = r->ed.n;
	struct tally in = { 0 };

	if (filter_list(r, space->tools, &name, &in, e) < 0)
		return -1;
	if (in.kept > 0 || in.cut == 0)
		return 0;
	edits_back_to(&r->ed, mark);
	return 1;
}

/* space: NULL outside of a namespace. */
static int
filter_list(struct req *r, struct js list, const struct str *space, struct tally *t,
	struct err *e)
{
	struct js_iter it;
	struct js_item m;
	struct tool tool;

	if (list.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "a list of tools is not an array");
	js_open(&it, list);
	while (js_next(&it, &m)) {
		int act;

		if (++r->tools_read > GW_TOOLS_MAX)
			return err_set(e, ERR_DATA, "more than %d tool definitions",
				(int)GW_TOOLS_MAX);
		if (read_tool(m.val, &tool, e) < 0)
			return -1;
		if (!str_is(gw_str(&tool.type), "namespace"))
			act = filter_tool(r, &tool, space != NULL ? *space : STR(""), e);
		else if (space == NULL)
			act = filter_namespace(r, &tool, e);
		else
			return err_set(
				e, ERR_DATA, "a namespace of tools inside another");
		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(&r->ed, &m, t->kept > 0);
		t->cut += act > 0;
		t->kept += act == 0;
	}
	return 0;
}

static int
filter_tools(struct req *r, struct js tools, struct tally *t, struct err *e)
{
	*t = (struct tally){ 0 };
	if (tools.type == JS_NONE || tools.type == JS_NULL)
		return 0;
	if (filter_list(r, tools, NULL, t, e) < 0)
		return -1;
	r->tools_kept += t->kept;
	r->tools_cut += t->cut;
	return 0;
}

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
	struct tally t;

	if (!gw_ids_have(&r->gone, gw_str(&i->pair)))
		return filter_tools(r, i->tools, &t, e);
	replace_by_message(r, v, "user", "input_text",
		STR("[pando-ai] The result of a call that the policy does not allow stood here."));
	return 0;
}

/* 0: it stays in its place, 1: the caller takes it out, -1: refused. */
static int
filter_item(struct req *r, struct js v, struct err *e)
{
	const size_t mark = r->ed.n;
	struct res_item i;
	struct tally t;

	if (res_item_read(v, &i, e) < 0)
		return -1;
	gw_repeat_item(gw_meter_repeat(r->j->rules->meter), v, &i);
	switch (i.kind) {
	case RES_PLAIN:
		return 0;
	case RES_CALL:
		return filter_call(r, v, &i, e);
	case RES_OUTPUT:
		return filter_output(r, v, &i, e);
	case RES_TOOLS:
		if (filter_tools(r, i.tools, &t, e) < 0)
			return -1;
		if (t.kept > 0 || t.cut == 0)
			return 0;
		edits_back_to(&r->ed, mark);
		return 1;
	case RES_UNKNOWN:
	case RES_KINDS:
		break;
	}
	return gw_judge_unknown(r->j, gw_str(&i.type), e);
}

static int
filter_input(struct req *r, struct js input, struct err *e)
{
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	if (input.type == JS_OBJECT)
		return err_set(e, ERR_DATA, "input is an object");
	if (input.type != JS_ARRAY)
		return 0;
	js_open(&it, input);
	while (js_next(&it, &m)) {
		const int act = filter_item(r, m.val, e);

		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(&r->ed, &m, kept);
		kept = kept || act == 0;
	}
	return 0;
}

/* One tool that a choice names: 1 when policy takes it out. */
static int
judge_choice(struct req *r, struct js v, struct err *e)
{
	struct js_field space[] = { JS_FIELD("namespace") };
	struct gw_name in;
	struct tool t;

	if (read_tool(v, &t, e) < 0 || js_fields(v, space, LEN(space), e) < 0 ||
		gw_name_read(space[0].m.val, &in, e) < 0 ||
		decide_tool(r->j, &t, gw_str(&in), e) < 0)
		return err_wrap(e, "tool_choice");
	t.c.what = "choice";
	return gw_judge_part(
		r->j, &t.c, pol_on_definition(r->j->rules->policy), "stripped", e);
}

/* {"type":"allowed_tools","mode":..,"tools":[..]} */
static int
judge_choices(struct req *r, struct js tools, struct err *e)
{
	struct js_iter it;
	struct js_item m;
	int off = 0;

	js_open(&it, tools);
	while (js_next(&it, &m)) {
		const int act = judge_choice(r, m.val, e);

		if (act < 0)
			return -1;
		off |= act;
	}
	return off;
}

/* 1: the choice goes, because its tool did, or any tool that it could demand. */
static int
filter_choice(struct req *r, struct js choice, struct err *e)
{
	const bool emptied = r->tools_cut > 0 && r->tools_kept == 0;
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
		act = judge_choices(r, t.tools, e);
	else
		act = judge_choice(r, choice, e);
	return act < 0 ? -1 : act > 0 || emptied;
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
	enum { TOOLS, CHOICE, INPUT, PROMPT, MODEL, N };
	struct js_field f[N] = {
		[TOOLS] = JS_FIELD("tools"),
		[CHOICE] = JS_FIELD("tool_choice"),
		[INPUT] = JS_FIELD("input"),
		[PROMPT] = JS_FIELD("prompt"),
		[MODEL] = JS_FIELD("model"),
	};
	struct tally t;
	int act;

	if (js_fields(root, f, N, e) < 0 || filter_tools(r, f[TOOLS].m.val, &t, e) < 0 ||
		filter_input(r, f[INPUT].m.val, e) < 0)
		return -1;
	/* A template stored at the provider brings tools that cannot be seen here. */
	if (f[PROMPT].m.val.type == JS_OBJECT &&
		gw_judge_unknown(r->j, STR("a stored prompt"), e) < 0)
		return -1;
	gw_meter_asked(r->j->rules->meter, f[MODEL].m.val);
	act = filter_choice(r, f[CHOICE].m.val, e);
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
	if (js_check_index(body, &ix, &root, e) < 0 || filter_body(&r, root, e) < 0)
		return -1;
	return edits_apply(&r.ed, out, e);
}
