#ifndef POLICY_CALL_HASH_H
#define POLICY_CALL_HASH_H

/*
 * What the arguments of a call are, in 64 digits: SHA-256 of their canonical form (base/jcs.h),
 * so that it is the same on the wire and where the call arrives, whichever way the client has
 * written them down again. Absent ones are {}. Pure.
 */

#include "base/err.h"
#include "policy/chain.h"

/* -1: they have no canonical form. */
int call_hash(struct str args, char out[REC_SHA_HEX + 1], struct err *e);
/*
 * The same of what claude makes of them: a text's \\uXXXX becomes the character before the call
 * is made (2.1.329, but for control characters). 1: that differs; 0: it does not; -1 as above.
 */
int call_hash_mended(struct str args, char out[REC_SHA_HEX + 1], struct err *e);

#endif
