/*
 * The transcripts below tests/golden/<dialect>, each a file that goes in and what must come out:
 *
 *   NAME.request.in  NAME.answer.in  NAME.stream.in   what the client or the provider sent
 *   NAME.KIND.out    what goes on; without it, the very same bytes
 *   NAME.KIND.error  of a request or an answer that is refused: its reason
 *   NAME.KIND.toml   the policy, else the built-in one
 */

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/jscan.h"
#include "gateway/sse.h"
#include "tests/unit/gateway_wire.h"
#include "tests/unit/responses_oracle.h"

static const char folder[] = "tests/golden/";

enum kind { REQUEST, ANSWER, STREAM, KINDS };
static const char *const suffixes[KINDS] = { ".request.in", ".answer.in", ".stream.in" };

struct golden {
	const char *path, *name; /* of the .in, with the folder and without */
	enum gw_api api;
	enum kind kind;
	struct buf in, out, error, policy;
	bool changes, refused;
	struct policy *p;
	struct wire w;
};

/* False: there is no such file. */
static bool
read_file(const char *path, struct buf *b)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err e = ERR_INIT;

	if (fd < 0)
		return false;
	ok_int(fd_read_all(fd, b, &e), 0, path);
	return true;
}

static bool
read_beside(const struct golden *g, const char *suffix, struct buf *b)
{
	const size_t stem = strlen(g->path) - strlen(".in");
	CLEANUP(buf_fini) struct buf path = BUF_INIT(4096);

	buf_put(&path, g->path, stem);
	buf_puts(&path, suffix);
	return read_file(buf_text(&path), b);
}

static enum gw_api
api_of(const char *path)
{
	return strstr(path, "/responses/") != NULL ? GW_RESPONSES : GW_MESSAGES;
}

static void
open_golden(struct golden *g, const char *path)
{
	*g = (struct golden){ .path = path,
		.name = path + sizeof folder - 1,
		.api = api_of(path),
		.kind = KINDS,
		.in = BUF_INIT(WIRE_MAX),
		.out = BUF_INIT(WIRE_MAX),
		.error = BUF_INIT(ERR_TEXT_MAX),
		.policy = BUF_INIT(WIRE_MAX) };
	for (enum kind k = REQUEST; k < KINDS; k++)
		if (str_ends(str_of(path), str_of(suffixes[k])))
			g->kind = k;
	ok(g->kind != KINDS, path);
	ok(read_file(path, &g->in), path);
	g->changes = read_beside(g, ".out", &g->out);
	g->refused = read_beside(g, ".error", &g->error);
	if (g->refused && g->error.n > 0)
		g->error.n--; /* the line's end */
	if (!g->changes)
		buf_put_str(&g->out, buf_str(&g->in));
	g->p = read_beside(g, ".toml", &g->policy) ? wire_policy(buf_text(&g->policy))
						   : pol_default();
	wire_init(&g->w, g->p, g->api == GW_RESPONSES ? POL_CODEX : POL_CLAUDE);
}

static void
close_golden(struct golden *g)
{
	wire_fini(&g->w);
	buf_fini(&g->in);
	buf_fini(&g->out);
	buf_fini(&g->error);
	buf_fini(&g->policy);
	pol_free(g->p);
}

static void
run(struct golden *g, struct str in)
{
	switch (g->kind) {
	case REQUEST:
		wire_request(&g->w, g->api, in);
		break;
	case ANSWER:
		wire_answer(&g->w, g->api, in);
		break;
	case STREAM:
		wire_stream(&g->w, g->api, in, in.n, in.n);
		break;
	case KINDS:
		break;
	}
}

/* As another reader sees it. */
static void
check_json(struct str text, const char *name)
{
	struct err e = ERR_INIT;
	json_t *j = json_parse(text, &e);

	ok_str(e.text, "", name);
	ok(j != NULL, name);
	json_decref(j);
}

