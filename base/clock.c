#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t
clock_mono_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_awake_us(struct clock_awake *c)
{
	const int64_t mono = clock_mono_us();
	const int64_t step = mono - c->seen;

	c->seen = mono;
	c->now += step < CLOCK_STEP_US ? step : CLOCK_STEP_US;
	return c->now;
}

void
clock_stamp(char out[CLOCK_STAMP_MAX])
{
	struct timespec t;
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	n = strftime(out, CLOCK_STAMP_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(
		out + n, CLOCK_STAMP_MAX - n, ".%03ldZ", t.tv_nsec / 1000000 % 1000);
}
