#include "policy/tested.h"

#include <stdlib.h>

#include "base/str.h"

enum { PARTS = 3, DIGITS_MAX = 9 };

static const char *const claude[] = { "2.1.197", "2.1.329", "2.1.330" };
static const char *const codex[] = { "0.169.0" };

const char *const *
pol_tested_versions(enum pol_agent a, size_t *n)
{
	*n = a == POL_CLAUDE ? LEN(claude) : LEN(codex);
	return a == POL_CLAUDE ? claude : codex;
}

/* Three numbers; false: it is no version. */
static bool
read_version(const char *z, long part[PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		const size_t n = strspn(z, "0123456789");

		if (n == 0 || n > DIGITS_MAX)
			return false;
		part[i] = strtol(z, NULL, 10);
		z += n;
		if (i < PARTS - 1 && *z++ != '.')
			return false;
	}
	return *z == '\0' || *z == '-' || *z == '+';
}

static int
compare(const long a[PARTS], const long b[PARTS])
{
	for (int i = 0; i < PARTS; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

enum pol_tested
pol_tested(enum pol_agent a, const char *version)
{
	long is[PARTS], row[PARTS];
	size_t n, newer = 0;
	const char *const *v = pol_tested_versions(a, &n);

	if (!read_version(version, is))
		return POL_TESTED_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		const int order = read_version(v[i], row) ? compare(is, row) : 0;

		if (order == 0)
			return POL_TESTED;
		newer += order > 0;
	}
	return newer == n   ? POL_TESTED_NEWER
	       : newer == 0 ? POL_TESTED_OLDER
			    : POL_TESTED_AMONG;
}
