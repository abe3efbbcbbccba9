#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

/*
 * Every key of the file format, once: what schema.c reads, what `policy keys` prints and what
 * the page must explain. A setting is a key with one value; its row says which values it has,
 * which of two is the stricter, and what a file that may only tighten may say. For the files
 * of this folder only.
 */

#include "base/buf.h"
#include "policy/ruleset.h"

enum pol_key_id {
	KEY_LOCK,
	KEY_NATIVE_DEFAULT,
	KEY_NATIVE_ALLOW,
	KEY_NATIVE_DENY,
	KEY_OTHER_MODE,
	KEY_OTHER_SERVERS,
	KEY_SERVER_NAME,
	KEY_SERVER_TOOLS,
	KEY_MODE_CLAUDE,
	KEY_MODE_CODEX,
	KEY_UPSTREAM_ANTHROPIC,
	KEY_UPSTREAM_OPENAI,
	KEY_UPSTREAM_CHATGPT,
	KEY_LINGER,
	KEY_WEBSOCKET,
	KEY_DEFINITION,
	KEY_HISTORY,
	KEY_CALL,
	KEY_UNKNOWN,
	KEY_LOG_ARGUMENTS,
	KEY_LOG_MAX_BYTES,
	KEY_LOG_MAX_DAYS,
	KEY_LOG_KEEP,
	KEY_COMMAND_SECONDS,
	KEY_COMMAND_OUTPUT,
	KEY_TOKENS_PER_RUN,
	KEY_USD_PER_RUN,
	KEY_CALLS_PER_MINUTE,
	KEY_SAME_CALL,
	KEY_PRICE_MODEL,
	KEY_PRICE_INPUT,
	KEY_PRICE_OUTPUT,
	KEY_PRICE_CACHE_READ,
	KEY_PRICE_CACHE_WRITE,
	KEY_PRICE_CACHE_WRITE_1H,
	KEY_READ_ONLY,
	KEY_WRITABLE,
	KEY_REQUIRE_HELPER,
	KEY_HANDSHAKE,
	KEY_WITNESS,
	KEY_CODEX_REQUIREMENTS,
	KEY_SUBCOMMANDS,
	KEY_RULE_ID,
	KEY_RULE_TOOL,
	KEY_RULE_AGENT,
	KEY_RULE_SUBAGENT,
	KEY_RULE_ARGS,
	KEY_ARG_GLOB,
	KEY_ARG_PREFIX,
	KEY_ARG_UNDER,
	KEY_RULE_DECISION,
	KEY_RULE_MESSAGE,
	KEY_RULE_MATCH,
	KEY_RULE_NOT_MATCH,
	POL_KEY_IDS
};

enum {
	POL_KEY_MAX = 64, /* longest key name of ours */
	POL_WORDS_MAX = 8 /* of one setting */
};

enum pol_kind {
	POL_IS_BOOL,
	POL_IS_WORD,
	POL_IS_NUMBER,
	POL_IS_USD, /* in the file with a fraction, here in millionths */
	POL_IS_URL,
	POL_KINDS
};

/* What a file that may only tighten may say of a setting. */
enum pol_tighten { POL_ANY_VALUE, POL_STRICTEST_ONLY, POL_NOT_HERE, POL_TIGHTENINGS };

struct pol_word {
	const char *name; /* NULL behind the last */
	int value;
};

struct pol_setting_row {
	enum pol_key_id key;
	enum pol_kind kind;
	size_t at, size; /* of its value in struct pol_values; size 0: a POL_IS_URL */
	const struct pol_word *words; /* of a POL_IS_WORD */
	int64_t min, max;             /* of a POL_IS_NUMBER or POL_IS_USD */
	int stricter;      /* 1: the larger value is, -1: the smaller, 0: neither */
	bool zero_is_none; /* 0 is no limit, the mildest of all, and may be below min */
	bool by_authority; /* the managed file's holds, not the stricter */
	enum pol_tighten in_project, in_locked;
};

const struct pol_setting_row *pol_setting(enum pol_setting s);
/* POL_SETTINGS: the key has no single value. */
enum pol_setting pol_setting_of(enum pol_key_id id);

/* All kinds but POL_IS_URL, as a number. */
int64_t pol_value(const struct pol_values *v, enum pol_setting s);
void pol_value_set(struct pol_values *v, enum pol_setting s, int64_t value);
/* Of the upstream settings. */
enum pol_provider pol_upstream_of(enum pol_setting s);
bool pol_is_strictest(enum pol_setting s, int64_t value);
/* 12.50: at least two digits behind the point; nothing is 0. */
void pol_usd_put(struct buf *out, int64_t millionths);
/* As TOML. */
void pol_value_put(struct buf *out, const struct pol_values *v, enum pol_setting s);

/* POL_KEY_IDS: there is no such key. section "": the top level. */
enum pol_key_id pol_key_find(const char *section, const char *key);
/* The names right below a section, "" for the top level; answers how many. */
size_t pol_key_names(const char *section, char names[POL_KEY_IDS][POL_KEY_MAX]);

#endif
