#include "gateway/responses.h"

#include <stdlib.h>

#include "gateway/edit.h"
#include "gateway/usage.h"

enum {
	INDEX_MAX = 20,
	HELD_ITEMS_MAX = 32, /* calls that are open at the same time */
	ID_MAX = 64,         /* the API's own limit for an item's id */
	MESSAGE_MAX = 32768, /* a message that stands for a call, and an error event */
};

/* One call that is not decided yet: the events from its added on. */
struct held {
	char index[INDEX_MAX]; /* as written on the wire */
	size_t index_n;
	struct gw_name id;
	struct buf raw;
	bool off; /* policy refuses what the first event says it is, whatever follows */
};

struct res_stream {
	const struct gw_judge *j;
	struct held held[HELD_ITEMS_MAX];
	size_t nheld, bytes;
	struct gw_ids told; /* decided calls: the last event tells none again */
	struct gw_ids gone; /* replaced calls: what the provider ran goes with them */
};

enum { TYPE, INDEX, ITEM, ITEM_ID, RESPONSE, SEQUENCE, FIELDS };

struct res_stream *
res_stream_new(const struct gw_judge *j)
{
	struct res_stream *s = mem_alloc(sizeof *s);

	s->j = j;
	return s;
}

static void
drop_held(struct res_stream *s, size_t at)
{
	s->bytes -= s->held[at].raw.n;
	buf_fini(&s->held[at].raw);
	s->nheld--;
	if (at < s->nheld)
		s->held[at] = s->held[s->nheld];
}

static void
drop_all(struct res_stream *s)
{
	while (s->nheld > 0)
		drop_held(s, s->nheld - 1);
}

void
res_stream_free(struct res_stream *s)
{
	if (s == NULL)
		return;
	drop_all(s);
	gw_ids_fini(&s->told);
	gw_ids_fini(&s->gone);
	free(s);
}

/* The held call that an event belongs to; s->nheld when to none. */
static size_t
find_held(const struct res_stream *s, struct js index, struct str item_id)
{
	size_t i;

	for (i = 0; i < s->nheld; i++) {
		const struct held *h = &s->held[i];

		if (index.type != JS_NONE
				? str_eq(index.raw, (struct str){ h->index, h->index_n })
				: item_id.n > 0 && str_eq(item_id, gw_str(&h->id)))
			break;
	}
	return i;
}

static int
keep(struct res_stream *s, struct held *h, struct str raw, struct err *e)
{
	buf_put_str(&h->raw, raw);
	s->bytes += raw.n;
	if (h->raw.over || s->bytes > GW_HELD_MAX)
		return err_set(e, ERR_DATA,
			"calls that are not complete are longer than %d bytes",
			(int)GW_HELD_MAX);
	return 0;
}

static int
hold(struct res_stream *s, struct js index, const struct res_item *item, struct str raw,
	struct err *e)
{
	const struct gw_case c = res_item_offer(s->j, item);
	struct held *h = &s->held[s->nheld];

	if (index.type != JS_NUMBER || index.raw.n > INDEX_MAX)
		return err_set(e, ERR_DATA, "a call without an output_index");
	if (find_held(s, index, STR("")) < s->nheld)
		return err_set(e, ERR_DATA, "a call begins twice");
	if (s->nheld >= HELD_ITEMS_MAX)
		return err_set(e, ERR_DATA, "more than %d calls at the same time",
			(int)HELD_ITEMS_MAX);
	*h = (struct held){ .raw = BUF_INIT(GW_HELD_MAX), .id = item->id };
	memcpy(h->index, index.raw.p, index.raw.n);
	h->index_n = index.raw.n;
	h->off = gw_case_is_off(&c);
	s->nheld++;
	return keep(s, h, raw, e);
}

static bool
is_orphan(const struct res_stream *s, const struct res_item *item)
{
	return item->kind == RES_OUTPUT && gw_ids_have(&s->gone, gw_str(&item->pair));
}

static int
on_item_added(struct res_stream *s, const struct js_field *f, struct str raw,
	struct buf *out, struct err *e)
{
	struct res_item item;

