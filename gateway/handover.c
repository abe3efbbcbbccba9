#include "gateway/handover.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/place.h"
#include "gateway/client.h"

_Static_assert(GW_HANDOVER_S * 1000 < GW_REPLY_MS && GW_HANDOVER_S * 1000 < GW_START_MS,
	"who waits for the old gateway meanwhile outlasts it");

enum { CHANNEL_FD = 3, REPLY_MAX = ERR_TEXT_MAX };

int
gw_program_init(struct gw_program *p, struct err *e)
{
	p->path = place_program("pando-gateway", e);
	if (p->path == NULL)
		return -1;
	/* not by the name, which may mean a newer one already */
	if (stat("/proc/self/exe", &p->is) < 0)
		return err_sys(e, "look at our own program");
	return 0;
}

void
gw_program_fini(struct gw_program *p)
{
	free(p->path);
	p->path = NULL;
}

bool
gw_program_is_replaced(struct gw_program *p)
{
	struct stat now;

	/* absent: it is being replaced, or gone for good */
	if (stat(p->path, &now) < 0 || !S_ISREG(now.st_mode))
		return false;
	if (now.st_dev == p->is.st_dev && now.st_ino == p->is.st_ino &&
		now.st_size == p->is.st_size &&
		now.st_mtim.tv_sec == p->is.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == p->is.st_mtim.tv_nsec)
		return false;
	p->is = now;
	return true;
}

static void
end(struct gw_handover *h, bool taken)
{
	if (h->reply != NULL)
		event_free(h->reply);
	h->reply = NULL;
	if (!taken) {
		fd_closep(&h->channel);
		(void)kill(h->child, SIGKILL); /* it may have ended */
		(void)waitpid(h->child, NULL, 0);
	}
	h->on_end(h->to, taken);
}

static void
on_reply(evutil_socket_t fd, short what, void *arg)
{
	char text[REPLY_MAX];
	const ssize_t n = (what & EV_READ) != 0
				  ? recv(fd, text, sizeof text - 1, MSG_DONTWAIT)
				  : 0;
	const bool ready = n == 5 && memcmp(text, "ready", 5) == 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	text[n > 0 ? n : 0] = '\0';
	if (!ready)
		log_error("the new gateway did not come up: %s",
			n > 0                   ? text
			: (what & EV_READ) != 0 ? "it ended without a word"
						: "it does not answer");
	end(arg, ready);
}

static int
start(struct gw_handover *h, const char *program, int theirs, struct err *e)
{
	char name[] = "pando-gateway", take_over[] = "--take-over", number[] = "3";
	char *const argv[] = { name, take_over, number, NULL };
	const struct child_spec spec = { .path = program,
		.argv = argv,
		.env = environ,
		.fd = { -1, -1, STDERR_FILENO, theirs },
		.nfds = CHANNEL_FD + 1,
		.dir = "/",
		.new_session = true };

	return child_start(&spec, &h->child, e);
}

/* The message has a letter for each descriptor that there is. */
static int
send_place(int channel, const int fds[GW_PLACE_FDS], struct err *e)
{
	static const char letters[GW_PLACE_FDS + 1] = "lctu";
	char text[GW_PLACE_FDS];
	int have[GW_PLACE_FDS];
	size_t n = 0;

	for (size_t i = 0; i < GW_PLACE_FDS; i++)
		if (fds[i] >= 0) {
			text[n] = letters[i];
			have[n++] = fds[i];
		}
	return fd_send(channel, (struct str){ text, n }, have, n, e);
}

int
gw_handover_begin(struct gw_handover *h, struct event_base *base, const char *program,
	const int fds[GW_PLACE_FDS], struct err *e)
{
	const struct timeval limit = { GW_HANDOVER_S, 0 };
	CLEANUP(fd_closep) int theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	h->channel = pair[0];
	theirs = pair[1];
	/* sent first: it waits there, and a child that cannot be started costs nothing */
	if (send_place(h->channel, fds, e) < 0 || start(h, program, theirs, e) < 0) {
		fd_closep(&h->channel);
		return err_wrap(e, "hand over to %s", program);
	}
	h->reply = event_new(base, h->channel, EV_READ | EV_PERSIST, on_reply, h);
	if (h->reply == NULL || event_add(h->reply, &limit) < 0)
		abort(); /* out of memory */
	return 0;
}

void
gw_handover_fini(struct gw_handover *h)
{
	if (h->reply != NULL)
		event_free(h->reply);
	h->reply = NULL;
	fd_closep(&h->channel);
}

int
gw_handover_take(int channel, int fds[GW_PLACE_FDS], struct err *e)
{
	static const char letters[GW_PLACE_FDS + 1] = "lctu";
	int got[FD_PASS_MAX];
	char text[GW_PLACE_FDS];
	size_t nfds;
	const ssize_t n = fd_recv(channel, text, sizeof text, got, &nfds, e);

	for (size_t i = 0; i < GW_PLACE_FDS; i++)
		fds[i] = -1;
	for (size_t i = 0; i < nfds; i++) {
		const char *at = n > (ssize_t)i ? strchr(letters, text[i]) : NULL;

		if (at == NULL || *at == '\0' || fds[at - letters] >= 0)
			return err_set(e, ERR_DATA, "take over: not a place");
		fds[at - letters] = got[i];
	}
	if (n < 0 || fds[GW_LOCK_FD] < 0 || fds[GW_CONTROL_FD] < 0 || fds[GW_TCP_FD] < 0)
		return err_set(e, ERR_DATA, "take over: the place is not whole");
	return 0;
}

int
gw_handover_say(int channel, const char *text, struct err *e)
{
	return fd_send(channel, str_of(text), NULL, 0, e);
}
