#ifndef MCP_AUDIT_H
#define MCP_AUDIT_H

/*
 * Where this server's lines of the decision log go: the core appends them itself, inside of
 * the sandbox the keeper does, since the file is out of reach there.
 */

#include "base/err.h"
#include "policy/record.h"

struct audit {
	int keeper;         /* negative: log is open */
	struct rec_log log; /* its fd is negative with a keeper */
	struct rec_who who;
};

#define AUDIT_INIT                                                                       \
	{                                                                                \
		.keeper = -1, .log = REC_LOG_INIT                                        \
	}

/* keeper negative: opens the decision log. */
int audit_open(struct audit *a, int keeper, const struct pol_log *limits, struct err *e);
void audit_close(struct audit *a); /* for CLEANUP */
/* A line that cannot be written is a reason not to do what it tells of. */
int audit_write(struct audit *a, const struct rec *r, struct err *e);

#endif
