#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "policy/files.h"
#include "policy/turn.h"

/* The head's name may change hands while we wait for its lock, but not for ever. */
enum { NAME_TRIES = 16, EVENT_MAX = 64, NOTE_MAX = REC_FIELD_MAX };

/* What rec_defer keeps: a line is never left out for want of room. */
enum {
	LATER_BYTES_MAX = REC_LATER_MAX + 2 * REC_LINE_MAX,
	LATER_LINES_MAX = 4 * LATER_BYTES_MAX, /* each with its link */
	LATER_KEPT = REC_LINE_MAX
};

struct later {
	size_t n; /* of the body behind it */
	char stamp[CLOCK_STAMP_MAX];
};

#define WHAT_TO_DO "free space there, or name another file in PANDO_GATEWAY_LOG_FILE"

/* Who does not know the policy removes no file that it may want to be kept. */
static const struct pol_log usual = {
	.max_bytes = REC_MAX_BYTES, .max_days = REC_MAX_DAYS, .keep = REC_KEEP_MAX
};

/* --- opening ---------------------------------------------------------------------- */

static int
open_file(const char *path, int more, struct rec_id *id, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | more,
		S_IRUSR | S_IWUSR);
	struct stat st;

	if (fd < 0)
		(void)err_sys(e, "open the decision log %s", path);
	else if (fstat(fd, &st) < 0)
		(void)err_sys(e, "look at the decision log %s", path);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(e, ERR_SPACE,
			"the decision log %s is not a regular file, so nothing can be kept "
			"there: name one in PANDO_GATEWAY_LOG_FILE",
			path);
	else {
		*id = (struct rec_id){ st.st_dev, st.st_ino };
		return fd_take(&fd);
	}
	e->code = ERR_SPACE;
	return -1;
}

/* The head is read for each line, which would be a time to note each time. */
static int
open_head(const char *path, struct rec_id *id, struct err *e)
{
	const int fd = open_file(path, 0, id, e);
	const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NOATIME); /* the owner's to ask */
	return fd;
}

int
rec_open(struct rec_log *l, const char *path, const struct pol_log *limits, struct err *e)
{
	*l = (struct rec_log){
		.fd = -1,
		.head = -1,
		.path = mem_strdup(path),
		.head_path = mem_printf("%s.head", path),
		.limits = limits == NULL ? usual : *limits,
		.later = BUF_INIT(LATER_BYTES_MAX),
	};
	l->fd = open_file(l->path, O_APPEND, &l->fd_id, e);
	if (l->fd >= 0)
		l->head = open_head(l->head_path, &l->head_id, e);
	if (l->head >= 0)
		return 0;
	rec_close(l);
	return -1;
}

void
rec_close(struct rec_log *l)
{
	struct err lost = ERR_INIT; /* it is counted, and told by the next writer */

	if (l->path == NULL)
		return; /* never opened: its descriptors may be anybody's */
	if (l->nlater > 0)
		(void)rec_flush(l, &lost);
	buf_fini(&l->later);
	fd_closep(&l->fd);
	fd_closep(&l->head);
	free(l->path);
	free(l->head_path);
	l->path = l->head_path = NULL;
}

/* --- a turn ----------------------------------------------------------------------- */

static bool
is_named(const char *path, const struct rec_id *ours, struct stat *named)
{
	return lstat(path, named) == 0 && named->st_ino == ours->ino &&
	       named->st_dev == ours->dev;
}

static int
take_lock(struct rec_log *l, struct err *e)
{
	struct rec_id id;
	struct stat st;

	for (int i = 0; i < NAME_TRIES; i++) {
		int fd;

		if (rec_lock(l->head, LOCK_EX, l->head_path, e) < 0)
			return -1;
		if (is_named(l->head_path, &l->head_id, &st))
			return 0;
		fd = open_head(l->head_path, &id, e);
		if (fd < 0)
			return -1;
		fd_closep(&l->head);
		l->head = fd;
		l->head_id = id;
	}
	return err_set(e, ERR_SPACE, "%s: others replace it all the time", l->head_path);
}

int
rec_turn_reopen(struct rec_turn *t, struct err *e)
{
	struct rec_log *l = t->log;
	struct rec_id id;
	const int fd = open_file(l->path, O_APPEND, &id, e);

	if (fd < 0)
		return -1;
	fd_closep(&l->fd);
	l->fd = fd;
	l->fd_id = id;
	return 0;
}

