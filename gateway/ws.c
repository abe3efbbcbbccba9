#define ZLIB_CONST /* zlib.h: next_in is const */

#include "gateway/ws.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/utf8.h"
#include "gateway/coding.h"

enum {
	PIECE = 16 << 10, /* inflated or unmasked at a time, bytes */
	KEPT = 64 << 10,  /* of a message's room between messages, bytes */
	MASK = 4,         /* bytes */
	BITS = 15,        /* a window of 32 KB */
	BITS_LEAST = 9,   /* zlib deflates with no smaller one */
	LEVEL = 1,        /* the quickest: a request waits for it */
	MEM_LEVEL = 8     /* deflateInit2's own default */
};

/* RFC 6455, 5.2. */
enum {
	FIN = 0x80,
	RSV1 = 0x40,
	RSV23 = 0x30,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
	CONTROL = 0x08
};

enum opcode {
	OP_MORE = 0,
	OP_TEXT = 1,
	OP_BINARY = 2,
	OP_CLOSE = 8,
	OP_PING = 9,
	OP_PONG = 10
};

static const enum opcode op_of[GW_WS_KINDS] = { OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING,
	OP_PONG };

/* Ends what a sync flush makes (RFC 7692, 7.2.1); never on the wire. */
static const char tail[] = { 0, 0, (char)0xff, (char)0xff };

struct gw_ws {
	struct gw_ws_options o;
	/* reading: the frame */
	unsigned char head[GW_WS_HEAD_MAX];
	size_t nhead;
	bool in_payload;
	unsigned int bits; /* FIN, RSV1, opcode */
	uint64_t left;     /* of its payload */
	unsigned char mask[MASK];
	size_t mask_at;
	char control[GW_WS_CONTROL_MAX];
	size_t ncontrol;
	/* reading: the message */
	enum opcode op; /* OP_MORE: there is none */
	bool packed;
	uint64_t coded; /* bytes, as they came */
	struct buf message;
	bool handed_out;
	bool closed;
	int failed; /* the code */
	z_stream in, out;
	bool in_begun, out_begun;
};

struct gw_ws *
gw_ws_new(const struct gw_ws_options *o)
{
	struct gw_ws *w = mem_alloc(sizeof *w);

	w->o = *o;
	w->message = (struct buf)BUF_IN(o->message_max + PIECE, o->memory);
	return w;
}

void
gw_ws_free(struct gw_ws *w)
{
	if (w == NULL)
		return;
	if (w->in_begun)
		(void)inflateEnd(&w->in); /* fails for a state that is not one only */
	if (w->out_begun)
		(void)deflateEnd(&w->out); /* tells that it was in use, as it was */
	buf_fini(&w->message);
	free(w);
}

static int
fail(struct gw_ws *w, int code, struct err *e, const char *why)
{
	w->failed = code;
	return err_set(e, ERR_DATA, "WebSocket: %s", why);
}

static int
fail_size(struct gw_ws *w, struct err *e)
{
	w->failed = GW_WS_TOO_BIG;
	return err_set(e, ERR_DATA,
		"WebSocket: a message is longer than the %zu bytes that the gateway takes",
		w->o.message_max);
}

static int
fail_full(struct gw_ws *w, struct err *e)
{
	w->failed = GW_WS_UNEXPECTED;
	return quota_refuse(w->o.memory, e);
}

/* --- masks ------------------------------------------------------------------------ */

/* at: how much of the payload went before. */
static void
apply_mask(char *p, size_t n, const unsigned char mask[MASK], size_t at)
{
	unsigned char turned[2 * MASK] = { 0 };
	uint64_t wide;
	size_t i = 0;

	for (size_t k = 0; k < sizeof turned; k++)
		turned[k] = mask[(at + k) % MASK];
	memcpy(&wide, turned, sizeof wide);
	for (; n - i >= sizeof wide; i += sizeof wide) {
		uint64_t v;

		memcpy(&v, p + i, sizeof v);
		v ^= wide;
		memcpy(p + i, &v, sizeof v);
	}
	for (; i < n; i++)
		p[i] = (char)(p[i] ^ turned[i % MASK]);
}

