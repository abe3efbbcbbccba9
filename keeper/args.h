#ifndef KEEPER_ARGS_H
#define KEEPER_ARGS_H

/*
 * The members of a message. Read every one, then ask once: a wrong one makes args_end() fail
 * and all that was read is to be thrown away. A member that nobody asked for is wrong too.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json/json.h"

struct args {
	const json_t *msg;
	size_t seen;     /* members that were asked for and are there */
	const char *bad; /* the first wrong one */
	const char *want;
};

struct args args_begin(const json_t *msg);
/* At most max bytes; empty when absent. Borrowed from the message. */
const char *args_text(struct args *a, const char *key, size_t max);
/* As args_text, but it must be there and not be empty. */
const char *args_need_text(struct args *a, const char *key, size_t max);
/* One of the names, or NULL when absent; names ends with NULL. */
const char *args_one_of(struct args *a, const char *key, const char *const *names);
/* Exactly digits of lower-case hexadecimal; NULL when absent. */
const char *args_hex(struct args *a, const char *key, size_t digits);
int64_t args_int(
	struct args *a, const char *key, int64_t min, int64_t max, int64_t absent);
/* "path" as text or "path_hex": names below the root, none of them "." or "..". */
void args_path(struct args *a, size_t max, struct buf *path);
/* Any object. Borrowed from the message. */
const json_t *args_object(struct args *a, const char *key);
int args_end(const struct args *a, struct err *e);

#endif