	if (res_item_read(f[ITEM].m.val, &item, e) < 0)
		return -1;
	if (item.kind == RES_UNKNOWN && gw_judge_unknown(s->j, gw_str(&item.type), e) < 0)
		return -1;
	if (item.kind == RES_CALL && !s->j->rules->audit)
		return hold(s, f[INDEX].m.val, &item, raw, e);
	if (find_held(s, f[INDEX].m.val, STR("")) < s->nheld)
		return err_set(e, ERR_DATA, "an item begins inside a call");
	if (!is_orphan(s, &item))
		buf_put_str(out, raw);
	return 0;
}

/* The id of the message that stands for a call: the same wherever the call is repeated. */
static void
put_message_id(struct buf *b, const struct res_item *item)
{
	const struct str id = item->id.n > 0 ? gw_str(&item->id) : gw_str(&item->pair);
	const size_t room = ID_MAX - (sizeof "msg_pando_" - 1);

	buf_puts(b, "msg_pando_");
	for (size_t i = 0; i < id.n && i < room; i++) {
		const char c = id.p[i];
		const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				   (c >= '0' && c <= '9') || c == '_' || c == '-';

		buf_putc(b, plain ? c : '_');
	}
}

static void
put_part(struct buf *b, struct str text)
{
	buf_puts(b, "{\"type\":\"output_text\",\"text\":");
	buf_put_json(b, text);
	buf_puts(b, ",\"annotations\":[]}");
}

static void
put_message(
	struct buf *b, const struct res_item *item, const char *status, struct str text)
{
	buf_puts(b, "{\"id\":\"");
	put_message_id(b, item);
	buf_printf(b,
		"\",\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[",
		status);
	if (text.n > 0)
		put_part(b, text);
	buf_puts(b, "]}");
}

/* What all events of the message that stands for a call have in common. */
struct stand_in {
	const struct res_item *item;
	struct str index, sequence; /* as written; sequence may be empty */
	struct str text;
	struct buf *out;
};

/* Up to where the members of one kind of event follow. */
static void
begin_event(struct buf *b, const struct stand_in *in, const char *type, bool part)
{
	buf_printf(b, "{\"type\":\"%s\",\"output_index\":" STR_FMT, type,
		STR_ARG(in->index));
	if (in->sequence.n > 0)
		buf_printf(b, ",\"sequence_number\":" STR_FMT, STR_ARG(in->sequence));
	if (!part)
		return;
	buf_puts(b, ",\"item_id\":\"");
	put_message_id(b, in->item);
	buf_puts(b, "\",\"content_index\":0");
}

static void
end_event(struct buf *b, const struct stand_in *in, const char *type)
{
	buf_putc(b, '}');
	sse_put(in->out, str_of(type), buf_str(b));
}

static void
put_item_event(
	const struct stand_in *in, const char *type, const char *status, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, in, type, false);
	buf_puts(&b, ",\"item\":");
	put_message(&b, in->item, status, text);
	end_event(&b, in, type);
}

static void
put_part_event(const struct stand_in *in, const char *type, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, in, type, true);
	buf_puts(&b, ",\"part\":");
	put_part(&b, text);
	end_event(&b, in, type);
}

static void
put_text_event(const struct stand_in *in, const char *type, const char *member)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, in, type, true);
	buf_printf(&b, ",\"%s\":", member);
	buf_put_json(&b, in->text);
	end_event(&b, in, type);
}

static void
put_message_events(const struct stand_in *in)
{
	put_item_event(in, "response.output_item.added", "in_progress", STR(""));
	put_part_event(in, "response.content_part.added", STR(""));
	put_text_event(in, "response.output_text.delta", "delta");
	put_text_event(in, "response.output_text.done", "text");
	put_part_event(in, "response.content_part.done", in->text);
	put_item_event(in, "response.output_item.done", "completed", in->text);
}

