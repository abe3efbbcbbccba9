#ifndef KEEPER_HASH_H
#define KEEPER_HASH_H

/*
 * The id that git gives a blob, SHA-1 of "blob <size>\0<bytes>", without storing it and
 * without holding the bytes. A walk that only compares uses this as its sink.
 */

#include "base/err.h"
#include "keeper/walk.h"

enum { HASH_STEP = 65536 };

/* size bytes from fd's position; 1 when there were fewer. */
int hash_file(
	void *unused, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e);
int hash_bytes(
	void *unused, struct str bytes, unsigned char oid[TREE_OID], struct err *e);

extern const struct walk_sink hash_sink;

void hash_hex(const unsigned char oid[TREE_OID], char hex[KEEPER_ID_HEX + 1]);

#endif
