#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

/*
 * The ruleset and the one decision function, used by every layer.
 *
 * A policy is up to three files: the managed one (/etc/pando-ai), the person's, and the
 * project's. Each file answers for itself, by its first [[rule]] that matches, else by its
 * tables; the strictest answer wins. What neither the managed file nor the person's speaks of
 * is answered by the built-in defaults: native tools denied, other MCP servers denied, Pando's
 * own tools allowed, both agents enforced. A project's file can only make it stricter, and so
 * can the person's under a managed `lock = true`.
 *
 * A policy is read once and not changed afterwards; pol_decide() is pure and allocates
 * nothing. The file format is policy.toml(5). Where the files are: layers.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum {
	POL_FILE_MAX = 1 << 20,
	POL_LIST_MAX = 1024,
	POL_READ_ONLY_MAX = 30, /* of one file: each is a mount of the sandbox */
	POL_NAME_MAX = 256,
	POL_WIRE_NAME_MAX = 1024, /* a call of a longer one is denied */
	POL_URL_MAX = 1024
};

#define POL_SERVER_CORE "pando_core"
#define POL_SERVER_WORKSPACE "pando_workspace"

enum pol_agent { POL_CLAUDE, POL_CODEX, POL_AGENTS };
/* Where model traffic goes, by the login that a request carries. */
enum pol_provider { POL_ANTHROPIC, POL_OPENAI, POL_CHATGPT, POL_PROVIDERS };
enum pol_mode { POL_ENFORCE, POL_AUDIT, POL_OFF, POL_MODES };
/* From the mildest to the strictest. */
enum pol_verdict { POL_ALLOW, POL_AUDITED, POL_ASK, POL_DENY, POL_VERDICTS };
enum pol_react { POL_STRIP, POL_REPLACE, POL_REFUSE, POL_NOTE, POL_REACTS };
/* A protection that not every machine can give. */
enum pol_want { POL_WANT_NOT, POL_WANT, POL_WANT_SURELY };
/* By authority. */
enum pol_layer { POL_BUILT_IN, POL_MANAGED, POL_USER, POL_PROJECT, POL_LAYERS };

const char *pol_agent_name(enum pol_agent a);     /* "claude" */
const char *pol_mode_name(enum pol_mode m);       /* "enforce" */
const char *pol_verdict_name(enum pol_verdict v); /* "allow" "audit" "ask" "deny" */
const char *pol_layer_name(enum pol_layer l); /* "built-in" "managed" "user" "project" */
bool pol_agent_from(struct str name, enum pol_agent *a);
bool pol_verdict_from(struct str name, enum pol_verdict *v);

struct policy; /* opaque; see ruleset.h */

/* One file's text. */
struct pol_text {
	enum pol_layer layer;
	const char *path; /* what errors and decisions call it */
	struct str text;
};

/*
 * Compiles a policy: at most one text of each of managed, user, project, in that order. root
 * is the project's, absolute and canonical, NULL: not known. Every error is
 * "<path>:<line>:<column>: <what>" with ERR_POLICY.
 */
struct policy *pol_of_texts(
	const struct pol_text *t, size_t n, const char *root, struct err *e);
/* The same of one text, as the person's file, without a root. */
struct policy *pol_parse(struct str text, const char *name, struct err *e);
struct policy *pol_default(void); /* of no file */
void pol_free(struct policy *p);
void pol_freep(struct policy **p);

/* The texts it was made of; borrowed. */
size_t pol_texts(const struct policy *p, struct pol_text out[POL_LAYERS]);
const char *pol_root(const struct policy *p);                   /* NULL: not known */
const char *pol_path(const struct policy *p, enum pol_layer l); /* NULL: no such file */
const char *pol_digest(const struct policy *p); /* SHA-256 of pol_bundle(), hexadecimal */

enum pol_asking {
	POL_CALL, /* args are those of the call; args.p NULL: not known, the strictest holds */
	POL_OFFER /* the tool is offered: what the mildest arguments would get */
};

/* Who calls, for rules with `subagent`. */
enum pol_caller {
	POL_CALLER_UNKNOWN, /* the stricter answer of both */
	POL_CALLER_MAIN,
	POL_CALLER_SUBAGENT, /* `subagent` is its name; empty: not known */
	/*
	 * Another layer, which knows, decides: such rules do not apply, but those that ask: that
	 * layer lets the call pass because this one asks.
	 */
	POL_CALLER_ELSEWHERE
};

