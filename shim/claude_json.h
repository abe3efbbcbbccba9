#ifndef SHIM_CLAUDE_JSON_H
#define SHIM_CLAUDE_JSON_H

/* Building the JSON of a claude launch; out of memory aborts. */

#include <stdlib.h>

#include "base/json/json.h"

/* Takes the value over; NULL is text that is not UTF-8, which claude_files.c refuses first. */
static inline void
jset(json_t *object, const char *key, json_t *value)
{
	if (value == NULL || json_object_set_new(object, key, value) < 0)
		abort();
}

static inline json_t *
jtext(const char *z)
{
	return json_string(z);
}

/* Yours. */
static inline char *
jdump(const json_t *j)
{
	char *z = json_dumps(j, JSON_COMPACT);

	if (z == NULL)
		abort();
	return z;
}

#endif
