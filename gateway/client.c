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
#include "gateway/talk.h"

enum { REPLY_MAX = 4 << 20, US_PER_MS = 1000, AGAIN_NS = 10 * 1000000 };

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
	gw_put_member(line, "run", r->run);
	gw_put_member(line, "agent", r->agent);
	gw_put_member(line, "agent_version", r->agent_version);
	gw_put_member(line, "root", r->root);
	gw_put_member(line, "policy", r->policy);
	gw_put_member(line, "policy_sha256", r->policy_sha256);
	gw_put_member(line, "log", log);
	buf_puts(line, "}\n");
	return line->over ? err_set(e, ERR_DATA, "register: names are too long") : 0;
}

static int
take_registration(
	const struct buf *reply, const char *id, struct gw_run *run, struct err *e)
{
	CLEANUP(json_freep) json_t *j = gw_reply_parse(reply, e);
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
		int got = gw_talk_once(buf_str(&line), &reply, e);

		if (got > 0)
			return take_registration(&reply, r->run, run, e);
		if (got == 0)
			got = gw_launch(gw_left_ms(until), e);
		if (got < 0)
			return -1;
		/* another one starts or ends just now, so there is nothing to wait on */
		if (got == GW_LAUNCH_BUSY)
			(void)nanosleep(&again, NULL);
	} while (gw_left_ms(until) > 0);
	return err_set(e, ERR_GATEWAY,
		"a gateway runs but cannot be reached within %d ms: see "
		"~/.pando/run/gateway.log, end it and try again",
		GW_START_MS);
}

int
gw_client_status(struct buf *reply, struct err *e)
{
	const int got = gw_talk_once(STR("{\"op\":\"status\"}\n"), reply, e);

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
		if (poll(&p, 1, gw_left_ms(until)) == 0)
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
		got = gw_talk(fd, STR("{\"op\":\"stop\"}\n"), &reply, e);
	if (got <= 0)
		return got < 0 ? -1 : 1;
	j = gw_reply_parse(&reply, e);
	return j == NULL ? -1 : wait_for_end(fd, e);
}
