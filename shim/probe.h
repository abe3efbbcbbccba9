#ifndef SHIM_PROBE_H
#define SHIM_PROBE_H

/* Starts the real agent once to ask it about itself, away from the person's files. */

#include "base/buf.h"
#include "base/err.h"

enum {
	PROBE_MS = 60000, /* a first start on a slow disk */
	PROBE_AGAIN =
		113 /* status of a shim that a probe started: what was asked is no agent */
};

/* A probe's home begins so, and is gone or nobody's when it is so old. */
#define PROBE_FOLDER "probe-"
enum { PROBE_OLD_S = 10 * 60 };

/* In the environment of a probe. */
#define PROBE_MARK "PANDO_PROBE"

/*
 * `file words...` with a home of its own below the folder, removed afterwards, and nothing of
 * our environment but PATH. Its standard output is appended. Another status than 0, and an
 * answer that takes longer than PROBE_MS, are errors.
 */
int probe_run(const char *folder, const char *file, const char *const *words,
	struct buf *out, struct err *e);

#endif
