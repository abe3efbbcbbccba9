#ifndef TESTS_UNIT_GATEWAY_WIRE_H
#define TESTS_UNIT_GATEWAY_WIRE_H

/* Runs bodies and streams through gateway/enforce.h and writes down what was found. */

#include "gateway/enforce.h"
#include "tests/unit/test.h"

enum { WIRE_MAX = 1 << 20 };

#define SEE_STRICT                                                                       \
	" (rule gateway.strict, built-in). Run 'pando-ai logs' to see the decision."
#define SEE_UNKNOWN                                                                      \
	". Run 'pando-ai logs' to see the decision, 'pando-ai policy show' to see "      \
	"where the setting comes from."

/* want: without the end that all refusals of its kind have. */
static inline void
ok_refusal(const char *have, const char *want, const char *what)
{
	const bool unknown = strstr(want, "(rule firewall.unknown") != NULL;
	CLEANUP(buf_fini) struct buf all = BUF_INIT(ERR_TEXT_MAX);

	buf_printf(&all, "%s%s", want, unknown ? SEE_UNKNOWN : SEE_STRICT);
	ok_str(have, buf_text(&all), what);
}

struct wire {
	struct gw_rules rules;
	struct buf
		found; /* a line for each finding: what done server/tool call_id args */
	struct buf out;
	struct err e;
	int rc;
};

static inline void
wire_found(void *to, const struct gw_finding *f)
{
	struct buf *b = to;

	buf_printf(b, "%s %s " STR_FMT "/" STR_FMT, f->what, f->done,
		STR_ARG(f->use.server), STR_ARG(f->use.tool));
	if (f->call_id.n > 0)
		buf_printf(b, " " STR_FMT, STR_ARG(f->call_id));
	if (f->args.n > 0)
		buf_printf(b, " " STR_FMT, STR_ARG(f->args));
	buf_putc(b, '\n');
}

static inline void
wire_init(struct wire *w, const struct policy *p, enum pol_agent agent)
{
	*w = (struct wire){
		.rules = { .policy = p, .agent = agent },
		.found = BUF_INIT(WIRE_MAX),
		.out = BUF_INIT(WIRE_MAX),
	};
}

static inline void
wire_fini(struct wire *w)
{
	buf_fini(&w->found);
	buf_fini(&w->out);
}

static inline void
wire_reset(struct wire *w)
{
	buf_reset(&w->found);
	buf_reset(&w->out);
	w->e = (struct err)ERR_INIT;
}

/* What goes on, in out: an unchanged body is not copied there, a changed one is another. */
static inline void
wire_settle(struct wire *w, struct str body)
{
	if (w->rc == 0) {
		ok_bytes(buf_str(&w->out), STR(""), "an unchanged body is not copied");
		buf_put_str(&w->out, body);
	} else if (w->rc > 0) {
		ok(!str_eq(buf_str(&w->out), body), "what was changed differs");
		w->rc = 0;
	}
}

static inline void
wire_request(struct wire *w, enum gw_api api, struct str body)
{
	const struct gw_sink sink = { wire_found, &w->found };

	wire_reset(w);
	w->rc = gw_request(api, &w->rules, body, &w->out, &sink, &w->e);
	wire_settle(w, body);
}

static inline void
wire_answer(struct wire *w, enum gw_api api, struct str body)
{
	const struct gw_sink sink = { wire_found, &w->found };

	wire_reset(w);
	w->rc = gw_answer(api, &w->rules, body, &w->out, &sink, &w->e);
	wire_settle(w, body);
}

/* The stream in pieces of the given length, the first one shorter by `skew`. */
static inline void
wire_stream(struct wire *w, enum gw_api api, struct str in, size_t first, size_t piece)
{
	const struct gw_sink sink = { wire_found, &w->found };
	struct gw_stream *s = gw_stream_new(api, &w->rules, &sink);
	size_t n = first < in.n ? first : in.n;

	wire_reset(w);
	w->rc = 0;
	while (in.n > 0 && w->rc == 0) {
		w->rc = gw_stream_feed(s, (struct str){ in.p, n }, &w->out, &w->e);
		in = str_skip(in, n);
		n = piece < in.n ? piece : in.n;
	}
	if (w->rc == 0)
		w->rc = gw_stream_end(s, &w->out, &w->e);
	gw_stream_free(s);
}

/* Every split into two and byte by byte give the same bytes and the same findings. */
static inline void
wire_check_stream(struct wire *w, enum gw_api api, const char *name, struct str in,
	int rc, struct str want, struct str found)
{
	wire_stream(w, api, in, in.n, in.n);
	ok_int(w->rc, rc, name);
	ok_bytes(buf_str(&w->out), want, name);
	ok_bytes(buf_str(&w->found), found, name);
	for (size_t i = 0; i <= in.n; i++) {
		wire_stream(w, api, in, i, i == 0 ? 1 : in.n);
		if (w->rc != rc || !str_eq(buf_str(&w->out), want) ||
			!str_eq(buf_str(&w->found), found)) {
			ok_int((int64_t)i, -1, "a split that gives something else");
			ok_bytes(buf_str(&w->out), want, name);
			return;
		}
	}
	ok(true, "splits");
}

/* No prefix of a body is taken, and none harms. */
static inline void
wire_check_prefixes(struct wire *w, enum gw_api api, struct str body)
{
	for (size_t n = 0; n < body.n; n++) {
		char *copy = mem_alloc(n + 1);

		memcpy(copy, body.p, n);
		wire_request(w, api, (struct str){ copy, n });
		mem_freep(&copy);
		if (w->rc != -1)
			ok_int((int64_t)n, -1, "a prefix that was taken");
	}
}

static inline struct policy *
wire_policy(const char *toml)
{
	struct err e = ERR_INIT;
	struct policy *p = pol_parse(str_of(toml), "test.toml", &e);

	ok_str(e.text, "", "the policy of the test");
	return p;
}

#endif
