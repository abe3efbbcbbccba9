/*
 * pando-shim: stands on PATH as claude and codex and starts the real one, supervised.
 *
 * It finds the agent behind itself, the policy and the project root, plans the launch, has
 * the gateway register this process, writes the run's folder and becomes the agent by exec:
 * same process, terminal, signals and exit status. What fails before that leaves nothing
 * behind and exits by the table of base/err.h.
 */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "gateway/client.h"
#include "policy/layers.h"
#include "policy/record.h"
#include "shim/agent.h"
#include "shim/args.h"
#include "shim/claude_given.h"
#include "shim/find.h"
#include "shim/homedir.h"
#include "shim/mount.h"
#include "shim/inherit.h"
#include "shim/person.h"
#include "shim/plan.h"
#include "shim/probe.h"
#include "base/place_root.h"
#include "shim/rundir.h"
#include "shim/sweep.h"

enum { NOTE_MAX = 16384 };

struct launch {
	struct inherit inherited;
	enum pol_agent kind;
	char *const *argv;
	char run[ID_HEX + 1];
	const char *stage; /* what is being done; names the rule in the log */
	struct policy *policy;
	char *bundle; /* the policy as a file, for all of the run */
	char *file;   /* the agent, until it is l->agent's */
	struct agent agent;
	struct args args;
	struct place_root root;
	struct person person;
	struct rundir dir;
	struct homedir home; /* of codex */
	struct plan plan;
	struct gw_run gateway;
	char *hook, *mcp, *catalog;
	char *given; /* claude: --settings of the person, NULL */
	struct buf features;
};

static void
launch_fini(struct launch *l)
{
	pol_freep(&l->policy);
	mem_freep((void *)&l->bundle);
	mem_freep((void *)&l->file);
	agent_fini(&l->agent);
	args_fini(&l->args);
	place_root_fini(&l->root);
	person_fini(&l->person);
	rundir_fini(&l->dir);
	homedir_fini(&l->home);
	plan_fini(&l->plan);
	mem_freep((void *)&l->hook);
	mem_freep((void *)&l->mcp);
	mem_freep((void *)&l->catalog);
	mem_freep((void *)&l->given);
	buf_fini(&l->features);
}

static int
record(const struct launch *l, struct rec *r, struct err *e)
{
	const struct rec_who who = { .run = l->run,
		.agent = pol_agent_name(l->kind),
		.agent_version = l->agent.version,
		.root = l->root.path };
	CLEANUP(mem_freep) char *path = place_decision_log(e);
	CLEANUP(rec_close) struct rec_log log = REC_LOG_INIT;
	const struct pol_log *limits = l->policy == NULL ? NULL : pol_log_of(l->policy);

	r->layer = "shim";
	if (path == NULL || rec_open(&log, path, limits, e) < 0)
		return -1;
	return rec_write(&log, &who, r, e);
}

static int
record_launch(const struct launch *l, struct err *e)
{
	CLEANUP(buf_fini) struct buf note = BUF_INIT(NOTE_MAX);
	struct rec r = REC_INIT;

	r.event = l->args.inert ? "shim_passed" : "shim_launch";
	r.verdict = pol_verdict_name(POL_ALLOW);
	r.mode = pol_mode_name(pol_mode_of(l->policy, l->kind));
	buf_printf(&note, "%s %s%s, policy %s", l->agent.file, l->agent.version,
		l->args.inert ? " as typed" : "", pol_digest(l->policy));
	for (int i = POL_MANAGED; i < POL_LAYERS; i++)
		if (pol_path(l->policy, (enum pol_layer)i) != NULL)
			buf_printf(&note, ", %s", pol_path(l->policy, (enum pol_layer)i));
	r.note = buf_str(&note);
	return record(l, &r, e);
}

/* Mode audit: what would have been refused, told and then done. */
static int
record_wish(const struct launch *l, const struct err *why, struct err *e)
{
	struct rec r = REC_INIT;

	r.event = "shim_audited";
	r.verdict = pol_verdict_name(POL_DENY);
	r.rule = "launch.arguments";
	r.mode = pol_mode_name(POL_AUDIT);
	r.note = str_of(why->text);
	return record(l, &r, e);
}

/* A protection that is not there, and why. */
static int
record_lack(
	const struct launch *l, const char *rule, const struct err *why, struct err *e)
{
	struct rec r = REC_INIT;

	r.event = "shim_lacks";
	r.rule = rule;
	r.note = str_of(why->text);
	return record(l, &r, e);
}

