#include "gateway/responses.h"

struct res_type {
	struct str name;
	enum res_kind kind;
	enum gw_args args;
	bool named;   /* its name and namespace say which tool; else its type does */
	bool remote;  /* of a server at the provider: server_label and name do */
	bool pieces;  /* its arguments are one string, which streams in pieces */
	bool is_told; /* its arguments say all that will be done */
};

static const struct res_type types[] = {
	{ .name = STR("message"), .kind = RES_PLAIN },
	/* between codex and its subagents, with the provenance "tool" (0.169.0) */
	{ .name = STR("agent_message"), .kind = RES_PLAIN },
	{ .name = STR("reasoning"), .kind = RES_PLAIN },
	{ STR("function_call"), RES_CALL, GW_ARGS_OBJECT, true, false, true, true },
	{ .name = STR("function_call_output"), .kind = RES_OUTPUT },
	{ STR("custom_tool_call"), RES_CALL, GW_ARGS_TEXT, true, false, true, true },
	{ .name = STR("custom_tool_call_output"), .kind = RES_OUTPUT },
	{ STR("local_shell_call"), RES_CALL, GW_ARGS_ANY, false, false, false, true },
	{ .name = STR("local_shell_call_output"), .kind = RES_OUTPUT },
	{ STR("shell_call"), RES_CALL, GW_ARGS_ANY, false, false, false, false },
	{ .name = STR("shell_call_output"), .kind = RES_OUTPUT },
	{ STR("apply_patch_call"), RES_CALL, GW_ARGS_ANY, false, false, false, false },
	{ .name = STR("apply_patch_call_output"), .kind = RES_OUTPUT },
	{ STR("computer_call"), RES_CALL, GW_ARGS_ANY, false, false, false, false },
	{ .name = STR("computer_call_output"), .kind = RES_OUTPUT },
	{ STR("tool_search_call"), RES_CALL, GW_ARGS_ANY, false, false, false, true },
	{ .name = STR("tool_search_output"), .kind = RES_OUTPUT },
	{ STR("web_search_call"), RES_CALL, GW_ARGS_ANY, false, false, false, true },
	{ STR("file_search_call"), RES_CALL, GW_ARGS_ANY, false, false, false, false },
	{ STR("code_interpreter_call"), RES_CALL, GW_ARGS_ANY, false, false, false,
		false },
	{ STR("image_generation_call"), RES_CALL, GW_ARGS_ANY, false, false, false,
		false },
	{ STR("mcp_call"), RES_CALL, GW_ARGS_OBJECT, false, true, true, true },
	{ STR("mcp_approval_request"), RES_CALL, GW_ARGS_OBJECT, false, true, false,
		true },
	{ .name = STR("mcp_approval_response"), .kind = RES_OUTPUT },
	{ .name = STR("mcp_list_tools"), .kind = RES_LISTED, .remote = true },
	{ .name = STR("additional_tools"), .kind = RES_TOOLS },
	{ .name = STR("compaction"), .kind = RES_PLAIN },
	{ .name = STR("compaction_summary"), .kind = RES_PLAIN },
	{ .name = STR("compaction_trigger"), .kind = RES_PLAIN },
	{ .name = STR("context_compaction"), .kind = RES_PLAIN },
	{ .name = STR("item_reference"), .kind = RES_HIDDEN },
};

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
	ROLE,
	OUTPUT,
	FIELDS
};

static bool
is_there(struct js v)
{
	return v.type != JS_NONE && v.type != JS_NULL;
}

static const struct res_type *
find_type(struct str name)
{
	for (size_t i = 0; i < LEN(types); i++)
		if (str_eq(name, types[i].name))
			return &types[i];
	return NULL;
}

/* v: the item itself, for what is not known. */
static enum res_kind
kind_of(const struct res_item *i, const struct js_field *f, struct js v)
{
	const bool calls = is_there(f[NAME].m.val) &&
			   (is_there(f[ARGS].m.val) || is_there(f[INPUT].m.val));

	if (i->known == NULL) /* a message may come without its type */
		return res_could_carry(STR(""), v) ? RES_UNKNOWN : RES_PLAIN;
	if (i->known->kind == RES_PLAIN && (calls || is_there(i->tools)))
		return RES_UNKNOWN;
	return i->known->kind;
}

/* Of two it is not known which one a client takes. */
static int
take_args(struct res_item *i, const struct js_field *f, struct err *e)
{
	static const int places[] = { ARGS, INPUT, ACTION };
	int found = 0;

	i->args = (struct js){ .type = JS_NONE };
	for (size_t k = 0; k < LEN(places); k++) {
		if (!is_there(f[places[k]].m.val))
			continue;
		i->args = f[places[k]].m.val;
		found++;
	}
	if (found > 1)
		return err_set(
			e, ERR_DATA, "an item with two of arguments, input and action");
	return 0;
}

