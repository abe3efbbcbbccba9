#ifndef KEEPER_SERVE_H
#define KEEPER_SERVE_H

/*
 * The keeper's side of keeper/client.h: one message, one operation of a table, one reply.
 * The peer is hostile until shown otherwise. A message that is not understood in full - not
 * JSON, an unknown operation or member, a wrong type or length - is refused with a reason and
 * changes nothing; the keeper goes on with the next.
 */

#include "base/buf.h"
#include "base/err.h"
#include "keeper/store.h"
#include "policy/policy.h"
#include "policy/record.h"

enum {
	SERVE_SKIPPED_BYTES = KEEPER_MSG_MAX / 2, /* of the list in a reply */
	SERVE_NAME_MAX = 256,
	/* The log rotates by size: without a limit a peer could push all else out of it. */
	SERVE_LOG_BYTES = 16 << 20,
};

struct keeper {
	int root;
	char *path, *log; /* of the root, of the decision log */
	struct policy *policy;
	struct store store;
	size_t logged; /* bytes */
};

/* root must be an absolute path of a directory that no link leads to, and not "/". */
int keeper_open(struct keeper *k, const char *root, struct err *e);
void keeper_close(struct keeper *k); /* for CLEANUP too */

/* One message. *memfd is -1 or the bulk of the reply, sealed, the caller's. */
void serve_message(struct keeper *k, struct str msg, struct buf *reply, int *memfd);

/* Until the peer closes. */
int serve_run(struct keeper *k, int sock, struct err *e);

#endif
