/* What has checked in, what is missing, and which tools codex must offer. */

#include "gateway/handshake.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define OF_A "X-Claude-Code-Session-Id: aaaa-1\n"
#define OF_B "X-Claude-Code-Session-Id: bbbb-2\n"

static int
take(struct gw_handshake *h, const char *line)
{
	struct err e = ERR_INIT;

	return gw_handshake_take(h, str_of(line), &e);
}

static void
says(const struct gw_handshake *h, enum pol_agent a, const char *head, const char *want)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1024);

	gw_handshake_put_missing(h, a, str_of(head), &b);
	ok_str(buf_text(&b), want, head);
	ok_int(gw_handshake_is_complete(h, a, str_of(head)), want[0] == '\0', head);
}

/* The workspace server is not trusted, and each line is kept. */
static void
there_is_an_end_to_news(void)
{
	struct gw_handshake h = { .nsessions = 0 }, again = { .nsessions = 0 };
	CLEANUP(buf_fini) struct buf kept = BUF_INIT(GW_CHECKINS_BYTES);
	char line[GW_SESSION_MAX + 16];

	ok_int(take(&h, "up core"), 1, "core");
	buf_puts(&kept, "up core\n");
	for (int i = 0; i < 10 * GW_PART_NEWS_MAX; i++) {
		const char *flip = i % 2 == 0 ? "bare workspace" : "up workspace";
		const int got = take(&h, flip);

		ok_int(got, i < GW_PART_NEWS_MAX ? 1 : i % 2 == 0 ? -1 : 0, flip);
		if (got > 0)
			buf_printf(&kept, "%s\n", flip);
	}
	for (int i = 0; i < GW_SESSIONS_EVER + 10; i++) {
		(void)snprintf(line, sizeof line, "session %064d", i);
		ok_int(take(&h, line), i < GW_SESSIONS_EVER ? 1 : -1, "a session");
		if (i < GW_SESSIONS_EVER)
			buf_printf(&kept, "%s\n", line);
	}
	ok(!kept.over, "all of it fits what is read again");
	gw_handshake_restore(&again, buf_str(&kept));
	ok_int(again.nsessions, h.nsessions, "and is understood");
	ok(memcmp(again.session, h.session, sizeof h.session) == 0, "each session");
	for (int i = 0; i < GW_PARTS; i++)
		ok(again.part[i].was_up == h.part[i].was_up &&
				again.part[i].no_tools == h.part[i].no_tools,
			"each server");
}

static void
all_parts_check_in(void)
{
	struct gw_handshake h = { .nsessions = 0 };

	says(&h, POL_CLAUDE, OF_A,
		"pando_core has not started, pando_workspace has not started, the hook of its "
		"session has not run");
	says(&h, POL_CODEX, "",
		"pando_core has not started, pando_workspace has not started");
	ok(!gw_handshake_has_gap(&h, POL_CODEX, STR("")), "nothing was there");
	gw_handshake_serve(&h, GW_CORE, 1);
	says(&h, POL_CODEX, "",
		"pando_core has not answered the agent yet, pando_workspace has not started");
	gw_handshake_serve(&h, GW_WORKSPACE, 1);
	ok_int(take(&h, "up core"), 1, "news");
	ok_int(take(&h, "up core"), 0, "no news");
	ok_int(take(&h, "listed core"), 1, "news");
	ok_int(take(&h, "listed core"), 0, "no news");
	ok_int(take(&h, "listed workspace"), 1, "news, but not that it is up");
	ok_int(take(&h, "bare workspace"), 1, "news");
	says(&h, POL_CODEX, "", "");
	says(&h, POL_CLAUDE, OF_A, "the hook of its session has not run");
	says(&h, POL_CLAUDE, "", "the request does not say its session");
	ok_int(take(&h, "session aaaa-1"), 1, "news");
	ok_int(take(&h, "session aaaa-1"), 0, "no news");
	says(&h, POL_CLAUDE, OF_A, "");
	says(&h, POL_CLAUDE, OF_B, "the hook of its session has not run");
	says(&h, POL_CLAUDE, OF_A OF_B, "the request does not say its session");
	gw_handshake_serve(&h, GW_CORE, -1);
	says(&h, POL_CLAUDE, OF_A, "pando_core has ended");
	ok(gw_handshake_has_gap(&h, POL_CLAUDE, STR(OF_A)), "a server has ended");
	ok(!gw_handshake_has_gap(&h, POL_CLAUDE, STR(OF_B)), "no gap excuses a session");
	gw_handshake_serve(&h, GW_CORE, 2);
	gw_handshake_serve(&h, GW_CORE, -1);
	says(&h, POL_CLAUDE, OF_A, "");
}

