#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "mcp/ask.h"
#include "mcp/mutate.h"
#include "mcp/schema.h"
#include "mcp/server.h"

/*
 * One tools/call: decided, logged, checked, run between snapshots, told.
 *
 * The model reads content. The same as an object is in _meta and not in structuredContent,
 * because claude 2.1.329 and codex 0.169.0 show the model structuredContent alone when there
 * is one, and source code in escaped JSON is what no model should have to read.
 */

enum { US_PER_S = 1000000 };

#define RESULT_META "pando-ai/result"

struct call {
	const struct tool *tool;
	const json_t *schema;
	json_t *args;   /* owned */
	struct buf raw; /* the arguments' canonical text: compact, keys sorted */
	char id[TOOL_CALL_ID_MAX + 1];
	int64_t began_us;
	struct err wrong; /* about the arguments, when nobody was asked because of it */
};

static void
call_fini(struct call *c)
{
	json_freep(&c->args);
	buf_fini(&c->raw);
}

/* claude and codex repeat the model's call id here; without one we make our own. */
static int
take_id(struct call *c, const json_t *params, struct err *e)
{
	const json_t *meta = json_object_of(params, "_meta");
	const char *id = json_text_of(meta, "claudecode/toolUseId");
	char own[ID_HEX + 1];

	if (id == NULL)
		id = json_text_of(meta, "callId");
	if (id == NULL || *id == '\0') {
		if (id_new(own, e) < 0)
			return -1;
		id = own;
	}
	if (strlen(id) > TOOL_CALL_ID_MAX)
		return err_set(e, ERR_DATA, "the call id is longer than %d bytes",
			TOOL_CALL_ID_MAX);
	(void)snprintf(c->id, sizeof c->id, "%s", id);
	return 0;
}

static int
take_call(const struct server *s, const json_t *params, struct call *c, struct err *e)
{
	const char *name = json_text_of(params, "name");
	json_t *args = json_object_get(params, "arguments");

	if (name == NULL)
		return err_set(e, ERR_DATA, "tools/call: \"name\" must be a string");
	if (args != NULL && !json_is_object(args) && !json_is_null(args))
		return err_set(
			e, ERR_DATA, "tools/call: \"arguments\" must be an object");
	for (size_t i = 0; i < s->ntools; i++) {
		if (strcmp(s->tool[i]->name, name) != 0)
			continue;
		c->tool = s->tool[i];
		c->schema = s->schema[i];
	}
	if (c->tool == NULL)
		return err_set(e, ERR_DATA, "unknown tool: %.128s", name);
	c->args = json_is_object(args) ? json_incref(args) : json_object();
	json_put(&c->raw, c->args);
	return take_id(c, params, e);
}

static void
put_result(struct buf *out, const struct tool_result *r, bool failed, const char *call_id)
{
	buf_puts(out, "{\"content\":[{\"type\":\"text\",\"text\":");
	buf_put_json(out, buf_str(&r->text));
	buf_printf(out, "}],\"isError\":%s", failed ? "true" : "false");
	if (r->data != NULL) {
		buf_puts(out, ",\"_meta\":{\"" RESULT_META "\":");
		json_put(out, r->data);
		buf_puts(out, ",\"pando-ai/callId\":");
		buf_put_json(out, str_of(call_id));
		buf_putc(out, '}');
	}
	buf_putc(out, '}');
}

static void
put_failure(struct buf *out, const char *text, const char *call_id)
{
	CLEANUP(tool_result_fini) struct tool_result r = TOOL_RESULT_INIT;

	buf_puts(&r.text, text);
	put_result(out, &r, true, call_id);
}

/*
 * Who calls cannot be seen here. In a run the gateway or the hook has seen it and decided;
 * without either the stricter answer holds.
 */
static enum pol_caller
caller_of(const struct server *s)
{
	const bool hooked = s->agent == POL_CLAUDE;
	const bool behind = hooked || pol_mode_of(s->policy, s->agent) != POL_OFF;

	return s->audit->who.run != NULL && behind ? POL_CALLER_ELSEWHERE
						   : POL_CALLER_UNKNOWN;
}