/* A comment and the end mark of some providers are none. */
static bool
is_message(const struct sse_event *ev)
{
	return ev->data.n > 0 && !str_is(ev->data, "[DONE]");
}

static void
check_events(struct str stream, const char *name)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;

	sse_init(&s, WIRE_MAX, NULL);
	sse_feed(&s, stream);
	sse_finish(&s);
	while (sse_next(&s, &ev, &e) > 0)
		if (is_message(&ev))
			check_json(ev.data, name);
	ok_str(e.text, "", name);
}

static void
check_again(struct golden *g)
{
	run(g, buf_str(&g->out));
	ok_int(g->w.rc, 0, g->name);
	ok_bytes(buf_str(&g->w.out), buf_str(&g->out), "a second time nothing changes");
}

/* Whatever the policy would do, audit hands on the same bytes, and a login has no edit. */
static void
check_other_modes(struct golden *g)
{
	g->w.rules.audit = true;
	run(g, buf_str(&g->in));
	ok_int(g->w.rc, 0, g->name);
	ok_bytes(buf_str(&g->w.out), buf_str(&g->in), "audit");
	g->w.rules.audit = false;
	if (g->kind != REQUEST)
		return;
	g->w.rules.body_fixed = true;
	run(g, buf_str(&g->in));
	ok_int(g->w.rc, g->changes ? -1 : 0, g->name);
	ok_bytes(buf_str(&g->w.out), g->changes ? STR("") : buf_str(&g->in), "login");
	g->w.rules.body_fixed = false;
}

/* The events of a stream, each as a message with a NUL behind it. */
static void
to_messages(struct str stream, struct buf *out)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;

	sse_init(&s, WIRE_MAX, NULL);
	sse_feed(&s, stream);
	while (sse_next(&s, &ev, &e) > 0) {
		if (!is_message(&ev))
			continue;
		buf_put_str(out, ev.data);
		buf_putc(out, '\0');
	}
	ok_str(e.text, "", "a stream as messages");
}

/* Over a WebSocket it is the same JSON without the framing. */
static void
check_messages(struct golden *g, bool broken)
{
	const struct gw_sink sink = { wire_found, &g->w.found };
	CLEANUP(buf_fini) struct buf in = BUF_INIT(WIRE_MAX);
	CLEANUP(buf_fini) struct buf want = BUF_INIT(WIRE_MAX);
	struct gw_stream *s = gw_stream_new_messages(&g->w.rules, &sink);
	struct str message;
	struct str rest;
	int rc = 0;

	to_messages(buf_str(&g->in), &in);
	to_messages(buf_str(&g->out), &want);
	wire_reset(&g->w);
	rest = buf_str(&in);
	while (rc == 0 && gw_message_next(&rest, &message))
		rc = gw_stream_message(s, message, &g->w.out, &g->w.e);
	if (rc == 0)
		rc = gw_stream_end(s, &g->w.out, &g->w.e);
	gw_stream_free(s);
	ok_int(rc, broken ? -1 : 0, g->name);
	ok_bytes(buf_str(&g->w.out), buf_str(&want), "as messages");
}

/* As another program looks at it, where no other policy holds. */
static void
check_with_oracle(const struct golden *g)
{
	CLEANUP(json_freep) json_t *before = NULL;
	CLEANUP(json_freep) json_t *after = NULL;
	struct err e = ERR_INIT;

	if (g->api != GW_RESPONSES || g->kind == STREAM || g->policy.n > 0)
		return;
	before = json_parse(buf_str(&g->in), &e);
	after = json_parse(buf_str(&g->out), &e);
	if (g->kind == REQUEST)
		ok_str(oracle_said(oracle_request(after, before)), "", g->name);
	else
		ok_str(oracle_said(oracle_items(json_object_get(after, "output"))), "",
			g->name);
}

