#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

/*
 * The system call filter, as a memory file with BPF that bwrap loads (--seccomp).
 *
 * All is allowed but what no build needs: namespaces and mounts, kernel modules, keyrings,
 * bpf, perf, userfaultfd, io_uring, handles, terminal injection, socket families other than
 * UNIX, INET, INET6 and NETLINK_ROUTE, a changed personality. They answer EPERM; calls for
 * which programs have a fallback answer ENOSYS, so that they take it. A call of another
 * architecture (i386, x32) kills the process. ptrace stays: it reaches only what runs in
 * the same sandbox, and debuggers and leak checkers need it.
 */

#include "base/err.h"

/* The memory file at its start, close-on-exec. *count: instructions. */
int seccomp_filter_new(size_t *count, struct err *e);

#endif
