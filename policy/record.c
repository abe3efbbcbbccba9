#include "policy/record.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/jscan.h"
#include "base/utf8.h"

enum { LINE_DIGITS = 12 };

struct rec_who
rec_who_from_env(void)
{
	return (struct rec_who){
		.run = getenv("PANDO_RUN"),
		.agent = getenv("PANDO_AGENT"),
		.agent_version = getenv("PANDO_AGENT_VERSION"),
		.root = getenv("PANDO_PROJECT_ROOT"),
	};
}

void
rec_decided(struct rec *r, const struct pol_use *u, const struct pol_decision *d)
{
	r->server = u->server;
	r->tool = u->tool;
	r->caller = pol_caller_name(u->caller);
	r->subagent = u->caller == POL_CALLER_SUBAGENT ? u->subagent : STR("");
	r->verdict = pol_verdict_name(d->verdict);
	r->rule = d->rule;
	r->file = d->file;
	r->line = d->line;
}

/* The longest beginning of whole characters that is at most max bytes as JSON. */
static struct str
cut(struct str s, size_t max)
{
	enum { ESCAPED = 6, QUOTE = 2 };
	size_t n = 0;
	size_t cost = 0;

	if (s.n <= max / ESCAPED)
		return s; /* as the longest spelling of each byte would fit */
	while (n < s.n) {
		const unsigned char c = (unsigned char)s.p[n];
		const size_t k = utf8_len(str_skip(s, n));

		if (c == '"' || c == '\\')
			cost += QUOTE;
		else if (c < 0x20 || c == 0x7f)
			cost += ESCAPED;
		else
			cost += k > 0 ? k : ESCAPED;
		if (cost > max)
			break;
		n += k > 0 ? k : 1;
	}
	return (struct str){ s.p, n };
}

static void
put_field(struct buf *b, const char *name, struct str value, size_t max)
{
	if (value.n == 0)
		return;
	buf_puts(b, ",\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_put_json(b, cut(value, max));
}

static void
put_word(struct buf *b, const char *name, const char *value, size_t max)
{
	put_field(b, name, str_of(value), max);
}

/* Whole JSON that stands in one line; anything else is kept as its hash only. */
static bool
may_be_kept(struct str args)
{
	struct err unread = ERR_INIT; /* then it is not kept */
	struct js root;

	return args.n <= REC_ARGS_MAX && memchr(args.p, '\n', args.n) == NULL &&
	       memchr(args.p, '\r', args.n) == NULL &&
	       js_check(args, &root, &unread) == 0 &&
	       (root.type == JS_OBJECT || root.type == JS_STRING);
}

static void
put_args(struct buf *b, const struct rec *r, bool keep)
{
	char sha[REC_SHA_HEX + 1];

	if (r->args_sha256 == NULL && r->args.n == 0)
		return;
	if (r->args_sha256 == NULL)
		rec_sha256(r->args, sha);
	put_word(b, "args_sha256", r->args_sha256 == NULL ? sha : r->args_sha256,
		REC_SHA_HEX);
	if (!keep || r->verdict == NULL || r->tool.n == 0)
		return;
	if (r->args.n > 0 && may_be_kept(r->args)) {
		buf_puts(b, ",\"args\":");
		buf_put_str(b, r->args);
	} else {
		buf_puts(b, ",\"args_cut\":true");
	}
}

static void
put_place(struct buf *b, const struct rec *r)
{
	CLEANUP(mem_freep) char *at = NULL;
	struct str file = cut(str_of(r->file), REC_FIELD_MAX - LINE_DIGITS);

	if (r->file == NULL)
		return;
	at = r->line > 0 ? mem_printf(STR_FMT ":%d", STR_ARG(file), r->line)
			 : mem_strdup_str(file);
	put_word(b, "at", at, REC_FIELD_MAX);
}

static void
put_number(struct buf *b, const char *name, int64_t n)
{
	if (n < 0)
		return;
	buf_puts(b, ",\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_put_number(b, (uint64_t)n);
}

static void
put_usage(struct buf *b, const struct rec_usage *u)
{
	if (u == NULL)
		return;
	put_field(b, "model", u->model, REC_NAME_MAX);
	put_field(b, "model_asked", u->model_asked, REC_NAME_MAX);
	put_number(b, "tokens_in", u->tokens_in);
	put_number(b, "tokens_out", u->tokens_out);
	put_number(b, "cache_read", u->cache_read);
	put_number(b, "cache_write", u->cache_write);
	put_number(b, "reasoning", u->reasoning);
	put_number(b, "tokens_counted", u->counted);
	put_number(b, "cost_microusd", u->cost_microusd);
	put_number(b, "calls", u->calls);
	put_number(b, "denials", u->denials);
	put_number(b, "status", u->status > 0 ? u->status : -1);
	put_number(b, "first_us", u->first_us);
}

void
rec_put_body(struct buf *b, const struct rec_who *w, const struct rec *r, bool arguments)
{
	put_word(b, "event", r->event, REC_WORD_MAX);
	put_word(b, "run", w->run, REC_WORD_MAX);
	put_word(b, "agent", w->agent, REC_WORD_MAX);
	put_word(b, "agent_version", w->agent_version, REC_NAME_MAX);
	put_word(b, "root", w->root, REC_ROOT_MAX);
	put_word(b, "layer", r->layer, REC_WORD_MAX);
	put_word(b, "direction", r->direction, REC_WORD_MAX);
	put_word(b, "api", r->api, REC_WORD_MAX);
	put_field(b, "server", r->server, REC_NAME_MAX);
	put_field(b, "tool", r->tool, REC_NAME_MAX);
	put_field(b, "call_id", r->call_id, REC_NAME_MAX);
	put_word(b, "caller", r->caller, REC_WORD_MAX);
	put_field(b, "subagent", r->subagent, REC_NAME_MAX);
	put_args(b, r, arguments);
	put_word(b, "verdict", r->verdict, REC_WORD_MAX);
	put_word(b, "rule", r->rule, REC_NAME_MAX);
	put_place(b, r);
	put_word(b, "mode", r->mode, REC_WORD_MAX);
	put_usage(b, r->usage);
	put_number(b, "elapsed_us", r->elapsed_us);
	if (r->lost > 0)
		buf_printf(b, ",\"lost\":%llu", (unsigned long long)r->lost);
	put_word(b, "since", r->since, REC_STAMP_MAX);
	put_field(b, "note", r->note, REC_FIELD_MAX);
	buf_putc(b, '}');
}

void
rec_format(
	struct buf *line, const struct rec_link *link, const char *stamp, struct str body)
{
	rec_link_put(line, link);
	buf_puts(line, ",\"ts\":\"");
	buf_puts(line, stamp);
	buf_putc(line, '"');
	buf_put_str(line, body);
	buf_putc(line, '\n');
}
