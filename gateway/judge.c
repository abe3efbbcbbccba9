#include "gateway/judge.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "gateway/handshake.h"
#include "gateway/usage.h"

enum { IDS_FIRST = 32 };

int
gw_name_read(struct js v, struct gw_name *n, struct err *e)
{
	struct str text;

	n->n = 0;
	if (v.type == JS_NONE || v.type == JS_NULL)
		return 0;
	if (js_text(v, n->s, sizeof n->s, &text, e) < 0)
		return err_wrap(e, "the name of a tool, server, type or call");
	if (text.n > 0 && text.p != n->s)
		memcpy(n->s, text.p, text.n);
	n->n = text.n;
	return 0;
}

static struct pol_decision
built_in_denial(const char *rule, const char *message)
{
	return (struct pol_decision){
		.verdict = POL_DENY,
		.layer = POL_BUILT_IN,
		.rule = rule,
		.file = "built-in",
		.message = message,
	};
}

void
gw_case_take_args(struct gw_case *c, struct js v, enum gw_args want)
{
	const bool fits = v.type == JS_OBJECT ||
			  (want == GW_ARGS_TEXT && v.type == JS_STRING);

	c->args = v.raw;
	if (fits)
		c->use.args = v.raw;
	c->garbled = !fits && want != GW_ARGS_ANY && v.raw.n > 0;
}

void
gw_case_deny_garbled(struct gw_case *c)
{
	c->decision = built_in_denial("gateway.strict",
		"its arguments cannot be read: give them as one JSON object");
}

void
gw_case_decide(const struct gw_judge *j, struct gw_case *c, enum pol_asking asking)
{
	c->use.asking = asking;
	c->use.caller = j->rules->caller;
	c->decision = pol_decide(j->rules->policy, &c->use);
	if (c->remote && pol_is_pando(c->use.server))
		c->decision = built_in_denial("pando",
			"a server at the provider has the name of a server of pando-ai");
	else if (c->garbled && (c->decision.unsure || !gw_case_is_off(c)))
		gw_case_deny_garbled(c);
}

void
gw_case_deny(struct gw_case *c, const char *rule, const char *message)
{
	c->decision = built_in_denial(rule, message);
}

bool
gw_case_is_off(const struct gw_case *c)
{
	switch (c->decision.verdict) {
	case POL_ALLOW:
	case POL_AUDITED:
		return false;
	case POL_ASK: /* our server asks; for any other nobody could */
		return c->remote || !pol_is_pando(c->use.server);
	case POL_DENY:
	case POL_VERDICTS:
		break;
	}
	return true;
}

static void
tell(const struct gw_judge *j, const struct gw_case *c, const char *done, struct str note)
{
	const struct gw_finding f = {
		.what = c->what,
		.done = done,
		.use = c->use,
		.decision = c->decision,
		.call_id = c->call_id,
		.args = c->args,
		.note = note,
	};

	j->sink->found(j->sink->to, &f);
}

static int
refuse(const struct gw_judge *j, const struct gw_case *c, const char *why, struct err *e)
{
	char text[POL_REFUSAL_MAX];

	tell(j, c, "refused", str_of(why));
	return err_set(e, ERR_REFUSED, "%s%s%s", pol_refusal(&c->use, &c->decision, text),
		why[0] != '\0' ? " " : "", why);
}

/*
 * The offer of a tool of our own, which a rule has for nobody or not for subagents. A body that
 * must not be edited may keep it: no call of it would pass. A native tool there says instead that
 * the agent was not started as planned.
 */
static bool
may_stay(const struct gw_judge *j, const struct gw_case *c)
{
	return j->rules->body_fixed && c->use.asking == POL_OFFER && !c->remote &&
	       pol_is_pando(c->use.server);
}

int
gw_judge_part(const struct gw_judge *j, const struct gw_case *c, enum pol_react react,
	const char *done, struct err *e)
{
	if (j->rules->offers != NULL && !c->remote && strcmp(c->what, "definition") == 0)
		gw_offers_note(j->rules->offers, j->rules->policy, &c->use);
	if (!gw_case_is_off(c))
		return 0;
	if (j->rules->audit) {
		tell(j, c, "audited", STR(""));
		return 0;
	}
	if (react == POL_REFUSE)
		return refuse(j, c, "", e);
	if (may_stay(j, c)) {
		tell(j, c, "kept", STR(""));
		return 0;
	}
	if (j->rules->body_fixed)
		return refuse(j, c,
			"It cannot be taken out, because a request under a subscription login "
			"is passed as it is or not at all.",
			e);
	tell(j, c, done, STR(""));
	return 1;
}

/* For a call that goes on. */
static const char *
done_of(const struct gw_judge *j, const struct gw_case *c)
{
	if (c->decision.verdict == POL_ALLOW)
		return "passed";
	return c->decision.verdict == POL_ASK && !j->rules->audit ? "asked" : "audited";
}

