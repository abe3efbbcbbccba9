#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "policy/files.h"
#include "policy/turn.h"

enum { PLACE_BYTES = 160, DAY_S = 24 * 60 * 60 };

bool
rec_is_due(const struct rec_turn *t, size_t n)
{
	const struct pol_log *l = &t->log->limits;
	const int64_t age = (int64_t)time(NULL) - (int64_t)t->head.born;

	if (t->size == 0)
		return false;
	return (l->max_bytes > 0 && t->size + n + PLACE_BYTES > (uint64_t)l->max_bytes) ||
	       (l->max_days > 0 && age >= (int64_t)l->max_days * DAY_S);
}

/* seq of the first line of a file; 0: it has none that is of the chain. */
static int
first_of(const char *path, uint64_t *seq, struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;
	CLEANUP(rec_reader_fini) struct rec_reader r = { .fd = -1 };
	struct rec_link link;
	struct str line;
	int got;

	*seq = 0;
	if (rec_files_one(&f, path, e) < 0)
		return -1;
	if (f.n == 0)
		return 0;
	r = rec_reader_at(f.at[0].fd, 0, f.at[0].size);
	got = rec_reader_next(&r, &line, e);
	if (got > 0 && rec_link_of(line, &link))
		*seq = link.seq;
	return got < 0 ? -1 : 0;
}

/*
 * Removes what is beyond `keep` once the log itself is a rotated file. The head says first
 * what will be the oldest: a writer that is killed in between leaves a file too many, never
 * one that seems to be missing.
 */
static int
drop_oldest(struct rec_turn *t, const int *numbers, size_t *n, struct err *e)
{
	const char *path = t->log->path;
	const size_t keep = t->log->limits.keep > 0 ? (size_t)t->log->limits.keep : 0;
	const size_t stay = keep > 0 ? keep - 1
				     : 0; /* of those that are rotated already */
	CLEANUP(mem_freep) char *oldest = NULL;
	uint64_t seq;

	if (*n <= stay && keep > 0)
		return 0;
	oldest = rec_file_name(path, stay > 0 ? numbers[stay - 1] : 0);
	if (first_of(oldest, &seq, e) < 0)
		return -1;
	t->head.oldest = keep == 0 ? t->head.seq + 1 : seq > 0 ? seq : t->head.oldest;
	if (rec_turn_save(t, e) < 0)
		return -1;
	for (; *n > stay; --*n) {
		CLEANUP(mem_freep) char *name = rec_file_name(path, numbers[*n - 1]);

		if (unlink(name) < 0)
			return err_sys(e, "remove %s", name);
	}
	return 0;
}

static int
rename_file(const char *path, int from, int to, struct err *e)
{
	CLEANUP(mem_freep) char *a = rec_file_name(path, from);
	CLEANUP(mem_freep) char *b = rec_file_name(path, to);

	return rename(a, b) < 0 ? err_sys(e, "rename %s to %s", a, b) : 0;
}

/* Each file moves up by one, as far as there is no free number in between. */
static int
move_up(const char *path, const int *numbers, size_t n, struct err *e)
{
	size_t move = 0;

	while (move < n && numbers[move] == (int)move + 1)
		move++;
	for (; move > 0; move--)
		if (rename_file(path, (int)move, (int)move + 1, e) < 0)
			return -1;
	return 0;
}

static int
put_away(const struct rec_turn *t, struct err *e)
{
	const char *path = t->log->path;

	if (t->log->limits.keep > 0)
		return rename_file(path, 0, 1, e);
	return unlink(path) < 0 ? err_sys(e, "remove %s", path) : 0;
}

int
rec_rotate(struct rec_turn *t, struct err *e)
{
	int numbers[REC_KEEP_MAX];
	size_t n = rec_file_numbers(t->log->path, numbers);

	if (drop_oldest(t, numbers, &n, e) < 0 ||
		move_up(t->log->path, numbers, n, e) < 0 || put_away(t, e) < 0 ||
		rec_turn_reopen(t, e) < 0)
		return err_wrap(e, "rotate the decision log");
	t->size = t->head.end = 0;
	t->head.born = (uint64_t)time(NULL);
	return rec_turn_save(t, e);
}
