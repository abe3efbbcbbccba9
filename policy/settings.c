#include "policy/keys.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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
static const struct pol_word wants[] = { { "off", POL_WANT_NOT }, { "auto", POL_WANT },
	{ "require", POL_WANT_SURELY }, { NULL, 0 } };
static const struct pol_word unknowns[] = { { "refuse", POL_REFUSE },
	{ "audit", POL_NOTE }, { NULL, 0 } };

/* A bool, an int or an enum, or an int64_t. */
#define IN(member)                                                                       \
	.at = offsetof(struct pol_values, member),                                       \
	.size = sizeof(((struct pol_values *)NULL)->member)

#define WORD(id, place, list, dir)                                                       \
	{                                                                                \
		.key = (id), IN(place), .kind = POL_IS_WORD, .words = (list),            \
		.stricter = (dir), .in_project = POL_STRICTEST_ONLY,                     \
		.in_locked = POL_STRICTEST_ONLY                                          \
	}
#define LOG_SIZE(id, place, least, most)                                                 \
	{                                                                                \
		.key = (id), IN(place), .kind = POL_IS_NUMBER, .min = (least),           \
		.max = (most), .stricter = 1, .by_authority = true,                      \
		.in_project = POL_NOT_HERE                                               \
	}
#define LIMIT(id, place, least, most)                                                    \
	{                                                                                \
		.key = (id), IN(place), .kind = POL_IS_NUMBER, .min = (least),           \
		.max = (most), .stricter = -1                                            \
	}
#define BUDGET(id, place, is, least, most)                                               \
	{                                                                                \
		.key = (id), IN(place), .kind = (is), .min = (least), .max = (most),     \
		.stricter = -1, .zero_is_none = true                                     \
	}
#define UPSTREAM(id)                                                                     \
	{                                                                                \
		.key = (id), .kind = POL_IS_URL, .by_authority = true,                   \
		.in_project = POL_NOT_HERE, .in_locked = POL_NOT_HERE                    \
	}

