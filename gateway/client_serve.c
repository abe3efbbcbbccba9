#include <sys/socket.h>

#include "base/fdio.h"
#include "gateway/client.h"
#include "gateway/launch.h"
#include "gateway/talk.h"

/* 1: the gateway is gone. 0: it says yes. -1: it says no, and why. */
static int
say(int fd, struct buf *line, struct err *e)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(GW_LINE_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	int got;

	buf_puts(line, "}\n");
	if (line->over)
		return err_set(e, ERR_DATA, "what the gateway is told is too long");
	got = gw_talk(fd, buf_str(line), &reply, e);
	if (got < 0) /* a late reply would be taken for the next one's */
		(void)shutdown(fd, SHUT_RDWR);
	if (got <= 0)
		return got < 0 ? -1 : 1;
	j = gw_reply_parse(&reply, e);
	return j == NULL ? -1 : 0;
}

int
gw_client_checkin(const char *run, const char *session, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);
	CLEANUP(fd_closep) int fd = -1;
	const int got = gw_reach(&fd, e);

	if (got <= 0)
		return got < 0 ? -1 : 1;
	buf_puts(&line, "{\"op\":\"checkin\"");
	gw_put_member(&line, "run", run);
	gw_put_member(&line, "session", session);
	return say(fd, &line, e);
}

int
gw_client_serve(const char *run, const char *role, int *fd, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);
	CLEANUP(fd_closep) int to = -1;
	int got = gw_reach(&to, e);

	if (got <= 0)
		return got < 0 ? -1 : 1;
	buf_puts(&line, "{\"op\":\"serve\"");
	gw_put_member(&line, "run", run);
	gw_put_member(&line, "role", role);
	got = say(to, &line, e);
	if (got == 0)
		*fd = fd_take(&to);
	return got;
}

int
gw_client_up(int fd, bool has_tools, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);

	buf_printf(&line, "{\"up\":\"%s\"", has_tools ? "tools" : "bare");
	return say(fd, &line, e);
}

int
gw_client_listed(int fd, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);

	buf_puts(&line, "{\"up\":\"listed\"");
	return say(fd, &line, e);
}

int
gw_client_take(int fd, const char *call, const char *tool, const char *args_sha256,
	struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LINE_MAX);

	buf_puts(&line, "{\"take\":");
	buf_put_json(&line, str_of(call));
	gw_put_member(&line, "tool", tool);
	gw_put_member(&line, "args_sha256", args_sha256);
	return say(fd, &line, e);
}
