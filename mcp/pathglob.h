#ifndef MCP_PATHGLOB_H
#define MCP_PATHGLOB_H

/*
 * Patterns for paths, as people write them for other tools: `*` and `?` stay within one
 * part, `**` crosses parts ("src/" "**" "/x.c" also matches src/x.c), [a-z] and [!a-z],
 * {one,two}. A pattern without '/' is matched with the last part of the path only.
 *
 * All positions are followed at once, so time is bounded by pattern times path.
 */

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum { PATHGLOB_MAX = 256, PATHGLOB_CHOICES_MAX = 64 };

/* Refuses a pattern that is too long, has an open [ or {, or too many choices. */
int pathglob_check(struct str pattern, struct err *e);
/* A pattern that pathglob_check refuses matches nothing. */
bool pathglob_match(struct str pattern, struct str path);

#endif
