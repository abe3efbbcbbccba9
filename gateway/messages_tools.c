#include "gateway/messages_request.h"

#include <stdio.h>

#include "base/log.h"
#include "gateway/messages_members.h"

enum { TYPE, NAME, SERVER, CACHE, DEFERRED, SLOTS };

static const struct msg_member members[] = {
	MSG_MEMBER("name", NAME),
	MSG_MEMBER("description", MSG_PASS),
	MSG_MEMBER("input_schema", MSG_PASS),
	MSG_MEMBER("type", TYPE),
	MSG_MEMBER("cache_control", CACHE),
	MSG_MEMBER("defer_loading", DEFERRED),
	MSG_MEMBER("eager_input_streaming", MSG_PASS),
	MSG_MEMBER("strict", MSG_PASS),
	MSG_MEMBER("input_examples", MSG_PASS),
	MSG_MEMBER("allowed_callers", MSG_PASS),
	MSG_MEMBER("mcp_server_name", SERVER),
	MSG_MEMBER("configs", MSG_PASS),
	MSG_MEMBER("default_config", MSG_PASS),
	/* of the provider's own tools */
	MSG_MEMBER("max_uses", MSG_PASS),
	MSG_MEMBER("allowed_domains", MSG_PASS),
	MSG_MEMBER("blocked_domains", MSG_PASS),
	MSG_MEMBER("user_location", MSG_PASS),
	MSG_MEMBER("citations", MSG_PASS),
	MSG_MEMBER("max_content_tokens", MSG_PASS),
	MSG_MEMBER("use_cache", MSG_PASS),
	MSG_MEMBER("response_inclusion", MSG_PASS),
	MSG_MEMBER("display_width_px", MSG_PASS),
	MSG_MEMBER("display_height_px", MSG_PASS),
	MSG_MEMBER("display_number", MSG_PASS),
	MSG_MEMBER("enable_zoom", MSG_PASS),
	MSG_MEMBER("max_characters", MSG_PASS),
	MSG_MEMBER("model", MSG_PASS),
	MSG_MEMBER("max_tokens", MSG_PASS),
	MSG_MEMBER("caching", MSG_PASS),
};
static const struct msg_shape shape = MSG_SHAPE(members);

struct tool {
	struct gw_name type, name;
	struct gw_case c;
	struct js cache;
	bool deferred; /* the model sees it when a search has found it */
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

static struct gw_case
remote_case(const struct gw_judge *j, struct str server, struct str tool)
{
	struct gw_case c = gw_case_of("definition");

	c.remote = true;
	c.use = gw_use(j, server, tool);
	gw_case_decide(j, &c, POL_OFFER);
	return c;
}

/* One definition, as it stands in tools[] or behind tool_addition. */
static int
read_tool(const struct gw_judge *j, struct js v, struct tool *t, struct err *e)
{
	struct js m[SLOTS];
	struct str odd;

	t->c = gw_case_of("definition");
	t->type.n = t->name.n = 0;
	t->deferred = false;
	t->cache.type = JS_NONE;
	if (msg_members(v, &shape, m, SLOTS, &odd, e) < 0 ||
		gw_name_read(m[TYPE], &t->type, e) < 0)
		return err_wrap(e, "a tool definition");
	if (odd.n > 0 && msg_judge_odd(j, "a tool definition", odd, e) < 0)
		return -1;
	t->cache = m[CACHE];
	t->deferred = m[DEFERRED].type == JS_BOOL && m[DEFERRED].raw.p[0] == 't';
	if (str_is(gw_str(&t->type), "mcp_toolset") && m[SERVER].type != JS_NONE) {
		if (gw_name_read(m[SERVER], &t->name, e) < 0)
			return err_wrap(e, "a tool definition");
		t->c = remote_case(j, gw_str(&t->name), STR(""));
		return 0;
	}
	if (gw_name_read(m[NAME], &t->name, e) < 0)
		return err_wrap(e, "a tool definition");
	if (t->type.n > 0 && !str_is(gw_str(&t->type), "custom")) {
		decide_typed(j, t);
		return 0;
	}
	if (t->name.n == 0)
		return err_set(e, ERR_DATA, "a tool definition without a name");
	t->c = msg_offer_case(j, gw_str(&t->name));
	return 0;
}

static enum pol_react
on_definition(const struct msg_req *r)
{
	return pol_on_definition(r->j->rules->policy);
}

/* --- tools ---------------------------------------------------------------------------- */

/* What the tools so far leave behind. */
struct kept {
	size_t n, cut;
	size_t loaded, loaded_cut; /* of them those without defer_loading */
	const char *mark_at; /* end of the last one that may bear a mark; NULL: none */
	bool marked;         /* it bears one */
};

static void
keep(struct kept *k, const struct tool *t, const struct js_item *m)
{
	k->n++;
	if (t->deferred) /* the API takes no mark there */
		return;
	k->loaded++;
	k->mark_at = m->end - 1;
	k->marked = t->cache.type != JS_NONE && t->cache.type != JS_NULL;
}

/* The mark says that all up to here is to be cached: what is left of that ends earlier. */
static int
cut(struct msg_req *r, struct kept *k, const struct tool *t, const struct js_item *m,
	struct err *e)
{
	const struct gw_case named = msg_offer_case(r->j, gw_str(&t->name));
	CLEANUP(buf_fini) struct buf mark = BUF_INIT(EDITS_TEXT_MAX);

