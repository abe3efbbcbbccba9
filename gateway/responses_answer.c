#include "gateway/responses.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "gateway/alike.h"
#include "gateway/responses_held.h"
#include "gateway/usage.h"

enum {
	MESSAGE_MAX = 32768,         /* a message that stands for a call */
	SEQUENCE_DIGITS = 18,        /* of a sequence_number that is heeded */
	TOLD_MAX = GW_NAME_MAX + 32, /* a call's id and the digest of its content */
};

struct res_stream {
	const struct gw_judge *j;
	struct res_holds holds;
	struct gw_ids
		told; /* decided calls, each also with the digest of what was decided */
	struct gw_ids gone; /* replaced calls: what the provider ran goes with them */
	bool has_sequence;
	uint64_t last; /* the highest sequence_number that went out */
	bool changed;  /* the provider has another answer than the client */
	bool bare;
	bool over;            /* the last event has come */
	struct gw_alike text; /* the piece of text that passed last */
};

enum { TYPE, INDEX, ITEM, ITEM_ID, RESPONSE, SEQUENCE, DELTA, PADDING, FIELDS };

/* An event while it is looked at. */
struct event {
	const struct sse_event *sse;
	struct js root;
	struct js_field *f; /* FIELDS of them */
	struct str type;
	struct buf *out;
};

struct res_stream *
res_stream_new(const struct gw_judge *j, bool bare)
{
	struct res_stream *s = mem_alloc(sizeof *s);

	s->j = j;
	s->bare = s->holds.bare = bare;
	s->holds.memory = j->rules->memory;
	return s;
}

void
res_stream_free(struct res_stream *s)
{
	if (s == NULL)
		return;
	res_holds_fini(&s->holds);
	gw_ids_fini(&s->told);
	gw_ids_fini(&s->gone);
	free(s);
}

/* --- sequence numbers ---------------------------------------------------------------- */

static bool
read_sequence(struct js number, uint64_t *n)
{
	*n = 0;
	if (number.type != JS_NUMBER || number.raw.n > SEQUENCE_DIGITS)
		return false;
	for (size_t i = 0; i < number.raw.n; i++) {
		if (number.raw.p[i] < '0' || number.raw.p[i] > '9')
			return false;
		*n = *n * 10 + (uint64_t)(number.raw.p[i] - '0');
	}
	return true;
}

static void
note_sequence(struct res_stream *s, struct js number)
{
	uint64_t n;

	if (!read_sequence(number, &n))
		return;
	if (!s->has_sequence || n > s->last)
		s->last = n;
	s->has_sequence = true;
}

/* The numbers of the events that did not go out are free for those that stand for them. */
static struct res_place
place_of(const struct res_stream *s, const struct event *v)
{
	struct res_place at = { .index = v->f[INDEX].m.val.raw, .bare = s->bare };

	at.has_sequence = read_sequence(v->f[SEQUENCE].m.val, &at.sequence);
	if (!s->has_sequence)
		at.room = at.sequence + 1;
	else if (at.sequence > s->last)
		at.room = at.sequence - s->last;
	return at;
}

/* --- what goes out ------------------------------------------------------------------- */

static void
pass(struct res_stream *s, const struct event *v)
{
	buf_put_str(v->out, v->sse->raw);
	if (s->bare)
		buf_putc(v->out, '\0');
	note_sequence(s, v->f[SEQUENCE].m.val);
}

static void
put_instead(struct res_stream *s, const struct event *v, const struct res_item *item,
	struct str text)
{
	const struct res_place at = place_of(s, v);

	res_put_message_events(v->out, &at, item, text);
	note_sequence(s, v->f[SEQUENCE].m.val);
	s->changed = true;
}

/* --- items ----------------------------------------------------------------------------- */

static bool
is_orphan(const struct res_stream *s, const struct res_item *item)
{
	return item->kind == RES_OUTPUT && gw_ids_have(&s->gone, gw_str(&item->pair));
}

