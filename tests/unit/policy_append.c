/* The decision log in files: turns, rotation, what killed writers and full disks leave. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "policy/verify.h"
#include "tests/unit/logs.h"

enum {
	WRITERS = 8,
	LINES_EACH = 12500,
	TEXT_MAX = 1 << 20,
	KILLED = 4,
	ROUNDS = 40,
	SMALL_FILE = 4 << 20,
	TINY_FILE = 1000, /* some three lines */
	NAP_MOST_NS = 3000000
};

static const struct rec_who who = { "run1", "claude", "2.1", "/p" };

struct scene {
	char *dir, *path;
	struct rec_log log;
};

static void
begin(struct scene *s, const struct pol_log *limits)
{
	struct err e = ERR_INIT;

	s->dir = logs_scratch();
	s->path = path_join(s->dir, "log.jsonl");
	ok_int(rec_open(&s->log, s->path, limits, &e), 0, e.text);
}

/* spoilt: something in there is not as the schema and the chain want it, on purpose. */
static void
end(struct scene *s, bool spoilt)
{
	rec_close(&s->log);
	logs_gone(s->dir, spoilt ? NULL : "log.jsonl");
	free(s->path);
}

static int
put(struct rec_log *l, const char *event, struct err *e)
{
	struct rec r = REC_INIT;

	r.event = event;
	r.layer = "shim";
	return rec_write(l, &who, &r, e);
}

static void
put_lines(struct scene *s, int n)
{
	struct err e = ERR_INIT;

	for (int i = 0; i < n; i++)
		ok_int(put(&s->log, "shim_launch", &e), 0, e.text);
}

static char *
beside(const struct scene *s, const char *more)
{
	return mem_printf("%s%s", s->path, more);
}

static bool
is_there(const struct scene *s, const char *more)
{
	CLEANUP(mem_freep) char *path = beside(s, more);

	return access(path, F_OK) == 0;
}

static char *
text_of(const struct scene *s, const char *more)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	CLEANUP(mem_freep) char *path = beside(s, more);
	struct err e = ERR_INIT;

	ok_int(path_read(path, &b, &e), 0, e.text);
	return buf_take(&b);
}

static void
set_text(const struct scene *s, const char *more, const char *text)
{
	CLEANUP(mem_freep) char *path = beside(s, more);
	FILE *f = fopen(path, "we");

	ok(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, path);
}

static void
append(const struct scene *s, const char *text)
{
	FILE *f = fopen(s->path, "ae");

	ok(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, s->path);
}

/* --- verify ----------------------------------------------------------------------- */

static void
on_found(void *to, const struct rec_finding *f)
{
	const char *file = path_base(f->file);

	buf_printf(to, "%s%s %s:%d", ((struct buf *)to)->n > 0 ? ", " : "",
		rec_fault_name(f->fault), file + strlen("log.jsonl"), (int)f->line);
}

/* Findings as "<what> <.number>:<line>"; lines 0: any number of them. */
static void
verified(const struct scene *s, const char *want, uint64_t lines, const char *what)
{
	CLEANUP(buf_fini) struct buf found = BUF_INIT(TEXT_MAX);
	struct rec_checked got = { 0 };
	struct err e = ERR_INIT;

	ok_int(rec_verify(s->path, on_found, &found, &got, &e), 0, e.text);
	ok_str(buf_text(&found), want, what);
	if (lines > 0)
		ok_int(got.lines, lines, what);
}

/* --- one writer ------------------------------------------------------------------- */

static void
lines_are_appended_for_their_owner_only(void)
{
	struct scene s;
	struct stat st;
	struct rec_head h;
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *head = NULL;

	begin(&s, NULL);
	put_lines(&s, 3);
	head = beside(&s, ".head");
	ok_int(stat(s.path, &st), 0, "the log is there");
	ok_int(st.st_mode & 07777, 0600, "only for its owner");
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	ok_int(h.seq, 3, "the head knows the last line");
	ok_int(h.end, st.st_size, "and where it ends");
	ok_int(stat(head, &st), 0, "the head is there");
	ok_int(st.st_mode & 07777, 0600, "only for its owner");
	ok_int(st.st_size, REC_HEAD_BYTES, "and has its size");
	verified(&s, "", 3, "three lines");
	end(&s, false);
}

