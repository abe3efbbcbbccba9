#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

/*
 * What a policy is made of; for the files of this folder only.
 *
 * A struct pol_file is one file as it stands: read by schema.c, checked by vet.c, never
 * changed afterwards. A struct policy is up to three of them, merged (merge.c) and indexed
 * (index.c) for decide.c.
 */

#include "policy/command.h"
#include "policy/policy.h"

enum { POL_DIGEST_HEX = 64 };

/* One name pattern of a list, with its place in the file. */
struct pol_item {
	char *name;   /* tool, or server in [other_mcp] servers */
	char **tools; /* [other_mcp] only: patterns, NULL-terminated; NULL: all */
	char *rule;   /* "native_tools.allow[0]" */
	int line, column;
};

struct pol_list {
	struct pol_item *item;
	size_t n;
};

enum pol_other_mode { POL_DENY_ALL, POL_ALLOW_LIST, POL_DENY_LIST, POL_OTHER_MODES };

enum pol_matcher_kind {
	POL_LITERAL, /* the whole value; true, false and numbers as JSON writes them */
	POL_GLOB,
	POL_PREFIX, /* of a shell command */
	POL_UNDER,  /* a path below a folder of the project */
	POL_MATCHERS
};

/* args.<key> of a rule. */
struct pol_matcher {
	char *key;
	enum pol_matcher_kind kind;
	char *text; /* LITERAL, GLOB; UNDER: normalised, without a slash behind */
	struct cmd_prefix prefix; /* PREFIX */
	int line, column;
	unsigned key_id; /* index.c: which of the file's argument names */
	bool is_command; /* index.c: the argument is a shell command */
	bool is_path;    /* index.c: it is a path, which has many spellings */
};

/* A test that lives with its rule: the arguments of a call, as JSON text. */
struct pol_example {
	char *args;  /* "{\"command\":\"git push\"}" */
	char *shown; /* as the file has it, for the error */
	int line, column;
};

struct pol_examples {
	struct pol_example *item;
	size_t n;
};

struct pol_rule {
	char *id;         /* as given, else "rule[3]" (from 0) */
	int line, column; /* of its [[rule]] table's first key */
	unsigned agents;  /* 1u << enum pol_agent */
	char *subagent;   /* pattern; NULL: whoever calls */
	char *server;     /* pattern; "claude" and "codex": that agent's own tools */
	char *tool;       /* pattern */
	struct pol_matcher *arg;
	size_t nargs;
	enum pol_verdict verdict;
	char *message; /* NULL: the standard one */
	struct pol_examples match, not_match;
};

/* A [[price]]: what stands in the file, in millionths; POL_NO_PRICE: it does not say it. */
enum pol_price_of {
	POL_PRICE_IN,
	POL_PRICE_OUT,
	POL_PRICE_CACHE_READ,
	POL_PRICE_CACHE_WRITE,
	POL_PRICE_CACHE_WRITE_1H,
	POL_PRICES
};

enum { POL_NO_PRICE = -1 };

struct pol_price_row {
	char *model; /* pattern */
	int line, column;
	int64_t usd[POL_PRICES];
};

/* Where a value of the file stands; line 0: the file does not say it. */
struct pol_place {
	int line, column;
};

enum pol_setting {
	POL_SET_LOCK,
	POL_SET_NATIVE_DEFAULT,
	POL_SET_OTHER_MODE,
	POL_SET_MODE_CLAUDE,
	POL_SET_MODE_CODEX,
	POL_SET_UPSTREAM_ANTHROPIC,
	POL_SET_UPSTREAM_OPENAI,
	POL_SET_UPSTREAM_CHATGPT,
	POL_SET_LINGER,
	POL_SET_WEBSOCKET,
	POL_SET_DEFINITION,
	POL_SET_HISTORY,
	POL_SET_CALL,
	POL_SET_UNKNOWN,
	POL_SET_LOG_ARGUMENTS,
	POL_SET_LOG_MAX_BYTES,
	POL_SET_LOG_MAX_DAYS,
	POL_SET_LOG_KEEP,
	POL_SET_COMMAND_SECONDS,
	POL_SET_COMMAND_OUTPUT,
	POL_SET_TOKENS_PER_RUN,
	POL_SET_USD_PER_RUN,
	POL_SET_CALLS_PER_MINUTE,
	POL_SET_SAME_CALL,
	POL_SET_REQUIRE_HELPER,
	POL_SET_HANDSHAKE,
	POL_SET_WITNESS,
	POL_SET_CODEX_REQUIREMENTS,
	POL_SETTINGS
};

