#ifndef BASE_CAPTURE_H
#define BASE_CAPTURE_H

/* Runs a child for what it prints. */

#include "base/buf.h"
#include "base/child.h"

/*
 * Its standard output is appended, until its end, to a buffer that may have CAPTURE_STEP more
 * than it prints; descriptor 1 of the spec is not looked at.
 * Answers the exit status as child_wait(). One that prints more than the buffer takes, or is
 * not done after ms, is killed, and that is an error.
 */
enum { CAPTURE_STEP = 65536 };
int capture(const struct child_spec *spec, int ms, struct buf *out, struct err *e);

#endif
