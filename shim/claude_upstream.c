#include "base/json/json.h"
#include "policy/upstream.h"
#include "shim/claude_person.h"

#define DIRECTLY "or set [proxy] claude = \"off\" in ~/.pando/policy.toml"

static bool
same_upstream(const char *theirs, const struct policy *pol)
{
	return str_eq(upstream_trimmed(str_of(theirs)),
		upstream_trimmed(str_of(pol_upstream(pol, POL_ANTHROPIC))));
}

/* Of the person's environment; settings are looked at by claude_mover_in. */
static int
check_switches(char *const *env, struct err *e)
{
	for (const char *const *name = claude_switches; *name != NULL; name++) {
		const char *v = plan_env_of(env, *name);

		if (v != NULL && *v != '\0' && strcmp(v, "0") != 0 &&
			strcmp(v, "false") != 0)
			return err_set(e, ERR_REFUSED,
				"claude: %s sends model traffic past the gateway: unset it, " DIRECTLY,
				*name);
	}
	return 0;
}

/*
 * A proxy that stands in the settings only would be left out without a word: the gateway, which
 * goes to the provider, has the environment's.
 */
static int
check_settings(char *const *env, const json_t *theirs, struct err *e)
{
	const char *name = claude_mover_in(theirs, false);
	const char *there, *here;

	if (name != NULL)
		return err_set(e, ERR_REFUSED,
			"claude: %s in the env of your settings.json sends model traffic past "
			"the gateway: take it out, " DIRECTLY,
			name);
	name = claude_mover_in(theirs, true);
	if (name == NULL)
		return 0;
	there = json_text_of(theirs, name);
	here = plan_env_of(env, name);
	if (here != NULL && there != NULL && strcmp(here, there) == 0)
		return 0;
	return err_set(e, ERR_REFUSED,
		"claude: the proxy %s stands in the env of your settings.json, where the "
		"gateway cannot see it: export it in your shell instead, " DIRECTLY,
		name);
}

int
plan_claude_upstream(
	char *const *env, const char *settings, const struct policy *pol, struct err *e)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(settings), &none);
	const json_t *theirs = json_object_get(all, "env");
	const char *in_settings = json_text_of(theirs, "ANTHROPIC_BASE_URL");
	const char *url = plan_env_of(env, "ANTHROPIC_BASE_URL");
	CLEANUP(mem_freep) char *shown = NULL;

	if (pol_mode_of(pol, POL_CLAUDE) == POL_OFF)
		return 0;
	if (url == NULL || *url == '\0')
		url = in_settings;
	shown = plan_shown_url(url == NULL ? "" : url);
	if (*shown != '\0' && !same_upstream(url, pol))
		return err_set(e, ERR_REFUSED,
			"claude: ANTHROPIC_BASE_URL is %s, but the policy sends this traffic "
			"to %s: put the address in [proxy] anthropic_upstream of "
			"~/.pando/policy.toml",
			shown, pol_upstream(pol, POL_ANTHROPIC));
	if (check_switches(env, e) < 0)
		return -1;
	return check_settings(env, theirs, e);
}
