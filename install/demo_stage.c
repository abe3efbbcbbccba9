#include "install/demo_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "base/words.h"
#include "install/agents.h"
#include "install/demo_story.h"

enum {
	WAIT_STEP_MS = 100,
	PROVIDER_WAIT_MS = 10000,
	END_WAIT_MS = 5000,
	FILE_MODE = 0644
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = number;
}

bool
stage_interrupted(void)
{
	return interrupted != 0;
}

static void
watch_signals(void)
{
	const struct sigaction act = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
}

static int
make_folders(struct stage *s, struct err *e)
{
	char dir[] = "/tmp/pando-demo-XXXXXX";
	const char *subs[] = { "home", "project", "outside", "home/.pando" };

	if (mkdtemp(dir) == NULL)
		return err_sys(e, "make a scratch folder %s", dir);
	s->dir = mem_strdup(dir);
	for (size_t i = 0; i < LEN(subs); i++) {
		CLEANUP(mem_freep) char *sub = path_join(dir, subs[i]);

		if (mkdir(sub, S_IRWXU) < 0)
			return err_sys(e, "make %s", sub);
	}
	s->home = path_join(dir, "home");
	s->project = path_join(dir, "project");
	s->outside = path_join(dir, "outside");
	s->requests = path_join(dir, "requests.jsonl");
	s->decisions = path_join(s->home, ".pando-data/gateway-debug.jsonl");
	return 0;
}

static int
put_file(const char *dir, const char *name, const char *text, struct err *e)
{
	CLEANUP(mem_freep) char *path = path_join(dir, name);

	return path_write(path, str_of(text), FILE_MODE, e);
}

static int
wait_for_port(struct stage *s, const char *file, struct err *e)
{
	for (int ms = 0; ms < PROVIDER_WAIT_MS; ms += WAIT_STEP_MS) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(64);
		struct err unread = ERR_INIT; /* not written yet */
		const int status = child_wait_ms(s->provider, WAIT_STEP_MS, e);

		if (status != CHILD_RUNNING) {
			s->provider = -1;
			return err_set(e, ERR_SYS,
				"the stand-in provider ended with status %d", status);
		}
		if (path_read(file, &text, &unread) < 0)
			continue;
		s->port = atoi(buf_text(&text));
		if (s->port > 0)
			return 0;
	}
	return err_set(e, ERR_SYS, "the stand-in provider did not start listening");
}

static int
start_provider(struct stage *s, struct err *e)
{
	CLEANUP(mem_freep) char *program = place_share("provider.py", e);
	CLEANUP(mem_freep) char *script = path_join(s->dir, "script.json");
	CLEANUP(mem_freep) char *port = path_join(s->dir, "port");
	CLEANUP(mem_freep) char *text = story_script(s->outside);
	CLEANUP(mem_freep) char *said = path_join(s->dir, "provider.txt");
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep)
	int err = open(said, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
	int p[2];

	if (program == NULL || path_write(script, str_of(text), FILE_MODE, e) < 0)
		return -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	from = p[0];
	s->provider_stdin = p[1];
	{
		const char *argv[] = { "python3", program, "--script", script, "--log",
			s->requests, "--port-file", port, "--until-eof", NULL };
		const char *env[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
		const struct child_spec spec = { .path = "/usr/bin/python3",
			.argv = (char *const *)(uintptr_t)argv,
			.env = (char *const *)(uintptr_t)env,
			.fd = { from, err, err },
			.nfds = 3,
			.new_session = true };

		if (child_start(&spec, &s->provider, e) < 0)
			return -1;
	}
	return wait_for_port(s, port, e);
}

static int
write_policy(struct stage *s, struct err *e)
{
	CLEANUP(mem_freep)
	char *text = mem_printf("[proxy]\nanthropic_upstream = \"http://127.0.0.1:%d\"\n"
				"openai_upstream = \"http://127.0.0.1:%d/v1\"\n",
		s->port, s->port);

	return put_file(s->home, ".pando/policy.toml", text, e);
}

/* The person's own agents first, then those that set-up brought. */
static void
set_path(struct stage *s)
{
	const char *own = getenv("PATH");
	CLEANUP(mem_freep) char *bundled = place_bundled_agents();

	s->path = mem_printf("%s%s%s", own == NULL ? "/usr/bin:/bin" : own,
		bundled == NULL ? "" : ":", bundled == NULL ? "" : bundled);
}

bool
stage_has_agent(const struct stage *s, enum pol_agent a)
{
	bool first;
	CLEANUP(mem_freep) char *real = agent_find(a, s->path, &first);

	return real != NULL;
}

/* What a person's environment would be, with dummy keys. */
static void
make_env(const struct stage *s, bool supervised, struct words *env)
{
	const char *term = getenv("TERM");

	words_addf(env, "HOME=%s", s->home);
	if (supervised)
		words_addf(env, "PATH=%s/.pando/bin:%s", s->home, s->path);
	else
		words_addf(env, "PATH=%s", s->path);
	words_addf(env, "TERM=%s", term == NULL ? "dumb" : term);
	words_add(env, "LANG=C.UTF-8");
	words_add(env, "ANTHROPIC_API_KEY=demo-key-that-opens-nothing");
	words_add(env, "OPENAI_API_KEY=demo-key-that-opens-nothing");
	if (!supervised)
		words_addf(env, "ANTHROPIC_BASE_URL=http://127.0.0.1:%d", s->port);
}

/* Ends it and all that it started, waits until it is gone. */
static void
stop(pid_t pid, int first_signal)
{
	struct err e = ERR_INIT; /* on the way out; the demo's own result counts */

	(void)kill(first_signal == SIGKILL ? -pid : pid, first_signal);
	if (child_wait_ms(pid, END_WAIT_MS, &e) != CHILD_RUNNING)
		return;
	(void)kill(-pid, SIGKILL);
	(void)child_wait(pid, &e);
}

static int
wait_for_run(pid_t pid, struct err *e)
{
	for (int ms = 0; ms < STAGE_RUN_S * 1000 && !stage_interrupted();
		ms += WAIT_STEP_MS) {
		const int status = child_wait_ms(pid, WAIT_STEP_MS, e);

		if (status != CHILD_RUNNING)
			return status;
	}
	stop(pid, SIGKILL);
	return -1;
}

static int
run_captured(const struct child_spec *given, int *status, char **out, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(STAGE_OUT_MAX);
	CLEANUP(fd_closep) int fd = memfd_create("demo-output", MFD_CLOEXEC);
	struct child_spec spec = *given;
	pid_t pid;

	if (fd < 0)
		return err_sys(e, "make a buffer for output");
	spec.fd[0] = -1;
	spec.fd[1] = spec.fd[2] = fd;
	spec.nfds = 3;
	spec.new_session = true;
	if (child_start(&spec, &pid, e) < 0)
		return -1;
	*status = wait_for_run(pid, e);
	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_all(fd, &text, e) < 0)
		return err_wrap(e, "output of %s", spec.path);
	*out = buf_take(&text);
	return 0;
}

