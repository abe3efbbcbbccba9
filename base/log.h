#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Lines for the person on standard error: "pando-shim: <text>\n", one write a line.
 * Decisions go to the decision log (policy/record.h), not here.
 */

#include "base/err.h"
#include "base/str.h"

void log_name(const char *program); /* borrowed; call it first in main */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Shown when PANDO_DEBUG is set. */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints the error; answers the exit status for it. */
int log_fail(const struct err *e);

enum { LOG_QUOTED_MAX = 256 };
/*
 * Foreign text made harmless for a terminal and a line: control bytes, quotes and what is
 * not UTF-8 are escaped, long text is cut. Answers out.
 */
const char *log_quoted(struct str foreign, char out[LOG_QUOTED_MAX]);

#endif
