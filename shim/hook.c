#include "shim/hook.h"

#include <stdlib.h>

static const struct {
	const char *name;   /* as claude calls it */
	const char *logged; /* as the decision log calls it; tools: see hook_rec */
	bool has_tool;
} events[HOOK_EVENTS] = {
	[HOOK_SESSION_START] = { "SessionStart", "hook_session_start", false },
	[HOOK_PROMPT] = { "UserPromptSubmit", "hook_prompt", false },
	[HOOK_PRE_TOOL] = { "PreToolUse", NULL, true },
	[HOOK_POST_TOOL] = { "PostToolUse", "hook_result", true },
	[HOOK_CONFIG_CHANGE] = { "ConfigChange", "hook_config_refused", false },
	[HOOK_SESSION_END] = { "SessionEnd", "hook_session_end", false },
};

void
hook_call_fini(struct hook_call *c)
{
	json_freep(&c->root);
	mem_freep((void *)&c->args);
}

static int
event_from(const char *name, enum hook_event *event, struct err *e)
{
	for (int i = 0; i < HOOK_EVENTS; i++) {
		if (strcmp(name, events[i].name) != 0)
			continue;
		*event = (enum hook_event)i;
		return 0;
	}
	return err_set(e, ERR_USAGE, "no hook for the event \"%.64s\"", name);
}

/*
 * In a subagent there is an agent_id, and agent_type is what it was defined as; agent_type
 * alone is the kind of the session itself (--agent).
 */
static int
read_caller(struct hook_call *c, struct err *e)
{
	const json_t *id = json_object_get(c->root, "agent_id");
	const json_t *type = json_object_get(c->root, "agent_type");

	if ((id != NULL && !json_is_string(id)) ||
		(type != NULL && !json_is_string(type)))
		return err_set(e, ERR_DATA,
			"want agent_id and agent_type as texts, or not at all");
	c->in_subagent = id != NULL;
	c->subagent = str_of(id == NULL ? NULL : json_string_value(type));
	return 0;
}

static int
read_tool(struct hook_call *c, struct err *e)
{
	const json_t *input = json_object_of(c->root, "tool_input");

	c->tool = str_of(json_text_of(c->root, "tool_name"));
	c->call_id = str_of(json_text_of(c->root, "tool_use_id"));
	if (c->tool.n == 0 || c->call_id.n == 0 || input == NULL)
		return err_set(e, ERR_DATA,
			"want tool_name, tool_use_id and tool_input as text, text and object");
	c->args = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);
	if (c->args == NULL)
		abort();
	return read_caller(c, e);
}

int
hook_read(struct hook_call *c, const char *event, struct str json, struct err *e)
{
	const char *said;

	if (event_from(event, &c->event, e) < 0)
		return -1;
	c->root = json_parse(json, e);
	if (c->root == NULL)
		return err_wrap(e, "the hook's input");
	said = json_text_of(c->root, "hook_event_name");
	if (said == NULL || strcmp(said, event) != 0)
		return err_set(e, ERR_DATA,
			"the hook's input is not for the event %s: want that in "
			"hook_event_name",
			event);
	if (json_text_of(c->root, "session_id") == NULL)
		return err_set(e, ERR_DATA, "the hook's input has no session_id");
	return events[c->event].has_tool ? read_tool(c, e) : 0;
}

static bool
passes(const struct hook_call *c)
{
	switch (c->decision.verdict) {
	case POL_ALLOW:
	case POL_AUDITED:
		return true;
	case POL_ASK:
		/*
		 * Our own server asks. A hook's "ask" could be answered by another hook, so for
		 * any other server there is nobody to ask.
		 */
		if (pol_is_pando(c->use.server))
			return true;
		break;
	case POL_DENY:
	case POL_VERDICTS:
		break;
	}
	return c->mode == POL_AUDIT;
}

void
hook_decide(struct hook_call *c, const struct policy *p)
{
	c->mode = pol_mode_of(p, POL_CLAUDE);
	c->checks_in = pol_handshake_of(p, POL_CLAUDE) != POL_OFF;
	c->goes_on = c->event != HOOK_CONFIG_CHANGE;
	if (!events[c->event].has_tool)
		return;
	c->use = pol_use_of_joined(p, POL_CLAUDE, c->tool);
	c->use.asking = POL_CALL;
	c->use.args = str_of(c->args);
	c->use.caller = c->in_subagent ? POL_CALLER_SUBAGENT : POL_CALLER_MAIN;
	c->use.subagent = c->subagent;
	c->decision = pol_decide(p, &c->use);
	if (c->event == HOOK_PRE_TOOL)
		c->goes_on = passes(c);
}

int
hook_put_answer(const struct hook_call *c, struct buf *out, struct err *e)
{
	char why[POL_REFUSAL_MAX];

	/* says nothing on permission: the launch has allowed our tools by name */
	if (c->goes_on) {
		buf_puts(out, "{}\n");
	} else {
		(void)pol_refusal(&c->use, &c->decision, why); /* answers why */
		buf_puts(out, "{\"hookSpecificOutput\":{\"hookEventName\":\"PreToolUse\","
			      "\"permissionDecision\":\"deny\","
			      "\"permissionDecisionReason\":");
		buf_put_json(out, str_of(why));
		/* without it the person at the terminal sees nothing */
		buf_puts(out, "},\"systemMessage\":");
		buf_put_json(out, str_of(why));
		buf_puts(out, "}\n");
	}
	return out->over ? err_set(e, ERR_DATA, "the hook's answer is too long") : 0;
}

static const char *
tool_event(const struct hook_call *c)
{
	if (!c->goes_on)
		return "hook_denied";
	if (c->decision.verdict == POL_ASK && c->mode != POL_AUDIT)
		return "hook_asked";
	return c->decision.verdict == POL_ALLOW ? "hook_allowed" : "hook_audited";
}

struct rec
hook_rec(const struct hook_call *c)
{
	struct rec r = REC_INIT;

	r.layer = "hook";
	r.event = events[c->event].logged;
	r.mode = pol_mode_name(c->mode);
	r.note = str_of(json_text_of(c->root, "session_id"));
	if (events[c->event].has_tool) {
		rec_decided(&r, &c->use, &c->decision);
		r.call_id = c->call_id;
		r.args = str_of(c->args);
	}
	if (c->event == HOOK_PRE_TOOL)
		r.event = tool_event(c);
	if (c->event == HOOK_CONFIG_CHANGE)
		r.verdict = pol_verdict_name(POL_DENY);
	return r;
}

const char *
hook_session(const struct hook_call *c)
{
	const bool begins = c->event == HOOK_SESSION_START || c->event == HOOK_PROMPT;

	if (!c->checks_in || !begins)
		return NULL;
	return json_text_of(c->root, "session_id");
}