static void
record_failure(const struct launch *l, const struct err *why)
{
	struct err none =
		ERR_INIT; /* nothing is done anyway, and why goes to the person */
	struct rec r = REC_INIT;
	const bool refused = why->code == ERR_REFUSED || why->code == ERR_POLICY ||
			     why->code == ERR_USAGE;

	r.event = refused ? "shim_refused" : "shim_failed";
	r.verdict = refused ? pol_verdict_name(POL_DENY) : NULL;
	r.rule = l->stage;
	r.note = str_of(why->text);
	(void)record(l, &r, &none);
}

static int
find(struct launch *l, struct err *e)
{
	const char *path = getenv("PATH");

	l->stage = "launch.agent";
	l->file = find_agent(path == NULL ? "" : path, pol_agent_name(l->kind), e);
	return l->file == NULL ? -1 : 0;
}

static int
load_policy(struct launch *l, struct err *e)
{
	l->stage = "launch.policy";
	l->policy = pol_load_live(l->root.path, e);
	if (l->policy != NULL)
		return 0;
	e->code = ERR_POLICY;
	return err_hint(e,
		"mend it, 'pando-ai policy check' tests it; nothing is launched "
		"until then");
}

static int
understand(struct launch *l, struct err *e)
{
	l->stage = "launch.arguments";
	if (l->kind == POL_CLAUDE)
		return args_of_claude(&l->args, l->argv, e);
	return args_of_codex(&l->args, l->argv, e);
}

static int
find_root(struct launch *l, struct err *e)
{
	struct err none = ERR_INIT; /* what starts no session needs no project */

	l->stage = "launch.root";
	if (place_root_find(&l->root, l->args.dir, getenv("PANDO_PROJECT_ROOT"),
		    l->args.inert ? &none : e) == 0)
		return 0;
	place_root_fini(&l->root);
	return l->args.inert ? 0 : -1;
}

/* Where the project's own must not be loaded; NULL: policy gives the agent a shell anyway. */
static const char *
guarded_root(const struct launch *l)
{
	const char *shell = l->kind == POL_CLAUDE ? "Bash" : "exec_command";

	return plan_has_native(l->policy, l->kind, shell) ? NULL : l->root.path;
}

/* A second PATH, which some programs read in place of the first. */
static void
drop_other_paths(void)
{
	size_t n = 0;
	bool seen = false;

	for (char **v = environ; *v != NULL; v++) {
		const bool is_path = strncmp(*v, "PATH=", 5) == 0;

		if (!is_path || !seen)
			environ[n++] = *v;
		seen = seen || is_path;
	}
	environ[n] = NULL;
}

/*
 * Commands of a session may write in the project, so that nothing there may be started
 * outside the sandbox: neither the agent itself nor a program that it finds on PATH.
 */
static int
open_agent(struct launch *l, struct err *e)
{
	const char *path = getenv("PATH");
	const char *root = guarded_root(l);
	CLEANUP(mem_freep)
	char *safe = find_path_outside(path == NULL ? "" : path, root);
	char *file = l->file;
	char real[PATH_MAX];

	l->stage = "launch.agent";
	if (realpath(file, real) == NULL)
		return err_sys(e, "look at %s", file);
	if (root != NULL && (path_is_within(file, root) || path_is_within(real, root)))
		return err_set(e, ERR_REFUSED,
			"%s: %s is inside the project, where a session's own commands could "
			"replace it: install %s elsewhere, or take that folder from PATH",
			pol_agent_name(l->kind), file, pol_agent_name(l->kind));
	if (setenv("PATH", safe, 1) < 0)
		return err_sys(e, "set PATH");
	drop_other_paths();
	l->file = NULL;
	return agent_open(&l->agent, l->kind, file, e);
}

static int
become(const struct launch *l, char *const *argv, char *const *env, struct err *e)
{
	inherit_give_back(&l->inherited);
	(void)execve(l->agent.file, argv, env);
	return err_sys(e, "start %s", l->agent.file);
}

static int
pass(struct launch *l, struct err *e)
{
	if (agent_knows(&l->agent, l->args.command, e) < 0 || record_launch(l, e) < 0)
		return -1;
	return become(l, l->argv, environ, e);
}

/* --settings of the person: a file's name, or JSON. */
static int
read_given(struct launch *l, struct err *e)
{
	const char *given = l->args.settings;
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PLAN_FILE_MAX);

	if (given == NULL || *given == '\0') /* which claude takes for none, too */
		return 0;
	l->stage = "launch.arguments";
	if (given[strspn(given, " \t\r\n")] != '{') {
		if (path_read(given, &text, e) < 0)
			return err_wrap(e, "claude: --settings");
		given = buf_text(&text);
	}
	l->given = claude_given_settings(given, e);
	return l->given == NULL ? -1 : 0;
}

