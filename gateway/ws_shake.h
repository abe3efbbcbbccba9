#ifndef GATEWAY_WS_SHAKE_H
#define GATEWAY_WS_SHAKE_H

/*
 * The opening handshake of WebSocket (RFC 6455, 4) and what it agrees on about compression
 * (RFC 7692, 7.1). Pure: header values in and out, whoever has the sockets sends them.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway/ws.h"

enum {
	GW_WS_NONCE = 16,      /* bytes behind a Sec-WebSocket-Key */
	GW_WS_KEY_TEXT = 25,   /* the key's text and its NUL */
	GW_WS_ACCEPT_TEXT = 29 /* the answer's */
};

/* What we offer a server. */
#define GW_WS_OFFER "permessage-deflate; client_max_window_bits"

void gw_ws_key(const unsigned char nonce[GW_WS_NONCE], char text[GW_WS_KEY_TEXT]);
void gw_ws_accept(struct str key, char text[GW_WS_ACCEPT_TEXT]);

/*
 * Of a client's request fields ("Name: value\n" lines): 0: it may be answered with 101, and
 * key is its key. -1: ERR_REFUSED, it is no sound handshake of version 13.
 */
int gw_ws_asked(struct str fields, struct str *key, struct err *e);
/* Of a server's answer to the key: status 101 was checked before. */
int gw_ws_answered(
	struct str fields, const char *key, struct gw_ws_deflate *agreed, struct err *e);

/*
 * As a server: the first offer of permessage-deflate in the value that we understand, and our
 * answer to it. No such offer: agreed is off, answer stays as it is.
 */
void gw_ws_choose(struct str offers, struct gw_ws_deflate *agreed, struct buf *answer);

#endif