static int
on_call_done(struct res_stream *s, const struct js_field *f, const struct res_item *item,
	struct str raw, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	const size_t at = find_held(s, f[INDEX].m.val, STR(""));
	const struct js *const number = &f[SEQUENCE].m.val;
	char text[POL_REFUSAL_MAX];
	struct gw_case c;
	int act;

	if (res_item_case(s->j, item, &room, &c, e) < 0)
		return -1;
	if (f[INDEX].m.val.type != JS_NUMBER)
		return err_set(e, ERR_DATA, "a call without an output_index");
	if (at < s->nheld && s->held[at].off && !gw_case_is_off(&c))
		return err_set(
			e, ERR_DATA, "a call ends under another name than it began");
	act = gw_judge_call(s->j, &c, e);
	if (act < 0 || gw_ids_add(&s->told, c.call_id, e) < 0 ||
		(act > 0 && gw_ids_add(&s->gone, c.call_id, e) < 0))
		return -1;
	if (act == 0) {
		if (at < s->nheld)
			buf_put_str(out, buf_str(&s->held[at].raw));
		buf_put_str(out, raw);
	} else {
		put_message_events(&(struct stand_in){
			.item = item,
			.index = f[INDEX].m.val.raw,
			.sequence = number->type == JS_NUMBER ? number->raw : STR(""),
			.text = str_of(pol_refusal(&c.use, &c.decision, text)),
			.out = out,
		});
	}
	if (at < s->nheld)
		drop_held(s, at);
	return 0;
}

static int
on_item_done(struct res_stream *s, const struct js_field *f, struct str raw,
	struct buf *out, struct err *e)
{
	struct res_item item;

	if (res_item_read(f[ITEM].m.val, &item, e) < 0)
		return -1;
	if (item.kind == RES_CALL)
		return on_call_done(s, f, &item, raw, out, e);
	if (find_held(s, f[INDEX].m.val, STR("")) < s->nheld)
		return err_set(e, ERR_DATA, "a call ends as something else");
	if (item.kind == RES_UNKNOWN && gw_judge_unknown(s->j, gw_str(&item.type), e) < 0)
		return -1;
	if (!is_orphan(s, &item))
		buf_put_str(out, raw);
	return 0;
}

static int
replace_output_item(struct res_stream *s, struct edits *ed, struct js v,
	const struct res_item *item, const struct gw_case *c, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);
	char text[POL_REFUSAL_MAX];

	put_message(
		&b, item, "completed", str_of(pol_refusal(&c->use, &c->decision, text)));
	edits_replace(ed, v.raw.p, v.raw.p + v.raw.n, buf_str(&b));
	return gw_ids_add(&s->gone, c->call_id, e);
}

/* One item of response.output[]: 0 it stays or is replaced, 1 the caller takes it out. */
static int
filter_output_item(struct res_stream *s, struct edits *ed, struct js v, struct err *e)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HELD_MAX);
	struct res_item item;
	struct gw_case c;
	int act;

	if (res_item_read(v, &item, e) < 0)
		return -1;
	if (item.kind == RES_UNKNOWN)
		return gw_judge_unknown(s->j, gw_str(&item.type), e);
	if (item.kind != RES_CALL)
		return is_orphan(s, &item);
	if (res_item_case(s->j, &item, &room, &c, e) < 0)
		return -1;
	if (gw_ids_have(&s->gone, c.call_id) && gw_judge_again(s->j, &c))
		act = 1;
	else if (gw_ids_have(&s->told, c.call_id))
		act = gw_case_is_off(&c) && !s->j->rules->audit;
	else
		act = gw_judge_call(s->j, &c, e);
	return act > 0 ? replace_output_item(s, ed, v, &item, &c, e) : act;
}

static int
filter_output(struct res_stream *s, struct edits *ed, struct js response, struct err *e)
{
	struct js_field f[] = { JS_FIELD("output"), JS_FIELD("model"),
		JS_FIELD("usage") };
	struct js_iter it;
	struct js_item m;
	bool kept = false;

	if (js_fields(response, f, LEN(f), e) < 0)
		return err_wrap(e, "a response");
	gw_meter_response(s->j->rules->meter, f[1].m.val, f[2].m.val);
	if (f[0].m.val.type == JS_OBJECT)
		return err_set(e, ERR_DATA, "output is an object");
	js_open(&it, f[0].m.val);
	while (js_next(&it, &m)) {
		const int act = filter_output_item(s, ed, m.val, e);

		if (act < 0)
			return -1;
		if (act > 0)
			edits_cut_item(ed, &m, kept);
		kept = kept || act == 0;
	}
	return 0;
}

