/*
 * The same bytes, whole and in pieces, give the same messages and the same end; what is read
 * can be written and read again. The first byte chooses role and compression, the second the
 * pieces.
 */

#include <assert.h>

#include "gateway/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MESSAGE_MAX = 1 << 16, INPUT_MAX = 4096, TOLD_MAX = 16 << 20 };

static void
draw(unsigned char *to, size_t n)
{
	memset(to, 0x5a, n);
}

/* Of the other role, it reads back what m says. */
static void
write_and_read(struct gw_ws *from, struct gw_ws *to, const struct gw_ws_message *m)
{
	CLEANUP(buf_fini) struct buf frame = BUF_INIT(TOLD_MAX);
	struct gw_ws_message again;
	struct err e = ERR_INIT;
	struct str in;

	if (m->kind == GW_WS_CLOSE)
		return;
	gw_ws_put(from, m->kind, m->data, &frame);
	in = buf_str(&frame);
	assert(gw_ws_next(to, &in, &again, &e) == 1);
	assert(again.kind == m->kind && str_eq(again.data, m->data) && in.n == 0);
}

static void
run(const struct gw_ws_options *o, struct str in, size_t piece, struct buf *told)
{
	struct gw_ws_options other = *o;
	struct gw_ws *w = gw_ws_new(o), *to;
	struct gw_ws_message m;
	struct err e = ERR_INIT;
	int got = 0;

	other.role = o->role == GW_WS_CLIENT ? GW_WS_SERVER : GW_WS_CLIENT;
	to = gw_ws_new(&other);
	while (got == 0 && in.n > 0) {
		struct str now = { in.p, in.n < piece ? in.n : piece };

		in = str_skip(in, now.n);
		while ((got = gw_ws_next(w, &now, &m, &e)) > 0) {
			assert(m.data.n <= MESSAGE_MAX);
			buf_printf(told, "%d %d %zu ", m.kind, m.code, m.data.n);
			buf_put_str(told, m.data);
			write_and_read(w, to, &m);
		}
		assert(got < 0 || now.n == 0);
	}
	buf_printf(told, "%d %d %s", got, got < 0 ? m.code : gw_ws_is_amid(w), e.text);
	assert(got == 0 || (m.code >= GW_WS_PROTOCOL && m.code <= GW_WS_UNEXPECTED));
	gw_ws_free(w);
	gw_ws_free(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(TOLD_MAX);
	CLEANUP(buf_fini) struct buf parts = BUF_INIT(TOLD_MAX);
	struct gw_ws_options o = { .message_max = MESSAGE_MAX, .draw = draw };
	struct str in;

	if (n < 2 || n > INPUT_MAX)
		return 0;
	in = (struct str){ (const char *)data + 2, n - 2 };
	o.role = (data[0] & 1) != 0 ? GW_WS_SERVER : GW_WS_CLIENT;
	o.deflate.on = (data[0] & 2) != 0;
	o.deflate.client_fresh = (data[0] & 4) != 0;
	o.deflate.server_fresh = (data[0] & 8) != 0;
	o.deflate.client_bits = (data[0] & 16) != 0 ? 9 : 0;
	run(&o, in, INPUT_MAX, &whole);
	run(&o, in, 1 + data[1], &parts);
	assert(!whole.over && str_eq(buf_str(&whole), buf_str(&parts)));
	return 0;
}
