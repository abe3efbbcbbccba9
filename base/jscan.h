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
 * no duplicate member, no escape in a member's name, no name that is a field's but for its case
 * and none that makes serde_json put another value in the object's place; no unpaired surrogate and no U+0000 in a text that js_text decodes. A lone surrogate
 * elsewhere is valid and passes. tests/unit/gateway_readers.c argues each difference to others.
 *
 * Escapes in names: JSON.stringify and serde_json, by which the clients write, escape in a name
 * what RFC 8259, 7 demands only, so none of an API's own names ever has one. Decoding them
 * would make two spellings of one name, of which the next reader might know one. In objects
 * that nobody reads here (a schema's properties, a call's input without a rule on it) they pass.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
	JS_DEPTH_MAX = 128,   /* nested arrays and objects */
	JS_MEMBERS_MAX = 128, /* of an object that js_fields reads */
	JS_SPAN_MIN = 64,     /* what is shorter, in bytes, has no place in an index */
	JS_SPANS_MAX = 262144 /* of an index; what is more is passed over more slowly */
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
	const struct js_span *span; /* of a container, in an index; or NULL */
};

/* Where a long string or container of a text ends, so that a walk can pass over it at once. */
struct js_span {
	uint32_t start, n; /* place in the text, length */
	uint32_t skip;     /* as many spans on is the first one behind it */
};

struct js_index {
	struct js_span *v; /* in the order of their starts */
	uint32_t n, cap;
};

/* One value and white space around it, valid through and through. Error: ERR_DATA. */
int js_check(struct str text, struct js *root, struct err *e);
/*
 * The same, and fills the index (all zeros before), which must outlive the walks of root. It
 * pays for a text of some kilobytes that is walked more than once.
 */
int js_check_index(struct str text, struct js_index *ix, struct js *root, struct err *e);
void js_index_fini(struct js_index *ix); /* for CLEANUP too */

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
	const char *start; /* of the container, and its place in the text */
	uint32_t first;
	const struct js_span *span, *span_end; /* behind what has been handed out */
};

void js_open(struct js_iter *it, struct js container);
bool js_next(struct js_iter *it, struct js_item *item);

/*
 * Finds members by name: each field whose name is there gets its item, the others keep
 * val.type JS_NONE. Every member's name is looked at, so that duplicates are found.
 */
struct js_field {
	const char *name;
	size_t len;
	struct js_item m;
};
#define JS_FIELD(z)                                                                      \
	{                                                                                \
		.name = (z), .len = strlen(z)                                            \
	}

int js_fields(struct js object, struct js_field *f, size_t n, struct err *e);
/* js_check of a text that is one object, and js_fields of it, in one pass. */
int js_check_fields(
	struct str text, struct js_field *f, size_t n, struct js *root, struct err *e);

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
