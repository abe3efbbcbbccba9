#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/path.h"
#include "keeper/client.h"
#include "keeper/serve.h"
#include "tests/unit/logs.h"

enum { BULK_MAX = 1 << 20 };

/* A project, a home, and a keeper of it in a child; sock is the client's end. */
struct scene {
	char top[64];
	char *root, *home;
	int sock;
	pid_t pid;
};

static void
put(const struct scene *s, const char *name, const char *text, mode_t mode)
{
	CLEANUP(mem_freep) char *path = path_join(s->root, name);
	struct err e = ERR_INIT;

	ok_int(path_write(path, str_of(text), mode, &e), 0, e.text);
}

static void
be_keeper(const char *root, int sock)
{
	struct err e = ERR_INIT;
	struct keeper k;
	int got = keeper_open(&k, root, &e);

	if (got == 0)
		got = serve_run(&k, sock, &e);
	if (got < 0)
		printf("not ok - the keeper: %s\n", e.text);
	keeper_close(&k);
	_exit(got < 0 ? 1 : 0);
}

static void
write_policy(const struct scene *s, const char *text)
{
	CLEANUP(mem_freep) char *dir = path_join(s->home, ".pando");
	CLEANUP(mem_freep) char *path = path_join(dir, "policy.toml");
	struct err e = ERR_INIT;

	ok_int(path_mkdirs(dir, 0700, &e), 0, e.text);
	ok_int(path_write(path, str_of(text), 0600, &e), 0, e.text);
}

static void
begin_with(struct scene *s, const char *policy)
{
	struct err e = ERR_INIT;
	int p[2];

	(void)snprintf(s->top, sizeof s->top, "/tmp/pando-client-XXXXXX");
	ok(mkdtemp(s->top) != NULL, "mkdtemp");
	s->root = path_join(s->top, "root");
	s->home = path_join(s->top, "home");
	ok(path_mkdirs(s->root, 0755, &e) == 0 && path_mkdirs(s->home, 0700, &e) == 0,
		"mkdir");
	if (policy != NULL)
		write_policy(s, policy);
	ok_int(setenv("HOME", s->home, 1), 0, "HOME");
	ok_int(setenv("PANDO_RUN", "r1", 1), 0, "PANDO_RUN");
	ok_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0, "socketpair");
	s->sock = p[0];
	(void)fflush(stdout);
	s->pid = fork();
	if (s->pid == 0) {
		(void)close(p[0]);
		be_keeper(s->root, p[1]);
	}
	(void)close(p[1]);
}

static void
begin(struct scene *s)
{
	begin_with(s, NULL);
}

static void
end(struct scene *s)
{
	int status = -1;

	fd_closep(&s->sock);
	ok_int(waitpid(s->pid, &status, 0), s->pid, "the keeper ends");
	ok_int(status, 0, "the keeper ends well");
	logs_gone(mem_strdup(s->top), ".pando-data/gateway-debug.jsonl");
	free(s->root);
	free(s->home);
}

