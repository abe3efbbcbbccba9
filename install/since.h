#ifndef INSTALL_SINCE_H
#define INSTALL_SINCE_H

/*
 * Times that a person writes for --since, and those of the decision log; all answers are
 * milliseconds since 1970, UTC. Pure, but for the time zone of the person (TZ).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define SINCE_WORDS "30s, 15m, 1h, 2d, 1w, 2026-11-21 or 2026-11-21T09:30:00Z"

/*
 * "1h" before now; a date: its first moment in the person's time zone; a date with a time,
 * 2026-11-21T10:00, in that zone too; RFC 3339 with Z or an offset. ERR_USAGE for what is none of these.
 */
int since_parse(struct str text, int64_t now_ms, int64_t *at_ms, struct err *e);
/* RFC 3339, as `ts` in the log; false: it is not. */
bool since_stamp(struct str text, int64_t *at_ms);
int64_t since_now(void);

#endif
