#include "policy/reader.h"

#include <stdlib.h>

/* What a million tokens may cost, in millionths of a USD. */
#define PRICE_MAX (INT64_C(10000) * POL_MILLION)

int
pol_read_usd(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	int64_t least, int64_t most, int64_t *to)
{
	const double given = n->type == TOML_FLOAT ? n->number : (double)n->integer;
	const double most_given = (double)most / POL_MILLION;

	if (n->type != TOML_FLOAT && n->type != TOML_INT)
		return pol_read_kind(r, n, id);
	*to = 0;
	if (given == 0)
		return 0;
	if (given > 0 && given <= most_given) /* so it is no NaN */
		*to = (int64_t)(given * POL_MILLION + 0.5);
	if (*to < least || *to == 0)
		return WRONG(r, n, "%s is out of range; it must be: %s",
			pol_read_label(r, id), pol_keys(&(size_t){ 0 })[id].type);
	return 0;
}

int
pol_read_price_key(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	if (id == KEY_PRICE_MODEL) {
		r->price->model = pol_read_text(r, n, id, POL_NAME_MAX);
		return r->price->model == NULL ? -1 : 0;
	}
	return pol_read_usd(r, n, id, 0, PRICE_MAX, &r->price->usd[id - KEY_PRICE_INPUT]);
}

static int
read_price(struct reader *r, const struct toml_node *n)
{
	struct pol_price_row *p = r->price;

	p->line = n->child != NULL ? n->child->line : n->line;
	p->column = n->child != NULL ? n->child->column : n->column;
	for (int i = 0; i < POL_PRICES; i++)
		p->usd[i] = POL_NO_PRICE;
	if (pol_read_table(r, n, "price") < 0)
		return -1;
	if (p->model == NULL)
		return pol_wrong(r->f, p->line, p->column, r->e,
			"the price has no model; write model = \"name or pattern\"");
	if (p->usd[POL_PRICE_IN] < 0 || p->usd[POL_PRICE_OUT] < 0)
		return pol_wrong(r->f, p->line, p->column, r->e,
			"the price of \"%s\" is not complete; write input = and output =, in "
			"USD for a million tokens",
			p->model);
	return 0;
}

int
pol_read_prices(struct reader *r, const struct toml_node *n)
{
	size_t count = 0;

	if (n->type != TOML_ARRAY)
		return WRONG(r, n,
			"price is %s; prices are written below [[price]], with two brackets",
			toml_type_name(n->type));
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		count++;
	if (count > POL_PRICES_MAX)
		return WRONG(r, n, "the file has %zu prices; at most %d are taken", count,
			POL_PRICES_MAX);
	r->f->price = mem_alloc(count * sizeof *r->f->price);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		r->price = &r->f->price[r->f->nprices++];
		if (read_price(r, c) < 0)
			return -1;
	}
	return 0;
}