/* "main", "subagent"; NULL for the two that do not say who. */
const char *pol_caller_name(enum pol_caller c);

/* One use, or one offer, of a tool. Server and tool are a pair; neither is ever joined. */
struct pol_use {
	enum pol_agent agent;
	struct str server; /* MCP server; empty: a native tool of the agent */
	struct str tool;
	bool joined; /* not told apart: server is the rest of a joined name, tool is empty */
	enum pol_asking asking;
	/* JSON text: an object, or a string (a free text: then it is the argument "input") */
	struct str args;
	enum pol_caller caller;
	struct str subagent;
};

struct pol_decision {
	enum pol_verdict verdict;
	enum pol_layer layer;
	bool unsure; /* the rule could not be excluded for certain */
	const char *
		rule; /* "no-push", "native_tools.default", "other_mcp.servers[2]", "pando" */
	const char *file;    /* where the rule stands, or "built-in" */
	int line;            /* 0 when built-in */
	const char *message; /* why, in words, for person and model */
};

/* Borrowed text lives as long as the policy. */
struct pol_decision pol_decide(const struct policy *p, const struct pol_use *u);
/* What one file says for itself (POL_BUILT_IN: the defaults); false: nothing. */
bool pol_decide_layer(const struct policy *p, enum pol_layer l, const struct pol_use *u,
	struct pol_decision *d);

/*
 * Clients join the pair in one name: mcp__<server>__<tool>. It is taken apart only by the
 * servers that the policy knows, never by guessing where "__" stands. Where none of them fits,
 * or more than one, the use stays `joined`: pol_decide() then gives the strictest answer of all
 * pairs that it can be. A name without "mcp__" is native.
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

/* The tools that our servers list, and their arguments (a test holds them to the servers). */
enum { POL_TOOL_ARGS_MAX = 8 };
struct pol_tool {
	const char *server, *name;
	const char *args[POL_TOOL_ARGS_MAX + 1]; /* NULL behind the last */
};
const struct pol_tool *pol_pando_tools(size_t *n);
bool pol_is_pando(struct str server);

/*
 * Tools of codex that come and go with another one (0.169.0): a launch asks policy for that one
 * and switches all of them with it (shim/codex.c), and the gateway holds what a request offers
 * against the same (gateway/handshake.c).
 */
enum { POL_LED_MAX = 8 };
struct pol_group {
	const char *leader, *led[POL_LED_MAX + 1]; /* NULL behind the last */
};
const struct pol_group *pol_codex_groups(size_t *n);
/* The one that is asked for; of a tool that is in no group, itself. */
struct str pol_codex_leader(struct str tool);

/*
 * Native tools for the launch: every name, no patterns, that any file has in a list or rule;
 * and whether a tool that no file names may be offered.
 */
size_t pol_native_names(const struct policy *p, const char *const **names);
bool pol_native_default_allows(const struct policy *p, enum pol_agent a);

/*
 * Other MCP servers for the launch, by the name that they have on the wire. Admitted is one of
 * which at least one tool may be offered, as far as the names and patterns in the files tell.
 */
enum { POL_SERVER_NAME_MAX = 64 };
bool pol_admits_server(const struct policy *p, enum pol_agent a, struct str server);
/* False: it admits none, whatever its name. */
bool pol_may_admit_servers(const struct policy *p, enum pol_agent a);
/*
 * Calls back for each tool of it, or pattern of tools, that no call is let through to: what is
 * told is certain, and not all that is denied is told.
 */
void pol_denied_tools(const struct policy *p, enum pol_agent a, struct str server,
	void (*each)(void *to, const char *tools), void *to);
/*
 * Why a server of that name is never connected: on the wire it could be taken for another, or
 * the pair could be divided elsewhere. NULL: it can be.
 */
const char *pol_server_name_fault(struct str name);
/* True when the server of this use is one that a launch may have connected. */
bool pol_expects_server(const struct policy *p, const struct pol_use *u);

enum pol_mode pol_mode_of(const struct policy *p, enum pol_agent a);
const char *pol_upstream(const struct policy *p, enum pol_provider to);

/* How long the gateway stays when the last run has ended. */
int pol_linger_seconds(const struct policy *p);
/* Whether codex may speak to it over a WebSocket. */
bool pol_websocket(const struct policy *p);

