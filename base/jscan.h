#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

/*
 * Strict JSON (RFC 8259) as ranges of the original bytes: no tree, nothing copied.
 *
 * js_check() validates a whole text once. What it answered may then be walked with
 * js_open/js_next and read with js_fields; these trust that it was checked. Every range
 * points into the text, which the caller keeps.
 *
 * More strict than the RFC where two readers could differ: in an object that js_fields reads
 * no duplicate member, no escape in a member's name and no name that is a field's but for its
 * case; no unpaired surrogate and no U+0000 in a text that js_text decodes. A lone surrogate elsewhere is valid and passes.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
	JS_DEPTH_MAX = 128,   /* nested arrays and objects */
	JS_MEMBERS_MAX = 128, /* of an object that js_fields reads */
};

enum js_type {
	JS_NONE,
	JS_NULL,
	JS_BOOL,
	JS_NUMBER,
	JS_STRING,
	JS_ARRAY,
	JS_OBJECT,
	JS_TYPES
};

/* A value. raw is its whole text: a string with its quotes, a container with its brackets. */
struct js {
	enum js_type type; /* JS_NONE: there is none */
	struct str raw;
};

/* One value and white space around it, valid through and through. Error: ERR_DATA. */
int js_check(struct str text, struct js *root, struct err *e);

/* A member of an object, or an element of an array (its key is then empty). */
struct js_item {
	struct str key; /* without its quotes, escapes as they stand */
	struct js val;
	const char *start, *end; /* the whole item: key to value */
	const char *prev_end;    /* of the item before; NULL: this is the first */
	const char *next;        /* start of the item behind; NULL: this is the last */
};

struct js_iter {
	const char *next, *prev_end, *end;
	bool members;
};

void js_open(struct js_iter *it, struct js container);
bool js_next(struct js_iter *it, struct js_item *item);

/*
 * Finds members by name: each field whose name is there gets its item, the others keep
 * val.type JS_NONE. Every member's name is looked at, so that duplicates are found.
 */
struct js_field {
	const char *name;
	struct js_item m;
};
#define JS_FIELD(z)                                                                      \
	{                                                                                \
		.name = (z)                                                              \
	}

int js_fields(struct js object, struct js_field *f, size_t n, struct err *e);

/*
 * A string's characters: a view into the text when it has no escapes, else decoded into
 * scratch. Error when v is no string, or longer than max bytes.
 */
int js_text(struct js v, char *scratch, size_t max, struct str *out, struct err *e);
/* A string's inside without its quotes, escapes as they stand. Empty when v is no string. */
struct str js_inside(struct js v);
/* Decodes the inside of a string. */
int js_decode(struct str inside, struct buf *out, struct err *e);

#endif
