#include "base/clock.h"

#include <string.h>
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
	static _Thread_local struct {
		time_t second;
		size_t n; /* 0: none was written yet */
		char text[CLOCK_STAMP_MAX];
	} last;
	struct timespec t;
	int ms;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (last.n == 0 || t.tv_sec != last.second) {
		struct tm tm;

		(void)gmtime_r(&t.tv_sec, &tm);
		last.n = strftime(
			last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		last.second = t.tv_sec;
	}
	memcpy(out, last.text, last.n + 1);
	ms = (int)(t.tv_nsec / 1000000 % 1000);
	for (size_t i = last.n - 2; ms > 0; i--, ms /= 10)
		out[i] = (char)('0' + ms % 10);
}
