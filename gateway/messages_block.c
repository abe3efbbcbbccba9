#include "gateway/messages.h"

#include <stdio.h>

#include "base/log.h"
#include "gateway/messages_members.h"

/*
 * Tools of the client's protocol with itself: they reach nothing, and an answer in a given
 * shape (StructuredOutput) or deferred loading (the placeholder) breaks without them.
 */
static const char *const harmless[] = { "StructuredOutput", "DeferredToolPlaceholder" };

static bool
is_harmless(struct str name)
{
	for (size_t i = 0; i < LEN(harmless); i++) {
		if (str_is(name, harmless[i]))
			return true;
	}
	return false;
}

/* They pass whatever the policy says. */
static void
allow_harmless(struct gw_case *c)
{
	c->decision = (struct pol_decision){
		.verdict = POL_ALLOW,
		.rule = "pando",
		.file = "built-in",
		.message = "a tool of the client's own protocol, without effect",
	};
}

/* The frequent ones first. What is not here is looked at by its name and its members. */
static const struct {
	const char *type;
	enum msg_kind kind;
} kinds[] = {
	{ "text", MSG_PLAIN },
	{ "tool_use", MSG_CALL },
	{ "tool_result", MSG_RESULT },
	{ "thinking", MSG_PLAIN },
	{ "image", MSG_PLAIN },
	{ "document", MSG_PLAIN },
	{ "redacted_thinking", MSG_PLAIN },
	{ "server_tool_use", MSG_CALL },
	{ "mcp_tool_use", MSG_CALL },
	{ "tool_reference", MSG_REFERENCE },
	{ "tool_addition", MSG_CHANGE },
	{ "tool_removal", MSG_CHANGE },
	{ "mid_conv_system", MSG_PLAIN },
	{ "search_result", MSG_PLAIN },
	{ "container_upload", MSG_PLAIN },
	{ "compaction", MSG_PLAIN },
	{ "fallback", MSG_PLAIN },
};

static bool
has(struct str s, const char *part)
{
	const struct str p = str_of(part);

	return s.n >= p.n && memmem(s.p, s.n, p.p, p.n) != NULL;
}

enum {
	TYPE,
	TEXT,
	ID,
	USE_ID,
	NAME,
	SERVER,
	INPUT,
	CACHE,
	TOOL,
	TOOL_NAME,
	CONTENT,
	SOURCE,
	REFERENCES,
	SLOTS
};

static const struct msg_member members[] = {
	MSG_MEMBER("type", TYPE),
	MSG_MEMBER("text", TEXT),
	MSG_MEMBER("id", ID),
	MSG_MEMBER("tool_use_id", USE_ID),
	MSG_MEMBER("name", NAME),
	MSG_MEMBER("input", INPUT),
	MSG_MEMBER("content", CONTENT),
	MSG_MEMBER("is_error", MSG_PASS),
	MSG_MEMBER("cache_control", CACHE),
	MSG_MEMBER("thinking", MSG_PASS),
	MSG_MEMBER("signature", MSG_PASS),
	MSG_MEMBER("data", MSG_PASS),
	MSG_MEMBER("source", SOURCE),
	MSG_MEMBER("citations", MSG_PASS),
	MSG_MEMBER("caller", MSG_PASS),
	MSG_MEMBER("server_name", SERVER),
	MSG_MEMBER("tool", TOOL),
	MSG_MEMBER("tool_name", TOOL_NAME),
	MSG_MEMBER("tool_references", REFERENCES),
	MSG_MEMBER("title", MSG_PASS),
	MSG_MEMBER("context", MSG_PASS),
	MSG_MEMBER("url", MSG_PASS),
	MSG_MEMBER("file_id", MSG_PASS),
	MSG_MEMBER("from", MSG_PASS),
	MSG_MEMBER("to", MSG_PASS),
	MSG_MEMBER("trigger", MSG_PASS),
	MSG_MEMBER("encrypted_content", MSG_PASS),
	MSG_MEMBER("page_age", MSG_PASS),
};
static const struct msg_shape shape = MSG_SHAPE(members);

/*
 * A type that is not in the table: the results of the provider's tools have many, and new ones
 * come. A call of a coming version has a name and an input, or says so in its type.
 */
static enum msg_kind
kind_of_other(struct str type)
{
	if (str_ends(type, STR("_tool_result")))
		return MSG_RESULT;
	if (has(type, "tool_use") || has(type, "tool_call") ||
		has(type, "function_call") || str_ends(type, STR("_call")) ||
		str_ends(type, STR("_reference")))
		return MSG_UNKNOWN;
	return MSG_PLAIN;
}

static bool
holds_blocks(const struct js *m, struct js content)
{
	return content.type == JS_ARRAY || content.type == JS_OBJECT ||
	       m[REFERENCES].type != JS_NONE;
}

static enum msg_kind
kind_of(struct str type, const struct js *m, struct js content)
{
	enum msg_kind kind = MSG_KINDS;

	for (size_t i = 0; i < LEN(kinds) && kind == MSG_KINDS; i++)
		if (str_is(type, kinds[i].type))
			kind = kinds[i].kind;
	if (kind == MSG_KINDS)
		kind = kind_of_other(type);
	/* the parts of a call, or a change, in what is none */
	if (kind != MSG_CALL && m[INPUT].type != JS_NONE)
		return MSG_UNKNOWN;
	if (kind != MSG_CHANGE && m[TOOL].type != JS_NONE)
		return MSG_UNKNOWN;
	if ((kind == MSG_CALL || kind == MSG_CHANGE || kind == MSG_REFERENCE) &&
		holds_blocks(m, content))
		return MSG_UNKNOWN;
	return kind;
}

