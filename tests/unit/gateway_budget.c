#include "gateway/budget.h"
#include "gateway/repeat.h"
#include "tests/unit/test.h"

#include <stdlib.h>

enum { LEDGER_ROOM = 4096 };

static struct policy *
policy_of(const char *text)
{
	struct err e = ERR_INIT;
	struct policy *p = pol_parse(str_of(text), "p.toml", &e);

	ok_str(e.text, "", text);
	return p;
}

static struct gw_meter
asks_for(const char *model)
{
	struct gw_meter m = { .repeat = NULL };

	gw_used_init(&m.used);
	m.used.wanted.n = strlen(model);
	memcpy(m.used.wanted.s, model, m.used.wanted.n);
	return m;
}

static struct gw_used
used_of(const char *served, int64_t in, int64_t out)
{
	struct gw_used u = asks_for(served).used;

	u.served = u.wanted;
	u.n[GW_IN] = in;
	u.n[GW_OUT] = out;
	return u;
}

#define PRICES                                                                           \
	"[[price]]\nmodel = \"opus*\"\ninput = 3\noutput = 15\ncache_read = 0.3\n"       \
	"cache_write = 3.75\ncache_write_1h = 6\n"

/* --- tokens ------------------------------------------------------------------------------- */

static void
a_run_stops_when_its_tokens_are_used(void)
{
	struct policy *p = policy_of("[limits]\ntokens_per_run = 100\n");
	struct gw_budget b = { .call_us = NULL };
	const struct gw_meter m = asks_for("x");
	const struct gw_used u = used_of("x", 40, 9);
	enum pol_budget which;
	struct gw_ticket t;
	struct err e = ERR_INIT;
	int passed = 0;

	while (gw_budget_enter(&(struct gw_spender){ &b, p, POL_CLAUDE }, &m, 8, &t,
		       &which, &e) == 0) {
		passed++;
		(void)gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	}
	ok_int(passed, 3, "49, 98, 147: the third goes beyond it");
	ok_int(which, POL_TOKENS, "which");
	ok_int(e.code, ERR_REFUSED, "code");
	ok_str(e.text,
		"[pando-ai] stopped: this run has used 147 of 100 tokens (rule "
		"limits.tokens_per_run, p.toml:2). To go on, start claude again ('claude "
		"--continue' keeps the conversation): each start has a budget of its own. To "
		"have a larger one, raise tokens_per_run in [limits] of p.toml first. "
		"'pando-ai report' shows what was used.",
		"text");
	ok_int(b.sum[GW_SUM_REQUESTS], 3, "requests");
	ok_int(b.nheld, 0, "nothing is held");
	gw_budget_fini(&b);
	pol_free(p);
}

/* However many ask at once: what is under way counts as much as the largest so far. */
static void
requests_at_once_do_not_all_pass(void)
{
	enum { ASKERS = 100 };
	struct policy *p = policy_of("[limits]\ntokens_per_run = 1000\n");
	struct gw_budget b = { .call_us = NULL };
	const struct gw_meter m = asks_for("x");
	const struct gw_used u = used_of("x", 90, 10);
	struct gw_ticket t[ASKERS];
	enum pol_budget which;
	struct err e = ERR_INIT;
	int passed = 0;

	ok_int(gw_budget_enter(&(struct gw_spender){ &b, p, POL_CODEX }, &m, 0, &t[0],
		       &which, &e),
		0, "first");
	(void)gw_budget_leave(&b, p, &u, &t[0], GW_ENDED);
	while (passed < ASKERS &&
		gw_budget_enter(&(struct gw_spender){ &b, p, POL_CODEX }, &m, 0,
			&t[passed], &which, &e) == 0)
		passed++;
	ok_int(passed, 9, "100 used, 9 times 100 under way");
	ok(strstr(e.text,
		   "has used 100 of 1000 tokens, and 9 requests under way count for "
		   "900 (rule") != NULL,
		e.text);
	ok(strstr(e.text, "'codex resume --last'") != NULL, e.text);
	for (int i = 0; i < passed; i++)
		(void)gw_budget_leave(&b, p, &u, &t[i], GW_ENDED);
	ok_int(b.sum[GW_SUM_TOKENS], 1000, "no overshoot where all are alike");
	ok_int(b.held_tokens, 0, "nothing is held");
	gw_budget_fini(&b);
	pol_free(p);
}

