#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

/*
 * The ruleset and the one decision function, used by every layer.
 *
 * A policy is read once and not changed afterwards; pol_decide() is pure and allocates
 * nothing. Without a file the built-in defaults hold: native tools denied, other MCP servers
 * denied, Pando's own tools allowed, both agents enforced.
 *
 * The file format is policy.toml(5).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum {
	POL_FILE_MAX = 1 << 20,
	POL_LIST_MAX = 1024,
	POL_NAME_MAX = 256,
	POL_URL_MAX = 1024
};

#define POL_SERVER_CORE "pando_core"
#define POL_SERVER_WORKSPACE "pando_workspace"

enum pol_agent { POL_CLAUDE, POL_CODEX, POL_AGENTS };
enum pol_mode { POL_ENFORCE, POL_AUDIT, POL_OFF, POL_MODES };
/* From the mildest to the strictest. */
enum pol_verdict { POL_ALLOW, POL_AUDITED, POL_ASK, POL_DENY, POL_VERDICTS };
enum pol_react { POL_STRIP, POL_REPLACE, POL_REFUSE, POL_NOTE, POL_REACTS };

const char *pol_agent_name(enum pol_agent a);     /* "claude" */
const char *pol_mode_name(enum pol_mode m);       /* "enforce" */
const char *pol_verdict_name(enum pol_verdict v); /* "allow" "audit" "ask" "deny" */
bool pol_agent_from(struct str name, enum pol_agent *a);

struct policy; /* opaque; see schema.c */

/* Reads the file. Every error is "<path>:<line>:<column>: <what>" with ERR_POLICY. */
struct policy *pol_load(const char *path, struct err *e);
/* The same from bytes; name is what errors and decisions call it. */
struct policy *pol_parse(struct str text, const char *name, struct err *e);
/* The built-in defaults. */
struct policy *pol_default(void);
/* pol_load when the file exists, pol_default when it does not. */
struct policy *pol_load_or_default(const char *path, struct err *e);
void pol_free(struct policy *p);
void pol_freep(struct policy **p);

const char *pol_file(const struct policy *p);   /* its path, or "built-in" */
const char *pol_digest(const struct policy *p); /* SHA-256 of its text, hexadecimal */

/* One use, or one offer, of a tool. Server and tool are a pair; neither is ever joined. */
struct pol_use {
	enum pol_agent agent;
	struct str server; /* MCP server; empty: a native tool of the agent */
	struct str tool;
};

struct pol_decision {
	enum pol_verdict verdict;
	const char *rule;    /* "native_tools.default", "other_mcp.servers[2]", "pando" */
	const char *file;    /* where the rule stands, or "built-in" */
	int line;            /* 0 when built-in */
	const char *message; /* why, in words, for person and model */
};

/* Borrowed text lives as long as the policy. */
struct pol_decision pol_decide(const struct policy *p, const struct pol_use *u);

/*
 * Clients join the pair in one name: mcp__<server>__<tool>. It is taken apart only by the
 * servers that the policy or the launch knows, never by guessing where "__" stands; an
 * unknown server keeps the whole rest as its name and the tool is empty. A name without
 * "mcp__" is native.
 */
struct pol_use pol_use_of_joined(
	const struct policy *p, enum pol_agent a, struct str name);
/*
 * The codex wire has the pair: namespace "mcp__<server>" and a name. Another namespace, or
 * none, is native (the namespace is then ignored). Codex writes every byte of a name that is
 * not a letter, digit or underscore as an underscore (measured, 0.169.0): names of Pando's own
 * tools are given back as our servers list them.
 */
struct pol_use pol_use_of_pair(enum pol_agent a, struct str space, struct str name);

/* The names that pando_core and pando_workspace list (a test holds them to the servers). */
const char *const *pol_pando_tools(size_t *n);

/* Native tools that the policy allows by name; for the launch. Answers how many. */
bool pol_native_default_allows(const struct policy *p);
size_t pol_native_allowed(const struct policy *p, const char *const **names);
size_t pol_native_denied(const struct policy *p, const char *const **names);

enum pol_mode pol_mode_of(const struct policy *p, enum pol_agent a);
const char *pol_upstream(const struct policy *p, enum pol_agent a);

/* [firewall]: what to do with each kind of finding on the wire. */
enum pol_react pol_on_definition(const struct policy *p); /* STRIP | REFUSE */
enum pol_react pol_on_history(const struct policy *p);    /* STRIP | REFUSE */
enum pol_react pol_on_call(const struct policy *p);       /* REPLACE | REFUSE */
enum pol_react pol_on_unknown(const struct policy *p);    /* REFUSE | NOTE (audit) */

/* "pando-ai: <tool> is not allowed: <message> (rule <id>, <file>:<line>) ..." */
enum { POL_REFUSAL_MAX = 1024 };
const char *pol_refusal(
	const struct pol_use *u, const struct pol_decision *d, char out[POL_REFUSAL_MAX]);

#endif
