#include "policy/keys.h"

#include <inttypes.h>
#include <stdlib.h>

#include "policy/record.h"

enum {
	LOG_BYTES_MIN = 1 << 16,
	LOG_DAYS_MAX = 3650,
	LOG_KEEP_MAX = 100,
	LINGER_MAX = 86400,
	COMMAND_SECONDS_MAX = 86400,
	COMMAND_OUTPUT_MIN = 1 << 10,
	COMMAND_OUTPUT_MAX = 96 << 10, /* what mcp/run.h has room for */
	SAME_CALL_MIN = 2,
	SAME_CALL_MAX = 1000,
};

#define LOG_BYTES_MAX (INT64_C(1) << 40)
#define RUN_TOKENS_MAX INT64_C(1000000000000)
#define USD_MIN INT64_C(10000)         /* a cent */
#define USD_MAX INT64_C(1000000000000) /* a million */

static const struct pol_word defaults[] = { { "deny", 0 }, { "allow", 1 }, { NULL, 0 } };
static const struct pol_word other_modes[] = { { "deny_all", POL_DENY_ALL },
	{ "allow_list", POL_ALLOW_LIST }, { "deny_list", POL_DENY_LIST }, { NULL, 0 } };
static const struct pol_word modes[] = { { "enforce", POL_ENFORCE },
	{ "audit", POL_AUDIT }, { "off", POL_OFF }, { NULL, 0 } };
static const struct pol_word strips[] = { { "strip", POL_STRIP },
	{ "refuse", POL_REFUSE }, { NULL, 0 } };
static const struct pol_word calls[] = { { "replace", POL_REPLACE },
	{ "refuse", POL_REFUSE }, { NULL, 0 } };
static const struct pol_word demands[] = { { "off", 0 }, { "require", 1 }, { NULL, 0 } };
static const struct pol_word unknowns[] = { { "refuse", POL_REFUSE },
	{ "audit", POL_NOTE }, { NULL, 0 } };

#define WORD(id, list, dir)                                                              \
	{                                                                                \
		.key = (id), .kind = POL_IS_WORD, .words = (list), .stricter = (dir),    \
		.in_project = POL_STRICTEST_ONLY, .in_locked = POL_STRICTEST_ONLY        \
	}
#define LOG_SIZE(id, least, most)                                                        \
	{                                                                                \
		.key = (id), .kind = POL_IS_NUMBER, .min = (least), .max = (most),       \
		.stricter = 1, .by_authority = true, .in_project = POL_NOT_HERE          \
	}
#define LIMIT(id, least, most)                                                           \
	{                                                                                \
		.key = (id), .kind = POL_IS_NUMBER, .min = (least), .max = (most),       \
		.stricter = -1                                                           \
	}
#define BUDGET(id, is, least, most)                                                      \
	{                                                                                \
		.key = (id), .kind = (is), .min = (least), .max = (most),                \
		.stricter = -1, .zero_is_none = true                                     \
	}
#define UPSTREAM(id)                                                                     \
	{                                                                                \
		.key = (id), .kind = POL_IS_URL, .by_authority = true,                   \
		.in_project = POL_NOT_HERE, .in_locked = POL_NOT_HERE                    \
	}