int
rec_turn_save(const struct rec_turn *t, struct err *e)
{
	struct rec_log *l = t->log;
	ssize_t k;

	l->left = t->head;
	rec_head_put(&t->head, l->left_text);
	k = pwrite(l->head, l->left_text, sizeof l->left_text, 0);
	if (k == (ssize_t)sizeof l->left_text)
		return 0;
	if (k >= 0)
		errno = ENOSPC; /* a short write to a file means no more room */
	return err_sys(e, "write %s", l->head_path);
}

/* As rec_head_from; where nobody has written since our last turn, nothing is parsed. */
static int
read_head(struct rec_turn *t, struct err *e)
{
	const struct rec_log *l = t->log;
	char text[REC_HEAD_BYTES + 1];
	const ssize_t n = pread(l->head, text, sizeof text, 0);

	if (n < 0)
		return err_sys(e, "read %s", l->head_path);
	/* before our first turn that text is empty, as a head that is all zeros is: spoilt */
	if (n != REC_HEAD_BYTES || l->left_text[0] == '\0' ||
		memcmp(text, l->left_text, REC_HEAD_BYTES) != 0)
		return rec_head_read((struct str){ text, (size_t)n }, &t->head) ? 1 : 0;
	t->head = l->left;
	return 1;
}

static int
begin(struct rec_turn *t, struct err *e)
{
	struct rec_log *l = t->log;
	const int known = read_head(t, e);
	struct stat st;

	if (known < 0)
		return -1;
	t->knows_head = known > 0;
	if (!is_named(l->path, &l->fd_id, &st)) {
		if (rec_turn_reopen(t, e) < 0)
			return -1;
		if (fstat(l->fd, &st) < 0)
			return err_sys(e, "look at the decision log %s", l->path);
	}
	t->size = (uint64_t)st.st_size;
	if (!t->knows_head) {
		/* before any line: then a full disk has no say in whether there is a head */
		if (rec_mend_head(t, e) < 0 || rec_turn_save(t, e) < 0)
			return -1;
		t->knows_head = true;
	}
	return t->size == t->head.end ? 0 : rec_mend_tail(t, e);
}

/* --- lines ------------------------------------------------------------------------ */

/* Adds the line to those that the head knows; it is written by the caller. */
static int
chain_line(struct rec_turn *t, struct buf *out, const char *stamp, struct str body,
	struct err *e)
{
	struct rec_link link = { .seq = t->head.seq + 1 };
	const size_t begin = out->n;

	memcpy(link.prev, t->head.sha256, sizeof link.prev);
	rec_format(out, &link, stamp, body);
	if (out->over || out->n - begin > REC_LINE_MAX)
		return err_set(e, ERR_DATA, "a line of the decision log is too long");
	rec_head_move(&t->head, (struct str){ out->p + begin, out->n - begin - 1 });
	t->head.end += out->n - begin;
	return 0;
}

/* Half a line is taken back: nobody has written behind it, we hold the lock. */
static int
put_bytes(const struct rec_turn *t, const struct buf *line, struct err *e)
{
	const struct rec_log *l = t->log;
	const ssize_t k = write(l->fd, line->p, line->n);

	if (k == (ssize_t)line->n)
		return 0;
	if (k >= 0)
		errno = ENOSPC; /* a short write to a file means no more room */
	(void)err_sys(e, "write the decision log %s (" WHAT_TO_DO ")", l->path);
	if (k > 0 && ftruncate(l->fd, (off_t)t->size) < 0)
		(void)err_hint(e, "a part of a line stays there");
	return -1;
}

static int
put_line(struct rec_turn *t, struct str body, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(REC_LINE_MAX);
	const struct rec_head was = t->head;
	char stamp[CLOCK_STAMP_MAX];

	clock_stamp(stamp);
	if (chain_line(t, &line, stamp, body, e) == 0 && put_bytes(t, &line, e) == 0) {
		t->size = t->head.end;
		return 0;
	}
	t->head = was;
	return -1;
}

/* All of rec_defer's lines by one write. */
static int
put_later(struct rec_turn *t, struct err *e)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT(LATER_LINES_MAX);
	const struct rec_log *l = t->log;
	const struct rec_head was = t->head;
	struct str rest = buf_str(&l->later);

	while (rest.n > 0) {
		struct later k;

		memcpy(&k, rest.p, sizeof k);
		rest = str_skip(rest, sizeof k);
		if (chain_line(t, &lines, k.stamp, (struct str){ rest.p, k.n }, e) < 0)
			break;
		rest = str_skip(rest, k.n);
	}
	if (rest.n == 0 && put_bytes(t, &lines, e) == 0) {
		t->size = t->head.end;
		return 0;
	}
	t->head = was;
	return -1;
}

