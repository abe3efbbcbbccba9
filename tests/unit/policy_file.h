#ifndef TESTS_UNIT_POLICY_FILE_H
#define TESTS_UNIT_POLICY_FILE_H

/* Policy files and the errors they get, for the tests of policy/schema*.c and vet*.c. */

#include "tests/unit/test.h"

#include "policy/policy.h"

struct row {
	const char *text, *want; /* the whole error */
};

/* NULL: the error is in e. */
static inline struct policy *
load(enum pol_layer layer, const char *managed, const char *text, struct err *e)
{
	struct pol_text t[2];
	size_t n = 0;

	if (managed != NULL)
		t[n++] = (struct pol_text){ POL_MANAGED, "m", str_of(managed) };
	t[n++] = (struct pol_text){ layer, "p", str_of(text) };
	return pol_of_texts(t, n, NULL, e);
}

static inline void
refused(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		struct policy *p = load(POL_USER, NULL, rows[i].text, &e);

		ok(p == NULL, rows[i].text);
		ok_int(e.code, ERR_POLICY, rows[i].text);
		ok_str(e.text, rows[i].want, rows[i].text);
		pol_free(p);
	}
}

#endif