static struct pol_use
use_of_tool(const struct server *s, const struct tool *t, enum pol_asking asking)
{
	return (struct pol_use){
		.agent = s->agent,
		.server = str_of(tool_server_of(t->role)),
		.tool = str_of(t->name),
		.asking = asking,
		.caller = caller_of(s),
	};
}

static struct pol_use
use_of(const struct server *s, const struct call *c)
{
	struct pol_use u = use_of_tool(s, c->tool, POL_CALL);

	u.args = buf_str(&c->raw);
	return u;
}

bool
server_offers(const struct server *s, const struct tool *t)
{
	const struct pol_use use = use_of_tool(s, t, POL_OFFER);

	return pol_mode_of(s->policy, s->agent) == POL_AUDIT ||
	       pol_decide(s->policy, &use).verdict != POL_DENY;
}

static int
record(struct server *s, const struct call *c, const char *event,
	const struct pol_decision *d, const char *note, struct err *e)
{
	const struct pol_use use = use_of(s, c);
	struct rec r = REC_INIT;

	rec_decided(&r, &use, d);
	r.event = event;
	r.layer = "mcp";
	r.call_id = str_of(c->id);
	r.args = buf_str(&c->raw);
	r.mode = pol_mode_name(pol_mode_of(s->policy, s->agent));
	r.elapsed_us = clock_mono_us() - c->began_us;
	r.note = str_of(note);
	return audit_write(s->audit, &r, e);
}

static int
run_between_snapshots(const struct server *s, const struct call *c, struct tool_result *r,
	struct err *e)
{
	struct err later = ERR_INIT;
	struct mutation m;
	int got;

	if (!c->tool->mutates)
		return c->tool->run(&s->host, c->args, r, e);
	if (mutate_begin(&s->host, c->tool, c->args, c->id, &m, e) < 0)
		return -1;
	got = c->tool->run(&s->host, c->args, r, &later);
	if (got < 0) {
		buf_printf(&r->text, "%s\n", later.text);
		r->failed = true;
	}
	mutate_end(&s->host, &m, r);
	return 0;
}

/* -1: nothing was done and e says why. */
static int
carry_out(struct server *s, const struct call *c, struct tool_result *r, struct err *e)
{
	if (schema_check(c->schema, c->args, e) < 0)
		return err_wrap(e, "%s", c->tool->name);
	return run_between_snapshots(s, c, r, e);
}

static enum ask_outcome
ask_person(struct server *s, const struct call *c, const struct pol_decision *d)
{
	const struct pol_use use = use_of(s, c);
	CLEANUP(buf_fini) struct buf params = BUF_INIT(ASK_PARAMS_MAX);
	CLEANUP(json_freep) json_t *answer = NULL;
	const int64_t until = clock_mono_us() + (int64_t)ASK_SECONDS * US_PER_S;

	if (!s->can_ask)
		return ASK_UNABLE;
	ask_put_params(&params, &use, d, c->args);
	if (params.over)
		return ASK_FAILED;
	switch (server_request(
		s, "elicitation/create", buf_str(&params), until, &answer)) {
	case SERVER_ANSWER:
		return ask_outcome_of(answer);
	case SERVER_LATE:
		return ASK_LATE;
	case SERVER_CANCELLED:
	case SERVER_GONE:
		break;
	}
	return ASK_STOPPED;
}

/* Turns the verdict into what the person says. -1: it could not be logged. */
static int
settle(struct server *s, struct call *c, struct pol_decision *d, bool *cancelled,
	struct err *e)
{
	enum ask_outcome o;

	/* nobody is asked for what cannot be done */
	if (schema_check(c->schema, c->args, &c->wrong) < 0) {
		d->verdict = POL_DENY;
		d->message = c->wrong.text;
		return 0;
	}
	o = ask_person(s, c, d);
	if (record(s, c, "mcp_call_asked", d, ask_outcome_name(o), e) < 0)
		return -1;
	*cancelled = o == ASK_STOPPED;
	d->verdict = o == ASK_ALLOWED ? POL_ALLOW : POL_DENY;
	if (o != ASK_ALLOWED)
		d->message = ask_why_not(o);
	return 0;
}