static void
what_comes_ends_having_given_up(void)
{
	struct gw_handshake h = { .given_up = true };

	(void)take(&h, "up core");
	ok(!h.given_up, "a server answers");
	h.given_up = true;
	(void)take(&h, "up core");
	ok(h.given_up, "nothing new");
	(void)take(&h, "session x");
	ok(!h.given_up, "a session");
	h.given_up = true;
	gw_handshake_serve(&h, GW_CORE, 1);
	ok(!h.given_up, "a server connects");
	h.given_up = true;
	gw_handshake_serve(&h, GW_CORE, -1);
	ok(!h.given_up, "a server ends: it may come again");
}

static void
nothing_else_checks_in(void)
{
	static const char *const rows[] = {
		"", "up", "up ", "listed", "listed ", "up gateway", "up core ", "core",
		"session", "session ", "session a b", "session a\nup core",
		"session \xc3\xa9",
		"session 0123456789012345678901234567890123456789012345678901234567890123x"
	};
	struct gw_handshake h = { .nsessions = 0 };

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(take(&h, rows[i]), -1, rows[i]);
	ok_int(h.nsessions, 0, "nobody");
}

static void
the_latest_sessions_are_known(void)
{
	struct gw_handshake h = { .nsessions = 0 };
	char line[64], head[64];

	gw_handshake_serve(&h, GW_CORE, 1);
	gw_handshake_serve(&h, GW_WORKSPACE, 1);
	gw_handshake_restore(&h, STR("up core\nup workspace\n"));
	for (int i = 0; i <= GW_SESSIONS_MAX; i++) {
		(void)snprintf(line, sizeof line, "session s%d", i);
		ok_int(take(&h, line), 1, line);
	}
	for (int i = 0; i <= GW_SESSIONS_MAX; i++) {
		(void)snprintf(head, sizeof head, "x-claude-code-session-id: s%d\n", i);
		ok_int(gw_handshake_is_complete(&h, POL_CLAUDE, str_of(head)), i > 0,
			head);
	}
}

static void
the_next_gateway_knows_what_was_written_down(void)
{
	struct gw_handshake h = { .nsessions = 0 };

	gw_handshake_restore(&h,
		STR("session aaaa-1\n\nnonsense\nup core\nup workspace\nsession bbbb-2\nsession ccc"));
	gw_handshake_serve(&h, GW_CORE, 1);
	gw_handshake_serve(&h, GW_WORKSPACE, 1);
	says(&h, POL_CLAUDE, OF_A, "");
	says(&h, POL_CLAUDE, OF_B, "");
	says(&h, POL_CLAUDE, "x-claude-code-session-id: ccc\n",
		"the hook of its session has not run");
	ok(gw_handshake_wants_offers(&h, POL_CLAUDE, STR(OF_A)), "no tools have come");
	gw_handshake_restore(&h, STR(GW_OFFERED "\n"));
	ok(!gw_handshake_wants_offers(&h, POL_CLAUDE, STR(OF_A)), "they were right");
	ok(!gw_handshake_wants_offers(&h, POL_CODEX, STR("")), "and codex's");
}

static void
note(struct gw_offers *o, const struct policy *p, const char *server, const char *tool)
{
	const struct pol_use u = { .agent = POL_CODEX,
		.server = str_of(server),
		.tool = str_of(tool),
		.asking = POL_OFFER };

	gw_offers_note(o, p, &u);
}