/* Copies the next bytes of the payload to where they are read. */
static void
unmask(struct gw_ws *w, char *to, struct str from)
{
	memcpy(to, from.p, from.n);
	if (w->o.role == GW_WS_SERVER)
		apply_mask(to, from.n, w->mask, w->mask_at);
	w->mask_at = (w->mask_at + from.n) % MASK;
}

/* --- compressed messages ---------------------------------------------------------- */

static bool
peer_is_fresh(const struct gw_ws *w)
{
	return w->o.role == GW_WS_SERVER ? w->o.deflate.client_fresh
					 : w->o.deflate.server_fresh;
}

/* A final block amid a message (RFC 7692, 7.2.3.4): what it said may be referred to. */
static int
go_on_behind_final(struct gw_ws *w)
{
	unsigned char *window = mem_alloc(1u << BITS);
	uInt n = 0;
	const bool good = inflateGetDictionary(&w->in, window, &n) == Z_OK &&
			  inflateReset(&w->in) == Z_OK &&
			  inflateSetDictionary(&w->in, window, n) == Z_OK;

	free(window);
	return good ? 0 : -1;
}

static int
begin_inflate(struct gw_ws *w)
{
	if (w->in_begun)
		return 0;
	/* of its largest size whatever was agreed on: a peer may have thought of less */
	if (inflateInit2(&w->in, -BITS) != Z_OK)
		return -1;
	w->in_begun = true;
	return 0;
}

static int
check_size(struct gw_ws *w, struct err *e)
{
	const size_t n = w->message.n;

	if (n > w->o.message_max)
		return fail_size(w, e);
	if (n > GW_DECODED_FREE && n / GW_DECODED_RATIO > w->coded)
		return fail(w, GW_WS_TOO_BIG, e,
			"a compressed message became more than 200 times as long");
	return 0;
}

static int
inflate_piece(struct gw_ws *w, struct str piece, struct err *e)
{
	z_stream *z = &w->in;
	int rc;

	if (begin_inflate(w) < 0)
		return fail(w, GW_WS_UNEXPECTED, e, "zlib does not start");
	z->next_in = (const Bytef *)piece.p;
	z->avail_in = (uInt)piece.n;
	do {
		z->next_out = (Bytef *)buf_room(&w->message, PIECE);
		if (z->next_out == NULL)
			return fail_full(w, e);
		z->avail_out = PIECE;
		rc = inflate(z, Z_SYNC_FLUSH);
		w->message.n += PIECE - z->avail_out;
		if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END)
			return fail(
				w, GW_WS_BAD_DATA, e, "a compressed message is damaged");
		if (check_size(w, e) < 0)
			return -1;
		if (rc == Z_STREAM_END && go_on_behind_final(w) < 0)
			return fail(w, GW_WS_BAD_DATA, e, "zlib does not go on");
	} while (z->avail_in > 0 || z->avail_out == 0);
	return 0;
}

static int
end_inflate(struct gw_ws *w, struct err *e)
{
	enum { BETWEEN_BLOCKS = 128, UNUSED_BITS = 63 }; /* zlib.h, inflate, data_type */
	const struct str end = { tail, sizeof tail };

	if (inflate_piece(w, end, e) < 0)
		return -1;
	if ((w->in.data_type & (BETWEEN_BLOCKS | UNUSED_BITS)) != BETWEEN_BLOCKS)
		return fail(w, GW_WS_BAD_DATA, e, "a compressed message is cut off");
	if (peer_is_fresh(w) && inflateReset(&w->in) != Z_OK)
		return fail(w, GW_WS_UNEXPECTED, e, "zlib does not start again");
	return 0;
}

/* --- reading ---------------------------------------------------------------------- */

static size_t
head_length(const struct gw_ws *w)
{
	size_t n = 2;

	if (w->nhead < n)
		return n;
	if ((w->head[1] & LENGTH) == LENGTH_16)
		n += sizeof(uint16_t);
	if ((w->head[1] & LENGTH) == LENGTH_64)
		n += sizeof(uint64_t);
	return n + ((w->head[1] & MASKED) != 0 ? MASK : 0);
}