/* 0: an item of a kind that an answer may have, and when it may have it. */
static int
check_kind(const struct res_stream *s, const struct res_item *item, struct err *e)
{
	if (item->kind == RES_OUTPUT && res_hold_has_call(&s->holds, gw_str(&item->pair)))
		return err_set(e, ERR_DATA, "a result comes before its call is over");
	switch (item->kind) {
	case RES_PLAIN:
	case RES_CALL:
	case RES_LISTED:
	case RES_OUTPUT:
		return 0;
	case RES_TOOLS:
	case RES_HIDDEN:
	case RES_UNKNOWN:
	case RES_KINDS:
		break;
	}
	return gw_judge_unknown(s->j, gw_str(&item->type), e);
}

static bool
is_call(const struct res_item *item)
{
	return item->kind == RES_CALL || item->kind == RES_LISTED;
}

static int
on_item_added(struct res_stream *s, const struct event *v, struct err *e)
{
	const struct js index = v->f[INDEX].m.val;
	struct res_item item;
	struct res_held *h;
	struct gw_case c;

	if (res_item_read(v->f[ITEM].m.val, &item, e) < 0 || check_kind(s, &item, e) < 0)
		return -1;
	if (!s->j->rules->audit && (is_call(&item) || is_orphan(s, &item))) {
		h = res_hold_begin(&s->holds, index, &item, v->sse->raw, e);
		if (h == NULL)
			return -1;
		if (is_call(&item)) {
			c = res_item_offer(s->j, &item);
			h->off = gw_case_is_off(&c);
		}
		return 0;
	}
	if (res_hold_find(&s->holds, index, STR("")) != NULL)
		return err_set(e, ERR_DATA, "an item begins inside a call");
	pass(s, v);
	return 0;
}

/* A call by its id and by all that says what the client is to do. */
static struct str
told_key(const struct res_item *item, const struct gw_case *c, char out[TOLD_MAX])
{
	uint64_t h = hash_more(HASH_FIRST, gw_str(&item->type));
	int n;

	h = hash_more(hash_byte(h, 0), c->use.server);
	h = hash_more(hash_byte(h, 0), c->use.tool);
	if (res_item_has_pieces(item))
		h = hash_more(hash_byte(h, 0), c->args);
	n = snprintf(out, TOLD_MAX, "%016" PRIx64 "=" STR_FMT, h, STR_ARG(c->call_id));
	return (struct str){ out, (size_t)n };
}

/* Decides a call for the first time: 0 it passes, 1 it is replaced, -1 the answer ends. */
static int
judge(struct res_stream *s, const struct res_item *item, struct gw_case *c, struct err *e)
{
	char key[TOLD_MAX];
	const int act = gw_judge_call(s->j, c, e);

	if (act < 0 || c->call_id.n == 0)
		return act;
	if (gw_ids_add(&s->told, c->call_id, e) < 0 ||
		gw_ids_add(&s->told, told_key(item, c, key), e) < 0 ||
		(act > 0 && gw_ids_add(&s->gone, c->call_id, e) < 0))
		return -1;
	return act;
}

static int
check_end(const struct res_stream *s, const struct event *v, const struct res_held *h,
	const struct res_item *item, struct err *e)
{
	if (s->j->rules->audit)
		return 0;
	if (v->f[INDEX].m.val.type != JS_NUMBER)
		return err_set(e, ERR_DATA, "a call without an output_index");
	if (gw_ids_have(&s->told, gw_str(&item->pair)))
		return err_set(e, ERR_DATA, "a call ends twice");
	return h == NULL ? 0 : res_hold_check_end(h, item, e);
}

