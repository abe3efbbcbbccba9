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
 *        E: mcp_started mcp_call_allowed mcp_call_audited mcp_call_asked mcp_call_denied
 *           mcp_call_failed mcp_witness_refused mcp_witness_audited
 *        may have: server tool call_id args_sha256 verdict rule file line mode elapsed_us note,
 *        and args, an object of at most REC_ARGS_MAX bytes: hashed by the keeper, and kept
 *        when the policy says so
 *   {"op":"snapshot","why":T,"call":ID}            -> {"ok":true,"id":HEX40,"new":bool,
 *        "skipped":[{path,reason}...],"skipped_total":N}
 *   {"op":"list","max":N}      -> {"ok":true} + memfd: JSON array of {id,time,why,call,files}
 *   {"op":"diff","id":HEX40}   -> {"ok":true} + memfd: JSON array of {path,status,kind,mode}:
 *        what must happen to make the worktree equal the snapshot, in that order; statuses
 *        are write delete mode mkdir rmdir, kinds file link dir (keeper/diff.h)
 *        No mode to restore, here and in "read", makes a file setuid or setgid.
 *   {"op":"read","id":HEX40,"path":P} -> {"ok":true,"mode":N,"kind":"file|link"} + memfd
 *   any failure                       -> {"ok":false,"error":TEXT}
 *
 * Paths are relative to the root. One that is not UTF-8, which JSON cannot carry, stands as
 * "path_hex":<its bytes in hexadecimal> in the place of "path", in replies and requests.
 *
 * "skipped" is what the worktree has and no snapshot holds: FIFOs, sockets, devices, files
 * above KEEPER_FILE_MAX or not readable, nested repositories' .git. The list is cut to fit.
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
	KEEPER_BULK_MAX = 64 << 20,  /* of a list or diff */
	KEEPER_FILE_MAX = 256 << 20, /* of a file in a snapshot */
	KEEPER_REPLY_MS = 120000,    /* a first snapshot reads the whole project */
};

/*
 * A keeper that does not answer in KEEPER_REPLY_MS counts as gone: the socket is shut down,
 * since a late reply would be taken for the next one's, and all later calls fail.
 */

/* Event, tool, verdict and so on; the keeper itself sets run, agent, root and layer. */
int keeper_log(int fd, const struct rec *r, struct err *e);
/*
 * Takes one; is_new is false when nothing had changed since the last. why and call, which may be
 * NULL, are cut to their ceilings.
 */
int keeper_snapshot(int fd, const char *why, const char *call, char id[KEEPER_ID_HEX + 1],
	bool *is_new, struct err *e);
/* JSON array text appended to out, newest first, at most max entries. */
int keeper_list(int fd, int max, struct buf *out, struct err *e);
int keeper_diff(int fd, const char *id, struct buf *out, struct err *e);

struct keeper_file {
	int content; /* a sealed memfd; of a link its target */
	mode_t mode;
	bool is_link;
};

#define KEEPER_FILE_INIT                                                                 \
	{                                                                                \
		.content = -1                                                            \
	}

void keeper_file_fini(struct keeper_file *f); /* for CLEANUP too */
int keeper_read(
	int fd, const char *id, const char *path, struct keeper_file *f, struct err *e);

#endif
