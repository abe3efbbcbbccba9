#include "gateway/messages.h"

/*
 * Tools of the client's protocol with itself: they reach nothing, and an answer in a given
 * shape (StructuredOutput) or deferred loading (the placeholder) breaks without them.
 */
static const char *const harmless[] = { "StructuredOutput", "DeferredToolPlaceholder" };

bool
msg_is_harmless(struct str name)
{
	for (size_t i = 0; i < LEN(harmless); i++) {
		if (str_is(name, harmless[i]))
			return true;
	}
	return false;
}

static bool
ends_with(struct str s, const char *tail)
{
	const struct str t = str_of(tail);

	return s.n >= t.n && memcmp(s.p + s.n - t.n, t.p, t.n) == 0;
}

/* Blocks that carry no call: what the API documents, so that a new one is looked at. */
static bool
is_plain(struct str type)
{
	static const char *const plain[] = { "text", "thinking", "redacted_thinking",
		"image", "document", "search_result", "container_upload", "compaction",
		"fallback" };

	for (size_t i = 0; i < LEN(plain); i++) {
		if (str_is(type, plain[i]))
			return true;
	}
	return false;
}

static enum msg_kind
kind_of(struct str type, bool named_input, bool holds_tools)
{
	if (str_is(type, "tool_use") || str_is(type, "server_tool_use") ||
		str_is(type, "mcp_tool_use"))
		return MSG_CALL;
	if (str_is(type, "tool_result") || ends_with(type, "_tool_result"))
		return MSG_RESULT;
	if (str_is(type, "tool_addition") || str_is(type, "tool_removal"))
		return MSG_CHANGE;
	if (is_plain(type))
		return MSG_PLAIN;
	return named_input || holds_tools || ends_with(type, "_tool_use") ? MSG_UNKNOWN
									  : MSG_PLAIN;
}

int
msg_block_read(struct js v, struct msg_block *b, struct err *e)
{
	enum { TYPE, ID, USE_ID, NAME, SERVER, INPUT, CACHE, TOOL, TOOLS, CHANGES, N };
	struct js_field f[N] = {
		[TYPE] = JS_FIELD("type"),
		[ID] = JS_FIELD("id"),
		[USE_ID] = JS_FIELD("tool_use_id"),
		[NAME] = JS_FIELD("name"),
		[SERVER] = JS_FIELD("server_name"),
		[INPUT] = JS_FIELD("input"),
		[CACHE] = JS_FIELD("cache_control"),
		[TOOL] = JS_FIELD("tool"),
		[TOOLS] = JS_FIELD("tools"),
		[CHANGES] = JS_FIELD("tool_changes"),
	};

	if (js_fields(v, f, N, e) < 0 || gw_name_read(f[TYPE].m.val, &b->type, e) < 0)
		return err_wrap(e, "a content block");
	b->kind = kind_of(gw_str(&b->type),
		f[NAME].m.val.type != JS_NONE && f[INPUT].m.val.type != JS_NONE,
		f[TOOLS].m.val.type != JS_NONE || f[CHANGES].m.val.type != JS_NONE);
	b->name.n = b->server.n = b->id.n = 0;
	b->input = f[INPUT].m.val;
	b->cache = f[CACHE].m.val;
	b->tool = f[TOOL].m.val;
	if (b->kind == MSG_RESULT)
		return gw_name_read(f[USE_ID].m.val, &b->id, e);
	if (b->kind != MSG_CALL)
		return 0;
	if (gw_name_read(f[NAME].m.val, &b->name, e) < 0 ||
		gw_name_read(f[SERVER].m.val, &b->server, e) < 0 ||
		gw_name_read(f[ID].m.val, &b->id, e) < 0)
		return -1;
	if (b->name.n == 0 ||
		(str_is(gw_str(&b->type), "mcp_tool_use") && b->server.n == 0))
		return err_set(e, ERR_DATA, "a %.*s block without a name",
			STR_ARG(gw_str(&b->type)));
	return 0;
}

void
msg_allow_harmless(struct gw_case *c)
{
	c->decision = (struct pol_decision){
		.verdict = POL_ALLOW,
		.rule = "pando",
		.file = "built-in",
		.message = "a tool of the client's own protocol, without effect",
	};
}

struct gw_case
msg_block_case(const struct gw_judge *j, const struct msg_block *b, struct js input)
{
	struct gw_case c = gw_case_of("call");
	const struct str name = gw_str(&b->name);

	c.call_id = gw_str(&b->id);
	c.remote = str_is(gw_str(&b->type), "mcp_tool_use");
	if (c.remote)
		c.use = gw_use(j, gw_str(&b->server), name);
	else if (str_is(gw_str(&b->type), "server_tool_use"))
		c.use = gw_use(j, STR(""), name);
	else
		c.use = pol_use_of_joined(j->rules->policy, j->rules->agent, name);
	gw_case_take_args(&c, input, GW_ARGS_OBJECT);
	gw_case_decide(j, &c, POL_CALL);
	if (str_is(gw_str(&b->type), "tool_use") && msg_is_harmless(name))
		msg_allow_harmless(&c);
	return c;
}

void
msg_put_text(struct buf *out, struct str text, struct js cache)
{
	buf_puts(out, "{\"type\":\"text\",\"text\":");
	buf_put_json(out, text);
	if (cache.type != JS_NONE) {
		buf_puts(out, ",\"cache_control\":");
		buf_put_str(out, cache.raw);
	}
	buf_putc(out, '}');
}
