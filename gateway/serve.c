#include "gateway/serve.h"

#include <stdio.h>

#include "base/clock.h"
#include "gateway/audit.h"
#include "policy/call_hash.h"

enum { US_PER_S = 1000000 };

int
gw_serve_checkin(
	struct gw_reg *r, const struct gw_checkins *c, const char *line, struct err *e)
{
	const int news = gw_handshake_take(&r->handshake, str_of(line), e);

	if (news < 0 || (news > 0 && gw_audit_checkin(r, line, e) < 0))
		return -1;
	return c->on_checkin(r, line, news > 0, c->to, e);
}

/* Whoever asks is not trusted, so what it asks in vain fills no disk and costs others no time. */
static void
tell_refused(struct gw_reg *r, const struct gw_call *c, const char *why, int64_t now_us)
{
	char note[ERR_TEXT_MAX + 64];
	struct err unlogged = ERR_INIT; /* it is refused, logged or not */

	if (now_us - r->unwitnessed.since_us >= (int64_t)GW_UNWITNESSED_S * US_PER_S) {
		r->unwitnessed.since_us = now_us;
		r->unwitnessed.told = 0;
	}
	if (r->unwitnessed.told >= GW_UNWITNESSED_MAX) {
		r->unwitnessed.untold++;
		return;
	}
	(void)snprintf(note, sizeof note, "%s", why);
	if (r->unwitnessed.untold > 0)
		(void)snprintf(note, sizeof note,
			"%s (and %zu calls were refused since the last line)", why,
			r->unwitnessed.untold);
	r->unwitnessed.told++;
	r->unwitnessed.untold = 0;
	(void)gw_audit_witness(r, c, note, &unlogged);
}

static int
take(struct gw_reg *r, enum gw_part part, const json_t *ask, struct err *e)
{
	struct gw_call c = { .id = str_of(json_text_of(ask, "take")),
		.server = str_of(gw_part_server(part)),
		.tool = str_of(json_text_of(ask, "tool")),
		.args_sha256 = json_text_of(ask, "args_sha256") };
	const int64_t now_us = clock_mono_us();

	if (c.id.n > GW_NAME_MAX || c.tool.n == 0 || c.tool.n > GW_NAME_MAX ||
		c.args_sha256 == NULL || strlen(c.args_sha256) != REC_SHA_HEX)
		return err_set(
			e, ERR_DATA, "take: want a call's id, \"tool\", \"args_sha256\"");
	if (gw_witness_take(&r->witnesses, &c, now_us, e) == 0)
		return 0;
	tell_refused(r, &c, e->text, now_us);
	return -1;
}

/* Of no consequence for what may pass, so it is no line of the log. */
static int
listed(struct gw_reg *r, enum gw_part part, const struct gw_checkins *c, struct err *e)
{
	CLEANUP(mem_freep) char *line = mem_printf("listed %s", gw_part_name(part));
	const int news = gw_handshake_take(&r->handshake, str_of(line), e);

	return news < 0 ? -1 : c->on_checkin(r, line, news > 0, c->to, e);
}

int
gw_serve_ask(struct gw_reg *r, enum gw_part part, const struct gw_checkins *c,
	const json_t *ask, struct err *e)
{
	const char *up = json_text_of(ask, "up");
	CLEANUP(mem_freep) char *line = NULL;

	if (json_text_of(ask, "take") != NULL)
		return take(r, part, ask, e);
	if (up != NULL && strcmp(up, "listed") == 0)
		return listed(r, part, c, e);
	if (up == NULL || (strcmp(up, "tools") != 0 && strcmp(up, "bare") != 0))
		return err_set(
			e, ERR_DATA, "want \"take\", or \"up\": tools, bare or listed");
	line = mem_printf(
		"%s %s", strcmp(up, "bare") == 0 ? "bare" : "up", gw_part_name(part));
	return gw_serve_checkin(r, c, line, e);
}

/* It reaches the client as the model made it. */
static bool
goes_on(const struct gw_finding *f)
{
	return strcmp(f->what, "call") == 0 &&
	       (strcmp(f->done, "passed") == 0 || strcmp(f->done, "asked") == 0 ||
		       strcmp(f->done, "audited") == 0);
}

static int
add_witness(struct gw_reg *r, const struct gw_finding *f, struct err *e)
{
	char sha256[REC_SHA_HEX + 1], mended[REC_SHA_HEX + 1];
	struct gw_call c = { .id = f->call_id,
		.server = f->use.server,
		.tool = f->use.tool,
		.args_sha256 = sha256 };
	struct err none = ERR_INIT; /* without a hash no server makes it, and says why */

	if (!goes_on(f) || !pol_is_pando(f->use.server) ||
		call_hash(f->args, sha256, &none) < 0)
		return 0;
	if (r->agent == POL_CLAUDE && call_hash_mended(f->args, mended, &none) > 0)
		c.mended = mended;
	if (gw_witness_add(&r->witnesses, &c, clock_mono_us(), e) < 0)
		return -1;
	if (r->all->on_call != NULL)
		r->all->on_call(r, &c, r->all->to);
	return 0;
}

bool
gw_serve_is_withheld(const struct gw_finding *f)
{
	return strcmp(f->done, "stripped") == 0 || strcmp(f->done, "replaced") == 0 ||
	       strcmp(f->done, "refused") == 0;
}

int
gw_serve_found(struct gw_reg *r, enum gw_api api, const char *direction,
	const struct gw_finding *f, struct err *e)
{
	if (gw_audit_finding(r, api, direction, f, e) < 0)
		return gw_serve_is_withheld(f) ? 0 : -1;
	return add_witness(r, f, e);
}
