#include "policy/reader.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

enum { EXAMPLE_JSON_MAX = 16 * POL_TEXT_MAX };

static int
put_text(struct reader *r, const struct toml_node *n, struct buf *json)
{
	if (n->text.n > POL_TEXT_MAX || memchr(n->text.p, '\0', n->text.n) != NULL)
		return WRONG(r, n,
			"the text is longer than %d bytes or has a NUL in it; "
			"write a shorter one",
			POL_TEXT_MAX);
	buf_put_json(json, n->text);
	return 0;
}

static int
put_value(struct reader *r, const struct toml_node *n, struct buf *json)
{
	if (n->type == TOML_STRING)
		return put_text(r, n, json);
	if (n->type == TOML_BOOL)
		buf_puts(json, n->truth ? "true" : "false");
	else if (n->type == TOML_INT)
		buf_printf(json, "%" PRId64, n->integer);
	else
		return WRONG(r, n,
			"an argument of an example is %s; it must be: text | "
			"true | false | whole number | list of texts",
			toml_type_name(n->type));
	return 0;
}

static int
put_argument(struct reader *r, const struct toml_node *n, struct buf *json)
{
	if (n->type != TOML_ARRAY)
		return put_value(r, n, json);
	buf_putc(json, '[');
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		if (c->type != TOML_STRING)
			return WRONG(r, c,
				"a list in an example has %s in it; it must "
				"be: list of texts",
				toml_type_name(c->type));
		if (c != n->child)
			buf_putc(json, ',');
		if (put_text(r, c, json) < 0)
			return -1;
	}
	buf_putc(json, ']');
	return 0;
}

/* A text is the value of the rule's only argument. */
static int
put_example(struct reader *r, const struct toml_node *n, struct buf *json)
{
	const struct toml_node *c = n->child;

	if (n->type != TOML_STRING && n->type != TOML_TABLE)
		return WRONG(r, n,
			"an example is %s; write a text, or a table of "
			"arguments: { command = \"git push\" }",
			toml_type_name(n->type));
	if (n->type == TOML_STRING && r->rule->nargs != 1)
		return WRONG(r, n,
			"an example can be a text only when the rule has one "
			"argument, and this one has %s; write a table: "
			"{ command = \"git push\" }",
			r->rule->nargs == 0 ? "none" : "several");
	buf_putc(json, '{');
	if (n->type == TOML_STRING) {
		buf_put_json(json, str_of(r->rule->arg[0].key));
		buf_putc(json, ':');
		if (put_text(r, n, json) < 0)
			return -1;
	}
	for (; n->type == TOML_TABLE && c != NULL; c = c->next) {
		if (c != n->child)
			buf_putc(json, ',');
		buf_put_json(json, str_of(c->key));
		buf_putc(json, ':');
		if (put_argument(r, c, json) < 0)
			return -1;
	}
	buf_putc(json, '}');
	if (json->over)
		return WRONG(r, n, "the example is longer than %d bytes; shorten it",
			EXAMPLE_JSON_MAX);
	return 0;
}

int
pol_read_examples(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	struct pol_examples *to)
{
	size_t count;

	if (pol_read_count(r, n, id, POL_EXAMPLES_MAX, &count) < 0)
		return -1;
	r->examples += count;
	if (r->examples > POL_EXAMPLES_TOTAL)
		return WRONG(r, n, "the file has more than %d examples; remove some",
			POL_EXAMPLES_TOTAL);
	to->item = mem_alloc(count * sizeof *to->item);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		CLEANUP(buf_fini) struct buf json = BUF_INIT(EXAMPLE_JSON_MAX);
		struct pol_example *x = &to->item[to->n];
		char shown[LOG_QUOTED_MAX];

		if (put_example(r, c, &json) < 0)
			return -1;
		to->n++;
		x->line = c->line;
		x->column = c->column;
		if (c->type == TOML_STRING)
			x->shown = mem_printf("\"%s\"", log_quoted(c->text, shown));
		else if (pol_is_printable(buf_str(&json)) && json.n < sizeof shown)
			x->shown = mem_strdup(buf_text(&json));
		else
			x->shown = mem_strdup(log_quoted(buf_str(&json), shown));
		x->args = buf_take(&json);
	}
	return 0;
}

void
pol_examples_fini(struct pol_examples *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->item[i].args);
		free(x->item[i].shown);
	}
	free(x->item);
}
