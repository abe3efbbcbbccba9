#include "gateway/responses_held.h"

#include <stdlib.h>

static size_t
bytes_of(const struct res_held *h)
{
	return h->raw.n + h->said.n + h->whole.n;
}

static void
held_free(struct res_held *h)
{
	buf_fini(&h->raw);
	buf_fini(&h->said);
	buf_fini(&h->whole);
	free(h);
}

void
res_holds_fini(struct res_holds *s)
{
	while (s->n > 0)
		held_free(s->v[--s->n]);
	s->bytes = 0;
}

void
res_hold_drop(struct res_holds *s, struct res_held *h)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i] != h)
			continue;
		s->v[i] = s->v[--s->n];
		s->bytes -= bytes_of(h);
		held_free(h);
		return;
	}
}

struct res_held *
res_hold_find(const struct res_holds *s, struct js index, struct str item_id)
{
	for (size_t i = 0; i < s->n; i++) {
		struct res_held *h = s->v[i];

		if (index.type != JS_NONE
				? str_eq(index.raw, (struct str){ h->index, h->index_n })
				: item_id.n > 0 && str_eq(item_id, gw_str(&h->item.id)))
			return h;
	}
	return NULL;
}

bool
res_hold_has_call(const struct res_holds *s, struct str call_id)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i]->gone && call_id.n > 0 &&
			str_eq(call_id, gw_str(&s->v[i]->item.pair)))
			return true;
	return false;
}

static int
keep(struct res_holds *s, struct buf *in, struct str bytes, struct err *e)
{
	buf_put_str(in, bytes);
	s->bytes += bytes.n;
	if (in->starved)
		return quota_refuse(s->memory, e);
	if (!in->over && s->bytes <= GW_HELD_MAX)
		return 0;
	return err_set(e, ERR_DATA,
		"calls that are not complete are longer than %d bytes", (int)GW_HELD_MAX);
}

static int
keep_event(struct res_holds *s, struct res_held *h, struct str raw, struct err *e)
{
	if (h->gone)
		return 0;
	if (keep(s, &h->raw, raw, e) < 0)
		return -1;
	return s->bare ? keep(s, &h->raw, (struct str){ "\0", 1 }, e) : 0;
}

static bool
is_index(struct js v)
{
	for (size_t i = 0; i < v.raw.n; i++)
		if (v.raw.p[i] < '0' || v.raw.p[i] > '9')
			return false;
	return v.type == JS_NUMBER && v.raw.n <= RES_INDEX_MAX;
}

struct res_held *
res_hold_begin(struct res_holds *s, struct js index, const struct res_item *item,
	struct str raw, struct err *e)
{
	struct res_held *h = NULL;

	if (!is_index(index))
		(void)err_set(e, ERR_DATA, "a call without an output_index");
	else if (res_hold_find(s, index, STR("")) != NULL)
		(void)err_set(e, ERR_DATA, "a call begins twice");
	else if (s->n >= RES_HELD_MAX)
		(void)err_set(e, ERR_DATA, "more than %d calls at the same time",
			(int)RES_HELD_MAX);
	else
		h = mem_alloc(sizeof *h);
	if (h == NULL)
		return NULL;
	h->raw = (struct buf)BUF_IN(GW_HELD_MAX, s->memory);
	h->said = (struct buf)BUF_IN(GW_HELD_MAX, s->memory);
	h->whole = (struct buf)BUF_IN(GW_HELD_MAX, s->memory);
	h->item = *item;
	h->gone = item->kind == RES_OUTPUT;
	memcpy(h->index, index.raw.p, index.raw.n);
	h->index_n = index.raw.n;
	s->v[s->n++] = h;
	return keep_event(s, h, raw, e) < 0 ? NULL : h;
}

int
res_hold_more(struct res_holds *s, struct res_held *h, struct js event, struct str raw,
	struct err *e)
{
	struct js_field f[] = { JS_FIELD("delta"), JS_FIELD("arguments"),
		JS_FIELD("input") };
	struct str whole;

	if (keep_event(s, h, raw, e) < 0 || js_fields(event, f, LEN(f), e) < 0)
		return -1;
	if (h->gone)
		return 0;
	whole = js_inside(f[1].m.val.type == JS_STRING ? f[1].m.val : f[2].m.val);
	if (whole.n > 0 && h->whole.n > 0)
		return err_set(e, ERR_DATA, "a call's arguments end twice");
	if (keep(s, &h->whole, whole, e) < 0)
		return -1;
	return keep(s, &h->said, js_inside(f[0].m.val), e);
}

static bool
same(const struct gw_name *begun, const struct gw_name *end)
{
	return begun->n == 0 || str_eq(gw_str(begun), gw_str(end));
}

/* Escapes may be written in more than one way. */
static bool
same_text(struct str a, struct str b)
{
	CLEANUP(buf_fini) struct buf x = BUF_INIT(GW_HELD_MAX);
	CLEANUP(buf_fini) struct buf y = BUF_INIT(GW_HELD_MAX);
	struct err none = ERR_INIT; /* then they are not the same */

	if (str_eq(a, b))
		return true;
	return js_decode(a, &x, &none) == 0 && js_decode(b, &y, &none) == 0 &&
	       str_eq(buf_str(&x), buf_str(&y));
}

int
res_hold_check_end(const struct res_held *h, const struct res_item *end, struct err *e)
{
	const struct res_item *i = &h->item;
	struct str args;

	if (h->gone)
		return err_set(e, ERR_DATA, "a result ends as a call");
	if (!same(&i->type, &end->type) || !same(&i->name, &end->name) ||
		!same(&i->space, &end->space) || !same(&i->server, &end->server))
		return err_set(
			e, ERR_DATA, "a call ends under another name than it began");
	if (!same(&i->pair, &end->pair) &&
		!str_eq(gw_str(&i->pair), gw_str(&i->id))) /* else it had no call_id */
		return err_set(
			e, ERR_DATA, "a call ends under another call_id than it began");
	if (!res_item_has_pieces(end))
		return 0;
	args = js_inside(end->args);
	if ((h->said.n > 0 && !same_text(buf_str(&h->said), args)) ||
		(h->whole.n > 0 && !same_text(buf_str(&h->whole), args)))
		return err_set(e, ERR_DATA,
			"a call ends with other arguments than its pieces said");
	return 0;
}