static void
note_ours(struct gw_offers *o, const struct policy *p, const char *but)
{
	size_t n;
	const struct pol_tool *t = pol_pando_tools(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(t[i].name, but) != 0 && strcmp(t[i].server, but) != 0)
			note(o, p, t[i].server, t[i].name);
}

static void
checks(struct gw_handshake *h, const struct policy *p, const struct gw_offers *o,
	const char *want)
{
	struct err e = ERR_INIT;

	ok_int(gw_handshake_check_offers(h, POL_CODEX, p, o, &e),
		want[0] == '\0' ? 0 : -1, want);
	ok_str(e.text, want, want);
	ok_int(h->offers_seen, want[0] == '\0', want);
}

static void
codex_offers_ours_and_none_that_is_switched_off(void)
{
	CLEANUP(pol_freep) struct policy *p = pol_default();
	struct gw_handshake h = { .nsessions = 0 };
	struct gw_offers all = { .nstrange = 0 }, less = all, more = all, core = all;

	note_ours(&all, p, "");
	note(&all, p, "", "list_mcp_resources");
	note_ours(&less, p, "find-nodes");
	note_ours(&more, p, "");
	note(&more, p, "", "exec_command");
	note(&more, p, "", "write_stdin");
	note(&more, p, "evil", "touch");
	note_ours(&core, p, "pando_workspace");
	checks(&h, p, &(struct gw_offers){ .nstrange = 0 },
		"its request does not offer pando_core/read-file to the model");
	checks(&h, p, &less,
		"its request does not offer pando_core/find-nodes to the model");
	checks(&h, p, &more,
		"its request offers tools that the launch has switched off: exec_command, "
		"write_stdin, evil/touch");
	checks(&h, p, &core,
		"its request does not offer pando_workspace/replace to the model");
	more.resumed = less.resumed = true;
	checks(&h, p, &less,
		"its request does not offer pando_core/find-nodes to the model");
	checks(&(struct gw_handshake){ .nsessions = 0 }, p, &more, "");
	ok(gw_handshake_is_resumed(STR("x-codex-turn-metadata: "
				       "{\"history_initialization\":\"cold_resume\"}\n")),
		"a resumed thread");
	ok(!gw_handshake_is_resumed(
		   STR("x-codex-turn-metadata: {\"history_initialization\":\"new\"}\n")),
		"a new one");
	checks(&h, p, &all, "");
	h = (struct gw_handshake){ .nsessions = 0 };
	(void)take(&h, "bare workspace");
	checks(&h, p, &core, "");
	ok(!gw_handshake_wants_offers(&h, POL_CODEX, STR("")), "asked once");
}

/* claude may have fewer of ours, and titles have none. */
static void
claude_offers_some_of_ours_and_none_that_is_switched_off(void)
{
	static const char bash[] =
		"its request offers tools that the launch has switched off: Bash, ide/run";
	static const struct {
		const char *server[3], *tool[3], *want;
		bool seen;
	} rows[] = {
		{ { NULL }, { NULL }, "", false },
		{ { "pando_core" }, { "read-file" }, "", true },
		{ { "" }, { "Bash" },
			"its request does not offer pando_core/read-file to the model",
			false },
		{ { "pando_core", "", "ide" }, { "read-file", "Bash", "run" }, bash,
			false },
		/* what comes with codex's servers does not come here */
		{ { "pando_core", "" }, { "read-file", "list_mcp_resources" },
			"its request offers tools that the launch has switched off: "
			"list_mcp_resources",
			false },
	};
	CLEANUP(pol_freep) struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(rows); i++) {
		struct gw_handshake h = { .nsessions = 0 };
		struct gw_offers o = { .nstrange = 0 };
		struct err e = ERR_INIT;

		for (size_t k = 0; k < LEN(rows[i].tool) && rows[i].tool[k] != NULL;
			k++) {
			const struct pol_use u = { .agent = POL_CLAUDE,
				.server = str_of(rows[i].server[k]),
				.tool = str_of(rows[i].tool[k]),
				.asking = POL_OFFER };

			gw_offers_note(&o, p, &u);
		}
		(void)gw_handshake_check_offers(&h, POL_CLAUDE, p, &o, &e);
		ok_str(e.text, rows[i].want, rows[i].want);
		ok_int(h.offers_seen, rows[i].seen, rows[i].want);
	}
}

