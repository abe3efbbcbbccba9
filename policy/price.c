/* What a model costs by the [[price]] tables of the files. */

#include "policy/ruleset.h"

#include "policy/glob.h"

static const struct pol_price_row *
find_price(const struct pol_file *f, struct str model)
{
	for (size_t i = 0; f != NULL && i < f->nprices; i++)
		if (glob_match(str_of(f->price[i].model), model))
			return &f->price[i];
	return NULL;
}

static void
take_larger(int64_t *to, int64_t price)
{
	if (price > *to)
		*to = price;
}

/* What a row does not say is as dear as what it stands for. */
static void
take(struct pol_price *to, const int64_t usd[POL_PRICES])
{
	const int64_t in = usd[POL_PRICE_IN];
	const int64_t read = usd[POL_PRICE_CACHE_READ];
	const int64_t written = usd[POL_PRICE_CACHE_WRITE];
	const int64_t hour = usd[POL_PRICE_CACHE_WRITE_1H];
	const int64_t write = written < 0 ? in : written;

	take_larger(&to->in, in);
	take_larger(&to->out, usd[POL_PRICE_OUT]);
	take_larger(&to->cache_read, read < 0 ? in : read);
	take_larger(&to->cache_write, write);
	take_larger(&to->cache_write_1h, hour < 0 ? write : hour);
}

bool
pol_price_of(const struct policy *p, struct str model, struct pol_price *out)
{
	const bool locked = p->file[POL_MANAGED] != NULL && p->file[POL_MANAGED]->v.lock;
	bool known = false;

	*out = (struct pol_price){ 0 };
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		const struct pol_price_row *row = find_price(p->file[l], model);

		if (row == NULL)
			continue;
		known = known || l == POL_MANAGED || (l == POL_USER && !locked);
		take(out, row->usd);
	}
	return known;
}

struct pol_decision
pol_budget_decision(const struct policy *p, enum pol_budget b)
{
	static const struct {
		enum pol_setting setting;
		const char *rule;
	} rows[POL_BUDGETS] = {
		[POL_TOKENS] = { POL_SET_TOKENS_PER_RUN, "limits.tokens_per_run" },
		[POL_USD] = { POL_SET_USD_PER_RUN, "limits.usd_per_run" },
		[POL_CALLS] = { POL_SET_CALLS_PER_MINUTE, "limits.calls_per_minute" },
		[POL_SAME] = { POL_SET_SAME_CALL, "limits.same_call" },
	};
	const enum pol_setting s = rows[b].setting;
	const struct pol_file *f = p->file[p->from[s]];

	return (struct pol_decision){ .verdict = POL_DENY,
		.layer = p->from[s],
		.rule = rows[b].rule,
		.file = f == NULL ? "built-in" : f->path,
		.line = f == NULL ? 0 : f->at[s].line,
		.message = "a limit is reached" };
}
