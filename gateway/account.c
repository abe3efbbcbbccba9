#include "gateway/account.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/audit.h"
#include "gateway/ledger.h"
#include "gateway/repeat.h"

enum { STATUS_ERROR = 400 };

static bool
on_call(void *to, struct pol_decision *why)
{
	struct gw_account *a = to;

	return gw_budget_call(&a->run->budget, a->run->policy, clock_mono_us(), why);
}

void
gw_account_begin(
	struct gw_account *a, struct gw_reg *run, enum gw_api api, struct gw_rules *rules)
{
	const struct pol_limits *l = pol_limits_of(run->policy);

	*a = (struct gw_account){ .run = run,
		.api = api,
		.audit = rules->audit,
		.begin_us = clock_mono_us(),
		.how = GW_FAILED };
	gw_used_init(&a->meter.used);
	if (l->same_call > 0)
		a->meter.repeat = mem_alloc(sizeof *a->meter.repeat);
	if (l->calls_per_minute > 0) {
		a->meter.may_call = on_call;
		a->meter.to = a;
	}
	rules->meter = &a->meter;
}

static void
drop_repeat(struct gw_account *a)
{
	free(a->meter.repeat);
	a->meter.repeat = NULL;
}

/* In audit mode it is told, once for each budget, and passes. */
static void
audit_only(struct gw_account *a, enum pol_budget which, const char *text, size_t bytes)
{
	struct gw_budget *b = &a->run->budget;
	const struct pol_decision d = pol_budget_decision(a->run->policy, which);
	struct err e = ERR_INIT;

	gw_budget_hold(b, a->run->policy, &a->meter, bytes, &a->ticket);
	if (b->told[which])
		return;
	b->told[which] = true;
	if (gw_audit_budget(a->run, a->api, &d, text, &e) < 0)
		log_error("run %s: %s", a->run->id, e.text);
}

int
gw_account_enter(
	struct gw_account *a, size_t bytes, struct pol_decision *why, struct err *e)
{
	struct gw_spender s;
	const struct pol_limits *l;
	enum pol_budget which;
	int got;

	if (a->run == NULL)
		return 0;
	s = (struct gw_spender){ &a->run->budget, a->run->policy, a->run->agent };
	l = pol_limits_of(a->run->policy);
	got = gw_budget_enter(&s, &a->meter, bytes, &a->ticket, &which, e);
	drop_repeat(a);
	if (got < 0 && a->audit) {
		audit_only(a, which, e->text, bytes);
		*e = (struct err)ERR_INIT;
		got = 0;
	}
	if (got < 0)
		*why = pol_budget_decision(a->run->policy, which);
	else if (l->tokens_per_run > 0 || l->microusd_per_run > 0)
		gw_ledger_save(a->run); /* what is under way outlives the gateway */
	return got;
}

void
gw_account_found(struct gw_account *a, const struct gw_finding *f)
{
	if (a->run == NULL || strcmp(f->what, "call") != 0)
		return;
	if (strcmp(f->done, "replaced") == 0 || strcmp(f->done, "refused") == 0)
		a->denials++;
	else
		a->calls++;
}

void
gw_account_head(struct gw_account *a, int status)
{
	if (a->run == NULL)
		return;
	a->status = status;
	a->head_us = clock_mono_us();
}

static void
tell(struct gw_account *a, const struct gw_cost *c, int64_t now_us)
{
	const struct gw_used *const u = &a->meter.used;
	const struct rec_usage said = { .model = gw_str(&u->served),
		.model_asked = gw_str(&u->wanted),
		.tokens_in = u->n[GW_IN],
		.tokens_out = u->n[GW_OUT],
		.cache_read = u->n[GW_CACHE_READ],
		.cache_write = u->n[GW_CACHE_WRITE],
		.reasoning = u->n[GW_REASONING],
		.cost_microusd = c->microusd,
		.counted = c->guessed ? c->tokens : GW_UNKNOWN,
		.status = a->status,
		.calls = a->calls,
		.denials = a->denials,
		.first_us = a->head_us > 0 ? a->head_us - a->begin_us : GW_UNKNOWN };
	struct err e = ERR_INIT;

	if (gw_audit_usage(a->run, a->api, &said, now_us - a->begin_us, &e) < 0)
		log_error("run %s: %s", a->run->id, e.text);
}

static void
add_up(struct gw_account *a, int64_t now_us)
{
	int64_t *const sum = a->run->budget.sum;

	sum[GW_SUM_CALLS] += a->calls;
	sum[GW_SUM_DENIALS] += a->denials;
	sum[GW_SUM_BUSY_US] += now_us - a->begin_us;
	sum[GW_SUM_ERRORS] += a->how == GW_FAILED;
	if (a->head_us > 0) {
		sum[GW_SUM_ANSWERS]++;
		sum[GW_SUM_FIRST_US] += a->head_us - a->begin_us;
	}
}

void
gw_account_end(struct gw_account *a)
{
	const int64_t now_us = a->run == NULL ? 0 : clock_mono_us();
	struct gw_cost c;

	drop_repeat(a);
	if (a->run == NULL)
		return;
	if (a->ticket.held) {
		if (a->status >= STATUS_ERROR)
			a->how = GW_FAILED;
		c = gw_budget_leave(&a->run->budget, a->run->policy, &a->meter.used,
			&a->ticket, a->how);
		add_up(a, now_us);
		tell(a, &c, now_us);
	} else {
		a->run->budget.sum[GW_SUM_REFUSALS] += a->refused;
	}
	gw_ledger_save(a->run);
	a->run = NULL;
}
