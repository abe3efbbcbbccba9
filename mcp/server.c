#include "mcp/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "mcp/ask.h"

enum { READ_STEP = 65536, REQUEST_ID_MAX = 32, US_PER_MS = 1000 };

#define SERVER_VERSION "0.1"

static const char *const revisions[] = { "2025-11-25", "2025-06-18", "2025-03-26",
	"2024-11-05" };

static const char core_text[] =
	"Reads the project, changes nothing. read-file, list-files and search-text work on "
	"files; find-nodes finds functions, classes and other definitions by name and kind, and "
	"is the quickest way to the outline of a file. Paths are relative to the project root. "
	"A file that the person names as @path, and whose text is not there, is for read-file. "
	"Long answers are cut and say with which offset to go on.";

static const char workspace_text[] =
	"Changes the project, inside of a sandbox: only the project is writable, there is no "
	"network. replace and insert edit files and take the hash that read-file shows; "
	"shell-command builds and tests. Before each change a snapshot is taken; every result "
	"names the changed files and the snapshot that undoes it with restore-files.";

/* Asked for a revision that we do not know, a server offers its newest (lifecycle, 2). */
static const char *
agree_on(const json_t *params)
{
	const char *asked = json_text_of(params, "protocolVersion");

	for (size_t i = 0; asked != NULL && i < LEN(revisions); i++)
		if (strcmp(asked, revisions[i]) == 0)
			return revisions[i];
	return revisions[0];
}

static void
put_instructions(const struct server *s, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(READ_STEP);

	if (s->unavailable != NULL)
		buf_printf(&text,
			"No tools are available here, because the sandbox is not: %s. "
			"Nothing is changed or run without it.",
			s->unavailable);
	else
		buf_printf(&text, "%s%s%s", s->role == TOOL_WORKSPACE ? "" : core_text,
			s->role == TOOL_ROLES ? "\n" : "",
			s->role == TOOL_CORE ? "" : workspace_text);
	buf_put_json(out, buf_str(&text));
}

static void
put_initialized(struct server *s, const json_t *params, struct buf *out)
{
	s->can_ask = ask_can(params, agree_on(params));
	buf_printf(out,
		"{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{\"listChanged\":false}},"
		"\"serverInfo\":{\"name\":\"%s\",\"version\":\"" SERVER_VERSION "\"},"
		"\"instructions\":",
		agree_on(params), tool_server_of(s->role));
	put_instructions(s, out);
	buf_putc(out, '}');
}

static const char *
truth(bool b)
{
	return b ? "true" : "false";
}

static void
put_tools(const struct server *s, struct buf *out)
{
	bool any = false;

	buf_puts(out, "{\"tools\":[");
	for (size_t i = 0; i < s->ntools; i++) {
		const struct tool *t = s->tool[i];

		/* else the gateway must take it out, which it cannot under a login */
		if (!server_offers(s, t))
			continue;
		buf_printf(out, "%s{\"name\":\"%s\",\"title\":", any ? "," : "", t->name);
		any = true;
		buf_put_json(out, str_of(t->title));
		buf_puts(out, ",\"description\":");
		buf_put_json(out, str_of(t->description));
		buf_printf(out,
			",\"inputSchema\":%s,\"annotations\":{\"readOnlyHint\":%s,"
			"\"destructiveHint\":%s,\"idempotentHint\":%s,\"openWorldHint\":false}}",
			t->schema, truth(t->read_only), truth(t->destructive),
			truth(t->idempotent));
	}
	buf_puts(out, "]}");
}

static void
answer(struct server *s, const struct rpc_msg *m, struct buf *out)
{
	CLEANUP(buf_fini) struct buf result = BUF_INIT(SERVER_OUT_MAX);
	struct err e = ERR_INIT;
	bool cancelled = false;
	int code = 0;

	if (strcmp(m->method, "initialize") == 0) {
		put_initialized(s, m->params, &result);
		witness_up(s->witness, s->unavailable == NULL);
	} else if (strcmp(m->method, "ping") == 0) {
		buf_puts(&result, "{}");
	} else if (strcmp(m->method, "tools/list") == 0) {
		put_tools(s, &result);
		witness_listed(s->witness);
	} else if (strcmp(m->method, "tools/call") == 0) {
		s->running = m->id;
		code = server_call(s, m->params, &result, &cancelled, &e);
		s->running = NULL;
	} else {
		code = RPC_NO_METHOD;
		(void)err_set(&e, ERR_DATA, "this server does not have that method");
	}
	if (cancelled)
		return; /* who cancelled wants no answer (2025-11-25, cancellation, 2) */
	if (code != 0)
		rpc_put_error(out, m->id, code, e.text);
	else
		rpc_put_result(out, m->id, buf_str(&result));
}

