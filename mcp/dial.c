#include "mcp/dial.h"

#include <poll.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "gateway/client.h"

enum { US_PER_MS = 1000 };

void
dial_fini(struct dial *d)
{
	fd_closep(&d->fd);
	d->fd = -1;
}

/* Without reading: whoever it was handed to may be waiting for a reply. */
static bool
has_ended(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0;
}

static void
put_off(struct dial *d)
{
	d->pause_ms = d->pause_ms == 0 ? DIAL_FIRST_MS : 2 * d->pause_ms;
	if (d->pause_ms > DIAL_LAST_MS)
		d->pause_ms = DIAL_LAST_MS;
	d->next_us = clock_mono_us() + (int64_t)d->pause_ms * US_PER_MS;
}

bool
dial_step(struct dial *d)
{
	int got;

	if (d->fd >= 0 && has_ended(d->fd)) {
		dial_fini(d);
		d->pause_ms = 0;
		d->next_us = 0;
	}
	if (d->fd >= 0 || clock_mono_us() < d->next_us)
		return false;
	got = gw_client_serve(d->run, d->role, &d->fd, &d->why);
	if (got == 0) {
		d->pause_ms = 0;
		return true;
	}
	if (got > 0)
		(void)err_set(&d->why, ERR_GATEWAY, "no gateway runs");
	log_debug("%s: %s", d->role, d->why.text);
	put_off(d);
	return false;
}

int
dial_wait_ms(const struct dial *d)
{
	const int64_t left = (d->next_us - clock_mono_us()) / US_PER_MS + 1;

	if (d->fd >= 0)
		return -1;
	return left > 0 ? (int)left : 0;
}