static void
only_a_regular_file_is_a_log(void)
{
	static const char *const bad[] = { "/nonexistent/log", "/dev/null", "/dev/full",
		"/proc/self", NULL };
	CLEANUP(mem_freep) char *dir = logs_scratch();
	CLEANUP(mem_freep) char *fifo = path_join(dir, "fifo");
	CLEANUP(mem_freep) char *link = path_join(dir, "link");
	const char *const made[] = { fifo, link, NULL };
	struct err e = ERR_INIT;
	struct rec_log l;

	ok_int(mkfifo(fifo, 0600), 0, "a FIFO");
	ok_int(symlink("target", link), 0, "a link");
	for (size_t i = 0; bad[i] != NULL; i++) {
		ok_int(rec_open(&l, bad[i], NULL, &e), -1, bad[i]);
		ok_int(e.code, ERR_SPACE, bad[i]);
		rec_close(&l);
	}
	for (size_t i = 0; made[i] != NULL; i++) {
		ok_int(rec_open(&l, made[i], NULL, &e), -1, made[i]);
		ok_int(e.code, ERR_SPACE, made[i]);
	}
	logs_gone(mem_strdup(dir), NULL);
}

/* --- rotation --------------------------------------------------------------------- */

static void
a_full_file_is_rotated_and_the_chain_goes_on(void)
{
	const struct pol_log limits = {
		.max_bytes = TINY_FILE, .max_days = 1, .keep = 3
	};
	CLEANUP(mem_freep) char *oldest = NULL;
	struct scene s;
	struct rec_head h;
	struct err e = ERR_INIT;

	begin(&s, &limits);
	put_lines(&s, 30);
	ok(is_there(&s, ".1") && is_there(&s, ".2") && is_there(&s, ".3"),
		"three are kept");
	ok(!is_there(&s, ".4"), "and no more");
	verified(&s, "", 0, "the chain goes on over the files");
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	ok(h.oldest > 1 && h.oldest < h.seq,
		"the head knows the oldest line that is kept");
	ok_int(h.seq, 30, "no number is lost");
	oldest = beside(&s, ".3");
	ok_int(unlink(oldest), 0, "someone removes the oldest");
	verified(&s, "removed .2:1", 0, "a removed oldest file");
	end(&s, true);
}

static void
fewer_are_kept_when_that_is_wanted(void)
{
	static const struct {
		int keep;
		const char *last, *none;
	} rows[] = { { 2, ".2", ".3" }, { 1, ".1", ".2" }, { 0, "", ".1" } };
	struct scene s;

	begin(&s, &(struct pol_log){ .max_bytes = TINY_FILE, .max_days = 1, .keep = 4 });
	put_lines(&s, 30);
	for (size_t i = 0; i < LEN(rows); i++) {
		s.log.limits.keep = rows[i].keep;
		put_lines(&s, 6);
		ok(is_there(&s, rows[i].last), rows[i].last);
		ok(!is_there(&s, rows[i].none), rows[i].none);
		verified(&s, "", 0, rows[i].last);
	}
	end(&s, false);
}

/* As it is after a kill in the middle of a rotation. */
static void
a_gap_in_the_numbers_is_filled(void)
{
	struct scene s;
	CLEANUP(mem_freep) char *one = NULL;
	CLEANUP(mem_freep) char *two = NULL;

	begin(&s, &(struct pol_log){ .max_bytes = TINY_FILE, .max_days = 1, .keep = 9 });
	put_lines(&s, 5);
	one = beside(&s, ".1");
	two = beside(&s, ".2");
	ok(is_there(&s, ".1") && !is_there(&s, ".2"), "one file");
	ok_int(rename(one, two), 0, "was moved up");
	verified(&s, "", 5, "in between");
	ok_int(rename(s.path, one), 0, "so was the log itself");
	verified(&s, "", 5, "in between");
	put_lines(&s, 10);
	verified(&s, "", 15, "afterwards");
	end(&s, false);
}

/* The first writers in a new file were killed before they saved that it is a new one. */
static void
a_rotation_that_was_not_saved_is_seen(void)
{
	struct scene s;
	CLEANUP(mem_freep) char *one = NULL;
	CLEANUP(buf_fini) struct buf head = BUF_INIT(REC_HEAD_BYTES);
	CLEANUP(mem_freep) char *head_path = NULL;
	struct err e = ERR_INIT;

	begin(&s, &(struct pol_log){ .max_bytes = 1 << 20, .max_days = 1, .keep = 9 });
	put_lines(&s, 5);
	one = beside(&s, ".1");
	head_path = beside(&s, ".head");
	ok_int(path_read(head_path, &head, &e), 0, e.text);
	ok_int(rename(s.path, one), 0, "put away");
	for (uint64_t i = 1; i <= 3; i++) {
		put_lines(&s, 1);
		set_text(&s, ".head", buf_text(&head));
	}
	put_lines(&s, 1);
	verified(&s, "", 9, "each line once");
	end(&s, false);
}

