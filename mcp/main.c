/*
 * pando-mcp: the MCP servers pando_core and pando_workspace, on standard input and output.
 *
 *   pando-mcp --project-root P                               as an agent starts it
 *   pando-mcp --project-root P --sandboxed --keeper-fd N [--gateway-fd N]
 *                                                            as pando-sandbox starts it
 *
 * PANDO_PROCESS_ROLE is core, workspace, or unset for both. The core runs where it was
 * started and only reads. All else enters the sandbox first; where there is none, the server
 * answers with no tools and the reason.
 */

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "mcp/enter.h"
#include "mcp/inside.h"
#include "mcp/run.h"
#include "mcp/server.h"
#include "policy/layers.h"

struct options {
	const char *root;
	enum tool_role role;
	bool sandboxed;
	int keeper, gateway;
};

enum {
	OPT_ROOT = 'r',
	OPT_SANDBOXED = 's',
	OPT_KEEPER = 'k',
	OPT_GATEWAY = 'g',
	PASSWD_MAX = 16384
};

static int
take_role(struct options *o, struct err *e)
{
	const char *role = getenv("PANDO_PROCESS_ROLE");

	o->role = TOOL_ROLES;
	if (role == NULL)
		return 0;
	if (strcmp(role, "core") == 0)
		o->role = TOOL_CORE;
	else if (strcmp(role, "workspace") == 0)
		o->role = TOOL_WORKSPACE;
	else
		return err_set(e, ERR_USAGE,
			"PANDO_PROCESS_ROLE is \"%.64s\": it must be core or workspace, or not "
			"be set at all",
			role);
	return 0;
}

static int
take_fd(int *fd, const char *text, struct err *e)
{
	char *end;
	const long n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n <= STDERR_FILENO || n > INT16_MAX)
		return err_set(e, ERR_USAGE,
			"--keeper-fd and --gateway-fd want a descriptor from 3");
	*fd = (int)n;
	return 0;
}

static int
take_options(struct options *o, int argc, char **argv, struct err *e)
{
	static const struct option known[] = {
		{ "project-root", required_argument, NULL, OPT_ROOT },
		{ "sandboxed", no_argument, NULL, OPT_SANDBOXED },
		{ "keeper-fd", required_argument, NULL, OPT_KEEPER },
		{ "gateway-fd", required_argument, NULL, OPT_GATEWAY },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (c == OPT_ROOT)
			o->root = optarg;
		else if (c == OPT_SANDBOXED)
			o->sandboxed = true;
		else if (c != OPT_KEEPER && c != OPT_GATEWAY)
			return err_set(e, ERR_USAGE, "what is not understood: %s",
				argv[optind - 1]);
		else if (take_fd(c == OPT_KEEPER ? &o->keeper : &o->gateway, optarg, e) <
			 0)
			return -1;
	}
	if (optind < argc || o->root == NULL)
		return err_set(e, ERR_USAGE, "usage: pando-mcp --project-root DIRECTORY");
	if (o->sandboxed != (o->keeper >= 0) || (o->gateway >= 0 && !o->sandboxed))
		return err_set(e, ERR_USAGE,
			"--sandboxed and --keeper-fd go together, and --gateway-fd with them");
	return take_role(o, e);
}

/* The person's home lies there, or in it: then all that is the person's would be. */
static bool
holds_home(const char *path)
{
	const char *home = getenv("HOME");
	char *real = home == NULL ? NULL : realpath(home, NULL);
	const bool holds = real != NULL && path_is_within(real, path);

	free(real);
	return holds;
}

static bool
is_a_home(const char *path)
{
	bool found = holds_home(path);
	char room[PASSWD_MAX];
	struct passwd pw = { .pw_dir = NULL };
	struct passwd *got;

	setpwent();
	while (!found && getpwent_r(&pw, room, sizeof room, &got) == 0)
		found = strcmp(pw.pw_dir, path) == 0;
	endpwent();
	return found;
}

/* The descriptor of the root; what is opened is what was checked. */
static int
open_root(const char *path, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	char *real;
	bool same;

	if (!path_is_absolute(path))
		return err_set(
			e, ERR_REFUSED, "project root %s: want an absolute path", path);
	fd = path_open_dir(path, e);
	if (fd < 0)
		return err_wrap(e, "project root");
	real = realpath(path, NULL);
	same = real != NULL && strcmp(real, path) == 0;
	free(real);
	if (!same)
		return err_set(e, ERR_REFUSED,
			"project root %s: want the path without links, \"..\" and extra "
			"slashes",
			path);
	if (strcmp(path, "/") == 0 || is_a_home(path))
		return err_set(e, ERR_REFUSED,
			"project root %s: that is no project; start in a directory below it",
			path);
	return fd_take(&fd);
}

static int
take_agent(enum pol_agent *a, struct err *e)
{
	const char *agent = getenv("PANDO_AGENT");

	/* by hand, without a launch: MCP tools are decided alike for both */
	*a = POL_CLAUDE;
	if (agent == NULL || pol_agent_from(str_of(agent), a))
		return 0;
	return err_set(e, ERR_USAGE, "PANDO_AGENT is \"%.64s\": unknown", agent);
}

static int
note_start(struct server *s, struct err *e)
{
	struct rec r = REC_INIT;

	r.event = s->unavailable != NULL ? "sandbox_unavailable" : "mcp_started";
	r.layer = s->unavailable != NULL ? "sandbox" : "mcp";
	r.server = str_of(tool_server_of(s->role));
	r.mode = pol_mode_name(pol_mode_of(s->policy, s->agent));
	r.note = str_of(
		s->unavailable != NULL ? s->unavailable : tool_role_name(s->role));
	return audit_write(s->audit, &r, e);
}

