#include "shim/claude_person.h"

#include "shim/claude_json.h"

const char *const claude_switches[] = { "CLAUDE_CODE_USE_BEDROCK",
	"CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY",
	"CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
	"CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_USE_GATEWAY", "ANTHROPIC_UNIX_SOCKET",
	NULL };

static const char *const proxies[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
	"https_proxy", "ALL_PROXY", "all_proxy", NULL };

/* What moves the client, its traffic or its tools; a login and the choice of a model stay. */
static const char *const dropped[] = { "ANTHROPIC_*", "CLAUDE_*", "CLAUDECODE",
	"AI_AGENT", "AWS_*", "VERTEX_*", "CLOUD_ML_REGION", "GOOGLE_*", "GCLOUD_*",
	"MCP_*", "ENABLE_*", "OTEL_*", "ANT_*", "BETA_TRACING_ENDPOINT",
	"SLASH_COMMAND_*", "CCR_*", "SELF_HOSTED_RUNNER_*", "SESSION_INGRESS_URL",
	"USE_LOCAL_OAUTH", "USE_STAGING_OAUTH", "AUTOMODE_*", "BUGHUNTER_*",
	"SDK_NATIVE_BIN", "VSCODE_INSPECTOR_OPTIONS", "IS_SANDBOX", "" };

#define LOGINS                                                                           \
	"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN",          \
		"CLAUDE_CODE_API_KEY_HELPER_TTL_MS"
#define MODELS                                                                           \
	"ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", \
		"ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL",       \
		"ANTHROPIC_DEFAULT_FABLE_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL",           \
		"CLAUDE_CODE_EFFORT_LEVEL"
#define LIMITS                                                                           \
	"CLAUDE_CODE_MAX_OUTPUT_TOKENS", "CLAUDE_CODE_MAX_RETRIES",                      \
		"CLAUDE_CODE_AUTO_COMPACT_WINDOW", "CLAUDE_CODE_DISABLE_AUTO_MEMORY",    \
		"CLAUDE_CODE_DISABLE_TERMINAL_TITLE", "CLAUDE_CODE_NO_FLICKER",          \
		"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE", "MCP_TOOL_TIMEOUT"
#define KEPT LOGINS, MODELS, LIMITS
/* Without a gateway the traffic goes where the person sends it. */
#define DIRECT                                                                           \
	"ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_BEDROCK_*",         \
		"ANTHROPIC_VERTEX_*", "CLAUDE_CODE_USE_BEDROCK",                         \
		"CLAUDE_CODE_USE_VERTEX", "AWS_*", "VERTEX_*", "CLOUD_ML_REGION",        \
		"GOOGLE_*"
/* The environment of a process has these anyway. */
#define PLAIN                                                                            \
	"MAX_THINKING_TOKENS", "MAX_MCP_OUTPUT_TOKENS", "API_TIMEOUT_MS",                \
		"DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "DISABLE_AUTOUPDATER",   \
		"DISABLE_COST_WARNINGS", "DISABLE_PROMPT_CACHING",                       \
		"DISABLE_AUTO_COMPACT", "DISABLE_COMPACT",                               \
		"DISABLE_INTERLEAVED_THINKING", "DO_NOT_TRACK", "EDITOR", "VISUAL",      \
		"LANG", "TZ", "NO_COLOR", "FORCE_COLOR", "COLORTERM"

const struct plan_scrub *
claude_scrub(bool has_gateway)
{
	static const char *const kept[] = { KEPT, "" };
	static const char *const direct[] = { KEPT, DIRECT, "" };
	static const struct plan_scrub with = { dropped, kept };
	static const struct plan_scrub without = { dropped, direct };

	return has_gateway ? &with : &without;
}

/* claude takes numbers for their text; anything else is no variable. */
static json_t *
value_of(const json_t *v)
{
	CLEANUP(mem_freep) char *number = NULL;

	if (json_is_string(v))
		return jtext(json_string_value(v));
	if (!json_is_integer(v))
		return NULL;
	number = mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return jtext(number);
}

void
claude_carry_env(json_t *env, const struct plan_facts *f)
{
	static const char *const with[] = { KEPT, PLAIN, "" };
	static const char *const without[] = { KEPT, PLAIN, DIRECT, "HTTP_PROXY",
		"http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "" };
	const char *const *names = f->port != 0 ? with : without;
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(f->settings), &none);
	json_t *theirs = json_object_get(all, "env");
	const char *name;
	json_t *v;

	json_object_foreach(theirs, name, v)
	{
		json_t *text = plan_is_listed(str_of(name), names) ? value_of(v) : NULL;

		if (text != NULL)
			jset(env, name, text);
	}
}

static bool
is_of_project(const char *command, const char *root)
{
	const struct str first = { command, strcspn(command, " \t\n;|&") };
	const bool has_slash = memchr(first.p, '/', first.n) != NULL;

	if (strstr(command, root) != NULL)
		return true;
	return has_slash && strchr("/~$\"'", *command) == NULL;
}

int
claude_carry_helper(json_t *settings, const struct plan_facts *f, struct err *e)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(f->settings), &none);
	const char *command = json_text_of(all, "apiKeyHelper");

	if (f->settings_in_project &&
		(command != NULL || json_object_get(all, "env") != NULL))
		return err_set(e, ERR_REFUSED,
			"claude: settings.json of %s lies in the project, where a session's own "
			"commands could change its env and apiKeyHelper: take them out of it, or "
			"start claude in another folder",
			f->own_dir);
	if (command == NULL || *command == '\0')
		return 0;
	if (is_of_project(command, f->root))
		return err_set(e, ERR_REFUSED,
			"claude: apiKeyHelper in settings.json of %s runs a program of the "
			"project, where a session's own commands could replace it: name one "
			"elsewhere, by its whole path",
			f->own_dir);
	jset(settings, "apiKeyHelper", jtext(command));
	return 0;
}

static bool
is_on(const json_t *v)
{
	const char *z = json_string_value(v);

	if (z == NULL)
		return v != NULL && !json_is_false(v) && !json_is_null(v);
	return *z != '\0' && strcmp(z, "0") != 0 && strcmp(z, "false") != 0;
}

static const char *
first_on(const json_t *env, const char *const *names)
{
	for (; *names != NULL; names++)
		if (is_on(json_object_get(env, *names)))
			return *names;
	return NULL;
}

const char *
claude_mover_in(const json_t *env, bool with_proxies)
{
	const char *name = first_on(env, claude_switches);

	return name == NULL && with_proxies ? first_on(env, proxies) : name;
}
