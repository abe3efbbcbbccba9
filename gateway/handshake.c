#include "gateway/handshake.h"

#include <stdio.h>

#include "base/jscan.h"
#include "gateway/head.h"

enum { SHOWN_MAX = 64 };

static const struct {
	const char *name, *server;
} parts[GW_PARTS] = {
	[GW_CORE] = { "core", POL_SERVER_CORE },
	[GW_WORKSPACE] = { "workspace", POL_SERVER_WORKSPACE },
};

const char *
gw_part_name(enum gw_part p)
{
	return parts[p].name;
}

const char *
gw_part_server(enum gw_part p)
{
	return parts[p].server;
}

enum gw_part
gw_part_from(const char *name)
{
	int p = 0;

	while (p < GW_PARTS && (name == NULL || strcmp(name, parts[p].name) != 0))
		p++;
	return (enum gw_part)p;
}

/* --- what has checked in ------------------------------------------------------------ */

static bool
is_session(struct str id)
{
	if (id.n == 0 || id.n > GW_SESSION_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		const char c = id.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'z') &&
			(c < 'A' || c > 'Z') && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool
has_session(const struct gw_handshake *h, struct str id)
{
	for (size_t i = 0; i < h->nsessions && i < GW_SESSIONS_MAX; i++)
		if (str_is(id, h->session[i]))
			return true;
	return false;
}

static int
take_session(struct gw_handshake *h, struct str id, struct err *e)
{
	char *to = h->session[h->nsessions % GW_SESSIONS_MAX];

	if (!is_session(id))
		return err_set(e, ERR_DATA, "that is no id of a session");
	if (has_session(h, id))
		return 0;
	if (h->nsessions >= GW_SESSIONS_EVER)
		return err_set(e, ERR_REFUSED,
			"a run has at most %d sessions: end the agent and start it again",
			GW_SESSIONS_EVER);
	memcpy(to, id.p, id.n);
	to[id.n] = '\0';
	h->nsessions++;
	h->given_up = false;
	return 1;
}

static int
take_part(struct gw_handshake *h, int p, bool none, struct err *e)
{
	const bool news = !h->part[p].was_up || h->part[p].no_tools != none;

	if (news && h->part[p].news >= GW_PART_NEWS_MAX)
		return err_set(e, ERR_REFUSED,
			"%s has said too often whether it has tools", parts[p].server);
	h->part[p].news += news;
	h->part[p].was_up = true;
	h->part[p].no_tools = none;
	h->given_up = h->given_up && !news;
	return news;
}

static int
take_listed(struct gw_handshake *h, int p)
{
	const bool news = !h->part[p].listed;

	h->part[p].listed = true;
	return news;
}

int
gw_handshake_take(struct gw_handshake *h, struct str line, struct err *e)
{
	static const struct str session = { "session ", 8 };

	if (str_starts(line, session))
		return take_session(h, str_skip(line, session.n), e);
	if (str_is(line, GW_OFFERED)) {
		h->offers_seen = true;
		return 0;
	}
	for (int p = 0; p < GW_PARTS; p++) {
		char up[32], bare[32], listed[32];

		(void)snprintf(up, sizeof up, "up %s", parts[p].name);
		(void)snprintf(bare, sizeof bare, "bare %s", parts[p].name);
		if (str_is(line, up) || str_is(line, bare))
			return take_part(h, p, str_is(line, bare), e);
		(void)snprintf(listed, sizeof listed, "listed %s", parts[p].name);
		if (str_is(line, listed))
			return take_listed(h, p);
	}
	return err_set(e, ERR_DATA, "nothing checks in like that");
}

void
gw_handshake_serve(struct gw_handshake *h, enum gw_part p, int connections)
{
	h->part[p].connections += (unsigned int)connections;
	h->given_up = false;
}

void
gw_handshake_restore(struct gw_handshake *h, struct str lines)
{
	struct err ignored = ERR_INIT; /* then it has not checked in */
	const char *end;

	while (lines.n > 0 && (end = memchr(lines.p, '\n', lines.n)) != NULL) {
		const size_t n = (size_t)(end - lines.p);

		(void)gw_handshake_take(h, (struct str){ lines.p, n }, &ignored);
		lines = str_skip(lines, n + 1);
	}
}

/* --- what is missing ----------------------------------------------------------------- */

static bool
is_up(const struct gw_handshake *h, enum gw_part p)
{
	return h->part[p].was_up && h->part[p].connections > 0;
}

/* Empty: the request says none, or more than one. */
static struct str
session_of(struct str head)
{
	static const char name[] = "x-claude-code-session-id";

	return gw_head_count(head, name) == 1 ? gw_head_get(head, name) : STR("");
}

bool
gw_handshake_is_complete(const struct gw_handshake *h, enum pol_agent a, struct str head)
{
	for (int p = 0; p < GW_PARTS; p++)
		if (!is_up(h, (enum gw_part)p))
			return false;
	return a != POL_CLAUDE || has_session(h, session_of(head));
}

bool
gw_handshake_has_gap(const struct gw_handshake *h, enum pol_agent a, struct str head)
{
	for (int p = 0; p < GW_PARTS; p++)
		if (!h->part[p].was_up)
			return false;
	return (a != POL_CLAUDE || has_session(h, session_of(head))) &&
	       !gw_handshake_is_complete(h, a, head);
}

static void
put_part(const struct gw_handshake *h, enum gw_part p, struct buf *out)
{
	if (is_up(h, p))
		return;
	buf_printf(out, "%s%s %s", out->n > 0 ? ", " : "", parts[p].server,
		h->part[p].was_up            ? "has ended"
		: h->part[p].connections > 0 ? "has not answered the agent yet"
					     : "has not started");
}

void
gw_handshake_put_missing(
	const struct gw_handshake *h, enum pol_agent a, struct str head, struct buf *out)
{
	const struct str session = session_of(head);

	for (int p = 0; p < GW_PARTS; p++)
		put_part(h, (enum gw_part)p, out);
	if (a != POL_CLAUDE || has_session(h, session))
		return;
	buf_printf(out, "%s%s", out->n > 0 ? ", " : "",
		session.n == 0 ? "the request does not say its session"
			       : "the hook of its session has not run");
}

/* --- the tools of the first request ------------------------------------------------- */

/* codex: they come with any MCP server, and there is no switch for them (0.169.0). */
static bool
comes_with_servers(const struct pol_use *u)
{
	static const char *const names[] = { "list_mcp_resources",
		"list_mcp_resource_templates", "read_mcp_resource" };

	return u->agent == POL_CODEX && str_is_any(u->tool, names, LEN(names));
}

/*
 * The question that the launch asked, when it switched tools off; an audited agent has all. Of
 * another server it asked for the whole: its tools were not known, and what it has beyond those
 * that the policy allows is taken out of the request.
 */
static bool
is_switched_off(const struct policy *p, const struct pol_use *u)
{
	const struct pol_use offer = { .agent = u->agent,
		.server = u->server,
		.tool = u->agent == POL_CODEX && u->server.n == 0
				? pol_codex_leader(u->tool)
				: u->tool,
		.asking = POL_OFFER };

	if (pol_mode_of(p, u->agent) == POL_AUDIT || comes_with_servers(u))
		return false;
	if (u->server.n > 0 && !pol_is_pando(u->server))
		return !pol_expects_server(p, u);
	return pol_decide(p, &offer).verdict > POL_AUDITED;
}

static int
shown(struct str name)
{
	return (int)(name.n < SHOWN_MAX ? name.n : SHOWN_MAX);
}

static void
note_strange(struct gw_offers *o, const struct pol_use *u)
{
	const int left = (int)(sizeof o->strange - o->nstrange);
	const int n = snprintf(o->strange + o->nstrange, (size_t)left, "%s%.*s%s%.*s",
		o->nstrange > 0 ? ", " : "", shown(u->server), u->server.p,
		u->server.n > 0 ? "/" : "", shown(u->tool), u->tool.p);

	if (n > 0 && n < left)
		o->nstrange += (size_t)n;
	else
		o->strange[o->nstrange] = '\0'; /* enough are named */
}

void
gw_offers_note(struct gw_offers *o, const struct policy *p, const struct pol_use *u)
{
	size_t n;
	const struct pol_tool *tools = pol_pando_tools(&n);

	o->all++;
	for (size_t i = 0; i < n; i++)
		if (str_is(u->server, tools[i].server) &&
			str_is(u->tool, tools[i].name)) {
			o->ours |= UINT64_C(1) << i;
			return;
		}
	if (is_switched_off(p, u))
		note_strange(o, u);
}

static bool
is_member(struct str object, const char *name, const char *value)
{
	struct js_field f[] = { JS_FIELD(name) };
	struct err ignored = ERR_INIT; /* what is not understood is not excused */
	struct js root;

	return js_check(object, &root, &ignored) == 0 && root.type == JS_OBJECT &&
	       js_fields(root, f, LEN(f), &ignored) == 0 &&
	       f[0].m.val.type == JS_STRING && str_is(js_inside(f[0].m.val), value);
}

bool
gw_handshake_wants_offers(const struct gw_handshake *h, enum pol_agent a, struct str head)
{
	const struct str turn = gw_head_get(head, "x-codex-turn-metadata");

	if (h->offers_seen)
		return false;
	return a != POL_CODEX || (!is_member(turn, "thread_source", "thread_title") &&
					 !is_member(turn, "request_kind", "compaction"));
}

bool
gw_handshake_is_resumed(struct str head)
{
	return is_member(gw_head_get(head, "x-codex-turn-metadata"),
		"history_initialization", "cold_resume");
}

/* As the servers decide what they list (mcp/call.c, server_offers). */
static bool
is_listed(const struct gw_handshake *h, enum pol_agent a, const struct policy *p,
	const struct pol_tool *t)
{
	const struct pol_use use = { .agent = a,
		.server = str_of(t->server),
		.tool = str_of(t->name),
		.asking = POL_OFFER,
		.caller = POL_CALLER_ELSEWHERE };
	const bool bare = h->part[GW_WORKSPACE].no_tools &&
			  strcmp(t->server, parts[GW_WORKSPACE].server) == 0;

	return !bare && pol_decide(p, &use).verdict != POL_DENY;
}

/* Of our tools all, or with claude one. */
static int
check_ours(const struct gw_handshake *h, enum pol_agent a, const struct policy *p,
	const struct gw_offers *o, struct err *e)
{
	size_t n;
	const struct pol_tool *tools = pol_pando_tools(&n);

	for (size_t i = 0; i < n && (a != POL_CLAUDE || o->ours == 0); i++)
		if ((o->ours & UINT64_C(1) << i) == 0 && is_listed(h, a, p, &tools[i]))
			return err_set(e, ERR_REFUSED,
				"its request does not offer %s/%s to the model",
				tools[i].server, tools[i].name);
	return 0;
}

int
gw_handshake_check_offers(struct gw_handshake *h, enum pol_agent a,
	const struct policy *p, const struct gw_offers *o, struct err *e)
{
	if (a == POL_CLAUDE && o->all == 0)
		return 0;
	if (check_ours(h, a, p, o, e) < 0)
		return -1;
	if (o->nstrange > 0 && !o->resumed)
		return err_set(e, ERR_REFUSED,
			"its request offers tools that the launch has switched off: %s",
			o->strange);
	h->offers_seen = true;
	return 0;
}
