#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fdio.h"
#include "base/path.h"
#include "mcp/run.h"
#include "mcp/tool.h"

/* shell-command: one command line, inside of the sandbox like the server itself. */

enum { TIMEOUT_DEFAULT_MS = 120000, MS_PER_S = 1000 };

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"command\"],"
	"\"properties\":{"
	"\"command\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":131072,"
	"\"description\":\"For bash -c\"},"
	"\"cwd\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,"
	"\"description\":\"Directory, relative to the project root\"},"
	"\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":600000,"
	"\"description\":\"120000 when absent\"}}}";

/* What was asked for, as far as [limits] goes. */
static int64_t
timeout_of(const struct tool_host *h, const json_t *args)
{
	const int64_t asked = tool_number(args, "timeout_ms", TIMEOUT_DEFAULT_MS);
	const int64_t most = (int64_t)h->limits.command_seconds * MS_PER_S;

	return most > 0 && asked > most ? most : asked;
}

static void
put_status(struct buf *out, const struct run_report *r, int64_t timeout_ms)
{
	const int sig = WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0;
	const char *limit = sig == SIGXFSZ ? ": a file was larger than the sandbox allows"
			    : sig == SIGXCPU
				    ? ": it used more processor time than allowed"
				    : "";

	if (r->timed_out)
		buf_printf(out, "timed out after %lld ms and was killed\n",
			(long long)timeout_ms);
	else if (sig > 0)
		buf_printf(out, "killed by signal %d (%s)%s\n", sig, sigabbrev_np(sig),
			limit);
	else
		buf_printf(out, "exit status %d\n", WEXITSTATUS(r->status));
	buf_printf(out, "%lld ms\n", (long long)r->elapsed_ms);
	if (r->killed > 0)
		buf_printf(out,
			"%d processes that it had left running were killed: nothing outlives a "
			"command\n",
			r->killed);
	if (r->left_over)
		buf_puts(out, "some of its processes could not be killed yet\n");
}

static void
put_stream(struct buf *out, const char *name, const struct run_capture *c)
{
	if (c->total == 0)
		return;
	buf_printf(out, "%s:\n", name);
	run_capture_put(out, c);
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		buf_putc(out, '\n');
}

static void
tell(struct tool_result *to, const struct run_report *r, const struct run_spec *s,
	const struct tool_host *h)
{
	const bool exited = WIFEXITED(r->status);

	put_status(&to->text, r, s->timeout_ms);
	if (r->timed_out &&
		s->timeout_ms == (int64_t)h->limits.command_seconds * MS_PER_S)
		buf_printf(&to->text,
			"the policy gives a command no more than %d seconds\n",
			h->limits.command_seconds);
	put_stream(&to->text, "stdout", &r->out);
	put_stream(&to->text, "stderr", &r->err);
	if (r->out.total == 0 && r->err.total == 0)
		buf_puts(&to->text, "no output\n");
	to->data = json_pack("{s:i, s:i, s:b, s:I, s:I, s:I, s:i}", "exit_status",
		exited ? WEXITSTATUS(r->status) : -1, "signal",
		exited ? 0 : WTERMSIG(r->status), "timed_out", (int)r->timed_out,
		"elapsed_ms", (json_int_t)r->elapsed_ms, "stdout_bytes",
		(json_int_t)r->out.total, "stderr_bytes", (json_int_t)r->err.total,
		"killed", r->killed);
	to->cancelled = r->stopped;
	to->failed = r->timed_out;
}

/* A directory of the project that is really there. */
static int
check_dir(const struct tool_host *h, const char *rel, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(h->root.fd, rel, O_RDONLY | O_DIRECTORY, 0, e);

	return fd < 0 ? err_wrap(e, "cwd") : 0;
}

static int
run(const struct tool_host *h, const json_t *args, struct tool_result *to, struct err *e)
{
	CLEANUP(mem_freep) char *rel = root_rel(&h->root, tool_text(args, "cwd", "."), e);
	CLEANUP(mem_freep) char *dir = NULL;
	CLEANUP(run_report_fini) struct run_report r = RUN_REPORT_INIT;
	struct run_spec s = {
		.command = tool_text(args, "command", ""),
		.timeout_ms = timeout_of(h, args),
		.output_max = h->limits.command_output_bytes,
		.watch = &h->watch,
	};

	if (rel == NULL || check_dir(h, rel, e) < 0)
		return -1;
	dir = path_join(h->root.path, rel);
	s.dir = dir;
	if (run_command(&s, &r, e) < 0)
		return -1;
	tell(to, &r, &s, h);
	return 0;
}

const struct tool tool_shell_command = {
	.name = "shell-command",
	.title = "Run a shell command",
	.description =
		"Runs a command line with bash in the project's sandbox: the project is "
		"writable, there is no network and no home directory, nothing outlives the "
		"command. Answers exit status and output. A snapshot is taken before; the "
		"answer names it and the files that changed.",
	.schema = schema,
	.role = TOOL_WORKSPACE,
	.destructive = true,
	.mutates = true,
	.run = run,
};
