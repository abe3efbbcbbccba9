/*
 * The same bytes, whole and in pieces, give the same head and the same body; what is taken
 * has no byte in it that another reader could take for an end. The first byte chooses request
 * or answer and the length of the pieces.
 */

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "gateway/h1.h"
#include "gateway/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { IN_MAX = 1 << 18, TOLD_MAX = 1 << 20 };

static void
tell_head(const struct h1 *h, struct buf *told)
{
	struct str rest = h->lines, name, value;
	size_t fields = 0;

	buf_printf(told, "%u %d %d %d %d %ju\n", h->size, h->status, h->framing,
		h->keep_alive, h->expects, (uintmax_t)h->length);
	buf_put_str(told, h->method);
	buf_put_str(told, h->target);
	buf_put_str(told, h->host);
	while (gw_head_next(&rest, &name, &value)) {
		assert(gw_head_is_sound(name, value));
		gw_head_put(told, name, value);
		fields++;
	}
	assert(fields <= H1_FIELDS_MAX);
	assert(h->framing != H1_CHUNKED ||
		(gw_head_count(h->lines, "transfer-encoding") == 1 &&
			gw_head_count(h->lines, "content-length") == 0));
	assert(gw_head_count(h->lines, "content-length") <= 1);
}

/* Each piece at a place of its own, so that a read behind it is seen. */
static enum h1_got
read_head(struct h1 *h, struct str in, size_t piece, char **copy)
{
	enum h1_got got = H1_MORE;

	for (size_t have = 0; got == H1_MORE;) {
		free(*copy);
		*copy = malloc(have > 0 ? have : 1);
		assert(*copy != NULL);
		memcpy(*copy, in.p, have);
		got = h1_head(h, (struct str){ *copy, have });
		if (have == in.n)
			break;
		have = in.n - have < piece ? in.n : have + piece;
	}
	return got;
}

static void
read_body(struct str in, size_t piece, struct buf *told)
{
	struct h1_chunks c = { 0 };
	enum h1_got got = H1_MORE;
	size_t used = 0;

	while (got == H1_MORE && used < in.n) {
		struct str part = { in.p + used,
			in.n - used < piece ? in.n - used : piece };
		struct str data;
		const size_t n = part.n;

		while ((got = h1_chunk(&c, &part, &data)) == H1_DATA)
			buf_put_str(told, data);
		assert(got != H1_MORE || part.n == 0);
		used += n - part.n;
	}
	/* where it was refused is not told: the pieces differ */
	buf_printf(told, "%d %zu %s\n", got, got == H1_DONE ? used : 0,
		got == H1_BAD ? c.why : "");
}

static void
read_all(bool answer, struct str in, size_t piece, struct buf *told)
{
	char *copy = NULL;
	struct h1 h;
	enum h1_got got;

	if (answer)
		h1_answer_init(&h, false);
	else
		h1_request_init(&h);
	got = read_head(&h, in, piece, &copy);
	if (got == H1_DONE)
		tell_head(&h, told);
	if (got == H1_DONE && h.framing == H1_CHUNKED)
		read_body(str_skip(in, h.size), piece, told);
	buf_printf(told, "%d %s\n", got, got == H1_BAD ? h.why : "");
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(TOLD_MAX);
	CLEANUP(buf_fini) struct buf split = BUF_INIT(TOLD_MAX);
	struct str in;

	if (n < 2 || n > IN_MAX)
		return 0;
	in = (struct str){ (const char *)data + 1, n - 1 };
	read_all((data[0] & 1) != 0, in, in.n, &whole);
	read_all((data[0] & 1) != 0, in, 1 + data[0] / 2u, &split);
	assert(str_eq(buf_str(&whole), buf_str(&split)));
	return 0;
}
