#ifndef GATEWAY_WS_H
#define GATEWAY_WS_H

/*
 * WebSocket framing (RFC 6455) with permessage-deflate (RFC 7692), both roles. Pure.
 *
 *   gw_ws_next(bytes) -> 1: a whole message or a control frame, 0: feed more
 *   gw_ws_put(message) -> one frame
 *
 * Bytes come in any split and give the same messages; fragments are joined, control frames
 * may stand between them. Strict: reserved bits and opcodes, masks (a client's frames have
 * one, a server's have none; 5.1), lengths in their shortest form (5.2), UTF-8 of text (8.1)
 * and close codes (7.4) are as the RFC has them, or the connection fails with the code that
 * it names. Little may not become much: coding.h says how much.
 *
 * Memory: one message, its ceiling is the caller's; 44 KB for reading and 256 KB for writing
 * where compression is agreed on, allocated when first needed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum gw_ws_role { GW_WS_CLIENT, GW_WS_SERVER }; /* ours */

enum gw_ws_kind {
	GW_WS_TEXT,
	GW_WS_BINARY,
	GW_WS_CLOSE,
	GW_WS_PING,
	GW_WS_PONG,
	GW_WS_KINDS
};

/* RFC 6455, 7.4.1, those that we send or answer. */
enum {
	GW_WS_NORMAL = 1000,
	GW_WS_GOING_AWAY = 1001,
	GW_WS_PROTOCOL = 1002,
	GW_WS_NO_BINARY = 1003,
	GW_WS_NO_CODE = 1005, /* a close frame without one; never sent */
	GW_WS_BAD_DATA = 1007,
	GW_WS_POLICY = 1008,
	GW_WS_TOO_BIG = 1009,
	GW_WS_UNEXPECTED = 1011
};

enum {
	GW_WS_CONTROL_MAX = 125, /* payload of a control frame, bytes (5.5) */
	GW_WS_HEAD_MAX = 14,     /* before a payload, bytes */
};

/* What is agreed on (RFC 7692, 7.1); by direction, as its parameters are. */
struct gw_ws_deflate {
	bool on;
	bool server_fresh, client_fresh; /* no_context_takeover */
	int server_bits, client_bits;    /* max_window_bits; 0: 15 */
};

struct gw_ws_options {
	enum gw_ws_role role;
	struct gw_ws_deflate deflate;
	bool plain;           /* we send uncompressed whatever is agreed on (7692, 6) */
	size_t message_max;   /* bytes, inflated */
	struct quota *memory; /* where a message is counted; NULL: nowhere */
	/* Unpredictable bytes for the masks of a client (10.3). */
	void (*draw)(unsigned char *to, size_t n);
};

struct gw_ws_message {
	enum gw_ws_kind kind;
	struct str data; /* of a close: its reason. Holds until the next call. */
	int code;        /* of a close; and of a failure */
};

struct gw_ws;

struct gw_ws *gw_ws_new(const struct gw_ws_options *o);
void gw_ws_free(struct gw_ws *w);

/*
 * Takes from the front of in. 1: m is there, call again for what is left of in. 0: all of in
 * was taken. -1: ERR_DATA, the connection has failed: close it with m->code. What follows a
 * close frame is dropped.
 */
int gw_ws_next(struct gw_ws *w, struct str *in, struct gw_ws_message *m, struct err *e);
/* True between the fragments of a message, or within one: its end would be missed. */
bool gw_ws_is_amid(const struct gw_ws *w);

/* Adds one frame, compressed where that is agreed on. Control frames: see GW_WS_CONTROL_MAX. */
void gw_ws_put(struct gw_ws *w, enum gw_ws_kind kind, struct str data, struct buf *out);
/* Its reason is cut to what fits. */
void gw_ws_put_close(struct gw_ws *w, int code, struct str reason, struct buf *out);

#endif
