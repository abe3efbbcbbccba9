#ifndef KEEPER_CLIENT_H
#define KEEPER_CLIENT_H

/*
 * How the sandboxed workspace server speaks to pando-keeper, which runs outside: over one
 * SOCK_SEQPACKET descriptor, one request and one reply at a time. It can append to the
 * decision log, take snapshots, list, compare and read them. It cannot delete or change one.
 *
 * Messages are JSON objects of at most KEEPER_MSG_MAX bytes; bulk comes as a sealed memfd
 * along with the reply:
 *   {"op":"log","event":E,...}                     -> {"ok":true}
 *   {"op":"snapshot","why":T,"call":ID}            -> {"ok":true,"id":HEX40,"new":bool}
 *   {"op":"list","max":N}      -> {"ok":true} + memfd: JSON array of {id,time,why,call,files}
 *   {"op":"diff","id":HEX40}   -> {"ok":true} + memfd: JSON array of {path,status,kind,mode}:
 *        what must happen to make the worktree equal the snapshot
 *   {"op":"read","id":HEX40,"path":P} -> {"ok":true,"mode":N,"kind":"file|link"} + memfd
 *   any failure                       -> {"ok":false,"error":TEXT}
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/record.h"

enum {
	KEEPER_MSG_MAX = 65536,
	KEEPER_ID_HEX = 40,
	KEEPER_WHY_MAX = 512,
	KEEPER_CALL_MAX = 256,
	KEEPER_PATH_MAX = 4096,
	KEEPER_BULK_MAX = 64 << 20, /* of a list or diff */
};

/* Event, tool, verdict and so on; the keeper itself sets run, agent, root and layer. */
int keeper_log(int fd, const struct rec *r, struct err *e);
/* Takes one; is_new is false when nothing had changed since the last. */
int keeper_snapshot(int fd, const char *why, const char *call, char id[KEEPER_ID_HEX + 1],
	bool *is_new, struct err *e);
/* JSON array text appended to out, newest first, at most max entries. */
int keeper_list(int fd, int max, struct buf *out, struct err *e);
int keeper_diff(int fd, const char *id, struct buf *out, struct err *e);
/* The content as a sealed memfd, yours; for a link its target. */
int keeper_read(int fd, const char *id, const char *path, int *content, mode_t *mode,
	bool *is_link, struct err *e);

#endif
