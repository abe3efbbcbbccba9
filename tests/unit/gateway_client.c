/* The client against the real gateway, which it starts itself. */
#include "gateway/client.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/path.h"
#include "policy/policy.h"
#include "tests/unit/test.h"

enum { RACERS = 6 };

static char home[] = "/tmp/gwclientXXXXXX";
static struct policy *policy;

static int
enrol(struct gw_run *run, struct err *e)
{
	char id[ID_HEX + 1];
	const struct gw_register r = { .run = id,
		.agent = "claude",
		.agent_version = "1",
		.root = home,
		.policy_sha256 = pol_digest(policy) };

	if (id_new(id, e) < 0)
		return -1;
	return gw_client_register(&r, run, e);
}

static int
status_number(const char *key)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(1 << 20);
	CLEANUP(json_freep) json_t *j = NULL;
	struct err e = ERR_INIT;

	if (gw_client_status(&reply, &e) != 0)
		return -1;
	j = json_parse(buf_str(&reply), &e);
	if (strcmp(key, "runs") == 0)
		return (int)json_array_size(json_object_get(j, key));
	return (int)json_integer_value(json_object_get(j, key));
}

static void
without_a_gateway(void)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(1024);
	struct err e = ERR_INIT;

	ok_int(gw_client_status(&reply, &e), 1, "status: none, and none is started");
	ok_int(gw_client_stop(&e), 1, "stop: none");
}

static void
the_first_register_starts_it(void)
{
	struct err e = ERR_INIT;
	struct gw_run a, b;
	int pid;

	if (enrol(&a, &e) < 0) {
		ok_str(e.text, "", "register starts a gateway");
		return;
	}
	ok(a.port > 0, "with a port");
	ok_int(strlen(a.token.hex), SECRET_HEX, "with a token");
	pid = status_number("pid");
	ok(pid > 0 && getsid(pid) == pid, "in a session of its own");
	ok_int(waitpid(-1, NULL, WNOHANG), -1, "it is not our child");
	if (enrol(&b, &e) < 0) {
		ok_str(e.text, "", "register again");
		return;
	}
	ok_int(b.port, a.port, "the same gateway");
	ok(strcmp(a.token.hex, b.token.hex) != 0, "another token");
	ok_int(status_number("runs"), 2, "two runs");
	ok_int(gw_client_stop(&e), 0, "stop");
	ok_int(gw_client_stop(&e), 1, "it is gone when stop answers");
	ok(kill(pid, 0) < 0 || getsid(pid) != pid || status_number("pid") < 0, "really");
}

static int
race(int go, int out)
{
	struct err e = ERR_INIT;
	struct gw_run run;
	char c;

	/* all start when the last writer closes */
	if (read(go, &c, 1) != 0 || enrol(&run, &e) < 0)
		return 1;
	return write(out, &run.port, sizeof run.port) == sizeof run.port ? 0 : 2;
}

static void
many_at_once_share_one(void)
{
	pid_t pid[RACERS];
	struct err e = ERR_INIT;
	int go[2], out[2], first = 0, same = 0;

	ok_int(pipe(go) + pipe(out), 0, "pipes");
	for (int i = 0; i < RACERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			(void)close(go[1]);
			_exit(race(go[0], out[1]));
		}
	}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0; i < RACERS; i++) {
		int status = -1;

		(void)waitpid(pid[i], &status, 0);
		ok_int(status, 0, "each of many at once is registered");
	}
	(void)close(out[1]);
	for (int port; read(out[0], &port, sizeof port) == sizeof port;
		same += port == first)
		first = first == 0 ? port : first;
	ok_int(same, RACERS, "... with the same gateway");
	(void)close(out[0]);
	ok_int(gw_client_stop(&e), 0, "stop");
}

static int
news(int fd, struct buf *lines, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)poll(&p, 1, GW_REPLY_MS);
	return gw_client_watch_read(fd, lines, e);
}

/* Watches, ends it so, and answers how that looked. */
static int
watch_the_end(const struct gw_run *run, int how)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT(GW_WATCH_LINES_MAX);
	CLEANUP(fd_closep) int fd = -1;
	const int pid = status_number("pid");
	struct err e = ERR_INIT;

	ok_int(gw_client_watch(run->id, &fd, &e), 0, "watch");
	ok_int(news(fd, &lines, &e), GW_WATCH_ON, "it is watched");
	ok_int(gw_client_watch_read(fd, &lines, &e), GW_WATCH_ON, "nothing new");
	if (pid <= 0)
		return -1;
	(void)kill(pid, how);
	return news(fd, &lines, &e);
}

