#include "gateway/audit.h"

#include <stdio.h>

#include "base/json/json.h"
#include "gateway/canonical.h"

enum { EVENT_MAX = 64, NOTE_MAX = 96 };

static const char layer[] = "gateway";

static const char *
mode_of(const struct gw_reg *r)
{
	return pol_mode_name(pol_mode_of(r->policy, r->agent));
}

int
gw_audit_run(struct gw_reg *r, const char *event, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = event;
	rec.layer = layer;
	rec.api = gw_api_name(r->agent == POL_CODEX ? GW_RESPONSES : GW_MESSAGES);
	rec.mode = mode_of(r);
	rec.file = gw_settings_file(r->policy, "built-in");
	return rec_write(&r->log, &who, &rec, e);
}

int
gw_audit_request(struct gw_reg *r, const struct gw_audit_request *q, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;
	char note[NOTE_MAX];

	rec.event = "gateway_request";
	rec.layer = layer;
	rec.direction = "request";
	rec.api = gw_api_name(q->api);
	rec.mode = mode_of(r);
	rec.elapsed_us = q->elapsed_us;
	rec.verdict = pol_verdict_name(q->refusal == NULL ? POL_ALLOW : POL_DENY);
	if (q->why != NULL) {
		rec.rule = q->why->rule;
		rec.file = q->why->file;
		rec.line = q->why->line;
	}
	if (q->refusal != NULL) {
		rec.note = str_of(q->refusal);
	} else if (q->changes > 0) {
		(void)snprintf(note, sizeof note, "%zu parts taken out", q->changes);
		rec.note = str_of(note);
	}
	return rec_defer(&r->log, &who, &rec, e);
}

int
gw_audit_usage(struct gw_reg *r, enum gw_api api, const struct rec_usage *u,
	int64_t elapsed_us, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = "gateway_usage";
	rec.layer = layer;
	rec.api = gw_api_name(api);
	rec.mode = mode_of(r);
	rec.usage = u;
	rec.elapsed_us = elapsed_us;
	gw_reg_flush_soon(r);
	return rec_defer(&r->log, &who, &rec, e);
}

int
gw_audit_budget(struct gw_reg *r, enum gw_api api, const struct pol_decision *d,
	const char *text, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = "gateway_budget_audited";
	rec.layer = layer;
	rec.direction = "request";
	rec.api = gw_api_name(api);
	rec.verdict = pol_verdict_name(POL_AUDITED);
	rec.rule = d->rule;
	rec.file = d->file;
	rec.line = d->line;
	rec.mode = mode_of(r);
	rec.note = str_of(text);
	return rec_write(&r->log, &who, &rec, e);
}

/* As every other layer writes them, so that the hashes are the same. */
static struct str
canonical(struct str args, struct buf *b)
{
	struct err unread = ERR_INIT; /* then the bytes themselves are named */
	CLEANUP(json_freep) json_t *j = NULL;

	if (args.n == 0)
		return args;
	if (gw_canonical_put(args, b))
		return buf_str(b);
	buf_reset(b);
	j = json_parse(args, &unread);
	if (j == NULL)
		return args;
	json_put(b, j);
	return b->over ? args : buf_str(b);
}

int
gw_audit_finding(struct gw_reg *r, enum gw_api api, const char *direction,
	const struct gw_finding *f, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	CLEANUP(buf_fini) struct buf args = BUF_INIT(GW_HELD_MAX);
	struct rec rec = REC_INIT;
	char event[EVENT_MAX];

	(void)snprintf(event, sizeof event, "gateway_%s_%s", f->what,
		strcmp(f->done, "passed") == 0 ? "allowed" : f->done);
	rec.event = event;
	rec.layer = layer;
	rec.direction = direction;
	rec.api = gw_api_name(api);
	rec.call_id = f->call_id;
	rec.args = canonical(f->args, &args);
	rec.mode = mode_of(r);
	rec.note = f->note;
	rec_decided(&rec, &f->use, &f->decision);
	return rec_defer(&r->log, &who, &rec, e);
}

int
gw_audit_flush(struct gw_reg *r, struct err *e)
{
	return rec_flush(&r->log, e);
}

int
gw_audit_refused(struct rec_log *log, const struct rec_who *who, enum gw_api api,
	const char *why, struct err *e)
{
	struct rec rec = REC_INIT;

	rec.event = "gateway_refused";
	rec.layer = layer;
	rec.api = gw_api_name(api);
	rec.verdict = pol_verdict_name(POL_DENY);
	rec.note = str_of(why);
	return rec_write(log, who, &rec, e);
}

int
gw_audit_lost(
	struct rec_log *log, const struct rec_who *who, const char *why, struct err *e)
{
	struct rec rec = REC_INIT;

	rec.event = "gateway_run_lost";
	rec.layer = layer;
	rec.note = str_of(why);
	return rec_write(log, who, &rec, e);
}

int
gw_audit_checkin(struct gw_reg *r, const char *line, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = "gateway_checkin";
	rec.layer = layer;
	rec.note = str_of(line);
	return rec_write(&r->log, &who, &rec, e);
}

static int
audit_handshake(struct gw_reg *r, enum gw_api api, const char *event, const char *verdict,
	const char *why, struct err *e)
{
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = event;
	rec.layer = layer;
	rec.direction = "request";
	rec.api = gw_api_name(api);
	rec.verdict = verdict;
	rec.rule = POL_RULE_HANDSHAKE;
	rec.file = "built-in";
	rec.mode = pol_mode_name(pol_handshake_of(r->policy, r->agent));
	rec.note = str_of(why);
	return rec_write(&r->log, &who, &rec, e);
}

int
gw_audit_handshake(struct gw_reg *r, enum gw_api api, const char *why, struct err *e)
{
	const bool audit = pol_handshake_of(r->policy, r->agent) == POL_AUDIT;

	return audit_handshake(r, api,
		audit ? "gateway_handshake_audited" : "gateway_handshake_refused",
		pol_verdict_name(POL_DENY), why, e);
}

int
gw_audit_gap(struct gw_reg *r, enum gw_api api, const char *why, struct err *e)
{
	return audit_handshake(
		r, api, "gateway_handshake_gap", pol_verdict_name(POL_ALLOW), why, e);
}

int
gw_audit_witness(
	struct gw_reg *r, const struct gw_call *c, const char *why, struct err *e)
{
	const enum pol_mode mode = pol_witness_of(r->policy, r->agent);
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;

	rec.event = "gateway_witness_refused";
	rec.layer = layer;
	rec.server = c->server;
	rec.tool = c->tool;
	rec.call_id = c->id;
	rec.args_sha256 = c->args_sha256;
	rec.verdict = pol_verdict_name(POL_DENY);
	rec.rule = POL_RULE_WITNESS;
	rec.file = "built-in";
	rec.mode = pol_mode_name(mode);
	rec.note = str_of(why);
	return rec_write(&r->log, &who, &rec, e);
}
