#include "policy/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { EVENT_WITHIN = 256 };

static const struct {
	const char *name;
	bool breaks;
} faults[REC_FAULTS] = {
	[REC_REMOVED] = { "removed", true },
	[REC_CHANGED] = { "changed", true },
	[REC_MOVED] = { "moved", true },
	[REC_INSERTED] = { "inserted", true },
	[REC_CUT] = { "cut", true },
	[REC_HEADLESS] = { "headless", true },
	[REC_BEGINS] = { "begins", false },
	[REC_UNFINISHED] = { "unfinished", false },
	[REC_LOST] = { "lost", false },
};

const char *
rec_fault_name(enum rec_fault f)
{
	return faults[f].name;
}

bool
rec_fault_breaks(enum rec_fault f)
{
	return faults[f].breaks;
}

/* --- line after line -------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void
tell_at(struct rec_check *c, enum rec_fault fault, bool before, const char *fmt, ...)
{
	struct rec_finding f = { .fault = fault,
		.file = before ? c->at_file : c->file,
		.line = before ? c->at_line : c->line };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f.what, sizeof f.what, fmt, ap);
	va_end(ap);
	c->sum.broken += faults[fault].breaks;
	c->found(c->to, &f);
}

#define tell(c, fault, ...) tell_at((c), (fault), false, __VA_ARGS__)

struct gap {
	uint64_t first, last; /* numbers */
	const char *where;
};

static void
tell_gap(struct rec_check *c, enum rec_fault fault, bool before, const struct gap *g)
{
	if (g->first == g->last)
		tell_at(c, fault, before, "number %" PRIu64 " is missing %s", g->first,
			g->where);
	else
		tell_at(c, fault, before,
			"numbers %" PRIu64 " to %" PRIu64 " are missing %s", g->first,
			g->last, g->where);
}

void
rec_check_file(struct rec_check *c, const char *file)
{
	c->file = file;
	c->line = 0;
	c->sum.files++;
}

/* What the log says about itself. */
static void
look_at_event(struct rec_check *c, struct str line)
{
	static const char mark[] = ",\"event\":\"";
	const size_t n = line.n < EVENT_WITHIN ? line.n : EVENT_WITHIN;
	const char *at = memmem(line.p, n, mark, sizeof mark - 1);
	const char *end;
	struct str event;

	if (at == NULL)
		return;
	event = str_skip(line, (size_t)(at - line.p) + sizeof mark - 1);
	end = memchr(event.p, '"', event.n);
	event.n = end == NULL ? 0 : (size_t)(end - event.p);
	if (memmem(event.p, event.n, "_log_lost", strlen("_log_lost")) != NULL)
		tell(c, REC_LOST, "this line tells of lines that could not be written");
	else if (memmem(event.p, event.n, "_log_torn", strlen("_log_torn")) != NULL)
		tell(c, REC_UNFINISHED, "this line tells of a writer that was stopped");
	else if (memmem(event.p, event.n, "_log_headless", strlen("_log_headless")) !=
		 NULL)
		tell(c, REC_HEADLESS,
			"here the head was made anew: lines may be missing before");
}

static void
stand_at(struct rec_check *c, const struct rec_link *l, struct str line)
{
	c->at.seq = l->seq - 1;
	rec_head_move(&c->at, line);
	c->at_file = c->file;
	c->at_line = c->line;
	c->sum.last = l->seq;
	if (c->knows && l->seq == c->head.seq &&
		strcmp(c->at.sha256, c->head.sha256) != 0)
		tell(c, REC_CHANGED, "the head has another hash of this line");
	look_at_event(c, line);
}

static void
check_first(struct rec_check *c, const struct rec_link *l)
{
	c->sum.first = l->seq;
	if (l->seq == 1 && strcmp(l->prev, REC_NO_PREV) != 0)
		tell(c, REC_CHANGED, "the first line of all must have 64 zeros as prev");
	else if (l->seq > 1 && (c->old > 0 || (c->knows && l->seq > c->head.oldest)))
		tell(c, REC_REMOVED,
			"lines up to %" PRIu64 " are missing before this one",
			l->seq - 1);
	else if (c->old > 0)
		tell(c, REC_BEGINS,
			"the chain begins here: the %" PRIu64
			" lines before it are of a former version",
			c->old);
}

