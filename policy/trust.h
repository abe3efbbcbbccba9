#ifndef POLICY_TRUST_H
#define POLICY_TRUST_H

/*
 * Who may have written a policy file.
 *
 * The managed one speaks for the owner of the machine, so it, and every folder above it, must
 * be root's and closed to everybody else: who can write a folder can put another file there.
 * The person's must be the person's. Decided on what fstat(2) said of the descriptor that is
 * then read or gone on from, never of a name. Inside a user namespace root is its uid 0.
 */

#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum trust_part { TRUST_FOLDER, TRUST_FILE };

/* Pure. path is named in the error, with what to do. */
int trust_managed(
	const struct stat *st, const char *path, enum trust_part part, struct err *e);
int trust_user(const struct stat *st, const char *path, uid_t person, struct err *e);

/*
 * Reads an absolute path from "/" on, following no link, each part looked at by
 * trust_managed(). 1: it is in text; 0: there is no such file; -1: there is something that
 * may not be trusted or cannot be looked at.
 */
int trust_read_managed(const char *path, struct buf *text, struct err *e);
/* The same contract, for the person's file. */
int trust_read_user(const char *path, uid_t person, struct buf *text, struct err *e);

#endif
