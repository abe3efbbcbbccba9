#ifndef SHIM_PERSON_H
#define SHIM_PERSON_H

/* What the person has of their own that a plan looks at. Read, never written. */

#include <stdbool.h>

#include "policy/policy.h"
#include "shim/plan.h"
#include "shim/carry.h"
#include "base/place_root.h"

struct person {
	char *home;
	char *own_dir; /* $CLAUDE_CONFIG_DIR or ~/.claude, $CODEX_HOME or ~/.codex */
	char *settings, *state;                       /* claude; NULL: absent */
	struct toml_node *config;                     /* codex; NULL: absent */
	char *config_text;                            /* the tree points into it */
	char *root_memory;                            /* claude; NULL: absent */
	char *project_settings[PLAN_SETTINGS_MAX];    /* claude; the weakest first */
	char *chosen;                                 /* claude; NULL: absent */
	struct carry carry;                           /* claude */
	bool servers_in_project, settings_in_project; /* as in plan_facts */
	bool has_login, has_memory, has_file_history, has_plans, has_todos;
	char *profile_name;        /* codex; NULL: none */
	struct toml_node *profile; /* codex; its file */
	char *profile_text;
	char *sqlite_dir; /* codex */
	char *docs;       /* codex; NULL: absent */
	unsigned has;     /* codex; as in plan_facts */
};

/* profile: of codex, NULL: none */
int person_read(struct person *p, enum pol_agent a, const struct place_root *root,
	const char *profile, struct err *e);
void person_fini(struct person *p); /* for CLEANUP too */
/* Makes claude's folder of sessions when it is absent, since a link to nothing holds none. */
int person_make_sessions(const struct person *p, const char *root, struct err *e);
/*
 * Commands of a session write in the project, so that one could lay there what this or the next
 * session loads: a folder of the person's that lies in it is refused, but for those that are
 * guarded (sandbox/guard.c). root NULL: it may.
 */
int person_check_outside(
	enum pol_agent a, const char *path, const char *root, struct err *e);
void person_tell(const struct person *p, struct plan_facts *f);

/* The managed settings on this machine, each checked by plan_<agent>_managed. */
int person_check_managed(enum pol_agent a, struct err *e);

#endif
