#ifndef GATEWAY_RECORD_H
#define GATEWAY_RECORD_H

/*
 * What a gateway leaves behind about a run, so that the next one can take it over: the file
 * ~/.pando/run/<run>/gateway (0600), one "key value" a line.
 *
 *   http_proxy ..                 how the launch reached the network (gw_network_names);
 *                                 absent when it was not set
 *   port token agent agent_version root policy policy_sha256 log pid start
 *                                 exactly once each; policy is "-" for the built-in one,
 *                                 start is gw_process_start() of the pid
 *
 * The text is bounded, ends with a newline, and holds no control byte besides. A run whose
 * paths do not fit that has no record. The token makes the file as secret as the run.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "gateway/client.h"

enum { GW_RECORD_MAX = 65536, GW_NETWORK_NAMES = 11 };

#define GW_RECORD_NAME "gateway"

struct gw_record {
	int port;
	struct secret token;
	char *agent, *agent_version, *root;
	char *policy; /* NULL: built-in */
	char *policy_sha256, *log;
	pid_t pid;
	uint64_t start;
	char *network[GW_NETWORK_NAMES]; /* by gw_network_names; NULL: not set */
};

/* The environment variables that lead to the network, a list that ends with NULL. */
extern const char *const gw_network_names[GW_NETWORK_NAMES + 1];

/* -1: a value cannot be written in a line. */
int gw_record_format(const struct gw_record *r, struct buf *out, struct err *e);
/* Fills an empty record; what was taken before an error is freed by gw_record_fini. */
int gw_record_parse(struct str text, struct gw_record *r, struct err *e);
void gw_record_fini(struct gw_record *r); /* for CLEANUP */

#endif
