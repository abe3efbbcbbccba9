#include "keeper/cache.h"

#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/path.h"

enum { U32 = 4, U64 = 8, BYTE_BITS = 8 };

static const struct str magic = { "pando-index 1\n", sizeof "pando-index 1\n" - 1 };

void
cache_fini(struct cache *c)
{
	tree_fini(&c->known);
	c->taken_ns = 0;
	c->next = 0;
}

int64_t
cache_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
put_number(struct buf *out, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_putc(out, (char)(v >> (BYTE_BITS * i) & 0xff));
}

/* Read every field, then ask once: bad input makes all later reads empty. */
struct in {
	struct str left;
	bool bad;
};

static struct str
take(struct in *in, size_t n)
{
	const struct str got = { in->left.p, n };

	if (in->bad || n > in->left.n) {
		in->bad = true;
		return STR("");
	}
	in->left = str_skip(in->left, n);
	return got;
}

static uint64_t
take_number(struct in *in, int bytes)
{
	const struct str s = take(in, (size_t)bytes);
	uint64_t v = 0;

	for (size_t i = s.n; i > 0; i--)
		v = v << BYTE_BITS | (unsigned char)s.p[i - 1];
	return v;
}

static struct tree_stat
take_stat(struct in *in)
{
	struct tree_stat st;

	st.size = (int64_t)take_number(in, U64);
	st.mtime_ns = (int64_t)take_number(in, U64);
	st.ctime_ns = (int64_t)take_number(in, U64);
	st.dev = take_number(in, U64);
	st.ino = take_number(in, U64);
	return st;
}

static int
take_entry(struct cache *c, struct in *in, struct err *e)
{
	const uint64_t len = take_number(in, U32);
	const uint64_t kind = take_number(in, 1);
	const struct tree_stat st = take_stat(in);
	const struct str oid = take(in, TREE_OID);
	const struct str path = take(in, len);
	struct tree_entry *it;

	if (in->bad || kind >= TREE_DIR || path.n == 0)
		return err_set(e, ERR_DATA, "the stat cache is damaged");
	it = tree_add(&c->known, path, (enum tree_kind)kind, 0, e);
	if (it == NULL)
		return -1;
	memcpy(it->oid, oid.p, TREE_OID);
	it->stat = st;
	return 0;
}

int
cache_parse(struct cache *c, struct str text, struct err *e)
{
	struct in in = { .left = text };
	const bool ours = str_eq(take(&in, magic.n), magic);
	const int64_t taken_ns = (int64_t)take_number(&in, U64);
	const uint64_t count = take_number(&in, U64);

	cache_fini(c);
	if (!ours || in.bad || count > TREE_ENTRIES_MAX)
		return err_set(e, ERR_DATA, "not a stat cache of this version");
	for (uint64_t i = 0; i < count; i++) {
		if (take_entry(c, &in, e) < 0) {
			cache_fini(c);
			return -1;
		}
	}
	if (in.left.n > 0) {
		cache_fini(c);
		return err_set(e, ERR_DATA, "the stat cache has bytes behind its end");
	}
	c->taken_ns = taken_ns;
	return 0;
}

void
cache_put(struct buf *out, const struct tree *t, int64_t taken_ns)
{
	uint64_t count = 0;

	for (size_t i = 0; i < t->n; i++)
		count += t->e[i].kind != TREE_DIR;
	buf_put_str(out, magic);
	put_number(out, (uint64_t)taken_ns, U64);
	put_number(out, count, U64);
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_entry *it = &t->e[i];

		if (it->kind == TREE_DIR)
			continue;
		put_number(out, it->len, U32);
		put_number(out, it->kind, 1);
		put_number(out, (uint64_t)it->stat.size, U64);
		put_number(out, (uint64_t)it->stat.mtime_ns, U64);
		put_number(out, (uint64_t)it->stat.ctime_ns, U64);
		put_number(out, it->stat.dev, U64);
		put_number(out, it->stat.ino, U64);
		buf_put(out, it->oid, TREE_OID);
		buf_put_str(out, tree_path(t, it));
	}
}

void
cache_load(struct cache *c, const char *path)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CACHE_FILE_MAX);
	struct err why = ERR_INIT;

	if (path_read(path, &text, &why) < 0 || cache_parse(c, buf_str(&text), &why) < 0)
		log_debug("%s: starting without it", why.text);
}

int
cache_save(const char *path, const struct tree *t, int64_t taken_ns, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CACHE_FILE_MAX);

	cache_put(&text, t, taken_ns);
	if (text.over)
		return err_set(e, ERR_DATA, "%s: the stat cache would be longer than %d",
			path, (int)CACHE_FILE_MAX);
	return path_write(path, buf_str(&text), S_IRUSR | S_IWUSR, e);
}

static bool
is_same(const struct tree_stat *a, const struct tree_stat *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->dev == b->dev && a->ino == b->ino;
}

bool
cache_find(struct cache *c, struct str path, enum tree_kind kind,
	const struct tree_stat *st, unsigned char oid[TREE_OID])
{
	const struct tree *t = &c->known;
	const struct tree_entry *it;

	while (c->next < t->n && tree_cmp(tree_path(t, &t->e[c->next]), path) < 0)
		c->next++;
	if (c->next == t->n)
		return false;
	it = &t->e[c->next];
	if (!str_eq(tree_path(t, it), path) || it->kind != kind ||
		!is_same(&it->stat, st) || st->ctime_ns >= c->taken_ns - CACHE_RACY_NS)
		return false;
	memcpy(oid, it->oid, TREE_OID);
	return true;
}
