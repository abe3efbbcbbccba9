#ifndef SHIM_OTHERS_H
#define SHIM_OTHERS_H

/*
 * The person's own MCP servers that a launch connects: those that the policy admits. For
 * claude*.c and codex*.c only. Pure.
 *
 * They are taken from the person's own configuration, never from the project's: a repository
 * could put any command under an admitted name. They run outside of the sandbox, as the
 * person, so nothing that they are started from may lie in the project, where a session's own
 * commands could change it; for the same reason they start in another folder, since programs
 * like npx and python load code from where they stand.
 */

#include "base/json/json.h"
#include "shim/plan.h"

enum { OTHERS_WIRE_MAX = 128 };

struct others_name {
	const char *own;
	char wire[OTHERS_WIRE_MAX + 1]; /* as the agent spells it for the model */
	const char *fault;              /* why it cannot be connected, NULL */
};

void others_name(struct others_name *n, enum pol_agent a, const char *own);
/* False: none is wanted. */
bool others_are_wanted(const struct policy *pol, enum pol_agent a);
/* The policy admits it, or only listens. */
bool others_is_wanted(
	const struct policy *pol, enum pol_agent a, const struct others_name *n);
/* A line for the person about one that is wanted and not connected. */
void others_note(
	struct words *notes, enum pol_agent a, const char *name, const char *why);
/* Why a program is not started, NULL. */
const char *others_program_fault(const char *command, const char *root);
/* Names something below the root; the root itself may be named. */
bool others_is_below(const char *text, const char *root);
#define OTHERS_BELOW                                                                     \
	"it is started from the project, where a session's own commands could "          \
	"change it"
/* Where they start. */
const char *others_cwd(const struct plan_facts *f);

/* --- claude: claude_others.c ----------------------------------------------------------- */

/* An object of servers as mcp.json has them. Yours, never NULL. */
json_t *claude_others(
	struct words *notes, const struct plan_facts *f, const struct policy *pol);
/* ",mcp__<server>__*" of each, and of each what is denied. */
void claude_others_allowed(struct buf *b, json_t *others);
void claude_others_denied(struct buf *b, json_t *others, const struct policy *pol);

/* --- codex: codex_others.c ------------------------------------------------------------- */

/* "mcp_servers.<name> = {..}" lines of the profile. */
void codex_others(struct buf *b, struct words *notes, const struct plan_facts *f,
	const struct policy *pol);
/* "[mcp_servers.<name>.identity]" tables of the requirements. */
void codex_others_identity(
	struct buf *b, const struct plan_facts *f, const struct policy *pol);

#endif
