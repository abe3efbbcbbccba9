#ifndef SANDBOX_AUDIT_H
#define SANDBOX_AUDIT_H

/*
 * The lines of this program in the decision log: sandbox_started, sandbox_refused (77, 64 and
 * the like), sandbox_unavailable (75), sandbox_untidy.
 */

#include "base/err.h"
#include "base/str.h"

/* ERR_SPACE when it cannot be written: then nothing starts. */
int audit_started(const char *root, struct str layers, struct err *e);
/* Tells what went wrong; it is printed anyway, so a log that fails too changes nothing. */
void audit_failed(const char *event, const char *root, const struct err *why);
/* The event for an error before the start. */
const char *audit_event(const struct err *why);

#endif
