#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/json/json.h"
#include "gateway/client.h"
#include "gateway/launch.h"

enum { READ_STEP = 512, US_PER_S = 1000000 };

int
gw_client_watch(const char *run, int *fd, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);
	CLEANUP(fd_closep) int to = -1;
	const int got = gw_reach(&to, e);

	if (got <= 0)
		return got < 0 ? -1 : 1;
	buf_puts(&line, "{\"op\":\"watch\",\"run\":");
	buf_put_json(&line, str_of(run));
	buf_puts(&line, "}\n");
	if (line.over)
		return err_set(e, ERR_DATA, "watch: the run's id is too long");
	/* it fits the socket's buffer; a gateway that ended meanwhile shows when we read */
	if (send(to, line.p, line.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)line.n &&
		errno != EPIPE && errno != ECONNRESET)
		return err_sys(e, "write to the gateway");
	*fd = fd_take(&to);
	return 0;
}

/* The first whole line decides, the second one is bye. */
static int
understand(const struct buf *lines, bool ended, struct err *e)
{
	const char *end = lines->n > 0 ? memchr(lines->p, '\n', lines->n) : NULL;
	CLEANUP(json_freep) json_t *j = NULL;
	const char *why;
	size_t n;

	if (end == NULL)
		return ended ? GW_WATCH_DIED : GW_WATCH_SOON;
	n = (size_t)(end - lines->p) + 1;
	j = json_parse((struct str){ lines->p, n - 1 }, e);
	if (j == NULL)
		return err_wrap(e, "the gateway's reply");
	why = json_text_of(j, "error");
	if (!json_is_true(json_object_get(j, "ok")))
		return err_set(e, ERR_GATEWAY, "the gateway refused: %s",
			why != NULL ? why : "it does not say why");
	if (memchr(lines->p + n, '\n', lines->n - n) != NULL)
		return GW_WATCH_BYE; /* it says nothing else */
	return ended ? GW_WATCH_DIED : GW_WATCH_ON;
}

int
gw_client_watch_read(int fd, struct buf *lines, struct err *e)
{
	bool ended = false;

	while (!ended) {
		char *to = buf_room(lines, READ_STEP);
		ssize_t k;

		if (to == NULL)
			return err_set(e, ERR_GATEWAY, "the gateway says too much");
		k = recv(fd, to, READ_STEP, MSG_DONTWAIT);
		if (k < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (k < 0 && errno != ECONNRESET)
			return err_sys(e, "read from the gateway");
		ended = k <= 0;
		lines->n += k > 0 ? (size_t)k : 0;
	}
	return understand(lines, ended, e);
}

int
gw_client_revive(struct gw_revivals *r, int *ready, struct err *e)
{
	int64_t *oldest = &r->at_us[r->n % GW_REVIVALS_MAX];
	const int64_t now = clock_mono_us();

	if (r->n >= GW_REVIVALS_MAX && now - *oldest < (int64_t)GW_REVIVALS_S * US_PER_S)
		return err_set(e, ERR_GATEWAY,
			"the gateway was started %d times within %d s and did not stay: see "
			"~/.pando/run/gateway.log",
			GW_REVIVALS_MAX, GW_REVIVALS_S);
	*oldest = now;
	r->n++;
	return gw_launch_begin(ready, e);
}

int
gw_client_revived(int ready, struct err *e)
{
	const int got = gw_launch_end(ready, 0, e);

	if (got < 0)
		return -1;
	return got == GW_LAUNCH_READY ? 0 : 1;
}