static int
read_names(struct res_item *i, const struct js_field *f, struct err *e)
{
	if (gw_name_read(f[NAME].m.val, &i->name, e) < 0 ||
		gw_name_read(f[SPACE].m.val, &i->space, e) < 0 ||
		gw_name_read(f[LABEL].m.val, &i->server, e) < 0)
		return -1;
	if ((i->known->named && (i->name.n == 0 || i->pair.n == 0)) ||
		(i->known->remote && i->server.n == 0))
		return err_set(e, ERR_DATA, "a " STR_FMT " item without a name",
			STR_ARG(i->known->name));
	return 0;
}

/* Who the item is, when it is of a kind where that counts. */
static int
read_identity(struct res_item *i, const struct js_field *f, struct err *e)
{
	const struct js *pair = &f[CALL].m.val;

	i->name.n = i->space.n = i->server.n = i->id.n = i->pair.n = 0;
	if (i->kind != RES_CALL && i->kind != RES_LISTED && i->kind != RES_OUTPUT)
		return 0;
	if (!is_there(*pair))
		pair = i->kind == RES_OUTPUT ? &f[REQUEST].m.val : &f[ID].m.val;
	if (gw_name_read(*pair, &i->pair, e) < 0 ||
		gw_name_read(f[ID].m.val, &i->id, e) < 0)
		return -1;
	return i->kind == RES_OUTPUT ? 0 : read_names(i, f, e);
}

int
res_item_read(struct js v, struct res_item *i, struct err *e)
{
	struct js_field f[FIELDS] = {
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
		[ROLE] = JS_FIELD("role"),
		[OUTPUT] = JS_FIELD("output"),
	};

	if (js_fields(v, f, FIELDS, e) < 0 ||
		gw_name_read(f[TYPE].m.val, &i->type, e) < 0)
		return err_wrap(e, "an item");
	if (take_args(i, f, e) < 0)
		return -1;
	i->tools = f[TOOLS].m.val;
	i->named = f[NAME].m.val;
	i->spaced = f[SPACE].m.val;
	i->role = f[ROLE].m.val;
	i->output = f[OUTPUT].m.val;
	i->known = find_type(gw_str(&i->type));
	i->kind = kind_of(i, f, v);
	return read_identity(i, f, e);
}

/* "web_search_call" is a call of the tool that is defined as "web_search". */
static struct str
tool_of(struct str type)
{
	const struct str tail = STR("_call");

	if (type.n >= tail.n && memcmp(type.p + type.n - tail.n, tail.p, tail.n) == 0)
		type.n -= tail.n;
	return type;
}

static struct gw_case
name_case(const struct gw_judge *j, const struct res_item *i)
{
	struct gw_case c = gw_case_of("call");

	c.call_id = gw_str(&i->pair);
	c.remote = i->known->remote;
	if (c.remote)
		c.use = gw_use(j, gw_str(&i->server), gw_str(&i->name));
	else if (i->known->named)
		c.use = pol_use_of_pair(
			j->rules->agent, gw_str(&i->space), gw_str(&i->name));
	else
		c.use = gw_use(j, STR(""), tool_of(gw_str(&i->type)));
	return c;
}

static void
decide(const struct gw_judge *j, const struct res_item *i, struct gw_case *c,
	enum pol_asking asking)
{
	gw_case_decide(j, c, i->kind == RES_LISTED ? POL_OFFER : asking);
	if (i->known->named &&
		res_is_code_mode(gw_str(&i->type), gw_str(&i->space), gw_str(&i->name)))
		res_deny_code_mode(c);
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

int
res_item_case(const struct gw_judge *j, const struct res_item *i, struct buf *room,
	struct gw_case *c, struct err *e)
{
	const enum gw_args want = i->known->args;
	struct js args = i->args;

	*c = name_case(j, i);
	if (args.type == JS_STRING && want != GW_ARGS_TEXT &&
		decode_args(i->args, room, &args, e) < 0)
		return -1;
	gw_case_take_args(c, args, want);
	if (!i->known->is_told) /* of other types it is not known what says all */
		c->use.args = (struct str){ NULL, 0 };
	decide(j, i, c, POL_CALL);
	return 0;
}

struct gw_case
res_item_offer(const struct gw_judge *j, const struct res_item *i)
{
	struct gw_case c = name_case(j, i);

	decide(j, i, &c, POL_OFFER);
	return c;
}

bool
res_item_has_pieces(const struct res_item *i)
{
	return i->known->pieces && i->args.type == JS_STRING;
}

bool
res_is_code_mode(struct str type, struct str space, struct str name)
{
	if (!str_is(name, "exec"))
		return false;
	if (str_is(space, "functions"))
		return true;
	return str_starts(type, STR("custom")) && !str_starts(space, STR("mcp__"));
}

void
res_deny_code_mode(struct gw_case *c)
{
	gw_case_deny(c, CODE_MODE,
		"code mode hides all calls inside of this one; start codex through the shim "
		"of pando-ai ('pando-ai status' tells whether it is first on PATH), which "
		"gives it a model catalog with tool_mode = direct");
}