/* The blocks inside a document stand in its source. */
static int
read_inside(const struct js *m, struct msg_block *b, struct err *e)
{
	enum { INSIDE, N };
	static const struct msg_member source[] = {
		MSG_MEMBER("content", INSIDE),
		MSG_MEMBER("type", MSG_PASS),
		MSG_MEMBER("data", MSG_PASS),
		MSG_MEMBER("media_type", MSG_PASS),
		MSG_MEMBER("url", MSG_PASS),
		MSG_MEMBER("file_id", MSG_PASS),
	};
	static const struct msg_shape source_shape = MSG_SHAPE(source);
	struct js inside[N];
	struct str odd;

	b->content = m[CONTENT];
	if (m[SOURCE].type != JS_OBJECT)
		return 0;
	if (msg_members(m[SOURCE], &source_shape, inside, N, &odd, e) < 0)
		return -1;
	if (odd.n > 0)
		b->odd = odd;
	if (inside[INSIDE].type == JS_NONE)
		return 0;
	if (b->content.type != JS_NONE)
		return err_set(e, ERR_DATA, "a block with two contents");
	b->content = inside[INSIDE];
	return 0;
}

static int
read_names(const struct js *m, struct msg_block *b, struct err *e)
{
	const bool reference = b->kind == MSG_REFERENCE;

	b->name.n = b->server.n = b->id.n = 0;
	if (b->kind == MSG_RESULT)
		return gw_name_read(m[USE_ID], &b->id, e);
	if (b->kind != MSG_CALL && !reference)
		return 0;
	if (gw_name_read(m[reference ? TOOL_NAME : NAME], &b->name, e) < 0 ||
		gw_name_read(m[SERVER], &b->server, e) < 0 ||
		gw_name_read(m[ID], &b->id, e) < 0)
		return -1;
	if (b->name.n == 0 ||
		(str_is(gw_str(&b->type), "mcp_tool_use") && b->server.n == 0))
		return err_set(e, ERR_DATA, "a %.*s block without a name",
			STR_ARG(gw_str(&b->type)));
	return 0;
}

int
msg_block_read(struct js v, struct msg_block *b, struct err *e)
{
	struct js m[SLOTS];

	if (msg_members(v, &shape, m, SLOTS, &b->odd, e) < 0 ||
		gw_name_read(m[TYPE], &b->type, e) < 0 || read_inside(m, b, e) < 0)
		return err_wrap(e, "a content block");
	b->kind = b->odd.n > 0 ? MSG_UNKNOWN : kind_of(gw_str(&b->type), m, b->content);
	b->is_client_call = b->kind == MSG_CALL && str_is(gw_str(&b->type), "tool_use");
	b->is_tool_result = b->kind == MSG_RESULT &&
			    str_is(gw_str(&b->type), "tool_result");
	b->text = m[TEXT];
	b->named = m[NAME];
	b->at_server = m[SERVER];
	b->input = m[INPUT];
	b->cache = m[CACHE];
	b->tool = m[TOOL];
	b->references = m[REFERENCES];
	return read_names(m, b, e);
}

struct gw_case
msg_offer_case(const struct gw_judge *j, struct str name)
{
	struct gw_case c = gw_case_of("definition");

	c.use = pol_use_of_joined(j->rules->policy, j->rules->agent, name);
	gw_case_decide(j, &c, POL_OFFER);
	if (is_harmless(name))
		allow_harmless(&c);
	return c;
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
	else if (b->is_client_call)
		c.use = pol_use_of_joined(j->rules->policy, j->rules->agent, name);
	else
		c.use = gw_use(j, STR(""), name);
	gw_case_take_args(&c, input, GW_ARGS_OBJECT);
	gw_case_decide(j, &c, POL_CALL);
	if (b->is_client_call && is_harmless(name)) {
		allow_harmless(&c);
		if (c.garbled)
			gw_case_deny_garbled(&c);
	}
	return c;
}

enum { WHERE_MAX = LOG_QUOTED_MAX + 256 };

int
msg_judge_odd(const struct gw_judge *j, const char *where, struct str odd, struct err *e)
{
	char name[LOG_QUOTED_MAX];
	char what[WHERE_MAX];

	(void)snprintf(
		what, sizeof what, "%s with the member %s", where, log_quoted(odd, name));
	return gw_judge_unknown(j, str_of(what), e);
}

int
msg_judge_block(const struct gw_judge *j, const struct msg_block *b, struct err *e)
{
	char type[LOG_QUOTED_MAX];
	char where[LOG_QUOTED_MAX + 16];

	if (b->odd.n == 0)
		return gw_judge_unknown(j, gw_str(&b->type), e);
	(void)snprintf(
		where, sizeof where, "a %s block", log_quoted(gw_str(&b->type), type));
	return msg_judge_odd(j, where, b->odd, e);
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