static void
the_first_requests_count_by_their_size(void)
{
	struct policy *p = policy_of("[limits]\ntokens_per_run = 100\n");
	struct gw_budget b = { .call_us = NULL };
	const struct gw_meter m = asks_for("x");
	struct gw_ticket t[3];
	enum pol_budget which;
	struct err e = ERR_INIT;

	for (int i = 0; i < 2; i++)
		ok_int(gw_budget_enter(&(struct gw_spender){ &b, p, POL_CLAUDE }, &m, 200,
			       &t[i], &which, &e),
			0, "51 tokens each");
	ok_int(gw_budget_enter(&(struct gw_spender){ &b, p, POL_CLAUDE }, &m, 200, &t[2],
		       &which, &e),
		-1, "a third");
	gw_budget_fini(&b);
	pol_free(p);
}

static const struct {
	const char *name;
	int64_t in, out;
	size_t asked, answered;
	enum gw_ending how;
	int64_t tokens;
	bool guessed;
} endings[] = {
	{ "as it was told", 10, 5, 4000, 4000, GW_ENDED, 15, false },
	{ "nothing was used", 0, 0, 4000, 4000, GW_ENDED, 0, false },
	{ "nothing was told", -1, -1, 4000, 1600, GW_ENDED, 1001 + 101, true },
	{ "only the input was", 10, -1, 4000, 1600, GW_ENDED, 10 + 101, true },
	{ "broken off with a first number", 10, 1, 4000, 1600, GW_BROKEN, 10 + 101,
		true },
	{ "broken off behind the last number", 10, 500, 4000, 1600, GW_BROKEN, 510,
		false },
	{ "an error", -1, -1, 4000, 1600, GW_FAILED, 0, false },
	{ "an error that has numbers", 10, 5, 4000, 1600, GW_FAILED, 15, false },
};

static void
what_is_not_told_is_guessed(void)
{
	struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(endings); i++) {
		struct gw_budget b = { .call_us = NULL };
		const struct gw_used u = used_of("x", endings[i].in, endings[i].out);
		const struct gw_meter m = asks_for("x");
		struct gw_ticket t;
		struct gw_cost c;

		gw_budget_hold(&b, p, &m, endings[i].asked, &t);
		t.answered = endings[i].answered;
		c = gw_budget_leave(&b, p, &u, &t, endings[i].how);
		ok_int(c.tokens, endings[i].tokens, endings[i].name);
		ok_int(c.guessed, endings[i].guessed, endings[i].name);
		ok_int(c.microusd, -1, endings[i].name);
		ok_int(b.sum[GW_SUM_TOKENS], endings[i].tokens, endings[i].name);
		ok_int(b.sum[GW_SUM_IN], endings[i].in < 0 ? 0 : endings[i].in,
			endings[i].name);
		gw_budget_fini(&b);
	}
	pol_free(p);
}

/* --- money -------------------------------------------------------------------------------- */

static void
tokens_cost_what_their_prices_say(void)
{
	struct policy *p = policy_of(PRICES);
	struct gw_budget b = { .call_us = NULL };
	struct gw_used u = used_of("opus-4", 1000, 100);
	struct gw_ticket t = { .held = false };
	struct gw_cost c;

	u.n[GW_CACHE_READ] = 10000;
	u.n[GW_CACHE_WRITE] = 2000;
	u.n[GW_CACHE_WRITE_1H] = 500;
	u.n[GW_REASONING] = 50; /* among the output */
	c = gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	ok_int(c.microusd, 3000 + 1500 + 3000 + 5625 + 3000, "micro-USD");
	ok_int(c.tokens, 13100, "tokens");
	u = used_of("opus-4", 0, 0);
	u.n[GW_CACHE_READ] = 1;
	c = gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	ok_int(c.microusd, 1, "a part of a millionth is rounded up");
	/* the model that answered has no price, the one that was asked for has */
	u = used_of("other", 1000, 0);
	u.wanted = asks_for("opus-4").used.wanted;
	c = gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	ok_int(c.microusd, 3000, "the price of the one that was asked for");
	ok_bytes(gw_str(&b.model), STR("other"), "the last model");
	gw_budget_fini(&b);
	pol_free(p);
}

