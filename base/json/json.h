#ifndef BASE_JSON_JSON_H
#define BASE_JSON_JSON_H

/* jansson for the control plane (never for the wire between agent and provider). */

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

void json_freep(json_t **j); /* for CLEANUP */
/* One value and nothing behind it; duplicate keys are an error. New reference. */
json_t *json_parse(struct str text, struct err *e);
/* Member of an object, NULL when it is absent or not of the type. Borrowed. */
const char *json_text_of(const json_t *obj, const char *key);
const json_t *json_object_of(const json_t *obj, const char *key);
const json_t *json_array_of(const json_t *obj, const char *key);
/*
 * Compact text with the members in the order of their keys, appended: the same value gives
 * the same text whoever wrote it. The decision log names arguments by the hash of this.
 */
void json_put(struct buf *b, const json_t *j);

#endif
