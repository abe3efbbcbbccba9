/*
 * A provider's answer, whole and in pieces, gives the same head, the same body, the same end
 * and the same bytes behind it. The first byte chooses the length of the pieces.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "gateway/upstream_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { IN_MAX = 1 << 18 };

struct told {
	struct buf text;
	size_t behind; /* bytes that do not belong to the answer */
	bool well;
};

/* False: it has ended. */
static bool
feed(struct gw_answer *a, struct str in, struct told *t)
{
	struct str piece = { NULL, 0 };

	for (;;) {
		switch (gw_answer_next(a, &in, &piece)) {
		case GW_GOT_HEAD:
			assert(a->head.status >= 200 && a->head.status <= 999);
			buf_printf(&t->text, "%d\n", a->head.status);
			buf_put_str(&t->text, a->head.lines);
			continue;
		case GW_GOT_BODY:
			assert(piece.n > 0);
			buf_put_str(&t->text, piece);
			continue;
		case GW_GOT_MORE:
			assert(in.n == 0);
			return true;
		case GW_GOT_DONE:
			t->well = true;
			t->behind = in.n;
			return false;
		case GW_GOT_BAD:
			assert(a->why != NULL);
			return false;
		case GW_GOTS:
			break;
		}
		abort();
	}
}

static void
play(const char *p, size_t n, size_t step, struct told *t)
{
	struct gw_answer a;
	bool on = true;

	gw_answer_init(&a, false);
	for (size_t i = 0; i < n; i += step) {
		const size_t take = n - i < step ? n - i : step;

		if (on)
			on = feed(&a, (struct str){ p + i, take }, t);
		else
			t->behind += take;
	}
	if (on)
		t->well = gw_answer_end(&a) == GW_GOT_DONE;
	gw_answer_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct told whole = { .text = BUF_INIT((size_t)2 * IN_MAX) };
	struct told pieces = { .text = BUF_INIT((size_t)2 * IN_MAX) };

	if (n < 2 || n > IN_MAX)
		return 0;
	play((const char *)data + 1, n - 1, n, &whole);
	play((const char *)data + 1, n - 1, 1 + data[0], &pieces);
	assert(whole.well == pieces.well);
	assert(!whole.well || whole.behind == pieces.behind);
	/* the body of a bad one ends where its bytes did */
	assert(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
	buf_fini(&whole.text);
	buf_fini(&pieces.text);
	return 0;
}
