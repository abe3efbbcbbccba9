#ifndef POLICY_VET_H
#define POLICY_VET_H

/*
 * Rules and lists of one file against each other: what has no effect, and what the file's own
 * examples say. For vet*.c and cover.c; others call pol_file_vet().
 */

#include "policy/ruleset.h"

/*
 * Patterns longer than this are compared as equal or not: a file of long ones could be made
 * to take minutes.
 */
enum { COVER_MAX = 64 };

/*
 * So many bytes of patterns are compared for a whole file, in some tenth of a second; `left` is
 * what is left of it, and at 0 patterns are compared as equal or not. A project's file may be
 * hostile, and the gateway reads it for all runs.
 */
enum { COVER_STEPS = 20 * 1000 * 1000 };

/* For certain: each name that `narrow` matches is matched by `wide`. */
bool pol_glob_covers(const char *wide, const char *narrow, size_t *left);
/* For certain: what `then` matches is matched by `first`. */
bool pol_rule_covers(
	const struct pol_rule *first, const struct pol_rule *then, size_t *left);
/* For certain: `first`, which stands before `then`, leaves it nothing to decide. */
bool pol_rule_hides(
	const struct pol_rule *first, const struct pol_rule *then, size_t *left);

/* Before the file is indexed: more names than index.c can number. */
int pol_vet_names(const struct pol_file *f, struct err *e);
/* match and not_match. */
int pol_vet_examples(struct pol_file *f, struct err *e);

#endif
