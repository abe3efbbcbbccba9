/*
 * pando-hook EVENT: the hook that a supervised claude starts around each tool call, at the
 * session's begin and end, and when settings change. Event JSON on standard input, the answer
 * on standard output; status 0 with a whole answer, else HOOK_BLOCK and a reason on standard
 * error, which stops the call.
 */

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/place.h"
#include "gateway/client.h"
#include "policy/layers.h"
#include "shim/chosen.h"
#include "shim/hook.h"
#include "shim/inherit.h"
#include "shim/ready.h"

enum { ALT_STACK = 16384, CHECKIN_US = 3 * 1000000, CHECKIN_AGAIN_NS = 20 * 1000000 };

/*
 * claude before 2.1.295 lets the call go on when its hook ends by a signal or is too slow, and
 * later ones do so without onFailure. Only SIGKILL is left to them.
 */
static void
on_signal(int number)
{
	const struct str late = STR(
		"pando-ai: no decision on this in time, so it is stopped\n");
	const struct str ended = STR(
		"pando-ai: the hook was ended before it decided, so this is stopped\n");
	const struct str why = number == SIGALRM ? late : ended;

	if (write(STDERR_FILENO, why.p, why.n) < 0)
		_exit(HOOK_BLOCK); /* without its reason, then */
	_exit(HOOK_BLOCK);
}

static void
end_by_blocking(void)
{
	static const int ends[] = { SIGALRM, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT,
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGXCPU, SIGVTALRM,
		SIGPROF, SIGUSR1, SIGUSR2, SIGIO, SIGPWR };
	static char room[ALT_STACK]; /* where the usual stack has run over */
	const stack_t alt = { .ss_sp = room, .ss_size = sizeof room };
	const struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	sigset_t none;

	(void)sigaltstack(&alt, NULL);
	for (size_t i = 0; i < LEN(ends); i++)
		(void)sigaction(ends[i], &a, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(HOOK_DEADLINE_S);
}

static int
record(const struct hook_call *c, const struct policy *p, struct err *e)
{
	const struct rec_who who = rec_who_from_env();
	CLEANUP(mem_freep) char *path = place_decision_log(e);
	CLEANUP(rec_close) struct rec_log log = REC_LOG_INIT;
	const struct rec r = hook_rec(c);

	if (who.run == NULL)
		return err_set(e, ERR_USAGE,
			"PANDO_RUN is not set: only a session that pando-ai started has "
			"this hook");
	if (path == NULL || rec_open(&log, path, pol_log_of(p), e) < 0)
		return -1;
	return rec_write(&log, &who, &r, e);
}

/* claude's own mark for its terminal interface; without one it waits by itself. */
static int
hold_prompt(const struct hook_call *c, struct err *e)
{
	const char *entry = getenv("CLAUDE_CODE_ENTRYPOINT");
	const char *run = getenv("PANDO_RUN");
	CLEANUP(mem_freep) char *path = NULL;

	if (c->event != HOOK_PROMPT || entry == NULL || strcmp(entry, "cli") != 0 ||
		run == NULL)
		return 0;
	if (c->mode == POL_OFF && (path = place_decision_log(e)) == NULL)
		return -1;
	return ready_wait(run, path, e) < 0 ? -1 : 0;
}

static void
rest(void)
{
	const struct timespec t = { 0, CHECKIN_AGAIN_NS };

	(void)nanosleep(&t, NULL); /* a signal only makes it shorter */
}

/* A gateway that was killed is started again by the core server: that is waited for. */
static int
check_in(const struct hook_call *c, struct err *e)
{
	const char *session = hook_session(c);
	const int64_t until = clock_mono_us() + CHECKIN_US;
	int got;

	if (session == NULL)
		return 0;
	while ((got = gw_client_checkin(getenv("PANDO_RUN"), session, e)) > 0 &&
		clock_mono_us() < until)
		rest();
	if (got > 0)
		return err_set(e, ERR_GATEWAY,
			"the gateway of this session does not run, so nothing can be asked of "
			"the model: end claude and start it again");
	return got;
}

static int
answer(const char *event, struct err *e)
{
	CLEANUP(buf_fini) struct buf in = BUF_INIT(HOOK_INPUT_MAX);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(HOOK_ANSWER_MAX);
	CLEANUP(hook_call_fini) struct hook_call c = HOOK_CALL_INIT;
	CLEANUP(pol_freep) struct policy *policy = NULL;

	if (fd_read_all(STDIN_FILENO, &in, e) < 0 ||
		hook_read(&c, event, buf_str(&in), e) < 0)
		return -1;
	policy = pol_load_for_run(getenv("PANDO_PROJECT_ROOT"), e);
	if (policy == NULL)
		return -1;
	hook_decide(&c, policy);
	/* what cannot be recorded does not go on; what is stopped is stopped with its own reason */
	if (record(&c, policy, e) < 0 && c.goes_on)
		return -1;
	if (c.event == HOOK_CONFIG_CHANGE)
		return err_set(e, ERR_REFUSED, HOOK_CONFIG_WHY);
	if (c.event == HOOK_SESSION_END && getenv("PANDO_RUN") != NULL &&
		chosen_save(getenv("PANDO_RUN"), e) < 0)
		return -1;
	if (check_in(&c, e) < 0 || hold_prompt(&c, e) < 0 ||
		hook_put_answer(&c, &out, e) < 0)
		return -1;
	return fd_write_all(STDOUT_FILENO, buf_str(&out), e);
}

int
main(int argc, char **argv)
{
	struct inherit inherited; /* nothing is started that it could be given back to */
	struct err e = ERR_INIT;

	end_by_blocking();
	inherit_take(&inherited);
	log_name("pando-ai");
	if (argc != 2)
		(void)err_set(&e, ERR_USAGE, "usage: pando-hook EVENT < JSON");
	else if (answer(argv[1], &e) == 0)
		return 0;
	(void)log_fail(&e); /* its status would let the call go on */
	return HOOK_BLOCK;
}
