#include "gateway/runs.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "gateway/process.h"
#include "tests/unit/logs.h"
#include "tests/unit/test.h"

#define ID_A "00000000000000aa"
#define ID_B "00000000000000bb"

static char *scratch, *decisions; /* a folder, and the log in it */

static struct gw_register
good(const char *id)
{
	static struct policy *p;

	if (p == NULL)
		p = pol_default();
	return (struct gw_register){ .run = id,
		.agent = "codex",
		.agent_version = "1",
		.root = "/tmp",
		.policy_sha256 = pol_digest(p),
		.log = decisions };
}

static void
note_end(struct gw_reg *r, void *to)
{
	char *ended = to;

	memcpy(ended, r->id, ID_HEX + 1);
}

static void
each_run_has_its_own_token(void)
{
	struct event_base *base = event_base_new();
	struct gw_register a = good(ID_A), b = good(ID_B);
	struct err e = ERR_INIT;
	struct gw_runs all;
	struct gw_reg *ra, *rb;
	char other[SECRET_HEX + 1];

	gw_runs_init(&all, base, note_end, NULL);
	ra = gw_runs_add(&all, &a, getpid(), &e);
	rb = gw_runs_add(&all, &b, getpid(), &e);
	ok_str(e.text, "", "two runs are taken");
	if (ra == NULL || rb == NULL)
		return;
	ok_int(all.n, 2, "two runs are there");
	ok(gw_runs_find(&all, str_of(ra->token.hex)) == ra, "the first by its token");
	ok(gw_runs_find(&all, str_of(rb->token.hex)) == rb, "the second by its token");
	memcpy(other, ra->token.hex, sizeof other);
	other[SECRET_HEX - 1] = other[SECRET_HEX - 1] == '0' ? '1' : '0';
	ok(gw_runs_find(&all, str_of(other)) == NULL, "none by another token");
	ok(gw_runs_find(&all, (struct str){ ra->token.hex, SECRET_HEX - 1 }) == NULL,
		"none by a part of it");
	ok(gw_runs_find(&all, STR("")) == NULL, "none by nothing");
	ok_str(gw_reg_who(ra).agent, "codex", "who it is");
	memcpy(other, ra->token.hex, sizeof other);
	gw_runs_drop(ra);
	ok(gw_runs_find(&all, str_of(other)) == NULL, "a dropped run's token is dead");
	gw_runs_fini(&all);
	event_base_free(base);
}

static void
a_run_ends_when_its_process_ends(void)
{
	struct event_base *base = event_base_new();
	struct gw_register a = good(ID_A), b = good(ID_B);
	char ended[ID_HEX + 1] = "";
	struct err e = ERR_INIT;
	struct gw_runs all;
	int p[2];
	pid_t pid;

	ok_int(pipe(p), 0, "a pipe");
	pid = fork();
	if (pid == 0) {
		char c;

		(void)close(p[1]);
		_exit((int)read(p[0], &c, 1));
	}
	(void)close(p[0]);
	gw_runs_init(&all, base, note_end, ended);
	ok(gw_runs_add(&all, &a, pid, &e) != NULL, "a run of a child");
	ok(gw_runs_add(&all, &b, getpid(), &e) != NULL, "a run of our own");
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	ok_str(ended, "", "nothing ends while both live");
	(void)close(p[1]); /* the child ends */
	while (ended[0] == '\0')
		(void)event_base_loop(base, EVLOOP_ONCE);
	ok_str(ended, ID_A, "the child's run ends");
	ok_int(all.n, 1, "ours is still there");
	(void)waitpid(pid, NULL, 0);
	gw_runs_fini(&all);
	event_base_free(base);
}

static void
a_process_that_is_gone_has_no_run(void)
{
	struct event_base *base = event_base_new();
	struct gw_register a = good(ID_A);
	struct err e = ERR_INIT;
	struct gw_runs all;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, NULL, 0);
	gw_runs_init(&all, base, note_end, NULL);
	ok(gw_runs_add(&all, &a, pid, &e) == NULL, "no run for a dead process");
	ok(strstr(e.text, "watch process") != NULL, e.text);
	ok_int(all.n, 0, "nothing is left of it");
	gw_runs_fini(&all);
	event_base_free(base);
}

static void
a_restored_run_is_for_the_same_process(void)
{
	struct event_base *base = event_base_new();
	const struct gw_register a = good(ID_A);
	char agent[] = "codex", version[] = "1", root[] = "/tmp";
	CLEANUP(mem_freep) char *sha = mem_strdup(a.policy_sha256);
	struct gw_record former = { .port = 1,
		.agent = agent,
		.agent_version = version,
		.root = root,
		.policy_sha256 = sha,
		.log = decisions,
		.pid = getpid(),
		.start = gw_process_start(getpid()) };
	struct err e = ERR_INIT;
	struct gw_runs all;
	struct gw_reg *r;

	memset(former.token.hex, 'a', SECRET_HEX);
	gw_runs_init(&all, base, note_end, NULL);
	r = gw_runs_restore(&all, ID_A, &former, &e);
	ok_str(e.text, "", "a run of before is taken over");
	ok(r != NULL && gw_runs_find(&all, str_of(former.token.hex)) == r,
		"with its token");
	ok(r != NULL && gw_runs_named(&all, ID_A) == r, "by its name");
	ok(gw_runs_named(&all, ID_B) == NULL, "no other name");
	ok(gw_runs_restore(&all, ID_A, &former, &e) == NULL, "not twice");
	former.start++;
	ok(gw_runs_restore(&all, ID_B, &former, &e) == NULL, "not for another process");
	ok(strstr(e.text, "it is gone") != NULL, e.text);
	former.start = 0;
	ok(gw_runs_restore(&all, ID_B, &former, &e) == NULL, "not for none");
	former.start = gw_process_start(getpid());
	sha[0] = sha[0] == '0' ? '1' : '0';
	ok(gw_runs_restore(&all, ID_B, &former, &e) == NULL, "not with another policy");
	ok_int(all.n, 1, "one run is there");
	gw_runs_fini(&all);
	event_base_free(base);
}

int
main(void)
{
	scratch = logs_scratch();
	decisions = path_join(scratch, "log.jsonl");
	each_run_has_its_own_token();
	a_run_ends_when_its_process_ends();
	a_process_that_is_gone_has_no_run();
	a_restored_run_is_for_the_same_process();
	logs_gone(scratch, "log.jsonl");
	free(decisions);
	return test_done();
}
