/*
 * The same bytes, whole and in pieces, give the same events; the raw bytes of the events are
 * the stream, up to what is not ended. The first byte chooses the length of the pieces.
 */

#include <assert.h>
#include <stdint.h>

#include "gateway/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { EVENT_MAX = 4096, TOLD_MAX = 1 << 20, PIECE_MAX = 65536 };

static int
run(struct str in, size_t piece, struct buf *raw, struct buf *told)
{
	CLEANUP(sse_fini) struct sse s;
	struct sse_event ev;
	struct err e = ERR_INIT;
	int rc = 0;

	sse_init(&s, EVENT_MAX, NULL);
	while (rc == 0) {
		const size_t n = in.n < piece ? in.n : piece;

		sse_feed(&s, (struct str){ in.p, n });
		in = str_skip(in, n);
		if (in.n == 0)
			sse_finish(&s);
		while ((rc = sse_next(&s, &ev, &e)) > 0) {
			buf_put_str(raw, ev.raw);
			buf_printf(
				told, "%zu %zu %d\n", ev.name.n, ev.data.n, ev.has_data);
			buf_put_str(told, ev.name);
			buf_put_str(told, ev.data);
			assert(!ev.in_raw ||
				(ev.data.p >= ev.raw.p &&
					ev.data.p + ev.data.n <= ev.raw.p + ev.raw.n));
		}
		if (in.n == 0)
			break;
	}
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf raw = BUF_INIT(TOLD_MAX);
	CLEANUP(buf_fini) struct buf told = BUF_INIT(TOLD_MAX);
	CLEANUP(buf_fini) struct buf raw2 = BUF_INIT(TOLD_MAX);
	CLEANUP(buf_fini) struct buf told2 = BUF_INIT(TOLD_MAX);
	struct str in;
	int rc;

	if (n < 2 || n > PIECE_MAX)
		return 0;
	in = (struct str){ (const char *)data + 1, n - 1 };
	rc = run(in, PIECE_MAX, &raw, &told);
	assert(run(in, 1 + data[0] % 16u, &raw2, &told2) == rc);
	assert(str_eq(buf_str(&raw), buf_str(&raw2)));
	assert(str_eq(buf_str(&told), buf_str(&told2)));
	assert(raw.n <= in.n && (raw.n == 0 || memcmp(raw.p, in.p, raw.n) == 0));
	return 0;
}
