#include "gateway/repeat.h"

static void
open_call(struct gw_repeat *r, const struct gw_name *id, struct str space, struct js name,
	struct js args)
{
	struct gw_repeat_call *c = &r->open[r->nopen++ % GW_REPEAT_OPEN];

	c->id = *id;
	c->space = space;
	c->tool = name.raw;
	c->args = args.raw;
}

static const struct gw_repeat_call *
find_open(const struct gw_repeat *r, const struct gw_name *id)
{
	const size_t n = r->nopen < GW_REPEAT_OPEN ? r->nopen : GW_REPEAT_OPEN;

	for (size_t i = 1; i <= n; i++) {
		const struct gw_repeat_call
			*c = &r->open[(r->nopen - i) % GW_REPEAT_OPEN];

		if (str_eq(gw_str(&c->id), gw_str(id)))
			return c;
	}
	return NULL;
}

/*
 * codex 0.169.0 begins the result of an MCP tool with "Wall time: 0.0123 seconds": the number
 * is not the tool's.
 */
static struct str
without_time(struct str result)
{
	enum { NEAR = 96 };
	static const char words[] = "Wall time: ";
	const char *at = result.n == 0
				 ? NULL
				 : memmem(result.p, result.n < NEAR ? result.n : NEAR,
					   words, sizeof words - 1);

	if (at == NULL)
		return result;
	result = str_skip(result, (size_t)(at - result.p) + sizeof words - 1);
	while (result.n > 0 && strchr("0123456789.", result.p[0]) != NULL &&
		result.p[0] != '\0')
		result = str_skip(result, 1);
	return result;
}

static void
close_call(struct gw_repeat *r, const struct gw_name *id, struct js result)
{
	const struct gw_repeat_call *c = find_open(r, id);
	const struct str text = without_time(result.raw);

	if (c == NULL) {
		r->times = 0;
		return;
	}
	if (r->times > 0 && str_eq(r->last.tool, c->tool) &&
		str_eq(r->last.space, c->space) && str_eq(r->last.args, c->args) &&
		str_eq(r->result, text)) {
		r->times++;
		return;
	}
	r->last = *c;
	r->result = text;
	r->times = 1;
}

static bool
is_user(struct js v)
{
	return str_is(js_inside(v), "user");
}

/* Of the user's message: the person speaks, unless the client put it there. */
static void
hear(struct gw_repeat *r, struct js text)
{
	if (text.type == JS_STRING &&
		!str_starts(js_inside(text), STR("<system-reminder>")))
		r->times = 0;
}

void
gw_repeat_message(struct gw_repeat *r, struct js role, struct js content)
{
	if (r == NULL)
		return;
	r->is_user = is_user(role);
	if (r->is_user)
		hear(r, content);
}

void
gw_repeat_block(struct gw_repeat *r, const struct msg_block *b)
{
	if (r == NULL)
		return;
	if (b->kind == MSG_CALL)
		open_call(r, &b->id, b->at_server.raw, b->named, b->input);
	else if (b->kind == MSG_RESULT)
		close_call(r, &b->id, b->content);
	else if (b->kind != MSG_PLAIN || r->is_user)
		hear(r, b->text);
}

void
gw_repeat_item(struct gw_repeat *r, const struct res_item *i)
{
	if (r == NULL)
		return;
	if (i->kind == RES_CALL)
		open_call(r, &i->pair, i->spaced.raw, i->named, i->args);
	else if (i->kind == RES_OUTPUT)
		close_call(r, &i->pair, i->output);
	else if (is_user(i->role))
		r->times = 0;
}

size_t
gw_repeat_times(const struct gw_repeat *r)
{
	return r->times;
}