static void
an_old_file_is_rotated(void)
{
	struct scene s;
	struct rec_head h;
	char text[REC_HEAD_BYTES + 1] = "";
	struct err e = ERR_INIT;

	begin(&s, NULL);
	put_lines(&s, 2);
	ok(!is_there(&s, ".1"), "a new file stays");
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	h.born -= (uint64_t)REC_MAX_DAYS * 24 * 60 * 60;
	rec_head_put(&h, text);
	set_text(&s, ".head", text);
	put_lines(&s, 2);
	ok(is_there(&s, ".1"), "an old one is put away");
	verified(&s, "", 4, "without losing a line");
	end(&s, false);
}

/* --- many writers ----------------------------------------------------------------- */

static pid_t
start_writer(const struct scene *s, int lines)
{
	const pid_t pid = fork();
	struct rec_log l;
	struct err e = ERR_INIT;

	if (pid != 0)
		return pid;
	if (rec_open(&l, s->path, &s->log.limits, &e) < 0)
		_exit(1);
	for (int i = 0; lines < 0 || i < lines; i++)
		if (put(&l, "shim_launch", &e) < 0)
			_exit(2);
	_exit(0);
}

static void
no_line_of_many_writers_is_lost_or_mixed(void)
{
	const struct pol_log limits = {
		.max_bytes = SMALL_FILE, .max_days = 1, .keep = REC_KEEP_MAX
	};
	struct scene s;
	int status;

	begin(&s, &limits);
	for (int i = 0; i < WRITERS; i++)
		ok(start_writer(&s, LINES_EACH) > 0, "fork");
	for (int i = 0; i < WRITERS; i++)
		ok(wait(&status) > 0 && status == 0, "a writer has written all");
	ok(is_there(&s, ".2"), "there were rotations meanwhile");
	verified(&s, "", (uint64_t)WRITERS * LINES_EACH, "100000 lines of 8 writers");
	end(&s, false);
}

static void
a_killed_writer_breaks_nothing(void)
{
	const struct pol_log limits = {
		.max_bytes = SMALL_FILE / 32, .max_days = 1, .keep = REC_KEEP_MAX
	};
	CLEANUP(buf_fini) struct buf found = BUF_INIT(TEXT_MAX);
	struct rec_checked got = { 0 };
	struct err e = ERR_INIT;
	struct scene s;
	pid_t pids[KILLED];

	begin(&s, &limits);
	for (int i = 0; i < ROUNDS; i++) {
		const struct timespec nap = { .tv_nsec = 500000 +
							 random() % NAP_MOST_NS };

		for (int k = 0; k < KILLED; k++)
			pids[k] = start_writer(&s, -1);
		(void)nanosleep(&nap, NULL);
		for (int k = 0; k < KILLED; k++)
			ok(kill(pids[k], SIGKILL) == 0 && waitpid(pids[k], NULL, 0) > 0,
				"killed");
		put_lines(&s, 1);
	}
	ok_int(rec_verify(s.path, on_found, &found, &got, &e), 0, e.text);
	ok_int(got.broken, 0, buf_text(&found));
	ok(got.lines > ROUNDS, "they have written");
	end(&s, false);
}

static void
a_lock_that_is_held_for_long_is_an_error(void)
{
	struct scene s;
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *head = NULL;
	int fd;

	begin(&s, NULL);
	put_lines(&s, 1);
	head = beside(&s, ".head");
	fd = open(head, O_RDONLY | O_CLOEXEC);
	ok(fd >= 0 && flock(fd, LOCK_EX) == 0, "someone holds the lock");
	ok_int(put(&s.log, "shim_launch", &e), -1, "and does not let go");
	ok_int(e.code, ERR_SPACE, e.text);
	(void)close(fd);
	put_lines(&s, 1);
	verified(&s, "", 2, "afterwards");
	end(&s, false);
}

/* --- what is found at the end ----------------------------------------------------- */

