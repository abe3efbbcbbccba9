#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

/*
 * Resource limits of what runs inside (setrlimit(2)), soft and hard alike.
 *
 * They are set inside: there RLIMIT_NPROC counts the processes of the sandbox's own user
 * namespace (Linux 5.14 on), outside it would count all of the person's. The kernel does
 * not apply it to uid 0. There is none of address space or data: both break sanitizers, Go
 * and node. A lower hard limit that is already there stays.
 */

#include "base/buf.h"
#include "base/err.h"

int limits_apply(struct err *e);
/* "nproc 512 nofile 8192 ...", for the decision log. */
void limits_put(struct buf *b);

#endif
