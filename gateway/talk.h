#ifndef GATEWAY_TALK_H
#define GATEWAY_TALK_H

/* A line to the gateway and the line that it answers; only for the client's files. */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json/json.h"

/* Milliseconds until the moment, at least 0. */
int gw_left_ms(int64_t until_us);

/*
 * 1: a whole line without its newline is in reply. 0: the gateway ended before that, or while
 * we spoke to it.
 */
int gw_talk(int fd, struct str line, struct buf *reply, struct err *e);
/* The same over a connection of its own; 0 also: there is none. */
int gw_talk_once(struct str line, struct buf *reply, struct err *e);
/* A reply that says ok; NULL: e has what it says instead. */
json_t *gw_reply_parse(const struct buf *reply, struct err *e);
/* ,"name":value */
void gw_put_member(struct buf *b, const char *name, const char *value);

#endif