static int
check_bits(struct gw_ws *w, struct err *e)
{
	const unsigned int op = w->bits & OPCODE;
	const bool rsv1 = (w->bits & RSV1) != 0;

	if ((w->bits & RSV23) != 0 ||
		(rsv1 && (!w->o.deflate.on || (op != OP_TEXT && op != OP_BINARY))))
		return fail(w, GW_WS_PROTOCOL, e, "a reserved bit is set");
	if (op > OP_PONG || (op > OP_BINARY && op < OP_CLOSE))
		return fail(w, GW_WS_PROTOCOL, e, "an opcode is not known");
	if ((op & CONTROL) != 0 && (w->bits & FIN) == 0)
		return fail(w, GW_WS_PROTOCOL, e, "a control frame is fragmented");
	if ((op & CONTROL) != 0 && (w->head[1] & LENGTH) > GW_WS_CONTROL_MAX)
		return fail(w, GW_WS_PROTOCOL, e, "a control frame is too long");
	if (op == OP_MORE && w->op == OP_MORE)
		return fail(w, GW_WS_PROTOCOL, e, "a fragment belongs to no message");
	if ((op == OP_TEXT || op == OP_BINARY) && w->op != OP_MORE)
		return fail(w, GW_WS_PROTOCOL, e, "a message begins within another");
	if (((w->head[1] & MASKED) != 0) != (w->o.role == GW_WS_SERVER))
		return fail(w, GW_WS_PROTOCOL, e,
			w->o.role == GW_WS_SERVER ? "a client's frame has no mask"
						  : "a server's frame has a mask");
	return 0;
}

static int
read_length(struct gw_ws *w, struct err *e)
{
	const unsigned int brief = w->head[1] & LENGTH;
	const size_t wide = brief == LENGTH_64 ? 8 : brief == LENGTH_16 ? 2 : 0;
	uint64_t n = wide > 0 ? 0 : brief;

	for (size_t i = 0; i < wide; i++)
		n = n << 8 | w->head[2 + i];
	if ((wide == 2 && n < LENGTH_16) || (wide == 8 && n <= UINT16_MAX) ||
		n > INT64_MAX)
		return fail(w, GW_WS_PROTOCOL, e, "a length is not in its shortest form");
	if (n > w->o.message_max)
		return fail_size(w, e);
	w->left = n;
	memcpy(w->mask, w->head + 2 + wide, MASK);
	w->mask_at = 0;
	return 0;
}

static int
begin_frame(struct gw_ws *w, struct err *e)
{
	const unsigned int op = w->head[0] & OPCODE;

	w->bits = w->head[0];
	if (check_bits(w, e) < 0 || read_length(w, e) < 0)
		return -1;
	w->in_payload = true;
	w->nhead = 0;
	w->ncontrol = 0;
	if (op == OP_TEXT || op == OP_BINARY) {
		w->op = (enum opcode)op;
		w->packed = (w->bits & RSV1) != 0;
		w->coded = 0;
	}
	return 0;
}

/* 1: the header is whole. */
static int
take_head(struct gw_ws *w, struct str *in, struct err *e)
{
	while (w->nhead < head_length(w)) {
		if (in->n == 0)
			return 0;
		w->head[w->nhead++] = (unsigned char)in->p[0];
		*in = str_skip(*in, 1);
	}
	return begin_frame(w, e) < 0 ? -1 : 1;
}

static int
take_payload(struct gw_ws *w, struct str *in, struct err *e)
{
	struct str now = { in->p, in->n < w->left ? in->n : (size_t)w->left };
	char piece[PIECE], *room;

	if ((w->bits & CONTROL) == 0 && w->packed && now.n > PIECE)
		now.n = PIECE;
	*in = str_skip(*in, now.n);
	w->left -= now.n;
	if ((w->bits & CONTROL) != 0) {
		unmask(w, w->control + w->ncontrol, now);
		w->ncontrol += now.n;
		return 0;
	}
	w->coded += now.n;
	if (w->coded > w->o.message_max)
		return fail_size(w, e);
	if (w->packed) {
		unmask(w, piece, now);
		return inflate_piece(w, (struct str){ piece, now.n }, e);
	}
	room = buf_room(&w->message, now.n);
	if (room == NULL)
		return fail_full(w, e);
	unmask(w, room, now);
	w->message.n += now.n;
	return 0;
}

