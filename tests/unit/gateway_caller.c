#include "gateway/caller.h"

#include "tests/unit/test.h"

#define CLAUDE_ID "X-Claude-Code-Session-Id: 51b15b5f\n"
#define CODEX_IDS "session-id: 01a1ff14\nthread-id: 01a1ff14\n"

struct row {
	enum pol_agent agent;
	const char *version, *head;
	enum pol_caller want;
};

/* As both clients were seen to send them, and what a stranger could. */
static const struct row rows[] = {
	{ POL_CLAUDE, "2.1.329", "X-App: cli\n" CLAUDE_ID, POL_CALLER_MAIN },
	{ POL_CLAUDE, "2.1.329", CLAUDE_ID "x-claude-code-agent-id: a0a73286f\n",
		POL_CALLER_SUBAGENT },
	{ POL_CLAUDE, "2.1.329",
		CLAUDE_ID
		"x-claude-code-parent-agent-id: a0\nX-CLAUDE-CODE-AGENT-ID: b1\n",
		POL_CALLER_SUBAGENT },
	{ POL_CLAUDE, "2.1.329", CLAUDE_ID "x-claude-code-agent-id: \n",
		POL_CALLER_SUBAGENT },
	{ POL_CLAUDE, "2.1.329", CLAUDE_ID "x-claude-code-agent-type: custom\n",
		POL_CALLER_SUBAGENT },
	{ POL_CLAUDE, "2.1.139", CLAUDE_ID, POL_CALLER_MAIN },
	{ POL_CLAUDE, "2.2.0", CLAUDE_ID, POL_CALLER_MAIN },
	{ POL_CLAUDE, "3.0.1-beta", CLAUDE_ID, POL_CALLER_MAIN },
	{ POL_CLAUDE, "2.1.138", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.0.999", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "1.9.999", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.1.138", CLAUDE_ID "x-claude-code-agent-id: a\n",
		POL_CALLER_SUBAGENT },
	{ POL_CLAUDE, "unknown", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.1", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.1.329", "", POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.1.329", "X-Claude-Code-Session-Id:\n", POL_CALLER_UNKNOWN },
	{ POL_CLAUDE, "2.1.329", CLAUDE_ID CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", CODEX_IDS, POL_CALLER_MAIN },
	{ POL_CODEX, "0.169.0",
		"session-id: 01a1ff14\nthread-id: 01a1ff99\nx-openai-subagent: collab_spawn\n"
		"x-codex-parent-thread-id: 01a1ff14\n",
		POL_CALLER_SUBAGENT },
	{ POL_CODEX, "0.169.0", CODEX_IDS "X-OpenAI-Subagent: review\n",
		POL_CALLER_SUBAGENT },
	{ POL_CODEX, "0.169.0", CODEX_IDS "x-codex-parent-thread-id: 1\n",
		POL_CALLER_SUBAGENT },
	{ POL_CODEX, "0.169.0", "session-id: 01a1ff14\nthread-id: 01a1ff99\n",
		POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", "thread-id: 01a1ff14\n", POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", "session-id:\nthread-id:\n", POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", CODEX_IDS "thread-id: 01a1ff14\n", POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", CLAUDE_ID, POL_CALLER_UNKNOWN },
	{ POL_CODEX, "0.169.0", "", POL_CALLER_UNKNOWN },
};

static void
the_clients_headers_tell_who_speaks(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct row *r = &rows[i];

		ok_int(gw_caller_of(r->agent, r->version, str_of(r->head)), r->want,
			r->head);
	}
}

/* A head that is cut never makes a subagent the agent itself. */
static void
no_prefix_turns_a_subagent_into_the_agent(void)
{
	static const char head[] = "x-openai-subagent: collab_spawn\nthread-id: 2\n"
				   "session-id: 2\nx-claude-code-agent-id: a\n" CLAUDE_ID;

	for (size_t n = sizeof "x-openai-subagent"; n < sizeof head; n++)
		ok_int(gw_caller_of(POL_CODEX, "0.169.0", (struct str){ head, n }),
			POL_CALLER_SUBAGENT, "codex");
	ok_int(gw_caller_of(POL_CLAUDE, "2.1.329", STR(head)), POL_CALLER_SUBAGENT,
		"claude");
}

int
main(void)
{
	the_clients_headers_tell_who_speaks();
	no_prefix_turns_a_subagent_into_the_agent();
	return test_done();
}
