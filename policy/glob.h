#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

/*
 * Name patterns: `*` stands for any bytes, `?` for one, all else for itself. Matching takes
 * time linear in pattern times name and never backtracks further than the last star.
 */

#include <stdbool.h>

#include "base/str.h"

bool glob_match(struct str pattern, struct str name);
/*
 * The same for a name that was respelt on its way: each byte of the pattern that is not a
 * letter, digit or underscore then stands for an underscore too (codex does this to the names
 * of MCP servers and tools).
 */
bool glob_match_respelt(struct str pattern, struct str name);
/* The same where hyphens were kept: so claude joins them (2.1.329). */
bool glob_match_hyphens(struct str pattern, struct str name);
/*
 * The pattern `narrow` read as a text: its `*` is met by a `*` of `wide` alone, its `?` by a
 * `*` or `?`, and each other byte as any byte. What this says yes to is covered; what it says
 * no to may be covered all the same, and so where *left, the steps that it may take, is used up.
 */
bool glob_covers(struct str wide, struct str narrow, size_t *left);

#endif