/* A command of pando-ai itself, in the scratch home. */
static int
run_self(const struct stage *s, const char *const *argv, int *status, char **out,
	struct err *e)
{
	char self[PATH_MAX];
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	struct child_spec spec = { .path = self, .argv = (char *const *)(uintptr_t)argv };

	if (realpath("/proc/self/exe", self) == NULL)
		return err_sys(e, "find this program's own path");
	make_env(s, true, &env);
	spec.env = env.v;
	return run_captured(&spec, status, out, e);
}

static int
install_shims(struct stage *s, struct err *e)
{
	static const char *const argv[] = { "pando-ai", "install", NULL };
	CLEANUP(mem_freep) char *out = NULL;
	int status = -1;

	if (run_self(s, argv, &status, &out, e) < 0)
		return -1;
	return status == 0 ? 0 : err_set(e, ERR_NOAGENT, "%s", out);
}

int
stage_open(struct stage *s, struct err *e)
{
	watch_signals();
	set_path(s);
	if (make_folders(s, e) < 0 ||
		put_file(s->project, STORY_FILE, STORY_TEXT, e) < 0 ||
		put_file(s->outside, STORY_SECRET_FILE, STORY_SECRET, e) < 0 ||
		start_provider(s, e) < 0 || write_policy(s, e) < 0)
		return err_wrap(e, "demo");
	return install_shims(s, e);
}

static void
stop_gateway(struct stage *s)
{
	static const char *const argv[] = { "pando-ai", "proxy", "stop", NULL };
	CLEANUP(mem_freep) char *out = NULL;
	struct err e = ERR_INIT; /* it would end by itself soon */
	int status = -1;

	(void)run_self(s, argv, &status, &out, &e);
}

void
stage_close(struct stage *s)
{
	struct err e = ERR_INIT;

	interrupted = 0; /* what follows must still be waited for */
	if (s->port > 0)
		stop_gateway(s);
	fd_closep(&s->provider_stdin);
	if (s->provider > 0)
		stop(s->provider, SIGTERM);
	if (s->dir != NULL && path_remove_tree(AT_FDCWD, s->dir, &e) < 0)
		fprintf(stderr, "demo: %s is left behind: %s\n", s->dir, e.text);
	free(s->dir);
	free(s->home);
	free(s->project);
	free(s->outside);
	free(s->requests);
	free(s->decisions);
	free(s->path);
	*s = (struct stage)STAGE_INIT;
}

void
stage_run_fini(struct stage_run *r)
{
	free(r->out);
	r->out = NULL;
}

int
stage_launch(struct stage *s, enum pol_agent a, bool supervised, const char *prompt,
	struct stage_run *r, struct err *e)
{
	CLEANUP(words_fini) struct words env = WORDS_INIT;
	CLEANUP(mem_freep) char *program = NULL;
	CLEANUP(mem_freep) char *provider = story_codex_provider(s->port);
	const char *argv[STORY_ARGV_MAX];
	struct child_spec spec = { .argv = (char *const *)(uintptr_t)argv,
		.dir = s->project };
	bool first;

	program = supervised ? mem_printf("%s/.pando/bin/%s", s->home, pol_agent_name(a))
			     : agent_find(a, s->path, &first);
	if (program == NULL)
		return err_set(e, ERR_NOAGENT, "%s is not on PATH", pol_agent_name(a));
	make_env(s, supervised, &env);
	spec.path = program;
	spec.env = env.v;
	story_argv(a, supervised, prompt, provider, argv);
	return run_captured(&spec, &r->status, &r->out, e);
}