static const struct pol_setting_row rows[POL_SETTINGS] = {
	[POL_SET_LOCK] = { .key = KEY_LOCK,
		IN(lock),
		.kind = POL_IS_BOOL,
		.stricter = 1,
		.in_project = POL_NOT_HERE,
		.in_locked = POL_NOT_HERE },
	[POL_SET_NATIVE_DEFAULT] = WORD(
		KEY_NATIVE_DEFAULT, native_default_allow, defaults, -1),
	/* Each list of servers only takes away from what the file above allows. */
	[POL_SET_OTHER_MODE] = { .key = KEY_OTHER_MODE,
		IN(other_mode),
		.kind = POL_IS_WORD,
		.words = other_modes,
		.stricter = -1 },
	[POL_SET_MODE_CLAUDE] = WORD(KEY_MODE_CLAUDE, mode[POL_CLAUDE], modes, -1),
	[POL_SET_MODE_CODEX] = WORD(KEY_MODE_CODEX, mode[POL_CODEX], modes, -1),
	[POL_SET_UPSTREAM_ANTHROPIC] = UPSTREAM(KEY_UPSTREAM_ANTHROPIC),
	[POL_SET_UPSTREAM_OPENAI] = UPSTREAM(KEY_UPSTREAM_OPENAI),
	[POL_SET_UPSTREAM_CHATGPT] = UPSTREAM(KEY_UPSTREAM_CHATGPT),
	[POL_SET_LINGER] = { .key = KEY_LINGER,
		IN(linger_seconds),
		.kind = POL_IS_NUMBER,
		.max = LINGER_MAX,
		.by_authority = true,
		.in_project = POL_NOT_HERE },
	[POL_SET_WEBSOCKET] = { .key = KEY_WEBSOCKET,
		IN(websocket),
		.kind = POL_IS_BOOL,
		.stricter = -1,
		.in_project = POL_NOT_HERE,
		.in_locked = POL_STRICTEST_ONLY },
	[POL_SET_DEFINITION] = WORD(KEY_DEFINITION, definition, strips, 1),
	[POL_SET_HISTORY] = WORD(KEY_HISTORY, history, strips, 1),
	[POL_SET_CALL] = WORD(KEY_CALL, call, calls, 1),
	[POL_SET_UNKNOWN] = WORD(KEY_UNKNOWN, unknown, unknowns, -1),
	[POL_SET_LOG_ARGUMENTS] = { .key = KEY_LOG_ARGUMENTS,
		IN(log.arguments),
		.kind = POL_IS_BOOL,
		.stricter = -1,
		.in_project = POL_NOT_HERE,
		.in_locked = POL_STRICTEST_ONLY },
	[POL_SET_LOG_MAX_BYTES] = LOG_SIZE(
		KEY_LOG_MAX_BYTES, log.max_bytes, LOG_BYTES_MIN, LOG_BYTES_MAX),
	[POL_SET_LOG_MAX_DAYS] = LOG_SIZE(
		KEY_LOG_MAX_DAYS, log.max_days, 1, LOG_DAYS_MAX),
	[POL_SET_LOG_KEEP] = LOG_SIZE(KEY_LOG_KEEP, log.keep, 0, LOG_KEEP_MAX),
	[POL_SET_COMMAND_SECONDS] = LIMIT(
		KEY_COMMAND_SECONDS, limits.command_seconds, 1, COMMAND_SECONDS_MAX),
	[POL_SET_COMMAND_OUTPUT] = LIMIT(KEY_COMMAND_OUTPUT, limits.command_output_bytes,
		COMMAND_OUTPUT_MIN, COMMAND_OUTPUT_MAX),
	[POL_SET_TOKENS_PER_RUN] = BUDGET(KEY_TOKENS_PER_RUN, limits.tokens_per_run,
		POL_IS_NUMBER, 1, RUN_TOKENS_MAX),
	[POL_SET_USD_PER_RUN] = BUDGET(
		KEY_USD_PER_RUN, limits.microusd_per_run, POL_IS_USD, USD_MIN, USD_MAX),
	[POL_SET_CALLS_PER_MINUTE] = BUDGET(KEY_CALLS_PER_MINUTE, limits.calls_per_minute,
		POL_IS_NUMBER, 1, POL_CALLS_PER_MINUTE_MAX),
	[POL_SET_SAME_CALL] = BUDGET(KEY_SAME_CALL, limits.same_call, POL_IS_NUMBER,
		SAME_CALL_MIN, SAME_CALL_MAX),
	[POL_SET_REQUIRE_HELPER] = { .key = KEY_REQUIRE_HELPER,
		IN(require_helper),
		.kind = POL_IS_BOOL,
		.stricter = 1,
		.in_project = POL_STRICTEST_ONLY,
		.in_locked = POL_STRICTEST_ONLY },
	[POL_SET_HANDSHAKE] = WORD(KEY_HANDSHAKE, handshake, demands, 1),
	[POL_SET_WITNESS] = WORD(KEY_WITNESS, witness, demands, 1),
	[POL_SET_CODEX_REQUIREMENTS] = WORD(
		KEY_CODEX_REQUIREMENTS, codex_requirements, wants, 1),
};

const struct pol_setting_row *
pol_setting(enum pol_setting s)
{
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
	const struct pol_setting_row *row = pol_setting(s);
	const char *at = (const char *)v + row->at;
	int64_t large = 0;
	int small = 0;

	if (row->size == sizeof(bool))
		return *(const bool *)at;
	if (row->size == sizeof small) {
		memcpy(&small, at, sizeof small);
		return small;
	}
	if (row->size == sizeof large)
		memcpy(&large, at, sizeof large);
	return large;
}

void
pol_value_set(struct pol_values *v, enum pol_setting s, int64_t value)
{
	const struct pol_setting_row *row = pol_setting(s);
	char *at = (char *)v + row->at;
	const int small = (int)value;

	if (row->size == sizeof(bool))
		*(bool *)at = value != 0;
	else if (row->size == sizeof small)
		memcpy(at, &small, sizeof small);
	else if (row->size == sizeof value)
		memcpy(at, &value, sizeof value);
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
		.codex_requirements = POL_WANT,
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
