/*
 * The canonical form of any text: it is JSON, without white space around it, and its own
 * canonical form.
 */

#include <assert.h>
#include <stdint.h>

#include "base/jcs.h"
#include "base/jscan.h"

enum { FORM_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf one = BUF_INIT(FORM_MAX);
	CLEANUP(buf_fini) struct buf two = BUF_INIT(FORM_MAX);
	const struct str text = { (const char *)data, n };
	struct err e = ERR_INIT;
	struct js root;

	if (jcs_put(text, &one, &e) < 0) {
		assert(e.code == ERR_DATA && e.text[0] != '\0');
		return 0;
	}
	assert(js_check(text, &root, &e) == 0);
	assert(js_check(buf_str(&one), &root, &e) == 0);
	assert(root.raw.n == one.n); /* no white space around it */
	assert(jcs_put(buf_str(&one), &two, &e) == 0);
	assert(str_eq(buf_str(&one), buf_str(&two)));
	return 0;
}
