#include "mcp/witness.h"

#include "base/fdio.h"
#include "base/log.h"
#include "gateway/client.h"
#include "policy/call_hash.h"

static const char make_it_again[] =
	"the gateway cannot be asked whether the model made this call: make it again in a "
	"moment";

void
witness_fini(struct witness *w)
{
	dial_fini(&w->dial);
	if (!w->dials)
		fd_closep(&w->from);
}

static bool
is_ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, ms) > 0;
}

/* The newest one counts. True: there was one. */
static bool
take_handed(struct witness *w)
{
	bool any = false;

	while (is_ready(w->from, 0)) {
		int fds[FD_PASS_MAX];
		size_t n = 0;
		char byte;
		struct err e = ERR_INIT;

		if (fd_recv(w->from, &byte, sizeof byte, fds, &n, &e) <= 0) {
			fd_closep(&w->from); /* who hands them in is gone */
			w->from = -1;
			break;
		}
		for (size_t i = 0; i < n; i++) {
			dial_fini(&w->dial);
			w->dial.fd = fds[i];
			any = true;
		}
	}
	return any;
}

static void
tell_up(struct witness *w)
{
	struct err e = ERR_INIT;

	if (!w->is_up || w->dial.fd < 0)
		return;
	if (gw_client_up(w->dial.fd, w->has_tools, &e) < 0)
		log_error("%s",
			e.text); /* a request that waits for it says what is missing */
	else if (w->has_listed && gw_client_listed(w->dial.fd, &e) < 0)
		log_debug("%s", e.text); /* the first prompt then waits its time */
}

void
witness_step(struct witness *w)
{
	if (w->dials ? dial_step(&w->dial) : take_handed(w))
		tell_up(w);
}

void
witness_up(struct witness *w, bool has_tools)
{
	w->is_up = false; /* so that a new connection is not told twice */
	witness_step(w);
	w->is_up = true;
	w->has_tools = has_tools;
	tell_up(w);
}

void
witness_listed(struct witness *w)
{
	struct err e = ERR_INIT;

	if (w->has_listed)
		return;
	w->has_listed = true;
	if (w->is_up && w->dial.fd >= 0 && gw_client_listed(w->dial.fd, &e) < 0)
		log_debug("%s", e.text); /* as above */
}

struct pollfd
witness_pollfd(const struct witness *w)
{
	if (w->dials)
		return (struct pollfd){ .fd = w->dial.fd }; /* for its end */
	return (struct pollfd){ .fd = w->from, .events = POLLIN };
}

int
witness_wait_ms(const struct witness *w)
{
	return w->dials ? dial_wait_ms(&w->dial) : -1;
}

/* 1: not connected, now or any more. */
static int
ask(struct witness *w, const char *call, const char *tool, const char *args_sha256,
	struct err *e)
{
	int got = 1;

	witness_step(w);
	if (w->dial.fd >= 0)
		got = gw_client_take(w->dial.fd, call, tool, args_sha256, e);
	if (got > 0)
		dial_fini(&w->dial);
	return got;
}

int
witness_take(struct witness *w, const char *call, const char *tool, struct str args,
	struct err *e)
{
	char sha256[REC_SHA_HEX + 1];
	int got;

	if (call_hash(args, sha256, e) < 0)
		return -1;
	got = ask(w, call, tool, sha256, e);
	if (got > 0) {
		w->dial.next_us = 0; /* it may be there again, or is on its way */
		(void)is_ready(w->dials ? -1 : w->from, WITNESS_WAIT_MS);
		got = ask(w, call, tool, sha256, e);
	}
	return got > 0 ? err_set(e, ERR_GATEWAY, "%s", make_it_again) : got;
}
