#ifndef SHIM_PLAN_H
#define SHIM_PLAN_H

/*
 * A launch as a value: from facts, policy and understood arguments to the argv, the
 * environment, the files to write and the links to make in the run's folder. Pure: the same
 * facts give the same plan, byte for byte. rundir.c carries it out.
 *
 * Which argument, setting and variable holds against what, and in which order, was measured
 * on claude 2.1.329 (2.1.197) and codex 0.169.0.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "policy/policy.h"
#include "shim/args.h"
#include "base/words.h"

struct carry;
struct toml_node;

enum {
	PLAN_LINKS_MAX = 16,
	PLAN_SETTINGS_MAX = 4,   /* files of a project: root and cwd, shared and local */
	PLAN_FILE_MAX = 4 << 20, /* of one generated file, and of one read to make it */
};

struct plan_file {
	char *name; /* below the run's folder: "claude/settings.json"; codex: below its own */
	char *text;
	bool kept; /* the same for many launches, see kept.h; its name begins with "claude/" */
};

struct plan_link {
	char *name, *target;
};

struct plan {
	struct words argv, env;
	struct plan_file
		*file; /* as many as the person and the project have, see carry.h */
	struct plan_link link[PLAN_LINKS_MAX];
	size_t nfiles, files_cap, nlinks;
	struct words notes; /* lines for the person */
	char *requirements; /* codex: of the run's folder, see mount.h; NULL: none */
};

/* Borrowed by the plan while it is made. Texts may be NULL where that is said. */
struct plan_facts {
	const char *run;               /* id */
	const char *dir;               /* the run's folder */
	const char *root, *cwd, *home; /* canonical */
	const char *git_root;          /* NULL: none above cwd */
	const char *version;           /* of the agent */
	const char *hook, *mcp;        /* pando-hook and pando-mcp */
	const char *log;               /* PANDO_GATEWAY_LOG_FILE of the person, NULL */
	const char *policy;            /* the bundle of the run */
	const char *policy_sha256;     /* its digest */
	int port;                      /* of the gateway, 0: this run has none */
	const struct secret *token;    /* NULL with port 0 */
	char *const *env;              /* the person's */
	const char *own_dir;           /* the person's ~/.claude or ~/.codex */
	bool has_login;                /* .credentials.json or auth.json is in it */
	bool has_memory;               /* claude: CLAUDE.md is in it */
	unsigned has;                  /* codex: bit i, codex_links[i] is in it */
	bool has_file_history, has_plans, has_todos; /* claude: in own_dir */
	const char *root_memory;   /* of the project, as memory_read gives it, NULL */
	const struct carry *carry; /* claude: commands, skills ..., NULL */
	const char *given;         /* claude: of its --settings, looked at; NULL */
	const char *settings;      /* claude: text of settings.json, NULL */
	const char *chosen; /* claude: text of the choices, see claude_choice.h, NULL */
	/* claude: texts of the project's, the first weakest, then NULL */
	const char *project_settings[PLAN_SETTINGS_MAX + 1];
	const char *state;        /* claude: text of .claude.json, NULL */
	bool servers_in_project;  /* the file with the person's MCP servers lies in it */
	bool settings_in_project; /* claude: and settings.json */
	const struct toml_node *config;  /* codex: config.toml, NULL */
	const char *features;            /* codex: output of `features list` */
	const char *catalog;             /* codex: path of the edited model catalog */
	const char *profile_name;        /* codex: of --profile, NULL */
	const struct toml_node *profile; /* codex: <name>.config.toml, NULL */
	const struct toml_node *kept;    /* codex: see codex_kept.h, NULL */
	const char *sqlite_dir;          /* codex: where its databases are */
	const char *docs;                /* codex: the project's instructions, NULL */
};

void plan_fini(struct plan *p); /* for CLEANUP too */

int plan_claude(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a, struct err *e);
int plan_codex(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	const struct args *a, struct err *e);

/*
 * What must hold before anything is started, from facts alone: the person's model traffic
 * goes where the policy's upstream says, and no managed setting of the machine switches our
 * part off (one managed settings file at a time).
 */
int plan_claude_upstream(
	char *const *env, const char *settings, const struct policy *pol, struct err *e);
int plan_codex_upstream(
	const struct toml_node *config, const struct policy *pol, struct err *e);
int plan_claude_managed(const char *path, struct str text, struct err *e);
/* The same for a file of /etc/codex; above: it beats the command line. */
int plan_codex_managed(
	const char *path, const struct toml_node *config, bool above, struct err *e);

/* --- for claude.c and codex.c -------------------------------------------------------- */

/* Both take the text over. */
void plan_add_file(struct plan *p, const char *name, char *text);
void plan_add_kept(struct plan *p, const char *name, char *text);
void plan_add_link(struct plan *p, const char *name, const char *dir, const char *target);

/* Names of variables; a trailing "*" stands for any rest, "" ends a list. */
struct plan_scrub {
	const char *const *dropped;
	const char *const *kept; /* in spite of dropped */
};
/* The person's environment without what could move the agent, then who it is for. */
void plan_add_env(struct plan *p, const struct plan_facts *f, enum pol_agent a,
	const struct plan_scrub *s);
/* A name of such a list. */
bool plan_is_listed(struct str name, const char *const *list);
/* The value of a variable of the person's, NULL. */
const char *plan_env_of(char *const *env, const char *name);

/*
 * True when the agent is to have this tool of its own: policy offers it, or only listens (mode
 * audit), and then what the agent would have by itself is what it gets.
 */
bool plan_has_native(const struct policy *pol, enum pol_agent a, const char *tool);

/* A URL for a message: what may hold a password or a key is left out. Yours. */
char *plan_shown_url(const char *url);

/* http://127.0.0.1:<port>/run/<token><below> */
char *plan_base_url(const struct plan_facts *f, const char *below);

/* The environment of our servers: "core" or "workspace", as names and values in turn. */
enum { PLAN_SERVER_ENV_MAX = 18 };
size_t plan_server_env(const struct plan_facts *f, enum pol_agent a, const char *role,
	const char *pairs[PLAN_SERVER_ENV_MAX]);

#endif
