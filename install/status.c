#include "install/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/place.h"
#include "gateway/client.h"
#include "install/agents.h"
#include "install/policy_cli.h"
#include "policy/files.h"
#include "policy/tested.h"

/* A status of 1, apart from errors, says: something that could be supervised is not. */
enum { STATUS_GAP = 1 };

/* What the mode leaves of supervision, in plain words. */
static int
mode_status(const char *name, enum pol_mode mode, const char *real)
{
	switch (mode) {
	case POL_ENFORCE:
		printf("%-8s supervised, mode enforce: %s\n", name, real);
		return 0;
	case POL_AUDIT:
		printf("%-8s NOT held back, mode audit: %s\n", name, real);
		printf("%-8s every call is decided and logged and none is stopped; its own tools "
		       "are on\n",
			"");
		return STATUS_GAP;
	case POL_OFF:
		printf("%-8s supervised in part, mode off: %s\n", name, real);
		printf("%-8s calls are not stopped on the wire: its model traffic does not go "
		       "through the gateway\n",
			"");
		return STATUS_GAP;
	case POL_MODES:
		break;
	}
	return STATUS_GAP;
}

/* Whether the tests have seen this version; a newer one is held by the checks of each run. */
static void
version_status(enum pol_agent a, const char *real)
{
	CLEANUP(mem_freep) char *version = agent_version(real);
	size_t n;
	const char *const *tested = pol_tested_versions(a, &n);

	if (version == NULL) {
		printf("%-8s version unknown: it does not answer --version\n", "");
		return;
	}
	printf("%-8s version %s, ", "", version);
	switch (pol_tested(a, version)) {
	case POL_TESTED:
		printf("tested\n");
		return;
	case POL_TESTED_NEWER:
		printf("newer than the newest tested, %s: the first request of each run shows "
		       "whether its tools are as planned, and stops it when not\n",
			tested[n - 1]);
		return;
	case POL_TESTED_OLDER:
		printf("older than the oldest tested, %s: update it\n", tested[0]);
		return;
	case POL_TESTED_AMONG:
		printf("not tested itself; %s and %s are\n", tested[0], tested[n - 1]);
		return;
	case POL_TESTED_UNKNOWN:
	case POL_TESTED_KINDS:
		break;
	}
	printf("which is not understood; tested is %s\n", tested[n - 1]);
}

static bool
has_shim(const char *name)
{
	struct err none = ERR_INIT; /* then install makes it, or tells why it cannot */
	CLEANUP(mem_freep) char *bin = place_bin(&none);
	CLEANUP(mem_freep) char *at = bin == NULL ? NULL : path_join(bin, name);

	return at != NULL && agent_is_shim(at);
}

/* Managed settings beat a launch, which reads them first and refuses what would lead out. */
static void
managed_status(enum pol_agent a)
{
	static const struct {
		enum pol_agent agent;
		const char *path;
	} managed[] = { { POL_CLAUDE, "/etc/claude-code/managed-settings.json" },
		{ POL_CLAUDE, "/etc/claude-code/managed-settings.d" },
		{ POL_CLAUDE, "/etc/claude-code/managed-mcp.json" },
		{ POL_CODEX, "/etc/codex/requirements.toml" },
		{ POL_CODEX, "/etc/codex/managed_config.toml" } };

	for (size_t i = 0; i < LEN(managed); i++)
		if (managed[i].agent == a && access(managed[i].path, F_OK) == 0)
			printf("%-8s managed by %s too: it beats a launch, which is refused when "
			       "it would lead out\n",
				"", managed[i].path);
}

/* The shim itself tries, in a process of its own, and says the line. */
static int
requirements_status(enum pol_want want, struct err *e)
{
	CLEANUP(mem_freep) char *program = place_program("pando-shim", e);
	pid_t pid;
	int status;

	if (program == NULL)
		return -1;
	(void)fflush(stdout);
	{
		char *argv[] = { program, (char[]){ "--check-requirements" }, NULL };
		char *env[] = { NULL };
		const struct child_spec spec = { .path = program,
			.argv = argv,
			.env = env,
			.fd = { -1, STDOUT_FILENO, STDERR_FILENO },
			.nfds = 3 };

		status = child_start(&spec, &pid, e) < 0 ? -1 : child_wait(pid, e);
	}
	if (status <= 0 || want != POL_WANT_SURELY)
		return status < 0 ? -1 : 0;
	printf("%-8s [security] codex_requirements = \"require\": codex is NOT launched\n",
		"");
	return STATUS_GAP;
}

/* What holds beside our own arguments, and what does not. */
static int
beside_status(enum pol_agent a, const struct policy *p, struct err *e)
{
	int gap = 0;

	managed_status(a);
	if (a == POL_CODEX && pol_codex_requirements(p) != POL_WANT_NOT)
		gap = requirements_status(pol_codex_requirements(p), e);
	printf("%-8s NOT covered: a start by its full path, past the shim\n", "");
	return gap;
}

