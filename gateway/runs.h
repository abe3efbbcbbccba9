#ifndef GATEWAY_RUNS_H
#define GATEWAY_RUNS_H

/*
 * The registered runs: who may speak to the gateway, under which policy.
 *
 * A run is bound to a process by a pidfd taken while that process waits for our answer; it
 * ends when the process ends, and its token with it. Each run has the policy that its launch
 * read, for as long as it lasts, and writes to the log that its launch names.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/quota.h"
#include "base/secret.h"
#include "gateway/budget.h"
#include "gateway/client.h"
#include "gateway/enforce.h"
#include "gateway/handshake.h"
#include "gateway/policies.h"
#include "gateway/record.h"
#include "gateway/witness.h"
#include "policy/policy.h"
#include "policy/record.h"

enum {
	GW_RUNS_MAX = 256,
	GW_RUN_CONNS_MAX = 2048, /* exchanges of one run at a time */
	GW_RUN_SOCKETS_MAX = 32, /* of them WebSockets, with up to GW_BODY_MAX each */
	GW_VERSION_MAX = 128,
	GW_PATH_MAX = 4096,
	GW_FLUSH_MS = 20
};

struct event;
struct event_base;
struct gw_conn;
LIST_HEAD(gw_conns, gw_conn);
LIST_HEAD(gw_telling, gw_conn);

struct gw_reg {
	LIST_ENTRY(gw_reg) link;
	struct gw_runs *all;
	char id[ID_HEX + 1];
	struct secret token;
	enum pol_agent agent;
	char *agent_version, *root;
	char *policy_path;  /* of the bundle; NULL: the built-in policy */
	char *upstream;     /* of a debugging run, in place of [proxy]'s; NULL: those */
	bool is_unrecorded; /* no other gateway can go on with it */
	bool is_debug;      /* any HTTP client may be its agent (debug.h) */
	pid_t pid;
	uint64_t start; /* gw_process_start() of it */
	int pidfd;
	struct event *ended;
	struct policy *policy;
	struct gw_policy_state policy_state;
	struct rec_log log;
	struct event *flush;
	void (*on_flushed)(struct gw_reg *r); /* or NULL */
	struct gw_telling
		telling; /* exchanges that go on when it is; conn_tell.c keeps it */
	struct gw_budget budget; /* account.c keeps it */
	int ledger;              /* ledger.h; -1: there is none */
	bool ledger_is_old;      /* it could not be saved */
	struct gw_conns conns;   /* its exchanges; conn.c keeps it */
	struct gw_seen seen;     /* answers that a request may stand on */
	struct gw_handshake handshake;
	struct gw_witnesses witnesses;
	struct {
		int64_t since_us;
		size_t told, untold;
	} unwitnessed; /* calls that were refused for it; serve.c keeps it */
	size_t nconns, nsockets;
	struct quota memory; /* its share: requests, answers, held calls */
};

struct gw_runs {
	struct event_base *base;
	LIST_HEAD(gw_regs, gw_reg) head;
	size_t n;
	struct quota memory; /* what all connections hold, of runs or not */
	struct gw_policies *policies;
	/* Called once for each run that ends by itself, before it is freed. */
	void (*on_ended)(struct gw_reg *r, void *to);
	/* A call of ours was let through; NULL: nobody else asks. */
	void (*on_call)(const struct gw_reg *r, const struct gw_call *c, void *to);
	/* The sums of a run have changed; the same. */
	void (*on_sums)(const struct gw_reg *r, void *to);
	/* A request has offered the right tools, for the first time; the same. */
	void (*on_offered)(const struct gw_reg *r, void *to);
	void *to;
};

void gw_runs_init(struct gw_runs *all, struct event_base *base,
	void (*on_ended)(struct gw_reg *r, void *to), void *to);
/* Frees what is left, without on_ended. */
void gw_runs_fini(struct gw_runs *all);

/* Checks every field, loads the policy, compares its digest. NULL: nothing was registered. */
struct gw_reg *gw_runs_add(
	struct gw_runs *all, const struct gw_register *want, pid_t pid, struct err *e);
/* The same for a run of a gateway that is gone: with its token, for the same process only. */
struct gw_reg *gw_runs_restore(struct gw_runs *all, const char *id,
	const struct gw_record *former, struct err *e);
/* Takes back a run whose registration could not be completed. */
void gw_runs_drop(struct gw_reg *r);
/* Compares with every token, each in constant time. */
struct gw_reg *gw_runs_find(struct gw_runs *all, struct str token);

struct gw_reg *gw_runs_named(struct gw_runs *all, const char *id);

bool gw_run_id_is_sound(const char *id);
struct rec_who gw_reg_who(const struct gw_reg *r);
/* Lines that wait in the run's log are written GW_FLUSH_MS later, if not before. */
void gw_reg_flush_soon(struct gw_reg *r);
/* ... or at the end of this turn of the loop. on_flushed is called behind that, each time. */
void gw_reg_flush_next(struct gw_reg *r, void (*on_flushed)(struct gw_reg *r));
/* The provider's base URL. */
const char *gw_reg_upstream(const struct gw_reg *r, enum pol_provider to);

#endif
