#ifndef BASE_JCS_H
#define BASE_JCS_H

/*
 * The canonical form of JSON (RFC 8785, JCS): the same value gives the same bytes, whoever
 * wrote it down. What two programs must agree on is hashed over this. Pure.
 *
 *   members   in the order of their names as UTF-16 code units (3.2.3)
 *   strings   decoded, then written with as few escapes as there must be (3.2.2.2)
 *   numbers   IEEE 754 doubles as ECMAScript's Number::toString writes them (3.2.2.3)
 *
 * Strict: what two readers could take differently has no canonical form: a name that occurs
 * twice, half a surrogate pair, a number beyond the doubles. Neither has U+0000, which JSON
 * readers in C do not carry.
 */

#include "base/buf.h"
#include "base/err.h"

enum {
	JCS_TEXT_MAX = 32 << 20,    /* of the text that is read, bytes */
	JCS_MEMBERS_MAX = 1 << 16,  /* of one object */
	JCS_NUMBER_MAX = 48,        /* of a number as it is written, with its NUL */
	JCS_NUMBER_TEXT_MAX = 4096, /* of a number as it is read */
};

/* Appends the canonical form of one JSON text. Error: ERR_DATA; out is then spoilt. */
int jcs_put(struct str text, struct buf *out, struct err *e);
/* A finite double. */
void jcs_number(double x, char out[JCS_NUMBER_MAX]);

#endif