static int
on_call_done(struct res_stream *s, const struct event *v, const struct res_item *item,
	struct err *e)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	struct res_held *h = res_hold_find(&s->holds, v->f[INDEX].m.val, STR(""));
	char text[POL_REFUSAL_MAX];
	struct gw_case c;
	int act;

	if (check_end(s, v, h, item, e) < 0 ||
		res_item_case(s->j, item, &room, &c, e) < 0)
		return -1;
	if (h != NULL && h->off && !gw_case_is_off(&c))
		return err_set(
			e, ERR_DATA, "a call ends under another name than it began");
	act = judge(s, item, &c, e);
	if (act < 0)
		return -1;
	if (act == 0) {
		if (h != NULL)
			buf_put_str(v->out, buf_str(&h->raw));
		pass(s, v);
	} else {
		put_instead(s, v, item, str_of(pol_refusal(&c.use, &c.decision, text)));
	}
	if (h != NULL)
		res_hold_drop(&s->holds, h);
	return 0;
}

static int
on_item_done(struct res_stream *s, const struct event *v, struct err *e)
{
	struct res_item item;
	struct res_held *h;

	if (res_item_read(v->f[ITEM].m.val, &item, e) < 0 || check_kind(s, &item, e) < 0)
		return -1;
	if (is_call(&item))
		return on_call_done(s, v, &item, e);
	h = res_hold_find(&s->holds, v->f[INDEX].m.val, STR(""));
	if (h != NULL && !(h->gone && is_orphan(s, &item)))
		return err_set(e, ERR_DATA, "a call ends as something else");
	if (h != NULL)
		res_hold_drop(&s->holds, h);
	if (is_orphan(s, &item))
		put_instead(s, v, &item, str_of(res_result_gone));
	else
		pass(s, v);
	return 0;
}

/* --- output[] ---------------------------------------------------------------------------- */

static void
replace_output_item(
	struct edits *ed, struct js v, const struct res_item *item, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	res_put_message(&b, item, "completed", text);
	edits_replace(ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&b));
}

/* A call of output[]: 0 it passes, 1 it is replaced. It may have been decided as an event. */
static int
judge_again(struct res_stream *s, const struct res_item *item, struct gw_case *c,
	struct err *e)
{
	char key[TOLD_MAX];

	if (!gw_ids_have(&s->told, c->call_id))
		return judge(s, item, c, e);
	if (s->j->rules->audit)
		return 0;
	if (gw_case_is_off(c) ||
		(gw_ids_have(&s->gone, c->call_id) && gw_judge_again(s->j, c)))
		return 1;
	if (!gw_ids_have(&s->told, told_key(item, c, key)))
		return err_set(e, ERR_DATA, "a call is repeated with another content");
	return 0;
}

static int
filter_output_item(struct res_stream *s, struct edits *ed, struct js v,
	struct gw_ids *here, struct err *e)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	char text[POL_REFUSAL_MAX];
	struct res_item item;
	struct gw_case c;
	int act;

	if (res_item_read(v, &item, e) < 0 || check_kind(s, &item, e) < 0)
		return -1;
	if (is_orphan(s, &item))
		replace_output_item(ed, v, &item, str_of(res_result_gone));
	if (!is_call(&item))
		return 0;
	if (!s->j->rules->audit && gw_ids_have(here, gw_str(&item.pair)))
		return err_set(e, ERR_DATA, "output has a call twice");
	if (gw_ids_add(here, gw_str(&item.pair), e) < 0 ||
		res_item_case(s->j, &item, &room, &c, e) < 0)
		return -1;
	act = judge_again(s, &item, &c, e);
	if (act > 0)
		replace_output_item(
			ed, v, &item, str_of(pol_refusal(&c.use, &c.decision, text)));
	return act < 0 ? -1 : 0;
}

static int
filter_output(struct res_stream *s, struct edits *ed, struct js output, struct err *e)
{
	CLEANUP(gw_ids_fini) struct gw_ids here = { 0 };
	struct js_iter it;
	struct js_item m;

	if (output.type != JS_NONE && output.type != JS_NULL && output.type != JS_ARRAY)
		return err_set(e, ERR_DATA, "output is not a list");
	js_open(&it, output);
	while (js_next(&it, &m))
		if (filter_output_item(s, ed, m.val, &here, e) < 0)
			return -1;
	s->changed = s->changed || ed->n > 0;
	return 0;
}

