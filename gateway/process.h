#ifndef GATEWAY_PROCESS_H
#define GATEWAY_PROCESS_H

/*
 * Which process a number means: numbers are used again, the start time (field 22 of
 * /proc/<pid>/stat, in ticks since boot, proc_pid_stat(5)) tells two apart.
 */

#include <stdint.h>
#include <sys/types.h>

/* 0: there is no such process. */
uint64_t gw_process_start(pid_t pid);

#endif