void
rec_check_line(struct rec_check *c, struct str line)
{
	const uint64_t want = c->at.seq + 1;
	struct rec_link l;

	c->line++;
	c->sum.lines++;
	if (!rec_link_of(line, &l) || line.n >= REC_LINE_MAX ||
		line.p[line.n - 1] != '}') {
		if (c->at.seq == 0)
			c->old++;
		else
			tell(c, REC_INSERTED, "this line has no place in the chain");
		return;
	}
	if (c->at.seq > 0 && l.seq < want) {
		tell(c, REC_MOVED,
			"number %" PRIu64 " stands behind number %" PRIu64
			": moved, repeated or inserted",
			l.seq, c->at.seq);
		return;
	}
	if (c->at.seq == 0)
		check_first(c, &l);
	else if (l.seq > want)
		tell_gap(c, REC_REMOVED, false,
			&(struct gap){ want, l.seq - 1, "before this line" });
	else if (!rec_head_fits(&c->at, &l))
		tell_at(c, REC_CHANGED, true,
			"number %" PRIu64
			" is not what it was when the next one was written",
			c->at.seq);
	stand_at(c, &l, line);
}

void
rec_check_torn(struct rec_check *c, struct str line, bool last)
{
	struct rec_link l;

	if (last && rec_link_of(line, &l) && line.p[line.n - 1] == '}') {
		rec_check_line(c, line); /* only its newline is missing */
		return;
	}
	c->line++;
	if (last && !(c->knows && c->at.seq < c->head.seq) &&
		rec_head_could_begin(&c->at, line))
		tell(c, REC_UNFINISHED,
			"a writer was stopped in this line: the next one takes it out");
	else
		tell(c, REC_CUT, "this line is not whole");
}

void
rec_check_end(struct rec_check *c)
{
	if (!c->knows)
		return;
	/* with keep = 0 all of them may be put away */
	if (c->at.seq < c->head.seq && c->head.oldest <= c->head.seq)
		tell_gap(c, REC_CUT, c->at_file != NULL,
			&(struct gap){ c->at.seq + 1, c->head.seq, "at the end" });
	if (c->head.lost > 0)
		tell_at(c, REC_LOST, c->at_file != NULL,
			"%" PRIu64 " lines could not be written since %s", c->head.lost,
			c->head.since);
}

/* --- files ------------------------------------------------------------------------ */

static int
check_file(struct rec_check *c, const struct rec_file *f, bool last, struct err *e)
{
	CLEANUP(rec_reader_fini) struct rec_reader r = rec_reader_at(f->fd, 0, f->size);
	struct str line;
	int got;

	rec_check_file(c, f->path);
	while ((got = rec_reader_next(&r, &line, e)) == 1) {
		if (r.torn)
			rec_check_torn(c, line, last);
		else
			rec_check_line(c, line);
	}
	return got < 0 ? err_wrap(e, "%s", f->path) : 0;
}

int
rec_verify(const char *path, void (*found)(void *to, const struct rec_finding *f),
	void *to, struct rec_checked *got, struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files f = REC_FILES_INIT;
	CLEANUP(mem_freep) char *head = mem_printf("%s.head", path);
	struct rec_check c = { .found = found, .to = to, .file = path };

	if (rec_files_open(&f, path, e) < 0)
		return -1;
	c.at = rec_head_first(0);
	c.head = f.head;
	c.knows = f.state == REC_HEAD_GOOD;
	for (size_t i = 0; i < f.n; i++)
		if (check_file(&c, &f.at[i], i + 1 == f.n, e) < 0)
			return -1;
	rec_check_end(&c);
	if (f.state == REC_HEAD_BAD || (f.state == REC_HEAD_NONE && c.at.seq > 0)) {
		c.file = head;
		c.line = 0;
		tell(&c, REC_HEADLESS,
			"%s: whether lines are missing at the end cannot be told",
			f.state == REC_HEAD_BAD ? "this is no head of a decision log"
						: "there is no such file");
	}
	*got = c.sum;
	return 0;
}