static void
snapshots_are_taken_listed_compared_and_read(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(BULK_MAX);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(BULK_MAX);
	CLEANUP(keeper_file_fini) struct keeper_file f = KEEPER_FILE_INIT;
	struct err e = ERR_INIT;
	char first[KEEPER_ID_HEX + 1];
	char second[KEEPER_ID_HEX + 1];
	bool is_new = false;
	struct scene s = { 0 };

	begin(&s);
	put(&s, "f", "one", 0640);
	ok_int(keeper_snapshot(s.sock, "before", "call_1", first, &is_new, &e), 0,
		e.text);
	ok(is_new, "the first one is new");
	ok_int(keeper_snapshot(s.sock, "again", NULL, second, &is_new, &e), 0, e.text);
	ok(!is_new, "nothing has changed");
	ok_str(second, first, "the same id");
	put(&s, "f", "two", 0640);
	put(&s, "\xff", "x", 0644);
	ok_int(keeper_diff(s.sock, first, &out, &e), 0, e.text);
	ok_str(buf_text(&out),
		"[{\"path_hex\":\"ff\",\"status\":\"delete\",\"kind\":\"file\",\"mode\":420},"
		"{\"path\":\"f\",\"status\":\"write\",\"kind\":\"file\",\"mode\":416}]",
		"the difference");
	ok_int(keeper_read(s.sock, first, "f", &f, &e), 0, e.text);
	ok_int(f.mode, 0640, "mode");
	ok(!f.is_link, "a file");
	ok_int(fd_read_all(f.content, &text, &e), 0, "content");
	ok_str(buf_text(&text), "one", "content");
	ok(write(f.content, "x", 1) < 0, "the content is sealed");
	ok_int(keeper_snapshot(s.sock, "why", "call_2", second, &is_new, &e), 0, e.text);
	keeper_file_fini(&f);
	ok_int(keeper_read(s.sock, second, "\xff", &f, &e), 0,
		"a name that is not UTF-8");
	buf_reset(&out);
	ok_int(keeper_list(s.sock, 1, &out, &e), 0, e.text);
	ok(strstr(buf_text(&out), second) != NULL &&
			strstr(buf_text(&out), first) == NULL,
		"the newest one only");
	end(&s);
}

static void
refusals_come_back_as_text(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(BULK_MAX);
	char id[KEEPER_ID_HEX + 1];
	struct err e = ERR_INIT;
	CLEANUP(keeper_file_fini) struct keeper_file f = KEEPER_FILE_INIT;
	bool flag = false;
	struct scene s = { 0 };

	begin(&s);
	put(&s, "f", "x", 0644);
	ok_int(keeper_snapshot(s.sock, "why", "", id, &flag, &e), 0, e.text);
	ok_int(keeper_read(s.sock, id, "../f", &f, &e), -1, "..");
	ok(strstr(e.text, "\"path\"") != NULL, e.text);
	ok_int(keeper_read(s.sock, id, "nothing", &f, &e), -1, "absent");
	ok(strstr(e.text, "not in the snapshot") != NULL, e.text);
	ok_int(keeper_diff(s.sock, "xyz", &out, &e), -1, "not an id");
	ok_int(keeper_list(s.sock, -1, &out, &e), -1, "not a count");
	ok_int(keeper_snapshot(s.sock, "", "", id, &flag, &e), -1, "no reason");
	ok_int(keeper_list(s.sock, 5, &out, &e), 0, "and it goes on");
	end(&s);
}

static void
log_lines_arrive(void)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(BULK_MAX);
	CLEANUP(mem_freep) char *path = NULL;
	CLEANUP(json_freep) json_t *j = NULL;
	struct err e = ERR_INIT;
	struct rec r = REC_INIT;
	struct scene s = { 0 };

	begin(&s);
	r.event = "mcp_call_allowed";
	r.tool = STR("replace");
	r.args = STR("{}");
	r.verdict = "allow";
	r.file = "policy.toml";
	r.line = 3;
	ok_int(keeper_log(s.sock, &r, &e), 0, e.text);
	path = path_join(s.home, ".pando-data/gateway-debug.jsonl");
	ok_int(path_read(path, &text, &e), 0, e.text);
	j = json_parse(buf_str(&text), &e);
	ok_str(json_text_of(j, "event"), "mcp_call_allowed", "event");
	ok_str(json_text_of(j, "run"), "r1", "run");
	ok_str(json_text_of(j, "root"), s.root, "root");
	ok_str(json_text_of(j, "layer"), "mcp", "layer");
	ok_str(json_text_of(j, "at"), "policy.toml:3", "at");
	ok_str(json_text_of(j, "args_sha256"),
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		"hash");
	r.event = "gateway_call";
	ok_int(keeper_log(s.sock, &r, &e), -1, "another layer's event");
	end(&s);
}

