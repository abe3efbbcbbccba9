#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mcp/run.h"
#include "tests/unit/test.h"

/* Real commands, started as the server starts them. */

enum { LONG_MS = 60000, SHORT_MS = 200 };

static bool
on_nothing(void *to)
{
	(void)to; /* not called: there is nothing to hear */
	return false;
}

static bool
on_byte(void *to)
{
	char c;

	return read(*(int *)to, &c, 1) >= 0;
}

static void
run(const char *command, int64_t timeout_ms, struct run_report *r)
{
	const struct tool_watch none = { .fd = -1, .on_ready = on_nothing };
	const struct run_spec s = {
		.command = command, .dir = "/", .timeout_ms = timeout_ms, .watch = &none
	};
	struct err e = ERR_INIT;

	ok_int(run_command(&s, r, &e), 0, command);
	ok(waitpid(-1, NULL, WNOHANG) < 0, "nothing is left of it");
	ok(!r->left_over, "and it says so");
}

static void
status_and_output_come_back(void)
{
	struct run_report r = RUN_REPORT_INIT;

	run("echo out; echo err >&2; cat; exit 3", LONG_MS, &r);
	ok_int(WEXITSTATUS(r.status), 3, "the exit status");
	ok_bytes(buf_str(&r.out.head), STR("out\n"), "standard output; input was empty");
	ok_bytes(buf_str(&r.err.head), STR("err\n"), "standard error");
	ok_int(r.killed, 0, "nobody was killed");
	ok(!r.timed_out && !r.stopped, "it ended by itself");
	run_report_fini(&r);
}

static void
much_output_is_bounded(void)
{
	struct run_report r = RUN_REPORT_INIT;

	run("head -c 20000000 /dev/zero; echo end", LONG_MS, &r);
	ok_int(r.out.total, 20000004, "all was counted");
	ok(r.out.head.n <= RUN_PART_MAX && r.out.tail.n <= 2 * (size_t)RUN_PART_MAX,
		"and cut");
	ok(r.out.tail.n > 4 && memcmp(r.out.tail.p + r.out.tail.n - 4, "end\n", 4) == 0,
		"the end is there");
	run_report_fini(&r);
}

static void
what_it_leaves_behind_is_killed(void)
{
	static const char *const commands[] = {
		"sleep 1000 & echo started",
		"setsid sleep 1000 & echo started",
		"(setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo started",
		"setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000' >/dev/null 2>&1 & echo started",
	};

	for (size_t i = 0; i < LEN(commands); i++) {
		struct run_report r = RUN_REPORT_INIT;

		run(commands[i], LONG_MS, &r);
		ok_int(WEXITSTATUS(r.status), 0, commands[i]);
		ok(r.killed > 0, "it tells that something was killed");
		ok_bytes(buf_str(&r.out.head), STR("started\n"),
			"what was written is there");
		run_report_fini(&r);
	}
}

static void
time_ends_it(void)
{
	struct run_report r = RUN_REPORT_INIT;

	run("echo before; sleep 1000; echo after", SHORT_MS, &r);
	ok(r.timed_out, "it timed out");
	ok_bytes(buf_str(&r.out.head), STR("before\n"),
		"what was written before is there");
	run_report_fini(&r);

	r = (struct run_report)RUN_REPORT_INIT;
	run("trap 'echo asked; exit 5' TERM; sleep 1000 & wait", SHORT_MS, &r);
	ok(r.timed_out, "it timed out too");
	ok_int(WEXITSTATUS(r.status), 5, "it was asked first");
	ok_bytes(buf_str(&r.out.head), STR("asked\n"), "and could end well");
	run_report_fini(&r);

	r = (struct run_report)RUN_REPORT_INIT;
	run("trap '' TERM; while :; do sleep 1000; done", SHORT_MS, &r);
	ok(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGKILL,
		"who does not listen is killed");
	run_report_fini(&r);
}

static void
the_client_can_stop_it(void)
{
	int p[2];
	struct run_report r = RUN_REPORT_INIT;
	struct err e = ERR_INIT;

	ok_int(pipe(p), 0, "a pipe");
	(void)close(p[1]); /* its end is what is heard */
	{
		const struct tool_watch w = {
			.fd = p[0], .on_ready = on_byte, .to = &p[0]
		};
		const struct run_spec s = { .command = "sleep 1000",
			.dir = "/",
			.timeout_ms = LONG_MS,
			.watch = &w };

		ok_int(run_command(&s, &r, &e), 0, "it came back");
	}
	ok(r.stopped && !r.timed_out, "because it was stopped");
	ok(r.elapsed_ms < LONG_MS / 2, "at once");
	(void)close(p[0]);
	run_report_fini(&r);
}

static void
our_own_variables_are_not_for_commands(void)
{
	struct run_report r = RUN_REPORT_INIT;

	(void)setenv("PANDO_RUN", "secret", 1);
	(void)setenv("PANDO_SANDBOX", "1", 1);
	run("echo \"[$PANDO_RUN][$PANDO_SANDBOX]\"; pwd", LONG_MS, &r);
	ok_bytes(buf_str(&r.out.head), STR("[][1]\n/\n"),
		"the environment and the directory");
	run_report_fini(&r);
}

static void
a_wrong_directory_is_an_error(void)
{
	const struct tool_watch none = { .fd = -1, .on_ready = on_nothing };
	const struct run_spec s = { .command = "true",
		.dir = "/no/such",
		.timeout_ms = LONG_MS,
		.watch = &none };
	struct run_report r = RUN_REPORT_INIT;
	struct err e = ERR_INIT;

	ok_int(run_command(&s, &r, &e), -1, "not started");
	ok(strstr(e.text, "No such file") != NULL, "and it says why");
	run_report_fini(&r);
}

int
main(void)
{
	struct err e = ERR_INIT;

	ok_int(run_prepare(&e), 0, "we are the reaper");
	status_and_output_come_back();
	much_output_is_bounded();
	what_it_leaves_behind_is_killed();
	time_ends_it();
	the_client_can_stop_it();
	our_own_variables_are_not_for_commands();
	a_wrong_directory_is_an_error();
	return test_done();
}
