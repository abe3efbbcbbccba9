#include "mcp/server.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "tests/unit/test.h"

enum { SHORT_US = 50000, LONG_US = 10000000, SAID_MAX = 4096 };

#define REQUEST                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\",\"method\":\"m\",\"params\":{}}\n"
#define TAKEN_BACK                                                                       \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"       \
	"\"requestId\":\"pando-1\",\"reason\":\"no answer is wanted any more\"}}\n"
#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\",\"result\":{\"x\":1}}\n"
#define CANCEL                                                                           \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"       \
	"\"requestId\":7}}\n"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}\n"
#define PONG "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}\n"
#define CALL "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/call\"}\n"

struct row {
	const char *name;
	const char *sent; /* by the client, before it is asked */
	bool leaves;      /* and then it closes its end */
	int64_t us;
	enum server_heard want;
	const char *said; /* by the server */
	const char *left; /* what waits for its turn */
};

static const struct row rows[] = {
	{ "an answer", ANSWER, false, LONG_US, SERVER_ANSWER, REQUEST, "" },
	{ "an answer behind other messages", PING CALL "x\n" ANSWER, false, LONG_US,
		SERVER_ANSWER, REQUEST PONG, CALL "x\n" },
	{ "nothing", "", false, SHORT_US, SERVER_LATE, REQUEST TAKEN_BACK, "" },
	{ "another's answer", "{\"jsonrpc\":\"2.0\",\"id\":\"pando-2\",\"result\":{}}\n",
		false, SHORT_US, SERVER_LATE, REQUEST TAKEN_BACK,
		"{\"jsonrpc\":\"2.0\",\"id\":\"pando-2\",\"result\":{}}\n" },
	{ "half an answer", "{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\",", false, SHORT_US,
		SERVER_LATE, REQUEST TAKEN_BACK,
		"{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\"," },
	{ "the call is cancelled", CALL CANCEL, false, LONG_US, SERVER_CANCELLED,
		REQUEST TAKEN_BACK, CALL CANCEL },
	{ "the client goes", PING, true, LONG_US, SERVER_GONE, REQUEST PONG TAKEN_BACK,
		"" },
	{ "the client answers and goes", ANSWER, true, LONG_US, SERVER_ANSWER, REQUEST,
		"" },
};

static void
check(const struct row *r)
{
	CLEANUP(json_freep) json_t *running = json_integer(7);
	CLEANUP(json_freep) json_t *answer = NULL;
	CLEANUP(buf_fini) struct buf said = BUF_INIT(SAID_MAX);
	struct server s = { .in = RPC_IN_INIT, .running = running };
	struct err e = ERR_INIT;
	int in[2];
	int out[2];

	ok_int(pipe(in), 0, "a pipe to the server");
	ok_int(pipe(out), 0, "and one from it");
	s.in_fd = in[0];
	s.out_fd = out[1];
	ok_int(fd_write_all(in[1], str_of(r->sent), &e), 0, r->name);
	if (r->leaves)
		(void)close(in[1]);
	ok_int(server_request(&s, "m", STR("{}"), clock_mono_us() + r->us, &answer),
		r->want, r->name);
	ok_int(answer != NULL, r->want == SERVER_ANSWER, r->name);
	(void)close(out[1]);
	ok_int(fd_read_all(out[0], &said, &e), 0, r->name);
	ok_bytes(buf_str(&said), str_of(r->said), r->name);
	ok_bytes(buf_str(&s.in.b), str_of(r->left), r->name);
	rpc_fini(&s.in);
	(void)close(in[0]);
	(void)close(out[0]);
	if (!r->leaves)
		(void)close(in[1]);
}

int
main(void)
{
	for (size_t i = 0; i < LEN(rows); i++)
		check(&rows[i]);
	return test_done();
}
