#ifndef TESTS_FUZZ_GATEWAY_WIRE_H
#define TESTS_FUZZ_GATEWAY_WIRE_H

/*
 * What must hold for any bytes, under the built-in policy and a rule on an argument. The first
 * byte of the input chooses: the way through, and the length of the pieces of a stream.
 *
 * - What comes out of a request or an answer is JSON and has nothing left to change.
 * - A stream in pieces is the stream as a whole; what comes out ends well or with an error.
 * - No call of a tool that is not ours, and none that the rule denies, is in what comes out;
 *   that is looked at with jansson, not with our own scanner (check_object, of each target).
 */

#include <assert.h>
#include <stdint.h>

#include "base/json/json.h"
#include "gateway/enforce.h"
#include "gateway/repeat.h"
#include "gateway/sse.h"
#include "gateway/usage.h"

enum { WIRE_MAX = 1 << 20 };

enum wire_part { WIRE_REQUEST, WIRE_ANSWER, WIRE_EVENT };

/* Each target's own. Fails when a tool or a call stands in the object that must not be there. */
void check_object(const json_t *object, enum wire_part part);

static inline void
wire_found(void *to, const struct gw_finding *f)
{
	size_t *n = to;

	assert(f->what != NULL && f->done != NULL && f->decision.rule != NULL);
	++*n;
}

static inline void
check_json(struct str text, enum wire_part part)
{
	json_error_t why;
	CLEANUP(json_freep)
	json_t *j = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (j != NULL) /* else one of jansson's own limits; see gateway_jscan.c */
		check_object(j, part);
}

/* Counts are counts whatever comes, and of the calls of an answer two pass. */
struct wire_meter {
	struct gw_meter m;
	struct gw_repeat repeat;
	int left;
};

static inline bool
wire_may_call(void *to, struct pol_decision *why)
{
	int *left = to;

	*why = (struct pol_decision){ .verdict = POL_DENY,
		.rule = "limits.calls_per_minute",
		.file = "p.toml",
		.message = "enough" };
	return (*left)-- > 0;
}

static inline struct gw_rules
metered(struct wire_meter *w, const struct gw_rules *r)
{
	struct gw_rules with = *r;

	memset(w, 0, sizeof *w);
	gw_used_init(&w->m.used);
	w->left = 2;
	w->m.repeat = &w->repeat;
	w->m.may_call = wire_may_call;
	w->m.to = &w->left;
	with.meter = &w->m;
	return with;
}

static inline void
check_meter(const struct wire_meter *w)
{
	for (int i = 0; i < GW_COUNTS; i++)
		assert(w->m.used.n[i] >= GW_UNKNOWN &&
			w->m.used.n[i] <= 2 * GW_COUNT_MAX);
	assert(w->m.used.wanted.n <= GW_NAME_MAX && w->m.used.served.n <= GW_NAME_MAX);
	assert(gw_repeat_times(&w->repeat) == 0 || w->repeat.nopen > 0);
}

static inline void
fuzz_body(enum gw_api api, const struct gw_rules *r, struct str in, bool request)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf again = BUF_INIT(WIRE_MAX);
	size_t found = 0;
	const struct gw_sink sink = { wire_found, &found };
	struct err e = ERR_INIT;
	struct wire_meter w;
	const struct gw_rules with = metered(&w, r);
	int rc;

	rc = request ? gw_request(api, &with, in, &out, &sink, &e)
		     : gw_answer(api, &with, in, &out, &sink, &e);
	check_meter(&w);
	if (rc < 0) {
		assert(e.text[0] != '\0' && found > 0);
		return;
	}
	assert(rc == 0 ? out.n == 0 : found > 0 && !str_eq(in, buf_str(&out)));
	check_json(rc == 0 ? in : buf_str(&out), request ? WIRE_REQUEST : WIRE_ANSWER);
	if (rc == 0)
		return;
	rc = request ? gw_request(api, r, buf_str(&out), &again, &sink, &e)
		     : gw_answer(api, r, buf_str(&out), &again, &sink, &e);
	assert(rc == 0 && again.n == 0);
}

static inline int
run_stream(enum gw_api api, const struct gw_rules *r, struct str in, size_t piece,
	struct buf *out)
{
	size_t found = 0;
	const struct gw_sink sink = { wire_found, &found };
	struct wire_meter w;
	const struct gw_rules with = metered(&w, r);
	struct gw_stream *s = gw_stream_new(api, &with, &sink);
	struct err e = ERR_INIT;
	int rc = 0;

	while (in.n > 0 && rc == 0) {
		const size_t n = in.n < piece ? in.n : piece;

		rc = gw_stream_feed(s, (struct str){ in.p, n }, out, &e);
		in = str_skip(in, n);
	}
	if (rc == 0)
		rc = gw_stream_end(s, out, &e);
	gw_stream_free(s);
	check_meter(&w);
	return rc;
}

static inline void
check_events(struct str stream)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;

	sse_init(&s, WIRE_MAX, NULL);
	sse_feed(&s, stream);
	sse_finish(&s);
	while (sse_next(&s, &ev, &e) > 0) {
		if (ev.data.n > 0)
			check_json(ev.data, WIRE_EVENT);
	}
}

static inline void
fuzz_stream(enum gw_api api, const struct gw_rules *r, struct str in, size_t piece)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf split = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf again = BUF_INIT(WIRE_MAX);
	const int rc = run_stream(api, r, in, in.n, &whole);

	assert(run_stream(api, r, in, piece, &split) == rc);
	assert(str_eq(buf_str(&whole), buf_str(&split)));
	check_events(buf_str(&whole));
	if (rc == 0) {
		assert(run_stream(api, r, buf_str(&whole), piece, &again) == 0);
		assert(str_eq(buf_str(&whole), buf_str(&again)));
	}
}

static const char wire_policy[] = "[[rule]]\ntool = \"pando_core/read-file\"\n"
				  "args.path = { glob = \"secret*\" }\n"
				  "decision = \"deny\"\n";

/* The arguments of a call of read-file that passed: an object, and not what is denied. */
static inline void
check_args(const json_t *args)
{
	const char *path = json_text_of(args, "path");

	assert(json_is_object(args));
	assert(path == NULL || strncmp(path, "secret", sizeof "secret" - 1) != 0);
}

static inline int
fuzz_wire(enum gw_api api, enum pol_agent agent, const uint8_t *data, size_t n)
{
	static struct policy *policy;
	struct gw_rules r = { .agent = agent };
	struct err e = ERR_INIT;
	struct str in;

	if (policy == NULL)
		policy = pol_parse(STR(wire_policy), "p", &e);
	assert(policy != NULL);
	r.policy = policy;
	if (n < 2 || n > WIRE_MAX / 16)
		return 0;
	in = (struct str){ (const char *)data + 1, n - 1 };
	switch (data[0] % 4) {
	case 0:
		fuzz_body(api, &r, in, true);
		break;
	case 1:
		fuzz_body(api, &r, in, false);
		break;
	default:
		fuzz_stream(api, &r, in, 1 + data[0] / 4u);
		break;
	}
	return 0;
}

static inline bool
text_is(const json_t *object, const char *key, const char *want)
{
	const char *have = json_text_of(object, key);

	return have != NULL && strcmp(have, want) == 0;
}

#endif