static const char *
event_of(const struct pol_decision *d, bool audit)
{
	switch (d->verdict) {
	case POL_ALLOW:
		return "mcp_call_allowed";
	case POL_AUDITED:
		return "mcp_call_audited";
	case POL_ASK:
	case POL_DENY:
	case POL_VERDICTS:
		break;
	}
	return audit ? "mcp_call_audited" : "mcp_call_denied";
}

/*
 * Decides and logs. 1: the call is made, 0: it is not, and d says why, -1: it would be, but
 * cannot be logged.
 */
static int
decide(struct server *s, struct call *c, struct pol_decision *d, bool *cancelled,
	struct err *e)
{
	const struct pol_use use = use_of(s, c);
	const bool audit = pol_mode_of(s->policy, s->agent) == POL_AUDIT;
	bool go;

	*d = pol_decide(s->policy, &use);
	if (d->verdict == POL_ASK && !audit && settle(s, c, d, cancelled, e) < 0)
		return -1;
	go = audit || d->verdict == POL_ALLOW || d->verdict == POL_AUDITED;
	/* a refusal stands with its own reason, also when it cannot be logged */
	if (record(s, c, event_of(d, audit), d, "", e) < 0 && go)
		return -1;
	return go;
}

/*
 * Whether the model made the call. 1: it did, or it is not to be known; 0: it did not, and d
 * says so; -1: it could not be logged.
 */
static int
find_witness(struct server *s, struct call *c, struct pol_decision *d, struct err *e)
{
	const bool audit = s->witness->mode == POL_AUDIT;

	if (s->witness->mode == POL_OFF || witness_take(s->witness, c->id, c->tool->name,
						   buf_str(&c->raw), &c->wrong) == 0)
		return 1;
	*d = (struct pol_decision){
		.verdict = POL_DENY,
		.layer = POL_BUILT_IN,
		.rule = POL_RULE_WITNESS,
		.file = "built-in",
		.message = c->wrong.text,
	};
	if (record(s, c, audit ? "mcp_witness_audited" : "mcp_witness_refused", d,
		    c->wrong.text, e) < 0 &&
		audit)
		return -1;
	return audit;
}

static void
decide_and_run(struct server *s, struct call *c, struct buf *result, bool *cancelled)
{
	CLEANUP(tool_result_fini) struct tool_result r = TOOL_RESULT_INIT;
	const struct pol_use use = use_of(s, c);
	struct pol_decision d;
	struct err e = ERR_INIT;
	char text[POL_REFUSAL_MAX];
	int go = find_witness(s, c, &d, &e);

	if (go > 0)
		go = decide(s, c, &d, cancelled, &e);
	if (go < 0) {
		(void)err_wrap(&e, "not done, because it cannot be logged");
		put_failure(result, e.text, c->id);
		return;
	}
	if (go == 0) {
		put_failure(result, pol_refusal(&use, &d, text), c->id);
		return;
	}
	if (carry_out(s, c, &r, &e) < 0) {
		buf_reset(&r.text);
		buf_puts(&r.text, e.text);
		r.failed = true;
	}
	if (r.failed && record(s, c, "mcp_call_failed", &d, "", &e) < 0)
		buf_printf(&r.text, "\nand this could not be logged: %s\n", e.text);
	*cancelled = r.cancelled;
	put_result(result, &r, r.failed, c->id);
}

int
server_call(struct server *s, const json_t *params, struct buf *result, bool *cancelled,
	struct err *e)
{
	CLEANUP(call_fini)
	struct call c = { .raw = BUF_INIT(RPC_LINE_MAX), .began_us = clock_mono_us() };

	if (s->unavailable != NULL) {
		(void)err_set(e, ERR_SANDBOX,
			"There are no tools, because the sandbox is not available: %s. Nothing "
			"is changed or run without it.",
			s->unavailable);
		put_failure(result, e->text, "");
		return 0;
	}
	if (take_call(s, params, &c, e) < 0 || c.tool == NULL)
		return RPC_BAD_PARAMS;
	decide_and_run(s, &c, result, cancelled);
	return 0;
}