static int
on_line(struct server *s, struct str line, struct err *e)
{
	CLEANUP(rpc_msg_fini) struct rpc_msg m = { .root = NULL };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(SERVER_OUT_MAX + READ_STEP);
	struct err why = ERR_INIT;
	int code;

	if (line.n == 0)
		return 0;
	code = rpc_parse(line, &m, &why);
	if (code == 0 && m.kind == RPC_REQUEST)
		answer(s, &m, &out);
	else if (code != 0 && (m.kind != RPC_NOTIFICATION || m.id != NULL))
		rpc_put_error(&out, m.id, code, why.text);
	if (out.over)
		return err_set(
			e, ERR_DATA, "an answer was larger than %zu bytes", out.max);
	return fd_write_all(s->out_fd, buf_str(&out), e);
}

static int
read_some(struct server *s, struct err *e)
{
	char bytes[READ_STEP];
	const size_t room = rpc_room(&s->in);
	ssize_t k;

	do
		k = read(s->in_fd, bytes, room < sizeof bytes ? room : sizeof bytes);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_sys(e, "read from the client");
	if (k == 0)
		s->eof = true;
	rpc_feed(&s->in, (struct str){ bytes, (size_t)k });
	return 0;
}

static bool
cancels_running(const struct server *s, struct str line)
{
	CLEANUP(rpc_msg_fini) struct rpc_msg m = { .root = NULL };
	struct err ignored =
		ERR_INIT; /* a bad line gets its answer when its turn comes */

	return rpc_parse(line, &m, &ignored) == 0 && m.kind == RPC_NOTIFICATION &&
	       strcmp(m.method, "notifications/cancelled") == 0 && s->running != NULL &&
	       json_equal(json_object_get(m.params, "requestId"), s->running);
}

/* Called while a command runs: true ends it. */
static bool
on_input(void *to)
{
	struct server *s = to;
	struct err ignored = ERR_INIT; /* a client that cannot be read is gone */
	struct str line;

	if (rpc_room(&s->in) == 0) {
		s->host.watch.fd = -1; /* full: heard again when the command is over */
		return false;
	}
	if (read_some(s, &ignored) < 0)
		s->eof = true;
	while (rpc_peek(&s->in, &line))
		if (cancels_running(s, line))
			return true;
	return s->eof;
}

/* A request of ours that is under way. */
struct request {
	const char *id;
	json_t *answer;
	enum server_heard heard;
	bool over;
};

static bool
is_answer_to(const struct rpc_msg *m, const char *id)
{
	return m->kind == RPC_RESPONSE && json_is_string(m->id) &&
	       strcmp(json_string_value(m->id), id) == 0;
}

/* A line that came meanwhile; true: it is seen to. */
static bool
take_meanwhile(struct server *s, struct str line, struct request *q)
{
	CLEANUP(rpc_msg_fini) struct rpc_msg m = { .root = NULL };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(READ_STEP);
	struct err ignored =
		ERR_INIT; /* a bad line gets its answer when its turn comes */

	if (rpc_parse(line, &m, &ignored) != 0)
		return false;
	if (is_answer_to(&m, q->id)) {
		q->answer = json_incref(m.root);
		q->heard = SERVER_ANSWER;
		q->over = true;
		return true;
	}
	if (m.kind != RPC_REQUEST || strcmp(m.method, "ping") != 0)
		return false;
	rpc_put_result(&out, m.id, STR("{}"));
	return fd_write_all(s->out_fd, buf_str(&out), &ignored) == 0;
}

