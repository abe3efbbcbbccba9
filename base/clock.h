#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_STAMP_MAX = 32 };

enum { CLOCK_STEP_US = 5000000 };

/*
 * The time for limits on others: of a longer step than CLOCK_STEP_US only so much counts, since
 * then it was we who stood still (a stopped process, a paused machine), and what they have said
 * meanwhile is still to be read. Who waits must look more often than that. Begins as zero.
 */
struct clock_awake {
	int64_t seen, now;
};

int64_t clock_mono_us(void);
int64_t clock_awake_us(struct clock_awake *c);
/* RFC 3339, UTC, milliseconds: 2026-11-21T13:53:56.123Z */
void clock_stamp(char out[CLOCK_STAMP_MAX]);

#endif
