#include "policy/call_hash.h"

#include "base/jcs.h"

int
call_hash(struct str args, char out[REC_SHA_HEX + 1], struct err *e)
{
	CLEANUP(buf_fini) struct buf form = BUF_INIT(JCS_TEXT_MAX);

	if (jcs_put(args.n > 0 ? args : STR("{}"), &form, e) < 0)
		return err_wrap(e, "its arguments");
	rec_sha256(buf_str(&form), out);
	return 0;
}
