#include <stdint.h>
#include <stdlib.h>

#include "mcp/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte says how large the pieces are; the lines must be those of one piece. */
static void
feed(struct rpc_in *in, struct str all, size_t piece, struct buf *lines)
{
	struct str line;

	while (all.n > 0) {
		const size_t k = all.n < piece ? all.n : piece;

		rpc_feed(in, (struct str){ all.p, k });
		all = str_skip(all, k);
		while (rpc_take(in, &line) == RPC_LINE) {
			buf_put_str(lines, line);
			buf_putc(lines, '\n');
		}
	}
}

/* Peeks at all lines and drops the even ones: the odd ones are left to take. */
static void
drop_some(struct str all, struct buf *lines)
{
	struct rpc_in in = RPC_IN_INIT;
	struct str line;
	size_t i = 0;

	rpc_feed(&in, all);
	while (rpc_peek(&in, &line))
		if (i++ % 2 == 0)
			rpc_drop_peeked(&in);
	while (rpc_take(&in, &line) == RPC_LINE) {
		buf_put_str(lines, line);
		buf_putc(lines, '\n');
	}
	rpc_fini(&in);
}

static void
check_dropped(struct str whole, struct str left)
{
	for (size_t i = 0; whole.n > 0; i++) {
		const char *end = memchr(whole.p, '\n', whole.n);
		const size_t k = (size_t)(end - whole.p) + 1;

		if (i % 2 == 1) {
			if (!str_starts(left, (struct str){ whole.p, k }))
				abort();
			left = str_skip(left, k);
		}
		whole = str_skip(whole, k);
	}
	if (left.n > 0)
		abort();
}

static void
parse(struct str line)
{
	CLEANUP(rpc_msg_fini) struct rpc_msg m = { .root = NULL };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	const int code = rpc_parse(line, &m, &e);

	if (code == 0 && m.kind != RPC_RESPONSE && m.method == NULL)
		abort();
	if ((code == 0) == (e.text[0] != '\0'))
		abort();
	rpc_put_error(&out, m.id, code, e.text);
	if (memchr(out.p, '\n', out.n) != out.p + out.n - 1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(1 << 22);
	CLEANUP(buf_fini) struct buf pieces = BUF_INIT(1 << 22);
	CLEANUP(buf_fini) struct buf left = BUF_INIT(1 << 22);
	struct rpc_in a = RPC_IN_INIT;
	struct rpc_in b = RPC_IN_INIT;
	struct str rest;

	if (n == 0)
		return 0;
	feed(&a, (struct str){ (const char *)data + 1, n - 1 }, n, &whole);
	feed(&b, (struct str){ (const char *)data + 1, n - 1 }, (size_t)data[0] + 1,
		&pieces);
	if (!str_eq(buf_str(&whole), buf_str(&pieces)))
		abort();
	drop_some((struct str){ (const char *)data + 1, n - 1 }, &left);
	check_dropped(buf_str(&whole), buf_str(&left));
	rest = buf_str(&whole);
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);

		parse((struct str){ rest.p, (size_t)(end - rest.p) });
		rest = str_skip(rest, (size_t)(end - rest.p) + 1);
	}
	rpc_fini(&a);
	rpc_fini(&b);
	return 0;
}