const struct pol_setting_row *
pol_setting(enum pol_setting s)
{
	static const struct pol_setting_row rows[POL_SETTINGS] = {
		[POL_SET_LOCK] = { .key = KEY_LOCK,
			.kind = POL_IS_BOOL,
			.stricter = 1,
			.in_project = POL_NOT_HERE,
			.in_locked = POL_NOT_HERE },
		[POL_SET_NATIVE_DEFAULT] = WORD(KEY_NATIVE_DEFAULT, defaults, -1),
		/* Each list of servers only takes away from what the file above allows. */
		[POL_SET_OTHER_MODE] = { .key = KEY_OTHER_MODE,
			.kind = POL_IS_WORD,
			.words = other_modes,
			.stricter = -1 },
		[POL_SET_MODE_CLAUDE] = WORD(KEY_MODE_CLAUDE, modes, -1),
		[POL_SET_MODE_CODEX] = WORD(KEY_MODE_CODEX, modes, -1),
		[POL_SET_UPSTREAM_ANTHROPIC] = UPSTREAM(KEY_UPSTREAM_ANTHROPIC),
		[POL_SET_UPSTREAM_OPENAI] = UPSTREAM(KEY_UPSTREAM_OPENAI),
		[POL_SET_UPSTREAM_CHATGPT] = UPSTREAM(KEY_UPSTREAM_CHATGPT),
		[POL_SET_LINGER] = { .key = KEY_LINGER,
			.kind = POL_IS_NUMBER,
			.max = LINGER_MAX,
			.by_authority = true,
			.in_project = POL_NOT_HERE },
		[POL_SET_WEBSOCKET] = { .key = KEY_WEBSOCKET,
			.kind = POL_IS_BOOL,
			.stricter = -1,
			.in_project = POL_NOT_HERE,
			.in_locked = POL_STRICTEST_ONLY },
		[POL_SET_DEFINITION] = WORD(KEY_DEFINITION, strips, 1),
		[POL_SET_HISTORY] = WORD(KEY_HISTORY, strips, 1),
		[POL_SET_CALL] = WORD(KEY_CALL, calls, 1),
		[POL_SET_UNKNOWN] = WORD(KEY_UNKNOWN, unknowns, -1),
		[POL_SET_LOG_ARGUMENTS] = { .key = KEY_LOG_ARGUMENTS,
			.kind = POL_IS_BOOL,
			.stricter = -1,
			.in_project = POL_NOT_HERE,
			.in_locked = POL_STRICTEST_ONLY },
		[POL_SET_LOG_MAX_BYTES] = LOG_SIZE(
			KEY_LOG_MAX_BYTES, LOG_BYTES_MIN, LOG_BYTES_MAX),
		[POL_SET_LOG_MAX_DAYS] = LOG_SIZE(KEY_LOG_MAX_DAYS, 1, LOG_DAYS_MAX),
		[POL_SET_LOG_KEEP] = LOG_SIZE(KEY_LOG_KEEP, 0, LOG_KEEP_MAX),
		[POL_SET_COMMAND_SECONDS] = LIMIT(
			KEY_COMMAND_SECONDS, 1, COMMAND_SECONDS_MAX),
		[POL_SET_COMMAND_OUTPUT] = LIMIT(
			KEY_COMMAND_OUTPUT, COMMAND_OUTPUT_MIN, COMMAND_OUTPUT_MAX),
		[POL_SET_TOKENS_PER_RUN] = BUDGET(
			KEY_TOKENS_PER_RUN, POL_IS_NUMBER, 1, RUN_TOKENS_MAX),
		[POL_SET_USD_PER_RUN] = BUDGET(
			KEY_USD_PER_RUN, POL_IS_USD, USD_MIN, USD_MAX),
		[POL_SET_CALLS_PER_MINUTE] = BUDGET(
			KEY_CALLS_PER_MINUTE, POL_IS_NUMBER, 1, POL_CALLS_PER_MINUTE_MAX),
		[POL_SET_SAME_CALL] = BUDGET(
			KEY_SAME_CALL, POL_IS_NUMBER, SAME_CALL_MIN, SAME_CALL_MAX),
		[POL_SET_REQUIRE_HELPER] = { .key = KEY_REQUIRE_HELPER,
			.kind = POL_IS_BOOL,
			.stricter = 1,
			.in_project = POL_STRICTEST_ONLY,
			.in_locked = POL_STRICTEST_ONLY },
		[POL_SET_HANDSHAKE] = WORD(KEY_HANDSHAKE, demands, 1),
		[POL_SET_WITNESS] = WORD(KEY_WITNESS, demands, 1),
	};

	return &rows[s];
}

enum pol_setting
pol_setting_of(enum pol_key_id id)
{
	int s = 0;

	while (s < POL_SETTINGS && pol_setting((enum pol_setting)s)->key != id)
		s++;
	return (enum pol_setting)s;
}

enum pol_provider
pol_upstream_of(enum pol_setting s)
{
	if (s == POL_SET_UPSTREAM_ANTHROPIC)
		return POL_ANTHROPIC;
	return s == POL_SET_UPSTREAM_OPENAI ? POL_OPENAI : POL_CHATGPT;
}

