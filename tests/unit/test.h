#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

/*
 * Checks that print both sides. A test program is a main() that calls functions named after
 * the behaviour and returns test_done(). Output is TAP-like, one line a check:
 *
 *   ok - <what>
 *   not ok - <file>:<line>: <what>: have <x>, want <y>
 *   skip - <what> # <reason>
 *
 * Equal passing lines are counted, not repeated: test_done() prints "N passed, N failed".
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

static int test_passed, test_failed, test_skipped;

static inline bool
test_note(bool good, const char *file, int line, const char *what)
{
	if (good) {
		test_passed++;
		return true;
	}
	test_failed++;
	printf("not ok - %s:%d: %s", file, line, what);
	return false;
}

static inline void
test_int(int64_t have, int64_t want, const char *what, const char *file, int line)
{
	if (!test_note(have == want, file, line, what))
		printf(": have %" PRId64 ", want %" PRId64 "\n", have, want);
}

static inline void
test_text(struct str have, struct str want, const char *what, const char *file, int line)
{
	char a[LOG_QUOTED_MAX];
	char b[LOG_QUOTED_MAX];

	if (!test_note(str_eq(have, want), file, line, what))
		printf(": have \"%s\" (%zu), want \"%s\" (%zu)\n", log_quoted(have, a),
			have.n, log_quoted(want, b), want.n);
}

#define ok(cond, what)                                                                   \
	((void)(test_note((cond), __FILE__, __LINE__, (what)) ||                         \
		printf(": want %s\n", #cond)))
#define ok_int(have, want, what)                                                         \
	test_int((int64_t)(have), (int64_t)(want), (what), __FILE__, __LINE__)
#define ok_str(have, want, what)                                                         \
	test_text(str_of(have), str_of(want), (what), __FILE__, __LINE__)
#define ok_bytes(have, want, what) test_text((have), (want), (what), __FILE__, __LINE__)

static inline void
test_skip(const char *what, const char *why)
{
	test_skipped++;
	printf("skip - %s # %s\n", what, why);
}

static inline int
test_done(void)
{
	printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed,
		test_skipped);
	return test_failed > 0;
}

#endif
