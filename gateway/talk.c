#include "gateway/talk.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "gateway/client.h"
#include "gateway/launch.h"

enum { READ_STEP = 4096, US_PER_MS = 1000 };

int
gw_left_ms(int64_t until_us)
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
		got = poll(&p, 1, gw_left_ms(until));
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

int
gw_talk(int fd, struct str line, struct buf *reply, struct err *e)
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

void
gw_put_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	if (value == NULL)
		buf_puts(b, "null");
	else
		buf_put_json(b, str_of(value));
}

json_t *
gw_reply_parse(const struct buf *reply, struct err *e)
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

int
gw_talk_once(struct str line, struct buf *reply, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	const int got = gw_reach(&fd, e);

	buf_reset(reply);
	return got <= 0 ? got : gw_talk(fd, line, reply, e);
}