/* A line of the log about itself. */
static int
put_own(struct rec_turn *t, const struct rec *like, const char *what, const struct rec *r,
	struct err *e)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(REC_LINE_MAX);
	const struct rec_who nobody = { NULL, NULL, NULL, NULL };
	struct rec own = *r;
	char event[EVENT_MAX];

	(void)snprintf(event, sizeof event, "%s_log_%s", like->layer, what);
	own.event = event;
	own.layer = like->layer;
	rec_put_body(&body, &nobody, &own, false);
	return put_line(t, buf_str(&body), e);
}

static int
tell_lost(struct rec_turn *t, const struct rec *like, struct err *e)
{
	struct rec r = REC_INIT;
	const struct rec_head was = t->head;

	if (was.lost == 0)
		return 0;
	r.lost = was.lost;
	r.since = was.since;
	r.note = STR("so many lines could not be written");
	if (put_own(t, like, "lost", &r, e) < 0)
		return -1;
	t->head.lost = 0;
	t->head.since[0] = '\0';
	return rec_turn_save(t, e);
}

static int
tell_mended(struct rec_turn *t, const struct rec *like, struct err *e)
{
	struct rec r = REC_INIT;
	char note[NOTE_MAX];

	if (t->headless) {
		r.note = STR(
			"the head file was missing or spoilt: whether lines are missing "
			"at the end of those before cannot be told");
		if (put_own(t, like, "headless", &r, e) < 0)
			return -1;
		t->headless = false;
	}
	if (t->torn.n > 0) {
		(void)snprintf(note, sizeof note,
			"a writer was stopped in the middle of a line; its %zu bytes were "
			"taken out: " STR_FMT,
			t->torn.n, STR_ARG(buf_str(&t->torn)));
		r.note = str_of(note);
		if (put_own(t, like, "torn", &r, e) < 0)
			return -1;
		buf_reset(&t->torn);
	}
	return 0;
}

static int
put_all(struct rec_turn *t, struct err *e)
{
	const struct rec_log *l = t->log;
	struct rec like = REC_INIT;
	struct err later =
		ERR_INIT; /* the next writer sees that the log is ahead of it */

	like.layer = l->layer;
	if (begin(t, e) < 0 || (rec_is_due(t, l->later.n) && rec_rotate(t, e) < 0) ||
		tell_mended(t, &like, e) < 0 || tell_lost(t, &like, e) < 0 ||
		put_later(t, e) < 0)
		return -1;
	(void)rec_turn_save(t, &later);
	return 0;
}

static void
count_loss(struct rec_turn *t, struct err *e)
{
	struct err none = ERR_INIT; /* the caller learns why the line itself failed */

	e->code = ERR_SPACE;
	if (!t->knows_head)
		return;
	if (t->head.lost == 0)
		clock_stamp(t->head.since);
	t->head.lost += t->log->nlater;
	(void)rec_turn_save(t, &none);
}

static int
write_later(struct rec_log *l, struct err *e)
{
	struct rec_turn t = { .log = l, .torn = BUF_INIT(REC_LINE_MAX) };
	int got;

	if (take_lock(l, e) < 0) {
		e->code = ERR_SPACE;
		return -1;
	}
	got = put_all(&t, e);
	if (got < 0)
		count_loss(&t, e);
	(void)flock(l->head, LOCK_UN); /* cannot fail for a lock that we hold */
	buf_fini(&t.torn);
	return got;
}

int
rec_flush(struct rec_log *l, struct err *e)
{
	const int got = l->nlater > 0 ? write_later(l, e) : 0;

	if (got < 0) {
		l->faults++;
		l->fault = *e;
	}
	l->nlater = 0;
	buf_reset(&l->later);
	if (l->later.cap > LATER_KEPT)
		buf_fini(&l->later);
	return got;
}

static void
add_later(struct rec_log *l, const struct rec_who *w, const struct rec *r)
{
	const size_t begin = l->later.n;
	struct later k = { 0 };

	clock_stamp(k.stamp);
	buf_put(&l->later, &k, sizeof k);
	rec_put_body(&l->later, w, r, l->limits.arguments);
	k.n = l->later.n - begin - sizeof k;
	memcpy(l->later.p + begin, &k, sizeof k);
	l->nlater++;
	l->layer = r->layer;
}

int
rec_defer(struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e)
{
	add_later(l, w, r);
	return l->later.n > REC_LATER_MAX ? rec_flush(l, e) : 0;
}

int
rec_write(struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e)
{
	add_later(l, w, r);
	return rec_flush(l, e);
}
