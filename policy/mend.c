#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/jscan.h"
#include "policy/files.h"
#include "policy/turn.h"

enum { WINDOW = 2 * REC_LINE_MAX };

static int
read_at(int fd, uint64_t at, size_t most, struct buf *b, struct err *e)
{
	char *room = buf_room(b, most);
	const ssize_t k = room == NULL ? -1 : pread(fd, room, most, (off_t)at);

	if (k < 0)
		return err_sys(e, "read the decision log");
	b->n += (size_t)k;
	return 0;
}

/* --- a new head ------------------------------------------------------------------- */

/* The last whole line; false: there is none. */
static bool
last_line(struct str text, struct str *line, size_t *behind)
{
	const char *nl = text.n == 0 ? NULL : memrchr(text.p, '\n', text.n);
	const char *before;

	if (nl == NULL)
		return false;
	before = nl == text.p ? NULL : memrchr(text.p, '\n', (size_t)(nl - text.p));
	line->p = before == NULL ? text.p : before + 1;
	line->n = (size_t)(nl - line->p);
	*behind = (size_t)(nl + 1 - text.p);
	return true;
}

/* Takes the head from the end of a file. */
static int
adopt_end(struct rec_turn *t, const struct rec_file *f, bool is_log, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(WINDOW + 1);
	const uint64_t from = f->size > WINDOW ? f->size - WINDOW : 0;
	struct rec_link link;
	struct str line;
	size_t behind = 0;

	if (read_at(f->fd, from, WINDOW, &b, e) < 0)
		return -1;
	if (!last_line(buf_str(&b), &line, &behind))
		return 0;
	if (is_log)
		t->head.end = from + behind;
	if (!rec_link_of(line, &link))
		return 1;
	t->headless = true;
	t->head.seq = link.seq;
	rec_sha256(line, t->head.sha256);
	return 1;
}

static int
adopt_oldest(struct rec_turn *t, const struct rec_file *f, struct err *e)
{
	CLEANUP(rec_reader_fini) struct rec_reader r = rec_reader_at(f->fd, 0, f->size);
	struct rec_link link;
	struct str line;
	const int got = rec_reader_next(&r, &line, e);

	if (got > 0 && rec_link_of(line, &link))
		t->head.oldest = link.seq;
	return got;
}

int
rec_mend_head(struct rec_turn *t, struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;
	int got = 0;

	t->head = rec_head_first((uint64_t)time(NULL));
	/* without the lock of the head: we hold it */
	if (rec_files_list(&f, t->log->path, e) < 0)
		return -1;
	for (size_t i = f.n; i > 0 && got == 0; i--)
		got = adopt_end(t, &f.at[i - 1], i == f.n, e);
	if (got > 0)
		got = adopt_oldest(t, &f.at[0], e);
	return got < 0 ? -1 : 0;
}

/* --- the tail --------------------------------------------------------------------- */

static int
end_line(struct rec_turn *t, struct err *e)
{
	if (write(t->log->fd, "\n", 1) != 1)
		return err_sys(e, "write the decision log %s", t->log->path);
	t->size++;
	return 0;
}

/* Whoever wrote here last, the next line begins a line. */
static int
end_foreign(struct rec_turn *t, struct err *e)
{
	char last = '\n';

	if (t->size > 0 && pread(t->log->fd, &last, 1, (off_t)t->size - 1) < 0)
		return err_sys(e, "read the decision log %s", t->log->path);
	return last == '\n' ? 0 : end_line(t, e);
}

static bool
is_whole(const struct rec_head *h, struct str text)
{
	struct err no = ERR_INIT; /* then it is not */
	struct rec_link link;
	struct js root;

	return rec_link_of(text, &link) && rec_head_fits(h, &link) &&
	       js_check(text, &root, &no) == 0;
}

/* What stands without a newline right behind the head's line. */
static int
mend_torn(struct rec_turn *t, struct str text, struct err *e)
{
	if (is_whole(&t->head, text)) {
		rec_head_move(&t->head, text);
		return end_line(t, e);
	}
	if (!rec_head_could_begin(&t->head, text))
		return end_foreign(t, e);
	if (ftruncate(t->log->fd, (off_t)t->head.end) < 0)
		return err_sys(e, "write the decision log %s", t->log->path);
	buf_put_str(&t->torn, text);
	t->size = t->head.end;
	return 0;
}

/* Lines that fit behind the head were written by one of us who did not come to save it. */
static int
adopt_lines(struct rec_turn *t, struct err *e)
{
	CLEANUP(rec_reader_fini)
	struct rec_reader r = rec_reader_at(t->log->fd, t->head.end, t->size);
	struct str line;
	int got;

	while ((got = rec_reader_next(&r, &line, e)) == 1) {
		if (r.torn)
			return r.too_long ? end_foreign(t, e) : mend_torn(t, line, e);
		if (!is_whole(&t->head, line))
			return end_foreign(t, e);
		rec_head_move(&t->head, line);
		t->head.end = r.line_at;
	}
	return got;
}

int
rec_mend_tail(struct rec_turn *t, struct err *e)
{
	/* shorter than the head says: whoever began this file after a rotation did not save it */
	if (t->size < t->head.end) {
		t->head.end = 0;
		t->head.born = (uint64_t)time(NULL);
	}
	if (adopt_lines(t, e) < 0)
		return -1;
	t->head.end = t->size;
	return rec_turn_save(t, e);
}
