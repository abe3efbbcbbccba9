#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

/*
 * Header fields as a block of "Name: value\n" lines, and which of them go on. Pure. What
 * gateway/h1.h hands out is read as it is: its lines end in CR LF, and the CR is no part of
 * a value.
 *
 * Fields of one hop (RFC 9110, 7.6.1), of the message's framing and of its compression are
 * ours to make; all others pass in their order, keys included. Keys are never looked at
 * beyond gw_head_is_login and never logged.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum { GW_HEAD_MAX = 256 << 10 }; /* all fields of one message, bytes */

/* Cuts the next line off; false at the end. */
bool gw_head_next(struct str *lines, struct str *name, struct str *value);
void gw_head_put(struct buf *lines, struct str name, struct str value);
/* The first field of the name, empty when there is none; and how many there are. */
struct str gw_head_get(struct str lines, const char *name);
size_t gw_head_count(struct str lines, const char *name);
/* All fields of the name, as the one list that they are (RFC 9110, 5.3): of the head, or in room. */
struct str gw_head_list(struct str lines, const char *name, struct buf *room);

/* A token (RFC 9110, 5.6.2) and a value without control bytes. */
bool gw_head_is_sound(struct str name, struct str value);
/* False for what belongs to one connection; nominated: gw_head_list of Connection. */
bool gw_head_goes_up(struct str name, struct str nominated);
bool gw_head_goes_down(struct str name, struct str nominated);
/* Those of an answer that go on; decoded: its coding has been taken off. */
void gw_head_put_down(struct str lines, bool decoded, struct buf *out);
/* "text/event-stream; charset=utf-8" is "text/event-stream". */
bool gw_head_is_media(struct str value, const char *type);
/* True for a Claude subscription's token: such a client may attest its body. */
bool gw_head_is_login(struct str lines);
/* Names in a comma-separated value, without regard to case. */
bool gw_head_lists(struct str value, struct str word);

#endif