/* The provider keeps it as the client has it, so that a request may stand on it. */
static int
remember(const struct res_stream *s, struct js id, struct err *e)
{
	struct gw_name name;

	if (s->changed || s->j->rules->seen == NULL)
		return 0;
	if (gw_name_read(id, &name, e) < 0)
		return err_wrap(e, "a response");
	gw_seen_add(s->j->rules->seen, gw_str(&name));
	return 0;
}

/* A response as the whole answer, or inside of an event: its output, and its id at the end. */
static int
filter_response(struct res_stream *s, struct edits *ed, struct js response, bool ends,
	struct err *e)
{
	struct js_field f[] = { JS_FIELD("output"), JS_FIELD("id"), JS_FIELD("model"),
		JS_FIELD("usage") };

	if (js_fields(response, f, LEN(f), e) < 0)
		return err_wrap(e, "a response");
	gw_meter_response(s->j->rules->meter, f[2].m.val, f[3].m.val);
	if (filter_output(s, ed, f[0].m.val, e) < 0)
		return -1;
	return ends ? remember(s, f[1].m.val, e) : 0;
}

/* --- events ------------------------------------------------------------------------------ */

static int
on_response(struct res_stream *s, const struct event *v, bool ends, struct err *e)
{
	CLEANUP(edits_fini) struct edits ed;

	edits_init_event(&ed, v->sse);
	if (ends) {
		s->changed = s->changed || s->holds.n > 0;
		res_holds_fini(&s->holds); /* a call that did not end is no call */
	}
	if (filter_response(s, &ed, v->f[RESPONSE].m.val, ends, e) < 0 ||
		edits_apply_event(&ed, v->sse, v->out, e) < 0)
		return -1;
	if (s->bare)
		buf_putc(v->out, '\0');
	note_sequence(s, v->f[SEQUENCE].m.val);
	return 0;
}

/* Whether it was kept with a call that is not decided: 1 yes, 0 no, -1 refused. */
static int
keep_with_call(struct res_stream *s, const struct event *v, struct err *e)
{
	struct gw_name item_id;
	struct res_held *h;

	if (s->holds.n == 0)
		return 0;
	if (gw_name_read(v->f[ITEM_ID].m.val, &item_id, e) < 0)
		return -1;
	h = res_hold_find(&s->holds, v->f[INDEX].m.val, gw_str(&item_id));
	if (h == NULL)
		return 0;
	return res_hold_more(&s->holds, h, v->root, v->sse->raw, e) < 0 ? -1 : 1;
}

/*
 * A piece of text: no call is held that one could belong to, and neither the text nor its number
 * decides anything. The next ones are alike until another event comes.
 */
static void
keep_text(struct res_stream *s, const struct event *v)
{
	const struct js free[] = { v->f[DELTA].m.val, v->f[PADDING].m.val,
		v->f[SEQUENCE].m.val };

	if (v->sse->in_raw && s->holds.n == 0 && free[0].type == JS_STRING &&
		free[1].type != JS_NUMBER)
		gw_alike_keep(&s->text, v->sse->raw, free, LEN(free));
}

static bool
pass_alike(struct res_stream *s, struct str raw, struct buf *out)
{
	struct js value[GW_FREE_MAX];

	if (s->bare || !gw_alike_is(&s->text, raw, value))
		return false;
	buf_put_str(out, raw);
	for (size_t i = 0; i < LEN(value); i++) {
		if (value[i].type == JS_NUMBER)
			note_sequence(s, value[i]);
	}
	return true;
}

