/*
 * The same bytes, whole and in pieces, decode to the same; what an exact reader takes, another
 * one takes alike. The first byte chooses the codings, the second the pieces.
 */

#include <assert.h>

#include "gateway/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { OUT_MAX = 1 << 20, INPUT_MAX = 4096 };

static int
run(const struct gw_codings *c, bool exact, struct str in, size_t piece, struct buf *out)
{
	struct gw_decoder *d = gw_decoder_new(c, OUT_MAX, exact);
	struct err e = ERR_INIT;
	int got = 0;

	while (got == 0 && in.n > 0) {
		struct str now = { in.p, in.n < piece ? in.n : piece };

		in = str_skip(in, now.n);
		do {
			const size_t left = now.n, had = out->n;

			got = gw_decoder_feed(d, &now, out, &e);
			assert(out->n - had <= GW_DECODED_PIECE);
			/* no call for nothing, but for the one that finds nothing more */
			assert(got <= 0 || now.n < left || out->n > had || left == 0);
		} while (got > 0);
		assert(got < 0 || now.n == 0);
	}
	if (got == 0)
		got = gw_decoder_end(d, &e);
	assert(got == 0 || e.code == ERR_DATA);
	gw_decoder_free(d);
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(OUT_MAX + 2 * GW_DECODED_PIECE);
	CLEANUP(buf_fini) struct buf parts = BUF_INIT(OUT_MAX + 2 * GW_DECODED_PIECE);
	CLEANUP(buf_fini) struct buf exact = BUF_INIT(OUT_MAX + 2 * GW_DECODED_PIECE);
	struct gw_codings c = { .n = 0 };
	struct str in;
	int rc, again;

	if (n < 2 || n > INPUT_MAX)
		return 0;
	in = (struct str){ (const char *)data + 2, n - 2 };
	for (unsigned int v = data[0]; v > 0 && c.n < GW_CODINGS_MAX; v /= 5)
		if (v % 5 > 0)
			c.of[c.n++] = (enum gw_coding)(v % 5 - 1);
	rc = run(&c, false, in, INPUT_MAX, &whole);
	again = run(&c, false, in, 1 + data[1], &parts);
	assert(again == rc);
	if (rc == 0)
		assert(str_eq(buf_str(&whole), buf_str(&parts)));
	again = run(&c, true, in, INPUT_MAX, &exact);
	if (again == 0)
		assert(rc == 0 && str_eq(buf_str(&whole), buf_str(&exact)));
	return 0;
}