static bool
is_last(struct str type)
{
	return str_is(type, "response.completed") ||
	       str_is(type, "response.incomplete") || str_is(type, "response.failed") ||
	       str_is(type, "response.cancelled");
}

static int
on_response(struct res_stream *s, const struct js_field *f, struct str type,
	const struct sse_event *ev, struct buf *out, struct err *e)
{
	CLEANUP(edits_fini) struct edits ed;

	edits_init_event(&ed, ev);
	if (is_last(type))
		drop_all(s); /* a call that did not end is no call */
	if (filter_output(s, &ed, f[RESPONSE].m.val, e) < 0)
		return -1;
	return edits_apply_event(&ed, ev, out, e);
}

/* Pieces of an item, and everything else. */
static int
on_other(struct res_stream *s, const struct js_field *f, struct str type, struct str raw,
	struct buf *out, struct err *e)
{
	struct gw_name item_id;
	size_t at;

	if (gw_name_read(f[ITEM_ID].m.val, &item_id, e) < 0)
		return -1;
	at = find_held(s, f[INDEX].m.val, gw_str(&item_id));
	if (at < s->nheld)
		return keep(s, &s->held[at], raw, e);
	if (!s->j->rules->audit && memmem(type.p, type.n, "_call", 5) != NULL &&
		gw_judge_unknown(s->j, type, e) < 0)
		return -1;
	buf_put_str(out, raw);
	return 0;
}

static int
dispatch(struct res_stream *s, const struct js_field *f, const struct sse_event *ev,
	struct buf *out, struct err *e)
{
	struct gw_name name;
	struct str type;

	if (gw_name_read(f[TYPE].m.val, &name, e) < 0)
		return -1;
	type = gw_str(&name);
	if (ev->name.n > 0 && !str_eq(ev->name, type))
		return err_set(e, ERR_DATA, "an event's name and its type differ");
	if (str_is(type, "response.output_item.added"))
		return on_item_added(s, f, ev->raw, out, e);
	if (str_is(type, "response.output_item.done"))
		return on_item_done(s, f, ev->raw, out, e);
	if (f[RESPONSE].m.val.type == JS_OBJECT)
		return on_response(s, f, type, ev, out, e);
	return on_other(s, f, type, ev->raw, out, e);
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
	};
	struct js root;

	if (js_check(ev->data, &root, e) < 0 || js_fields(root, f, FIELDS, e) < 0)
		return err_wrap(e, "an event");
	return dispatch(s, f, ev, out, e);
}

int
res_stream_end(struct res_stream *s, struct err *e)
{
	if (s->nheld > 0)
		return err_set(e, ERR_DATA, "the provider's stream ended inside a call");
	return 0;
}

void
res_put_error_event(struct buf *out, const char *text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	/* Of all codes only this one (and cyber_policy) is shown verbatim and not retried. */
	buf_puts(&b, "{\"type\":\"response.failed\",\"response\":{\"id\":\"resp_pando\","
		     "\"object\":\"response\",\"status\":\"failed\",\"output\":[],"
		     "\"error\":{\"code\":\"invalid_prompt\",\"message\":");
	buf_put_json(&b, str_of(text));
	buf_puts(&b, "}}}");
	sse_put(out, STR("response.failed"), buf_str(&b));
}

static void
stream_freep(struct res_stream **s)
{
	res_stream_free(*s);
}

int
res_answer(const struct gw_judge *j, struct str body, struct buf *out, struct err *e)
{
	CLEANUP(stream_freep) struct res_stream *s = res_stream_new(j);
	CLEANUP(edits_fini) struct edits ed;
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct js root;

	edits_init(&ed, body);
	if (js_check_index(body, &ix, &root, e) < 0 || filter_output(s, &ed, root, e) < 0)
		return -1;
	return edits_apply(&ed, out, e);
}
