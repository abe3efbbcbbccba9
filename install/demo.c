#include "install/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json/json.h"
#include "base/log.h"
#include "base/path.h"
#include "install/demo_stage.h"
#include "install/demo_story.h"
#include "install/demo_watch.h"

enum { SHOWN_TOOLS = 12, OBSERVED_MAX = 160, DEMO_FAILED = 1 };

/* The rows of the final table, in the order in which they are observed. */
enum row { ROW_TOOLS, ROW_CONTROL, ROW_CALL, ROW_EDIT, ROW_SHELL, ROW_RESTORE, ROWS };

static const char *const row_name[ROWS] = {
	"only pando tools reach the model",
	"control: unsupervised, the canary is made",
	"the forbidden call is stopped on the wire",
	"the edit through pando_workspace",
	"the shell command stays inside",
	"the restore brings the file back",
};

struct demo {
	struct stage stage;
	bool colour;
	enum pol_agent agent;
	bool seen[POL_AGENTS][ROWS];
	bool ran[POL_AGENTS];
	size_t requests, decisions; /* lines that belong to earlier steps */
};

static void
paint(const struct demo *d, const char *code, const char *text)
{
	printf("%s%s%s", d->colour ? code : "", text, d->colour ? "\x1b[0m" : "");
}

static void
title(const struct demo *d, const char *text)
{
	printf("\n");
	paint(d, "\x1b[1;36m", pol_agent_name(d->agent));
	printf("  ");
	paint(d, "\x1b[1m", text);
	printf("\n");
}

static void
observed(struct demo *d, enum row row, bool good, const char *what)
{
	d->seen[d->agent][row] = good;
	printf("  ");
	paint(d, good ? "\x1b[32m" : "\x1b[1;31m", good ? "seen    " : "NOT SEEN");
	printf("  %s\n", what);
}

static void
print_tools(const char *head, const json_t *tools)
{
	const json_t *t;
	size_t i;

	printf("  %s (%zu):", head, json_array_size(tools));
	json_array_foreach(tools, i, t)
	{
		if (i == SHOWN_TOOLS) {
			printf(" ...");
			break;
		}
		printf(" %s", json_string_value(t));
	}
	printf("\n");
}

/* What the agent said at last; what it printed before is its own story. */
static struct str
last_line(struct str out)
{
	const char *nl;

	while (out.n > 0 && out.p[out.n - 1] == '\n')
		out.n--;
	nl = out.n > 0 ? memrchr(out.p, '\n', out.n) : NULL;
	return nl == NULL ? out : str_skip(out, (size_t)(nl + 1 - out.p));
}

/* Launches, tells what was typed and what the agent said. */
static int
launch(struct demo *d, bool supervised, const char *prompt, struct err *e)
{
	CLEANUP(stage_run_fini) struct stage_run run = { 0 };
	char shown[LOG_QUOTED_MAX];
	struct str out;

	d->requests = watch_count(d->stage.requests);
	d->decisions = watch_count(d->stage.decisions);
	printf("  $ %s %s \"%s\"%s\n", pol_agent_name(d->agent),
		d->agent == POL_CLAUDE ? "-p" : "exec", prompt,
		supervised ? "" : "      (past the shim)");
	if (stage_launch(&d->stage, d->agent, supervised, prompt, &run, e) < 0)
		return -1;
	if (stage_interrupted())
		return err_set(e, ERR_SYS, "interrupted");
	out = last_line(str_of(run.out));
	if (run.status != 0)
		printf("  (exit status %d) %s\n", run.status, log_quoted(out, shown));
	else
		printf("  > %s\n", log_quoted(out, shown));
	return 0;
}

static json_t *
requests_of_step(struct demo *d, struct err *e)
{
	return watch_lines(d->stage.requests, d->requests, e);
}

static json_t *
decisions_of_step(struct demo *d, struct err *e)
{
	return watch_lines(d->stage.decisions, d->decisions, e);
}

