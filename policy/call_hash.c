#include "policy/call_hash.h"

#include "base/jcs.h"
#include "base/jstring.h"

int
call_hash(struct str args, char out[REC_SHA_HEX + 1], struct err *e)
{
	CLEANUP(buf_fini) struct buf form = BUF_INIT(JCS_TEXT_MAX);

	if (jcs_put(args.n > 0 ? args : STR("{}"), &form, e) < 0)
		return err_wrap(e, "its arguments");
	rec_sha256(buf_str(&form), out);
	return 0;
}

/* u0026 behind a backslash of the text itself, whose JSON has two: whether claude mends it. */
static bool
is_spelt_out(struct str text, size_t u)
{
	enum { DIGITS = 4, LAST_CONTROL = 0x1f, DELETE = 0x7f, LAST_OF_C1 = 0x9f };
	size_t begin = u;
	int unit;

	if (text.n - u <= DIGITS || text.p[u] != 'u')
		return false;
	unit = jstring_hex4(text.p + u + 1, text.p + text.n);
	if (unit <= LAST_CONTROL || (unit >= DELETE && unit <= LAST_OF_C1))
		return false;
	while (begin > 0 && text.p[begin - 1] == '\\')
		begin--;
	return (u - begin) % 2 == 0 && (u - begin) / 2 % 2 == 1;
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
		if (!is_spelt_out(args, at))
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
