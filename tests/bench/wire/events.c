#include "tests/bench/wire/events.h"

static const char prose[] =
	"the answer is in src/net/stream.c line 120, where the queue is flushed before the close "
	"of the descriptor; tests/test_parser.py shows it, and lib/util/queue.ts does the same ";

enum { PROSE = sizeof prose - 1 };

bool
events_init(struct events *s, enum wire_api api, const struct ask *a, const char *name)
{
	*s = (struct events){ .ask = *a,
		.api = api,
		.text = BUF_INIT(EVENTS_TEXT_MAX),
		.arguments = BUF_INIT(EVENTS_TEXT_MAX) };
	memcpy(s->name, name, strnlen(name, sizeof s->name - 1));
	wire_hex(s->id, a->id);
	if (a->mode == 'j')
		return a->bytes <= ANSWER_BYTES_MAX;
	return a->texts > 0 && a->calls > 0 && a->texts <= EVENTS_MAX &&
	       a->calls <= EVENTS_MAX && a->bytes <= EVENT_BYTES_MAX &&
	       (api == API_MESSAGES ||
		       (uint64_t)(a->texts > a->calls ? a->texts : a->calls) *
				       (a->bytes + 2 * STAMP_TEXT) <
			       EVENTS_TEXT_MAX);
}

void
events_fini(struct events *s)
{
	buf_fini(&s->text);
	buf_fini(&s->arguments);
}

static void
put_text(struct buf *out, uint64_t from, size_t n)
{
	size_t at = from % PROSE;

	while (n > 0) {
		const size_t k = n < PROSE - at ? n : PROSE - at;

		buf_put(out, prose + at, k);
		n -= k;
		at = 0;
	}
}

static void
put_stamp(struct buf *out, char kind)
{
	char z[STAMP_TEXT] = { '@', kind, '=' };
	uint64_t t = wire_now();

	for (size_t i = STAMP_TEXT - 2; i > 2; i--, t /= 10)
		z[i] = (char)('0' + t % 10);
	z[STAMP_TEXT - 1] = ';';
	buf_put(out, z, sizeof z);
}

/* The k-th delta's text, as it stands in a JSON string. */
static void
put_piece(const struct events *s, unsigned k, char stamp, struct buf *out)
{
	put_text(out, s->ask.id * 31 + (uint64_t)k * 7, s->ask.bytes);
	if (stamp == 'T' && k % 8 == 7)
		buf_puts(out, "\\n");
	if (s->ask.stamp && stamp != '\0')
		put_stamp(out, stamp);
}

static void
put_all(struct buf *out, const char *const *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_puts(out, pieces[i]);
}

/* Texts one after the other. */
#define PUT(out, ...)                                                                    \
	put_all(out, (const char *const[]){ __VA_ARGS__ },                               \
		LEN(((const char *const[]){ __VA_ARGS__ })))

/* An event of Messages: what its data says after the type, with its closing brace. */
#define MESSAGE(s, out, name, ...)                                                       \
	((s)->written++, PUT(out, "event: " name "\ndata: {\"type\":\"" name "\"",       \
				 __VA_ARGS__, "}\n\n"))