static int
step_without(struct demo *d, struct err *e)
{
	CLEANUP(json_freep) json_t *requests = NULL;
	const char *const canary = STORY_CANARY;

	title(d, "1. without pando-ai, the model asks for a shell command");
	if (launch(d, false, PROMPT_NATIVE, e) < 0)
		return -1;
	requests = requests_of_step(d, e);
	if (requests == NULL)
		return -1;
	print_tools("tools offered to the model", watch_tools(requests));
	observed(d, ROW_CONTROL, watch_exists(d->stage.outside, canary),
		"the command ran on the host and made the canary file");
	if (watch_exists(d->stage.outside, canary)) {
		CLEANUP(mem_freep) char *path = path_join(d->stage.outside, canary);

		if (unlink(path) < 0)
			return err_sys(e, "remove %s", path);
	}
	return 0;
}

static int
step_call(struct demo *d, struct err *e)
{
	CLEANUP(json_freep) json_t *requests = NULL;
	CLEANUP(json_freep) json_t *decisions = NULL;
	const json_t *hit;
	char what[OBSERVED_MAX];

	title(d, "2. the same words, supervised");
	if (launch(d, true, PROMPT_NATIVE, e) < 0)
		return -1;
	requests = requests_of_step(d, e);
	decisions = requests == NULL ? NULL : decisions_of_step(d, e);
	if (decisions == NULL)
		return -1;
	print_tools("tools offered to the model", watch_tools(requests));
	observed(d, ROW_TOOLS, watch_only_pando(watch_tools(requests)),
		"nothing but pando_core and pando_workspace reached the model");
	hit = watch_decision(decisions, "gateway_call_replaced",
		d->agent == POL_CLAUDE ? "Bash" : "exec_command");
	(void)snprintf(what, sizeof what,
		"the gateway replaced the call (rule %s); the canary was not made",
		hit != NULL && json_text_of(hit, "rule") != NULL
			? json_text_of(hit, "rule")
			: "?");
	observed(d, ROW_CALL,
		hit != NULL && !watch_exists(d->stage.outside, STORY_CANARY), what);
	return 0;
}

