#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json/json.h"
#include "base/path.h"
#include "policy/record.h"

static const struct rec_who who = { "run1", "claude", "2.1", "/p" };

static char *
scratch(void)
{
	char dir[] = "/tmp/pando-record-XXXXXX";

	if (mkdtemp(dir) == NULL)
		abort();
	return mem_strdup(dir);
}

static void
scratch_gone(char *dir)
{
	struct err e = ERR_INIT;

	ok_int(path_remove_tree(AT_FDCWD, dir, &e), 0, e.text);
	free(dir);
}

static void
a_line_is_one_json_object_with_every_field(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REC_LINE_MAX);
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;
	CLEANUP(json_freep) json_t *j = NULL;

	r.event = "gateway_call_replaced";
	r.layer = "gateway";
	r.tool = STR("Ba\"sh\n\xff");
	r.call_id = STR("toolu_1");
	r.args = STR("{}");
	r.verdict = "deny";
	r.rule = "native_tools.default";
	r.file = "/p.toml";
	r.line = 3;
	r.elapsed_us = 12;
	rec_format(&b, &who, &r);
	ok_int(b.p[b.n - 1], '\n', "ends in a newline");
	ok(memchr(b.p, '\n', b.n) == b.p + b.n - 1, "has no other newline");
	j = json_parse(buf_str(&b), &e);
	ok_str(e.text, "", "is JSON");
	ok_str(json_text_of(j, "run"), "run1", "run");
	ok_str(json_text_of(j, "tool"), "Ba\"sh\n\xef\xbf\xbd", "foreign text");
	ok_str(json_text_of(j, "at"), "/p.toml:3", "at");
	ok_str(json_text_of(j, "args_sha256"),
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		"arguments are hashed");
	ok(json_object_get(j, "server") == NULL, "empty fields are left out");
}

static void
lines_are_appended_and_the_file_is_turned_over(void)
{
	char *dir = scratch();
	CLEANUP(mem_freep) char *path = path_join(dir, "log");
	CLEANUP(mem_freep) char *old = path_join(dir, "log.1");
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;
	struct rec_log l;
	struct stat st;

	r.event = "shim_launch";
	ok_int(rec_open(&l, path, &e), 0, e.text);
	ok_int(rec_write(&l, &who, &r, &e), 0, e.text);
	ok_int(stat(path, &st), 0, "the log is there");
	ok_int(st.st_mode & 0777, 0600, "only for its owner");
	ok_int(truncate(path, (off_t)REC_FILE_MAX + 1), 0, "grow it");
	ok_int(rec_write(&l, &who, &r, &e), 0, e.text);
	ok_int(stat(old, &st), 0, "the full file is kept beside");
	ok_int(stat(path, &st), 0, "a new one is begun");
	ok(st.st_size > 0 && st.st_size < REC_LINE_MAX, "with one line");
	rec_close(&l);
	scratch_gone(dir);
}

static void
a_log_that_cannot_be_written_is_an_error(void)
{
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;
	struct rec_log l;

	r.event = "shim_launch";
	ok_int(rec_open(&l, "/nonexistent/log", &e), -1, "no such folder");
	ok_int(e.code, ERR_SPACE, "status");
	rec_close(&l);
	ok_int(rec_open(&l, "/dev/full", &e), 0, "the full device opens");
	ok_int(rec_write(&l, &who, &r, &e), -1, "a full disk");
	ok_int(e.code, ERR_SPACE, "status");
	rec_close(&l);
}

/* A disk that is full in the middle of a line; then there is room again. */
static void
a_torn_line_does_not_spoil_the_next(void)
{
	char *dir = scratch();
	CLEANUP(mem_freep) char *path = path_join(dir, "log");
	CLEANUP(buf_fini) struct buf text = BUF_INIT(REC_LINE_MAX);
	struct rlimit was;
	struct rlimit tight;
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;
	struct rec_log l;
	struct stat st;

	r.event = "shim_launch";
	ok_int(rec_open(&l, path, &e), 0, e.text);
	ok_int(rec_write(&l, &who, &r, &e), 0, e.text);
	ok_int(stat(path, &st), 0, "the log is there");
	ok_int(getrlimit(RLIMIT_FSIZE, &was), 0, "the limit as it was");
	tight = (struct rlimit){ (rlim_t)st.st_size + 9, was.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	ok_int(setrlimit(RLIMIT_FSIZE, &tight), 0, "room for nine bytes");
	ok_int(rec_write(&l, &who, &r, &e), -1, "half a line is an error");
	ok_int(e.code, ERR_SPACE, "status");
	ok_int(setrlimit(RLIMIT_FSIZE, &was), 0, "room again");
	r.event = "shim_refused";
	ok_int(rec_write(&l, &who, &r, &e), 0, e.text);
	ok_int(path_read(path, &text, &e), 0, e.text);
	ok(strstr(buf_text(&text), "\n{\"ts\"") != NULL &&
			strstr(strstr(buf_text(&text), "\n{\"ts\"") + 2, "{") == NULL,
		buf_text(&text));
	rec_close(&l);
	scratch_gone(dir);
}

int
main(void)
{
	a_line_is_one_json_object_with_every_field();
	lines_are_appended_and_the_file_is_turned_over();
	a_log_that_cannot_be_written_is_an_error();
	a_torn_line_does_not_spoil_the_next();
	return test_done();
}
