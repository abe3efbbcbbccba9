/* Any bytes: a policy that makes these bytes again, or one error. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bundle.h"
#include "policy/layers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str in = { (const char *)data, n };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(POL_BUNDLE_MAX);
	CLEANUP(bundle_fini) struct bundle b = { .root = NULL };
	CLEANUP(pol_freep) struct policy *p = NULL;
	struct err e = ERR_INIT;

	if (bundle_read(&b, in, &e) < 0 && e.code != ERR_POLICY)
		abort();
	p = pol_of_bundle(in, "b", &e);
	if (p == NULL && e.code != ERR_POLICY)
		abort();
	if (p == NULL)
		return 0;
	pol_bundle(p, &out);
	if (out.over || !str_eq(buf_str(&out), in))
		abort();
	return 0;
}
