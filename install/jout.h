#ifndef INSTALL_JOUT_H
#define INSTALL_JOUT_H

/*
 * One JSON document for --json, written as it comes. Keys are ours; texts are any bytes (what
 * is not UTF-8 becomes U+FFFD).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { JOUT_MAX = 256 << 20 };

struct jout {
	struct buf b;
	bool comma;
};

#define JOUT_INIT                                                                        \
	{                                                                                \
		.b = BUF_INIT(JOUT_MAX), .comma = false                                  \
	}

void jout_fini(struct jout *j); /* for CLEANUP */
/* key NULL: an element of an array, or the document itself. */
void jout_open(struct jout *j, const char *key, char bracket);
void jout_close(struct jout *j, char bracket);
void jout_str(struct jout *j, const char *key, struct str s);
void jout_text(struct jout *j, const char *key, const char *z); /* NULL: null */
void jout_int(struct jout *j, const char *key, int64_t v);
void jout_bool(struct jout *j, const char *key, bool v);
/* A value that is JSON already. */
void jout_raw(struct jout *j, const char *key, struct str json);
/* Prints the line. */
int jout_print(struct jout *j, struct err *e);

#endif