static int
on_piece(struct res_stream *s, const struct event *v, bool of_call, struct err *e)
{
	const int kept = keep_with_call(s, v, e);

	if (kept != 0)
		return kept < 0 ? -1 : 0;
	if (of_call && !s->j->rules->audit)
		return gw_judge_unknown(s->j, v->type, e);
	pass(s, v);
	if (!of_call)
		keep_text(s, v);
	return 0;
}

static int
on_unknown(struct res_stream *s, const struct event *v, struct err *e)
{
	const int kept = keep_with_call(s, v, e);
	const bool responds = v->f[RESPONSE].m.val.type == JS_OBJECT;
	struct js_iter it;
	struct js_item m;

	if (kept != 0)
		return kept < 0 ? -1 : 0;
	js_open(&it, v->root);
	while (js_next(&it, &m)) {
		if (responds && m.start == v->f[RESPONSE].m.start)
			continue; /* its output is looked at below */
		if (!res_could_carry(m.key, m.val))
			continue;
		if (gw_judge_unknown(s->j, v->type, e) < 0)
			return -1;
		break;
	}
	if (responds)
		return on_response(s, v, false, e);
	pass(s, v);
	return 0;
}

static int
dispatch(struct res_stream *s, const struct event *v, struct err *e)
{
	const enum res_event kind = res_event_of(v->type);

	s->over = s->over || kind == RES_EV_ERROR || kind == RES_EV_END;
	switch (kind) {
	case RES_EV_FLOWS:
	case RES_EV_ERROR:
	case RES_EV_PIECE:
		return on_piece(s, v, kind == RES_EV_PIECE, e);
	case RES_EV_ADDED:
		return on_item_added(s, v, e);
	case RES_EV_DONE:
		return on_item_done(s, v, e);
	case RES_EV_STATE:
	case RES_EV_END:
		return on_response(s, v, kind == RES_EV_END, e);
	case RES_EV_UNKNOWN:
	case RES_EVENTS:
		break;
	}
	return on_unknown(s, v, e);
}

int
res_stream_event(
	struct res_stream *s, const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct js_field f[FIELDS] = {
		[TYPE] = JS_FIELD("type"),
		[INDEX] = JS_FIELD("output_index"),
		[ITEM] = JS_FIELD("item"),
		[ITEM_ID] = JS_FIELD("item_id"),
		[RESPONSE] = JS_FIELD("response"),
		[SEQUENCE] = JS_FIELD("sequence_number"),
		[DELTA] = JS_FIELD("delta"),
		[PADDING] = JS_FIELD("obfuscation"),
	};
	struct event v = { .sse = ev, .f = f, .type = STR(""), .out = out };
	char scratch[GW_NAME_MAX];

	if (pass_alike(s, ev->raw, out))
		return 0;
	gw_alike_forget(&s->text);
	if (js_check_fields(ev->data, f, FIELDS, &v.root, e) < 0)
		return err_wrap(e, "an event");
	if (f[TYPE].m.val.type != JS_NONE &&
		js_text(f[TYPE].m.val, scratch, sizeof scratch, &v.type, e) < 0)
		return err_wrap(e, "an event's type");
	if (ev->name.n > 0 && !str_eq(ev->name, v.type))
		return err_set(e, ERR_DATA, "an event's name and its type differ");
	return dispatch(s, &v, e);
}

bool
res_stream_is_over(const struct res_stream *s)
{
	return s->over;
}

int
res_stream_end(struct res_stream *s, struct err *e)
{
	if (s->holds.n > 0)
		return err_set(e, ERR_DATA, "the provider's stream ended inside a call");
	return 0;
}

static void
stream_freep(struct res_stream **s)
{
	res_stream_free(*s);
}

int
res_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(stream_freep) struct res_stream *s = res_stream_new(j, false);
	CLEANUP(edits_fini) struct edits ed;
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 ||
		filter_response(s, &ed, root, true, e) < 0)
		return -1;
	return edits_apply(&ed, out, e);
}
