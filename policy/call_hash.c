#include "policy/call_hash.h"

#include "base/jcs.h"
#include "policy/spelt.h"

int
call_hash(struct str args, char out[REC_SHA_HEX + 1], struct err *e)
{
	CLEANUP(buf_fini) struct buf form = BUF_INIT(JCS_TEXT_MAX);

	if (jcs_put(args.n > 0 ? args : STR("{}"), &form, e) < 0)
		return err_wrap(e, "its arguments");
	rec_sha256(buf_str(&form), out);
	return 0;
}

int
call_hash_mended(struct str args, char out[REC_SHA_HEX + 1], struct err *e)
{
	CLEANUP(buf_fini) struct buf mended = BUF_INIT(JCS_TEXT_MAX);
	size_t from = 0;

	for (size_t at = 0; at < args.n; at++) {
		const char *u = memchr(args.p + at, 'u', args.n - at);

		if (u == NULL)
			break;
		at = (size_t)(u - args.p);
		if (spelt_slashes(args, at) % 4 != 2)
			continue;
		/* without one of the two backslashes it is JSON's own escape */
		buf_put(&mended, args.p + from, at - 1 - from);
		from = at;
	}
	if (from == 0)
		return 0;
	buf_put_str(&mended, str_skip(args, from));
	return call_hash(buf_str(&mended), out, e) < 0 ? -1 : 1;
}
