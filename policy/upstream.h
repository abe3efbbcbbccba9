#ifndef POLICY_UPSTREAM_H
#define POLICY_UPSTREAM_H

/*
 * Which provider addresses a policy may name: https://, or http:// to a loopback address
 * (127.0.0.0/8, [::1], localhost), since keys go there. No user, query or fragment.
 */

#include "base/str.h"

/* NULL when the URL is fine, else what is wrong with it. */
const char *upstream_fault(struct str url);
/* Without a trailing slash, so that a path can be appended. */
struct str upstream_trimmed(struct str url);
/* True for http:// to a loopback address. */
int upstream_is_loopback(struct str url);

#endif
