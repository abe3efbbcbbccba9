#ifndef GATEWAY_PROCESS_H
#define GATEWAY_PROCESS_H

/*
 * Which process a number means: numbers are used again, the start time (field 22 of
 * /proc/<pid>/stat, in ticks since boot, proc_pid_stat(5)) tells two apart. And who may look
 * into ours.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* 0: there is no such process. */
uint64_t gw_process_start(pid_t pid);
/* How long ago such a start was, in seconds. */
int64_t gw_process_age(uint64_t start);
/* True when it is that process or was started by it, by one that it started, and so on. */
bool gw_process_is_below(pid_t pid, pid_t above);
/*
 * Keys pass through this process: from here on it leaves no core, and its memory cannot be
 * read by another process of the person (PR_SET_DUMPABLE: ptrace(2), /proc/<pid>/mem).
 */
int gw_process_close(struct err *e);

#endif
