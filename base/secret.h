#ifndef BASE_SECRET_H
#define BASE_SECRET_H

/* 256 random bits in hexadecimal. A type of its own, so that no formatter takes it. */

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum { SECRET_HEX = 64, ID_HEX = 16 };

struct secret {
	char hex[SECRET_HEX + 1];
};

int secret_new(struct secret *s, struct err *e);
bool secret_is(const struct secret *s, struct str given); /* in constant time */

/* A public id: 64 random bits in hexadecimal, NUL-terminated. */
int id_new(char out[ID_HEX + 1], struct err *e);

#endif