/* What the person has, and whether it goes together with the policy. */
static int
look(struct launch *l, struct err *e)
{
	l->stage = "launch.configuration";
	if (person_read(&l->person, l->kind, &l->root, l->args.profile, e) < 0 ||
		read_given(l, e) < 0)
		return -1;
	l->stage = "launch.configuration";
	if (person_check_managed(l->kind, e) < 0)
		return -1;
	if (l->kind == POL_CODEX)
		return plan_codex_upstream(l->person.config, l->policy, e);
	return plan_claude_upstream(environ, l->person.settings, l->policy, e);
}

static int
ask_agent(struct launch *l, struct err *e)
{
	static const char *const features[] = { "features", "list", NULL };

	l->stage = "launch.agent";
	l->hook = place_program("pando-hook", e);
	l->mcp = l->hook == NULL ? NULL : place_program("pando-mcp", e);
	if (l->mcp == NULL)
		return -1;
	if (l->kind == POL_CLAUDE)
		return 0;
	if (agent_output(&l->agent, "features", features, &l->features, e) < 0)
		return -1;
	l->catalog = agent_catalog(
		&l->agent, plan_has_native(l->policy, POL_CODEX, "apply_patch"), e);
	return l->catalog == NULL ? -1 : 0;
}

/* Wishes about the agent's tools; an audited agent gets what it wants. */
static int
check_wishes(const struct launch *l, struct err *e)
{
	for (size_t i = 0; i < l->args.nwishes; i++) {
		struct err why = ERR_INIT;

		if (args_check_wish(&l->args.wish[i], l->policy, l->kind, &why) == 0)
			continue;
		if (pol_mode_of(l->policy, l->kind) != POL_AUDIT) {
			*e = why;
			return -1;
		}
		if (record_wish(l, &why, e) < 0)
			return -1;
	}
	return 0;
}

static int
check_helper(const struct launch *l, struct err *e)
{
	if (!pol_requires_helper(l->policy))
		return 0;
	return err_set(e, ERR_REFUSED,
		"the policy has [security] require_helper = true, and this pando-ai has no "
		"helper daemon: nothing is launched while the policy says that");
}

/* What the policy says of the launch as a whole. */
static int
ask_policy(struct launch *l, struct err *e)
{
	l->stage = "launch.helper";
	if (check_helper(l, e) < 0)
		return -1;
	l->stage = "launch.arguments";
	return check_wishes(l, e);
}

static int
join_gateway(struct launch *l, struct err *e)
{
	const struct gw_register r = { .run = l->run,
		.agent = pol_agent_name(l->kind),
		.agent_version = l->agent.version,
		.root = l->root.path,
		.policy = l->bundle,
		.policy_sha256 = pol_digest(l->policy) };

	l->stage = "launch.gateway";
	if (pol_mode_of(l->policy, l->kind) == POL_OFF)
		return 0;
	return gw_client_register(&r, &l->gateway, e);
}

static int
make_plan(struct launch *l, struct err *e)
{
	const char *log = getenv("PANDO_GATEWAY_LOG_FILE");
	struct plan_facts f = { .run = l->run,
		.dir = l->dir.path,
		.root = l->root.path,
		.cwd = l->root.cwd,
		.git_root = l->root.git_root,
		.version = l->agent.version,
		.hook = l->hook,
		.mcp = l->mcp,
		.log = log != NULL && path_is_absolute(log) ? log : NULL,
		.policy = l->bundle,
		.policy_sha256 = pol_digest(l->policy),
		.port = l->gateway.port,
		.token = &l->gateway.token,
		.env = environ,
		.features = buf_text(&l->features),
		.given = l->given,
		.catalog = l->catalog,
		.kept = l->home.kept };

	person_tell(&l->person, &f);
	if (l->kind == POL_CLAUDE)
		return plan_claude(&l->plan, &f, l->policy, &l->args, e);
	return plan_codex(&l->plan, &f, l->policy, &l->args, e);
}

static int
write_files(struct launch *l, struct err *e)
{
	if (l->kind == POL_CODEX)
		return homedir_fill(&l->home, &l->plan, e);
	if (person_make_sessions(&l->person, guarded_root(l), e) < 0)
		return -1;
	return rundir_fill(&l->dir, &l->plan, e);
}

