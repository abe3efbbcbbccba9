#include "gateway/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/repeat.h"

enum { NUMBER_BASE = 10, DIGITS = 19, CENT = 10000 };

#define MINUTE_US INT64_C(60000000)
#define LEDGER_HEAD "pando-ledger 1"

static const char *const names[GW_SUMS] = { "tokens_in", "tokens_out", "cache_read",
	"cache_write", "cache_write_1h", "reasoning", "tokens", "microusd", "requests",
	"refusals", "errors", "calls", "denials", "answers", "first_us", "busy_us" };

const char *
gw_sum_name(enum gw_total t)
{
	return names[t];
}

void
gw_budget_fini(struct gw_budget *b)
{
	free(b->call_us);
	*b = (struct gw_budget){ .call_us = NULL };
}

/* --- numbers that stay below their ceiling -------------------------------------------------- */

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t
times(int64_t a, int64_t b)
{
	int64_t product;

	return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t
known(int64_t n)
{
	return n > 0 ? n : 0;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Rounded up, so that many small answers are not free. */
static int64_t
microusd_of(const struct gw_used *u, const struct pol_price *p)
{
	const int64_t hour = known(u->n[GW_CACHE_WRITE_1H]);
	const int64_t short_write = known(u->n[GW_CACHE_WRITE]) - hour;
	int64_t sum = times(known(u->n[GW_IN]), p->in);

	sum = plus(sum, times(known(u->n[GW_OUT]), p->out));
	sum = plus(sum, times(known(u->n[GW_CACHE_READ]), p->cache_read));
	sum = plus(sum, times(known(short_write), p->cache_write));
	sum = plus(sum, times(hour, p->cache_write_1h));
	return sum / POL_MILLION + (sum % POL_MILLION > 0);
}

static int64_t
guess(size_t bytes, size_t a_token)
{
	return (int64_t)(bytes / a_token) + 1;
}

/* --- entering ------------------------------------------------------------------------------ */

/* What the first exchange may come to, as far as its size tells. */
static int64_t
first_microusd(const struct policy *p, const struct gw_meter *m, int64_t tokens)
{
	struct gw_used u;
	struct pol_price price;

	gw_used_init(&u);
	u.n[GW_IN] = tokens;
	return pol_price_of(p, gw_str(&m->used.wanted), &price) ? microusd_of(&u, &price)
								: 0;
}

void
gw_budget_hold(struct gw_budget *b, const struct policy *p, const struct gw_meter *m,
	size_t bytes, struct gw_ticket *t)
{
	*t = (struct gw_ticket){ .held = true,
		.tokens = b->largest_tokens,
		.microusd = b->largest_microusd,
		.asked = bytes };
	if (t->tokens == 0) {
		t->tokens = guess(bytes, GW_TOKEN_ASKED);
		t->microusd = first_microusd(p, m, t->tokens);
	}
	b->held_tokens = plus(b->held_tokens, t->tokens);
	b->held_microusd = plus(b->held_microusd, t->microusd);
	b->nheld++;
	b->sum[GW_SUM_REQUESTS]++;
}

static const char *
key_of(enum pol_budget which)
{
	static const char *const keys[POL_BUDGETS] = { "tokens_per_run", "usd_per_run",
		"calls_per_minute", "same_call" };

	return keys[which];
}

/* The end of each refusal: whose rule it is, and what to do. */
static int
stopped(const struct gw_spender *s, enum pol_budget which, struct err *e,
	const char *what)
{
	static const char *const again[POL_AGENTS] = { "claude --continue",
		"codex resume --last" };
	const struct pol_decision d = pol_budget_decision(s->policy, which);

	if (which == POL_SAME)
		return err_set(e, ERR_REFUSED,
			"[pando-ai] stopped: %s (rule %s, %s:%d). To go on, say what it should "
			"do instead, or raise %s in [limits] of %s and start %s again.",
			what, d.rule, d.file, d.line, key_of(which), d.file,
			pol_agent_name(s->agent));
	return err_set(e, ERR_REFUSED,
		"[pando-ai] stopped: %s (rule %s, %s:%d). To go on, start %s again ('%s' keeps "
		"the conversation): each start has a budget of its own. To have a larger one, "
		"raise %s in [limits] of %s first. 'pando-ai report' shows what was used.",
		what, d.rule, d.file, d.line, pol_agent_name(s->agent), again[s->agent],
		key_of(which), d.file);
}

enum { WHAT_MAX = 512 };

static int
tokens_reached(const struct gw_spender *s, struct err *e)
{
	const struct gw_budget *const b = s->budget;
	char what[WHAT_MAX];
	int n = snprintf(what, sizeof what,
		"this run has used %" PRId64 " of %" PRId64 " tokens",
		b->sum[GW_SUM_TOKENS], pol_limits_of(s->policy)->tokens_per_run);

	if (b->nheld > 0)
		(void)snprintf(what + n, sizeof what - (size_t)n,
			", and %zu requests under way count for %" PRId64, b->nheld,
			b->held_tokens);
	return stopped(s, POL_TOKENS, e, what);
}

static int
usd_reached(const struct gw_spender *s, struct err *e)
{
	const struct gw_budget *const b = s->budget;
	const int64_t used = b->sum[GW_SUM_MICROUSD];
	const int64_t held = b->held_microusd + CENT - 1;
	const int64_t most = pol_limits_of(s->policy)->microusd_per_run;
	char what[WHAT_MAX];
	int n = snprintf(what, sizeof what,
		"this run has cost %" PRId64 ".%02" PRId64 " of %" PRId64 ".%02" PRId64
		" USD by the prices of the policy",
		used / POL_MILLION, used % POL_MILLION / CENT, most / POL_MILLION,
		most % POL_MILLION / CENT);

	if (b->nheld > 0)
		(void)snprintf(what + n, sizeof what - (size_t)n,
			", and %zu requests under way count for %" PRId64 ".%02" PRId64,
			b->nheld, held / POL_MILLION, held % POL_MILLION / CENT);
	return stopped(s, POL_USD, e, what);
}

static int
no_price(const struct policy *p, struct str model, struct err *e)
{
	const struct pol_decision d = pol_budget_decision(p, POL_USD);
	char shown[LOG_QUOTED_MAX];

	return err_set(e, ERR_REFUSED,
		"[pando-ai] stopped: the model \"%s\" has no price, so the budget of this run "
		"cannot be held (rule %s, %s:%d). Add a [[price]] with model = \"%s\" to %s "
		"('man policy.toml' shows one), or choose a model that has one.",
		log_quoted(model, shown), d.rule, d.file, d.line, shown, d.file);
}

static int
same_reached(const struct gw_spender *s, const struct gw_repeat *r, struct err *e)
{
	char what[WHAT_MAX];
	char tool[LOG_QUOTED_MAX];
	const struct str name = r->last.tool;

	(void)snprintf(what, sizeof what,
		"the model has called %s %zu times in a row, with the same arguments and the "
		"same result",
		name.n > 2 ? log_quoted((struct str){ name.p + 1, name.n - 2 }, tool)
			   : "a tool",
		r->times);
	return stopped(s, POL_SAME, e, what);
}

int
gw_budget_enter(const struct gw_spender *s, const struct gw_meter *m, size_t bytes,
	struct gw_ticket *t, enum pol_budget *which, struct err *e)
{
	struct gw_budget *const b = s->budget;
	const struct policy *const p = s->policy;
	const struct pol_limits *l = pol_limits_of(p);
	struct pol_price price;

	*which = POL_TOKENS;
	if (l->tokens_per_run > 0 &&
		plus(b->sum[GW_SUM_TOKENS], b->held_tokens) >= l->tokens_per_run)
		return tokens_reached(s, e);
	*which = POL_USD;
	if (l->microusd_per_run > 0 && !pol_price_of(p, gw_str(&m->used.wanted), &price))
		return no_price(p, gw_str(&m->used.wanted), e);
	if (l->microusd_per_run > 0 &&
		plus(b->sum[GW_SUM_MICROUSD], b->held_microusd) >= l->microusd_per_run)
		return usd_reached(s, e);
	*which = POL_SAME;
	if (l->same_call > 0 && m->repeat != NULL &&
		gw_repeat_times(m->repeat) >= (size_t)l->same_call)
		return same_reached(s, m->repeat, e);
	gw_budget_hold(b, p, m, bytes, t);
	return 0;
}

/* --- leaving ------------------------------------------------------------------------------- */

/* The numbers with what is missing taken from the sizes. */
static bool
complete(struct gw_used *u, const struct gw_ticket *t, enum gw_ending how)
{
	const int64_t in = guess(t->asked, GW_TOKEN_ASKED);
	const int64_t out = guess(t->answered, GW_TOKEN_ANSWERED);
	bool guessed = false;

	if (u->n[GW_IN] < 0 && u->n[GW_CACHE_READ] < 0 && u->n[GW_CACHE_WRITE] < 0) {
		u->n[GW_IN] = in;
		guessed = true;
	}
	if (u->n[GW_OUT] < 0 || (how == GW_BROKEN && u->n[GW_OUT] < out)) {
		u->n[GW_OUT] = out;
		guessed = true;
	}
	return guessed;
}

static bool
find_price(const struct policy *p, const struct gw_used *u, struct pol_price *price)
{
	return (u->served.n > 0 && pol_price_of(p, gw_str(&u->served), price)) ||
	       pol_price_of(p, gw_str(&u->wanted), price);
}

static void
give_back(struct gw_budget *b, struct gw_ticket *t)
{
	if (!t->held)
		return;
	b->held_tokens -= t->tokens;
	b->held_microusd -= t->microusd;
	b->nheld--;
	t->held = false;
}

struct gw_cost
gw_budget_leave(struct gw_budget *b, const struct policy *p, const struct gw_used *u,
	struct gw_ticket *t, enum gw_ending how)
{
	struct gw_cost c = { .microusd = GW_UNKNOWN };
	struct gw_used all = *u;
	struct pol_price price;

	give_back(b, t);
	for (int i = 0; i < GW_COUNTS; i++)
		b->sum[i] = plus(b->sum[i], known(u->n[i]));
	if (u->served.n > 0)
		b->model = u->served;
	if (how == GW_FAILED && gw_used_tokens(u) < 0)
		return c;
	c.guessed = complete(&all, t, how);
	c.tokens = gw_used_tokens(&all);
	b->sum[GW_SUM_TOKENS] = plus(b->sum[GW_SUM_TOKENS], c.tokens);
	b->largest_tokens = larger(b->largest_tokens, c.tokens);
	if (!find_price(p, u, &price))
		return c;
	c.microusd = microusd_of(&all, &price);
	b->sum[GW_SUM_MICROUSD] = plus(b->sum[GW_SUM_MICROUSD], c.microusd);
	b->largest_microusd = larger(b->largest_microusd, c.microusd);
	return c;
}

/* --- calls a minute ------------------------------------------------------------------------ */

bool
gw_budget_call(struct gw_budget *b, const struct policy *p, int64_t now_us,
	struct pol_decision *why)
{
	const int most = pol_limits_of(p)->calls_per_minute;
	int64_t *at;

	if (most == 0)
		return true;
	if (b->call_us == NULL)
		b->call_us = mem_alloc((size_t)most * sizeof *b->call_us);
	at = &b->call_us[b->ncalls % (size_t)most]; /* the one that is so many before */
	if (b->ncalls < (size_t)most || now_us - *at >= MINUTE_US) {
		*at = now_us;
		b->ncalls++;
		return true;
	}
	(void)snprintf(b->pace, sizeof b->pace,
		"this run may make %d calls of tools a minute, and has made them: wait, then "
		"go on",
		most);
	*why = pol_budget_decision(p, POL_CALLS);
	why->message = b->pace;
	return false;
}

/* --- the ledger ---------------------------------------------------------------------------- */

void
gw_budget_format(const struct gw_budget *b, struct buf *out)
{
	buf_puts(out, LEDGER_HEAD);
	for (int i = 0; i < GW_SUMS; i++) {
		int64_t n = b->sum[i];

		if (i == GW_SUM_TOKENS)
			n = plus(n, b->held_tokens);
		if (i == GW_SUM_MICROUSD)
			n = plus(n, b->held_microusd);
		buf_printf(out, " %0*" PRId64, DIGITS, n);
	}
	buf_putc(out, '\n');
}

static int
take_number(struct str *s, int64_t *to)
{
	int64_t n = 0;

	if (s->n <= DIGITS || s->p[0] != ' ')
		return -1;
	for (size_t i = 1; i <= DIGITS; i++) {
		if (s->p[i] < '0' || s->p[i] > '9' ||
			__builtin_mul_overflow(n, NUMBER_BASE, &n) ||
			__builtin_add_overflow(n, s->p[i] - '0', &n))
			return -1;
	}
	*to = n;
	*s = str_skip(*s, DIGITS + 1);
	return 0;
}

static int
take_line(struct str line, int64_t sum[GW_SUMS], struct err *e)
{
	int got = str_starts(line, STR(LEDGER_HEAD)) ? 0 : -1;

	if (got == 0)
		line = str_skip(line, sizeof LEDGER_HEAD - 1);
	for (int i = 0; got == 0 && i < GW_SUMS; i++)
		got = take_number(&line, &sum[i]);
	if (got < 0 || !str_is(line, "\n"))
		return err_set(e, ERR_DATA, "the ledger of the run cannot be read");
	return 0;
}

int
gw_budget_parse(struct str line, struct gw_budget *b, struct err *e)
{
	int64_t sum[GW_SUMS];

	if (take_line(line, sum, e) < 0)
		return -1;
	memcpy(b->sum, sum, sizeof b->sum);
	memcpy(b->former, sum, sizeof b->former);
	return 0;
}

int
gw_budget_follow(struct str line, struct gw_budget *b, struct err *e)
{
	int64_t sum[GW_SUMS] = { 0 };

	if (take_line(line, sum, e) < 0)
		return -1;
	for (int i = 0; i < GW_SUMS; i++)
		b->sum[i] = known(plus(b->sum[i], sum[i] - b->former[i]));
	memcpy(b->former, sum, sizeof b->former);
	return 0;
}
