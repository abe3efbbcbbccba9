#ifndef GATEWAY_CANONICAL_H
#define GATEWAY_CANONICAL_H

/*
 * The arguments of a call as json_put writes them, compact and with sorted names, without a tree:
 * members are put in order, everything else is copied. Pure.
 */

#include "base/buf.h"
#include "base/str.h"

/*
 * False: it is not JSON, or something in it could be spelt in more than one way, or it is nested
 * deep; out may have a part of it, and json_put is to be asked.
 */
bool gw_canonical_put(struct str text, struct buf *out);

#endif