static void
a_run_stops_when_its_money_is_spent(void)
{
	struct policy *p = policy_of("[limits]\nusd_per_run = 0.05\n" PRICES);
	struct gw_budget b = { .call_us = NULL };
	const struct gw_meter m = asks_for("opus-4");
	const struct gw_meter unknown = asks_for("gpt\x1b");
	const struct gw_used u = used_of("opus-4", 10000, 0);
	enum pol_budget which;
	struct gw_ticket t;
	struct err e = ERR_INIT;
	int passed = 0;

	ok_int(gw_budget_enter(&(struct gw_spender){ &b, p, POL_CODEX }, &unknown, 8, &t,
		       &which, &e),
		-1, "no price");
	ok_str(e.text,
		"[pando-ai] stopped: the model \"gpt\\x1b\" has no price, so the budget of "
		"this run cannot be held (rule limits.usd_per_run, p.toml:2). Add a [[price]] "
		"with model = \"gpt\\x1b\" to p.toml ('man policy.toml' shows one), or choose "
		"a model that has one.",
		"text");
	while (gw_budget_enter(&(struct gw_spender){ &b, p, POL_CODEX }, &m, 8, &t,
		       &which, &e) == 0) {
		passed++;
		(void)gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	}
	ok_int(passed, 2, "two at 3 cents");
	ok_int(which, POL_USD, "which");
	ok(strstr(e.text,
		   "this run has cost 0.06 of 0.05 USD by the prices of the policy "
		   "(rule limits.usd_per_run, p.toml:2)") != NULL,
		e.text);
	gw_budget_fini(&b);
	pol_free(p);
}

static void
numbers_stay_at_their_ceiling(void)
{
	struct policy *p = policy_of("[limits]\nusd_per_run = 1000000\n[[price]]\n"
				     "model = \"*\"\ninput = 10000\noutput = 10000\n");
	struct gw_budget b = { .call_us = NULL };
	struct gw_used u = used_of("x", GW_COUNT_MAX, GW_COUNT_MAX);
	const struct gw_meter m = asks_for("x");
	enum pol_budget which;
	struct gw_ticket t = { .held = false };
	struct err e = ERR_INIT;

	b.sum[GW_SUM_TOKENS] = b.sum[GW_SUM_MICROUSD] = b.sum[GW_SUM_IN] = INT64_MAX - 1;
	t.asked = t.answered = SIZE_MAX;
	(void)gw_budget_leave(&b, p, &u, &t, GW_ENDED);
	ok(b.sum[GW_SUM_TOKENS] == INT64_MAX, "tokens");
	ok(b.sum[GW_SUM_MICROUSD] == INT64_MAX, "money");
	ok(b.sum[GW_SUM_IN] == INT64_MAX, "input");
	ok_int(gw_budget_enter(
		       &(struct gw_spender){ &b, p, POL_CODEX }, &m, 8, &t, &which, &e),
		-1, "no more");
	gw_budget_fini(&b);
	pol_free(p);
}

/* --- calls -------------------------------------------------------------------------------- */

static void
calls_a_minute_are_counted(void)
{
	struct policy *p = policy_of("[limits]\ncalls_per_minute = 3\n");
	struct gw_budget b = { .call_us = NULL };
	struct pol_decision why = { .rule = NULL };
	static const struct {
		int64_t second;
		bool want;
	} rows[] = { { 0, true }, { 10, true }, { 50, true }, { 59, false }, { 60, true },
		{ 61, false }, { 70, true }, { 69, false }, { 3, false }, { 500, true } };

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(gw_budget_call(&b, p, rows[i].second * 1000000, &why),
			rows[i].want, "a call");
	ok_str(why.rule, "limits.calls_per_minute", "rule");
	ok_int(why.line, 2, "line");
	ok_int(why.verdict, POL_DENY, "verdict");
	ok_str(why.message,
		"this run may make 3 calls of tools a minute, and has made them: wait, then "
		"go on",
		"message");
	gw_budget_fini(&b);
	pol_free(p);
}

static void
the_same_call_stops_at_its_number(void)
{
	struct policy *p = policy_of("[limits]\nsame_call = 3\n");
	struct gw_repeat *r = mem_alloc(sizeof *r);
	struct gw_budget b = { .call_us = NULL };
	struct gw_meter m = asks_for("x");
	enum pol_budget which;
	struct gw_ticket t;
	struct err e = ERR_INIT;

	m.repeat = r;
	r->last.tool = STR("\"mcp__pando_core__read-file\"");
	r->times = 2;
	ok_int(gw_budget_enter(
		       &(struct gw_spender){ &b, p, POL_CLAUDE }, &m, 8, &t, &which, &e),
		0, "twice");
	r->times = 3;
	ok_int(gw_budget_enter(
		       &(struct gw_spender){ &b, p, POL_CLAUDE }, &m, 8, &t, &which, &e),
		-1, "3 times");
	ok_int(which, POL_SAME, "which");
	ok_str(e.text,
		"[pando-ai] stopped: the model has called mcp__pando_core__read-file 3 times "
		"in a row, with the same arguments and the same result (rule "
		"limits.same_call, p.toml:2). To go on, say what it should do instead, or "
		"raise same_call in [limits] of p.toml and start claude again.",
		"text");
	free(r);
	gw_budget_fini(&b);
	pol_free(p);
}