/* The peer sends them in any case; the keeper hashes what it got, and keeps it when it may. */
static void
arguments_are_kept_by_the_keepers_policy(void)
{
	static char large[REC_ARGS_MAX + 32];
	static const struct {
		const char *policy, *args, *has;
	} rows[] = {
		{ "", "{\"a\":1}",
			"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97"
			"f862\",\"verdict\"" },
		{ "[log]\narguments = true\n", "{\"a\":1}",
			"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862\","
			"\"args\":{\"a\":1},\"verdict\"" },
		{ "[log]\narguments = true\n", large, "\"args_cut\":true,\"verdict\"" },
	};

	(void)snprintf(large, sizeof large, "{\"a\":\"%0*d\"}", REC_ARGS_MAX, 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(BULK_MAX);
		CLEANUP(mem_freep) char *path = NULL;
		struct err e = ERR_INIT;
		struct rec r = REC_INIT;
		struct scene s = { 0 };

		begin_with(&s, rows[i].policy);
		r.event = "mcp_call_allowed";
		r.tool = STR("replace");
		r.args = str_of(rows[i].args);
		r.verdict = "allow";
		ok_int(keeper_log(s.sock, &r, &e), 0, e.text);
		path = path_join(s.home, ".pando-data/gateway-debug.jsonl");
		ok_int(path_read(path, &text, &e), 0, e.text);
		ok(strstr(buf_text(&text), rows[i].has) != NULL, buf_text(&text));
		end(&s);
	}
}

static void
log_has_a_ceiling(void)
{
	struct keeper k = {
		.root = -1,
		.path = mem_strdup("/r"),
		.log = mem_strdup("/x/y"),
		.policy = pol_default(),
	};
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(KEEPER_MSG_MAX);
	int memfd = -1;

	k.logged = SERVE_LOG_BYTES - 10;
	serve_message(
		&k, STR("{\"op\":\"log\",\"event\":\"mcp_started\"}"), &reply, &memfd);
	ok(strstr(buf_text(&reply), "the most that it may") != NULL, buf_text(&reply));
	keeper_close(&k);
}

static void
a_dead_keeper_is_told(void)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(BULK_MAX);
	CLEANUP(fd_closep) int ours = -1;
	struct err e = ERR_INIT;
	int p[2];

	ok_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0, "socketpair");
	ours = p[0];
	(void)close(p[1]);
	ok_int(keeper_list(ours, 1, &out, &e), -1, "closed");
	ok(strstr(e.text, "pando-keeper has ended") != NULL, e.text);
}

/* What the client makes of a peer that is not a keeper. */
static int
reply_with(struct str text, int memfd, struct err *e)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(BULK_MAX);
	CLEANUP(fd_closep) int ours = -1;
	CLEANUP(fd_closep) int theirs = -1;
	int p[2];

	ok_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0, "socketpair");
	ours = p[0];
	theirs = p[1];
	ok_int(fd_send(theirs, text, &memfd, memfd >= 0, e), 0, "the reply");
	return keeper_list(ours, 1, &out, e);
}

static void
wrong_replies_are_refused(void)
{
	CLEANUP(fd_closep) int open_fd = memfd_create("t", MFD_CLOEXEC);
	struct err e = ERR_INIT;

	ok_int(reply_with(STR("{\"ok\":true}"), open_fd, &e), -1, "not sealed");
	ok(strstr(e.text, "not sealed") != NULL, e.text);
	ok_int(reply_with(STR("{\"ok\":true}"), -1, &e), -1, "no content");
	ok_int(reply_with(STR("{\"ok\":1}"), -1, &e), -1, "not true");
	ok_int(reply_with(STR("{\"ok\":tr"), -1, &e), -1, "cut off");
	ok_int(reply_with(STR("[]"), -1, &e), -1, "not an object");
}

int
main(void)
{
	(void)umask(022);
	snapshots_are_taken_listed_compared_and_read();
	refusals_come_back_as_text();
	log_lines_arrive();
	arguments_are_kept_by_the_keepers_policy();
	log_has_a_ceiling();
	a_dead_keeper_is_told();
	wrong_replies_are_refused();
	return test_done();
}
