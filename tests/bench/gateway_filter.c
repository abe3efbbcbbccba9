/*
 * What the pure filters cost, without a socket: the check of a text, a whole request, a stream
 * of events. jansson reads the same texts beside it, so that the figures have a yardstick that
 * meets the same machine. CPU time, the median of many rounds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json/json.h"
#include "base/jscan.h"
#include "gateway/enforce.h"

enum {
	ROUNDS = 41,
	SLOW_ROUNDS = 5, /* of jansson */
	BATCH = 8 << 20, /* bytes between two looks at the clock */
	TEXT_MAX = 4 << 20,
	EVENTS = 20000,
	PIECE = 65536,
	PER_MESSAGE = 3000, /* bytes of a tool's result */
	TOOLS = 20
};

static double
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median time of one call, in ns. */
static double
timed(void (*work)(void *on), void *on, size_t calls, size_t rounds)
{
	double all[ROUNDS] = { 0 };

	for (size_t r = 0; r < rounds; r++) {
		const double begin = cpu_ns();

		for (size_t i = 0; i < calls; i++)
			work(on);
		all[r] = (cpu_ns() - begin) / (double)calls;
	}
	qsort(all, rounds, sizeof *all, by_size);
	return all[rounds / 2];
}

/* What stands in the long strings of a transcript, as JSON writes it. */
static const struct kind {
	const char *name;
	const char *lines[4];
} kinds[] = {
	{ "prose",
		{ "The buffer is not empty after each change, so read the output carefully ",
			"before editing it. Keep edits small: prefer existing helpers over new ones.",
			" When the connection is held until the length is known, retry after the ",
			"timeout and explain why.\\n" } },
	{ "code", { "   12\\t\\tif (conn->state < 42) {\\n",
			  "   13\\t\\t\\tlog_debug(\\\"%s: %d\\\\n\\\", name, i);\\n",
			  "   14\\t\\t}\\n",
			  "   15\\treturn flush_queue(c, \\\"a\\\");\\n" } },
	{ "Chinese",
		{ "\xe8\xaf\xb7\xe5\x85\x88\xe9\x98\x85\xe8\xaf\xbb\xe6\x96\x87\xe4\xbb\xb6\xef\xbc\x8c"
		  "\xe7\x84\xb6\xe5\x90\x8e\xe5\x86\x8d\xe4\xbf\xae\xe6\x94\xb9\xe3\x80\x82",
			"\xe8\xbf\x90\xe8\xa1\x8c\xe6\xb5\x8b\xe8\xaf\x95\xe5\xb9\xb6\xe8\xa7\xa3\xe9\x87\x8a buf.c",
			"\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe5\xa4\xb1\xe8\xb4\xa5\xef\xbc\x9a",
			"\xe5\xae\x8c\xe6\x88\x90\\n" } },
	{ "emoji",
		{ "\xf0\x9f\x98\x80\xf0\x9f\x9a\x80 done \xe2\x9c\x93 ",
			"\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5",
			"caf\xc3\xa9 \xf0\x9f\x91\x8d ", "\xf0\x9f\xa7\xaa test\\n" } },
};

static void
put_text(struct buf *b, const struct kind *k, size_t n)
{
	const size_t end = b->n + n;

	for (size_t i = 0; b->n < end; i++)
		buf_puts(b, k->lines[i % LEN(k->lines)]);
}

static void
put_tools(struct buf *b, const struct kind *k)
{
	buf_puts(b, "\"tools\":[");
	for (int i = 0; i < TOOLS; i++) {
		buf_printf(b,
			"%s{\"name\":\"mcp__pando_core__read-file\",\"description\":\"",
			i > 0 ? "," : "");
		put_text(b, k, 700);
		buf_puts(b, "\",\"input_schema\":{\"type\":\"object\",\"properties\":{");
		for (int p = 0; p < 3; p++) {
			buf_printf(b,
				"%s\"option_%d\":{\"type\":\"string\",\"description\":\"",
				p > 0 ? "," : "", p);
			put_text(b, k, 80);
			buf_puts(b, "\"}");
		}
		buf_puts(b, "},\"required\":[\"option_0\"]}}");
	}
	buf_puts(b, "]");
}