int64_t
pol_value(const struct pol_values *v, enum pol_setting s)
{
	switch (s) {
	case POL_SET_LOCK:
		return v->lock;
	case POL_SET_NATIVE_DEFAULT:
		return v->native_default_allow;
	case POL_SET_OTHER_MODE:
		return v->other_mode;
	case POL_SET_MODE_CLAUDE:
		return v->mode[POL_CLAUDE];
	case POL_SET_MODE_CODEX:
		return v->mode[POL_CODEX];
	case POL_SET_LINGER:
		return v->linger_seconds;
	case POL_SET_WEBSOCKET:
		return v->websocket;
	case POL_SET_DEFINITION:
		return v->definition;
	case POL_SET_HISTORY:
		return v->history;
	case POL_SET_CALL:
		return v->call;
	case POL_SET_UNKNOWN:
		return v->unknown;
	case POL_SET_LOG_ARGUMENTS:
		return v->log.arguments;
	case POL_SET_LOG_MAX_BYTES:
		return v->log.max_bytes;
	case POL_SET_LOG_MAX_DAYS:
		return v->log.max_days;
	case POL_SET_LOG_KEEP:
		return v->log.keep;
	case POL_SET_COMMAND_SECONDS:
		return v->limits.command_seconds;
	case POL_SET_COMMAND_OUTPUT:
		return v->limits.command_output_bytes;
	case POL_SET_TOKENS_PER_RUN:
		return v->limits.tokens_per_run;
	case POL_SET_USD_PER_RUN:
		return v->limits.microusd_per_run;
	case POL_SET_CALLS_PER_MINUTE:
		return v->limits.calls_per_minute;
	case POL_SET_SAME_CALL:
		return v->limits.same_call;
	case POL_SET_REQUIRE_HELPER:
		return v->require_helper;
	case POL_SET_HANDSHAKE:
		return v->handshake;
	case POL_SET_WITNESS:
		return v->witness;
	case POL_SET_UPSTREAM_ANTHROPIC:
	case POL_SET_UPSTREAM_OPENAI:
	case POL_SET_UPSTREAM_CHATGPT:
	case POL_SETTINGS:
		break;
	}
	return 0;
}

/* [log] and [limits] */
static void
set_size(struct pol_values *v, enum pol_setting s, int64_t value)
{
	switch (s) {
	case POL_SET_LOG_ARGUMENTS:
		v->log.arguments = value != 0;
		break;
	case POL_SET_LOG_MAX_BYTES:
		v->log.max_bytes = value;
		break;
	case POL_SET_LOG_MAX_DAYS:
		v->log.max_days = (int)value;
		break;
	case POL_SET_LOG_KEEP:
		v->log.keep = (int)value;
		break;
	case POL_SET_COMMAND_SECONDS:
		v->limits.command_seconds = (int)value;
		break;
	case POL_SET_COMMAND_OUTPUT:
		v->limits.command_output_bytes = value;
		break;
	case POL_SET_TOKENS_PER_RUN:
		v->limits.tokens_per_run = value;
		break;
	case POL_SET_USD_PER_RUN:
		v->limits.microusd_per_run = value;
		break;
	case POL_SET_CALLS_PER_MINUTE:
		v->limits.calls_per_minute = (int)value;
		break;
	case POL_SET_SAME_CALL:
		v->limits.same_call = (int)value;
		break;
	case POL_SET_LOCK:
	case POL_SET_NATIVE_DEFAULT:
	case POL_SET_OTHER_MODE:
	case POL_SET_MODE_CLAUDE:
	case POL_SET_MODE_CODEX:
	case POL_SET_LINGER:
	case POL_SET_WEBSOCKET:
	case POL_SET_DEFINITION:
	case POL_SET_HISTORY:
	case POL_SET_CALL:
	case POL_SET_UNKNOWN:
	case POL_SET_REQUIRE_HELPER:
	case POL_SET_HANDSHAKE:
	case POL_SET_WITNESS:
	case POL_SET_UPSTREAM_ANTHROPIC:
	case POL_SET_UPSTREAM_OPENAI:
	case POL_SET_UPSTREAM_CHATGPT:
	case POL_SETTINGS:
		break;
	}
}