/* An answer that finds too little memory ends with a reason, and nothing behind that. */
static void
check_starved(struct golden *g)
{
	enum { STEP = 256, ENOUGH = 256 << 10 };
	struct quota memory = { .max = 0 };
	size_t refused = 0;

	g->w.rules.memory = &memory;
	for (; memory.max <= ENOUGH;
		memory.max += memory.max < (size_t)16 * STEP ? STEP : memory.max) {
		CLEANUP(buf_fini) struct buf last = BUF_INIT(WIRE_MAX);
		struct str out;

		wire_stream(&g->w, g->api, buf_str(&g->in), 0, 1);
		ok_int((int64_t)memory.held, 0, "all is given back");
		out = buf_str(&g->w.out);
		if (str_eq(out, buf_str(&g->out)))
			continue;
		refused++;
		gw_refusal_event(g->api, g->w.e.text, &last);
		ok(strstr(g->w.e.text, "no more can be held") != NULL, g->w.e.text);
		ok(str_ends(out, buf_str(&last)), "it ends with the reason");
		out.n -= last.n < out.n ? last.n : out.n;
		ok(out.n < g->out.n && memcmp(out.p, g->out.p, out.n) == 0,
			"before it is what would have been there");
	}
	ok(refused > 0 && str_eq(buf_str(&g->w.out), buf_str(&g->out)),
		"too little is refused, enough is enough");
	g->w.rules.memory = NULL;
}

static void
check_stream(struct golden *g)
{
	const bool broken = memmem(g->out.p, g->out.n, "[pando-ai] refused ",
				    sizeof "[pando-ai] refused " - 1) != NULL;

	run(g, buf_str(&g->in));
	ok_int(g->w.rc, broken ? -1 : 0, g->name);
	ok_bytes(buf_str(&g->w.out), buf_str(&g->out), g->name);
	check_events(buf_str(&g->w.out), g->name);
	for (size_t i = 0; i <= g->in.n; i++) {
		wire_stream(&g->w, g->api, buf_str(&g->in), i, i == 0 ? 1 : g->in.n);
		if (!str_eq(buf_str(&g->w.out), buf_str(&g->out))) {
			ok_int((int64_t)i, -1, g->name);
			return;
		}
	}
	if (g->api == GW_RESPONSES)
		check_messages(g, broken);
	check_starved(g);
	if (broken)
		return;
	check_again(g);
	check_other_modes(g);
}

static void
check_body(struct golden *g)
{
	run(g, buf_str(&g->in));
	if (g->refused) {
		ok_int(g->w.rc, -1, g->name);
		ok_str(g->w.e.text, buf_text(&g->error), g->name);
		return;
	}
	ok_str(g->w.e.text, "", g->name);
	ok_int(g->w.rc, 0, g->name);
	ok_bytes(buf_str(&g->w.out), buf_str(&g->out), g->name);
	check_json(buf_str(&g->w.out), g->name);
	check_with_oracle(g);
	check_again(g);
	check_other_modes(g);
}

static void
print_out(struct golden *g)
{
	run(g, buf_str(&g->in));
	printf("%s\n" STR_FMT "\n", g->w.e.text, STR_ARG(buf_str(&g->w.out)));
}

/* With a path: prints what comes out of it, for whoever adds one. */
int
main(int argc, char **argv)
{
	CLEANUP(buf_fini) struct buf pattern = BUF_INIT(256);
	struct golden g;
	glob_t found;

	if (argc == 2) {
		open_golden(&g, argv[1]);
		print_out(&g);
		close_golden(&g);
		return 0;
	}
	buf_printf(&pattern, "%s*/*.in", folder);
	ok_int(glob(buf_text(&pattern), 0, NULL, &found), 0, folder);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		open_golden(&g, found.gl_pathv[i]);
		if (g.kind == STREAM)
			check_stream(&g);
		else
			check_body(&g);
		close_golden(&g);
	}
	globfree(&found);
	return test_done();
}