static void
a_line_ahead_of_the_head_is_taken_in(void)
{
	for (int newline = 0; newline < 2; newline++) {
		struct scene s;
		struct stat st;
		CLEANUP(mem_freep) char *head = NULL;

		begin(&s, NULL);
		put_lines(&s, 2);
		head = text_of(&s, ".head");
		put_lines(&s, 1);
		set_text(&s, ".head", head);
		ok_int(stat(s.path, &st), 0, "killed between the line and the head");
		if (newline == 0)
			ok_int(truncate(s.path, st.st_size - 1), 0,
				"or just before the newline");
		verified(&s, "", 3, "before");
		put_lines(&s, 1);
		verified(&s, "", 4, "after");
		end(&s, false);
	}
}

static void
half_a_line_is_taken_out_and_told(void)
{
	struct scene s;
	struct rec_head h;
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *part = NULL;
	CLEANUP(mem_freep) char *text = NULL;

	begin(&s, NULL);
	put_lines(&s, 2);
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	part = mem_printf(
		"{\"v\":1,\"seq\":3,\"prev\":\"%s\",\"ts\":\"2026-11-21T", h.sha256);
	append(&s, part);
	verified(&s, "unfinished :3", 2, "before");
	put_lines(&s, 1);
	verified(&s, "unfinished :3", 4, "after");
	text = text_of(&s, "");
	ok(strstr(text, "shim_log_torn") != NULL, text);
	end(&s, false);
}