static void
hear_lines(struct server *s, struct request *q)
{
	struct str line;

	while (!q->over && rpc_peek(&s->in, &line)) {
		if (take_meanwhile(s, line, q)) {
			rpc_drop_peeked(&s->in);
		} else if (cancels_running(s, line)) {
			q->heard = SERVER_CANCELLED;
			q->over = true;
		}
	}
	if (!q->over && s->eof) {
		q->heard = SERVER_GONE;
		q->over = true;
	}
}

/* Waits for input: false when none came in time, or there is no room for it. */
static bool
hear_more(struct server *s, int64_t until_us)
{
	struct pollfd p = { .fd = s->in_fd, .events = POLLIN };
	struct err ignored = ERR_INIT; /* a client that cannot be read is gone */

	for (;;) {
		const int64_t left = (until_us - clock_mono_us()) / US_PER_MS;
		const int got = left <= 0 || rpc_room(&s->in) == 0
					? 0
					: poll(&p, 1, (int)left);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return false;
		if (got < 0 || read_some(s, &ignored) < 0)
			s->eof = true;
		return true;
	}
}

enum server_heard
server_request(struct server *s, const char *method, struct str params, int64_t until_us,
	json_t **answer)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(READ_STEP);
	char id[REQUEST_ID_MAX];
	struct request q = { .id = id, .heard = SERVER_LATE };
	struct err ignored = ERR_INIT; /* a client that cannot be written to is gone */

	(void)snprintf(id, sizeof id, "pando-%u", ++s->requests);
	rpc_put_request(&out, id, method, params);
	if (out.over || fd_write_all(s->out_fd, buf_str(&out), &ignored) < 0)
		return SERVER_GONE;
	hear_lines(s, &q);
	while (!q.over && hear_more(s, until_us))
		hear_lines(s, &q);
	if (q.heard == SERVER_ANSWER) {
		*answer = q.answer;
		return SERVER_ANSWER;
	}
	buf_reset(&out);
	rpc_put_cancelled(&out, id, "no answer is wanted any more");
	(void)fd_write_all(s->out_fd, buf_str(&out), &ignored); /* nothing hangs on it */
	return q.heard;
}

static bool
is_offered(const struct server *s, const struct tool *t)
{
	return s->unavailable == NULL && (s->role == TOOL_ROLES || s->role == t->role);
}

static int
register_tools(struct server *s, struct err *e)
{
	for (size_t i = 0; tool_all[i] != NULL && s->ntools < SERVER_TOOLS_MAX; i++) {
		if (!is_offered(s, tool_all[i]))
			continue;
		s->schema[s->ntools] = json_parse(str_of(tool_all[i]->schema), e);
		if (s->schema[s->ntools] == NULL)
			return err_wrap(e, "schema of %s", tool_all[i]->name);
		s->tool[s->ntools++] = tool_all[i];
	}
	return 0;
}

static int
take_lines(struct server *s, struct err *e)
{
	for (;;) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(READ_STEP);
		struct str line;

		switch (rpc_take(&s->in, &line)) {
		case RPC_MORE:
			return 0;
		case RPC_LINE:
			s->host.watch.fd = s->eof ? -1 : s->in_fd;
			if (on_line(s, line, e) < 0)
				return -1;
			break;
		case RPC_TOO_LONG:
			rpc_put_error(&out, NULL, RPC_BAD_REQUEST,
				"a message must not be longer than 16 MiB");
			if (fd_write_all(s->out_fd, buf_str(&out), e) < 0)
				return -1;
			break;
		}
	}
}

static void
server_fini(struct server *s)
{
	for (size_t i = 0; i < s->ntools; i++)
		json_freep(&s->schema[i]);
	rpc_fini(&s->in);
}

int
server_run(struct server *s, struct err *e)
{
	int got = register_tools(s, e);

	s->in = (struct rpc_in)RPC_IN_INIT;
	s->host.watch = (struct tool_watch){ .fd = -1, .on_ready = on_input, .to = s };
	while (got == 0) {
		got = take_lines(s, e);
		if (got < 0 || s->eof)
			break;
		got = watch_wait(s->watch, s->in_fd, e);
		if (got == 0)
			got = read_some(s, e);
	}
	server_fini(s);
	return got;
}