static bool
is_text(struct str s)
{
	while (s.n > 0) {
		uint64_t v;
		size_t k;

		while (s.n >= sizeof v) {
			memcpy(&v, s.p, sizeof v);
			if ((v & UINT64_C(0x8080808080808080)) != 0)
				break;
			s = str_skip(s, sizeof v);
		}
		if (s.n == 0)
			break;
		k = utf8_len(s);
		if (k == 0)
			return false;
		s = str_skip(s, k);
	}
	return true;
}

/* RFC 6455, 7.4.2, and the codes registered since. */
static bool
is_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static int
end_close(struct gw_ws *w, struct gw_ws_message *m, struct err *e)
{
	const unsigned char *p = (const unsigned char *)w->control;

	w->closed = true;
	m->code = GW_WS_NO_CODE;
	if (w->ncontrol == 0)
		return 1;
	if (w->ncontrol == 1 || !is_code(p[0] << 8 | p[1]))
		return fail(w, GW_WS_PROTOCOL, e, "a close code is none");
	m->code = p[0] << 8 | p[1];
	m->data = str_skip(m->data, 2);
	return is_text(m->data) ? 1 : fail(w, GW_WS_BAD_DATA, e, "a reason is not UTF-8");
}

/* 1: it ends a message, or is a control frame. */
static int
end_frame(struct gw_ws *w, struct gw_ws_message *m, struct err *e)
{
	w->in_payload = false;
	if ((w->bits & CONTROL) != 0) {
		m->data = (struct str){ w->control, w->ncontrol };
		m->kind = (w->bits & OPCODE) == OP_PING   ? GW_WS_PING
			  : (w->bits & OPCODE) == OP_PONG ? GW_WS_PONG
							  : GW_WS_CLOSE;
		return m->kind == GW_WS_CLOSE ? end_close(w, m, e) : 1;
	}
	if ((w->bits & FIN) == 0)
		return 0;
	if (w->packed && end_inflate(w, e) < 0)
		return -1;
	m->kind = w->op == OP_TEXT ? GW_WS_TEXT : GW_WS_BINARY;
	m->data = buf_str(&w->message);
	w->op = OP_MORE;
	w->handed_out = true;
	if (m->kind == GW_WS_TEXT && !is_text(m->data))
		return fail(w, GW_WS_BAD_DATA, e, "a text message is not UTF-8");
	return 1;
}

static void
release(struct gw_ws *w)
{
	if (!w->handed_out)
		return;
	w->handed_out = false;
	if (w->message.cap > KEPT)
		buf_fini(&w->message);
	buf_reset(&w->message);
}

static int
step(struct gw_ws *w, struct str *in, struct gw_ws_message *m, struct err *e)
{
	int got = 0;

	while (got == 0) {
		if (!w->in_payload) {
			got = take_head(w, in, e);
			if (got <= 0)
				return got;
		}
		if (w->left > 0 && in->n > 0 && take_payload(w, in, e) < 0)
			return -1;
		got = 0;
		if (w->left == 0)
			got = end_frame(w, m, e);
		else if (in->n == 0)
			return 0;
	}
	return got;
}

int
gw_ws_next(struct gw_ws *w, struct str *in, struct gw_ws_message *m, struct err *e)
{
	int got = 0;

	*m = (struct gw_ws_message){ .data = STR("") };
	release(w);
	if (w->failed == 0 && !w->closed)
		got = step(w, in, m, e);
	else
		*in = str_skip(*in, in->n);
	if (got < 0)
		m->code = w->failed;
	return got;
}

bool
gw_ws_is_amid(const struct gw_ws *w)
{
	return w->nhead > 0 || w->in_payload || w->op != OP_MORE;
}

/* --- writing ---------------------------------------------------------------------- */

