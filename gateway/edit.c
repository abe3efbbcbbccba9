#include "gateway/edit.h"

#include <stdlib.h>

enum { EDITS_FIRST = 16 };

void
edits_init(struct edits *ed, struct str src)
{
	*ed = (struct edits){ .src = src, .text = BUF_INIT(EDITS_TEXT_MAX) };
}

void
edits_fini(struct edits *ed)
{
	free(ed->v);
	ed->v = NULL;
	ed->n = ed->cap = 0;
	buf_fini(&ed->text);
}

static bool
have_room(struct edits *ed)
{
	if (ed->n < ed->cap)
		return true;
	if (ed->n >= EDITS_MAX) {
		ed->over = true;
		return false;
	}
	ed->cap = ed->cap == 0 ? EDITS_FIRST : ed->cap * 2;
	ed->v = mem_grow(ed->v, ed->cap * sizeof *ed->v);
	return true;
}

void
edits_replace(struct edits *ed, const char *from, const char *to, struct str with)
{
	if (!have_room(ed))
		return;
	ed->v[ed->n] = (struct edit){
		.at = (size_t)(from - ed->src.p),
		.cut = (size_t)(to - from),
		.text = ed->text.n,
		.put = with.n,
		.order = ed->n,
	};
	ed->n++;
	buf_put_str(&ed->text, with);
}

void
edits_cut_item(struct edits *ed, const struct js_item *it, bool kept)
{
	if (kept)
		edits_replace(ed, it->prev_end, it->end, STR(""));
	else
		edits_replace(
			ed, it->start, it->next != NULL ? it->next : it->end, STR(""));
}

void
edits_back_to(struct edits *ed, size_t mark)
{
	if (mark < ed->n)
		ed->text.n = ed->v[mark].text;
	ed->n = mark;
}

static int
by_place(const void *a, const void *b)
{
	const struct edit *x = a;
	const struct edit *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int
edits_apply(struct edits *ed, struct buf *out, struct err *e)
{
	size_t at = 0, size = ed->src.n;

	if (ed->n == 0 && !ed->over)
		return 0;
	if (ed->n > 0)
		qsort(ed->v, ed->n, sizeof *ed->v, by_place);
	for (size_t i = 0; i < ed->n; i++)
		size += ed->v[i].put - ed->v[i].cut;
	(void)buf_room(out, size); /* at once; what does not fit is told below */
	for (size_t i = 0; i < ed->n; i++) {
		const struct edit *d = &ed->v[i];

		buf_put(out, ed->src.p + at, d->at - at);
		if (d->put > 0) /* else there may be no text at all */
			buf_put(out, ed->text.p + d->text, d->put);
		at = d->at + d->cut;
	}
	buf_put(out, ed->src.p + at, ed->src.n - at);
	if (ed->over || ed->text.over || out->over)
		return err_set(e, ERR_DATA,
			"too much would have to be changed: more than %d places or %zu bytes",
			(int)EDITS_MAX, out->max);
	return 1;
}

void
edits_init_event(struct edits *ed, const struct sse_event *ev)
{
	edits_init(ed, ev->in_raw ? ev->raw : ev->data);
}

int
edits_apply_event(
	struct edits *ed, const struct sse_event *ev, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf data = BUF_INIT(out->max);

	const int got = edits_apply(ed, ev->in_raw ? out : &data, e);

	if (got == 0)
		buf_put_str(out, ev->raw);
	else if (got > 0 && !ev->in_raw)
		sse_put(out, ev->name, buf_str(&data));
	return got < 0 ? -1 : 0;
}