/* All settings that are one value; the built-in defaults are such a struct too. */
struct pol_values {
	bool lock;
	bool native_default_allow;
	enum pol_other_mode other_mode;
	enum pol_mode mode[POL_AGENTS];
	char *upstream[POL_PROVIDERS]; /* owned */
	int linger_seconds;
	bool websocket;
	enum pol_react definition, history, call, unknown;
	struct pol_log log;
	struct pol_limits limits;
	bool require_helper, handshake, witness;
	enum pol_want codex_requirements;
};

struct pol_file {
	enum pol_layer layer;
	char *path;
	struct str text; /* owned: what pol_texts() gives back */
	struct pol_values v;
	struct pol_place at[POL_SETTINGS];
	struct pol_list native_allow, native_deny, other_servers;
	struct pol_list read_only, writable; /* [sandbox]: paths below the root */
	struct pol_list subcommands;         /* [security]: "claude word" */
	struct pol_price_row *price;
	size_t nprices;
	struct pol_rule *rule;
	size_t nrules;
	struct pol_index *index; /* index.c */
};

/* schema.c: one file, read and strict; vet.c is part of it. NULL: an error of its text. */
struct pol_file *pol_file_read(enum pol_layer layer, const char *path, struct str text,
	bool locked, struct err *e);
void pol_file_free(struct pol_file *f); /* takes NULL */
/* locked: a managed file above has lock = true, so that this one may only tighten. */

/* vet.c: dead rules, rules that can never match, decisions that cannot be carried out. */
int pol_file_vet(struct pol_file *f, struct err *e);
/* "<path>:<line>:<column>: <what>", ERR_POLICY, -1. */
int pol_wrong(const struct pol_file *f, int line, int column, struct err *e,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The nearest of n names, NULL when none is near. For "did you mean". */
const char *pol_nearest(const char *name, const char *const *names, size_t n);

struct policy {
	struct pol_file *file[POL_LAYERS]; /* NULL: there is none; never POL_BUILT_IN */
	char *root;                        /* NULL: not known */
	char digest[POL_DIGEST_HEX + 1];
	struct pol_values v;               /* merged */
	enum pol_layer from[POL_SETTINGS]; /* which file said it */
	const char **native_names, **servers, **read_only, **writable, **subcommands;
	size_t nnative_names, nservers, nread_only, nwritable, nsubcommands;
};

/* merge.c: fills v, from and the name lists. */
void pol_merge(struct policy *p);
void pol_values_default(struct pol_values *v);
void pol_values_fini(struct pol_values *v);

/* use.c: a name of an MCP server or tool, as this agent respells it on the wire. */
bool pol_name_meets(const char *pattern, struct str name, enum pol_agent a);

/* index.c: prepares a file for decide.c. */
struct pol_index *pol_index_new(const struct pol_file *f);
void pol_index_free(struct pol_index *x); /* takes NULL */

/*
 * decide.c, for vet.c: what one rule alone says of a call (args as JSON text). YES and UNSURE
 * as for cmd_match(): a deny or ask rule applies when UNSURE, an allow or audit rule does not.
 * Of the commands of a line a rule that loosens has to match each, another one of them.
 */
enum cmd_match pol_rule_match(
	const struct pol_rule *r, const struct pol_use *u, const char *root);

#endif
