#ifndef SANDBOX_HOST_H
#define SANDBOX_HOST_H

/*
 * What this machine has: which bwrap, what it can do, which system directories exist.
 *
 * bwrap is taken from three fixed places, never from PATH, and only when it belongs to root
 * and nobody else may write it. A setuid one is refused: it cannot switch off user
 * namespaces inside.
 */

#include "base/err.h"
#include "sandbox/plan.h"

enum { HOST_VERSION_MAX = 32 };

struct host {
	const char *bwrap;
	char version[HOST_VERSION_MAX]; /* "0.8.0" */
	char *tops[PLAN_TOPS_MAX]; /* where /bin, /lib ... lead; NULL: no such thing */
	char *etc[PLAN_ETC_MAX];
	size_t netc;
	bool nix;
};

/* ERR_SANDBOX with the remedy when there is no bwrap that can be used. */
int host_probe(struct host *h, struct err *e);
void host_fini(struct host *h);

/* Why user namespaces may be refused here, and what to do; never NULL. */
const char *host_remedy(void);

#endif
