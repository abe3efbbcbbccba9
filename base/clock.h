#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_STAMP_MAX = 32 };

int64_t clock_mono_us(void);
/* RFC 3339, UTC, milliseconds: 2026-11-21T13:53:56.123Z */
void clock_stamp(char out[CLOCK_STAMP_MAX]);

#endif
