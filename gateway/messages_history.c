#include "gateway/messages_request.h"

#include "gateway/messages_members.h"
#include "gateway/repeat.h"
#include "gateway/usage.h"

/* What stands in a list of content decides what may become of one that is emptied. */
enum list {
	LIST_MESSAGE,    /* of a message: results come first */
	LIST_INSIDE,     /* of a block */
	LIST_REFERENCES, /* of a search's result: may be empty, has no texts */
};

struct walk {
	enum list list;
	int depth;
	const char
		*last_result; /* start of the last tool_result that stays; NULL: none */
	bool looked;          /* last_result is known */
	bool kept;            /* an item before stays */
	struct buf moved;     /* notes that go behind that result */
	struct js cache;      /* mark of a reference that is gone */
};

static int filter_list(
	struct msg_req *r, struct js list, enum list kind, int depth, struct err *e);

static void
replace_by_text(struct msg_req *r, struct js v, struct str text, struct js cache)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(EDITS_TEXT_MAX);

	msg_put_text(&b, text, cache);
	edits_replace(&r->ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&b));
}

static int
filter_call(struct msg_req *r, struct js v, const struct msg_block *b, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_REFUSAL_MAX);
	struct gw_case c = msg_block_case(r->j, b, b->input);
	int act;

	c.what = "history";
	act = gw_judge_part(r->j, &c, pol_on_history(r->j->rules->policy), "replaced", e);
	if (act < 0)
		return -1;
	if (act == 0 && gw_ids_have(&r->gone, gw_str(&b->id)))
		return err_set(e, ERR_DATA, "two calls have the same id");
	if (act == 0)
		return 0;
	gw_put_gone(&text, &c);
	replace_by_text(r, v, buf_str(&text), b->cache);
	return gw_ids_add(&r->gone, gw_str(&b->id), e);
}

static int
filter_change(struct msg_req *r, struct js v, const struct msg_block *b, struct err *e)
{
	static const char note[] =
		"[pando-ai] A change of a tool stood here; the policy does not allow the tool.";
	const int act = msg_judge_change(r, b->tool, e);

	if (act > 0)
		replace_by_text(r, v, STR(note), b->cache);
	return act < 0 ? -1 : 0;
}

/* --- results ---------------------------------------------------------------------------- */

/* The last tool_result of the list that stays; read once for each list that needs it. */
static int
find_last_result(const struct msg_req *r, struct js list, struct walk *w, struct err *e)
{
	struct js_iter it;
	struct js_item m;
	struct msg_block b;

	if (w->looked)
		return 0;
	w->looked = true;
	js_open(&it, list);
	while (js_next(&it, &m)) {
		if (msg_block_read(m.val, &b, e) < 0)
			return -1;
		if (b.is_tool_result && !gw_ids_have(&r->gone, gw_str(&b.id)))
			w->last_result = m.start;
	}
	return 0;
}

/*
 * The result of a call that is gone. The API wants the results that stay first in their
 * message, so where one stays behind it, the note goes behind that one.
 */
static int
filter_result(struct msg_req *r, struct js list, const struct js_item *m,
	const struct msg_block *b, struct walk *w, struct err *e)
{
	if (b->is_tool_result && w->list == LIST_MESSAGE &&
		find_last_result(r, list, w, e) < 0)
		return -1;
	if (w->last_result == NULL || m->start > w->last_result || !b->is_tool_result) {
		replace_by_text(r, m->val, STR(MSG_RESULT_GONE), b->cache);
		w->kept = true;
		return 0;
	}
	edits_cut_item(&r->ed, m, w->kept);
	buf_putc(&w->moved, ',');
	msg_put_text(&w->moved, STR(MSG_RESULT_GONE), b->cache);
	return 0;
}

static void
put_moved(struct msg_req *r, const char *at, struct walk *w)
{
	if (w->moved.n == 0)
		return;
	edits_replace(&r->ed, at, at, buf_str(&w->moved));
	r->ed.over = r->ed.over || w->moved.over;
	buf_reset(&w->moved);
}

/* --- references --------------------------------------------------------------------------- */

static int
filter_reference(struct msg_req *r, const struct js_item *m, const struct msg_block *b,
	struct walk *w, struct err *e)
{
	struct gw_case c = msg_offer_case(r->j, gw_str(&b->name));
	int act = gw_judge_part(
		r->j, &c, pol_on_definition(r->j->rules->policy), "stripped", e);

	if (act == 0 && gw_ids_have(&r->undefined, gw_str(&b->name)))
		act = 1;
	if (act > 0)
		edits_cut_item(&r->ed, m, w->kept);
	if (act > 0 && b->cache.type != JS_NONE)
		w->cache = b->cache;
	w->kept = w->kept || act == 0;
	return act < 0 ? -1 : 0;
}