static void
a_watcher_sees_how_it_ended(void)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT(GW_WATCH_LINES_MAX);
	CLEANUP(fd_closep) int fd = -1;
	struct err e = ERR_INIT;
	struct gw_run run;

	ok_int(gw_client_watch("00000000000000aa", &fd, &e), 1, "nothing to watch");
	ok_int(enrol(&run, &e), 0, e.text);
	ok_int(gw_client_watch("00000000000000aa", &fd, &e), 0, "a run it does not know");
	ok_int(news(fd, &lines, &e), -1, "is refused");
	ok(strstr(e.text, "not one of ours") != NULL, e.text);
	ok_int(watch_the_end(&run, SIGTERM), GW_WATCH_BYE, "told to end, it says bye");
	ok_int(enrol(&run, &e), 0, e.text);
	ok_int(watch_the_end(&run, SIGKILL), GW_WATCH_DIED, "killed, it does not");
}

static void
it_is_revived_so_many_times(void)
{
	struct gw_revivals revivals = { .n = 0 };
	CLEANUP(fd_closep) int last = -1;
	struct err e = ERR_INIT;

	for (int i = 0; i < GW_REVIVALS_MAX; i++) {
		CLEANUP(fd_closep) int ready = -1;
		struct pollfd p = { .events = POLLIN };

		ok_int(gw_client_revive(&revivals, &ready, &e), 0, "it is started");
		p.fd = ready;
		ok_int(poll(&p, 1, GW_START_MS), 1, "... tells");
		ok_int(gw_client_revived(ready, &e), i == 0 ? 0 : 1,
			"... that it is there, or another one");
	}
	ok_int(gw_client_revive(&revivals, &(int){ -1 }, &e), -1, "not more often");
	ok(strstr(e.text, "3 times") != NULL, e.text);
	revivals.at_us[0] -= (int64_t)GW_REVIVALS_S * 1000000;
	ok_int(gw_client_revive(&revivals, &last, &e), 0, "a minute later, once more");
	ok_int(gw_client_revive(&revivals, &(int){ -1 }, &e), -1, "... only");
	ok_int(poll(&(struct pollfd){ .fd = last, .events = POLLIN }, 1, GW_START_MS), 1,
		"it tells");
	ok_int(gw_client_revived(last, &e), 1, "that another one is there");
	ok_int(gw_client_stop(&e), 0, "stop");
}

static void
what_cannot_start_says_why(void)
{
	CLEANUP(mem_freep) char *run = path_join(home, ".pando/run/gateway.lock");
	struct err e = ERR_INIT;
	struct gw_run r;

	(void)setenv("PANDO_GATEWAY_LOG_FILE", "/no/such/log", 1);
	ok_int(enrol(&r, &e), -1, "no log, no gateway");
	ok(strstr(e.text, "/no/such/log") != NULL, e.text);
	ok_int(err_exit_status(&e), 69, "the status for the gateway");
	(void)unsetenv("PANDO_GATEWAY_LOG_FILE");
	ok_int(mkdir(run, 0700), 0, "a directory in the lock's place");
	ok_int(enrol(&r, &e), -1, "no lock, no gateway");
	ok(strstr(e.text, "gateway.lock") != NULL, e.text);
	ok_int(rmdir(run), 0, "the directory goes");
	ok_int(enrol(&r, &e), 0, "then it starts");
}

int
main(void)
{
	CLEANUP(fd_closep) int tmp = path_open_dir("/tmp", &(struct err)ERR_INIT);
	struct err e = ERR_INIT;

	if (mkdtemp(home) == NULL)
		return 1;
	(void)setenv("HOME", home, 1);
	(void)unsetenv("PANDO_GATEWAY_LOG_FILE");
	policy = pol_default();
	without_a_gateway();
	the_first_register_starts_it();
	many_at_once_share_one();
	a_watcher_sees_how_it_ended();
	it_is_revived_so_many_times();
	what_cannot_start_says_why();
	ok_int(gw_client_stop(&e), 0, "the last one stops");
	ok_int(path_remove_tree(tmp, home + sizeof "/tmp", &e), 0, "the home goes");
	pol_free(policy);
	return test_done();
}
