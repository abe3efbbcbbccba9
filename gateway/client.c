#include "gateway/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/json/json.h"
#include "base/place.h"
#include "gateway/launch.h"

enum { REPLY_MAX = 4 << 20, READ_STEP = 4096, US_PER_MS = 1000, AGAIN_NS = 10 * 1000000 };

/* Milliseconds until the moment, at least 0. */
static int
left_ms(int64_t until_us)
{
	const int64_t left = until_us - clock_mono_us();

	return left > 0 ? (int)(left / US_PER_MS) + 1 : 0;
}

/* 1: a whole line without its newline. 0: the gateway ended before that. */
static int
read_line(int fd, struct buf *line, struct err *e)
{
	const int64_t until = clock_mono_us() + (int64_t)GW_REPLY_MS * US_PER_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		char *to = buf_room(line, READ_STEP);
		ssize_t k;
		int got;

		if (to == NULL)
			return err_set(e, ERR_GATEWAY, "the gateway's reply is too long");
		got = poll(&p, 1, left_ms(until));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(e, ERR_GATEWAY,
				"the gateway does not reply: end it with 'pando-ai proxy stop' "
				"and try again");
		k = read(fd, to, READ_STEP);
		if (k < 0 && errno != EINTR && errno != ECONNRESET)
			return err_sys(e, "read from the gateway");
		if (k == 0 || (k < 0 && errno == ECONNRESET))
			return 0;
		line->n += k > 0 ? (size_t)k : 0;
		if (line->n > 0 && line->p[line->n - 1] == '\n') {
			line->n--;
			return 1;
		}
	}
}

/* A gateway that ends while we speak to it counts as none: 0. */
static int
ask(int fd, struct str line, struct buf *reply, struct err *e)
{
	while (line.n > 0) {
		const ssize_t k = send(fd, line.p, line.n, MSG_NOSIGNAL);

		if (k < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (k < 0 && errno != EINTR)
			return err_sys(e, "write to the gateway");
		line = str_skip(line, k > 0 ? (size_t)k : 0);
	}
	return read_line(fd, reply, e);
}

static void
put_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	if (value == NULL)
		buf_puts(b, "null");
	else
		buf_put_json(b, str_of(value));
}

static int
registration(const struct gw_register *r, struct buf *line, struct err *e)
{
	CLEANUP(mem_freep) char *usual = NULL;
	const char *log = r->log;

	if (log == NULL) {
		usual = place_decision_log(e);
		if (usual == NULL)
			return -1;
		log = usual;
	}
	buf_puts(line, "{\"op\":\"register\"");
	put_member(line, "run", r->run);
	put_member(line, "agent", r->agent);
	put_member(line, "agent_version", r->agent_version);
	put_member(line, "root", r->root);
	put_member(line, "policy", r->policy);
	put_member(line, "policy_sha256", r->policy_sha256);
	put_member(line, "log", log);
	buf_puts(line, "}\n");
	return line->over ? err_set(e, ERR_DATA, "register: names are too long") : 0;
}

static json_t *
parse_reply(const struct buf *reply, struct err *e)
{
	json_t *j = json_parse(buf_str(reply), e);
	const char *why;

	if (j == NULL) {
		(void)err_wrap(e, "the gateway's reply");
		e->code = ERR_GATEWAY;
		return NULL;
	}
	if (json_is_true(json_object_get(j, "ok")))
		return j;
	why = json_text_of(j, "error");
	(void)err_set(e, ERR_GATEWAY, "the gateway refused: %s",
		why != NULL ? why : "it does not say why");
	json_decref(j);
	return NULL;
}

static int
take_registration(
	const struct buf *reply, const char *id, struct gw_run *run, struct err *e)
{
	CLEANUP(json_freep) json_t *j = parse_reply(reply, e);
	const char *token;
	json_int_t port;

	if (j == NULL)
		return -1;
	token = json_text_of(j, "token");
	port = json_integer_value(json_object_get(j, "port"));
	if (token == NULL || strlen(token) != SECRET_HEX || port <= 0 ||
		port > UINT16_MAX || strlen(id) != ID_HEX)
		return err_set(
			e, ERR_GATEWAY, "the gateway's reply has no port or token");
	memcpy(run->id, id, sizeof run->id);
	memcpy(run->token.hex, token, sizeof run->token.hex);
	run->port = (int)port;
	return 0;
}

/* 1: asked and answered. 0: no gateway, now or in the middle of it. */
static int
try_ask(struct str line, struct buf *reply, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	const int got = gw_reach(&fd, e);

	buf_reset(reply);
	return got <= 0 ? got : ask(fd, line, reply, e);
}

int
gw_client_register(const struct gw_register *r, struct gw_run *run, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX - 1);
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(REPLY_MAX);
	const int64_t until = clock_mono_us() + (int64_t)GW_START_MS * US_PER_MS;
	const struct timespec again = { 0, AGAIN_NS };

	if (registration(r, &line, e) < 0)
		return -1;
	do {
		int got = try_ask(buf_str(&line), &reply, e);

		if (got > 0)
			return take_registration(&reply, r->run, run, e);
		if (got == 0)
			got = gw_launch(left_ms(until), e);
		if (got < 0)
			return -1;
		/* another one starts or ends just now, so there is nothing to wait on */
		if (got == GW_LAUNCH_BUSY)
			(void)nanosleep(&again, NULL);
	} while (left_ms(until) > 0);
	return err_set(e, ERR_GATEWAY,
		"a gateway runs but cannot be reached within %d ms: see "
		"~/.pando/run/gateway.log, end it and try again",
		GW_START_MS);
}

int
gw_client_status(struct buf *reply, struct err *e)
{
	const int got = try_ask(STR("{\"op\":\"status\"}\n"), reply, e);

	if (got <= 0)
		return got < 0 ? -1 : 1;
	return 0;
}

/* The connection outlives the gateway's socket and lock: its end is the end. */
static int
wait_for_end(int fd, struct err *e)
{
	const int64_t until = clock_mono_us() + (int64_t)GW_REPLY_MS * US_PER_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char rest[64];

	do {
		if (poll(&p, 1, left_ms(until)) == 0)
			return err_set(e, ERR_GATEWAY, "the gateway does not end");
	} while (read(fd, rest, sizeof rest) > 0);
	return 0;
}

int
gw_client_stop(struct err *e)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(REPLY_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	CLEANUP(fd_closep) int fd = -1;
	int got = gw_reach(&fd, e);

	if (got > 0)
		got = ask(fd, STR("{\"op\":\"stop\"}\n"), &reply, e);
	if (got <= 0)
		return got < 0 ? -1 : 1;
	j = parse_reply(&reply, e);
	return j == NULL ? -1 : wait_for_end(fd, e);
}