/* A request of the Messages API as an agent sends it in the middle of its work. */
static void
put_request(struct buf *b, const struct kind *k, size_t size)
{
	buf_puts(b,
		"{\"model\":\"claude-bench\",\"max_tokens\":32000,\"stream\":true,"
		"\"metadata\":{\"user_id\":\"u\"},\"system\":[{\"type\":\"text\",\"text\":\"");
	put_text(b, k, size / 9);
	buf_puts(b, "\",\"cache_control\":{\"type\":\"ephemeral\"}}],");
	put_tools(b, k);
	buf_puts(b, ",\"messages\":[{\"role\":\"user\",\"content\":\"begin\"}");
	for (int i = 0; b->n + PER_MESSAGE < size; i++) {
		buf_puts(b,
			",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"");
		put_text(b, k, 80);
		buf_printf(b,
			"\"},{\"type\":\"tool_use\",\"id\":\"toolu_%d\",\"name\":"
			"\"mcp__pando_core__read-file\",\"input\":{\"path\":\"src/net/stream.c\","
			"\"limit\":200}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"toolu_%d\",\"content\":\"",
			i, i);
		put_text(b, k, PER_MESSAGE - 600);
		buf_puts(b, "\"}]}");
	}
	buf_puts(b, "]}");
}

static void
ignore(void *to, const struct gw_finding *f)
{
	(void)to;
	(void)f;
}

static const struct gw_sink sink = { ignore, NULL };

struct job {
	struct gw_rules rules;
	enum gw_api api;
	struct str text;
	struct buf out;
};

static void
must(bool it, const char *what)
{
	if (it)
		return;
	(void)fprintf(stderr, "gateway_filter: %s\n", what);
	exit(1);
}

static void
check(void *on)
{
	const struct job *j = on;
	struct err e = ERR_INIT;
	struct js root;

	must(js_check(j->text, &root, &e) == 0, e.text);
}

static void
request(void *on)
{
	struct job *j = on;
	struct err e = ERR_INIT;

	must(gw_request(j->api, &j->rules, j->text, &j->out, &sink, &e) == 0, e.text);
}

static void
tree(void *on)
{
	const struct job *j = on;
	CLEANUP(json_freep) json_t *t = json_loadb(j->text.p, j->text.n, 0, NULL);

	must(t != NULL, "jansson takes it not");
}

static void
stream(void *on)
{
	struct job *j = on;
	struct gw_stream *s = gw_stream_new(j->api, &j->rules, &sink);
	struct err e = ERR_INIT;

	for (struct str rest = j->text; rest.n > 0;) {
		const size_t n = rest.n < PIECE ? rest.n : PIECE;

		buf_reset(&j->out);
		must(gw_stream_feed(s, (struct str){ rest.p, n }, &j->out, &e) == 0,
			e.text);
		rest = str_skip(rest, n);
	}
	gw_stream_free(s);
}

static void
texts(struct job *j, size_t size)
{
	for (size_t i = 0; i < LEN(kinds); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
		double scan, all, slow;

		put_request(&text, &kinds[i], size);
		j->text = buf_str(&text);
		scan = timed(check, j, BATCH / text.n, ROUNDS);
		all = timed(request, j, BATCH / text.n, ROUNDS);
		slow = timed(tree, j, BATCH / 8 / text.n, SLOW_ROUNDS);
		printf("%zu KB of %s: check %.2f GB/s, whole request %.2f GB/s; jansson "
		       "%.2f GB/s, that is %.0f times the request\n",
			text.n >> 10, kinds[i].name, (double)text.n / scan,
			(double)text.n / all, (double)text.n / slow, slow / all);
	}
}

static void
events(struct job *j, const char *before, const char *event)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(8 << 20);
	double all;

	buf_puts(&text, before);
	for (int i = 0; i < EVENTS; i++)
		buf_puts(&text, event);
	j->text = buf_str(&text);
	all = timed(stream, j, 1, ROUNDS);
	printf("%s, text events of %zu bytes in pieces of %d: %.0f ns per event, %.2f GB/s\n",
		gw_api_name(j->api), strlen(event), PIECE, all / EVENTS,
		(double)text.n / all);
}

static const char before_messages[] =
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\","
	"\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"
	"\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char event_messages[] =
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"and read the output careful\"}}\n\n";
static const char event_responses[] =
	"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
	"\"sequence_number\":1042,\"item_id\":\"msg_0000000000000001\",\"output_index\":0,"
	"\"content_index\":0,\"delta\":\"and read the\",\"logprobs\":[]}\n\n";

int
main(void)
{
	struct job j = { .rules = { .agent = POL_CLAUDE }, .out = BUF_INIT(TEXT_MAX) };
	struct err e = ERR_INIT;
	struct policy *p = pol_parse(STR(""), "bench.toml", &e);

	must(p != NULL, e.text);
	j.rules.policy = p;
	texts(&j, 100 << 10);
	texts(&j, 1 << 20);
	events(&j, before_messages, event_messages);
	j.api = GW_RESPONSES;
	j.rules.agent = POL_CODEX;
	events(&j, "", event_responses);
	buf_fini(&j.out);
	pol_free(p);
	return 0;
}