/* Nothing is started half inside: see mount.h. */
static int
show_requirements(struct launch *l, struct err *e)
{
	CLEANUP(plan_fini) struct plan shown = { .nfiles = 0 };
	struct err why = ERR_INIT;

	l->stage = "launch.requirements";
	if (l->plan.requirements == NULL)
		return 0;
	plan_add_file(&shown, MOUNT_FILE, mem_strdup(l->plan.requirements));
	if (rundir_fill(&l->dir, &shown, e) < 0)
		return -1;
	if (mount_requirements(l->dir.path, &why) == 0)
		return 0;
	if (why.code == ERR_SYS) {
		*e = why;
		return -1;
	}
	if (pol_codex_requirements(l->policy) == POL_WANT)
		return record_lack(l, l->stage, &why, e);
	return err_set(e, ERR_REFUSED,
		"codex cannot be shown its requirements (%s), and the policy has [security] "
		"codex_requirements = \"require\": set it to \"auto\" to launch without",
		why.text);
}

/* Registered first: when this process ends, from here on, the gateway removes the folder. */
static int
start(struct launch *l, struct err *e)
{
	l->stage = "launch.policy";
	l->bundle = pol_bundle_save(l->policy, e);
	if (l->bundle == NULL || join_gateway(l, e) < 0)
		return -1;
	l->stage = "launch.files";
	if (rundir_make(&l->dir, l->run, e) < 0)
		return -1;
	if (l->gateway.port == 0)
		sweep_runs(l->dir.parent);
	if (l->kind == POL_CODEX &&
		homedir_open(&l->home, l->person.own_dir, guarded_root(l), l->dir.parent,
			l->person.config, e) < 0)
		return -1;
	if (make_plan(l, e) < 0 || write_files(l, e) < 0 || show_requirements(l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->plan.notes.n; i++)
		log_error("%s", l->plan.notes.v[i]);
	l->stage = "launch.exec";
	return become(l, l->plan.argv.v, l->plan.env.v, e);
}

/* A subcommand that only the policy knows; whether the agent does is seen later. */
static int
allow_new_command(struct launch *l, bool *passes, struct err *e)
{
	const char *word = args_new_command(l->kind, l->argv);

	*passes = word != NULL && pol_passes_subcommand(l->policy, l->kind, word);
	if (!*passes)
		return 0;
	if (l->kind == POL_CLAUDE && args_refuse_anywhere(l->argv, e) < 0)
		return -1;
	l->args.inert = true;
	l->args.command = word;
	return 0;
}

/* The policy may pass on what nobody understands here, so that both are asked. */
static int
understand_with_policy(struct launch *l, struct err *e)
{
	struct err why = ERR_INIT;
	const bool failed = understand(l, &why) < 0;
	bool passes = false;

	if (failed && args_new_command(l->kind, l->argv) == NULL) {
		*e = why;
		return -1;
	}
	if ((find_root(l, e) < 0 && !failed) || load_policy(l, e) < 0)
		return -1;
	l->stage = "launch.arguments";
	if (allow_new_command(l, &passes, e) < 0)
		return -1;
	if (failed && !passes)
		*e = why;
	return failed && !passes ? -1 : 0;
}

static int
launch(struct launch *l, struct err *e)
{
	if (id_new(l->run, e) < 0 || find(l, e) < 0 || understand_with_policy(l, e) < 0 ||
		open_agent(l, e) < 0)
		return -1;
	if (l->args.inert)
		return pass(l, e);
	l->stage = "launch.arguments";
	if (agent_takes_for_prompt(&l->agent, l->args.word, e) < 0)
		return -1;
	if (ask_policy(l, e) < 0 || look(l, e) < 0 || ask_agent(l, e) < 0)
		return -1;
	l->stage = "launch.log";
	if (record_launch(l, e) < 0)
		return -1;
	return start(l, e);
}

int
main(int argc, char **argv)
{
	CLEANUP(launch_fini)
	struct launch l = { .argv = argv,
		.dir = RUNDIR_INIT,
		.home = HOMEDIR_INIT,
		.features = BUF_INIT(AGENT_OUTPUT_MAX) };
	struct err e = ERR_INIT;

	inherit_take(&l.inherited);
	log_name("pando-shim");
	if (getenv(PROBE_MARK) != NULL)
		return PROBE_AGAIN;
	if (argc == 2 && strcmp(argv[1], MOUNT_CHECK) == 0 &&
		strcmp(path_base(argv[0]), "pando-shim") == 0)
		return mount_tell();
	if (argc < 1 || !pol_agent_from(str_of(path_base(argv[0])), &l.kind)) {
		(void)err_set(&e, ERR_USAGE,
			"this program stands on PATH as claude or codex: run 'pando-ai install', "
			"then start it by that name");
		return log_fail(&e);
	}
	(void)launch(&l, &e); /* comes back only when it failed */
	record_failure(&l, &e);
	homedir_drop(&l.home, &l.plan);
	rundir_drop(&l.dir);
	return log_fail(&e);
}