/* --- the ledger --------------------------------------------------------------------------- */

static void
the_ledger_comes_back(void)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(LEDGER_ROOM);
	struct policy *p = pol_default();
	struct gw_budget b = { .call_us = NULL }, again = { .call_us = NULL };
	const struct gw_meter m = asks_for("x");
	struct gw_ticket t;
	struct err e = ERR_INIT;

	for (int i = 0; i < GW_SUMS; i++)
		b.sum[i] = 1000 + i;
	b.sum[GW_SUM_BUSY_US] = INT64_MAX;
	gw_budget_hold(&b, p, &m, 396, &t);
	gw_budget_format(&b, &line);
	ok(line.n <= GW_LEDGER_MAX, "fits");
	ok_int(gw_budget_parse(buf_str(&line), &again, &e), 0, e.text);
	b.sum[GW_SUM_TOKENS] += 100; /* what is under way counts as used */
	for (int i = 0; i < GW_SUMS; i++)
		ok_int(again.sum[i], b.sum[i], gw_sum_name((enum gw_total)i));
	for (size_t n = 0; n < line.n; n++)
		ok_int(gw_budget_parse((struct str){ line.p, n }, &again, &e), -1,
			"a part of it");
	line.p[line.n - 2] = '-';
	ok_int(gw_budget_parse(buf_str(&line), &again, &e), -1, "no number");
	buf_reset(&line);
	buf_puts(&line, "pando-ledger 1");
	for (int i = 0; i < GW_SUMS; i++)
		buf_puts(&line, " 9999999999999999999");
	buf_putc(&line, '\n');
	ok_int(gw_budget_parse(buf_str(&line), &again, &e), -1, "too large a number");
	gw_budget_fini(&b);
	pol_free(p);
}

/* An old gateway ends what is under way while the new one has the run. */
static void
what_the_former_gateway_ends_is_taken_over(void)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(LEDGER_ROOM);
	struct policy *p = pol_default();
	struct gw_budget old = { .call_us = NULL }, b = { .call_us = NULL };
	const struct gw_meter m = asks_for("x");
	struct gw_used u;
	struct gw_ticket t, mine;
	struct err e = ERR_INIT;

	old.sum[GW_SUM_TOKENS] = 500;
	old.sum[GW_SUM_REQUESTS] = 3;
	gw_budget_hold(&old, p, &m, 396, &t); /* 100 tokens */
	gw_budget_format(&old, &line);
	ok_int(gw_budget_parse(buf_str(&line), &b, &e), 0, e.text);
	gw_budget_hold(&b, p, &m, 396, &mine);
	gw_used_init(&u);
	u.n[GW_IN] = 30;
	u.n[GW_OUT] = 12;
	(void)gw_budget_leave(&old, p, &u, &t, GW_ENDED);
	buf_reset(&line);
	gw_budget_format(&old, &line);
	for (int again = 0; again < 2; again++) {
		ok_int(gw_budget_follow(buf_str(&line), &b, &e), 0, e.text);
		ok_int(b.sum[GW_SUM_TOKENS], 542,
			"what it was, in place of what was held");
		ok_int(b.sum[GW_SUM_IN], 30, "and what was told");
		ok_int(b.sum[GW_SUM_REQUESTS], 5, "beside what the new one has");
	}
	ok_int(b.held_tokens, 100, "its own stays held");
	line.p[line.n - 2] = '-';
	ok_int(gw_budget_follow(buf_str(&line), &b, &e), -1, "no number");
	ok_int(b.sum[GW_SUM_TOKENS], 542, "changes nothing");
	gw_budget_fini(&old);
	gw_budget_fini(&b);
	pol_free(p);
}

int
main(void)
{
	a_run_stops_when_its_tokens_are_used();
	requests_at_once_do_not_all_pass();
	the_first_requests_count_by_their_size();
	what_is_not_told_is_guessed();
	tokens_cost_what_their_prices_say();
	a_run_stops_when_its_money_is_spent();
	numbers_stay_at_their_ceiling();
	calls_a_minute_are_counted();
	the_same_call_stops_at_its_number();
	the_ledger_comes_back();
	what_the_former_gateway_ends_is_taken_over();
	return test_done();
}
