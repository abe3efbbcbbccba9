#ifndef SANDBOX_FDS_H
#define SANDBOX_FDS_H

/* Which descriptors go on to the next program: 0, 1, 2 and those named; nothing else. */

#include "base/err.h"

/*
 * Makes every other descriptor close-on-exec, and opens /dev/null where 0, 1 or 2 is closed.
 * A directory is refused in any of them: ".." of it would lead out of the sandbox.
 */
int fds_keep_only(const int *keep, size_t n, struct err *e);

/* A memory file that holds the text, at its start; close-on-exec. */
int fds_of_text(const char *name, const char *text, struct err *e);

#endif
