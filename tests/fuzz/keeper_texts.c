/*
 * What the keeper reads back from its own store: the stat cache, modes and skipped paths. The
 * first byte chooses. What is accepted must come out as it went in.
 */

#include <stdint.h>
#include <stdlib.h>

#include "keeper/cache.h"
#include "keeper/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { TEXT_MAX = 1 << 20 };

static void
must_equal(const struct buf *out, struct str in)
{
	if (out->over || !str_eq(buf_str(out), in))
		abort();
}

static void
try_cache(struct str in)
{
	CLEANUP(cache_fini) struct cache c = CACHE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;

	if (cache_parse(&c, in, &e) < 0) {
		if (c.known.n > 0)
			abort();
		return;
	}
	cache_put(&out, &c.known, c.taken_ns);
	must_equal(&out, in);
}

static void
try_modes(struct str in)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	struct err e = ERR_INIT;
	mode_t mode = 0;

	(void)tree_add(&t, STR("a"), TREE_FILE, 0644, &e);
	(void)tree_add(&t, STR("b/"), TREE_DIR, 0755, &e);
	(void)tree_add(&t, STR("b/c"), TREE_LINK, 0777, &e);
	if (tree_take_modes(&t, in, &e) == 0 &&
		tree_find_mode(in, STR("b/c"), &mode, &e) < 0)
		abort();
}

static void
try_skips(struct str in)
{
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	CLEANUP(tree_fini) struct tree again = TREE_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(TEXT_MAX);
	struct err e = ERR_INIT;

	if (tree_take_skips(&t, in, &e) < 0)
		return;
	tree_put_skips(&t, &out);
	if (tree_take_skips(&again, buf_str(&out), &e) < 0 || again.nskip != t.nskip)
		abort();
	for (size_t i = 0; i < t.nskip; i++) {
		const struct str path = tree_skip_path(&t, &t.skip[i]);

		if (path.n > 0 && path.p[path.n - 1] != '/' && !tree_is_skipped(&t, path))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str in = { (const char *)data + 1, n - 1 };

	if (n == 0 || n > TEXT_MAX)
		return 0;
	if (data[0] == 'c')
		try_cache(in);
	if (data[0] == 'm')
		try_modes(in);
	if (data[0] == 's')
		try_skips(in);
	return 0;
}
