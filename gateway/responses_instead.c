#include "gateway/responses.h"

#include <inttypes.h>

enum {
	ID_MAX = 64,         /* the API's own limit for an item's id */
	MESSAGE_MAX = 32768, /* a message that stands for a call, and an error event */
	EVENTS_ALL = 6,      /* of a message with one part of text */
	EVENTS_FEW = 2,      /* added and done: codex needs no more */
};

const char res_result_gone[] = "[pando-ai] The result of a call that the policy does not "
			       "allow stood here.";

/* The id of the message: the same wherever the call is repeated. */
static void
put_id(struct buf *b, const struct res_item *item)
{
	const struct str prefix = item->kind == RES_OUTPUT ? STR("msg_pando_out_")
							   : STR("msg_pando_");
	const struct str id = item->id.n > 0 ? gw_str(&item->id) : gw_str(&item->pair);

	buf_put_str(b, prefix);
	for (size_t i = 0; i < id.n && i < ID_MAX - prefix.n; i++) {
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

void
res_put_message(struct buf *b, const struct res_item *instead_of, const char *status,
	struct str text)
{
	buf_puts(b, "{\"id\":\"");
	put_id(b, instead_of);
	buf_printf(b,
		"\",\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[",
		status);
	if (text.n > 0)
		put_part(b, text);
	buf_puts(b, "]}");
}

/* --- events -------------------------------------------------------------------------- */

static void
put_event(struct buf *out, bool bare, const char *type, struct str data)
{
	if (!bare) {
		sse_put(out, str_of(type), data);
		return;
	}
	buf_put_str(out, data);
	buf_putc(out, '\0');
}

/* What all events of one message have in common. */
struct events {
	const struct res_place *at;
	const struct res_item *item;
	struct buf *out;
	uint64_t sequence; /* of the next */
};

/* Up to where the members of one kind of event follow. */
static void
begin_event(struct buf *b, struct events *v, const char *type, bool part)
{
	buf_printf(b, "{\"type\":\"%s\",\"output_index\":" STR_FMT, type,
		STR_ARG(v->at->index));
	if (v->at->has_sequence)
		buf_printf(b, ",\"sequence_number\":%" PRIu64, v->sequence++);
	if (!part)
		return;
	buf_puts(b, ",\"item_id\":\"");
	put_id(b, v->item);
	buf_puts(b, "\",\"content_index\":0");
}

static void
end_event(struct buf *b, struct events *v, const char *type)
{
	buf_putc(b, '}');
	put_event(v->out, v->at->bare, type, buf_str(b));
}

static void
put_item_event(struct events *v, const char *type, const char *status, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, v, type, false);
	buf_puts(&b, ",\"item\":");
	res_put_message(&b, v->item, status, text);
	end_event(&b, v, type);
}

static void
put_part_event(struct events *v, const char *type, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, v, type, true);
	buf_puts(&b, ",\"part\":");
	put_part(&b, text);
	end_event(&b, v, type);
}

static void
put_text_event(struct events *v, const char *type, const char *member, struct str text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	begin_event(&b, v, type, true);
	buf_printf(&b, ",\"%s\":", member);
	buf_put_json(&b, text);
	end_event(&b, v, type);
}

/* The client has seen no begin of a call that came without one, and needs none. */
static size_t
count_events(const struct res_place *at)
{
	if (!at->has_sequence || at->room >= EVENTS_ALL)
		return EVENTS_ALL;
	return at->room >= EVENTS_FEW ? EVENTS_FEW : 1;
}

void
res_put_message_events(struct buf *out, const struct res_place *at,
	const struct res_item *instead_of, struct str text)
{
	const size_t n = count_events(at);
	struct events v = { at, instead_of, out, at->sequence - (n - 1) };

	if (n >= EVENTS_FEW)
		put_item_event(&v, "response.output_item.added", "in_progress", STR(""));
	if (n == EVENTS_ALL) {
		put_part_event(&v, "response.content_part.added", STR(""));
		put_text_event(&v, "response.output_text.delta", "delta", text);
		put_text_event(&v, "response.output_text.done", "text", text);
		put_part_event(&v, "response.content_part.done", text);
	}
	put_item_event(&v, "response.output_item.done", "completed", text);
}

void
res_put_error_event(struct buf *out, const char *text, bool bare)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(MESSAGE_MAX);

	/* Of all codes only this one (and cyber_policy) is shown verbatim and not retried. */
	buf_puts(&b, "{\"type\":\"response.failed\",\"response\":{\"id\":\"resp_pando\","
		     "\"object\":\"response\",\"status\":\"failed\",\"output\":[],"
		     "\"error\":{\"code\":\"invalid_prompt\",\"message\":");
	buf_put_json(&b, str_of(text));
	buf_puts(&b, "}}}");
	put_event(out, bare, "response.failed", buf_str(&b));
}