	edits_cut_item(&r->ed, m, k->n > 0);
	k->cut++;
	k->loaded_cut += !t->deferred;
	if (!gw_case_is_off(&named) && gw_ids_add(&r->undefined, gw_str(&t->name), e) < 0)
		return -1;
	if (t->cache.type != JS_OBJECT || k->mark_at == NULL || k->marked)
		return 0;
	buf_puts(&mark, ",\"cache_control\":");
	buf_put_str(&mark, t->cache.raw);
	edits_replace(&r->ed, k->mark_at, k->mark_at, buf_str(&mark));
	k->marked = true;
	return 0;
}

int
msg_filter_tools(struct msg_req *r, struct js tools, struct err *e)
{
	struct kept k = { .mark_at = NULL };
	struct js_iter it;
	struct js_item m;
	struct tool t;

	if (tools.type == JS_NONE || tools.type == JS_NULL)
		return 0;
	if (tools.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "tools is not an array");
	js_open(&it, tools);
	while (js_next(&it, &m)) {
		int act;

		if (k.n + k.cut >= GW_TOOLS_MAX)
			return err_set(e, ERR_DATA, "more than %d tool definitions",
				(int)GW_TOOLS_MAX);
		if (read_tool(r->j, m.val, &t, e) < 0)
			return -1;
		act = gw_judge_part(r->j, &t.c, on_definition(r), "stripped", e);
		if (act < 0)
			return -1;
		if (act == 0)
			keep(&k, &t, &m);
		else if (cut(r, &k, &t, &m, e) < 0)
			return -1;
	}
	r->tools_emptied = k.cut > 0 && k.n == 0;
	if (k.n > 0 && k.loaded == 0 && k.loaded_cut > 0)
		return err_set(e, ERR_DATA,
			"without the tools that the policy does not allow, only such are left "
			"that a search would load (defer_loading), which the API refuses: "
			"start the agent without its tool search (ENABLE_TOOL_SEARCH=false)");
	return 0;
}

/* --- what goes with them ---------------------------------------------------------------- */

static void
cut_member(struct msg_req *r, struct js v)
{
	r->cut[r->ncut++] = v.raw.p;
}

int
msg_filter_servers(struct msg_req *r, struct js servers, struct err *e)
{
	enum { SERVER_NAME, N };
	static const struct msg_member server[] = {
		MSG_MEMBER("name", SERVER_NAME),
		MSG_MEMBER("type", MSG_PASS),
		MSG_MEMBER("url", MSG_PASS),
		MSG_MEMBER("authorization_token", MSG_PASS),
		MSG_MEMBER("tool_configuration", MSG_PASS),
	};
	static const struct msg_shape server_shape = MSG_SHAPE(server);
	const size_t mark = r->ed.n;
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	if (servers.type == JS_NONE || servers.type == JS_NULL)
		return 0;
	if (servers.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "mcp_servers is not an array");
	js_open(&it, servers);
	while (js_next(&it, &m)) {
		struct js f[N];
		struct gw_name name;
		struct gw_case c;
		struct str odd; /* the whole entry is decided by its name */
		int act;

		if (msg_members(m.val, &server_shape, f, N, &odd, e) < 0 ||
			gw_name_read(f[SERVER_NAME], &name, e) < 0)
			return err_wrap(e, "mcp_servers");
		if (name.n == 0)
			return err_set(
				e, ERR_DATA, "an entry of mcp_servers without a name");
		c = remote_case(r->j, gw_str(&name), STR(""));
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
int
msg_filter_container(struct msg_req *r, struct js container, struct err *e)
{
	struct gw_case c = gw_case_of("definition");
	int act;

	if (container.type == JS_NONE || container.type == JS_NULL)
		return 0;
	c.use = gw_use(r->j, STR(""), STR("container"));
	gw_case_decide(r->j, &c, POL_OFFER);
	act = gw_judge_part(r->j, &c, on_definition(r), "stripped", e);
	if (act > 0)
		cut_member(r, container);
	return act < 0 ? -1 : 0;
}

static bool
is_known_choice(struct str type)
{
	return type.n == 0 || str_is(type, "auto") || str_is(type, "any") ||
	       str_is(type, "tool") || str_is(type, "none");
}

/* The model may choose again; what was said of parallel calls still holds. */
static void
choose_freely(struct msg_req *r, struct js choice, struct js parallel)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(EDITS_TEXT_MAX);

	buf_puts(&b, "{\"type\":\"auto\",\"disable_parallel_tool_use\":");
	buf_put_str(&b, parallel.raw);
	buf_putc(&b, '}');
	edits_replace(&r->ed, choice.raw.p, choice.raw.p + choice.raw.n, buf_str(&b));
}

/* A choice makes sense only while the tool, and any tool, is there. */
int
msg_filter_choice(struct msg_req *r, struct js choice, struct err *e)
{
	enum { KIND, CHOSEN, PARALLEL, N };
	static const struct msg_member chosen[] = {
		MSG_MEMBER("type", KIND),
		MSG_MEMBER("name", CHOSEN),
		MSG_MEMBER("disable_parallel_tool_use", PARALLEL),
	};
	static const struct msg_shape choice_shape = MSG_SHAPE(chosen);
	struct js m[N];
	struct gw_name name;
	struct gw_name type;
	struct gw_case c;
	struct str odd;
	int act = 0;

	if (choice.type == JS_NONE || choice.type == JS_NULL)
		return 0;
	if (msg_members(choice, &choice_shape, m, N, &odd, e) < 0 ||
		gw_name_read(m[CHOSEN], &name, e) < 0 ||
		gw_name_read(m[KIND], &type, e) < 0)
		return err_wrap(e, "tool_choice");
	if (odd.n > 0 && msg_judge_odd(r->j, "tool_choice", odd, e) < 0)
		return -1;
	if (!is_known_choice(gw_str(&type)) &&
		gw_judge_unknown(r->j, gw_str(&type), e) < 0)
		return -1;
	if (name.n > 0) {
		c = msg_offer_case(r->j, gw_str(&name));
		c.what = "choice";
		act = gw_judge_part(r->j, &c, on_definition(r), "stripped", e);
	}
	if (act == 0 && gw_ids_have(&r->undefined, gw_str(&name)))
		act = 1;
	if (act > 0 && !r->tools_emptied && m[PARALLEL].type == JS_BOOL)
		choose_freely(r, choice, m[PARALLEL]);
	else if (act > 0 || (act == 0 && r->tools_emptied))
		cut_member(r, choice);
	return act < 0 ? -1 : 0;
}

/*
 * {"type":"tool_reference","name":..}, mcp_tool_reference with a server_name as well,
 * mcp_toolset_reference with that alone, and, as claude 2.1.329 writes it, tool_definition
 * with the definition.
 */
int
msg_judge_change(struct msg_req *r, struct js tool, struct err *e)
{
	enum { KIND, OF_SERVER, OF_TOOL, DEFINITION, N };
	static const struct msg_member change[] = {
		MSG_MEMBER("type", KIND),
		MSG_MEMBER("server_name", OF_SERVER),
		MSG_MEMBER("name", OF_TOOL),
		MSG_MEMBER("definition", DEFINITION),
	};
	static const struct msg_shape change_shape = MSG_SHAPE(change);
	struct js m[N];
	struct gw_name kind;
	struct gw_name server;
	struct gw_name name;
	struct str odd;
	struct tool t;

	if (msg_members(tool, &change_shape, m, N, &odd, e) < 0 ||
		gw_name_read(m[KIND], &kind, e) < 0 ||
		gw_name_read(m[OF_SERVER], &server, e) < 0 ||
		gw_name_read(m[OF_TOOL], &name, e) < 0)
		return err_wrap(e, "a tool change");
	if (odd.n > 0 && msg_judge_odd(r->j, "a tool change", odd, e) < 0)
		return -1;
	if (m[DEFINITION].type != JS_NONE && read_tool(r->j, m[DEFINITION], &t, e) < 0)
		return err_wrap(e, "a tool change");
	if (m[DEFINITION].type == JS_NONE && server.n > 0)
		t.c = remote_case(r->j, gw_str(&server), gw_str(&name));
	else if (str_is(gw_str(&kind), "tool_reference"))
		t.c = msg_offer_case(r->j, gw_str(&name));
	else if (m[DEFINITION].type == JS_NONE)
		return gw_judge_unknown(r->j, gw_str(&kind), e);
	if (gw_ids_have(&r->undefined, gw_str(&name)))
		return 1;
	return gw_judge_part(r->j, &t.c, on_definition(r), "stripped", e);
}