/* The launch cannot know which tools it has: what is denied of them is taken out later. */
static void
tools_of_an_admitted_server_are_no_surprise(void)
{
	static const char policy[] =
		"[other_mcp]\nmode = \"allow_list\"\n"
		"servers = [{ server = \"docs\", tools = [\"get\"] }]\n";
	CLEANUP(pol_freep)
	struct policy *p = pol_parse(STR(policy), "p", &(struct err){ 0 });
	struct gw_offers o = { .nstrange = 0 };

	note(&o, p, "docs", "get");
	note(&o, p, "docs", "put");
	ok_str(o.strange, "", "docs is admitted");
	note(&o, p, "wiki", "get");
	note(&o, p, "docs__x", "get");
	ok_str(o.strange, "wiki/get, docs__x/get", "the others are not");
}

static void
an_audited_agent_may_offer_all(void)
{
	static const char policy[] = "[proxy]\nclaude = \"audit\"\n";
	CLEANUP(pol_freep)
	struct policy *p = pol_parse(STR(policy), "p", &(struct err){ 0 });
	struct gw_offers o = { .nstrange = 0 };
	const struct pol_use bash = {
		.agent = POL_CLAUDE, .tool = STR("Bash"), .asking = POL_OFFER
	};

	gw_offers_note(&o, p, &bash);
	ok_str(o.strange, "", "nothing is strange");
}

static void
many_strange_names_are_cut(void)
{
	CLEANUP(pol_freep) struct policy *p = pol_default();
	struct gw_offers o = { .nstrange = 0 };
	char name[64];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "strange_tool_number_%d", i);
		note(&o, p, "", name);
	}
	ok(strlen(o.strange) == o.nstrange && o.nstrange < GW_STRANGE_MAX, "they fit");
	ok(strncmp(o.strange, "strange_tool_number_0, strange_tool_number_1,", 45) == 0,
		"first");
}

static void
titles_and_compaction_are_not_looked_at(void)
{
	static const struct {
		const char *head;
		bool want;
	} rows[] = {
		{ "", true },
		{ "x-codex-turn-metadata: {\"thread_source\":\"user\",\"request_kind\":\"turn\"}\n",
			true },
		{ "x-codex-turn-metadata: {\"thread_source\":\"thread_title\"}\n",
			false },
		{ "x-codex-turn-metadata: {\"a\":1,\"request_kind\":\"compaction\"}\n",
			false },
		{ "x-codex-turn-metadata: {\"request_kind\":\"compaction\"\n", true },
		{ "x-codex-turn-metadata: [\"request_kind\",\"compaction\"]\n", true },
		{ "x-codex-turn-metadata: {\"request_kind\":[\"compaction\"]}\n", true },
		{ "x-codex-turn-metadata: compaction\n", true },
	};
	const struct gw_handshake h = { .nsessions = 0 };

	for (size_t i = 0; i < LEN(rows); i++) {
		ok_int(gw_handshake_wants_offers(&h, POL_CODEX, str_of(rows[i].head)),
			rows[i].want, rows[i].head);
	}
}

int
main(void)
{
	there_is_an_end_to_news();
	all_parts_check_in();
	what_comes_ends_having_given_up();
	nothing_else_checks_in();
	the_latest_sessions_are_known();
	the_next_gateway_knows_what_was_written_down();
	codex_offers_ours_and_none_that_is_switched_off();
	claude_offers_some_of_ours_and_none_that_is_switched_off();
	tools_of_an_admitted_server_are_no_surprise();
	an_audited_agent_may_offer_all();
	many_strange_names_are_cut();
	titles_and_compaction_are_not_looked_at();
	return test_done();
}
