#ifndef MCP_INSIDE_H
#define MCP_INSIDE_H

/*
 * Are we really in the sandbox? The server asks the kernel, not its arguments: no network
 * but loopback, no capability, no_new_privs, a root that is a read-only tmpfs of our own,
 * the program at the place where pando-sandbox puts it.
 */

#include "base/err.h"
#include "base/str.h"

#define INSIDE_PROGRAM "/run/pando/program"

/* 0 when all of it holds; else e names what does not. */
int inside_verify(struct err *e);

/* The pure parts: texts of /proc/self/net/dev and /proc/self/status. */
int inside_check_interfaces(struct str dev, struct err *e);
int inside_check_status(struct str status, struct err *e);

#endif