/* A call that the gateway let through and that our own server then carried out. */
static bool
is_joined(const json_t *decisions, const char *tool)
{
	const json_t *wire = watch_decision(decisions, "gateway_call_allowed", tool);
	const json_t *done = watch_decision(decisions, "mcp_call_allowed", tool);
	const char *a = wire == NULL ? NULL : json_text_of(wire, "call_id");
	const char *b = done == NULL ? NULL : json_text_of(done, "call_id");

	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static int
step_edit(struct demo *d, struct err *e)
{
	CLEANUP(json_freep) json_t *decisions = NULL;

	title(d, "3. an edit through pando_workspace");
	if (launch(d, true, PROMPT_EDIT, e) < 0)
		return -1;
	decisions = decisions_of_step(d, e);
	if (decisions == NULL)
		return -1;
	observed(d, ROW_EDIT,
		watch_file_is(d->stage.project, STORY_FILE, STORY_EDITED) &&
			is_joined(decisions, "replace"),
		STORY_FILE " is edited; gateway and server logged the same call id");
	return 0;
}

static int
step_shell(struct demo *d, struct err *e)
{
	CLEANUP(json_freep) json_t *requests = NULL;

	title(d, "4. a shell command that tries to reach outside");
	if (launch(d, true, PROMPT_SHELL, e) < 0)
		return -1;
	requests = requests_of_step(d, e);
	if (requests == NULL)
		return -1;
	observed(d, ROW_SHELL,
		watch_exists(d->stage.project, STORY_INSIDE) &&
			!watch_exists(d->stage.outside, STORY_ESCAPE) &&
			!watch_result_has(
				requests, "the-secret-that-must-stay-outside") &&
			!watch_result_has(requests, STORY_NETWORK_OPEN),
		"it wrote inside, could not write or read outside, and saw no network");
	return 0;
}

static int
step_restore(struct demo *d, struct err *e)
{
	CLEANUP(json_freep) json_t *decisions = NULL;

	title(d, "5. the file is deleted and restored from the snapshot before");
	if (launch(d, true, PROMPT_RESTORE, e) < 0)
		return -1;
	decisions = decisions_of_step(d, e);
	if (decisions == NULL)
		return -1;
	observed(d, ROW_RESTORE,
		watch_file_is(d->stage.project, STORY_FILE, STORY_EDITED) &&
			is_joined(decisions, "shell-command") &&
			is_joined(decisions, "restore-files"),
		STORY_FILE " is back, byte for byte");
	return 0;
}

static int
tell(struct demo *d, struct err *e)
{
	/* each agent finds the project as it was */
	CLEANUP(mem_freep) char *file = path_join(d->stage.project, STORY_FILE);
	CLEANUP(mem_freep) char *inside = path_join(d->stage.project, STORY_INSIDE);

	d->ran[d->agent] = true;
	(void)unlink(inside); /* made by the agent before, if at all */
	if (path_write(file, STR(STORY_TEXT), 0644, e) < 0 || step_without(d, e) < 0 ||
		step_call(d, e) < 0 || step_edit(d, e) < 0 || step_shell(d, e) < 0 ||
		step_restore(d, e) < 0)
		return err_wrap(e, "demo of %s", pol_agent_name(d->agent));
	return 0;
}

static bool
print_table(const struct demo *d)
{
	bool all = true;

	printf("\n%-44s", "observed");
	for (int a = 0; a < POL_AGENTS; a++)
		if (d->ran[a])
			printf("%-10s", pol_agent_name((enum pol_agent)a));
	printf("\n");
	for (int row = 0; row < ROWS; row++) {
		printf("%-44s", row_name[row]);
		for (int a = 0; a < POL_AGENTS; a++) {
			if (!d->ran[a])
				continue;
			paint(d, d->seen[a][row] ? "\x1b[32m" : "\x1b[1;31m",
				d->seen[a][row] ? "yes       " : "NO        ");
			all = all && d->seen[a][row];
		}
		printf("\n");
	}
	return all;
}

static int
play(struct demo *d, const bool wanted[POL_AGENTS], struct err *e)
{
	int told = 0;

	if (stage_open(&d->stage, e) < 0)
		return -1;
	printf("A scratch project and a stand-in model, both in %s; no key, no network.\n",
		d->stage.dir);
	for (int a = 0; a < POL_AGENTS; a++) {
		d->agent = (enum pol_agent)a;
		if (!wanted[a])
			continue;
		if (!stage_has_agent(&d->stage, d->agent)) {
			printf("\n%s is not installed: left out\n",
				pol_agent_name(d->agent));
			continue;
		}
		if (tell(d, e) < 0)
			return -1;
		told++;
	}
	if (told == 0)
		return err_set(e, ERR_NOAGENT, "demo: none of the agents is on PATH");
	if (!print_table(d)) {
		printf("\nNot everything was observed: see the steps above.\n");
		return DEMO_FAILED;
	}
	printf("\nEverything above was really observed.\n");
	return 0;
}

int
command_demo(int argc, char **argv, struct err *e)
{
	struct demo d = { .stage = STAGE_INIT, .colour = isatty(STDOUT_FILENO) };
	bool wanted[POL_AGENTS] = { true, true };
	enum pol_agent only;
	int status;

	if (argc == 3 && strcmp(argv[1], "--agent") == 0 &&
		pol_agent_from(str_of(argv[2]), &only)) {
		for (int a = 0; a < POL_AGENTS; a++)
			wanted[a] = a == (int)only;
	} else if (argc != 1) {
		return err_set(
			e, ERR_USAGE, "usage: pando-ai demo [--agent claude|codex]");
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	status = play(&d, wanted, e);
	stage_close(&d.stage);
	return status;
}
