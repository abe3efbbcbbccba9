#ifndef POLICY_UPSTREAM_H
#define POLICY_UPSTREAM_H

/*
 * Which provider addresses a policy may name: https://, or http:// to a loopback address
 * (127.0.0.0/8, [::1], localhost), since keys go there. No user, query or fragment.
 */

#include <stdbool.h>

#include "base/str.h"

/* NULL when the URL is fine, else what is wrong with it. */
const char *upstream_fault(struct str url);
/* Without a trailing slash, so that a path can be appended. */
struct str upstream_trimmed(struct str url);

struct upstream_at {
	bool tls;
	struct str host;      /* without the brackets of an IPv6 address */
	struct str authority; /* host and port as they stand there */
	int port;
	struct str path; /* with the query; empty when there is none */
};

/* Text is borrowed from the URL; false when it has another form. */
bool upstream_split(struct str url, struct upstream_at *at);
/* Whether its host is this machine: such a provider is reached without a proxy. */
bool upstream_is_loopback(struct str url);

#endif
