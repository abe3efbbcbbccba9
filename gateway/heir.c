#include "gateway/heir.h"

#include <event2/event.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/json/json.h"
#include "base/log.h"
#include "gateway/ledger.h"
#include "gateway/serve.h"

enum { PACKET_MAX = 8192, PACKETS_AT_ONCE = 64 };

static void
put_member(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "%c\"%s\":", b->n == 0 ? '{' : ',', name);
	buf_put_json(b, value);
}

void
gw_heir_tell(int channel, const struct gw_reg *r, const struct gw_call *c)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(PACKET_MAX);

	put_member(&line, "run", str_of(r->id));
	put_member(&line, "id", c->id);
	put_member(&line, "server", c->server);
	put_member(&line, "tool", c->tool);
	put_member(&line, "args_sha256", str_of(c->args_sha256));
	if (c->mended != NULL)
		put_member(&line, "mended", str_of(c->mended));
	buf_putc(&line, '}');
	if (line.over || send(channel, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_error("run %s: a call could not be told to the new gateway", r->id);
}

void
gw_heir_tell_all(int channel, const struct gw_reg *r)
{
	for (size_t i = 0; i < r->witnesses.n; i++) {
		const struct gw_witness *w = &r->witnesses.w[i];

		if (!w->used)
			gw_heir_tell(channel, r,
				&(struct gw_call){ str_of(w->id), str_of(w->server),
					str_of(w->tool), w->args_sha256,
					w->mended[0] != '\0' ? w->mended : NULL });
	}
}

void
gw_heir_tell_sums(int channel, const struct gw_reg *r)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LEDGER_MAX);
	CLEANUP(buf_fini) struct buf packet = BUF_INIT(PACKET_MAX);

	gw_budget_format(&r->budget, &line);
	put_member(&packet, "run", str_of(r->id));
	put_member(&packet, "sums", buf_str(&line));
	buf_putc(&packet, '}');
	if (packet.over ||
		send(channel, packet.p, packet.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_error("run %s: its sums could not be told to the new gateway", r->id);
}

static void
take_sums(struct gw_reg *r, const char *line)
{
	struct err e = ERR_INIT;

	if (gw_budget_follow(str_of(line), &r->budget, &e) < 0)
		log_error("run %s: the former gateway's sums: %s", r->id, e.text);
	else
		gw_ledger_save(r);
}

static void
take(struct gw_heir *h, struct str packet)
{
	struct err e = ERR_INIT;
	CLEANUP(json_freep) json_t *j = json_parse(packet, &e);
	const char *run = j != NULL ? json_text_of(j, "run") : NULL;
	struct gw_reg *r = run != NULL ? gw_runs_named(h->runs, run) : NULL;
	struct gw_call c;

	if (r == NULL)
		return; /* it has ended */
	if (json_text_of(j, "sums") != NULL) {
		take_sums(r, json_text_of(j, "sums"));
		return;
	}
	c = (struct gw_call){ str_of(json_text_of(j, "id")),
		str_of(json_text_of(j, "server")), str_of(json_text_of(j, "tool")),
		json_text_of(j, "args_sha256"), json_text_of(j, "mended") };
	if (c.args_sha256 == NULL || strlen(c.args_sha256) != REC_SHA_HEX ||
		(c.mended != NULL && strlen(c.mended) != REC_SHA_HEX) ||
		gw_witness_add(&r->witnesses, &c, clock_mono_us(), &e) < 0)
		log_error("run %s: a call of the former gateway: %s", r->id, e.text);
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	struct gw_heir *h = arg;
	char packet[PACKET_MAX];

	(void)what;
	for (int i = 0; i < PACKETS_AT_ONCE; i++) {
		const ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n == 0) {
			gw_heir_close(h);
			return;
		}
		take(h, (struct str){ packet, (size_t)n });
	}
}

int
gw_heir_open(struct gw_heir *h, struct event_base *base, int channel, struct err *e)
{
	h->channel = channel;
	h->told = event_new(base, channel, EV_READ | EV_PERSIST, on_told, h);
	if (h->told == NULL || event_priority_set(h->told, 0) < 0 ||
		event_add(h->told, NULL) < 0)
		return err_set(e, ERR_GATEWAY, "no event for the former gateway");
	return 0;
}

void
gw_heir_close(struct gw_heir *h)
{
	if (h->told != NULL)
		event_free(h->told);
	h->told = NULL;
	fd_closep(&h->channel);
}
