/* What a line of the decision log costs: to a writer that has it open, and with opening it. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/path.h"
#include "base/place.h"
#include "policy/record.h"

enum { LINES = 20000, OPENED = 2000 };

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print(const char *what, double *us, size_t n)
{
	qsort(us, n, sizeof *us, by_size);
	printf("decision log, %s, %zu lines: median %.1f us, 99 of 100 below %.1f us\n",
		what, n, us[n / 2], us[n * 99 / 100]);
}

static struct rec
line(void)
{
	struct rec r = REC_INIT;

	r.event = "gateway_call_replaced";
	r.layer = "gateway";
	r.direction = "response";
	r.api = "messages";
	r.tool = STR("Bash");
	r.call_id = STR("toolu_0123456789");
	r.args = STR("{\"command\":\"git push origin main\"}");
	r.verdict = "deny";
	r.rule = "native_tools.default";
	r.file = "built-in";
	r.mode = "enforce";
	return r;
}

static int
measure(const char *path, struct err *e)
{
	const struct rec_who who = { "0123456789abcdef", "claude", "2.1.329", "/work/p" };
	CLEANUP(rec_close) struct rec_log log = REC_LOG_INIT;
	static double us[LINES];
	const struct rec r = line();

	if (rec_open(&log, path, NULL, e) < 0)
		return -1;
	for (int i = 0; i < LINES; i++) {
		const double began = now_us();

		if (rec_write(&log, &who, &r, e) < 0)
			return -1;
		us[i] = now_us() - began;
	}
	print("open", us, LINES);
	for (int i = 0; i < OPENED; i++) {
		const double began = now_us();

		rec_close(&log);
		if (rec_open(&log, path, NULL, e) < 0 || rec_write(&log, &who, &r, e) < 0)
			return -1;
		us[i] = now_us() - began;
	}
	print("opened for each line", us, OPENED);
	return 0;
}

int
main(void)
{
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *path = place_decision_log(&e);

	if (path != NULL && measure(path, &e) == 0)
		return 0;
	(void)fprintf(stderr, "%s\n", e.text);
	return 1;
}