/* [firewall]: what to do with each kind of finding on the wire. */
enum pol_react pol_on_definition(const struct policy *p); /* STRIP | REFUSE */
enum pol_react pol_on_history(const struct policy *p);    /* STRIP | REFUSE */
enum pol_react pol_on_call(const struct policy *p);       /* REPLACE | REFUSE */
enum pol_react pol_on_unknown(const struct policy *p);    /* REFUSE | NOTE (audit) */

/* [log] */
struct pol_log {
	bool arguments;    /* keep the arguments of calls in the decision log */
	int64_t max_bytes; /* a larger file is rotated ... */
	int max_days;      /* ... and so is an older one */
	int keep;          /* rotated files; the oldest beyond it is removed */
};
const struct pol_log *pol_log_of(const struct policy *p);

/* [limits] */
struct pol_limits {
	int command_seconds;          /* longest time of a shell-command */
	int64_t command_output_bytes; /* most output of it that is kept */
	/* The budgets of a run, 0: none. */
	int64_t tokens_per_run;
	int64_t microusd_per_run;
	int calls_per_minute;
	int same_call;
};
const struct pol_limits *pol_limits_of(const struct policy *p);

enum { POL_CALLS_PER_MINUTE_MAX = 1000, POL_MILLION = 1000000 };

enum pol_budget { POL_TOKENS, POL_USD, POL_CALLS, POL_SAME, POL_BUDGETS };
/* A denial by that limit, with the place where it stands; without a message. */
struct pol_decision pol_budget_decision(const struct policy *p, enum pol_budget b);

/* [[price]]: what one token costs, in millionths of a millionth of a USD. */
struct pol_price {
	int64_t in, out, cache_read, cache_write, cache_write_1h;
};
/*
 * The first [[price]] of each file whose pattern fits, of each number the largest. False: no
 * file that may loosen (the managed one; the user's without a lock above) has one.
 */
bool pol_price_of(const struct policy *p, struct str model, struct pol_price *out);

/* [sandbox]: paths below the root that are read-only inside, and guarded ones opened. */
size_t pol_read_only(const struct policy *p, const char *const **paths);
size_t pol_writable(const struct policy *p, const char *const **paths);
/* The guarded names that `writable` may open (a test holds them to the sandbox's). */
const char *const *pol_openable(size_t *n);

/* [security] */
bool pol_requires_helper(const struct policy *p);
/* subcommands: one that the shim does not know goes to the agent as typed. */
bool pol_passes_subcommand(const struct policy *p, enum pol_agent a, const char *word);
/*
 * Whether an agent's supervision must have checked in with the gateway, and whether our servers
 * make only calls that it let through: the agent's mode, or off when the policy says so.
 */
enum pol_mode pol_handshake_of(const struct policy *p, enum pol_agent a);
enum pol_want pol_codex_requirements(const struct policy *p);
enum pol_mode pol_witness_of(const struct policy *p, enum pol_agent a);
/* As rules of the decision log. */
#define POL_RULE_HANDSHAKE "pando.handshake"
#define POL_RULE_WITNESS "pando.witness"

/* Every key that a file may have, for `policy keys` and for the page. */
struct pol_key {
	const char *name;  /* "native_tools.default", "rule.tool" */
	const char *type;  /* "deny | allow", "list of names", "true | false", "number" */
	const char *value; /* the default as TOML; NULL: none */
	const char *what;  /* one line */
};
const struct pol_key *pol_keys(size_t *n);

/* What is no mistake, and may not be meant, for `policy check`. */
struct pol_doubt {
	const char *file;
	int line;
	const char *what;
};
/* Calls back for each, file after file; texts are the callee's for that time. */
void pol_doubts(const struct policy *p, void (*each)(void *to, const struct pol_doubt *d),
	void *to);

/* A setting of the merged policy, for `policy show`. */
struct pol_shown {
	const char *key;   /* "proxy.claude", "native_tools.deny[0]", "rule.no-push" */
	const char *value; /* as TOML */
	enum pol_layer layer;
	const char *file; /* "built-in" */
	int line;         /* 0: built-in */
};
/* Calls back for each, in the order of the page; texts are the callee's for that time. */
void pol_show(const struct policy *p, void (*each)(void *to, const struct pol_shown *s),
	void *to);

/*
 * "[pando-ai] blocked <tool>: <message> (rule <id>, <file>:<line>). ..", and the commands that
 * show the decision and explain it.
 */
enum { POL_REFUSAL_MAX = 1024 };
const char *pol_refusal(
	const struct pol_use *u, const struct pol_decision *d, char out[POL_REFUSAL_MAX]);

#endif
