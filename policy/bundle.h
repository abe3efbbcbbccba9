#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

/*
 * A bundle as text: what a run's policy was made of. Pure.
 *
 *   pando-policy 1
 *   root <bytes>                   or "root -": not known
 *   <root>
 *   managed <bytes> <bytes>        path and text; then "user", "project"; each may be absent
 *   <path>
 *   <text>
 *   end
 *
 * A number has no leading zero and each line ends with a newline, so that there is one bundle
 * of a policy, and one digest.
 */

#include "base/err.h"
#include "base/str.h"
#include "policy/policy.h"

struct bundle {
	char *root; /* NULL: not known */
	char *path[POL_LAYERS];
	struct pol_text
		text[POL_LAYERS]; /* borrows path, and its text from what was read */
	size_t n;
};

/* Fills an empty one; what was taken before an error is freed by bundle_fini. */
int bundle_read(struct bundle *b, struct str from, struct err *e);
void bundle_fini(struct bundle *b); /* for CLEANUP */

#endif