static int
write_bits(const struct gw_ws *w)
{
	const int bits = w->o.role == GW_WS_SERVER ? w->o.deflate.server_bits
						   : w->o.deflate.client_bits;

	return bits == 0 ? BITS : bits;
}

/* -1: zlib does not start; the message then goes as it is. */
static int
pack(struct gw_ws *w, struct str data, struct buf *to)
{
	const bool fresh = w->o.role == GW_WS_SERVER ? w->o.deflate.server_fresh
						     : w->o.deflate.client_fresh;
	z_stream *z = &w->out;

	if (!w->out_begun && deflateInit2(z, LEVEL, Z_DEFLATED, -write_bits(w), MEM_LEVEL,
				     Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	w->out_begun = true;
	if (data.n == 0) {
		buf_putc(to, 0); /* RFC 7692, 7.2.3.6; zlib flushes nothing twice */
		return 0;
	}
	z->next_in = (const Bytef *)data.p;
	z->avail_in = (uInt)data.n;
	do {
		z->next_out = (Bytef *)buf_room(to, PIECE);
		z->avail_out = PIECE;
		(void)deflate(
			z, Z_SYNC_FLUSH); /* fails for a state that is not one only */
		to->n += PIECE - z->avail_out;
	} while (z->avail_out == 0);
	to->n -= sizeof tail;
	if (fresh)
		(void)deflateReset(z); /* the same */
	return 0;
}

static void
put_frame(struct gw_ws *w, unsigned int bits, struct str data, struct buf *out)
{
	const unsigned int masked = w->o.role == GW_WS_CLIENT ? MASKED : 0;
	unsigned char mask[MASK];
	unsigned char head[GW_WS_HEAD_MAX] = { (unsigned char)bits };
	size_t wide = data.n > UINT16_MAX ? 8 : data.n >= LENGTH_16 ? 2 : 0;
	char *room;

	head[1] = (unsigned char)(masked | (wide == 8          ? LENGTH_64
						   : wide == 2 ? LENGTH_16
							       : (unsigned int)data.n));
	for (size_t i = 0; i < wide; i++)
		head[2 + i] = (unsigned char)((uint64_t)data.n >> (8 * (wide - 1 - i)));
	buf_put(out, head, 2 + wide);
	if (masked != 0) {
		w->o.draw(mask, MASK);
		buf_put(out, mask, MASK);
	}
	room = buf_room(out, data.n);
	if (room == NULL)
		return;
	if (data.n > 0)
		memcpy(room, data.p, data.n);
	if (masked != 0)
		apply_mask(room, data.n, mask, 0);
	out->n += data.n;
}

void
gw_ws_put(struct gw_ws *w, enum gw_ws_kind kind, struct str data, struct buf *out)
{
	/* what deflate cannot shrink it leaves as it is, in blocks of 5 bytes more */
	CLEANUP(buf_fini)
	struct buf packed = BUF_INIT(data.n + data.n / 64 + PIECE + PIECE);
	const bool packs = w->o.deflate.on && !w->o.plain &&
			   (kind == GW_WS_TEXT || kind == GW_WS_BINARY) &&
			   write_bits(w) >= BITS_LEAST;

	if (packs && pack(w, data, &packed) == 0)
		put_frame(w, FIN | RSV1 | op_of[kind], buf_str(&packed), out);
	else
		put_frame(w, FIN | op_of[kind], data, out);
}

void
gw_ws_put_close(struct gw_ws *w, int code, struct str reason, struct buf *out)
{
	enum { CODE = 2 };
	char payload[GW_WS_CONTROL_MAX];
	size_t n = CODE;

	payload[0] = (char)(code >> 8);
	payload[1] = (char)code;
	while (reason.n > 0) {
		const size_t k = utf8_len(reason);

		if (k == 0 || n + k > sizeof payload)
			break;
		memcpy(payload + n, reason.p, k);
		n += k;
		reason = str_skip(reason, k);
	}
	if (code == GW_WS_NO_CODE)
		n = 0;
	put_frame(w, FIN | OP_CLOSE, (struct str){ payload, n }, out);
}
