#include "mcp/watch.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"

enum { AGAIN_MS = 20, US_PER_MS = 1000 };

static void
let_go(struct watch *w)
{
	fd_closep(&w->fd);
	w->fd = -1;
	buf_reset(&w->lines);
}

static void
note(struct watch *w, const char *event, const char *text)
{
	struct rec r = REC_INIT;
	struct err e = ERR_INIT;

	r.event = event;
	r.layer = "mcp";
	r.note = str_of(text);
	if (audit_write(w->audit, &r, &e) < 0)
		log_error("%s", e.text); /* nothing hangs on this line */
}

static enum watch_state
lost(struct watch *w, const struct err *why)
{
	log_error("the gateway is lost: %s", why->text);
	note(w, "mcp_gateway_lost", why->text);
	return WATCH_OFF;
}

static enum watch_state
revive(struct watch *w)
{
	struct err e = ERR_INIT;

	if (gw_client_revive(&w->revivals, &w->fd, &e) < 0)
		return lost(w, &e);
	w->revived = true;
	return WATCH_STARTING;
}

static enum watch_state
hold(struct watch *w)
{
	struct err e = ERR_INIT;
	const int got = gw_client_watch(w->run, &w->fd, &e);

	if (got < 0)
		return lost(w, &e);
	return got == 0 ? WATCH_HELD : revive(w);
}

static enum watch_state
on_news(struct watch *w)
{
	struct err e = ERR_INIT;
	const int got = gw_client_watch_read(w->fd, &w->lines, &e);

	if (got < 0)
		return lost(w, &e);
	switch ((enum gw_watch)got) {
	case GW_WATCH_SOON:
		return WATCH_HELD;
	case GW_WATCH_ON:
		if (w->revived) {
			log_error("the gateway ended and was started again");
			note(w, "mcp_gateway_revived", "the run goes on");
		}
		w->revived = false;
		return WATCH_HELD;
	case GW_WATCH_BYE:
		return WATCH_OFF;
	case GW_WATCH_DIED:
		break;
	}
	let_go(w);
	w->until_us = clock_mono_us() + (int64_t)GW_START_MS * US_PER_MS;
	return revive(w);
}

static enum watch_state
on_started(struct watch *w)
{
	struct err e = ERR_INIT;
	const int got = gw_client_revived(w->fd, &e);

	let_go(w);
	if (got < 0)
		return lost(w, &e);
	return got == 0 ? hold(w) : WATCH_AGAIN;
}

static enum watch_state
on_time(struct watch *w)
{
	struct err e = ERR_INIT;

	if (clock_mono_us() < w->until_us)
		return w->state == WATCH_AGAIN ? hold(w) : w->state;
	(void)err_set(
		&e, ERR_GATEWAY, "another one does not answer within %d ms", GW_START_MS);
	return lost(w, &e);
}

static enum watch_state
next_state(struct watch *w, bool is_ready)
{
	switch (w->state) {
	case WATCH_HELD:
		return is_ready ? on_news(w) : WATCH_HELD;
	case WATCH_STARTING:
		return is_ready ? on_started(w) : on_time(w);
	case WATCH_AGAIN:
		return on_time(w);
	case WATCH_OFF:
	case WATCH_STATES:
		break;
	}
	return WATCH_OFF;
}

/* Negative: forever. */
static int
sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int
patience_ms(const struct watch *w)
{
	const int64_t left = (w->until_us - clock_mono_us()) / US_PER_MS + 1;
	const int other = witness_wait_ms(w->witness);

	if (w->state == WATCH_AGAIN)
		return sooner(AGAIN_MS, other);
	if (w->state == WATCH_STARTING)
		return sooner(left > 0 ? (int)left : 0, other);
	return other;
}

void
watch_begin(struct watch *w)
{
	struct err e = ERR_INIT;
	const int got = gw_client_watch(w->run, &w->fd, &e);

	if (got < 0)
		w->state = lost(w, &e);
	else if (got == 0)
		w->state = WATCH_HELD;
}

void
watch_end(struct watch *w)
{
	let_go(w);
	buf_fini(&w->lines);
	w->state = WATCH_OFF;
}

int
watch_wait(struct watch *w, int in_fd, struct err *e)
{
	for (;;) {
		struct pollfd p[] = { { .fd = in_fd, .events = POLLIN },
			{ .fd = w->fd, .events = POLLIN }, witness_pollfd(w->witness) };

		if (poll(p, LEN(p), patience_ms(w)) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "wait for the client");
		}
		if (w->state != WATCH_OFF) {
			w->state = next_state(w, p[1].revents != 0);
			if (w->state == WATCH_OFF)
				let_go(w);
		}
		if (p[2].revents != 0 || witness_wait_ms(w->witness) == 0)
			witness_step(w->witness);
		if (p[0].revents != 0)
			return 0;
	}
}
