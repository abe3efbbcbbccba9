#ifndef MCP_SCHEMA_H
#define MCP_SCHEMA_H

/*
 * Checks a tool's arguments against its JSON Schema: the small part of the language that
 * our tools use, and nothing is let through that it does not understand.
 *
 * Known: type (object, string, integer, boolean, array), properties, required,
 * additionalProperties: false, enum of strings, minimum, maximum, minLength, maxLength (in
 * bytes), items, minItems, maxItems; description and default say nothing to it.
 */

#include "base/err.h"
#include "base/json/json.h"

/* The text names the argument, what it must be, and which arguments there are. */
int schema_check(const json_t *schema, json_t *args, struct err *e);

#endif