/* A search's result that named nothing else. */
static void
fill_emptied(struct msg_req *r, struct js list, const struct walk *w, size_t mark)
{
	static const char note[] =
		"[pando-ai] The policy allows none of the tools that were found.";
	const struct js inside = { .raw = { list.raw.p + 1, list.raw.n - 2 } };

	if (w->kept || r->ed.n == mark || w->list == LIST_REFERENCES)
		return;
	edits_back_to(&r->ed, mark);
	replace_by_text(r, inside, STR(note), w->cache);
}

/* --- lists --------------------------------------------------------------------------------- */

/* What is inside a block: a list, or one object of another kind of block. */
static int
filter_inside(struct msg_req *r, const struct msg_block *b, int depth, struct err *e)
{
	struct msg_block inner;

	if (depth >= MSG_NEST_MAX)
		return err_set(e, ERR_DATA, "content nested more than %d deep",
			(int)MSG_NEST_MAX);
	if (b->references.type == JS_ARRAY &&
		filter_list(r, b->references, LIST_REFERENCES, depth + 1, e) < 0)
		return -1;
	if (b->content.type == JS_ARRAY)
		return filter_list(r, b->content, LIST_INSIDE, depth + 1, e);
	if (b->content.type != JS_OBJECT)
		return 0;
	if (msg_block_read(b->content, &inner, e) < 0)
		return -1;
	if (inner.kind != MSG_PLAIN && msg_judge_block(r->j, &inner, e) < 0)
		return -1;
	return filter_inside(r, &inner, depth + 1, e);
}

static int
filter_item(struct msg_req *r, struct js list, const struct js_item *m, struct walk *w,
	struct err *e)
{
	struct msg_block b;

	if (msg_block_read(m->val, &b, e) < 0)
		return -1;
	if (w->list == LIST_MESSAGE)
		gw_repeat_block(gw_meter_repeat(r->j->rules->meter), &b);
	if (b.kind == MSG_RESULT && gw_ids_have(&r->gone, gw_str(&b.id)))
		return filter_result(r, list, m, &b, w, e);
	if (b.kind == MSG_REFERENCE)
		return filter_reference(r, m, &b, w, e);
	w->kept = true;
	if (m->start == w->last_result)
		put_moved(r, m->end, w);
	switch (b.kind) {
	case MSG_CALL:
		return filter_call(r, m->val, &b, e);
	case MSG_CHANGE:
		return filter_change(r, m->val, &b, e);
	case MSG_UNKNOWN:
		if (msg_judge_block(r->j, &b, e) < 0)
			return -1;
		break;
	case MSG_PLAIN:
	case MSG_RESULT:
	case MSG_REFERENCE:
	case MSG_KINDS:
		break;
	}
	return filter_inside(r, &b, w->depth, e);
}

static void
walk_fini(struct walk *w)
{
	buf_fini(&w->moved);
}

static int
filter_list(struct msg_req *r, struct js list, enum list kind, int depth, struct err *e)
{
	CLEANUP(walk_fini)
	struct walk w = {
		.list = kind, .depth = depth, .moved = BUF_INIT(EDITS_TEXT_MAX)
	};
	const size_t mark = r->ed.n;
	struct js_iter it;
	struct js_item m;

	js_open(&it, list);
	while (js_next(&it, &m))
		if (filter_item(r, list, &m, &w, e) < 0)
			return -1;
	/* only a list that the API refuses has calls among its results, and leaves some here */
	put_moved(r, list.raw.p + list.raw.n - 1, &w);
	fill_emptied(r, list, &w, mark);
	return 0;
}

static int
filter_content(struct msg_req *r, struct js content, const char *what, struct err *e)
{
	if (content.type == JS_ARRAY)
		return filter_list(r, content, LIST_MESSAGE, 0, e);
	if (content.type == JS_OBJECT)
		return err_set(e, ERR_DATA, "%s content is an object", what);
	return 0;
}

int
msg_filter_system(struct msg_req *r, struct js system, struct err *e)
{
	return filter_content(r, system, "the system prompt's", e);
}

int
msg_filter_messages(struct msg_req *r, struct js messages, struct err *e)
{
	enum { ROLE, CONTENT, N };
	static const struct msg_member message[] = {
		MSG_MEMBER("role", ROLE),
		MSG_MEMBER("content", CONTENT),
	};
	static const struct msg_shape message_shape = MSG_SHAPE(message);
	struct js_iter it;
	struct js_item m;

	if (messages.type == JS_NONE)
		return 0;
	if (messages.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "messages is not an array");
	js_open(&it, messages);
	while (js_next(&it, &m)) {
		struct js f[N];
		struct str odd;

		if (msg_members(m.val, &message_shape, f, N, &odd, e) < 0)
			return err_wrap(e, "a message");
		gw_repeat_message(
			gw_meter_repeat(r->j->rules->meter), f[ROLE], f[CONTENT]);
		if (odd.n > 0 && msg_judge_odd(r->j, "a message", odd, e) < 0)
			return -1;
		if (filter_content(r, f[CONTENT], "a message's", e) < 0)
			return -1;
	}
	return 0;
}