void
pol_value_set(struct pol_values *v, enum pol_setting s, int64_t value)
{
	switch (s) {
	case POL_SET_LOCK:
		v->lock = value != 0;
		break;
	case POL_SET_NATIVE_DEFAULT:
		v->native_default_allow = value != 0;
		break;
	case POL_SET_OTHER_MODE:
		v->other_mode = (enum pol_other_mode)value;
		break;
	case POL_SET_MODE_CLAUDE:
		v->mode[POL_CLAUDE] = (enum pol_mode)value;
		break;
	case POL_SET_MODE_CODEX:
		v->mode[POL_CODEX] = (enum pol_mode)value;
		break;
	case POL_SET_LINGER:
		v->linger_seconds = (int)value;
		break;
	case POL_SET_WEBSOCKET:
		v->websocket = value != 0;
		break;
	case POL_SET_DEFINITION:
		v->definition = (enum pol_react)value;
		break;
	case POL_SET_HISTORY:
		v->history = (enum pol_react)value;
		break;
	case POL_SET_CALL:
		v->call = (enum pol_react)value;
		break;
	case POL_SET_UNKNOWN:
		v->unknown = (enum pol_react)value;
		break;
	case POL_SET_REQUIRE_HELPER:
		v->require_helper = value != 0;
		break;
	case POL_SET_HANDSHAKE:
		v->handshake = value != 0;
		break;
	case POL_SET_WITNESS:
		v->witness = value != 0;
		break;
	case POL_SET_LOG_ARGUMENTS:
	case POL_SET_LOG_MAX_BYTES:
	case POL_SET_LOG_MAX_DAYS:
	case POL_SET_LOG_KEEP:
	case POL_SET_COMMAND_SECONDS:
	case POL_SET_COMMAND_OUTPUT:
	case POL_SET_TOKENS_PER_RUN:
	case POL_SET_USD_PER_RUN:
	case POL_SET_CALLS_PER_MINUTE:
	case POL_SET_SAME_CALL:
		set_size(v, s, value);
		break;
	case POL_SET_UPSTREAM_ANTHROPIC:
	case POL_SET_UPSTREAM_OPENAI:
	case POL_SET_UPSTREAM_CHATGPT:
	case POL_SETTINGS:
		break;
	}
}

bool
pol_is_strictest(enum pol_setting s, int64_t value)
{
	const struct pol_setting_row *row = pol_setting(s);

	if (row->kind == POL_IS_BOOL)
		return (value != 0) == (row->stricter > 0);
	for (size_t i = 0; row->words != NULL && row->words[i].name != NULL; i++)
		if ((row->words[i].value - value) * row->stricter > 0)
			return false;
	return true;
}

void
pol_usd_put(struct buf *out, int64_t millionths)
{
	enum { FRACTION = 6, LEAST = 2, TEN = 10 };
	int digits = FRACTION;
	int64_t fraction = millionths % POL_MILLION;

	buf_printf(out, "%" PRId64, millionths / POL_MILLION);
	if (millionths == 0)
		return;
	for (; digits > LEAST && fraction % TEN == 0; digits--)
		fraction /= TEN;
	buf_printf(out, ".%0*" PRId64, digits, fraction);
}

void
pol_value_put(struct buf *out, const struct pol_values *v, enum pol_setting s)
{
	const struct pol_setting_row *row = pol_setting(s);
	const int64_t value = pol_value(v, s);

	switch (row->kind) {
	case POL_IS_BOOL:
		buf_puts(out, value != 0 ? "true" : "false");
		break;
	case POL_IS_NUMBER:
		buf_printf(out, "%" PRId64, value);
		break;
	case POL_IS_USD:
		pol_usd_put(out, value);
		break;
	case POL_IS_URL:
		buf_put_json(out, str_of(v->upstream[pol_upstream_of(s)]));
		break;
	case POL_IS_WORD:
		for (size_t i = 0; row->words[i].name != NULL; i++)
			if (row->words[i].value == value)
				buf_printf(out, "\"%s\"", row->words[i].name);
		break;
	case POL_KINDS:
		break;
	}
}

void
pol_values_default(struct pol_values *v)
{
	*v = (struct pol_values){
		.other_mode = POL_DENY_ALL,
		.mode = { POL_ENFORCE, POL_ENFORCE },
		.upstream = { mem_strdup("https://api.anthropic.com"),
			mem_strdup("https://api.openai.com/v1"),
			mem_strdup("https://chatgpt.com/backend-api") },
		.linger_seconds = 10,
		.definition = POL_STRIP,
		.history = POL_STRIP,
		.call = POL_REPLACE,
		.unknown = POL_REFUSE,
		.handshake = true,
		.witness = true,
		.log = { .max_bytes = REC_MAX_BYTES,
			.max_days = REC_MAX_DAYS,
			.keep = REC_KEEP },
		.limits = { .command_seconds = 600, .command_output_bytes = 96 << 10 },
	};
}

void
pol_values_fini(struct pol_values *v)
{
	for (int to = 0; to < POL_PROVIDERS; to++) {
		free(v->upstream[to]);
		v->upstream[to] = NULL;
	}
}