static bool
is_too_many(const struct gw_judge *j)
{
	struct gw_meter *m = j->rules->meter;

	return m != NULL && m->may_call != NULL && !m->may_call(m->to, &m->limit);
}

int
gw_judge_call(const struct gw_judge *j, struct gw_case *c, struct err *e)
{
	if (!gw_case_is_off(c) && !j->rules->audit && is_too_many(j))
		c->decision = j->rules->meter->limit;
	if (!gw_case_is_off(c) || j->rules->audit) {
		tell(j, c, done_of(j, c), STR(""));
		return 0;
	}
	if (pol_on_call(j->rules->policy) == POL_REFUSE)
		return refuse(j, c, "", e);
	tell(j, c, "replaced", STR(""));
	return 1;
}

bool
gw_judge_again(const struct gw_judge *j, struct gw_case *c)
{
	const struct gw_meter *m = j->rules->meter;

	if (gw_case_is_off(c) || m == NULL || m->limit.rule == NULL)
		return false;
	c->decision = m->limit;
	return true;
}

int
gw_judge_unseen(const struct gw_judge *j, struct str what, const char *why, struct err *e)
{
	const bool pass = j->rules->audit || pol_on_unknown(j->rules->policy) == POL_NOTE;
	const struct gw_case c = {
		.what = "unknown",
		.use = { .agent = j->rules->agent,
			.server = STR(""),
			.tool = what.n > 0 ? what : STR("something without a type") },
		.decision = {
			.verdict = pass ? POL_AUDITED : POL_DENY,
			.rule = "firewall.unknown",
			.file = gw_settings_file(j->rules->policy, "built-in"),
			.message = why,
		},
	};
	char name[LOG_QUOTED_MAX];

	tell(j, &c, pass ? "audited" : "refused", STR(""));
	if (pass)
		return 0;
	return err_set(e, ERR_REFUSED,
		"[pando-ai] refused %s: %s (rule firewall.unknown, %s)." GW_SEE_SETTINGS,
		log_quoted(c.use.tool, name), why, c.decision.file);
}

int
gw_judge_unknown(const struct gw_judge *j, struct str what, struct err *e)
{
	return gw_judge_unseen(
		j, what, "it could carry a tool call and pando-ai does not know it", e);
}

void
gw_tell_unread(const struct gw_judge *j, const char *what, const struct err *e)
{
	const struct gw_case c = {
		.what = what,
		.use = { .agent = j->rules->agent, .server = STR(""), .tool = STR("") },
		.decision = built_in_denial(
			"gateway.strict", "what is not understood is refused"),
	};

	tell(j, &c, "refused", str_of(e->text));
}

void
gw_put_gone(struct buf *b, const struct gw_case *c)
{
	char name[LOG_QUOTED_MAX];

	buf_puts(b, "[pando-ai] A call of ");
	if (c->use.server.n > 0)
		buf_printf(b, "%s/", log_quoted(c->use.server, name));
	buf_printf(b, "%s stood here; the policy does not allow it (rule %s).",
		log_quoted(c->use.tool, name), c->decision.rule);
}

void
gw_ids_fini(struct gw_ids *s)
{
	for (size_t i = 0; i < s->slots; i++)
		free(s->slot[i]);
	free(s->slot);
	*s = (struct gw_ids){ 0 };
}

/* The slot that has the id, or the empty one where it belongs (linear probing). */
static size_t
find_slot(const struct gw_ids *s, struct str id)
{
	size_t at = hash_more(HASH_FIRST, id) % s->slots;

	while (s->slot[at] != NULL && !str_eq(str_of(s->slot[at]), id))
		at = (at + 1) % s->slots;
	return at;
}

static void
grow(struct gw_ids *s)
{
	struct gw_ids more = { .n = s->n };

	more.slots = s->slots == 0 ? IDS_FIRST : 2 * s->slots;
	more.slot = mem_alloc(more.slots * sizeof *more.slot);
	for (size_t i = 0; i < s->slots; i++)
		if (s->slot[i] != NULL)
			more.slot[find_slot(&more, str_of(s->slot[i]))] = s->slot[i];
	free(s->slot);
	*s = more;
}

int
gw_ids_add(struct gw_ids *s, struct str id, struct err *e)
{
	size_t at;

	if (id.n == 0 || gw_ids_have(s, id))
		return 0;
	if (s->n >= GW_IDS_MAX)
		return err_set(e, ERR_DATA, "more than %d calls that must be remembered",
			(int)GW_IDS_MAX);
	if (2 * (s->n + 1) > s->slots)
		grow(s);
	at = find_slot(s, id);
	s->slot[at] = mem_strdup_str(id);
	s->n++;
	return 0;
}

bool
gw_ids_have(const struct gw_ids *s, struct str id)
{
	return s->slots > 0 && id.n > 0 && s->slot[find_slot(s, id)] != NULL;
}