/* Where it serves, under which policy. */
struct world {
	int root;
	struct policy *policy;
};

static void
world_fini(struct world *w)
{
	fd_closep(&w->root);
	pol_freep(&w->policy);
}

/*
 * Started by hand there is no policy of a run: then it is made here as a launch makes it, so
 * that all that is started from here has the same.
 */
static int
load_policy(const struct options *o, struct world *w, struct err *e)
{
	const bool has_run = getenv("PANDO_POLICY") != NULL;
	CLEANUP(mem_freep) char *path = NULL;

	if (o->sandboxed && !has_run)
		return err_set(e, ERR_SANDBOX,
			"no policy was handed in (PANDO_POLICY is not set)");
	w->policy = pol_load_for_run(o->root, e);
	if (w->policy == NULL)
		return -1;
	if (pol_requires_helper(w->policy))
		return err_set(e, ERR_REFUSED,
			"the policy has [security] require_helper = true, and this pando-ai "
			"has no helper daemon");
	if (has_run || o->role == TOOL_CORE)
		return 0;
	path = pol_bundle_save(w->policy, e);
	if (path == NULL)
		return -1;
	if (setenv("PANDO_POLICY", path, 1) < 0 ||
		setenv("PANDO_POLICY_SHA256", pol_digest(w->policy), 1) < 0)
		return err_sys(e, "set PANDO_POLICY");
	return 0;
}

/* The run that a gateway has, NULL: there is none, or none for this agent. */
static const char *
gateway_run(const struct policy *p, enum pol_agent a)
{
	return pol_mode_of(p, a) == POL_OFF ? NULL : getenv("PANDO_RUN");
}

/* The core of a launched run does: the workspace cannot, from where it is. */
static void
watch_the_gateway(const struct options *o, struct watch *w, struct audit *audit)
{
	w->run = getenv("PANDO_RUN");
	w->audit = audit;
	if (w->run != NULL && !o->sandboxed && o->role != TOOL_WORKSPACE)
		watch_begin(w);
}

/* The gateway of a launched run knows which calls the model made. */
static struct witness
witness_of(const struct options *o, const struct server *s)
{
	struct witness w = WITNESS_INIT;

	w.from = o->gateway;
	w.dials = !o->sandboxed && gateway_run(s->policy, s->agent) != NULL;
	w.dial.run = getenv("PANDO_RUN");
	w.dial.role = tool_role_name(o->role == TOOL_CORE ? TOOL_CORE : TOOL_WORKSPACE);
	if (w.dials || w.from >= 0)
		w.mode = pol_witness_of(s->policy, s->agent);
	return w;
}

static int
serve(const struct options *o, const struct world *w, const char *unavailable,
	struct err *e)
{
	CLEANUP(witness_fini) struct witness witness = WITNESS_INIT;
	CLEANUP(audit_close) struct audit audit = AUDIT_INIT;
	CLEANUP(watch_end) struct watch watch = WATCH_INIT;
	struct server s = {
		.role = o->role,
		.host = { .root = { .fd = w->root, .path = o->root },
			.keeper = o->keeper,
			.limits = *pol_limits_of(w->policy) },
		.policy = w->policy,
		.audit = &audit,
		.unavailable = unavailable,
		.in_fd = STDIN_FILENO,
		.out_fd = STDOUT_FILENO,
		.watch = &watch,
		.witness = &witness,
	};

	if (take_agent(&s.agent, e) < 0)
		return -1;
	witness = witness_of(o, &s);
	watch.witness = &witness;
	(void)signal(
		SIGPIPE, SIG_IGN); /* a client that is gone shows as an error of write */
	if (audit_open(&audit, o->keeper, pol_log_of(s.policy), e) < 0 ||
		note_start(&s, e) < 0)
		return -1;
	watch_the_gateway(o, &watch, &audit);
	return server_run(&s, e);
}

/* These sockets are not for commands, nor is this process's memory. */
static int
settle_inside(const struct options *o, struct err *e)
{
	if (inside_verify(e) < 0 || fd_set_cloexec(o->keeper, true, e) < 0 ||
		(o->gateway >= 0 && fd_set_cloexec(o->gateway, true, e) < 0) ||
		run_prepare(e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return err_sys(e, "close this process to others");
	return 0;
}

static int
start(const struct options *o, int *status, struct err *e)
{
	CLEANUP(world_fini) struct world w = { .root = open_root(o->root, e) };
	struct enter in = { .root = o->root };
	struct err why = ERR_INIT;
	enum pol_agent agent;

	if (w.root < 0 || (o->sandboxed && settle_inside(o, e) < 0) ||
		load_policy(o, &w, e) < 0 || take_agent(&agent, e) < 0)
		return -1;
	if (o->sandboxed || o->role == TOOL_CORE)
		return serve(o, &w, NULL, e);
	in.policy = getenv("PANDO_POLICY");
	in.run = gateway_run(w.policy, agent);
	if (enter_sandbox(&in, status, &why) == 0)
		return 0;
	(void)log_fail(&why); /* the client gets it too */
	return serve(o, &w, why.text, e);
}

int
main(int argc, char **argv)
{
	struct options o = { .keeper = -1, .gateway = -1 };
	struct err e = ERR_INIT;
	int status = 0;

	log_name("pando-mcp");
	(void)signal(
		SIGPIPE, SIG_IGN); /* a client that is gone shows as an error of write */
	if (take_options(&o, argc, argv, &e) < 0 || o.root == NULL ||
		start(&o, &status, &e) < 0)
		return log_fail(&e);
	return status;
}
