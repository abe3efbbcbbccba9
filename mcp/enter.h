#ifndef MCP_ENTER_H
#define MCP_ENTER_H

/*
 * Into the sandbox: pando-sandbox is asked whether it can, pando-keeper is started outside
 * with one end of a socket pair, and this process becomes pando-sandbox, which starts the
 * server again inside. There is no other way to a mutating tool.
 */

#include "base/err.h"

/* Descriptor of the keeper's socket, in the sandbox and in the keeper. */
enum { ENTER_KEEPER_FD = 3, ENTER_CHECK_TEXT_MAX = 4096 };

/* Does not come back when all is well; -1 with the reason otherwise. */
int enter_sandbox(const char *root, struct err *e);

#endif
