#include "keeper/take.h"

#include "base/fdio.h"
#include "base/log.h"
#include "keeper/cache.h"
#include "keeper/diff.h"
#include "keeper/gitstate.h"
#include "keeper/hash.h"
#include "keeper/walk.h"

int
take_snapshot(struct store *s, int root, const struct snap_note *note, struct tree *t,
	struct snap_taken *taken, struct err *e)
{
	CLEANUP(fd_closep) int lock = store_lock(s, e);
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	CLEANUP(buf_fini) struct buf git = BUF_INIT(GITSTATE_MAX);
	const struct walk_sink sink = { store_put_file, store_put_blob, s };
	struct walk w = { .root = root, .cache = &cache, .sink = &sink };
	const int64_t started = cache_now_ns();
	struct err why = ERR_INIT;

	if (lock < 0)
		return -1;
	cache_load(&cache, s->cache);
	if (walk_run(&w, t, e) < 0 || gitstate_read(root, &git, e) < 0 ||
		snap_write(s, t, buf_str(&git), note, taken, e) < 0)
		return err_wrap(e, "take a snapshot");
	/* the snapshot is safe; without its cache the next one only takes longer */
	if ((w.nread > 0 || taken->is_new) && cache_save(s->cache, t, started, &why) < 0)
		log_debug("%s: the next snapshot reads every file", why.text);
	return 0;
}

int
take_diff(struct store *s, int root, const char *hex, struct buf *out, struct err *e)
{
	CLEANUP(cache_fini) struct cache cache = CACHE_INIT;
	CLEANUP(tree_fini) struct tree now = TREE_INIT;
	CLEANUP(tree_fini) struct tree want = TREE_INIT;
	struct walk w = { .root = root, .cache = &cache, .sink = &hash_sink };

	if (snap_load(s, hex, &want, e) < 0)
		return -1;
	cache_load(&cache, s->cache);
	if (walk_run(&w, &now, e) < 0 || diff_put(out, &now, &want, e) < 0)
		return err_wrap(e, "compare with snapshot %s", hex);
	return 0;
}
