#ifndef INSTALL_HISTORY_H
#define INSTALL_HISTORY_H

/*
 * The calls that the decision log tells of. The same call is in it by up to three layers (the
 * wire, the hook, our server): it is one call here, with the strictest of the verdicts, and
 * with its arguments when any line kept them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "policy/policy.h"

enum { HISTORY_CALLS_MAX = 1 << 20 };

struct past_call {
	char *run, *call_id, *root; /* empty: not logged */
	char *server, *tool;
	char *joined; /* the name on the wire when these could not be told apart, NULL */
	char *args;   /* JSON, NULL: not kept */
	char *args_sha256; /* empty: the call had none */
	char *rule, *at;
	enum pol_agent agent;
	enum pol_verdict verdict;
	enum pol_caller caller; /* POL_CALLER_UNKNOWN: no line said it */
	char *subagent;         /* empty: not logged */
};

struct history {
	struct past_call *call;
	size_t n, cap;
	uint32_t *slot; /* hash of the calls that have an id: index + 1, 0: free */
	size_t nslots;  /* a power of two */
	size_t lines;   /* that were looked at */
	size_t unread;  /* that are no lines of a decision log */
};

struct history_filter {
	const char *run;  /* of runs whose ids begin so, NULL: of all */
	int64_t since_ms; /* not before */
};

void history_fini(struct history *h); /* for CLEANUP */
/* One line; what is no call of a tool is passed over. */
int history_add(struct history *h, struct str line, const struct history_filter *f,
	struct err *e);
/* The log and its rotated files. NULL: the usual one. */
int history_load(struct history *h, const char *path, const struct history_filter *f,
	struct err *e);

/*
 * The call as a question to this policy, which may know a server that was not known when the
 * call was logged; NULL: as it was logged. Borrowed from the call.
 */
struct pol_use history_use(const struct policy *p, const struct past_call *c);

#endif