static int
agent_status(enum pol_agent a, const struct policy *p, struct err *e)
{
	const char *path = getenv("PATH");
	const char *name = pol_agent_name(a);
	const enum pol_mode mode = pol_mode_of(p, a);
	bool first;
	int gap, beside;
	CLEANUP(mem_freep) char *real = agent_find(a, path == NULL ? "" : path, &first);

	if (real == NULL) {
		printf("%-8s not installed\n", name);
		return 0;
	}
	if (!first) {
		printf("%-8s NOT supervised: typing %s starts %s: %sput ~/.pando/bin first on "
		       "PATH\n",
			name, name, real,
			has_shim(name) ? "" : "run 'pando-ai install' and ");
		version_status(a, real);
		return STATUS_GAP;
	}
	gap = mode_status(name, mode, real);
	version_status(a, real);
	beside = beside_status(a, p, e);
	return beside < 0 ? -1 : gap | beside;
}

/* The files that hold, and whether the managed one is the last word. */
struct layers {
	bool locked;
};

static void
on_setting(void *to, const struct pol_shown *s)
{
	struct layers *l = to;

	if (strcmp(s->key, "lock") == 0 && strcmp(s->value, "true") == 0)
		l->locked = s->layer == POL_MANAGED;
}

static void
policy_status(const struct policy *p)
{
	struct layers l = { .locked = false };
	const char *title = "policy";

	pol_show(p, on_setting, &l);
	for (int i = POL_MANAGED; i < POL_LAYERS; i++) {
		const char *path = pol_path(p, (enum pol_layer)i);

		if (path == NULL)
			continue;
		printf("%-8s %-8s %s%s\n", title, pol_layer_name((enum pol_layer)i), path,
			i == POL_MANAGED && l.locked
				? " (locked: files below can only tighten it)"
				: "");
		title = "";
	}
	if (*title != '\0')
		printf("%-8s built-in: there is no file\n", title);
	if (pol_requires_helper(p))
		printf("%-8s [security] require_helper = true, but there is no helper daemon: "
		       "NOTHING is launched\n",
			"");
}

static int
gateway_status(struct err *e)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(GW_STATUS_MAX);
	const int none = gw_client_status(&reply, e);

	if (none < 0)
		return -1;
	printf("gateway  %s\n",
		none == 1 ? "not running; the next launch starts it" : "running");
	return 0;
}

static int
log_status(struct err *e)
{
	CLEANUP(mem_freep) char *path = place_decision_log(e);
	struct rec_head h;
	const int got = path == NULL ? -1 : rec_head_load(path, &h, e);

	if (got < 0)
		return -1;
	if (got == 0 || h.lost == 0) {
		printf("log      %s\n", path);
		return 0;
	}
	printf("log      %llu lines could not be written since %s: free space for %s\n",
		(unsigned long long)h.lost, h.since, path);
	return STATUS_GAP;
}

/* Asks pando-sandbox itself, about a folder that is nobody's project. */
static int
sandbox_status(struct err *e)
{
	char dir[] = "/tmp/pando-status-XXXXXX";
	CLEANUP(mem_freep) char *program = place_program("pando-sandbox", e);
	CLEANUP(mem_freep) char *home = place_home(e);
	CLEANUP(mem_freep) char *home_is = NULL;
	pid_t pid;
	int status;

	if (program == NULL || home == NULL)
		return -1;
	if (mkdtemp(dir) == NULL)
		return err_sys(e, "make %s", dir);
	home_is = mem_printf("HOME=%s", home);
	{
		char *argv[] = { program, (char[]){ "--project-root" }, dir,
			(char[]){ "--check" }, NULL };
		char *env[] = { home_is, NULL };
		const struct child_spec spec = { .path = program,
			.argv = argv,
			.env = env,
			.fd = { -1, STDOUT_FILENO, STDERR_FILENO },
			.nfds = 3 };

		status = child_start(&spec, &pid, e) < 0 ? -1 : child_wait(pid, e);
	}
	(void)rmdir(dir); /* an empty folder of ours in /tmp: no harm if it stays */
	if (status < 0)
		return -1;
	printf("sandbox  %s\n", status == 0
					? "bubblewrap works"
					: "NOT available: no tool that changes files is "
					  "offered to an agent");
	return status == 0 ? 0 : STATUS_GAP;
}

int
command_status(int argc, char **argv, struct err *e)
{
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(pol_freep) struct policy *p = NULL;
	int gap = 0;
	int log;
	int sandbox;

	if (argc > 1)
		return err_set(e, ERR_USAGE, "status takes no '%s'", argv[1]);
	p = cli_policy(NULL, &root, e);
	if (p == NULL)
		return -1;
	policy_status(p);
	for (int a = 0; a < POL_AGENTS; a++) {
		const int got = agent_status((enum pol_agent)a, p, e);

		if (got < 0)
			return -1;
		gap |= got;
	}
	if (pol_requires_helper(p))
		gap |= STATUS_GAP;
	if (gateway_status(e) < 0)
		return -1;
	log = log_status(e);
	sandbox = log < 0 ? -1 : sandbox_status(e);
	if (sandbox < 0)
		return -1;
	return gap | log | sandbox;
}