static void
what_others_write_is_left_and_found(void)
{
	static const struct {
		const char *text, *found;
	} rows[] = {
		{ "{\"ts\":\"x\"}\n", "inserted :3" },
		{ "half", "inserted :3" },
		{ "one\ntwo", "inserted :3, inserted :4" },
		{ "\n", "inserted :3" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct scene s;

		begin(&s, NULL);
		put_lines(&s, 2);
		append(&s, rows[i].text);
		put_lines(&s, 2);
		verified(&s, rows[i].found, 0, rows[i].text);
		end(&s, true);
	}
}

static void
a_cut_off_tail_stays_found(void)
{
	static const int left[] = { 0, 1, 100 }; /* bytes of the second line */

	for (size_t i = 0; i < LEN(left); i++) {
		struct scene s;
		struct stat st;

		begin(&s, NULL);
		put_lines(&s, 1);
		ok_int(stat(s.path, &st), 0, "the log is there");
		put_lines(&s, 2);
		ok_int(truncate(s.path, st.st_size + left[i]), 0, "cut off");
		verified(&s, left[i] == 0 ? "cut :1" : "cut :2, cut :1", 0, "at once");
		put_lines(&s, 1);
		verified(&s, left[i] == 0 ? "removed :2" : "inserted :2, removed :3", 0,
			"and later");
		end(&s, true);
	}
}

static void
a_lost_head_is_made_anew_and_told(void)
{
	enum { REMOVED, NONSENSE, ZEROS, WAYS };

	for (int way = 0; way < WAYS; way++) {
		struct scene s;
		struct err e = ERR_INIT;
		CLEANUP(mem_freep) char *head = NULL;

		begin(&s, NULL);
		put_lines(&s, 3);
		head = beside(&s, ".head");
		if (way == NONSENSE)
			set_text(&s, ".head", "nonsense");
		else if (way == ZEROS) /* what a file system leaves when the power goes */
			ok(truncate(head, 0) == 0 && truncate(head, REC_HEAD_BYTES) == 0,
				"holes");
		else
			ok_int(unlink(head), 0, "removed");
		rec_close(&s.log);
		ok_int(rec_open(&s.log, s.path, NULL, &e), 0, "another writer");
		verified(&s, "headless .head:0", 3, "at once");
		put_lines(&s, 2);
		verified(&s, "headless :4", 6, "and later");
		end(&s, true);
	}
}

static void
a_log_of_a_former_version_goes_on(void)
{
	struct scene s;

	begin(&s, NULL);
	append(&s, "{\"ts\":\"2026-11-20T00:00:00.000Z\",\"event\":\"shim_launch\"}\n"
		   "{\"ts\":\"2026-11-20T00:00:01.000Z\",\"event\":\"shim_la");
	verified(&s, "cut :2", 0, "as it is");
	put_lines(&s, 2);
	verified(&s, "begins :3", 4, "then the chain begins");
	end(&s, true);
}

/* --- a full disk ------------------------------------------------------------------ */

static void
set_limit(rlim_t bytes)
{
	struct rlimit r;

	ok_int(getrlimit(RLIMIT_FSIZE, &r), 0, "the limit as it is");
	r.rlim_cur = bytes == 0 ? r.rlim_max : bytes;
	ok_int(setrlimit(RLIMIT_FSIZE, &r), 0, "another one");
}

static void
lost_lines_are_counted_and_told(void)
{
	struct scene s;
	struct stat st;
	struct rec_head h;
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *text = NULL;

	begin(&s, NULL);
	put_lines(&s, 2);
	ok_int(stat(s.path, &st), 0, "the log is there");
	(void)signal(SIGXFSZ, SIG_IGN);
	set_limit((rlim_t)st.st_size + 9);
	for (int i = 0; i < 3; i++) {
		ok_int(put(&s.log, "shim_launch", &e), -1, "half a line is an error");
		ok_int(e.code, ERR_SPACE, e.text);
	}
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	ok_int(h.lost, 3, "the head counts");
	verified(&s, "lost :2", 2, "nothing of them stays in the file");
	set_limit(0);
	put_lines(&s, 1);
	text = text_of(&s, "");
	ok(strstr(text, "\"event\":\"shim_log_lost\",\"layer\":\"shim\",\"lost\":3,"
			"\"since\":\"20") != NULL,
		text);
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	ok(h.lost == 0 && h.since[0] == '\0', "told is told");
	verified(&s, "lost :3", 4, "one line for the three, and the next");
	end(&s, false);
}

static void
defer(struct scene *s, int n)
{
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;

	r.event = "gateway_call_allowed";
	r.layer = "gateway";
	for (int i = 0; i < n; i++)
		ok_int(rec_defer(&s->log, &who, &r, &e), 0, e.text);
}

static void
deferred_lines_are_written_together(void)
{
	enum { MANY = 2000, FEW = 3 };
	struct scene s;
	struct stat st;
	struct rec_head h;
	struct err e = ERR_INIT;

	begin(&s, NULL);
	defer(&s, FEW);
	ok(stat(s.path, &st) == 0 && st.st_size == 0, "nothing is written yet");
	put_lines(&s, 1);
	verified(&s, "", FEW + 1, "they stand before the line that was not deferred");
	defer(&s, FEW);
	ok_int(rec_flush(&s.log, &e), 0, e.text);
	ok_int(rec_flush(&s.log, &e), 0, "nothing to write");
	verified(&s, "", 2 * FEW + 1, "written when asked");
	defer(&s, MANY);
	ok(stat(s.path, &st) == 0 && st.st_size > REC_LATER_MAX, "many are not kept");
	rec_close(&s.log);
	verified(&s, "", MANY + 2 * FEW + 1, "the last ones are written at the end");
	ok_int(rec_open(&s.log, s.path, NULL, &e), 0, e.text);
	ok(stat(s.path, &st) == 0, "the log is there");
	set_limit((rlim_t)st.st_size + 700);
	defer(&s, FEW);
	ok_int(rec_flush(&s.log, &e), -1, "there is no room for all");
	ok_int(rec_head_load(s.path, &h, &e), 1, e.text);
	ok_int(h.lost, FEW, "each of them is counted");
	verified(&s, "lost :2007", MANY + 2 * FEW + 1, "and none of them stays");
	set_limit(0);
	put_lines(&s, 1);
	end(&s, false);
}

int
main(void)
{
	lines_are_appended_for_their_owner_only();
	only_a_regular_file_is_a_log();
	a_full_file_is_rotated_and_the_chain_goes_on();
	fewer_are_kept_when_that_is_wanted();
	a_gap_in_the_numbers_is_filled();
	a_rotation_that_was_not_saved_is_seen();
	an_old_file_is_rotated();
	no_line_of_many_writers_is_lost_or_mixed();
	a_killed_writer_breaks_nothing();
	a_lock_that_is_held_for_long_is_an_error();
	a_line_ahead_of_the_head_is_taken_in();
	half_a_line_is_taken_out_and_told();
	what_others_write_is_left_and_found();
	a_cut_off_tail_stays_found();
	a_lost_head_is_made_anew_and_told();
	a_log_of_a_former_version_goes_on();
	lost_lines_are_counted_and_told();
	deferred_lines_are_written_together();
	return test_done();
}