static void
message_start(struct events *s, struct buf *out)
{
	MESSAGE(s, out, "message_start", ",\"message\":{\"id\":\"msg_", s->name,
		"\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-bench-1\","
		"\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"
		"\"input_tokens\":1000,\"output_tokens\":1}}");
	MESSAGE(s, out, "content_block_start",
		",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
	MESSAGE(s, out, "ping", "");
}

static void
message_text(struct events *s, unsigned k, bool last, struct buf *out)
{
	s->written++;
	buf_puts(out,
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"");
	put_piece(s, k, 'T', out);
	buf_puts(out, "\"}}\n\n");
	if (!last)
		return;
	MESSAGE(s, out, "content_block_stop", ",\"index\":0");
	MESSAGE(s, out, "content_block_start",
		",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_",
		s->id, "\",\"name\":\"bash\",\"input\":{}}");
}

static void
message_call(struct events *s, unsigned k, bool last, struct buf *out)
{
	s->written++;
	buf_puts(out,
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		"\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"");
	buf_puts(out, k == 0 ? "{\\\"command\\\":\\\"" : "");
	put_piece(s, k, last ? 'Z' : '\0', out);
	buf_puts(out, last ? "\\\"}\"}}\n\n" : "\"}}\n\n");
	if (last)
		MESSAGE(s, out, "content_block_stop", ",\"index\":1");
}

static void
message_end(struct events *s, struct buf *out)
{
	MESSAGE(s, out, "message_delta",
		",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{"
		"\"output_tokens\":64}");
	MESSAGE(s, out, "message_stop", "");
}

static void
response_open(struct events *s, const char *name, struct buf *out)
{
	s->written++;
	PUT(out, "event: ", name, "\ndata: {\"type\":\"", name,
		"\",\"sequence_number\":");
	buf_printf(out, "%u,", s->sequence++);
}

#define RESPONSE(s, out, name, ...)                                                      \
	(response_open(s, name, out), PUT(out, __VA_ARGS__, "}\n\n"))

static const char response_head[] =
	"\",\"object\":\"response\",\"created_at\":1760000000,\"model\":\"gpt-bench-1\","
	"\"error\":null,\"incomplete_details\":null,\"parallel_tool_calls\":true,";
static const char response_usage[] =
	"],\"usage\":{\"input_tokens\":1000,\"output_tokens\":64,\"total_tokens\":1064}}";

static void
response_start(struct events *s, struct buf *out)
{
	RESPONSE(s, out, "response.created", "\"response\":{\"id\":\"resp_", s->name,
		response_head,
		"\"status\":\"in_progress\",\"output\":[],\"usage\":null}");
	RESPONSE(s, out, "response.in_progress", "\"response\":{\"id\":\"resp_", s->name,
		response_head,
		"\"status\":\"in_progress\",\"output\":[],\"usage\":null}");
	RESPONSE(s, out, "response.output_item.added",
		"\"output_index\":0,\"item\":{\"id\":\"msg_", s->id,
		"\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",",
		"\"content\":[]}");
	RESPONSE(s, out, "response.content_part.added", "\"item_id\":\"msg_", s->id,
		"\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",",
		"\"text\":\"\",\"annotations\":[]}");
}

/* The finished items, which the last events repeat. */
#define MESSAGE_ITEM(s)                                                                     \
	"{\"id\":\"msg_", (s)->id,                                                          \
		"\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",", \
		"\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"text\":\"",    \
		buf_text(&(s)->text), "\"}]}"
#define CALL_ITEM(s)                                                                     \
	"{\"id\":\"fc_", (s)->id, "\",\"type\":\"function_call\",",                      \
		"\"status\":\"completed\",\"call_id\":\"call_", (s)->id,                 \
		"\",\"name\":\"bash\",\"arguments\":\"", buf_text(&(s)->arguments),      \
		"\"}"

static void
response_text(struct events *s, unsigned k, bool last, struct buf *out)
{
	const size_t from = s->text.n;

	put_piece(s, k, 'T', &s->text);
	response_open(s, "response.output_text.delta", out);
	PUT(out, "\"item_id\":\"msg_", s->id,
		"\",\"output_index\":0,\"content_index\":0,\"delta\":\"");
	buf_put(out, s->text.p + from, s->text.n - from);
	buf_puts(out, "\"}\n\n");
	if (!last)
		return;
	RESPONSE(s, out, "response.output_text.done", "\"item_id\":\"msg_", s->id,
		"\",\"output_index\":0,\"content_index\":0,\"text\":\"",
		buf_text(&s->text), "\"");
	RESPONSE(s, out, "response.content_part.done", "\"item_id\":\"msg_", s->id,
		"\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",",
		"\"annotations\":[],\"text\":\"", buf_text(&s->text), "\"}");
	RESPONSE(s, out, "response.output_item.done",
		"\"output_index\":0,\"item\":", MESSAGE_ITEM(s));
	RESPONSE(s, out, "response.output_item.added",
		"\"output_index\":1,\"item\":{\"id\":\"fc_", s->id,
		"\",\"type\":\"function_call\",\"status\":\"in_progress\",\"call_id\":\"call_",
		s->id, "\",\"name\":\"bash\",\"arguments\":\"\"}");
}

static void
response_call(struct events *s, unsigned k, bool last, struct buf *out)
{
	const size_t from = s->arguments.n;

	buf_puts(&s->arguments, k == 0 ? "{\\\"command\\\":\\\"" : "");
	put_piece(s, k, last ? 'Z' : '\0', &s->arguments);
	buf_puts(&s->arguments, last ? "\\\"}" : "");
	response_open(s, "response.function_call_arguments.delta", out);
	PUT(out, "\"item_id\":\"fc_", s->id, "\",\"output_index\":1,\"delta\":\"");
	buf_put(out, s->arguments.p + from, s->arguments.n - from);
	buf_puts(out, "\"}\n\n");
	if (!last)
		return;
	RESPONSE(s, out, "response.function_call_arguments.done", "\"item_id\":\"fc_",
		s->id, "\",\"output_index\":1,\"arguments\":\"", buf_text(&s->arguments),
		"\"");
	RESPONSE(s, out, "response.output_item.done",
		"\"output_index\":1,\"item\":", CALL_ITEM(s));
}

static void
response_end(struct events *s, struct buf *out)
{
	RESPONSE(s, out, "response.completed", "\"response\":{\"id\":\"resp_", s->name,
		response_head, "\"status\":\"completed\",\"output\":[", MESSAGE_ITEM(s),
		",", CALL_ITEM(s), response_usage);
}

bool
events_next(struct events *s, struct buf *out)
{
	static const struct {
		void (*start)(struct events *, struct buf *);
		void (*text)(struct events *, unsigned, bool, struct buf *);
		void (*call)(struct events *, unsigned, bool, struct buf *);
		void (*end)(struct events *, struct buf *);
	} apis[] = {
		[API_MESSAGES] = { message_start, message_text, message_call,
			message_end },
		[API_RESPONSES] = { response_start, response_text, response_call,
			response_end },
	};
	const unsigned calls = s->ask.calls;
	const unsigned texts = s->ask.texts;
	const unsigned k = s->at++;

	if (k == 0)
		apis[s->api].start(s, out);
	else if (k <= texts)
		apis[s->api].text(s, k - 1, k == texts, out);
	else if (k <= texts + calls)
		apis[s->api].call(s, k - texts - 1, k == texts + calls, out);
	else if (k == texts + calls + 1)
		apis[s->api].end(s, out);
	else
		return false;
	return true;
}

void
events_whole(const struct events *s, struct buf *out)
{
	if (s->api == API_MESSAGES) {
		PUT(out, "{\"id\":\"msg_", s->name,
			"\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-bench-1\",",
			"\"content\":[{\"type\":\"text\",\"text\":\"");
		put_text(out, s->ask.id, s->ask.bytes);
		PUT(out, "\"},{\"type\":\"tool_use\",\"id\":\"toolu_", s->id,
			"\",\"name\":\"bash\",\"input\":{\"command\":\"make test\"}}],",
			"\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{",
			"\"input_tokens\":1000,\"output_tokens\":64}}");
		return;
	}
	PUT(out, "{\"id\":\"resp_", s->name, response_head,
		"\"status\":\"completed\",\"output\":[{\"id\":\"msg_", s->id,
		"\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",",
		"\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"text\":\"");
	put_text(out, s->ask.id, s->ask.bytes);
	PUT(out, "\"}]},{\"id\":\"fc_", s->id,
		"\",\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"call_",
		s->id,
		"\",\"name\":\"bash\",\"arguments\":\"{\\\"command\\\":\\\"make test\\\"}\"}",
		response_usage);
}
